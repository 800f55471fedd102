//! Means and covariances of several columns in one pass over their rows.

use super::linear::Symmetric;
use super::reason::{Invalid, Result};

/// Rows taken together; a chunk of twenty columns stays in the first cache.
const CHUNK: usize = 128;
/// Products added up side by side, so that the compiler can use vectors.
const LANES: usize = 8;
/// Spread below this many rounding errors of the largest value is no spread.
const ROUNDING_MAX: f64 = 8.0 * f64::EPSILON;
/// A correlation of 1 within this is exactly 1.
const PERFECT: f64 = 1e-12;
/// Multiplications that one call may ask for; about half a minute of one core.
const WORK_MAX: f64 = 1e11;

/// Refuses an input whose covariances take too long: rows × columns² × repetitions above 1e11.
pub fn check_work(field: &str, rows: usize, columns: usize, repetitions: usize) -> Result<()> {
    let work = rows as f64 * (columns * columns) as f64 * repetitions as f64;
    if work <= WORK_MAX {
        return Ok(());
    }
    let problem = "is too large: rows x columns^2 x resamples must be at most 1e11";
    Err(Invalid::new(field, problem))
}

/// Means and covariances (n - 1) of some columns. A column whose spread rounding alone explains
/// has variance and covariances 0 exactly.
#[derive(Debug, Clone, PartialEq)]
pub struct Covariances {
    /// Rows used.
    pub n: usize,
    /// Mean of each column.
    pub means: Vec<f64>,
    /// Row by row; symmetric.
    pub(super) values: Vec<f64>,
}

impl Covariances {
    /// Covariances of the rows without a missing value. All rows have `order` entries.
    pub fn of_rows(rows: &[Vec<Option<f64>>], order: usize) -> Covariances {
        let mut sums = Accumulator::new(order);
        for row in rows {
            sums.push_complete(row.iter().copied());
        }
        sums.finish()
    }

    /// Covariances of columns of one length, over the rows in which none is missing.
    pub fn of_columns(columns: &[&[Option<f64>]]) -> Covariances {
        let mut sums = Accumulator::new(columns.len());
        for i in 0..columns.first().map_or(0, |column| column.len()) {
            sums.push_complete(columns.iter().map(|column| column[i]));
        }
        sums.finish()
    }

    /// Number of columns.
    pub fn order(&self) -> usize {
        self.means.len()
    }

    /// Covariance of two columns.
    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.values[i * self.order() + j]
    }

    /// Variance of a column.
    pub fn variance(&self, j: usize) -> f64 {
        self.at(j, j)
    }

    /// Standard deviation of a column.
    pub fn sd(&self, j: usize) -> f64 {
        self.variance(j).sqrt()
    }

    /// True if a column does not vary.
    pub fn has_constant(&self) -> bool {
        (0..self.order()).any(|j| self.variance(j) == 0.0)
    }

    /// Correlation of two columns that vary, in \[-1, 1\]; exactly ±1 where rounding allows.
    pub fn correlation(&self, i: usize, j: usize) -> f64 {
        let r = self.at(i, j) / self.sd(i) / self.sd(j);
        if 1.0 - r.abs() <= PERFECT { r.signum() } else { r }
    }

    /// Correlations of all columns; `None` when one does not vary.
    pub fn correlations(&self) -> Option<Symmetric> {
        let correlation = |i, j| if i == j { 1.0 } else { self.correlation(i, j) };
        (!self.has_constant()).then(|| Symmetric::from_fn(self.order(), correlation))
    }

    /// Covariance of the sums of two sets of columns.
    pub fn of_sums(&self, left: &[usize], right: &[usize]) -> f64 {
        left.iter().map(|&i| right.iter().map(|&j| self.at(i, j)).sum::<f64>()).sum()
    }

    /// Sum of the absolute covariances within a set of columns: the scale of rounding errors.
    pub fn size_of(&self, columns: &[usize]) -> f64 {
        columns.iter().map(|&i| columns.iter().map(|&j| self.at(i, j).abs()).sum::<f64>()).sum()
    }
}

/// Adds up means and covariances row by row: chunks are centred by their own mean and merged,
/// so that values far from 0 keep their spread (Chan, Golub & LeVeque 1983).
#[derive(Debug, Clone)]
pub struct Accumulator {
    order: usize,
    n: usize,
    means: Vec<f64>,
    /// Smallest and largest value of each column.
    ranges: Vec<(f64, f64)>,
    /// Sums of products around the means, lower triangle.
    products: Vec<f64>,
    /// Rows not yet added, column by column.
    chunk: Vec<f64>,
    filled: usize,
}

impl Accumulator {
    /// Covariances of `order` columns without rows so far.
    pub fn new(order: usize) -> Accumulator {
        Accumulator {
            order,
            n: 0,
            means: vec![0.0; order],
            ranges: vec![(f64::INFINITY, f64::NEG_INFINITY); order],
            products: vec![0.0; order * order],
            chunk: vec![0.0; order * CHUNK],
            filled: 0,
        }
    }

    /// Adds a row, which has an entry for each column.
    pub fn push(&mut self, row: &[f64]) {
        self.push_complete(row.iter().copied().map(Some));
    }

    /// Adds a row unless a value is missing, and tells whether it did.
    pub fn push_complete(&mut self, row: impl Iterator<Item = Option<f64>>) -> bool {
        for (column, value) in self.chunk.chunks_exact_mut(CHUNK).zip(row) {
            let Some(value) = value else { return false };
            column[self.filled] = value;
        }
        self.filled += 1;
        if self.filled == CHUNK {
            self.merge();
        }
        true
    }

    /// Adds the chunk to the sums.
    fn merge(&mut self) {
        let (n, added) = (self.n as f64, self.filled as f64);
        if self.filled == 0 {
            return;
        }
        let (padded, share) = (self.filled.next_multiple_of(LANES), added / (n + added));
        let mut shifts = vec![0.0; self.order];
        for (j, column) in self.chunk.chunks_exact_mut(CHUNK).enumerate() {
            let mean = centre(&mut column[..self.filled], &mut self.ranges[j]);
            column[self.filled..padded].fill(0.0);
            shifts[j] = mean - self.means[j];
        }
        for i in 0..self.order {
            let left = &self.chunk[i * CHUNK..i * CHUNK + padded];
            for j in 0..=i {
                let right = &self.chunk[j * CHUNK..j * CHUNK + padded];
                let between = shifts[i] * shifts[j] * n * share;
                self.products[i * self.order + j] += dot(left, right) + between;
            }
        }
        for (mean, shift) in self.means.iter_mut().zip(&shifts) {
            *mean += shift * share;
        }
        self.n += self.filled;
        self.filled = 0;
    }

    /// The means and covariances of all rows.
    pub fn finish(mut self) -> Covariances {
        self.merge();
        let varies = |&(min, max): &(f64, f64)| max - min > ROUNDING_MAX * min.abs().max(max.abs());
        let varying: Vec<bool> = self.ranges.iter().map(varies).collect();
        let divisor = self.n as f64 - 1.0;
        let mut values = vec![0.0; self.order * self.order];
        for i in (0..self.order).filter(|&i| varying[i]) {
            for j in (0..=i).filter(|&j| varying[j]) {
                let value = self.products[i * self.order + j] / divisor;
                values[i * self.order + j] = value;
                values[j * self.order + i] = value;
            }
        }
        for (j, (min, max)) in self.ranges.iter().enumerate() {
            // Halving first cannot overflow; equal values give exactly themselves.
            if !varying[j] && self.n > 0 {
                self.means[j] = min / 2.0 + max / 2.0;
            }
        }
        Covariances { n: self.n, means: self.means, values }
    }
}

/// Subtracts the mean of a column from it, in two steps for its last digits.
fn centre(column: &mut [f64], range: &mut (f64, f64)) -> f64 {
    let count = column.len() as f64;
    let rough = column.iter().sum::<f64>() / count;
    let mean = rough + column.iter().map(|v| v - rough).sum::<f64>() / count;
    for value in column {
        *range = (range.0.min(*value), range.1.max(*value));
        *value -= mean;
    }
    mean
}

/// Sum of products of two lists whose length is a multiple of [`LANES`].
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    lanes.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measures::sample::Moments;

    #[test]
    fn chunks_together_give_what_two_passes_give() {
        let value = |i: usize, j: usize| ((i * 7 + j * 3) % 11) as f64 * 0.3 + 1e6;
        for n in [2, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK + 3] {
            let mut sums = Accumulator::new(3);
            (0..n).for_each(|i| sums.push(&[value(i, 0), value(i, 1), i as f64]));
            let found = sums.finish();
            let column = |j: usize| (0..n).map(|i| value(i, j)).collect::<Vec<_>>();
            let (a, b) = (column(0), column(1));
            let (first, second) = (Moments::of(&a), Moments::of(&b));
            assert!((found.variance(0) - first.variance).abs() < 1e-9);
            assert!((found.means[1] - second.mean).abs() < 1e-9);
            let products = a.iter().zip(&b).map(|(a, b)| (a - first.mean) * (b - second.mean));
            let covariance = products.sum::<f64>() / (n as f64 - 1.0);
            assert!((found.at(0, 1) - covariance).abs() < 1e-9);
            assert_eq!(found.at(1, 2), found.at(2, 1));
        }
    }

    #[test]
    fn a_constant_column_varies_by_nothing_and_incomplete_rows_do_not_count() {
        let rows: Vec<Vec<Option<f64>>> =
            (0..400).map(|i| vec![Some(0.1), (i % 3 > 0).then_some(f64::from(i))]).collect();
        let found = Covariances::of_rows(&rows, 2);
        assert_eq!((found.n, found.variance(0), found.at(0, 1)), (266, 0.0, 0.0));
        assert_eq!(found.means[0], 0.1);
        assert!(found.correlations().is_none());
        let empty = Covariances::of_rows(&[], 2);
        assert_eq!((empty.n, empty.variance(0)), (0, 0.0));
    }
}
