//! Mean, spread and quartiles.

use serde::Serialize;

use crate::intervals::Interval;
use crate::measures::distributions::student_critical;
use crate::measures::reason::{Reason, Result};
use crate::measures::sample::{Sample, quantile, range};

/// Description of some values, in their own unit. Quartiles are given without weights only, sum
/// and effective number with weights only.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Answers used.
    pub n: usize,
    /// Rows without an answer.
    pub n_missing: usize,
    /// Mean.
    pub mean: Option<f64>,
    /// Smallest value.
    pub min: Option<f64>,
    /// Quartiles.
    #[serde(flatten)]
    pub quartiles: Option<Quartiles>,
    /// Largest value.
    pub max: Option<f64>,
    /// Sample standard deviation.
    pub sd: Option<f64>,
    /// Standard error of the mean.
    pub se: Option<f64>,
    /// Lower end of the t interval of the mean.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// Sum of the weights and effective number.
    #[serde(flatten)]
    pub weighting: Option<Weighting>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Quartiles of type 7.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quartiles {
    /// First quartile.
    pub q1: Option<f64>,
    /// Median.
    pub median: Option<f64>,
    /// Third quartile.
    pub q3: Option<f64>,
}

/// What the weights amount to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Weighting {
    /// Σw.
    pub sum_weights: f64,
    /// (Σw)²/Σw²; absent without answers.
    pub n_eff: Option<f64>,
}

/// Mean, standard deviation, standard error, t interval and quartiles.
///
/// Formula: mean Σx/n, sd with n - 1, se sd/√n, interval mean ± t(n-1)·se, quartiles by linear
/// interpolation at (n-1)p. With weights: mean Σwx/Σw, sd √[n/(n-1)·Σw(x-mean)²/Σw], linearised
/// se √[n/(n-1)·Σ(w(x-mean))²]/Σw, n_eff (Σw)²/Σw², all unchanged when every weight is
/// multiplied by the same number.
///
/// Source: Cochran (1977), Sampling Techniques; Kish (1965) for the effective number.
///
/// Edge cases: no answers: everything `None`, `no_data`; one answer: no spread, `n_too_small`;
/// equal answers: se 0, interval on the mean.
///
/// Errors: weights of another length, or a negative weight.
pub fn summary(
    values: &[Option<f64>],
    weights: Option<&[Option<f64>]>,
    confidence: f64,
) -> Result<Summary> {
    let sample = Sample::new(values, weights)?;
    let mean = sample.mean_of(|v| v);
    let spread = sample.spread();
    let interval = mean_interval(&sample, confidence);
    let ends = range(&sample.values);
    Ok(Summary {
        n: sample.n(),
        n_missing: sample.n_missing,
        mean: exact_mean(&sample).or(mean),
        min: ends.map(|(min, _)| min),
        quartiles: weights.is_none().then(|| quartiles(&sample.values)),
        max: ends.map(|(_, max)| max),
        sd: spread.map(|(sd, _)| sd),
        se: spread.map(|(_, se)| se),
        ci_low: interval.map(|i| i.low),
        ci_high: interval.map(|i| i.high),
        weighting: weights.is_some().then(|| Weighting {
            sum_weights: sample.sum_weights,
            n_eff: (sample.n() > 0).then(|| sample.n_eff()),
        }),
        reason: shortage(sample.n()),
    })
}

/// `no_data`, `n_too_small` or nothing, for a mean with an interval from `n` answers.
pub fn shortage(n: usize) -> Option<Reason> {
    match n {
        0 => Some(Reason::NoData),
        1 => Some(Reason::NTooSmall),
        _ => None,
    }
}

/// t interval of the mean of a sample; `None` when n < 2.
pub fn mean_interval(sample: &Sample, confidence: f64) -> Option<Interval> {
    let (_, se) = sample.spread()?;
    let mean = exact_mean(sample).or(sample.mean_of(|v| v))?;
    Some(Interval::around(mean, student_critical(confidence, sample.n() as f64 - 1.0) * se))
}

/// The mean of answers that all agree, which a sum of many terms can miss by rounding.
fn exact_mean(sample: &Sample) -> Option<f64> {
    range(&sample.values).filter(|(min, max)| min == max).map(|(min, _)| min)
}

fn quartiles(values: &[f64]) -> Quartiles {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |p| (!sorted.is_empty()).then(|| quantile(&sorted, p));
    Quartiles { q1: at(0.25), median: at(0.5), q3: at(0.75) }
}
