//! Means of branches shrunk towards the mean of all.

use serde::Serialize;

use super::order::{check_number, ranks};
use crate::intervals::Interval;
use crate::measures::change::period::PeriodMean;
use crate::measures::control::means::within;
use crate::measures::distributions::normal_critical;
use crate::measures::reason::{Reason, Result};

/// A variance below this is none; its inverse would leave the range of a double.
const VARIANCE_MIN: f64 = 1e-100;

/// A branch of the table, in the unit of the scores.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankedMean {
    /// The branch's own mean; `None` without values.
    pub raw: Option<f64>,
    /// How much its own mean counts in the shrunk one, in \[0, 1\].
    pub reliability: f64,
    /// Its mean drawn towards that of all.
    pub shrunk: f64,
    /// Lower end of the interval of the shrunk mean.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Place by the shrunk mean, from 1.
    pub rank: usize,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// League table of means.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeanRanking {
    /// Pooled variance within branches.
    pub within_var: Option<f64>,
    /// Variance of the true means of the branches.
    pub tau2: Option<f64>,
    /// Mean of all, weighted by precision.
    pub grand_mean: Option<f64>,
    /// Cochran's Q: how much the means differ beyond chance.
    pub q: Option<f64>,
    /// The branches in the order given.
    pub branches: Option<Vec<RankedMean>>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Empirical-Bayes means of branches.
///
/// Formula: s² = Σ(n-1)sd²/Σ(n-1), w = n/s²; τ² = max(0, (Q-(K-1))/(Σw - Σw²/Σw)) over the K
/// branches with values; w* = 1/(τ² + s²/n), μ = Σw*·mean/Σw*; B = τ²/(τ² + s²/n), shrunk
/// B·mean + (1-B)·μ ± z√\[B·s²/n + (1-B)²/Σw*\]. Ranks as
/// [`super::shares::rank_shares`].
///
/// Source: DerSimonian & Laird (1986); Morris (1983).
///
/// Edge cases: a branch without values: μ ± z√(τ² + 1/Σw*), reliability 0; no branch with two
/// values: `n_too_small`; no variance within branches: `zero_variance`; no values at all:
/// `no_data`.
///
/// Errors: more than 100,000 branches.
pub fn rank_means(branches: &[PeriodMean], confidence: f64) -> Result<MeanRanking> {
    check_number(branches.len())?;
    let variance = within(branches);
    let reason = match variance {
        _ if branches.iter().all(|branch| branch.n == 0) => Some(Reason::NoData),
        None => Some(Reason::NTooSmall),
        Some(variance) if variance <= VARIANCE_MIN => Some(Reason::ZeroVariance),
        Some(_) => None,
    };
    let (Some(variance), None) = (variance, reason) else {
        let (tau2, grand_mean, q, branches) = (None, None, None, None);
        return Ok(MeanRanking { within_var: variance, tau2, grand_mean, q, branches, reason });
    };
    let (tau2, q) = between(branches, variance);
    let weight = |branch: &PeriodMean| 1.0 / (tau2 + variance / branch.n as f64);
    let (mean, weights) = pooled(branches, weight);
    let z = normal_critical(confidence);
    let shrunk: Vec<(f64, f64, f64)> = branches
        .iter()
        .map(|branch| {
            if branch.n == 0 {
                return (0.0, mean, z * (tau2 + 1.0 / weights).sqrt());
            }
            let error = variance / branch.n as f64;
            let b = tau2 / (tau2 + error);
            let half = z * (b * error + (1.0 - b).powi(2) / weights).sqrt();
            (b, mean + b * (branch.mean - mean), half)
        })
        .collect();
    let values: Vec<_> = shrunk.iter().zip(branches).map(|(s, branch)| (s.1, branch.n)).collect();
    let each = branches.iter().zip(&shrunk).zip(ranks(&values));
    let ranked = each.map(|((branch, (reliability, shrunk, half)), rank)| {
        let interval = Interval::around(*shrunk, *half);
        RankedMean {
            raw: (branch.n > 0).then_some(branch.mean),
            reliability: *reliability,
            shrunk: *shrunk,
            low: interval.low,
            high: interval.high,
            rank,
            reason: (branch.n == 0).then_some(Reason::NoData),
        }
    });
    Ok(MeanRanking {
        within_var: Some(variance),
        tau2: Some(tau2),
        grand_mean: Some(mean),
        q: Some(q),
        branches: Some(ranked.collect()),
        reason: None,
    })
}

/// Weighted mean of the branches with values, and the sum of the weights.
fn pooled(branches: &[PeriodMean], weight: impl Fn(&PeriodMean) -> f64) -> (f64, f64) {
    let used = || branches.iter().filter(|branch| branch.n > 0);
    let sum: f64 = used().map(&weight).sum();
    // Relative to the first mean, equal means give exactly themselves.
    let first = used().next().map_or(0.0, |branch| branch.mean);
    let shift: f64 = used().map(|b| weight(b) / sum * (b.mean - first)).sum();
    (first + shift, sum)
}

/// τ² and Q.
fn between(branches: &[PeriodMean], variance: f64) -> (f64, f64) {
    let weight = |branch: &PeriodMean| branch.n as f64 / variance;
    let (mean, sum) = pooled(branches, weight);
    let used = || branches.iter().filter(|branch| branch.n > 0);
    let q: f64 = used().map(|branch| weight(branch) * (branch.mean - mean).powi(2)).sum();
    let k = used().count() as f64;
    let denominator = sum - used().map(|b| weight(b) / sum * weight(b)).sum::<f64>();
    // A single branch cannot tell how much branches differ.
    if k < 2.0 || denominator <= 0.0 {
        return (0.0, q);
    }
    (((q - (k - 1.0)) / denominator).max(0.0), q)
}
