//! Estimates with their intervals from counts and moments, as the figures need them.
//!
//! | function | gives |
//! | --- | --- |
//! | [`wilson`] | interval of a share |
//! | [`wilson_share`] | the same for a weighted share with its effective number of answers |
//! | [`mean_interval_from_counts`] | n, mean, standard deviation and t interval of scores |
//! | [`nps_from_counts`] | net promoter score with its adjusted Wald interval |
//! | [`newcombe_difference`] | difference of two shares, interval, z and p |
//! | [`welch_from_moments`] | difference of two means, interval, t, df and p |
//!
//! Shares are proportions in \[0, 1\]; `confidence` lies strictly between 0 and 1. What the data
//! do not allow is `None`; nothing here returns NaN for finite input.

use crate::measures::distributions::{
    normal_critical, normal_two_sided, student_critical, student_two_sided,
};

/// An interval with both ends included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// `centre` ± `half_width`.
    pub fn around(centre: f64, half_width: f64) -> Interval {
        Interval { low: centre - half_width, high: centre + half_width }
    }

    /// The part of the interval inside \[`min`, `max`\].
    pub fn clipped(self, min: f64, max: f64) -> Interval {
        Interval { low: self.low.clamp(min, max), high: self.high.clamp(min, max) }
    }
}

/// A mean with its spread, in the unit of the scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanEstimate {
    /// Number of scores.
    pub n: u64,
    /// The mean; `None` when n is 0.
    pub mean: Option<f64>,
    /// Sample standard deviation (n - 1); `None` when n < 2.
    pub sd: Option<f64>,
    /// t interval with n - 1 degrees of freedom; `None` when n < 2.
    pub interval: Option<Interval>,
}

/// A net promoter score on -100..100.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NpsEstimate {
    /// Number of answers, or the effective number when they are weighted.
    pub n: f64,
    /// 100 × (share of promoters - share of detractors).
    pub nps: f64,
    /// Standard error of the score.
    pub se: f64,
    /// Plain Wald interval; collapses when all answers agree.
    pub wald: Interval,
    /// Adjusted Wald interval with three pseudo-answers (Rocks 2016): the one to show.
    pub interval: Interval,
}

/// A difference of two shares, first minus second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShareDifference {
    /// p1 - p2.
    pub difference: f64,
    /// Newcombe's interval.
    pub interval: Interval,
    /// z with pooled variance; `None` when all answers of both sides agree.
    pub z: Option<f64>,
    /// Two-sided p-value of z.
    pub p_value: Option<f64>,
}

/// A difference of two means, first minus second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanDifference {
    /// mean1 - mean2.
    pub difference: f64,
    /// t interval; `None` when a side has fewer than two values. It collapses on the difference
    /// when both variances are 0.
    pub interval: Option<Interval>,
    /// Welch's t; `None` when a side has fewer than two values or both variances are 0.
    pub t: Option<f64>,
    /// Satterthwaite's degrees of freedom, with `t`.
    pub df: Option<f64>,
    /// Two-sided p-value of `t`.
    pub p_value: Option<f64>,
}

fn is_confidence(confidence: f64) -> bool {
    confidence > 0.0 && confidence < 1.0
}

/// A number of answers, plain or effective, that an interval can rest on.
fn is_base(n: f64) -> bool {
    n > 0.0 && n.is_finite()
}

/// Wilson score interval of `successes` out of `n` (Wilson 1927): exactly 0 at the lower end
/// without successes, exactly 1 at the upper end without failures, and always around the share.
///
/// `None` when `n` is 0, `successes` > `n`, or `confidence` is outside (0, 1).
pub fn wilson(successes: u64, n: u64, confidence: f64) -> Option<Interval> {
    if n == 0 || successes > n {
        return None;
    }
    wilson_share(successes as f64 / n as f64, n as f64, confidence)
}

/// Wilson score interval of a share `p` found with `n` answers; for weighted answers `n` is the
/// effective number (Σw)²/Σw².
///
/// `None` when `p` is outside \[0, 1\], `n` is not positive, or `confidence` is outside (0, 1).
pub fn wilson_share(p: f64, n: f64, confidence: f64) -> Option<Interval> {
    if !is_confidence(confidence) || !(0.0..=1.0).contains(&p) || !is_base(n) {
        return None;
    }
    let z = normal_critical(confidence);
    let z2n = z * z / n;
    let centre = (p + z2n / 2.0) / (1.0 + z2n);
    let half = (p * (1.0 - p) * z2n + z2n * z2n / 4.0).sqrt() / (1.0 + z2n);
    let mut interval = Interval::around(centre, half).clipped(0.0, 1.0);
    // Rounding must not push the limits off the ends or past the share itself.
    interval.low = if p == 0.0 { 0.0 } else { interval.low.min(p) };
    interval.high = if p == 1.0 { 1.0 } else { interval.high.max(p) };
    Some(interval)
}

/// Mean, standard deviation and t interval of scores given as (score, how often).
///
/// Two passes, so that scores far from 0 keep their spread. A score that is not finite, or a
/// `confidence` outside (0, 1), gives no mean and no interval.
pub fn mean_interval_from_counts(counts: &[(f64, u64)], confidence: f64) -> MeanEstimate {
    let n = counts.iter().fold(0u64, |n, &(_, count)| n.saturating_add(count));
    let used = || counts.iter().filter(|(_, count)| *count > 0);
    let nothing = MeanEstimate { n, mean: None, sd: None, interval: None };
    let Some(&(first, _)) = used().next() else { return nothing };
    if !is_confidence(confidence) || used().any(|(score, _)| !score.is_finite()) {
        return nothing;
    }
    let total = n as f64;
    // Relative to the first score, a single score has exactly itself as mean and no spread.
    let mean = first + used().map(|&(s, c)| (s - first) * c as f64).sum::<f64>() / total;
    let squares: f64 = used().map(|&(s, c)| (s - mean) * (s - mean) * c as f64).sum();
    mean_from_squares(n, mean, squares, confidence)
}

/// The same from a mean that is known, and the sum of the squared distances from it.
pub fn mean_from_squares(n: u64, mean: f64, squares: f64, confidence: f64) -> MeanEstimate {
    let total = n as f64;
    if n < 2 || !is_confidence(confidence) {
        return MeanEstimate { n, mean: Some(mean), sd: None, interval: None };
    }
    let sd = (squares / (total - 1.0)).sqrt();
    let half = student_critical(confidence, total - 1.0) * sd / total.sqrt();
    let interval = Some(Interval::around(mean, half));
    MeanEstimate { n, mean: Some(mean), sd: Some(sd), interval }
}

/// Net promoter score from the number of promoters (9, 10), passives (7, 8) and detractors
/// (0 to 6).
///
/// `None` when there are no answers or `confidence` is outside (0, 1).
pub fn nps_from_counts(
    promoters: u64,
    passives: u64,
    detractors: u64,
    confidence: f64,
) -> Option<NpsEstimate> {
    let n = promoters as f64 + passives as f64 + detractors as f64;
    nps_from_shares(promoters as f64 / n, detractors as f64 / n, n, confidence)
}

/// Net promoter score from the shares of promoters and detractors and the effective number of
/// answers; see [`nps_from_counts`].
pub fn nps_from_shares(
    promoters: f64,
    detractors: f64,
    n: f64,
    confidence: f64,
) -> Option<NpsEstimate> {
    if !is_confidence(confidence) || !is_base(n) {
        return None;
    }
    let z = normal_critical(confidence);
    let error = |p: f64, d: f64, n: f64| ((p + d - (p - d) * (p - d)).max(0.0) / n).sqrt();
    let nps = promoters - detractors;
    let se = error(promoters, detractors, n);
    let n_adjusted = n + 3.0;
    let p = (promoters * n + 0.75) / n_adjusted;
    let d = (detractors * n + 0.75) / n_adjusted;
    let scaled = |centre: f64, se: f64| {
        Interval::around(100.0 * centre, 100.0 * z * se).clipped(-100.0, 100.0)
    };
    Some(NpsEstimate {
        n,
        nps: 100.0 * nps,
        se: 100.0 * se,
        wald: scaled(nps, se),
        interval: scaled(p - d, error(p, d, n_adjusted)),
    })
}

/// Difference of the shares `x1`/`n1` and `x2`/`n2`: Newcombe's interval from two Wilson
/// intervals (Newcombe 1998, method 10), z with pooled variance and its two-sided p-value.
///
/// `None` when a side is empty, has more successes than answers, or `confidence` is outside
/// (0, 1).
pub fn newcombe_difference(
    x1: u64,
    n1: u64,
    x2: u64,
    n2: u64,
    confidence: f64,
) -> Option<ShareDifference> {
    let (w1, w2) = (wilson(x1, n1, confidence)?, wilson(x2, n2, confidence)?);
    let (x1, n1, x2, n2) = (x1 as f64, n1 as f64, x2 as f64, n2 as f64);
    let (p1, p2) = (x1 / n1, x2 / n2);
    let difference = p1 - p2;
    let interval = Interval {
        low: difference - (p1 - w1.low).hypot(w2.high - p2),
        high: difference + (w1.high - p1).hypot(p2 - w2.low),
    };
    let pooled = (x1 + x2) / (n1 + n2);
    let variance = pooled * (1.0 - pooled) * (1.0 / n1 + 1.0 / n2);
    let z = (variance > 0.0).then(|| difference / variance.sqrt());
    Some(ShareDifference {
        difference,
        interval: interval.clipped(-1.0, 1.0),
        z,
        p_value: z.map(normal_two_sided),
    })
}

/// Difference of two means from their number, mean and sample variance (n - 1): Welch's t with
/// Satterthwaite's degrees of freedom (Welch 1947).
///
/// `None` when a side is empty, a mean or variance is not finite, a variance is negative, or
/// `confidence` is outside (0, 1). The variance of a side with one value is not looked at.
pub fn welch_from_moments(
    n1: u64,
    mean1: f64,
    var1: f64,
    n2: u64,
    mean2: f64,
    var2: f64,
    confidence: f64,
) -> Option<MeanDifference> {
    let difference = mean1 - mean2;
    if n1 == 0 || n2 == 0 || !difference.is_finite() || !is_confidence(confidence) {
        return None;
    }
    let only = MeanDifference { difference, interval: None, t: None, df: None, p_value: None };
    if n1 < 2 || n2 < 2 {
        return Some(only);
    }
    let (n1, n2) = (n1 as f64, n2 as f64);
    let (e1, e2) = (var1 / n1, var2 / n2);
    let squared = e1 + e2;
    if !(e1 >= 0.0 && e2 >= 0.0 && squared.is_finite()) {
        return None;
    }
    if squared == 0.0 {
        return Some(MeanDifference { interval: Some(Interval::around(difference, 0.0)), ..only });
    }
    // As shares of the whole, so that tiny or huge variances do not leave the range.
    let (s1, s2) = (e1 / squared, e2 / squared);
    let df = 1.0 / (s1 * s1 / (n1 - 1.0) + s2 * s2 / (n2 - 1.0));
    let se = squared.sqrt();
    let t = difference / se;
    Some(MeanDifference {
        difference,
        interval: Some(Interval::around(difference, student_critical(confidence, df) * se)),
        t: Some(t),
        df: Some(df),
        p_value: Some(student_two_sided(t, df)),
    })
}

#[cfg(test)]
mod tests;
