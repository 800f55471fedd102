//! The one-factor model of a correlation matrix by maximum likelihood.

use crate::measures::linear::{Eigen, Symmetric};
use crate::measures::reason::Reason;

const ROUNDS_MAX: usize = 100;
/// Largest change of a logarithm of a uniqueness in one round.
const STEP_MAX: f64 = 1.0;
/// The fit is done when the next step would gain less than this.
const GAIN_MIN: f64 = 1e-20;
/// A step that rounding keeps from improving the fit ends it when it would gain less than this.
const GAIN_ROUNDING: f64 = 1e-12;
/// ln of the uniqueness that counts as 0 if the fit wants it smaller still.
const HEYWOOD: f64 = -13.8;
/// ln of the uniqueness that counts as 0 in any case.
const VANISHED: f64 = -20.0;

/// A factor that standardised items have in common.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Factor {
    /// Correlation of each item with the factor; their sum is not negative.
    pub loadings: Vec<f64>,
    /// What the factor leaves of the variance of each item.
    pub uniqueness: Vec<f64>,
}

impl Factor {
    /// (Σλ)²/((Σλ)² + Σψ) of items with these standard deviations.
    pub fn omega(&self, sd: impl Fn(usize) -> f64) -> f64 {
        let common: f64 = self.loadings.iter().enumerate().map(|(j, l)| l * sd(j)).sum();
        let own: f64 = self.uniqueness.iter().enumerate().map(|(j, u)| u * sd(j) * sd(j)).sum();
        common * common / (common * common + own)
    }
}

/// Fits one factor to at least three items.
///
/// Formula: with x = ln ψ, Ψ = diag(ψ) and the eigenvalues θ₁ ≥ θ₂ ≥ … of Ψ^-½RΨ^-½ and their
/// vectors ω, minimise f(x) = Σ_{m>1} (θ_m - ln θ_m - 1) by Newton's method; λ = Ψ^½ω₁√(θ₁-1).
///
/// Source: Jöreskog (1967); second derivatives by Clarke (1970).
///
/// Errors: `singular`, `heywood_case`, `not_converged`.
pub(super) fn fit(correlations: &Symmetric) -> Result<Factor, Reason> {
    let k = correlations.order();
    let inverse = correlations.cholesky().ok_or(Reason::Singular)?.inverse();
    let start = 1.0 - 0.5 / k as f64;
    let x = (0..k).map(|j| (start / inverse.at(j, j)).ln().max(HEYWOOD / 2.0)).collect();
    let mut point = Point::at(correlations, x).ok_or(Reason::NotConverged)?;
    for _ in 0..ROUNDS_MAX {
        let gradient = point.gradient();
        let vanishing = point.x.iter().zip(&gradient);
        if vanishing.into_iter().any(|(x, g)| *x < VANISHED || (*x < HEYWOOD && *g > 0.0)) {
            return Err(Reason::HeywoodCase);
        }
        let step = newton_step(&point.hessian(), &gradient).ok_or(Reason::NotConverged)?;
        let gain: f64 = -step.iter().zip(&gradient).map(|(s, g)| s * g).sum::<f64>();
        if gain <= GAIN_MIN {
            return Ok(point.factor());
        }
        match point.improved(correlations, &step) {
            Some(better) => point = better,
            None if gain <= GAIN_ROUNDING => return Ok(point.factor()),
            None => return Err(Reason::NotConverged),
        }
    }
    Err(Reason::NotConverged)
}

/// -H⁻¹g, with H moved towards its diagonal until it is positive definite.
fn newton_step(hessian: &Symmetric, gradient: &[f64]) -> Option<Vec<f64>> {
    let k = hessian.order();
    let down: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut damping = 0.0;
    for _ in 0..20 {
        let damped = Symmetric::from_fn(k, |i, j| {
            let own = hessian.at(i, j);
            if i == j { own + damping * (own.abs() + 1e-8) } else { own }
        });
        if let Some(factor) = damped.cholesky() {
            let step = factor.solve(&down);
            let longest = step.iter().fold(0.0, |max: f64, s| max.max(s.abs()));
            let share = if longest > STEP_MAX { STEP_MAX / longest } else { 1.0 };
            return Some(step.iter().map(|s| s * share).collect());
        }
        damping = if damping == 0.0 { 1e-3 } else { damping * 4.0 };
    }
    None
}

/// The fit at some uniquenesses.
struct Point {
    /// Logarithms of the uniquenesses.
    x: Vec<f64>,
    eigen: Eigen,
    /// What is minimised.
    value: f64,
}

impl Point {
    fn at(correlations: &Symmetric, x: Vec<f64>) -> Option<Point> {
        let scale: Vec<f64> = x.iter().map(|x| (-x / 2.0).exp()).collect();
        let scaled =
            Symmetric::from_fn(x.len(), |i, j| correlations.at(i, j) * scale[i] * scale[j]);
        let eigen = scaled.eigen()?;
        let value: f64 = eigen.values[1..].iter().map(|t| t - t.ln() - 1.0).sum();
        value.is_finite().then_some(Point { x, eigen, value })
    }

    fn gradient(&self) -> Vec<f64> {
        let Eigen { values, vectors } = &self.eigen;
        let slope = |i: usize| {
            let rest = values.iter().zip(vectors).skip(1);
            rest.map(|(t, v)| (1.0 - t) * v[i] * v[i]).sum()
        };
        (0..self.x.len()).map(slope).collect()
    }

    fn hessian(&self) -> Symmetric {
        let Eigen { values, vectors } = &self.eigen;
        let top = values[0];
        Symmetric::from_fn(self.x.len(), |i, j| {
            let (mut plain, mut stretched, mut mixed) = (0.0, 0.0, 0.0);
            for (t, v) in values.iter().zip(vectors).skip(1) {
                let product = v[i] * v[j];
                plain += product;
                stretched += t * product;
                // Where the first two eigenvalues meet, the term has no limit; it is left out.
                if top - t > 1e-9 * top {
                    mixed += (1.0 - t) * (top + t) / (top - t) * product;
                }
            }
            plain * stretched + vectors[0][i] * vectors[0][j] * mixed
        })
    }

    /// The first of the step, its half, its quarter … that improves the fit.
    fn improved(&self, correlations: &Symmetric, step: &[f64]) -> Option<Point> {
        let mut share = 1.0;
        for _ in 0..25 {
            let x = self.x.iter().zip(step).map(|(x, s)| (x + share * s).min(1.0)).collect();
            match Point::at(correlations, x) {
                Some(point) if point.value < self.value => return Some(point),
                _ => share /= 2.0,
            }
        }
        None
    }

    fn factor(&self) -> Factor {
        let strength = (self.eigen.values[0] - 1.0).max(0.0).sqrt();
        let uniqueness: Vec<f64> = self.x.iter().map(|x| x.exp()).collect();
        let parts = uniqueness.iter().zip(&self.eigen.vectors[0]);
        let mut loadings: Vec<f64> = parts.map(|(u, v)| u.sqrt() * v * strength).collect();
        if loadings.iter().sum::<f64>() < 0.0 {
            loadings.iter_mut().for_each(|l| *l = -*l);
        }
        Factor { loadings, uniqueness }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn correlations(loadings: &[f64]) -> Symmetric {
        let element = |i: usize, j: usize| if i == j { 1.0 } else { loadings[i] * loadings[j] };
        Symmetric::from_fn(loadings.len(), element)
    }

    #[test]
    fn a_matrix_of_one_factor_gives_its_loadings_back() {
        for loadings in [
            vec![0.5, 0.7, 0.9],
            vec![0.05, 0.95, 0.6, 0.3],
            vec![0.8; 12],
            vec![0.99, 0.98, 0.97, 0.1, 0.2],
            vec![-0.3, 0.7, 0.6, 0.5],
        ] {
            let found = fit(&correlations(&loadings)).expect("one factor");
            for (found, expected) in found.loadings.iter().zip(&loadings) {
                assert!((found - expected).abs() < 1e-7, "{found} {expected}");
            }
        }
    }

    #[test]
    fn a_correlation_that_no_loadings_can_explain_is_a_heywood_case() {
        // λ₁² = 0.8·0.8/0.4 > 1.
        let r = [[1.0, 0.8, 0.8], [0.8, 1.0, 0.4], [0.8, 0.4, 1.0]];
        assert_eq!(fit(&Symmetric::from_fn(3, |i, j| r[i][j])), Err(Reason::HeywoodCase));
        let negative = [[1.0, 0.5, 0.5], [0.5, 1.0, -0.2], [0.5, -0.2, 1.0]];
        assert_eq!(fit(&Symmetric::from_fn(3, |i, j| negative[i][j])), Err(Reason::HeywoodCase));
    }

    #[test]
    fn items_that_repeat_each_other_are_singular() {
        assert_eq!(fit(&Symmetric::from_fn(3, |_, _| 1.0)), Err(Reason::Singular));
    }
}
