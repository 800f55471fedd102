//! Test-retest: the same people asked twice.

use serde::Serialize;

use crate::measures::covariance::Covariances;
use crate::measures::distributions::{student_critical, student_two_sided};
use crate::measures::reason::{Invalid, Reason, Result};
use crate::measures::sample::{Moments, largest};

/// Comparison of two occasions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Retest {
    /// People with both answers.
    pub n: usize,
    /// Mean of second - first.
    pub mean_diff: Option<f64>,
    /// Standard deviation of second - first.
    pub sd_diff: Option<f64>,
    /// Degrees of freedom, n - 1.
    pub df: usize,
    /// Pearson's correlation of the occasions.
    pub r: Option<f64>,
    /// Paired t.
    pub t: Option<f64>,
    /// Two-sided p-value.
    pub p: Option<f64>,
    /// Lower end of the interval of the mean difference.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// p ≤ alpha, or any shift at all when every difference is the same.
    pub significant: Option<bool>,
    /// Not significant. Show it beside `r` and ICC(2,1): a shift that is not significant does
    /// not by itself make a questionnaire reliable.
    pub reliable: Option<bool>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Paired t test of two occasions; pairs with a missing answer are left out.
///
/// Formula: d = second - first, t = mean(d)/(sd(d)/√n) with n - 1 degrees of freedom.
///
/// Source: Student (1908).
///
/// Edge cases: no pair: `no_data`; one pair: `n_too_small`; all differences equal:
/// `zero_variance`, t and p missing; a constant occasion: `zero_variance`, r missing.
///
/// Errors: lists of different length; `alpha` outside (0, 1).
pub fn test_retest(
    first: &[Option<f64>],
    second: &[Option<f64>],
    alpha: f64,
    confidence: f64,
) -> Result<Retest> {
    if second.len() != first.len() {
        let problem = format!("must have {} entries, as first has", first.len());
        return Err(Invalid::new("second", problem));
    }
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(Invalid::new("alpha", "must lie between 0 and 1, both excluded"));
    }
    let pairs: Vec<(f64, f64)> =
        first.iter().zip(second).filter_map(|(a, b)| Some(((*a)?, (*b)?))).collect();
    let differences: Vec<f64> = pairs.iter().map(|(a, b)| b - a).collect();
    let scale = pairs.iter().fold(0.0, |scale: f64, (a, b)| scale.max(largest(&[*a, *b])));
    let d = Moments::with_scale(&differences, scale);
    let n = d.n;
    let mut result = Retest {
        n,
        mean_diff: (n > 0).then_some(d.mean),
        sd_diff: (n > 1).then(|| d.sd()),
        df: n.saturating_sub(1),
        r: None,
        t: None,
        p: None,
        ci_low: None,
        ci_high: None,
        significant: None,
        reliable: None,
        reason: match n {
            0 => Some(Reason::NoData),
            1 => Some(Reason::NTooSmall),
            _ => None,
        },
    };
    if n > 1 {
        judge(&mut result, &d, alpha, confidence);
        let c = Covariances::of_columns(&[first, second]);
        result.r = (!c.has_constant()).then(|| c.correlation(0, 1));
        if result.r.is_none() || result.t.is_none() {
            result.reason = Some(Reason::ZeroVariance);
        }
    }
    Ok(result)
}

fn judge(result: &mut Retest, d: &Moments, alpha: f64, confidence: f64) {
    let df = d.n as f64 - 1.0;
    let margin = if d.variance == 0.0 { 0.0 } else { student_critical(confidence, df) * d.se() };
    result.ci_low = Some(d.mean - margin);
    result.ci_high = Some(d.mean + margin);
    let significant = if d.variance == 0.0 {
        d.mean != 0.0
    } else {
        let t = d.mean / d.se();
        let p = student_two_sided(t, df);
        (result.t, result.p) = (Some(t), Some(p));
        p <= alpha
    };
    result.significant = Some(significant);
    result.reliable = Some(!significant);
}
