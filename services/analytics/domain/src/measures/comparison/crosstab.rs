//! Cross-tables of two characteristics.

use serde::Serialize;

use crate::measures::distributions::chi_square_upper;
use crate::measures::reason::{Invalid, Reason, Result};

/// Tables within this relative distance of the observed one count as equally probable.
const FISHER_SLACK: f64 = 1e-7;
/// Chances below this part of the largest one are nothing. Well above the smallest double, at
/// which repeated multiplication would stand still.
const NEGLIGIBLE: f64 = 1e-300;

/// Test of a cross-table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CrossTable {
    /// Sum of the table.
    pub n: f64,
    /// Pearson's χ² without continuity correction.
    pub chi2: Option<f64>,
    /// (rows - 1)(columns - 1), without empty ones.
    pub df: Option<usize>,
    /// p-value of χ².
    pub p: Option<f64>,
    /// Strength of the connection, in \[0, 1\].
    pub cramers_v: Option<f64>,
    /// Smallest expected count; below 5 the exact test is the one to show.
    pub min_expected: Option<f64>,
    /// Fisher's exact two-sided p-value; only for 2×2 tables of whole numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fisher_p: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// χ² test, Cramér's V and, for 2×2 tables, Fisher's exact test.
///
/// Formula: χ² = Σ(O - E)²/E; V = √(χ²/(N(min(r,c) - 1))); Fisher: sum of the tables with the
/// same margins that are not more probable than the observed one. Empty rows and columns are
/// removed first.
///
/// Source: Pearson (1900); Cramér (1946); Fisher (1934).
///
/// Edge cases: fewer than two rows or columns left: `degenerate_table`.
///
/// Errors: a negative count; rows of different length.
pub fn cross_table(table: &[Vec<f64>]) -> Result<CrossTable> {
    let width = table.first().map_or(0, Vec::len);
    for (i, row) in table.iter().enumerate() {
        if row.len() != width {
            return Err(Invalid::new(format!("table[{i}]"), format!("must have {width} entries")));
        }
        if let Some(j) = row.iter().position(|count| *count < 0.0) {
            return Err(Invalid::new(format!("table[{i}][{j}]"), "must not be negative"));
        }
    }
    let column_sum = |j: usize| table.iter().map(|row| row[j]).sum::<f64>();
    let kept: Vec<usize> = (0..width).filter(|j| column_sum(*j) > 0.0).collect();
    let rows: Vec<Vec<f64>> = table
        .iter()
        .filter(|row| row.iter().any(|count| *count > 0.0))
        .map(|row| kept.iter().map(|j| row[*j]).collect())
        .collect();
    let row_sums: Vec<f64> = rows.iter().map(|row| row.iter().sum()).collect();
    let column_sums: Vec<f64> = kept.iter().map(|j| column_sum(*j)).collect();
    let n: f64 = row_sums.iter().sum();
    let smaller = rows.len().min(kept.len());
    if smaller < 2 {
        return Ok(CrossTable {
            n,
            chi2: None,
            df: None,
            p: None,
            cramers_v: None,
            min_expected: None,
            fisher_p: None,
            reason: Some(Reason::DegenerateTable),
        });
    }
    let (chi2, min_expected) = pearson(&rows, &row_sums, &column_sums, n);
    let df = (rows.len() - 1) * (kept.len() - 1);
    let whole = rows.iter().flatten().all(|v| v.fract() == 0.0) && n <= 1e12;
    Ok(CrossTable {
        n,
        chi2: Some(chi2),
        df: Some(df),
        p: Some(chi_square_upper(chi2, df as f64)),
        cramers_v: Some((chi2 / n / (smaller as f64 - 1.0)).sqrt().min(1.0)),
        min_expected: Some(min_expected),
        fisher_p: (rows.len() == 2 && kept.len() == 2 && whole)
            .then(|| fisher(rows[0][0], row_sums[0], column_sums[0], n)),
        reason: None,
    })
}

/// χ² and the smallest expected count.
fn pearson(rows: &[Vec<f64>], row_sums: &[f64], column_sums: &[f64], n: f64) -> (f64, f64) {
    let (mut chi2, mut min_expected) = (0.0, f64::INFINITY);
    for (row, row_sum) in rows.iter().zip(row_sums) {
        for (observed, column_sum) in row.iter().zip(column_sums) {
            let expected = row_sum / n * column_sum;
            min_expected = min_expected.min(expected);
            // Squared last, so that a tiny expectation cannot leave the range of a double.
            let distance = (observed - expected) / expected.sqrt();
            chi2 += distance * distance;
        }
    }
    (chi2, min_expected)
}

/// Two-sided Fisher test of a 2×2 table with first cell `x`, first row `row`, first column
/// `column` and sum `n`, all whole.
fn fisher(x: f64, row: f64, column: f64, n: f64) -> f64 {
    let (low, high) = ((row + column - n).max(0.0), row.min(column));
    let mode = ((row + 1.0) * (column + 1.0) / (n + 2.0)).floor().clamp(low, high);
    // P(k + 1)/P(k) of the hypergeometric distribution.
    let ratio = |k: f64| (row - k) * (column - k) / ((k + 1.0) * (n - row - column + k + 1.0));
    // Chances relative to the mode, upwards and downwards, until they vanish.
    let upward = || {
        let steps = std::iter::successors(Some((mode, 1.0)), |&(k, chance)| {
            (k < high).then(|| (k + 1.0, chance * ratio(k)))
        });
        steps.take_while(|(_, chance)| *chance > NEGLIGIBLE)
    };
    let downward = || {
        let steps = std::iter::successors(Some((mode, 1.0)), |&(k, chance)| {
            (k > low).then(|| (k - 1.0, chance / ratio(k - 1.0)))
        });
        steps.take_while(|(_, chance)| *chance > NEGLIGIBLE)
    };
    let chances = || upward().chain(downward().skip(1));
    let observed = chances().find(|(k, _)| *k == x).map_or(0.0, |(_, chance)| chance);
    let limit = observed * (1.0 + FISHER_SLACK);
    let (mut all, mut extreme) = (0.0, 0.0);
    for (_, chance) in chances() {
        all += chance;
        extreme += if chance <= limit { chance } else { 0.0 };
    }
    (extreme / all).min(1.0)
}
