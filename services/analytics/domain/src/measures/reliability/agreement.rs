//! Agreement of people who code the same comments.

use serde::Serialize;

use crate::measures::reason::{Invalid, Reason, Result};

const CATEGORIES_MAX: usize = 2000;
const RATERS_MAX: usize = 1000;

/// What the codes mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Names: two codes agree or not.
    Nominal,
    /// An order.
    Ordinal,
    /// Numbers with distances.
    Interval,
}

/// Agreement of any number of coders.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Krippendorff {
    /// Alpha: 1 perfect, 0 as by chance; may be negative.
    pub alpha: Option<f64>,
    /// Units with at least two codes.
    pub n_units: usize,
    /// Codes of those units.
    pub n_pairable: usize,
    /// Why alpha is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Krippendorff's alpha; rows are coders, columns units, missing codes are left out.
///
/// Formula: α = 1 - D_o/D_e; D_o is the mean distance within units with at least two codes, a
/// unit of m codes counting its pairs with 1/(m-1), D_e that of all pairs of codes. Distance:
/// nominal 0 or 1; interval (c - k)²; ordinal (Σ n_g from c to k - (n_c + n_k)/2)².
///
/// Source: Krippendorff (2011).
///
/// Edge cases: no unit with two codes: `no_data`; one category only: `zero_variance`.
///
/// Errors: rows of different length; more than 1000 coders or 2000 different codes.
pub fn krippendorff(ratings: &[Vec<Option<f64>>], level: Level) -> Result<Krippendorff> {
    let width = ratings.first().map_or(0, Vec::len);
    if ratings.len() > RATERS_MAX {
        return Err(Invalid::new("ratings", "must have at most 1000 rows"));
    }
    if let Some(i) = ratings.iter().position(|row| row.len() != width) {
        return Err(Invalid::new(format!("ratings[{i}]"), format!("must have {width} entries")));
    }
    let unit = |j: usize| ratings.iter().filter_map(|row| row[j]).collect::<Vec<f64>>();
    let units: Vec<Vec<f64>> = (0..width).map(unit).filter(|codes| codes.len() >= 2).collect();
    let mut categories: Vec<f64> = units.iter().flatten().copied().collect();
    let n_pairable = categories.len();
    categories.sort_by(f64::total_cmp);
    categories.dedup();
    if categories.len() > CATEGORIES_MAX {
        return Err(Invalid::new("ratings", "must have at most 2000 different codes"));
    }
    let reason = match categories.len() {
        0 => Some(Reason::NoData),
        1 => Some(Reason::ZeroVariance),
        _ => None,
    };
    let alpha = reason.is_none().then(|| alpha(&units, &categories, n_pairable as f64, level));
    Ok(Krippendorff { alpha, n_units: units.len(), n_pairable, reason })
}

fn alpha(units: &[Vec<f64>], categories: &[f64], n: f64, level: Level) -> f64 {
    let position = |code: f64| categories.partition_point(|category| *category < code);
    let mut totals = vec![0.0; categories.len()];
    units.iter().flatten().for_each(|&code| totals[position(code)] += 1.0);
    // Codes of a category and all before it, the own ones counting half.
    let middles: Vec<f64> = totals
        .iter()
        .scan(0.0, |before, total| {
            *before += total;
            Some(*before - total / 2.0)
        })
        .collect();
    let spread = categories[categories.len() - 1] - categories[0];
    let distance = |c: usize, k: usize| match level {
        _ if c == k => 0.0,
        Level::Nominal => 1.0,
        Level::Ordinal => ((middles[c] - middles[k]) / n).powi(2),
        Level::Interval => ((categories[c] - categories[k]) / spread).powi(2),
    };
    let mut observed = 0.0;
    for unit in units {
        let mut counts: Vec<(usize, f64)> = Vec::new();
        for &code in unit {
            let c = position(code);
            match counts.iter_mut().find(|(category, _)| *category == c) {
                Some((_, count)) => *count += 1.0,
                None => counts.push((c, 1.0)),
            }
        }
        let pairs = counts.iter().enumerate();
        let pairs = pairs.flat_map(|(i, a)| counts[..i].iter().map(move |b| (a, b)));
        let sum: f64 = pairs.map(|((c, m), (k, l))| 2.0 * m * l * distance(*c, *k)).sum();
        observed += sum / (unit.len() as f64 - 1.0);
    }
    let pairs = (0..totals.len()).flat_map(|c| (0..c).map(move |k| (c, k)));
    let expected: f64 = pairs.map(|(c, k)| 2.0 * totals[c] * totals[k] * distance(c, k)).sum();
    1.0 - (n - 1.0) * observed / expected
}

/// Agreement of two coders.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kappa {
    /// Units.
    pub n: f64,
    /// Kappa: 1 perfect, 0 as by chance; may be negative.
    pub kappa: Option<f64>,
    /// Share of units coded alike.
    pub po: Option<f64>,
    /// The share that chance would give.
    pub pe: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Cohen's kappa from the table of two coders: row and column of a unit are its two codes.
///
/// Formula: (p_o - p_e)/(1 - p_e).
///
/// Source: Cohen (1960).
///
/// Edge cases: an empty table: `no_data`; p_e = 1: `zero_denominator`.
///
/// Errors: a table that is not square; a negative count; more than 2000 categories.
pub fn cohen_kappa(table: &[Vec<f64>]) -> Result<Kappa> {
    let k = table.len();
    if k > CATEGORIES_MAX {
        return Err(Invalid::new("table", "must have at most 2000 rows"));
    }
    for (i, row) in table.iter().enumerate() {
        if row.len() != k {
            let problem = format!("must have {k} entries, as many as there are rows");
            return Err(Invalid::new(format!("table[{i}]"), problem));
        }
        if let Some(j) = row.iter().position(|count| *count < 0.0) {
            return Err(Invalid::new(format!("table[{i}][{j}]"), "must not be negative"));
        }
    }
    let n: f64 = table.iter().flatten().sum();
    if n == 0.0 {
        return Ok(Kappa { n, kappa: None, po: None, pe: None, reason: Some(Reason::NoData) });
    }
    let po = (0..k).map(|i| table[i][i] / n).sum::<f64>().min(1.0);
    let row = |i: usize| table[i].iter().sum::<f64>() / n;
    let column = |j: usize| table.iter().map(|row| row[j] / n).sum::<f64>();
    let pe = (0..k).map(|i| row(i) * column(i)).sum::<f64>().min(1.0);
    let kappa = (1.0 - pe > 1e-12).then(|| (po - pe) / (1.0 - pe));
    let reason = kappa.is_none().then_some(Reason::ZeroDenominator);
    Ok(Kappa { n, kappa, po: Some(po), pe: Some(pe), reason })
}
