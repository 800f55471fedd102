//! Means of several groups: analysis of variance, classic and Welch's, and pairs.

use serde::Serialize;

use super::adjust::{Correction, adjust};
use super::pairs;
use super::two::welch_of;
use crate::measures::distributions::f_upper;
use crate::measures::reason::{Reason, Result};
use crate::measures::sample::{Moments, largest, present};

/// Moments of every group, with rounding judged by the largest value of all.
fn moments(groups: &[Vec<Option<f64>>]) -> Vec<Moments> {
    let groups: Vec<Vec<f64>> = groups.iter().map(|group| present(group)).collect();
    let scale = groups.iter().map(|group| largest(group)).fold(0.0, f64::max);
    groups.iter().map(|group| Moments::with_scale(group, scale)).collect()
}

/// Comparison of the means of several groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Anova {
    /// Groups minus 1.
    pub df1: Option<usize>,
    /// Values minus groups.
    pub df2: Option<usize>,
    /// Classic F.
    pub f: Option<f64>,
    /// Its p-value.
    pub p: Option<f64>,
    /// Share of the variance between groups, in \[0, 1\].
    pub eta_sq: Option<f64>,
    /// The same with less bias; may be below 0.
    pub omega_sq: Option<f64>,
    /// Welch's F, which does not assume equal variances: the one to show.
    pub welch_f: Option<f64>,
    /// Its second degrees of freedom.
    pub welch_df2: Option<f64>,
    /// Its p-value.
    pub welch_p: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// One-way analysis of variance; missing values are left out.
///
/// Formula: F = MSB/MSW with k-1 and N-k degrees of freedom, η² = SSB/SST,
/// ω² = (SSB - df1·MSW)/(SST + MSW); Welch's F with weights n/s².
///
/// Source: Fisher (1925); Welch (1951).
///
/// Edge cases: fewer than two groups, an empty one, or N ≤ k: `n_too_small`; no variance within
/// groups: F `None`, `zero_variance`; a group with one value or without variance: Welch's part
/// `None`.
pub fn anova(groups: &[Vec<Option<f64>>]) -> Anova {
    let groups = moments(groups);
    let k = groups.len();
    let n: usize = groups.iter().map(|group| group.n).sum();
    let mut result = Anova {
        df1: None,
        df2: None,
        f: None,
        p: None,
        eta_sq: None,
        omega_sq: None,
        welch_f: None,
        welch_df2: None,
        welch_p: None,
        reason: None,
    };
    if k < 2 || n <= k || groups.iter().any(|group| group.n == 0) {
        result.reason = Some(Reason::NTooSmall);
        return result;
    }
    let (df1, df2) = ((k - 1) as f64, (n - k) as f64);
    (result.df1, result.df2) = (Some(k - 1), Some(n - k));
    let (between, within) = squares(&groups);
    let (total, error) = (between + within, within / df2);
    if total > 0.0 {
        result.eta_sq = Some(between / total);
        result.omega_sq = Some((between - df1 * error) / (total + error));
    }
    if within > 0.0 {
        let f = between / df1 / error;
        result.f = Some(f);
        result.p = Some(f_upper(f, df1, df2));
    }
    if let Some((f, df2)) = welch_f(&groups) {
        result.welch_f = Some(f);
        result.welch_df2 = Some(df2);
        result.welch_p = Some(f_upper(f, df1, df2));
    } else if within > 0.0 && groups.iter().any(|group| group.n < 2) {
        result.reason = Some(Reason::NTooSmall);
    } else {
        result.reason = Some(Reason::ZeroVariance);
    }
    result
}

/// Sums of squares between and within groups.
fn squares(groups: &[Moments]) -> (f64, f64) {
    let n: f64 = groups.iter().map(|group| group.n as f64).sum();
    // Relative to the first mean, equal means differ by exactly 0.
    let first = groups[0].mean;
    let shift: f64 = groups.iter().map(|g| g.n as f64 * (g.mean - first)).sum::<f64>() / n;
    let between = groups.iter().map(|g| g.n as f64 * (g.mean - first - shift).powi(2)).sum();
    let within = groups.iter().map(|g| (g.n as f64 - 1.0) * g.variance).sum();
    (between, within)
}

/// Welch's F and its second degrees of freedom.
fn welch_f(groups: &[Moments]) -> Option<(f64, f64)> {
    if groups.iter().any(|group| group.n < 2 || group.variance == 0.0) {
        return None;
    }
    let k = groups.len() as f64;
    let weights: Vec<f64> = groups.iter().map(|g| g.n as f64 / g.variance).collect();
    let sum: f64 = weights.iter().sum();
    let each = || groups.iter().zip(&weights).map(|(group, weight)| (group, weight / sum));
    let first = groups[0].mean;
    let shift: f64 = each().map(|(g, share)| share * (g.mean - first)).sum();
    let between: f64 = each().map(|(g, share)| share * (g.mean - first - shift).powi(2)).sum();
    let uncertainty: f64 =
        each().map(|(g, share)| (1.0 - share).powi(2) / (g.n as f64 - 1.0)).sum();
    let top = sum * between / (k - 1.0);
    let f = top / (1.0 + 2.0 * (k - 2.0) / (k * k - 1.0) * uncertainty);
    let df2 = (k * k - 1.0) / (3.0 * uncertainty);
    (f.is_finite() && df2.is_finite()).then_some((f, df2))
}

/// A pair of groups compared by Welch's t.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WelchPair {
    /// Position of the first group, from 0.
    pub a: usize,
    /// Position of the second group.
    pub b: usize,
    /// mean(a) - mean(b).
    pub mean_diff: Option<f64>,
    /// Welch's t.
    pub t: Option<f64>,
    /// Satterthwaite's degrees of freedom.
    pub df: Option<f64>,
    /// Two-sided p-value.
    pub p: Option<f64>,
    /// The same corrected for the number of pairs that could be tested.
    pub p_adj: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// All pairs of groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairwiseWelch {
    /// Pairs in the order (0,1), (0,2), …, (1,2), …
    pub pairs: Option<Vec<WelchPair>>,
    /// Why the pairs are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Welch's t test of every pair of groups with corrected p-values.
///
/// Formula, source: [`super::two::welch`] and [`super::adjust::multiple`].
///
/// Edge cases: fewer than two groups: `n_too_small`; a pair that cannot be tested has its own
/// reason and does not count in the correction.
///
/// Errors: more than 200 groups.
pub fn pairwise_welch(groups: &[Vec<Option<f64>>], how: Correction) -> Result<PairwiseWelch> {
    let pairs = pairs(groups.len())?;
    if groups.len() < 2 {
        return Ok(PairwiseWelch { pairs: None, reason: Some(Reason::NTooSmall) });
    }
    let groups = moments(groups);
    let mut found: Vec<WelchPair> = pairs
        .map(|(a, b)| {
            // The interval is not shown, so that its confidence does not matter.
            let test = welch_of(&groups[a], &groups[b], 0.95);
            let (mean_diff, t, df) = (test.mean_diff, test.t, test.df);
            WelchPair { a, b, mean_diff, t, df, p: test.p, p_adj: None, reason: test.reason }
        })
        .collect();
    let p_values: Vec<_> = found.iter().map(|pair| pair.p).collect();
    for (pair, p_adj) in found.iter_mut().zip(adjust(&p_values, how)) {
        pair.p_adj = p_adj;
    }
    Ok(PairwiseWelch { pairs: Some(found), reason: None })
}
