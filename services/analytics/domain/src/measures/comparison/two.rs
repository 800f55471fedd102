//! Two groups: means, shares, net promoter scores.

use serde::Serialize;

use crate::intervals::{Interval, newcombe_difference, nps_from_counts, welch_from_moments};
use crate::measures::distributions::{normal_critical, normal_two_sided};
use crate::measures::reason::{Invalid, Reason, Result};
use crate::measures::sample::{Moments, largest, present};

/// Difference of two means, a - b, in the unit of the values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Welch {
    /// Values of a.
    pub n_a: usize,
    /// Values of b.
    pub n_b: usize,
    /// mean(a) - mean(b).
    pub mean_diff: Option<f64>,
    /// Welch's t.
    pub t: Option<f64>,
    /// Satterthwaite's degrees of freedom.
    pub df: Option<f64>,
    /// Two-sided p-value.
    pub p: Option<f64>,
    /// Lower end of the t interval.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// Difference in pooled standard deviations, corrected for small samples.
    pub hedges_g: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Welch's t test of two means; missing values are left out.
///
/// Formula: t = (mean(a) - mean(b))/√(s_a²/n_a + s_b²/n_b), Satterthwaite df, two-sided p and t
/// interval; g = diff/s_pooled·(1 - 3/(4(n_a+n_b) - 9)).
///
/// Source: Welch (1947); Hedges (1981).
///
/// Edge cases: fewer than two values on a side: `n_too_small`; both sides constant:
/// `zero_variance`, the interval is the difference. One constant side is fine.
pub fn welch(a: &[Option<f64>], b: &[Option<f64>], confidence: f64) -> Welch {
    let (a, b) = (present(a), present(b));
    let scale = largest(&a).max(largest(&b));
    welch_of(&Moments::with_scale(&a, scale), &Moments::with_scale(&b, scale), confidence)
}

/// [`welch`] of the moments of two groups.
pub fn welch_of(a: &Moments, b: &Moments, confidence: f64) -> Welch {
    let (n_a, n_b) = (a.n as u64, b.n as u64);
    let found = welch_from_moments(n_a, a.mean, a.variance, n_b, b.mean, b.variance, confidence);
    let interval = found.and_then(|d| d.interval);
    let t = found.and_then(|d| d.t);
    let n = (a.n + b.n) as f64;
    let pooled = || {
        let (a, b) = ((a.n as f64 - 1.0) * a.variance, (b.n as f64 - 1.0) * b.variance);
        ((a + b) / (n - 2.0)).sqrt()
    };
    Welch {
        n_a: a.n,
        n_b: b.n,
        mean_diff: found.map(|d| d.difference),
        t,
        df: found.and_then(|d| d.df),
        p: found.and_then(|d| d.p_value),
        ci_low: interval.map(|i| i.low),
        ci_high: interval.map(|i| i.high),
        hedges_g: t.map(|_| (a.mean - b.mean) / pooled() * (1.0 - 3.0 / (4.0 * n - 9.0))),
        reason: match t {
            Some(_) => None,
            None if interval.is_some() => Some(Reason::ZeroVariance),
            None => Some(Reason::NTooSmall),
        },
    }
}

/// Difference of two shares, first minus second, in \[-1, 1\].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TwoProportions {
    /// First share.
    pub p1: Option<f64>,
    /// Second share.
    pub p2: Option<f64>,
    /// p1 - p2.
    pub diff: Option<f64>,
    /// Lower end of Newcombe's interval.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// z with pooled variance.
    pub z: Option<f64>,
    /// Two-sided p-value.
    pub p: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Two shares x1/n1 and x2/n2.
///
/// Formula: z with pooled variance without continuity correction; interval
/// diff - √[(p1-l1)² + (u2-p2)²] to diff + √[(u1-p1)² + (p2-l2)²] from Wilson limits l, u.
///
/// Source: Newcombe (1998), method 10.
///
/// Edge cases: an empty side: `no_data`; all answers of both sides alike: z and p `None`,
/// `zero_variance`, interval still given.
///
/// Errors: more successes than answers on a side.
pub fn two_proportions(
    (x1, n1): (u64, u64),
    (x2, n2): (u64, u64),
    confidence: f64,
) -> Result<TwoProportions> {
    for (field, x, n, of) in [("x1", x1, n1, "n1"), ("x2", x2, n2, "n2")] {
        if x > n {
            return Err(Invalid::new(field, format!("must not be larger than {of}")));
        }
    }
    let share = |x: u64, n: u64| (n > 0).then(|| x as f64 / n as f64);
    let found = newcombe_difference(x1, n1, x2, n2, confidence);
    Ok(TwoProportions {
        p1: share(x1, n1),
        p2: share(x2, n2),
        diff: found.map(|d| d.difference),
        ci_low: found.map(|d| d.interval.low),
        ci_high: found.map(|d| d.interval.high),
        z: found.and_then(|d| d.z),
        p: found.and_then(|d| d.p_value),
        reason: match found {
            None => Some(Reason::NoData),
            Some(d) if d.z.is_none() => Some(Reason::ZeroVariance),
            Some(_) => None,
        },
    })
}

/// How many answers of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NpsCounts {
    /// 9 and 10.
    pub promoters: u64,
    /// 7 and 8.
    pub passives: u64,
    /// 0 to 6.
    pub detractors: u64,
}

/// Difference of two net promoter scores, a - b, on -200..200.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NpsDifference {
    /// Score of a, -100..100.
    pub nps_a: Option<f64>,
    /// Score of b.
    pub nps_b: Option<f64>,
    /// a - b.
    pub diff: Option<f64>,
    /// Standard error of the difference.
    pub se: Option<f64>,
    /// diff/se.
    pub z: Option<f64>,
    /// Two-sided p-value.
    pub p: Option<f64>,
    /// Lower end of the interval.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Two net promoter scores.
///
/// Formula: variance (p+d-(p-d)²)/n of each side, added; z, two-sided p, normal interval.
///
/// Source: the multinomial variance; Rocks (2016).
///
/// Edge cases: an empty side: `no_data`; variance 0: z and p `None`, `zero_variance`.
pub fn nps_difference(a: NpsCounts, b: NpsCounts, confidence: f64) -> NpsDifference {
    let score = |c: NpsCounts| nps_from_counts(c.promoters, c.passives, c.detractors, confidence);
    let (a, b) = (score(a), score(b));
    let both = a.zip(b).map(|(a, b)| (a.nps - b.nps, a.se.hypot(b.se)));
    let z = both.filter(|(_, se)| *se > 0.0).map(|(diff, se)| diff / se);
    let interval = both.map(|(diff, se)| Interval::around(diff, normal_critical(confidence) * se));
    NpsDifference {
        nps_a: a.map(|e| e.nps),
        nps_b: b.map(|e| e.nps),
        diff: both.map(|(diff, _)| diff),
        se: both.map(|(_, se)| se),
        z,
        p: z.map(normal_two_sided),
        ci_low: interval.map(|i| i.low),
        ci_high: interval.map(|i| i.high),
        reason: match (both, z) {
            (None, _) => Some(Reason::NoData),
            (Some(_), None) => Some(Reason::ZeroVariance),
            (Some(_), Some(_)) => None,
        },
    }
}
