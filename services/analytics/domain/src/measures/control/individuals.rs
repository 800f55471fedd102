//! Chart of single values and of their moving range.

use serde::Serialize;

use super::limits::{SIGMA, baseline, d2, d3, is_outside};
use crate::measures::reason::{Reason, Result};
use crate::measures::sample::{Moments, present};

/// Single values, in their own unit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Xmr {
    /// Mean of the baseline.
    pub center: Option<f64>,
    /// Standard deviation from the mean moving range.
    pub sigma: Option<f64>,
    /// Upper limit of the values.
    pub ucl: Option<f64>,
    /// Lower limit.
    pub lcl: Option<f64>,
    /// Mean moving range of the baseline.
    pub mr_center: Option<f64>,
    /// Upper limit of the moving range.
    pub mr_ucl: Option<f64>,
    /// Positions of values strictly outside, from 0.
    pub out: Vec<usize>,
    /// Positions of values whose distance from the value before is above its limit.
    pub mr_out: Vec<usize>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Chart of single values, one per period. `first` points are the baseline, all when `None`.
///
/// Formula: centre = mean, MR̄ = mean |x_i - x_(i-1)| of the baseline, sigma = MR̄/d2, limits
/// centre ± 3·sigma, limit of the moving range MR̄·(1 + 3·d3/d2); d2 = 2/√π, d3 = √(2 - 4/π).
///
/// Source: Shewhart (1931); Montgomery.
///
/// Edge cases: fewer than two values in the baseline: `n_too_small`; a missing value is passed
/// over, so that the range goes from the value before it to the one after.
///
/// Errors: a baseline beyond the points.
pub fn xmr(values: &[Option<f64>], first: Option<u64>) -> Result<Xmr> {
    let first = baseline(first, values.len())?;
    let mut result = Xmr {
        center: None,
        sigma: None,
        ucl: None,
        lcl: None,
        mr_center: None,
        mr_ucl: None,
        out: Vec::new(),
        mr_out: Vec::new(),
        reason: None,
    };
    let base = present(&values[..first]);
    if base.len() < 2 {
        result.reason = Some(Reason::NTooSmall);
        return Ok(result);
    }
    let center = Moments::of(&base).mean;
    let steps: f64 = base.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
    let mr_center = steps / (base.len() - 1) as f64;
    let sigma = mr_center / d2();
    let (low, high) = (center - SIGMA * sigma, center + SIGMA * sigma);
    let mr_ucl = mr_center * (1.0 + SIGMA * d3() / d2());
    let mut before = None;
    for (i, value) in values.iter().enumerate() {
        let Some(value) = *value else { continue };
        if is_outside(value, low, high) {
            result.out.push(i);
        }
        if before.is_some_and(|before: f64| is_outside((value - before).abs(), 0.0, mr_ucl)) {
            result.mr_out.push(i);
        }
        before = Some(value);
    }
    Ok(Xmr {
        center: Some(center),
        sigma: Some(sigma),
        ucl: Some(high),
        lcl: Some(low),
        mr_center: Some(mr_center),
        mr_ucl: Some(mr_ucl),
        ..result
    })
}
