//! The iteration of PLS path modelling on a covariance matrix. The memory is made once; a fit
//! allocates nothing, so that thousands of resamples run at the speed of the arithmetic.

use super::model::Structure;
use super::path_model::{Options, Scale, Scheme};
use crate::measures::covariance::Covariances;
use crate::measures::linear::Solver;
use crate::measures::reason::Reason;

/// The weights have settled when none changes by more.
const CHANGE_MAX: f64 = 1e-10;
/// A variance below this part of what it was added up from is rounding.
const NEGLIGIBLE: f64 = 1e-12;

/// Memory and result of a fit. Latent variables have variance 1. Lists by item hold the items
/// block by block; tables hold one row per item or latent variable.
#[derive(Debug)]
pub(super) struct Estimator<'a> {
    structure: &'a Structure,
    options: &'a Options,
    /// Covariances of the items, correlations if they are standardised.
    items: Vec<f64>,
    /// Standard deviation of each item in the data.
    pub sds: Vec<f64>,
    /// Outer weight of each item.
    pub weights: Vec<f64>,
    /// Covariance of each item with each latent variable.
    cross: Vec<f64>,
    /// Correlations of the latent variables.
    pub correlations: Vec<f64>,
    /// Inner weight of each latent variable (row) in the proxy of another (column).
    inner: Vec<f64>,
    /// New weights of the items.
    proposed: Vec<f64>,
    /// Coefficient of each path.
    pub coefficients: Vec<f64>,
    /// R² of each latent variable; 0 for one without predecessors.
    pub r2: Vec<f64>,
    solver: Solver,
    right: Vec<f64>,
}

impl<'a> Estimator<'a> {
    /// Memory for fits of a model.
    pub fn new(structure: &'a Structure, options: &'a Options) -> Estimator<'a> {
        let (p, l) = (structure.items(), structure.latents());
        Estimator {
            structure,
            options,
            items: vec![0.0; p * p],
            sds: vec![0.0; p],
            weights: vec![0.0; p],
            cross: vec![0.0; p * l],
            correlations: vec![0.0; l * l],
            inner: vec![0.0; l * l],
            proposed: vec![0.0; p],
            coefficients: vec![0.0; structure.paths.len()],
            r2: vec![0.0; l],
            solver: Solver::default(),
            right: Vec::with_capacity(p),
        }
    }

    /// Fits the model to the covariances of its items in at most `rounds` rounds.
    ///
    /// The reason is `zero_variance` for an item or a latent variable that does not vary,
    /// `singular` for a formative block or predecessors that determine each other, or
    /// `not_converged`.
    pub fn fit(&mut self, covariances: &Covariances, rounds: usize) -> Result<(), Reason> {
        self.load(covariances)?;
        self.proposed.fill(1.0);
        for k in 0..self.structure.latents() {
            self.scale(k, false)?;
        }
        std::mem::swap(&mut self.weights, &mut self.proposed);
        for _ in 0..rounds {
            self.correlate();
            self.inner_weights()?;
            for k in 0..self.structure.latents() {
                self.outer_weights(k)?;
                self.scale(k, true)?;
            }
            let pairs = self.weights.iter().zip(&self.proposed);
            let change = pairs.fold(0.0, |max: f64, (a, b)| max.max((a - b).abs()));
            std::mem::swap(&mut self.weights, &mut self.proposed);
            if change < CHANGE_MAX {
                self.correlate();
                return self.regress();
            }
        }
        Err(Reason::NotConverged)
    }

    fn load(&mut self, covariances: &Covariances) -> Result<(), Reason> {
        let p = self.structure.items();
        for (j, sd) in self.sds.iter_mut().enumerate() {
            *sd = covariances.sd(j);
        }
        // A NaN fails this as well.
        if !self.sds.iter().all(|sd| *sd > 0.0) {
            return Err(Reason::ZeroVariance);
        }
        self.items.copy_from_slice(&covariances.values);
        if self.options.standardize {
            for (row, sd) in self.items.chunks_exact_mut(p).zip(&self.sds) {
                row.iter_mut().zip(&self.sds).for_each(|(c, other)| *c /= sd * other);
            }
        }
        Ok(())
    }

    /// Gives the proposed latent variable `k` variance 1, and turns it so that most of its
    /// items go with it (in a tie, the first).
    fn scale(&mut self, k: usize, orient: bool) -> Result<(), Reason> {
        let (p, block) = (self.structure.items(), self.structure.blocks[k].clone());
        let (mut variance, mut size, mut signs, mut first) = (0.0, 0.0, 0.0, 0.0);
        let weights = &mut self.proposed[block.clone()];
        for (i, j) in block.clone().enumerate() {
            let row = &self.items[j * p..][block.clone()];
            let covariance: f64 = row.iter().zip(&*weights).map(|(c, w)| c * w).sum();
            variance += weights[i] * covariance;
            size += weights[i] * weights[i] * row[i];
            let sign = if covariance == 0.0 { 0.0 } else { covariance.signum() };
            signs += sign;
            first = if i == 0 { sign } else { first };
        }
        if !(variance > NEGLIGIBLE * size && variance.is_finite()) {
            return Err(Reason::ZeroVariance);
        }
        let turned = orient && (signs < 0.0 || (signs == 0.0 && first < 0.0));
        let factor = if turned { -1.0 } else { 1.0 } / variance.sqrt();
        weights.iter_mut().for_each(|weight| *weight *= factor);
        Ok(())
    }

    /// Covariances of items and latent variables, and among these.
    fn correlate(&mut self) {
        let (p, l) = (self.structure.items(), self.structure.latents());
        for (row, cross) in self.items.chunks_exact(p).zip(self.cross.chunks_exact_mut(l)) {
            for (block, cross) in self.structure.blocks.iter().zip(cross) {
                let terms = row[block.clone()].iter().zip(&self.weights[block.clone()]);
                *cross = terms.map(|(c, w)| c * w).sum();
            }
        }
        self.correlations.fill(0.0);
        for (k, block) in self.structure.blocks.iter().enumerate() {
            let sums = &mut self.correlations[k * l..(k + 1) * l];
            for j in block.clone() {
                let cross = &self.cross[j * l..(j + 1) * l];
                sums.iter_mut().zip(cross).for_each(|(sum, c)| *sum += self.weights[j] * c);
            }
        }
    }

    fn inner_weights(&mut self) -> Result<(), Reason> {
        let l = self.structure.latents();
        self.inner.fill(0.0);
        for &(from, to) in &self.structure.paths {
            let r = self.correlations[from * l + to];
            let weight = match self.options.scheme {
                Scheme::Centroid if r == 0.0 => 0.0,
                Scheme::Centroid => r.signum(),
                Scheme::Factorial | Scheme::Path => r,
            };
            self.inner[from * l + to] = weight;
            self.inner[to * l + from] = weight;
        }
        if self.options.scheme == Scheme::Path {
            for k in 0..l {
                self.regress_one(k)?;
                for (&from, b) in self.structure.predecessors[k].iter().zip(&self.right) {
                    self.inner[from * l + k] = *b;
                }
            }
        }
        Ok(())
    }

    /// Leaves the coefficients of latent variable `k` on its predecessors in `right`.
    fn regress_one(&mut self, k: usize) -> Result<(), Reason> {
        let (l, predecessors) = (self.structure.latents(), &self.structure.predecessors[k]);
        let r = &self.correlations;
        self.right.clear();
        self.right.extend(predecessors.iter().map(|from| r[from * l + k]));
        if predecessors.len() < 2 {
            return Ok(());
        }
        let between = |i: usize, j: usize| r[predecessors[i] * l + predecessors[j]];
        if self.solver.solve(&mut self.right, between) { Ok(()) } else { Err(Reason::Singular) }
    }

    /// Proposes weights of the items of latent variable `k`: their covariances with its proxy,
    /// in mode B multiplied by the inverse of those of the block.
    fn outer_weights(&mut self, k: usize) -> Result<(), Reason> {
        let (p, l) = (self.structure.items(), self.structure.latents());
        let block = self.structure.blocks[k].clone();
        let mut vanishes = true;
        for j in block.clone() {
            let cross = &self.cross[j * l..(j + 1) * l];
            let own = cross.iter().enumerate();
            let weight: f64 = own.map(|(m, c)| c * self.inner[m * l + k]).sum();
            vanishes &= weight.abs() <= NEGLIGIBLE * self.items[j * p + j].sqrt();
            self.proposed[j] = weight;
        }
        if vanishes {
            return Err(Reason::ZeroVariance);
        }
        if !self.structure.formative[k] {
            return Ok(());
        }
        let start = block.start;
        let between = |i: usize, j: usize| self.items[(start + i) * p + start + j];
        let solved = self.solver.solve(&mut self.proposed[block], between);
        if solved { Ok(()) } else { Err(Reason::Singular) }
    }

    fn regress(&mut self) -> Result<(), Reason> {
        let l = self.structure.latents();
        for k in 0..l {
            self.regress_one(k)?;
            let mut r2 = 0.0;
            let ends = self.structure.predecessors[k].iter().zip(&self.structure.incoming[k]);
            for ((from, path), b) in ends.zip(&self.right) {
                self.coefficients[*path] = *b;
                r2 += b * self.correlations[from * l + k];
            }
            self.r2[k] = r2;
        }
        Ok(())
    }

    /// Correlation of item `j` with its latent variable `k`.
    pub fn loading(&self, j: usize, k: usize) -> f64 {
        let (p, l) = (self.structure.items(), self.structure.latents());
        self.cross[j * l + k] / self.items[j * p + j].sqrt()
    }

    /// Weight of item `j` in the units of the data.
    pub fn raw_weight(&self, j: usize) -> f64 {
        if self.options.standardize { self.weights[j] / self.sds[j] } else { self.weights[j] }
    }

    /// Index of latent variable `k` on 0 to 100 for respondents with these means; `None` when a
    /// weight is negative.
    pub fn index(&self, k: usize, means: &[f64], scale: Scale) -> Option<f64> {
        let block = self.structure.blocks[k].clone();
        let (mut sum, mut weights) = (0.0, 0.0);
        for j in block {
            let weight = self.raw_weight(j);
            if weight < 0.0 {
                return None;
            }
            sum += weight * (means[j] - scale.min);
            weights += weight;
        }
        Some(100.0 * sum / weights / (scale.max - scale.min))
    }
}
