//! Customer effort score.

use serde::Serialize;

use super::summary::{mean_interval, shortage};
use super::topbox::Scale;
use crate::intervals::wilson_share;
use crate::measures::reason::{Invalid, Reason, Result};
use crate::measures::sample::Sample;

/// What a high answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// High is easy.
    Ease,
    /// High is laborious: answers are reversed first.
    Effort,
}

/// Customer effort, always with high meaning easy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effort {
    /// Valid answers.
    pub n: usize,
    /// Rows without an answer.
    pub n_missing: usize,
    /// Answers that are no point of the scale.
    pub n_invalid: usize,
    /// Mean, in points.
    pub mean: Option<f64>,
    /// Share of the easy boxes, in \[0, 1\].
    pub easy_share: Option<f64>,
    /// Lower end of its Wilson interval.
    pub easy_low: Option<f64>,
    /// Upper end.
    pub easy_high: Option<f64>,
    /// Lower end of the t interval of the mean.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// CES: mean with t interval and share of the `easy_boxes` easiest points.
///
/// Formula: with direction effort x becomes min + max - x before anything else; the easy share
/// counts x > max - easy_boxes, with Wilson's interval. Without `easy_boxes` it is 3 on seven
/// points and 2 on five.
///
/// Source: Dixon, Freeman & Toman (2010); Wilson (1927).
///
/// Edge cases: no answers: `no_data`; one answer: mean without interval, `n_too_small`.
///
/// Errors: easy boxes outside the scale, or not given on a scale that has no usual number.
pub fn effort(
    values: &[Option<f64>],
    scale: Scale,
    direction: Direction,
    easy_boxes: Option<u64>,
    confidence: f64,
) -> Result<Effort> {
    let boxes = match (easy_boxes, scale.points()) {
        (Some(boxes), _) => boxes,
        (None, 7) => 3,
        (None, 5) => 2,
        _ => return Err(Invalid::new("easy_boxes", "is required on this scale")),
    };
    let boxes = scale.check_boxes("easy_boxes", boxes)?;
    let mut sample = Sample::new(values, None)?;
    let n_invalid = sample.retain(|v| scale.contains(v));
    if direction == Direction::Effort {
        sample.values.iter_mut().for_each(|v| *v = scale.min() + scale.max() - *v);
    }
    let easy = sample.share_of(|v| v > scale.max() - boxes);
    let easy_interval = easy.and_then(|p| wilson_share(p, sample.n_eff(), confidence));
    let interval = mean_interval(&sample, confidence);
    Ok(Effort {
        n: sample.n(),
        n_missing: sample.n_missing,
        n_invalid,
        mean: sample.mean_of(|v| v),
        easy_share: easy,
        easy_low: easy_interval.map(|i| i.low),
        easy_high: easy_interval.map(|i| i.high),
        ci_low: interval.map(|i| i.low),
        ci_high: interval.map(|i| i.high),
        reason: shortage(sample.n()),
    })
}
