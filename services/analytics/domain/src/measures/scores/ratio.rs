//! Perceived against expected: the ratio CSD and the gap.

use serde::Serialize;

use crate::intervals::Interval;
use crate::measures::distributions::student_critical;
use crate::measures::reason::{Invalid, Reason, Result};
use crate::measures::sample::{Moments, largest};

/// CSD and gap; the gap in the unit of the answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Csd {
    /// Complete pairs.
    pub n: usize,
    /// Complete pairs with a positive expectation.
    pub n_ratio: usize,
    /// Mean of perceived ÷ expected over those.
    pub mean_of_ratios: Option<f64>,
    /// Mean of perceived minus expected.
    pub gap: Option<f64>,
    /// Mean perceived ÷ mean expected: the headline.
    pub csd: Option<f64>,
    /// Standard error of the gap.
    pub gap_se: Option<f64>,
    /// Lower end of the paired t interval of the gap.
    pub gap_ci_low: Option<f64>,
    /// Upper end.
    pub gap_ci_high: Option<f64>,
    /// Standard error of CSD.
    pub se: Option<f64>,
    /// Lower end of the t interval of CSD.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// CSD = perceived ÷ expected, and the gap between them, over complete pairs.
///
/// Formula: csd = mean(P)/mean(E), se √[Σ(P - csd·E)²/(n(n-1))]/|mean(E)|, t(n-1) interval; gap
/// mean(P - E) with paired t interval; mean of P/E over the pairs with E > 0 beside it.
///
/// Source: Cochran (1977) for the ratio of means; Parasuraman, Zeithaml & Berry (1988) for the
/// gap.
///
/// Edge cases: mean(E) = 0: csd `None`, `zero_denominator`, gap still given; one pair: point
/// values only, `n_too_small`; no pair: `no_data`.
///
/// Errors: `expected` of another length than `perceived`.
pub fn csd(perceived: &[Option<f64>], expected: &[Option<f64>], confidence: f64) -> Result<Csd> {
    if perceived.len() != expected.len() {
        let problem = format!("must have {} entries as perceived has", perceived.len());
        return Err(Invalid::new("expected", problem));
    }
    let pairs: Vec<_> = perceived.iter().zip(expected).filter_map(|(p, e)| p.zip(*e)).collect();
    let (p, e): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let n = pairs.len();
    let ratios: Vec<f64> = pairs.iter().filter(|(_, e)| *e > 0.0).map(|(p, e)| p / e).collect();
    let gaps: Vec<f64> = pairs.iter().map(|(p, e)| p - e).collect();
    let gap = Moments::with_scale(&gaps, largest(&p).max(largest(&e)));
    let t = (n > 1).then(|| student_critical(confidence, n as f64 - 1.0));
    let (ratio, ratio_se) = ratio_of_means(&p, &e);
    let around = |centre: Option<f64>, se: Option<f64>| Some(Interval::around(centre?, t? * se?));
    let gap_mean = (n > 0).then_some(gap.mean);
    let gap_se = (n > 1).then(|| gap.se());
    let gap_ci = around(gap_mean, gap_se);
    let ci = around(ratio, ratio_se);
    // A ratio to a tiny expectation may leave the range of a double.
    let mean_of_ratios = (!ratios.is_empty()).then(|| Moments::of(&ratios).mean);
    let mean_of_ratios = mean_of_ratios.filter(|mean| mean.is_finite());
    Ok(Csd {
        n,
        n_ratio: ratios.len(),
        mean_of_ratios,
        gap: gap_mean,
        csd: ratio,
        gap_se,
        gap_ci_low: gap_ci.map(|i| i.low),
        gap_ci_high: gap_ci.map(|i| i.high),
        se: ratio_se,
        ci_low: ci.map(|i| i.low),
        ci_high: ci.map(|i| i.high),
        reason: match n {
            0 => Some(Reason::NoData),
            _ if ratio.is_none() || mean_of_ratios.is_none() => Some(Reason::ZeroDenominator),
            1 => Some(Reason::NTooSmall),
            _ => None,
        },
    })
}

/// mean(P)/mean(E) with its standard error.
fn ratio_of_means(p: &[f64], e: &[f64]) -> (Option<f64>, Option<f64>) {
    let n = p.len() as f64;
    let mean_e = Moments::of(e).mean;
    // Expectations that cancel to a rounding error are a mean of 0.
    if mean_e.abs() <= 1e-14 * largest(e) {
        return (None, None);
    }
    let ratio = Moments::of(p).mean / mean_e;
    if !ratio.is_finite() || ratio.abs() > 1e100 {
        return (None, None);
    }
    let squares: f64 = p.iter().zip(e).map(|(p, e)| (p - ratio * e).powi(2)).sum();
    let se = (squares / (n * (n - 1.0))).sqrt() / mean_e.abs();
    (Some(ratio), Some(se).filter(|se| n > 1.0 && se.is_finite()))
}
