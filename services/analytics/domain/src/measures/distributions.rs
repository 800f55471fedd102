//! Quantiles and tail probabilities of the distributions behind intervals and tests.
//!
//! Normal comes from `libm` (the erfc of `statrs` is off by 4e-11 near 1.2), chi-square from
//! `statrs`. The incomplete beta function, on which t, F and beta rest, is evaluated here: the
//! one in `statrs` stops after 140 terms, which is wrong without a sign from about 20,000
//! answers on, and its inverse is bounded neither in time nor in error. Relative errors are
//! about 1e-13 for shapes up to 1e12.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    f64::consts::{PI, SQRT_2},
};

use libm::erfc;
use statrs::function::erf::erfc_inv;
use statrs::function::gamma::checked_gamma_ur;

/// The terms needed grow with the square root of the shapes, which are at most 1e12.
const TERMS_MAX: u32 = 2_000_000;
const STEPS_MAX: u32 = 200;
/// From so many degrees of freedom on t is expanded around the normal, since the terms of the
/// beta function grow with them; what is left out there is below 1e-15.
const EXPANSION_FROM: f64 = 1e5;
/// Beyond this the exponential leaves the range of a double.
const LOGIT_MAX: f64 = 745.0;

/// z with P(|Z| > z) = 1 - `confidence`, 0 < `confidence` < 1.
pub fn normal_critical(confidence: f64) -> f64 {
    let (known, z) = LAST.get();
    if known == confidence.to_bits() {
        return z;
    }
    let z = normal_found(confidence);
    LAST.set((confidence.to_bits(), z));
    z
}

fn normal_found(confidence: f64) -> f64 {
    let tails = 1.0 - confidence;
    let z = SQRT_2 * erfc_inv(tails);
    // One Newton step to full precision.
    let density = (-z * z / 2.0).exp() / (2.0 * PI).sqrt();
    let better = z + (erfc(z / SQRT_2) - tails) / (2.0 * density);
    if better.is_finite() { better.max(0.0) } else { z }
}

/// Two-sided P(|Z| ≥ |`z`|) of the standard normal.
pub fn normal_two_sided(z: f64) -> f64 {
    erfc(z.abs() / SQRT_2).clamp(0.0, 1.0)
}

/// t with P(|T| > t) = 1 - `confidence`, for `df` > 0 degrees of freedom.
pub fn student_critical(confidence: f64, df: f64) -> f64 {
    // Below one half, 1 - confidence has lost the digits that a z near 0 needs.
    if df >= EXPANSION_FROM && confidence >= 0.5 {
        return student_expansion(normal_critical(confidence), df);
    }
    let key = (confidence.to_bits(), df.to_bits());
    KNOWN.with_borrow_mut(|known| {
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        *known.entry(key).or_insert_with(|| student_iterated(confidence, df))
    })
}

/// The bits of a negative number, which is no confidence.
const NO_CONFIDENCE: u64 = u64::MAX;

/// Quantiles of t that are remembered, on each thread.
const KNOWN_MAX: usize = 4_096;

thread_local! {
    /// The quantile of the normal that was asked for last: all intervals of an answer have the
    /// same confidence.
    static LAST: Cell<(u64, f64)> = const { Cell::new((NO_CONFIDENCE, 0.0)) };

    /// Quantiles of t that were found, by the bits of confidence and degrees of freedom. A wide
    /// answer asks for the same few again and again, and each takes some microseconds.
    static KNOWN: RefCell<HashMap<(u64, u64), f64>> = RefCell::new(HashMap::new());
}

/// The quantile of t for that of the normal, `z` (Abramowitz & Stegun 26.7.5).
fn student_expansion(z: f64, df: f64) -> f64 {
    let s = z * z;
    let first = (s + 1.0) / 4.0;
    let second = ((5.0 * s + 16.0) * s + 3.0) / 96.0;
    let third = (((3.0 * s + 19.0) * s + 17.0) * s - 15.0) / 384.0;
    z * (1.0 + (first + (second + third / df) / df) / df)
}

fn student_iterated(confidence: f64, df: f64) -> f64 {
    // With x = df/(df + t²) the two-sided tail is I_x(df/2, 1/2), and logit x = ln(df/t²).
    let logit = beta_logit_quantile(1.0 - confidence, confidence, df / 2.0, 0.5);
    df.sqrt() * (-logit / 2.0).exp()
}

/// Two-sided P(|T| ≥ |`t`|) for `df` > 0 degrees of freedom.
pub fn student_two_sided(t: f64, df: f64) -> f64 {
    let ratio = t * t / df;
    let (x, y) = split(ratio);
    beta_tails(df / 2.0, 0.5, y, x).0
}

/// P(F ≥ `f`) with `df1` and `df2` degrees of freedom, all positive.
pub fn f_upper(f: f64, df1: f64, df2: f64) -> f64 {
    if f <= 0.0 {
        return 1.0;
    }
    let (x, y) = split(f * df1 / df2);
    beta_tails(df1 / 2.0, df2 / 2.0, x, y).1
}

/// f with P(F ≤ f) = `p`, 0 < `p` < 1.
pub fn f_quantile(p: f64, df1: f64, df2: f64) -> f64 {
    let logit = beta_logit_quantile(p, 1.0 - p, df1 / 2.0, df2 / 2.0);
    df2 / df1 * logit.exp()
}

/// P(χ² ≥ `x`) with `df` > 0 degrees of freedom.
pub fn chi_square_upper(x: f64, df: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    checked_gamma_ur(df / 2.0, x / 2.0).unwrap_or(0.0).clamp(0.0, 1.0)
}

/// x with P(Beta(`a`, `b`) ≤ x) = `p`, 0 < `p` < 1, `a`, `b` > 0.
pub fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    1.0 / (1.0 + (-beta_logit_quantile(p, 1.0 - p, a, b)).exp())
}

/// (r/(1 + r), 1/(1 + r)) without loss at either end.
fn split(ratio: f64) -> (f64, f64) {
    (1.0 / (1.0 + 1.0 / ratio), 1.0 / (1.0 + ratio))
}

/// (I_x(a, b), 1 - I_x(a, b)) with y = 1 - x given apart, so that neither end loses digits.
fn beta_tails(a: f64, b: f64, x: f64, y: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    if y <= 0.0 {
        return (1.0, 0.0);
    }
    let kernel = ln_beta_kernel(a, b, x, y).exp();
    if x <= (a + 1.0) / (a + b + 2.0) {
        let lower = (kernel * continued_fraction(a, b, x, y)).clamp(0.0, 1.0);
        (lower, 1.0 - lower)
    } else {
        let upper = (kernel * continued_fraction(b, a, y, x)).clamp(0.0, 1.0);
        (1.0 - upper, upper)
    }
}

/// ln of x^a·y^b/B(a, b), as a deviation from its maximum so that large shapes keep their
/// digits (the saddle-point form of Loader 2000).
fn ln_beta_kernel(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let n = a + b;
    let (x0, y0) = (a / n, b / n);
    // The smaller coordinate carries the digits of the difference.
    let shift = if x0 <= 0.5 { x - x0 } else { y0 - y };
    let ln_ratio = |v: f64, v0: f64, shift: f64| {
        if (shift / v0).abs() < 0.5 { (shift / v0).ln_1p() } else { v.ln() - v0.ln() }
    };
    a * ln_ratio(x, x0, shift)
        + b * ln_ratio(y, y0, -shift)
        + 0.5 * (a / n * b / (2.0 * PI)).ln()
        + stirling_error(n)
        - stirling_error(a)
        - stirling_error(b)
}

/// ln Γ(z) minus Stirling's formula (z - ½) ln z - z + ½ ln 2π.
fn stirling_error(z: f64) -> f64 {
    if z < 12.0 {
        // Γ(z + 1) = z·Γ(z), one step up; a Lanczos sum would cost four digits here.
        return stirling_error(z + 1.0) + (z + 0.5) * (1.0 / z).ln_1p() - 1.0;
    }
    let r = 1.0 / (z * z);
    (1.0 / 12.0 - r * (1.0 / 360.0 - r * (1.0 / 1260.0 - r * (1.0 / 1680.0 - r / 1188.0)))) / z
}

/// I_x(a, b) divided by the kernel, for x ≤ (a+1)/(a+b+2): the continued fraction of Didonato &
/// Morris (1992, TOMS 708), which unlike the usual one loses no digits when x is close to 1.
fn continued_fraction(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let away_from_zero = |v: f64| if v.abs() < 1e-300 { 1e-300 } else { v };
    let distance = a * y - b * x + 1.0;
    let denominator = |m: f64| {
        let first = if m == 0.0 { 0.0 } else { m + m * (b - m) * x / (a + 2.0 * m - 1.0) };
        first + (a + m) * (distance + m * (1.0 + y)) / (a + 2.0 * m + 1.0)
    };
    // Lentz's method.
    let mut value = away_from_zero(denominator(0.0));
    let (mut c, mut d) = (value, 0.0);
    for m in 1..TERMS_MAX {
        let m = f64::from(m);
        let step = a + 2.0 * m - 1.0;
        let numerator = m * (a + m - 1.0) / step * ((a + b + m - 1.0) / step) * (b - m) * x * x;
        let denominator = denominator(m);
        d = 1.0 / away_from_zero(denominator + numerator * d);
        c = away_from_zero(denominator + numerator / c);
        value *= c * d;
        if (c * d - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    1.0 / value
}

/// logit of the `p` quantile of Beta(a, b), `q` = 1 - `p`: Newton steps on the logarithm of the
/// smaller tail, kept inside a bracket.
fn beta_logit_quantile(p: f64, q: f64, a: f64, b: f64) -> f64 {
    let low_tail = p <= q;
    let target = p.min(q).max(f64::MIN_POSITIVE);
    let (mut low, mut high) = (-LOGIT_MAX, LOGIT_MAX);
    let spread = (1.0 / a + 1.0 / b).sqrt() * SQRT_2 * erfc_inv((2.0 * target).min(1.0));
    let start = (a / b).ln() + if low_tail { -spread } else { spread };
    let mut logit = start.clamp(-700.0, 700.0);
    for _ in 0..STEPS_MAX {
        let (x, y) = (1.0 / (1.0 + (-logit).exp()), 1.0 / (1.0 + logit.exp()));
        let (lower, upper) = beta_tails(a, b, x, y);
        let tail = if low_tail { lower } else { upper };
        let excess = if low_tail { (tail / target).ln() } else { (target / tail).ln() };
        if excess > 0.0 {
            high = logit;
        } else {
            low = logit;
        }
        let slope = ln_beta_kernel(a, b, x, y).exp() / tail;
        let mut next = logit - excess / slope;
        // At the solution the step is 0 and ends on the bracket itself.
        if !(low..=high).contains(&next) {
            next = low + (high - low) / 2.0;
        }
        let moved = (next - logit).abs();
        logit = next;
        if moved <= 1e-15 * logit.abs().max(1.0) {
            break;
        }
    }
    logit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(actual: f64, expected: f64) {
        let error = (actual - expected).abs() / expected.abs().max(1e-300);
        assert!(error < 1e-12, "{actual} is not {expected} (relative error {error:e})");
    }

    #[test]
    fn published_quantiles_are_met() {
        check(normal_critical(0.95), 1.959_963_984_540_054);
        check(student_critical(0.95, 1.0), 12.706_204_736_174_707);
        check(student_critical(0.95, 10.0), 2.228_138_851_986_275);
        // Closed forms: t with 2 degrees of freedom, F and beta with shape 1.
        let c: f64 = 0.99;
        check(student_critical(c, 2.0), (2.0 * c * c / (1.0 - c * c)).sqrt());
        check(beta_quantile(0.025, 1.0, 7.0), 1.0 - 0.975_f64.powf(1.0 / 7.0));
        check(beta_quantile(0.975, 9.0, 1.0), 0.975_f64.powf(1.0 / 9.0));
        check(f_quantile(0.5, 7.0, 7.0), 1.0);
    }

    #[test]
    fn a_quantile_that_is_remembered_is_the_one_that_is_found() {
        for confidence in [0.95, 0.95, 0.9, 0.95, 0.99, 0.99] {
            assert_eq!(normal_critical(confidence), normal_found(confidence));
        }
        for df in (1..10_000).chain(1..100) {
            let df = f64::from(df);
            assert_eq!(student_critical(0.9, df), student_iterated(0.9, df));
        }
    }

    #[test]
    fn tails_have_their_closed_forms() {
        check(student_two_sided(1.0, 1.0), 0.5);
        check(student_two_sided(3.0, 2.0), 1.0 - 3.0 / 11.0_f64.sqrt());
        check(chi_square_upper(3.0, 2.0), (-1.5_f64).exp());
        check(f_upper(2.0, 2.0, 4.0), 0.25);
        check(f_upper(5.0, 2.0, 1e3), (1.0 + 10.0 / 1e3_f64).powf(-500.0));
        check(normal_two_sided(0.0), 1.0);
    }

    #[test]
    fn t_becomes_normal_when_there_are_very_many_answers() {
        for confidence in [0.5, 0.8, 0.95, 0.99, 0.999, 1.0 - 1e-9] {
            let z = normal_critical(confidence);
            for df in [1e5, 1e6, 1e9, 1e12] {
                check(student_iterated(confidence, df), student_expansion(z, df));
            }
        }
        check(student_iterated(0.95, 1e4), student_expansion(normal_critical(0.95), 1e4));
        check(student_two_sided(1.0, 1e12), normal_two_sided(1.0));
        let ratio: f64 = student_two_sided(3.0, 1e12) / normal_two_sided(3.0);
        assert!((ratio - 1.0).abs() < 1e-10);
    }

    #[test]
    fn quantile_and_tail_are_inverse_over_the_whole_range() {
        for &(a, b) in &[(0.5, 0.5), (0.5, 4e5), (1.0, 1e12), (3.0, 2.0), (5e5, 7e5), (1e9, 2e9)] {
            for p in [1e-12, 1e-4, 0.025, 0.3, 0.5, 0.8, 0.975, 0.999_999] {
                let logit = beta_logit_quantile(p, 1.0 - p, a, b);
                let (x, y) = (1.0 / (1.0 + (-logit).exp()), 1.0 / (1.0 + logit.exp()));
                let (lower, upper) = beta_tails(a, b, x, y);
                let error = (lower / p - 1.0).abs().min((upper / (1.0 - p) - 1.0).abs());
                assert!(error < 1e-10, "a {a} b {b} p {p}: {lower} {error:e}");
            }
        }
    }

    #[test]
    fn extreme_arguments_stay_within_bounds() {
        for t in [0.0, 1e-300, 1e200, f64::INFINITY] {
            let p = student_two_sided(t, 3.0);
            assert!((0.0..=1.0).contains(&p), "t {t} gave {p}");
        }
        assert_eq!(f_upper(f64::INFINITY, 1.0, 1.0), 0.0);
        assert_eq!(chi_square_upper(f64::INFINITY, 3.0), 0.0);
        assert!(student_critical(1.0 - 1e-16, 1.0).is_finite());
        assert!(student_critical(1e-16, 1.0) >= 0.0);
        assert!(beta_quantile(0.025, 1e-3, 5.0) >= 0.0);
    }
}
