//! One period against another from summary statistics.

use serde::Serialize;

use crate::intervals::welch_from_moments;
use crate::measures::distributions::normal_critical;
use crate::measures::reason::{Invalid, Reason, Result};

/// A mean of one period, as it is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeriodMean {
    /// Number of values.
    pub n: u64,
    /// Their mean; 0 when n is 0.
    pub mean: f64,
    /// Their sample standard deviation; 0 when n < 2.
    pub sd: f64,
}

impl PeriodMean {
    /// Checks that the numbers belong together.
    ///
    /// Errors: no mean with n ≥ 1, no standard deviation with n ≥ 2, a negative one.
    pub fn new(n: u64, mean: Option<f64>, sd: Option<f64>) -> Result<PeriodMean> {
        match (n, mean, sd) {
            (_, _, Some(sd)) if sd < 0.0 => Err(Invalid::new("sd", "must not be negative")),
            (1.., None, _) => Err(Invalid::new("mean", "is required when n is not 0")),
            (2.., _, None) => Err(Invalid::new("sd", "is required when n is 2 or more")),
            _ => Ok(PeriodMean { n, mean: mean.unwrap_or(0.0), sd: sd.unwrap_or(0.0) }),
        }
    }
}

/// Change of a mean, now minus then; the relative change as a proportion.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// m1 - m0.
    pub diff: Option<f64>,
    /// m1/m0 - 1, only when m0 > 0.
    pub pct_change: Option<f64>,
    /// Welch's t.
    pub t: Option<f64>,
    /// Satterthwaite's degrees of freedom.
    pub df: Option<f64>,
    /// Two-sided p-value.
    pub p: Option<f64>,
    /// Lower end of the t interval of the difference.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// Lower end of the interval of the relative change, only when both means are positive.
    pub pct_low: Option<f64>,
    /// Upper end.
    pub pct_high: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Change of a mean from the previous period to the current one.
///
/// Formula: Welch's t and interval from n, mean and sd; relative change m1/m0 - 1 with interval
/// exp(ln(m1/m0) ± z√[s1²/(n1·m1²) + s0²/(n0·m0²)]) - 1.
///
/// Source: Welch (1947); the delta method for the logarithm of a ratio.
///
/// Edge cases: a missing or empty period: all `None`, `no_data`; n = 1: difference without
/// interval, `n_too_small`; both sd 0: `zero_variance`; m0 ≤ 0: relative change `None`,
/// `zero_denominator`.
pub fn change(
    current: Option<PeriodMean>,
    previous: Option<PeriodMean>,
    confidence: f64,
) -> Change {
    let both = current.zip(previous).filter(|(c, p)| c.n > 0 && p.n > 0);
    let found = both.and_then(|(c, p)| {
        welch_from_moments(c.n, c.mean, c.sd * c.sd, p.n, p.mean, p.sd * p.sd, confidence)
    });
    let interval = found.and_then(|d| d.interval);
    let (pct_change, (pct_low, pct_high)) = match both {
        Some((c, p)) => (relative(c, p), relative_interval(c, p, confidence)),
        None => (None, (None, None)),
    };
    Change {
        diff: found.map(|d| d.difference),
        pct_change,
        t: found.and_then(|d| d.t),
        df: found.and_then(|d| d.df),
        p: found.and_then(|d| d.p_value),
        ci_low: interval.map(|i| i.low),
        ci_high: interval.map(|i| i.high),
        pct_low,
        pct_high,
        reason: match found {
            None => Some(Reason::NoData),
            Some(d) if d.interval.is_none() => Some(Reason::NTooSmall),
            Some(d) if d.t.is_none() => Some(Reason::ZeroVariance),
            Some(_) if pct_change.is_none() || pct_low.is_none() => Some(Reason::ZeroDenominator),
            Some(_) => None,
        },
    }
}

fn relative(current: PeriodMean, previous: PeriodMean) -> Option<f64> {
    let change = current.mean / previous.mean - 1.0;
    (previous.mean > 0.0 && change.is_finite()).then_some(change)
}

fn relative_interval(
    current: PeriodMean,
    previous: PeriodMean,
    confidence: f64,
) -> (Option<f64>, Option<f64>) {
    let positive = current.mean > 0.0 && previous.mean > 0.0;
    if !positive || current.n < 2 || previous.n < 2 {
        return (None, None);
    }
    let error = |m: PeriodMean| m.sd / m.mean / (m.n as f64).sqrt();
    let half = normal_critical(confidence) * error(current).hypot(error(previous));
    let centre = (current.mean / previous.mean).ln();
    let end = |v: f64| Some(v.exp_m1()).filter(|v| v.is_finite());
    (end(centre - half), end(centre + half))
}
