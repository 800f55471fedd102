//! Regression of an outcome on all drivers together.

use serde::Serialize;

use super::drivers::{Correlations, Drivers};
use crate::measures::distributions::{f_upper, student_two_sided};
use crate::measures::named::Named;
use crate::measures::reason::Reason;

/// A regression with standardised and plain coefficients, by name of the driver.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Regression {
    /// Respondents with all values.
    pub n: usize,
    /// Share of the variance of the outcome that the drivers explain.
    pub r2: Option<f64>,
    /// The same corrected for the number of drivers.
    pub adj_r2: Option<f64>,
    /// F of all drivers together.
    pub f: Option<f64>,
    /// Its p-value.
    pub f_p: Option<f64>,
    /// Coefficients in standard deviations.
    pub beta: Option<Named<f64>>,
    /// Coefficients in the units of the data.
    pub b: Option<Named<f64>>,
    /// Standard errors of `b`.
    pub se: Option<Named<f64>>,
    /// b/se; `None` when the fit is perfect.
    pub t: Option<Named<Option<f64>>>,
    /// Two-sided p-values of `t`.
    pub p: Option<Named<Option<f64>>>,
    /// Variance inflation by the other drivers, at least 1.
    pub vif: Option<Named<f64>>,
    /// Outcome where all drivers are 0.
    pub intercept: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Least-squares regression with intercept; respondents with a missing value are left out.
///
/// Formula: β = R_xx⁻¹·r_xy; R² = β·r_xy; b = β·s_y/s_x; se² = s²·vif/((n-1)s_x²) with s² the
/// residual variance and n - p - 1 degrees of freedom; F = (R²/p)/((1-R²)/(n-p-1)); vif =
/// diagonal of R_xx⁻¹.
///
/// Source: Legendre (1805); Marquardt (1970) for vif.
///
/// Edge cases: n ≤ p + 1: `n_too_small`; a constant outcome or driver: `zero_variance`; drivers
/// that determine each other: `singular`; a perfect fit: F, t and p are missing with
/// `zero_denominator`.
pub fn regression(drivers: &Drivers) -> Regression {
    let n = drivers.n();
    match drivers.correlations() {
        Ok(correlations) => describe(drivers, &correlations),
        Err(reason) => Regression { n, reason: Some(reason), ..Regression::default() },
    }
}

fn describe(drivers: &Drivers, correlations: &Correlations) -> Regression {
    let (c, names) = (&drivers.covariances, &drivers.names);
    let (n, p) = (drivers.n() as f64, drivers.p() as f64);
    let df = n - p - 1.0;
    let r2 = correlations.r2();
    let beta = correlations.beta();
    let inverse = correlations.factor.inverse();
    let vif: Vec<f64> = (0..drivers.p()).map(|j| inverse.at(j, j)).collect();
    let b: Vec<f64> =
        beta.iter().enumerate().map(|(j, beta)| beta * c.sd(0) / c.sd(j + 1)).collect();
    let residual = (1.0 - r2) * (n - 1.0) / df * c.variance(0);
    let error = |(j, vif): (usize, &f64)| (residual * vif / (n - 1.0)).sqrt() / c.sd(j + 1);
    let se: Vec<f64> = vif.iter().enumerate().map(error).collect();
    let t: Vec<Option<f64>> =
        b.iter().zip(&se).map(|(b, se)| (*se > 0.0).then(|| b / se)).collect();
    let p_values = t.iter().map(|t| t.map(|t| student_two_sided(t, df)));
    let f = (r2 < 1.0).then(|| r2 / p / ((1.0 - r2) / df));
    let moved: f64 = b.iter().zip(&c.means[1..]).map(|(b, mean)| b * mean).sum();
    Regression {
        n: drivers.n(),
        r2: Some(r2),
        adj_r2: Some(1.0 - (1.0 - r2) * (n - 1.0) / df),
        f,
        f_p: f.map(|f| f_upper(f, p, df)),
        p: Some(Named::of(names, p_values)),
        beta: Some(Named::of(names, beta)),
        b: Some(Named::of(names, b)),
        se: Some(Named::of(names, se)),
        t: Some(Named::of(names, t)),
        vif: Some(Named::of(names, vif)),
        intercept: Some(c.means[0] - moved),
        reason: f.is_none().then_some(Reason::ZeroDenominator),
    }
}
