//! Charts of counts: shares (p) and events per exposure (u).

use serde::Serialize;

use super::limits::{Limits, d2, outside};
use crate::measures::bounds::is_amount;
use crate::measures::reason::{Invalid, Reason, Result};

/// A share per period, in \[0, 1\].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PChart {
    /// Share of the baseline as a whole.
    pub center: Option<f64>,
    /// Share of each period; `None` for a period without answers.
    pub p: Vec<Option<f64>>,
    /// Upper limit of each period.
    pub ucl: Vec<Option<f64>>,
    /// Lower limit.
    pub lcl: Vec<Option<f64>>,
    /// Positions strictly outside, from 0.
    pub out: Vec<usize>,
    /// Laney's limits, on request.
    #[serde(flatten)]
    pub laney: Option<Laney>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Limits that allow for shares which vary more, or less, than chance alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Laney {
    /// How much wider than chance the shares vary from one period to the next.
    pub sigma_z: Option<f64>,
    /// Upper limit of each period.
    #[serde(rename = "laney_ucl")]
    pub ucl: Vec<Option<f64>>,
    /// Lower limit.
    #[serde(rename = "laney_lcl")]
    pub lcl: Vec<Option<f64>>,
    /// Positions strictly outside.
    #[serde(rename = "laney_out")]
    pub out: Vec<usize>,
}

/// Chart of the share of `counts` in `sizes`, period by period.
///
/// Formula: p̄ = Σx/Σn of the baseline, limits p̄ ± sigma·√(p̄(1-p̄)/n_i) clipped to \[0, 1\].
/// Laney: z_i = (p_i - p̄)/√(p̄(1-p̄)/n_i), σ_z = mean |z_i - z_(i-1)| of the baseline ÷ (2/√π),
/// limits widened by σ_z.
///
/// Source: Shewhart (1931); Laney (2002).
///
/// Edge cases: a period of size 0 has neither share nor limits, `no_data`, and Laney's moving
/// range passes over it; a baseline without answers: `no_data`; all or none in the baseline:
/// no σ_z, `zero_variance`; fewer than two periods in it: no σ_z, `n_too_small`.
///
/// Errors: lists of different lengths, a count above its size, a baseline beyond the periods.
pub fn p_chart(counts: &[u64], sizes: &[u64], limits: Limits, laney: bool) -> Result<PChart> {
    check_lengths(counts, "sizes", sizes.len())?;
    if let Some(i) = (0..counts.len()).find(|&i| counts[i] > sizes[i]) {
        return Err(Invalid::new(format!("counts[{i}]"), "must not be larger than its size"));
    }
    let exposure: Vec<f64> = sizes.iter().map(|&size| size as f64).collect();
    let first = limits.baseline(counts.len())?;
    let rates = rates(counts, &exposure);
    let Some(center) = pooled(&counts[..first], &exposure[..first]) else {
        let none = vec![None; counts.len()];
        let laney = laney.then(|| Laney::none(none.len()));
        let (ucl, lcl, reason) = (none.clone(), none, Some(Reason::NoData));
        return Ok(PChart { center: None, p: rates, ucl, lcl, out: Vec::new(), laney, reason });
    };
    let error = |size: f64| (center * (1.0 - center) / size).sqrt();
    let at = |factor: f64| -> Vec<Option<f64>> {
        let limit = |size: &f64| (center + factor * error(*size)).clamp(0.0, 1.0);
        exposure.iter().map(|size| (*size > 0.0).then(|| limit(size))).collect()
    };
    let (ucl, lcl) = (at(limits.sigma()), at(-limits.sigma()));
    let mut reason = rates.contains(&None).then_some(Reason::NoData);
    let laney = laney.then(|| {
        let baseline = rates[..first].iter().zip(&exposure);
        let points = baseline.filter_map(|(p, size)| Some(((*p)? - center) / error(*size)));
        match sigma_z(&points.collect::<Vec<f64>>()) {
            Ok(sigma_z) => {
                let width = limits.sigma() * sigma_z;
                let (ucl, lcl) = (at(width), at(-width));
                let out = outside(&rates, &lcl, &ucl);
                Laney { sigma_z: Some(sigma_z), ucl, lcl, out }
            }
            Err(why) => {
                reason = Some(why);
                Laney::none(rates.len())
            }
        }
    });
    let out = outside(&rates, &lcl, &ucl);
    Ok(PChart { center: Some(center), p: rates, ucl, lcl, out, laney, reason })
}

impl Laney {
    fn none(points: usize) -> Laney {
        Laney { sigma_z: None, ucl: vec![None; points], lcl: vec![None; points], out: Vec::new() }
    }
}

/// Mean step between neighbours in units of what chance explains.
fn sigma_z(z: &[f64]) -> std::result::Result<f64, Reason> {
    if z.iter().any(|z| !z.is_finite()) {
        return Err(Reason::ZeroVariance);
    }
    if z.len() < 2 {
        return Err(Reason::NTooSmall);
    }
    let steps: f64 = z.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
    Ok(steps / (z.len() - 1) as f64 / d2())
}

/// Events per unit of exposure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UChart {
    /// Events per exposure of the baseline as a whole.
    pub center: Option<f64>,
    /// Events per exposure of each period; `None` for a period without exposure.
    pub u: Vec<Option<f64>>,
    /// Upper limit of each period.
    pub ucl: Vec<Option<f64>>,
    /// Lower limit, never negative.
    pub lcl: Vec<Option<f64>>,
    /// Positions strictly outside, from 0.
    pub out: Vec<usize>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Chart of events such as complaints per exposure such as services or opening hours.
///
/// Formula: ū = Σc/Σe of the baseline, limits ū ± sigma·√(ū/e_i), the lower one at least 0.
///
/// Source: Shewhart (1931); Montgomery.
///
/// Edge cases: a period without exposure has neither rate nor limits, `no_data`; a baseline
/// without exposure: `no_data`.
///
/// Errors: lists of different lengths, a negative exposure, events without exposure, a baseline
/// beyond the periods.
pub fn u_chart(counts: &[u64], exposure: &[f64], limits: Limits) -> Result<UChart> {
    check_lengths(counts, "exposure", exposure.len())?;
    if let Some(i) = exposure.iter().position(|e| !is_amount(*e)) {
        return Err(Invalid::new(format!("exposure[{i}]"), "must not be negative"));
    }
    if let Some(i) = (0..counts.len()).find(|&i| counts[i] > 0 && exposure[i] == 0.0) {
        return Err(Invalid::new(format!("exposure[{i}]"), "must not be 0 when there are events"));
    }
    let first = limits.baseline(counts.len())?;
    let u = rates(counts, exposure);
    let center = pooled(&counts[..first], &exposure[..first]);
    let at = |factor: f64| -> Vec<Option<f64>> {
        let limit = |e: &f64| {
            let center = center.filter(|_| *e > 0.0)?;
            Some((center + factor * (center / e).sqrt()).max(0.0)).filter(|v| v.is_finite())
        };
        exposure.iter().map(limit).collect()
    };
    let (ucl, lcl) = (at(limits.sigma()), at(-limits.sigma()));
    let out = outside(&u, &lcl, &ucl);
    let missing = center.is_none() || u.contains(&None) || ucl.contains(&None);
    Ok(UChart { center, u, ucl, lcl, out, reason: missing.then_some(Reason::NoData) })
}

fn check_lengths(counts: &[u64], name: &str, other: usize) -> Result<()> {
    if counts.len() == other {
        return Ok(());
    }
    Err(Invalid::new(name, format!("must have {} entries as counts has", counts.len())))
}

fn rates(counts: &[u64], exposure: &[f64]) -> Vec<Option<f64>> {
    let each = counts.iter().zip(exposure);
    each.map(|(&count, &e)| Some(count as f64 / e).filter(|rate| rate.is_finite())).collect()
}

/// All counts over all exposure.
fn pooled(counts: &[u64], exposure: &[f64]) -> Option<f64> {
    let events: f64 = counts.iter().map(|&count| count as f64).sum();
    Some(events / exposure.iter().sum::<f64>()).filter(|rate| rate.is_finite())
}
