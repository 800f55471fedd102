//! McDonald's omega of a block that one factor explains.

use serde::Serialize;

use super::block::{bootstrap, covariances};
use super::factor::{self, Factor};
use crate::measures::covariance::Covariances;
use crate::measures::reason::{Invalid, Reason, Result};
use crate::measures::resample::{Interval, Resampling};

/// The fit takes a multiple of the cube of this in every round.
const ITEMS_MAX: usize = 100;

/// Omega of a block of items. Lists have one entry per item.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Omega {
    /// Respondents with all answers.
    pub n: usize,
    /// Items.
    pub k: usize,
    /// Share of the variance of the sum of all items that the factor explains.
    pub omega: Option<f64>,
    /// The same of standardised items.
    pub omega_std: Option<f64>,
    /// Correlation of each item with the factor.
    pub loadings_std: Option<Vec<f64>>,
    /// Share of the variance of each item that the factor does not explain.
    pub uniqueness_std: Option<Vec<f64>>,
    /// Percentile interval of `omega`; only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub omega_ci: Option<Interval>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// McDonald's omega (total, one factor) of a block; rows with a missing answer are left out.
///
/// Formula: ω = (Σλ)²/((Σλ)² + Σψ) with the loadings λ and uniquenesses ψ of the maximum
/// likelihood one-factor model of the covariances; the denominator is the variance that the
/// model implies. The sum of the standardised loadings is positive.
///
/// Source: McDonald (1999); the fit is Jöreskog (1967).
///
/// Edge cases: fewer than three items: `too_few_items`; not more rows than items:
/// `n_too_small`; a constant item: `zero_variance`; items that depend on each other linearly:
/// `singular`; a uniqueness at 0: `heywood_case`; no optimum found: `not_converged`.
///
/// Errors: as [`super::alpha::alpha`]; more than 100 items; (rows + 300·items) × items² ×
/// resamples above 1e11.
pub fn omega(items: &[Vec<Option<f64>>], resampling: Option<Resampling>) -> Result<Omega> {
    if items.first().is_some_and(|row| row.len() > ITEMS_MAX) {
        return Err(Invalid::new("items", "must have at most 100 columns"));
    }
    let covariances = covariances(items)?;
    let (n, k) = (covariances.n, covariances.order());
    let mut result = Omega {
        n,
        k,
        omega: None,
        omega_std: None,
        loadings_std: None,
        uniqueness_std: None,
        omega_ci: None,
        reason: None,
    };
    match model(&covariances) {
        Ok(factor) => {
            result.omega = Some(factor.omega(|j| covariances.sd(j)));
            result.omega_std = Some(factor.omega(|_| 1.0));
            result.loadings_std = Some(factor.loadings);
            result.uniqueness_std = Some(factor.uniqueness);
            if let Some(how) = resampling {
                // Some twenty rounds with an eigenvalue problem each.
                let fit_cost = 300 * k;
                let statistic =
                    |resample: &Covariances| Some(model(resample).ok()?.omega(|j| resample.sd(j)));
                result.omega_ci = Some(bootstrap(items, &covariances, &how, fit_cost, statistic)?);
            }
        }
        Err(reason) => result.reason = Some(reason),
    }
    Ok(result)
}

fn model(c: &Covariances) -> std::result::Result<Factor, Reason> {
    if c.order() < 3 {
        return Err(Reason::TooFewItems);
    }
    if c.n <= c.order() {
        return Err(Reason::NTooSmall);
    }
    factor::fit(&c.correlations().ok_or(Reason::ZeroVariance)?)
}
