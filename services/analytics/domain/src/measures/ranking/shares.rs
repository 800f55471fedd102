//! Shares of branches, such as satisfied customers, shrunk towards the share of all.

use serde::Serialize;

use super::order::{check_number, ranks};
use crate::intervals::{Interval, wilson_share};
use crate::measures::distributions::beta_quantile;
use crate::measures::reason::{Invalid, Reason, Result};

/// Answers of a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    n: u64,
    successes: u64,
}

impl Tally {
    /// `successes` of `n`.
    ///
    /// Errors: more successes than answers.
    pub fn new(n: u64, successes: u64) -> Result<Tally> {
        if successes <= n {
            return Ok(Tally { n, successes });
        }
        Err(Invalid::new("successes", "must not be larger than n"))
    }

    fn share(&self) -> Option<f64> {
        (self.n > 0).then(|| self.successes as f64 / self.n as f64)
    }
}

/// A branch of the table; shares in \[0, 1\].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankedShare {
    /// The branch's own share; `None` without answers.
    pub raw: Option<f64>,
    /// Its share drawn towards that of all.
    pub shrunk: f64,
    /// Lower end of the interval of the shrunk share.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Place by the shrunk share, from 1.
    pub rank: usize,
    /// Place by the lower end: what is certain to be good comes first.
    pub rank_low: usize,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// League table of shares.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShareRanking {
    /// Share of all.
    pub mean: Option<f64>,
    /// Variance of the true shares of the branches.
    pub tau2: Option<f64>,
    /// First shape of the prior; `None` when the branches do not differ.
    pub alpha: Option<f64>,
    /// Second shape.
    pub beta: Option<f64>,
    /// The branches in the order given.
    pub branches: Option<Vec<RankedShare>>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Empirical-Bayes shares of branches.
///
/// Formula: m = Σx/Σn; τ² = \[Σn(p-m)² - (K-1)m(1-m)\]/\[N - Σn²/N - (K-1)\] over the K branches
/// with answers; M = max(1, m(1-m)/τ² - 1), α = Mm, β = M(1-m); posterior
/// Beta(α+x, β+n-x): shrunk = its mean, limits = its quantiles. Ranks from the largest; values
/// equal to 12 decimals: the larger n, then the order given.
///
/// Source: beta-binomial model by moments, Morris (1983).
///
/// Edge cases: τ² ≤ 0, or m is 0 or 1: the branches do not differ, each gets m with Wilson's
/// interval of m on N, no α and β, `zero_variance`; a branch without answers: the prior; no
/// answers at all: `None`, `no_data`.
///
/// Errors: more than 100,000 branches.
pub fn rank_shares(branches: &[Tally], confidence: f64) -> Result<ShareRanking> {
    check_number(branches.len())?;
    let n: f64 = branches.iter().map(|branch| branch.n as f64).sum();
    if n == 0.0 {
        let reason = Some(Reason::NoData);
        let (mean, tau2, alpha, beta, branches) = (None, None, None, None, None);
        return Ok(ShareRanking { mean, tau2, alpha, beta, branches, reason });
    }
    let mean = branches.iter().map(|branch| branch.successes as f64).sum::<f64>() / n;
    let tau2 = between(branches, mean, n).max(0.0);
    let spread = mean * (1.0 - mean);
    let prior = (tau2 > 0.0 && spread > 0.0).then(|| {
        let strength = (spread / tau2 - 1.0).max(1.0);
        (strength * mean, strength * (1.0 - mean))
    });
    let shrink = |branch: &Tally| match prior {
        None => {
            let pooled = wilson_share(mean, n, confidence);
            (mean, pooled.unwrap_or(Interval { low: 0.0, high: 1.0 }))
        }
        Some((alpha, beta)) => posterior(branch, alpha, beta, confidence),
    };
    let shrunk: Vec<(f64, Interval)> = branches.iter().map(shrink).collect();
    let by = |value: fn(&(f64, Interval)) -> f64| {
        let values = shrunk.iter().zip(branches).map(|(found, branch)| (value(found), branch.n));
        ranks(&values.collect::<Vec<_>>())
    };
    let (rank, rank_low) = (by(|found| found.0), by(|found| found.1.low));
    let each = branches.iter().zip(&shrunk).zip(rank.into_iter().zip(rank_low));
    let ranked = each.map(|((branch, (shrunk, interval)), (rank, rank_low))| RankedShare {
        raw: branch.share(),
        shrunk: *shrunk,
        low: interval.low,
        high: interval.high,
        rank,
        rank_low,
        reason: branch.share().is_none().then_some(Reason::NoData),
    });
    Ok(ShareRanking {
        mean: Some(mean),
        tau2: Some(tau2),
        alpha: prior.map(|(alpha, _)| alpha),
        beta: prior.map(|(_, beta)| beta),
        branches: Some(ranked.collect()),
        reason: prior.is_none().then_some(Reason::ZeroVariance),
    })
}

/// Variance of the true shares by moments; may be negative.
fn between(branches: &[Tally], mean: f64, n: f64) -> f64 {
    let (mut k, mut squares, mut sizes) = (0.0, 0.0, 0.0);
    for branch in branches {
        let Some(share) = branch.share() else { continue };
        let size = branch.n as f64;
        k += 1.0;
        squares += size * (share - mean).powi(2);
        sizes += size / n * size;
    }
    let denominator = n - sizes - (k - 1.0);
    // Branches of one answer each cannot tell how much they differ.
    if denominator <= 0.0 {
        return 0.0;
    }
    (squares - (k - 1.0) * mean * (1.0 - mean)) / denominator
}

fn posterior(branch: &Tally, alpha: f64, beta: f64, confidence: f64) -> (f64, Interval) {
    let (x, n) = (branch.successes as f64, branch.n as f64);
    let (a, b) = (alpha + x, beta + n - x);
    let tail = (1.0 - confidence) / 2.0;
    let interval = Interval {
        low: beta_quantile(tail, a, b),
        // By the mirrored lower end, whose small tail keeps its digits.
        high: 1.0 - beta_quantile(tail, b, a),
    };
    (a / (a + b), interval)
}
