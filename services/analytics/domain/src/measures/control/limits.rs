//! What all charts share: the baseline, and when a point is outside.

use std::f64::consts::PI;

use crate::measures::reason::{Invalid, Result};

/// Width of the limits where nothing else is said.
pub const SIGMA: f64 = 3.0;
/// Largest width of limits; what lies beyond is no limit.
const SIGMA_MAX: f64 = 100.0;

/// Expected range of two normal values, in standard deviations: 2/√π.
pub fn d2() -> f64 {
    2.0 / PI.sqrt()
}

/// Standard deviation of the range of two normal values, in standard deviations: √(2 - 4/π).
pub fn d3() -> f64 {
    (2.0 - 4.0 / PI).sqrt()
}

/// How the limits of a chart are set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    sigma: f64,
    baseline: Option<u64>,
}

impl Limits {
    /// Limits at `sigma` standard deviations, computed from the first `baseline` points; from
    /// all when `None`.
    ///
    /// Errors: `sigma` not above 0 or above 100.
    pub fn new(sigma: f64, baseline: Option<u64>) -> Result<Limits> {
        check_sigma(sigma)?;
        Ok(Limits { sigma, baseline })
    }

    /// Width in standard deviations.
    pub fn sigma(&self) -> f64 {
        self.sigma
    }

    /// How many of `points` are the baseline.
    pub(super) fn baseline(&self, points: usize) -> Result<usize> {
        baseline(self.baseline, points)
    }
}

/// Errors: `sigma` not above 0 or above 100.
pub(super) fn check_sigma(sigma: f64) -> Result<()> {
    if sigma > 0.0 && sigma <= SIGMA_MAX {
        return Ok(());
    }
    Err(Invalid::new("sigma", "must be above 0 and at most 100"))
}

/// How many of `points` are the baseline.
///
/// Errors: more than there are.
pub(super) fn baseline(given: Option<u64>, points: usize) -> Result<usize> {
    match given {
        None => Ok(points),
        Some(first) if first <= points as u64 => Ok(first as usize),
        Some(_) => Err(Invalid::new("baseline", format!("must be at most {points}"))),
    }
}

/// True if a value is strictly outside its limits, beyond what rounding explains.
pub(super) fn is_outside(value: f64, low: f64, high: f64) -> bool {
    let slack = 1e-12 * value.abs().max(low.abs()).max(high.abs());
    value > high + slack || value < low - slack
}

/// Positions of the points outside their limits; a point without limits is inside.
pub(super) fn outside(
    values: &[Option<f64>],
    low: &[Option<f64>],
    high: &[Option<f64>],
) -> Vec<usize> {
    let points = values.iter().zip(low).zip(high).enumerate();
    let is_out = |v: &Option<f64>, low: &Option<f64>, high: &Option<f64>| {
        v.zip(*low).zip(*high).is_some_and(|((v, low), high)| is_outside(v, low, high))
    };
    points.filter(|(_, ((v, low), high))| is_out(v, low, high)).map(|(i, _)| i).collect()
}
