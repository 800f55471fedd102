//! Split-half reliability.

use serde::Serialize;

use super::block::{bootstrap, covariances};
use crate::measures::covariance::Covariances;
use crate::measures::reason::{Reason, Result};
use crate::measures::resample::{Interval, Resampling};

/// A variance below this part of what it was added up from is rounding.
const NEGLIGIBLE: f64 = 1e-12;

/// How a block is cut in two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Items 1, 3, 5, … against 2, 4, 6, …
    OddEven,
    /// The first half, which takes the middle item, against the rest.
    FirstSecond,
}

impl Split {
    fn halves(self, k: usize) -> (Vec<usize>, Vec<usize>) {
        (0..k).partition(|j| match self {
            Split::OddEven => j % 2 == 0,
            Split::FirstSecond => *j < k.div_ceil(2),
        })
    }
}

/// Agreement of the two halves of a block.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SplitHalf {
    /// Respondents with all answers.
    pub n: usize,
    /// Items of the first half.
    pub k1: usize,
    /// Items of the second half.
    pub k2: usize,
    /// Correlation of the sums of the halves.
    pub r: Option<f64>,
    /// Reliability of the whole block if its halves are equal.
    pub spearman_brown: Option<f64>,
    /// Reliability of the whole block with the sizes of its halves.
    pub horst: Option<f64>,
    /// Guttman's coefficient, which does not assume halves of equal variance.
    pub guttman: Option<f64>,
    /// Percentile interval of `spearman_brown`; only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spearman_brown_ci: Option<Interval>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Split-half reliability of a block; rows with a missing answer are left out.
///
/// Formula: r = correlation of the half sums; Spearman-Brown 2r/(1+r); Horst with p_i = k_i/k:
/// \[√(r⁴ + 4r²(1-r²)p₁p₂) - r²\]/\[2p₁p₂(1-r²)\], where the root takes the sign of r so that
/// equal halves give Spearman-Brown for every r; Guttman 2(1 - (s_a² + s_b²)/s_T²).
///
/// Source: Spearman (1910); Brown (1910); Horst (1951); Guttman (1945).
///
/// Edge cases: fewer than two items: `too_few_items`; fewer than two complete rows:
/// `n_too_small`; a half or the total that does not vary: `zero_variance`; r = -1:
/// `zero_denominator`, with `spearman_brown` missing.
///
/// Errors: as [`super::alpha::alpha`]; rows × items² × resamples above 1e11.
pub fn split_half(
    items: &[Vec<Option<f64>>],
    split: Split,
    resampling: Option<Resampling>,
) -> Result<SplitHalf> {
    let covariances = covariances(items)?;
    let (n, k) = (covariances.n, covariances.order());
    let (first, second) = split.halves(k);
    let mut result = SplitHalf {
        n,
        k1: first.len(),
        k2: second.len(),
        r: None,
        spearman_brown: None,
        horst: None,
        guttman: None,
        spearman_brown_ci: None,
        reason: None,
    };
    if k < 2 {
        result.reason = Some(Reason::TooFewItems);
    } else if n < 2 {
        result.reason = Some(Reason::NTooSmall);
    } else if let Some(halves) = Halves::of(&covariances, &first, &second) {
        let r = halves.correlation();
        result.r = Some(r);
        result.spearman_brown = spearman_brown(r);
        result.horst = horst(r, first.len() as f64 / k as f64);
        result.guttman = halves.guttman();
        result.reason = match (result.spearman_brown, result.guttman) {
            (Some(_), Some(_)) => None,
            (None, _) => Some(Reason::ZeroDenominator),
            (_, None) => Some(Reason::ZeroVariance),
        };
        if let Some(how) = resampling {
            let statistic = |resample: &Covariances| {
                spearman_brown(Halves::of(resample, &first, &second)?.correlation())
            };
            result.spearman_brown_ci = Some(bootstrap(items, &covariances, &how, 0, statistic)?);
        }
    } else {
        result.reason = Some(Reason::ZeroVariance);
    }
    Ok(result)
}

/// Variances of the sums of the halves, and their covariance.
struct Halves {
    first: f64,
    second: f64,
    covariance: f64,
    /// What the variance of the total was added up from.
    size: f64,
}

impl Halves {
    /// `None` when a half does not vary.
    fn of(c: &Covariances, first: &[usize], second: &[usize]) -> Option<Halves> {
        let variance = |half: &[usize]| {
            let variance = c.of_sums(half, half);
            (variance > NEGLIGIBLE * c.size_of(half)).then_some(variance)
        };
        let (a, b) = (variance(first)?, variance(second)?);
        let all: Vec<usize> = (0..c.order()).collect();
        let covariance = c.of_sums(first, second);
        Some(Halves { first: a, second: b, covariance, size: c.size_of(&all) })
    }

    fn correlation(&self) -> f64 {
        let r = self.covariance / self.first.sqrt() / self.second.sqrt();
        if 1.0 - r.abs() <= NEGLIGIBLE { r.signum() } else { r }
    }

    fn guttman(&self) -> Option<f64> {
        let total = self.first + self.second + 2.0 * self.covariance;
        let guttman = 2.0 * (1.0 - (self.first + self.second) / total);
        (total > NEGLIGIBLE * self.size).then_some(guttman)
    }
}

fn spearman_brown(r: f64) -> Option<f64> {
    (r > -1.0).then(|| 2.0 * r / (1.0 + r))
}

/// The formula multiplied by its conjugate: it then has no difference of near equals, and its
/// limit at r = 1 and r = 0 is a plain value.
fn horst(r: f64, share: f64) -> Option<f64> {
    let root = (r * r + 4.0 * (1.0 - r * r) * share * (1.0 - share)).sqrt();
    let below = root + r;
    (below > NEGLIGIBLE).then(|| 2.0 * r / below)
}
