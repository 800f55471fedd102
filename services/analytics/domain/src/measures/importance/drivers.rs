//! An outcome with its drivers, and their correlations.

use crate::measures::covariance::{Covariances, check_work};
use crate::measures::linear::{Cholesky, Symmetric};
use crate::measures::reason::{Invalid, Reason, Result};
use crate::measures::resample::{Resampling, Rows};

const DRIVERS_MAX: usize = 200;

/// An outcome and the drivers that may explain it. Respondents with a missing value in the
/// outcome or in any driver are left out.
#[derive(Debug)]
pub struct Drivers {
    /// Names of the drivers.
    pub names: Vec<String>,
    /// Outcome first, then the drivers.
    columns: Vec<Vec<Option<f64>>>,
    /// Covariances of the outcome (first) and the drivers.
    pub covariances: Covariances,
}

impl Drivers {
    /// Puts an outcome and drivers together.
    ///
    /// Errors: no driver or more than 200; a driver of another length than the outcome; rows ×
    /// columns² above 1e11.
    pub fn new(y: Vec<Option<f64>>, x: Vec<(String, Vec<Option<f64>>)>) -> Result<Drivers> {
        if x.is_empty() || x.len() > DRIVERS_MAX {
            return Err(Invalid::new("x", "must have 1 to 200 drivers"));
        }
        if let Some((name, _)) = x.iter().find(|(_, values)| values.len() != y.len()) {
            let problem = format!("must have {} entries, one per answer of y", y.len());
            return Err(Invalid::new(format!("x.{name}"), problem));
        }
        check_work("x", y.len(), x.len() + 1, 1)?;
        let (names, drivers): (Vec<_>, Vec<_>) = x.into_iter().unzip();
        let columns: Vec<_> = std::iter::once(y).chain(drivers).collect();
        let lists: Vec<&[Option<f64>]> = columns.iter().map(Vec::as_slice).collect();
        let covariances = Covariances::of_columns(&lists);
        Ok(Drivers { names, columns, covariances })
    }

    /// Respondents with all values.
    pub fn n(&self) -> usize {
        self.covariances.n
    }

    /// Drivers.
    pub fn p(&self) -> usize {
        self.names.len()
    }

    /// Their correlations, or why there is no regression.
    pub fn correlations(&self) -> std::result::Result<Correlations, Reason> {
        Correlations::of(&self.covariances)
    }

    /// The values of the respondents, outcome first, without a missing one.
    pub(super) fn complete(&self) -> impl Iterator<Item = Vec<f64>> {
        let rows = 0..self.columns[0].len();
        rows.filter_map(|i| self.columns.iter().map(|column| column[i]).collect())
    }

    /// The respondents to resample. Weights cost as much as the covariances of 20 rows for each
    /// driver.
    ///
    /// Errors: (rows + 20·drivers) × columns² × resamples above 1e11.
    pub(super) fn rows(&self, how: &Resampling) -> Result<Rows<'_>> {
        check_work("n_resamples", self.n() + 20 * self.p(), self.columns.len(), how.count)?;
        let rows = 0..self.columns[0].len();
        let row = |i: usize| self.columns.iter().map(move |column| column[i]);
        Ok(Rows::new(&self.covariances, rows.map(row)))
    }
}

/// Correlations of drivers that depend on each other in no exact way.
#[derive(Debug)]
pub struct Correlations {
    /// R_xx, between drivers.
    pub between: Symmetric,
    /// r_xy, of each driver with the outcome.
    pub with_outcome: Vec<f64>,
    /// The factor of R_xx.
    pub factor: Cholesky,
}

impl Correlations {
    /// Correlations from the covariances of outcome (first) and drivers.
    ///
    /// The reason is `n_too_small` for n ≤ p + 1, `zero_variance` for a constant outcome or
    /// driver, `singular` for drivers that determine each other.
    pub fn of(c: &Covariances) -> std::result::Result<Correlations, Reason> {
        if c.n <= c.order() {
            return Err(Reason::NTooSmall);
        }
        let all = c.correlations().ok_or(Reason::ZeroVariance)?;
        let p = c.order() - 1;
        let between = Symmetric::from_fn(p, |i, j| all.at(i + 1, j + 1));
        let factor = between.cholesky().ok_or(Reason::Singular)?;
        let with_outcome = (1..=p).map(|j| all.at(j, 0)).collect();
        Ok(Correlations { between, with_outcome, factor })
    }

    /// Standardised coefficients β = R_xx⁻¹·r_xy.
    pub fn beta(&self) -> Vec<f64> {
        self.factor.solve(&self.with_outcome)
    }

    /// Share of the variance of the outcome that the drivers explain, in \[0, 1\].
    pub fn r2(&self) -> f64 {
        let beta = self.beta();
        let r2: f64 = beta.iter().zip(&self.with_outcome).map(|(b, r)| b * r).sum();
        // What is left below this is rounding, and tests that divide by it mean nothing.
        if r2 > 1.0 - 1e-12 { 1.0 } else { r2.max(0.0) }
    }
}
