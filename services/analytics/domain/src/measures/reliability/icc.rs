//! Intraclass correlations.

use serde::Serialize;

use crate::measures::distributions::{f_quantile, f_upper};
use crate::measures::reason::{Invalid, Reason, Result};

const RATERS_MAX: usize = 1000;
/// Deviations below this part of the largest rating are rounding errors.
const ROUNDING_MAX: f64 = 16.0 * f64::EPSILON;

/// A lower and an upper end.
type Ends = Option<[f64; 2]>;

/// Intraclass correlations of ratings. 1: every subject has raters of its own; 2: the same
/// raters, absolute agreement; 3: the same raters, consistency. With `k`: of the mean of all
/// raters. Use `icc2` for test-retest.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Icc {
    /// Subjects with all ratings.
    pub n: usize,
    /// Raters or occasions.
    pub k: usize,
    /// Mean square between subjects.
    pub ms_rows: Option<f64>,
    /// Mean square between raters.
    pub ms_cols: Option<f64>,
    /// Mean square of what neither explains.
    pub ms_error: Option<f64>,
    /// Mean square within subjects.
    pub ms_within: Option<f64>,
    /// One rater, raters differ between subjects.
    pub icc1: Option<f64>,
    /// One rater, absolute agreement.
    pub icc2: Option<f64>,
    /// One rater, consistency.
    pub icc3: Option<f64>,
    /// Mean of k raters, raters differ between subjects.
    pub icc1k: Option<f64>,
    /// Mean of k raters, absolute agreement.
    pub icc2k: Option<f64>,
    /// Mean of k raters, consistency.
    pub icc3k: Option<f64>,
    /// F test of `icc1`.
    pub f1: Option<f64>,
    /// Its first degrees of freedom.
    pub f1_df1: Option<usize>,
    /// Its second.
    pub f1_df2: Option<usize>,
    /// Its p-value.
    pub p1: Option<f64>,
    /// F test of `icc2` and `icc3`.
    pub f3: Option<f64>,
    /// Its first degrees of freedom.
    pub f3_df1: Option<usize>,
    /// Its second.
    pub f3_df2: Option<usize>,
    /// Its p-value.
    pub p3: Option<f64>,
    /// Interval of `icc1`.
    pub icc1_ci: Ends,
    /// Interval of `icc2`.
    pub icc2_ci: Ends,
    /// Interval of `icc3`.
    pub icc3_ci: Ends,
    /// Interval of `icc1k`.
    pub icc1k_ci: Ends,
    /// Interval of `icc2k`.
    pub icc2k_ci: Ends,
    /// Interval of `icc3k`.
    pub icc3k_ci: Ends,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Intraclass correlations; rows are subjects, columns raters or occasions, rows with a missing
/// rating are left out.
///
/// Formula: mean squares of the two-way analysis of variance; icc1 = (MSR-MSW)/(MSR+(k-1)MSW),
/// icc2 = (MSR-MSE)/(MSR+(k-1)MSE+k(MSC-MSE)/n), icc3 = (MSR-MSE)/(MSR+(k-1)MSE); of means
/// (MSR-MSW)/MSR, (MSR-MSE)/(MSR+(MSC-MSE)/n), (MSR-MSE)/MSR; F₁ = MSR/MSW, F₃ = MSR/MSE.
/// Intervals from F, that of icc2 with Satterthwaite's degrees of freedom.
///
/// Source: Shrout & Fleiss (1979); McGraw & Wong (1996).
///
/// Edge cases: fewer than two raters: `too_few_items`; fewer than two subjects: `n_too_small`;
/// all ratings equal: `zero_variance`; nothing left within subjects (or between them): tests and
/// intervals (or the coefficients of means) that divide by it are missing with `zero_variance`.
///
/// Errors: rows of different length; more than 1000 raters.
pub fn icc(ratings: &[Vec<Option<f64>>], confidence: f64) -> Result<Icc> {
    let k = ratings.first().map_or(0, Vec::len);
    if k > RATERS_MAX {
        return Err(Invalid::new("ratings", "must have at most 1000 columns"));
    }
    if let Some(i) = ratings.iter().position(|row| row.len() != k) {
        return Err(Invalid::new(format!("ratings[{i}]"), format!("must have {k} entries")));
    }
    let rows: Vec<Vec<f64>> =
        ratings.iter().filter_map(|row| row.iter().copied().collect()).collect();
    let n = if k == 0 { 0 } else { rows.len() };
    let mut result = Icc { n, k, ..Icc::default() };
    if k < 2 {
        result.reason = Some(Reason::TooFewItems);
    } else if n < 2 {
        result.reason = Some(Reason::NTooSmall);
    } else {
        let squares = Squares::of(&rows);
        squares.fill(&mut result);
        if squares.rows == 0.0 && squares.within == 0.0 {
            result.reason = Some(Reason::ZeroVariance);
        } else {
            squares.coefficients(&mut result);
            squares.test(&mut result, confidence);
            result.reason = squares.reason(&result);
        }
    }
    Ok(result)
}

/// Mean squares of the two-way analysis of variance.
struct Squares {
    n: f64,
    k: f64,
    rows: f64,
    columns: f64,
    error: f64,
    within: f64,
}

impl Squares {
    fn of(ratings: &[Vec<f64>]) -> Squares {
        let (n, k) = (ratings.len() as f64, ratings[0].len() as f64);
        let all = || ratings.iter().flatten();
        let negligible = ROUNDING_MAX * all().fold(0.0, |max: f64, v| max.max(v.abs()));
        let rough = all().sum::<f64>() / (n * k);
        let grand = rough + all().map(|v| v - rough).sum::<f64>() / (n * k);
        let (mut row_squares, mut within, mut error) = (0.0, 0.0, 0.0);
        let mut columns = vec![0.0; ratings[0].len()];
        for row in ratings {
            row.iter().zip(&mut columns).for_each(|(v, sum)| *sum += (v - grand) / n);
        }
        for row in ratings {
            let mean = row.iter().map(|v| v - grand).sum::<f64>() / k;
            row_squares += mean * mean;
            for (v, column) in row.iter().zip(&columns) {
                let own = v - grand - mean;
                within += own * own;
                error += (own - column) * (own - column);
            }
        }
        let column_squares: f64 = columns.iter().map(|mean| mean * mean).sum();
        // A mean of squared deviations that rounding alone explains is 0.
        let mean_square = |sum: f64, terms: f64, df: f64| {
            if sum <= terms * negligible * negligible { 0.0 } else { sum / df }
        };
        Squares {
            n,
            k,
            rows: k * mean_square(row_squares, n, n - 1.0),
            columns: n * mean_square(column_squares, k, k - 1.0),
            error: mean_square(error, n * k, (n - 1.0) * (k - 1.0)),
            within: mean_square(within, n * k, n * (k - 1.0)),
        }
    }

    fn fill(&self, result: &mut Icc) {
        result.ms_rows = Some(self.rows);
        result.ms_cols = Some(self.columns);
        result.ms_error = Some(self.error);
        result.ms_within = Some(self.within);
        result.f1_df1 = Some(result.n - 1);
        result.f1_df2 = Some(result.n * (result.k - 1));
        result.f3_df1 = Some(result.n - 1);
        result.f3_df2 = Some((result.n - 1) * (result.k - 1));
    }

    fn coefficients(&self, result: &mut Icc) {
        let &Squares { n, k, rows, columns, error, within } = self;
        result.icc1 = ratio(rows - within, rows + (k - 1.0) * within);
        result.icc2 = ratio(rows - error, rows + (k - 1.0) * error + k * (columns - error) / n);
        result.icc3 = ratio(rows - error, rows + (k - 1.0) * error);
        result.icc1k = ratio(rows - within, rows);
        result.icc2k = ratio(rows - error, rows + (columns - error) / n);
        result.icc3k = ratio(rows - error, rows);
    }

    fn test(&self, result: &mut Icc, confidence: f64) {
        let &Squares { n, k, rows, error, within, .. } = self;
        let (df1, tail) = (n - 1.0, (1.0 - confidence) / 2.0);
        let ends = |f: f64, df2: f64| {
            // The upper quantile of F is the inverse of the lower one with exchanged degrees.
            [f * f_quantile(tail, df2, df1), f / f_quantile(tail, df1, df2)]
        };
        let single = |f: f64| (f - 1.0) / (f + k - 1.0);
        let mean = |f: f64| (f > 0.0).then(|| 1.0 - 1.0 / f);
        let means = |[low, high]: [f64; 2]| Some([mean(low)?, mean(high)?]);
        if let Some(f) = ratio(rows, within) {
            let ends = ends(f, n * (k - 1.0));
            result.f1 = Some(f);
            result.p1 = Some(f_upper(f, df1, n * (k - 1.0)));
            result.icc1_ci = finite(ends.map(single));
            result.icc1k_ci = means(ends).and_then(finite);
        }
        if let Some(f) = ratio(rows, error) {
            let ends = ends(f, df1 * (k - 1.0));
            result.f3 = Some(f);
            result.p3 = Some(f_upper(f, df1, df1 * (k - 1.0)));
            result.icc3_ci = finite(ends.map(single));
            result.icc3k_ci = means(ends).and_then(finite);
            result.icc2_ci = result.icc2.and_then(|icc2| self.agreement(icc2, tail));
            let mean = |end: f64| end * k / (1.0 + end * (k - 1.0));
            result.icc2k_ci = result.icc2_ci.and_then(|ends| finite(ends.map(mean)));
        }
    }

    /// McGraw & Wong's interval of icc2.
    fn agreement(&self, icc2: f64, tail: f64) -> Ends {
        let &Squares { n, k, rows, columns, error, .. } = self;
        let f = columns / error;
        let spread = n * (1.0 + (k - 1.0) * icc2) - k * icc2;
        let top = (k - 1.0) * (n - 1.0) * (k * icc2 * f + spread).powi(2);
        let df = top / ((n - 1.0) * (k * icc2 * f).powi(2) + spread * spread);
        if !(df.is_finite() && df > 0.0) {
            return None;
        }
        let upper = 1.0 / f_quantile(tail, df, n - 1.0);
        let lower = 1.0 / f_quantile(tail, n - 1.0, df);
        let between = k * columns + (k * n - k - n) * error;
        finite([
            n * (rows - upper * error) / (upper * between + n * rows),
            n * (lower * rows - error) / (between + n * lower * rows),
        ])
    }

    fn reason(&self, result: &Icc) -> Option<Reason> {
        let numbers =
            [result.icc1, result.icc2, result.icc3, result.icc1k, result.icc2k, result.icc3k];
        let tests = [result.f1, result.f3];
        let intervals = [
            result.icc1_ci,
            result.icc2_ci,
            result.icc3_ci,
            result.icc1k_ci,
            result.icc2k_ci,
            result.icc3k_ci,
        ];
        let missing = numbers.iter().chain(&tests).any(Option::is_none);
        let nothing = self.rows == 0.0 || self.error == 0.0 || self.within == 0.0;
        let reason = if nothing { Reason::ZeroVariance } else { Reason::ZeroDenominator };
        (missing || intervals.iter().any(Option::is_none)).then_some(reason)
    }
}

/// `None` when nothing is left to divide by.
fn ratio(top: f64, below: f64) -> Option<f64> {
    let value = top / below;
    (below > 0.0 && value.is_finite()).then_some(value)
}

fn finite(ends: [f64; 2]) -> Ends {
    ends.iter().all(|end| end.is_finite()).then_some(ends)
}
