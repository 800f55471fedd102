//! Charts that remember: small lasting shifts show earlier than on a chart of single values.

use serde::Serialize;

use super::limits::{is_outside, outside};
use crate::measures::bounds::{is_positive, is_share};
use crate::measures::reason::{Invalid, Reason, Result};

/// Largest width of limits, in standard deviations.
const WIDTH_MAX: f64 = 1e6;

/// How a moving average is charted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ewma {
    /// Weight of the newest value, above 0 and at most 1; 0.2 is usual.
    pub lambda: f64,
    /// Width of the limits in standard deviations (L); 2.7 to 3 is usual.
    pub width: f64,
    /// Level while all is well (μ0).
    pub centre: f64,
    /// Standard deviation of a single value (σ0), above 0.
    pub sigma: f64,
}

/// A moving average, in the unit of the values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EwmaChart {
    /// The average after each value; `None` where the value is missing.
    pub ewma: Vec<Option<f64>>,
    /// Upper limit.
    pub ucl: Vec<Option<f64>>,
    /// Lower limit.
    pub lcl: Vec<Option<f64>>,
    /// Positions strictly outside, from 0.
    pub out: Vec<usize>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Exponentially weighted moving average.
///
/// Formula: z_0 = μ0, z_i = λx_i + (1-λ)z_(i-1), limits
/// μ0 ± L·σ0·√{λ/(2-λ)·\[1 - (1-λ)^2i\]}.
///
/// Source: Roberts (1959).
///
/// Edge cases: a missing value leaves a gap, `no_data`, and i counts the values that are there.
///
/// Errors: λ outside (0, 1\], σ0 not above 0, L negative or above 1e6.
pub fn ewma(values: &[Option<f64>], chart: Ewma) -> Result<EwmaChart> {
    if !is_positive(chart.lambda) || !is_share(chart.lambda) {
        return Err(Invalid::new("lambda", "must be above 0 and at most 1"));
    }
    check_sigma(chart.sigma)?;
    check_width("l", chart.width)?;
    let (mut level, mut left) = (chart.centre, 1.0);
    let mut result = EwmaChart {
        ewma: Vec::new(),
        ucl: Vec::new(),
        lcl: Vec::new(),
        out: Vec::new(),
        reason: values.contains(&None).then_some(Reason::NoData),
    };
    for value in values {
        let point = value.map(|value| {
            level = chart.lambda * value + (1.0 - chart.lambda) * level;
            left *= (1.0 - chart.lambda) * (1.0 - chart.lambda);
            let spread = (chart.lambda / (2.0 - chart.lambda) * (1.0 - left)).sqrt();
            (level, chart.width * chart.sigma * spread)
        });
        result.ewma.push(point.map(|(level, _)| level));
        result.ucl.push(point.map(|(_, half)| chart.centre + half));
        result.lcl.push(point.map(|(_, half)| chart.centre - half));
    }
    result.out = outside(&result.ewma, &result.lcl, &result.ucl);
    Ok(result)
}

/// How cumulative sums are charted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cusum {
    /// Level while all is well (μ0).
    pub centre: f64,
    /// Standard deviation of a single value (σ0), above 0.
    pub sigma: f64,
    /// What is let pass of each value, in standard deviations (k): half the shift to be found.
    pub slack: f64,
    /// Where a sum signals, in standard deviations (h); 4 to 5 is usual.
    pub decision: f64,
}

/// Cumulative sums, in the unit of the values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CusumChart {
    /// Sum of what was too high, after each value; `None` where the value is missing.
    pub c_plus: Vec<Option<f64>>,
    /// Sum of what was too low.
    pub c_minus: Vec<Option<f64>>,
    /// Positions where either sum is above h·σ0, from 0.
    pub out: Vec<usize>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Tabular CUSUM; the sums go on after a signal.
///
/// Formula: C⁺ = max(0, C⁺ + x - (μ0 + kσ0)), C⁻ = max(0, C⁻ + (μ0 - kσ0) - x).
///
/// Source: Page (1954); Montgomery.
///
/// Edge cases: a missing value leaves a gap, `no_data`, and the sums as they are.
///
/// Errors: σ0 not above 0; k or h negative or above 1e6.
pub fn cusum(values: &[Option<f64>], chart: Cusum) -> Result<CusumChart> {
    check_sigma(chart.sigma)?;
    check_width("k", chart.slack)?;
    check_width("h", chart.decision)?;
    let limit = chart.decision * chart.sigma;
    let (mut plus, mut minus): (f64, f64) = (0.0, 0.0);
    let mut result = CusumChart {
        c_plus: Vec::new(),
        c_minus: Vec::new(),
        out: Vec::new(),
        reason: values.contains(&None).then_some(Reason::NoData),
    };
    for (i, value) in values.iter().enumerate() {
        if let Some(value) = value {
            plus = (plus + (value - (chart.centre + chart.slack * chart.sigma))).max(0.0);
            minus = (minus + ((chart.centre - chart.slack * chart.sigma) - value)).max(0.0);
            if is_outside(plus.max(minus), 0.0, limit) {
                result.out.push(i);
            }
        }
        result.c_plus.push(value.map(|_| plus));
        result.c_minus.push(value.map(|_| minus));
    }
    Ok(result)
}

fn check_sigma(sigma: f64) -> Result<()> {
    if is_positive(sigma) { Ok(()) } else { Err(Invalid::new("sigma0", "must be above 0")) }
}

fn check_width(name: &str, width: f64) -> Result<()> {
    if (0.0..=WIDTH_MAX).contains(&width) {
        return Ok(());
    }
    Err(Invalid::new(name, "must lie between 0 and 1e6"))
}
