//! Chart of the means of units of different size: a funnel when drawn against n.

use serde::Serialize;

use super::limits::{check_sigma, outside};
use crate::measures::change::period::PeriodMean;
use crate::measures::reason::{Reason, Result};

/// Means of units against what chance explains, in the unit of the scores.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Xbar {
    /// Mean over all units, weighted by n.
    pub center: Option<f64>,
    /// Standard deviation within units.
    pub sigma: Option<f64>,
    /// Upper limit of each unit; `None` for a unit without values.
    pub ucl: Vec<Option<f64>>,
    /// Lower limit.
    pub lcl: Vec<Option<f64>>,
    /// Positions of units strictly outside, from 0.
    pub out: Vec<usize>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Chart of the means of units, with limits at `width` standard errors (3 is usual).
///
/// Formula: centre = Σn·mean/Σn, sigma = √(Σ(n-1)s²/Σ(n-1)), limits centre ± width·sigma/√n_i.
///
/// Source: Shewhart (1931); Spiegelhalter (2005) for the funnel.
///
/// Edge cases: a unit without values has no limits, `no_data`; no unit with two values: no
/// limits, `n_too_small`; no values at all: `no_data`.
///
/// Errors: `width` not above 0 or above 100.
pub fn xbar(groups: &[PeriodMean], width: f64) -> Result<Xbar> {
    check_sigma(width)?;
    let none = vec![None; groups.len()];
    let n: f64 = groups.iter().map(|group| group.n as f64).sum();
    let Some(first) = groups.iter().find(|group| group.n > 0) else {
        let (ucl, lcl, reason) = (none.clone(), none, Some(Reason::NoData));
        return Ok(Xbar { center: None, sigma: None, ucl, lcl, out: Vec::new(), reason });
    };
    // Relative to the first mean, equal means give exactly themselves.
    let used = groups.iter().filter(|group| group.n > 0);
    let shift = used.map(|group| group.n as f64 / n * (group.mean - first.mean)).sum::<f64>();
    let center = first.mean + shift;
    let Some(variance) = within(groups) else {
        let (ucl, lcl, reason) = (none.clone(), none, Some(Reason::NTooSmall));
        return Ok(Xbar { center: Some(center), sigma: None, ucl, lcl, out: Vec::new(), reason });
    };
    let sigma = variance.sqrt();
    let at = |factor: f64| -> Vec<Option<f64>> {
        let limit = |n: u64| center + factor * sigma / (n as f64).sqrt();
        groups.iter().map(|group| (group.n > 0).then(|| limit(group.n))).collect()
    };
    let (ucl, lcl) = (at(width), at(-width));
    let means: Vec<_> = groups.iter().map(|g| (g.n > 0).then_some(g.mean)).collect();
    let out = outside(&means, &lcl, &ucl);
    let reason = means.contains(&None).then_some(Reason::NoData);
    Ok(Xbar { center: Some(center), sigma: Some(sigma), ucl, lcl, out, reason })
}

/// Pooled variance Σ(n-1)s²/Σ(n-1) within units; `None` when no unit has two values.
pub fn within(groups: &[PeriodMean]) -> Option<f64> {
    let df: f64 = groups.iter().map(|group| group.n.saturating_sub(1) as f64).sum();
    let squares =
        groups.iter().map(|group| group.n.saturating_sub(1) as f64 / df * group.sd.powi(2));
    (df > 0.0).then(|| squares.sum())
}
