//! Linear algebra of the methods: the one place that knows `nalgebra`.
//!
//! Every matrix here is symmetric. Nothing inverts a matrix before a rank test: a pivot of the
//! Cholesky factor below 1e-10 of the element it started from counts as singular.

use nalgebra::{Cholesky as Factor, DMatrix, DVector, DVectorViewMut, Dyn, SymmetricEigen};

/// Smallest pivot relative to the diagonal element it came from.
const PIVOT_MIN: f64 = 1e-10;
/// Steps of the eigenvalue iteration; 30 for each eigenvalue are many.
const EIGEN_STEPS_MAX: usize = 100_000;

/// A symmetric matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Symmetric(DMatrix<f64>);

impl Symmetric {
    /// The matrix whose element (i, j) with j ≤ i is `f(i, j)`.
    pub fn from_fn(order: usize, mut f: impl FnMut(usize, usize) -> f64) -> Symmetric {
        let mut matrix = DMatrix::zeros(order, order);
        for i in 0..order {
            for j in 0..=i {
                let value = f(i, j);
                matrix[(i, j)] = value;
                matrix[(j, i)] = value;
            }
        }
        Symmetric(matrix)
    }

    /// Number of rows.
    pub fn order(&self) -> usize {
        self.0.nrows()
    }

    /// Element (i, j), counted from 0.
    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.0[(i, j)]
    }

    /// The Cholesky factor; `None` when the matrix is singular or not positive definite.
    pub fn cholesky(&self) -> Option<Cholesky> {
        let factor = Factor::new_unchecked(self.0.clone());
        is_regular(&factor, |i| self.0[(i, i)]).then_some(Cholesky(factor))
    }

    /// Eigenvalues and eigenvectors; `None` when the iteration does not end.
    pub fn eigen(&self) -> Option<Eigen> {
        let found = SymmetricEigen::try_new(self.0.clone(), f64::EPSILON, EIGEN_STEPS_MAX)?;
        let mut order: Vec<usize> = (0..self.order()).collect();
        order.sort_by(|&a, &b| found.eigenvalues[b].total_cmp(&found.eigenvalues[a]));
        let values = order.iter().map(|&m| found.eigenvalues[m]).collect();
        let vectors = order.iter().map(|&m| found.eigenvectors.column(m).iter().copied().collect());
        Some(Eigen { values, vectors: vectors.collect() })
    }
}

/// True if no pivot has lost almost all of its element of the diagonal.
fn is_regular(factor: &Factor<f64, Dyn>, diagonal: impl Fn(usize) -> f64) -> bool {
    let l = factor.l_dirty();
    (0..l.nrows()).all(|i| {
        let pivot = l[(i, i)] * l[(i, i)];
        // A NaN from the root of a negative pivot fails this as well.
        pivot > PIVOT_MIN * diagonal(i)
    })
}

/// The Cholesky factor of a positive definite matrix.
#[derive(Debug, Clone)]
pub struct Cholesky(Factor<f64, Dyn>);

impl Cholesky {
    /// x with A·x = `right`, which has as many entries as the matrix has rows.
    pub fn solve(&self, right: &[f64]) -> Vec<f64> {
        let mut solution = DVector::from_column_slice(right);
        self.0.solve_mut(&mut solution);
        solution.as_slice().to_vec()
    }

    /// A⁻¹.
    pub fn inverse(&self) -> Symmetric {
        let inverse = self.0.inverse();
        Symmetric::from_fn(inverse.nrows(), |i, j| inverse[(i, j)])
    }

    /// ln det A.
    pub fn ln_determinant(&self) -> f64 {
        self.0.ln_determinant()
    }
}

/// Eigenvalues in descending order with their vectors of length 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigen {
    /// The eigenvalues.
    pub values: Vec<f64>,
    /// The eigenvector of each eigenvalue; its sign is arbitrary.
    pub vectors: Vec<Vec<f64>>,
}

/// Solves many small systems of equations one after another in the same memory.
#[derive(Debug, Default)]
pub struct Solver {
    /// A matrix of each order met so far.
    buffers: Vec<Option<DMatrix<f64>>>,
}

impl Solver {
    /// Replaces `right` by x with A·x = `right`, where element (i, j), j ≤ i, of the symmetric
    /// matrix A is `a(i, j)`. False when A is singular; `right` is then spoilt.
    pub fn solve(&mut self, right: &mut [f64], a: impl Fn(usize, usize) -> f64) -> bool {
        let order = right.len();
        if self.buffers.len() <= order {
            self.buffers.resize(order + 1, None);
        }
        let buffer = self.buffers[order].take();
        let mut matrix = buffer.unwrap_or_else(|| DMatrix::zeros(order, order));
        for j in 0..order {
            for i in j..order {
                matrix[(i, j)] = a(i, j);
            }
        }
        let factor = Factor::new_unchecked(matrix);
        let regular = is_regular(&factor, |i| a(i, i));
        if regular {
            factor.solve_mut(&mut DVectorViewMut::from_slice(right, order));
        }
        self.buffers[order] = Some(factor.unpack_dirty());
        regular
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hilbert(order: usize) -> Symmetric {
        Symmetric::from_fn(order, |i, j| 1.0 / (i + j + 1) as f64)
    }

    #[test]
    fn a_solution_solves_its_equations() {
        let a = hilbert(4);
        let x = a.cholesky().expect("regular").solve(&[1.0, 2.0, 3.0, 4.0]);
        let mut again = [1.0, 2.0, 3.0, 4.0];
        assert!(Solver::default().solve(&mut again, |i, j| a.at(i, j)));
        for i in 0..4 {
            let sum: f64 = (0..4).map(|j| a.at(i, j) * x[j]).sum();
            assert!((sum - (i + 1) as f64).abs() < 1e-9, "{sum}");
            assert!((x[i] - again[i]).abs() < 1e-9);
        }
    }

    #[test]
    fn singular_matrices_are_recognised() {
        let twice = Symmetric::from_fn(3, |i, j| [1.0, 2.0, 3.0][i] * [1.0, 2.0, 3.0][j]);
        assert!(twice.cholesky().is_none());
        let indefinite = Symmetric::from_fn(2, |i, j| if i == j { 1.0 } else { 2.0 });
        assert!(indefinite.cholesky().is_none());
        assert!(!Solver::default().solve(&mut [1.0, 1.0], |_, _| 1.0));
        assert!(Symmetric::from_fn(1, |_, _| 0.0).cholesky().is_none());
        assert!(hilbert(12).cholesky().is_none());
    }

    #[test]
    fn eigenvectors_rebuild_the_matrix() {
        let a = hilbert(5);
        let eigen = a.eigen().expect("converges");
        assert!(eigen.values.is_sorted_by(|a, b| a >= b));
        for i in 0..5 {
            for j in 0..5 {
                let parts = eigen.values.iter().zip(&eigen.vectors);
                let sum: f64 = parts.map(|(value, v)| value * v[i] * v[j]).sum();
                assert!((sum - a.at(i, j)).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn the_inverse_and_the_determinant_belong_to_the_matrix() {
        let a = Symmetric::from_fn(2, |i, j| if i == j { 2.0 } else { 1.0 });
        let factor = a.cholesky().expect("regular");
        assert!((factor.ln_determinant() - 3.0_f64.ln()).abs() < 1e-15);
        assert!((factor.inverse().at(0, 1) + 1.0 / 3.0).abs() < 1e-15);
    }
}
