//! Customer satisfaction as the share of the top boxes of a scale.

use serde::Serialize;

use crate::intervals::wilson_share;
use crate::measures::reason::{Invalid, Reason, Result};
use crate::measures::sample::Sample;

/// More points than this are no rating scale.
const POINTS_MAX: i64 = 1001;

/// Whole numbers from `min` to `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    min: i64,
    max: i64,
}

impl Scale {
    /// A scale from `min` to `max`, both included.
    ///
    /// Errors: `scale_max` not above `scale_min`, or more than 1001 points.
    pub fn new(min: i64, max: i64) -> Result<Scale> {
        if max <= min {
            return Err(Invalid::new("scale_max", "must be larger than scale_min"));
        }
        if max - min >= POINTS_MAX {
            return Err(Invalid::new("scale_max", "must give a scale of at most 1001 points"));
        }
        Ok(Scale { min, max })
    }

    /// Lowest point.
    pub fn min(self) -> f64 {
        self.min as f64
    }

    /// Highest point.
    pub fn max(self) -> f64 {
        self.max as f64
    }

    /// Number of points.
    pub fn points(self) -> usize {
        (self.max - self.min + 1) as usize
    }

    /// True if the value is a point of the scale.
    pub fn contains(self, value: f64) -> bool {
        value.fract() == 0.0 && value >= self.min() && value <= self.max()
    }

    /// How many of `values`, all on the scale, are on each point, lowest first.
    pub fn counts(self, values: &[f64]) -> Vec<u64> {
        let mut counts = vec![0; self.points()];
        for value in values {
            counts[(value - self.min()) as usize] += 1;
        }
        counts
    }

    /// Refuses a number of boxes that the scale does not have.
    pub fn check_boxes(self, field: &str, boxes: u64) -> Result<f64> {
        if boxes == 0 || boxes > self.points() as u64 {
            let problem = format!("must be from 1 to {}, the points of the scale", self.points());
            return Err(Invalid::new(field, problem));
        }
        Ok(boxes as f64)
    }
}

/// Satisfaction on a scale; shares in \[0, 1\], the mean in points.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TopBox {
    /// Valid answers.
    pub n: usize,
    /// Rows without an answer.
    pub n_missing: usize,
    /// Answers that are no point of the scale.
    pub n_invalid: usize,
    /// True below the minimum number of answers.
    pub low_base: bool,
    /// Answers per point, lowest first, without weights.
    pub counts: Vec<u64>,
    /// Effective number of answers.
    pub n_eff: Option<f64>,
    /// Mean.
    pub mean: Option<f64>,
    /// Share of the top boxes.
    pub top_share: Option<f64>,
    /// Lower end of its Wilson interval.
    pub top_low: Option<f64>,
    /// Upper end.
    pub top_high: Option<f64>,
    /// Share of as many bottom boxes.
    pub bottom_share: Option<f64>,
    /// Top minus bottom.
    pub net: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// CSAT: share of the `boxes` top points, of as many bottom points, and their difference.
///
/// Formula: top Σw\[x > max-k\]/Σw, bottom Σw\[x < min+k\]/Σw, net top - bottom; interval of
/// Wilson with n_eff = (Σw)²/Σw². low_base: n < `min_n`.
///
/// Source: the usual top-box score; Wilson (1927); Kish (1965).
///
/// Edge cases: answers off the scale or between its points are invalid and left out; rows with
/// weight 0 or none are left out before anything is counted; no answers: `no_data`.
///
/// Errors: boxes outside 1 to the points of the scale; weights of another length or negative.
pub fn top_box(
    values: &[Option<f64>],
    weights: Option<&[Option<f64>]>,
    scale: Scale,
    boxes: u64,
    min_n: u64,
    confidence: f64,
) -> Result<TopBox> {
    let boxes = scale.check_boxes("boxes", boxes)?;
    let mut sample = Sample::new(values, weights)?;
    let n_invalid = sample.retain(|v| scale.contains(v));
    let top = sample.share_of(|v| v > scale.max() - boxes);
    let bottom = sample.share_of(|v| v < scale.min() + boxes);
    let interval = top.and_then(|p| wilson_share(p, sample.n_eff(), confidence));
    Ok(TopBox {
        n: sample.n(),
        n_missing: sample.n_missing,
        n_invalid,
        low_base: (sample.n() as u64) < min_n,
        counts: scale.counts(&sample.values),
        n_eff: top.map(|_| sample.n_eff()),
        mean: sample.mean_of(|v| v),
        top_share: top,
        top_low: interval.map(|i| i.low),
        top_high: interval.map(|i| i.high),
        bottom_share: bottom,
        net: top.zip(bottom).map(|(top, bottom)| top - bottom),
        reason: top.is_none().then_some(Reason::NoData),
    })
}
