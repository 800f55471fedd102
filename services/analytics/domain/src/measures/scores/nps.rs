//! Net promoter score from single answers.

use serde::Serialize;

use super::topbox::Scale;
use crate::intervals::nps_from_shares;
use crate::measures::reason::{Reason, Result};
use crate::measures::sample::Sample;

/// Net promoter score: score, error and limits on -100..100, shares in \[0, 1\].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Nps {
    /// Valid answers.
    pub n: usize,
    /// Rows without an answer.
    pub n_missing: usize,
    /// Answers that are no whole number from 0 to 10.
    pub n_invalid: usize,
    /// True below the minimum number of answers.
    pub low_base: bool,
    /// Effective number of answers.
    pub n_eff: Option<f64>,
    /// Share of 9 and 10.
    pub promoters: Option<f64>,
    /// Share of 7 and 8.
    pub passives: Option<f64>,
    /// Share of 0 to 6.
    pub detractors: Option<f64>,
    /// The score.
    pub nps: Option<f64>,
    /// Its standard error.
    pub se: Option<f64>,
    /// Lower end of the Wald interval.
    pub ci_low: Option<f64>,
    /// Upper end of the Wald interval.
    pub ci_high: Option<f64>,
    /// Lower end of the adjusted Wald interval, the one to show.
    pub adj_low: Option<f64>,
    /// Upper end of the adjusted Wald interval.
    pub adj_high: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// NPS with Wald and adjusted Wald interval.
///
/// Formula, with p the share of 9-10 and d of 0-6: 100(p - d), se 100√[(p+d-(p-d)²)/n_eff]; the
/// adjusted interval adds three pseudo-answers: n' = n_eff+3, p' = (p·n_eff+¾)/n', d' alike.
/// Limits are clipped to \[-100, 100\].
///
/// Source: Reichheld (2003); Rocks (2016), The American Statistician 70(4), for the interval.
///
/// Edge cases: no answers: `no_data`; all answers alike: the Wald interval collapses, the
/// adjusted one does not.
///
/// Errors: weights of another length, or a negative weight.
pub fn nps(
    values: &[Option<f64>],
    weights: Option<&[Option<f64>]>,
    min_n: u64,
    confidence: f64,
) -> Result<Nps> {
    let scale = Scale::new(0, 10)?;
    let mut sample = Sample::new(values, weights)?;
    let n_invalid = sample.retain(|v| scale.contains(v));
    let promoters = sample.share_of(|v| v >= 9.0);
    let detractors = sample.share_of(|v| v <= 6.0);
    let estimate = promoters
        .zip(detractors)
        .and_then(|(p, d)| nps_from_shares(p, d, sample.n_eff(), confidence));
    Ok(Nps {
        n: sample.n(),
        n_missing: sample.n_missing,
        n_invalid,
        low_base: (sample.n() as u64) < min_n,
        n_eff: estimate.map(|e| e.n),
        promoters,
        passives: sample.share_of(|v| v == 7.0 || v == 8.0),
        detractors,
        nps: estimate.map(|e| e.nps),
        se: estimate.map(|e| e.se),
        ci_low: estimate.map(|e| e.wald.low),
        ci_high: estimate.map(|e| e.wald.high),
        adj_low: estimate.map(|e| e.interval.low),
        adj_high: estimate.map(|e| e.interval.high),
        reason: estimate.is_none().then_some(Reason::NoData),
    })
}
