//! Linear trend of a series.

use serde::Serialize;

use crate::intervals::Interval;
use crate::measures::distributions::{student_critical, student_two_sided};
use crate::measures::reason::Reason;
use crate::measures::sample::{Moments, largest};

/// A straight line through a series, per step of the series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trend {
    /// Points used.
    pub n: usize,
    /// Change per step.
    pub slope: Option<f64>,
    /// Level at position 0.
    pub intercept: Option<f64>,
    /// Standard error of the slope.
    pub se: Option<f64>,
    /// slope/se.
    pub t: Option<f64>,
    /// Two-sided p-value.
    pub p: Option<f64>,
    /// Lower end of the t interval of the slope.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// Share of the variance that the line explains, in \[0, 1\].
    pub r2: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Least-squares line on the positions 0, 1, 2, … of the values that are not missing.
///
/// Formula: slope Sxy/Sxx, se √(SSE/(n-2)/Sxx), t(n-2) interval, r² = 1 - SSE/SST.
///
/// Source: ordinary least squares.
///
/// Edge cases: fewer than three points: `n_too_small`; all points on the line: se 0, interval on
/// the slope, t and p `None`, `zero_variance`, r² 1 (`None` for a constant).
pub fn trend(values: &[Option<f64>], confidence: f64) -> Trend {
    let points = values.iter().enumerate().filter_map(|(i, v)| Some((i as f64, (*v)?)));
    let (x, y): (Vec<f64>, Vec<f64>) = points.unzip();
    let n = y.len();
    let mut result = Trend {
        n,
        slope: None,
        intercept: None,
        se: None,
        t: None,
        p: None,
        ci_low: None,
        ci_high: None,
        r2: None,
        reason: None,
    };
    if n < 3 {
        result.reason = Some(Reason::NTooSmall);
        return result;
    }
    let (mx, my) = (Moments::of(&x), Moments::of(&y));
    let df = n as f64 - 2.0;
    let sxx = mx.variance * (n as f64 - 1.0);
    let products = x.iter().zip(&y).map(|(x, y)| (x - mx.mean) * (y - my.mean));
    let constant = my.variance == 0.0;
    let slope = if constant { 0.0 } else { products.sum::<f64>() / sxx };
    let residuals: Vec<f64> =
        x.iter().zip(&y).map(|(x, y)| y - my.mean - slope * (x - mx.mean)).collect();
    let errors: f64 = residuals.iter().map(|r| r * r).sum();
    // Residuals of the size of rounding are none.
    let exact = constant || largest(&residuals) <= 32.0 * f64::EPSILON * largest(&y);
    let se = if exact { 0.0 } else { (errors / df / sxx).sqrt() };
    let interval = Interval::around(slope, student_critical(confidence, df) * se);
    let t = (!exact).then(|| slope / se);
    Trend {
        slope: Some(slope),
        intercept: Some(my.mean - slope * mx.mean),
        se: Some(se),
        t,
        p: t.map(|t| student_two_sided(t, df)),
        ci_low: Some(interval.low),
        ci_high: Some(interval.high),
        r2: match (constant, exact) {
            (true, _) => None,
            (false, true) => Some(1.0),
            (false, false) => {
                Some((1.0 - errors / (my.variance * (n as f64 - 1.0))).clamp(0.0, 1.0))
            }
        },
        reason: exact.then_some(Reason::ZeroVariance),
        ..result
    }
}
