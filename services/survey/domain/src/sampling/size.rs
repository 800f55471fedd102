//! How many answers a margin of error needs.

use crate::{Error, Result};

/// Rounding errors up to here do not make one answer more.
const SLACK: f64 = 1e-9;
/// Sizes beyond this are no sizes of samples.
const SIZE_MAX: f64 = 1e15;

/// A wanted margin of a share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Margin of error, above 0 and below 1.
    pub margin: f64,
    /// Expected share, 0 to 1.
    pub proportion: f64,
    /// Size of the population; `None` means without bound.
    pub population: Option<u64>,
    /// Confidence, 0.5 to 0.999.
    pub confidence: f64,
    /// Design effect, above 0 up to 100.
    pub design_effect: f64,
    /// Fewest answers.
    pub min: u64,
}

/// A wanted margin of a mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// Margin of error in the unit of the scores, above 0.
    pub margin: f64,
    /// Expected standard deviation, 0 or more.
    pub deviation: f64,
    /// Size of the population; `None` means without bound.
    pub population: Option<u64>,
    /// Confidence, 0.5 to 0.999.
    pub confidence: f64,
    /// Fewest answers.
    pub min: u64,
}

/// The size of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    /// For an unbounded population, not rounded.
    pub unbounded: f64,
    /// With the correction for the finite population, not rounded.
    pub exact: f64,
    /// Answers: rounded up, at least the fewest, at most the population.
    pub n: u64,
}

/// Answers that a margin of a share needs: n₀ = z²p(1-p)/e²·deff, and n₀/(1+(n₀-1)/N).
///
/// # Errors
/// Invalid, with the field.
pub fn for_share(wanted: &Share) -> Result<Size> {
    if !(wanted.margin > 0.0 && wanted.margin < 1.0) {
        return Err(Error::invalid("margin", "is not above 0 and below 1"));
    }
    if !(0.0..=1.0).contains(&wanted.proportion) {
        return Err(Error::invalid("proportion", "is not between 0 and 1"));
    }
    if !(wanted.design_effect > 0.0 && wanted.design_effect <= 100.0) {
        return Err(Error::invalid("designEffect", "is not above 0 and at most 100"));
    }
    check_confidence("confidence", wanted.confidence)?;
    let z = critical(wanted.confidence) / wanted.margin;
    let p = wanted.proportion;
    let unbounded = z * z * p * (1.0 - p) * wanted.design_effect;
    sized(unbounded, wanted.population, wanted.min, |n0, n| n0 / (1.0 + (n0 - 1.0) / n))
}

/// Answers that a margin of a mean needs: n₀ = (z·sd/e)², and n₀/(1+n₀/N).
///
/// # Errors
/// Invalid, with the field.
pub fn for_mean(wanted: &Mean) -> Result<Size> {
    if !(wanted.margin > 0.0 && wanted.margin.is_finite()) {
        return Err(Error::invalid("margin", "is not above 0"));
    }
    if !(wanted.deviation >= 0.0 && wanted.deviation.is_finite()) {
        return Err(Error::invalid("deviation", "is not 0 or more"));
    }
    check_confidence("confidence", wanted.confidence)?;
    let root = critical(wanted.confidence) * wanted.deviation / wanted.margin;
    sized(root * root, wanted.population, wanted.min, |n0, n| n0 / (1.0 + n0 / n))
}

fn sized(
    unbounded: f64,
    population: Option<u64>,
    min: u64,
    corrected: impl Fn(f64, f64) -> f64,
) -> Result<Size> {
    let exact = match population {
        Some(0) => 0.0,
        Some(n) => corrected(unbounded, n as f64).max(0.0),
        None => unbounded,
    };
    if !(unbounded.is_finite() && exact <= SIZE_MAX) {
        return Err(Error::invalid("margin", "is too small for any sample"));
    }
    let n = ((exact - SLACK * exact.max(1.0)).ceil().max(0.0) as u64).max(min);
    Ok(Size { unbounded, exact, n: population.map_or(n, |all| n.min(all)) })
}

/// Invitations that `answers` need when this share of the invited answers.
pub fn invitations(answers: u64, response_rate: f64) -> u64 {
    let exact = answers as f64 / response_rate;
    (exact - SLACK * exact.max(1.0)).ceil().max(0.0) as u64
}

/// Margin of error of a share from `n` answers of `population`: z√(p(1-p)/n·(N-n)/(N-1)).
/// `None` without answers.
pub fn margin(n: u64, proportion: f64, population: Option<u64>, confidence: f64) -> Option<f64> {
    if n == 0 {
        return None;
    }
    let finite = match population {
        Some(all) if all <= 1 || n >= all => 0.0,
        Some(all) => (all - n) as f64 / (all - 1) as f64,
        None => 1.0,
    };
    let variance = proportion * (1.0 - proportion) / n as f64 * finite;
    Some(critical(confidence) * variance.sqrt())
}

/// Refuses a confidence that is not between 0.5 and 0.999.
pub fn check_confidence(field: &str, confidence: f64) -> Result<()> {
    if (0.5..=0.999).contains(&confidence) {
        return Ok(());
    }
    Err(Error::invalid(field, "is not between 0.5 and 0.999"))
}

/// Refuses a rate that is not above 0 and at most 1.
pub fn check_rate(field: &str, rate: f64) -> Result<()> {
    if rate > 0.0 && rate <= 1.0 {
        return Ok(());
    }
    Err(Error::invalid(field, "is not above 0 and at most 1"))
}

/// Two-sided critical value of the standard normal distribution.
fn critical(confidence: f64) -> f64 {
    normal_quantile(0.5 + confidence / 2.0)
}

/// Quantile of the standard normal distribution for 0.5 ≤ p < 1: Newton's steps on the upper
/// tail from the rational start of Abramowitz and Stegun 26.2.23.
fn normal_quantile(p: f64) -> f64 {
    let tail = 1.0 - p;
    let t = (-2.0 * libm::log(tail)).sqrt();
    let above = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let below = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let mut z = (t - above / below).max(0.0);
    for _ in 0..4 {
        let upper = 0.5 * libm::erfc(z / std::f64::consts::SQRT_2);
        let density = libm::exp(-z * z / 2.0) / (2.0 * std::f64::consts::PI).sqrt();
        z += (upper - tail) / density;
    }
    z
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn share(margin: f64, proportion: f64, population: Option<u64>) -> Share {
        Share { margin, proportion, population, confidence: 0.95, design_effect: 1.0, min: 10 }
    }

    fn close(actual: f64, expected: f64) {
        assert!((actual - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{actual} {expected}");
    }

    #[test]
    fn sizes_for_a_share_are_those_of_the_reference() {
        let infinite = for_share(&share(0.05, 0.5, None)).unwrap();
        close(infinite.unbounded, 384.145_882_069_412_6);
        assert_eq!(infinite.n, 385);
        let finite = for_share(&share(0.05, 0.5, Some(1200))).unwrap();
        close(finite.exact, 291.176_614_678_573_1);
        assert_eq!((finite.n, invitations(finite.n, 0.7)), (292, 418));
        let tiny = for_share(&share(0.05, 0.5, Some(8))).unwrap();
        close(tiny.exact, 7.856_830_909_982_424);
        assert_eq!(tiny.n, 8);
        assert_eq!(for_share(&share(0.3, 0.9, Some(500))).unwrap().n, 10);
        let mut dear = share(0.04, 0.3, Some(5000));
        (dear.design_effect, dear.confidence) = (1.5, 0.9);
        let dear = for_share(&dear).unwrap();
        close(dear.unbounded, 532.653_867_525_034_8);
        close(dear.exact, 481.459_867_411_546_9);
        assert_eq!(dear.n, 482);
        assert_eq!(for_share(&share(0.05, 0.5, Some(0))).unwrap().n, 0);
    }

    #[test]
    fn sizes_for_a_mean_and_margins_are_those_of_the_reference() {
        let wanted =
            Mean { margin: 2.5, deviation: 18.0, population: Some(900), confidence: 0.95, min: 10 };
        let size = for_mean(&wanted).unwrap();
        close(size.unbounded, 199.141_225_264_783_5);
        close(size.exact, 163.061_032_211_879_1);
        assert_eq!(size.n, 164);
        close(margin(200, 0.5, Some(1500), 0.95).unwrap(), 0.064_531_826_464_439_45);
        assert_eq!(margin(0, 0.5, None, 0.95), None);
        assert_eq!(margin(10, 0.5, Some(10), 0.95), Some(0.0));
    }

    #[test]
    fn impossible_wishes_are_refused_with_their_field() {
        for (wanted, field) in [
            (share(0.0, 0.5, None), "margin"),
            (share(1.0, 0.5, None), "margin"),
            (share(f64::NAN, 0.5, None), "margin"),
            (share(1e-300, 0.5, None), "margin"),
            (share(0.05, 1.5, None), "proportion"),
            (Share { confidence: 1.0, ..share(0.05, 0.5, None) }, "confidence"),
            (Share { design_effect: 0.0, ..share(0.05, 0.5, None) }, "designEffect"),
        ] {
            match for_share(&wanted) {
                Err(Error::Invalid { field: actual, .. }) => assert_eq!(actual, field),
                other => panic!("{wanted:?} gave {other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn a_sample_reaches_its_margin_and_one_less_does_not(
            margin_wanted in 0.005f64..0.5,
            population in 1u64..5_000_000,
            confidence in 0.5f64..0.999,
        ) {
            let wanted = Share {
                margin: margin_wanted,
                proportion: 0.5,
                population: Some(population),
                confidence,
                design_effect: 1.0,
                min: 0,
            };
            let size = for_share(&wanted).unwrap();
            prop_assert!(size.n <= population);
            let reached = margin(size.n, 0.5, Some(population), confidence);
            prop_assert!(reached.unwrap_or(f64::INFINITY) <= margin_wanted * (1.0 + 1e-6));
            if size.n > 1 {
                let fewer = margin(size.n - 1, 0.5, Some(population), confidence).unwrap();
                prop_assert!(fewer >= margin_wanted * (1.0 - 1e-6));
            }
        }

        #[test]
        fn invitations_bring_the_answers(answers in 0u64..1_000_000, rate in 0.01f64..=1.0) {
            let invited = invitations(answers, rate);
            prop_assert!(invited as f64 * rate >= answers as f64 * (1.0 - 1e-8));
            prop_assert!(invited == 0 || (invited - 1) as f64 * rate < answers as f64);
        }
    }
}
