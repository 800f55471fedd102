//! Numbers shared by many methods: values with weights, moments, quantiles, ranks.

use super::reason::{Invalid, Result};

/// Spread below this many rounding errors of the largest value is no spread.
const ROUNDING_MAX: f64 = 8.0 * f64::EPSILON;

/// Number, mean and sample variance of some values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// How many.
    pub n: usize,
    /// Mean; 0 when there are none.
    pub mean: f64,
    /// Variance with n - 1; 0 when n < 2.
    pub variance: f64,
}

impl Moments {
    /// Moments in two passes, so that values near 1e9 keep their spread. A spread that rounding
    /// alone explains is exactly 0.
    pub fn of(values: &[f64]) -> Moments {
        Moments::with_scale(values, largest(values))
    }

    /// The same for values computed from others of size `scale`, such as differences: the
    /// rounding errors they carry are those of what they were computed from.
    pub fn with_scale(values: &[f64], scale: f64) -> Moments {
        let n = values.len();
        let (min, max) = range(values).unwrap_or((0.0, 0.0));
        if max - min <= ROUNDING_MAX * scale {
            // Halving first cannot overflow; equal values give exactly themselves.
            return Moments { n, mean: min / 2.0 + max / 2.0, variance: 0.0 };
        }
        let count = n as f64;
        let rough = values.iter().sum::<f64>() / count;
        let mean = rough + values.iter().map(|v| v - rough).sum::<f64>() / count;
        let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
        Moments { n, mean, variance: squares / (count - 1.0) }
    }

    /// Standard deviation.
    pub fn sd(&self) -> f64 {
        self.variance.sqrt()
    }

    /// Standard error of the mean.
    pub fn se(&self) -> f64 {
        (self.variance / self.n as f64).sqrt()
    }
}

/// Largest absolute value; 0 when there are none.
pub fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |max: f64, v| max.max(v.abs()))
}

/// Smallest and largest value.
pub fn range(values: &[f64]) -> Option<(f64, f64)> {
    let first = *values.first()?;
    Some(values.iter().fold((first, first), |(min, max), &v| (min.min(v), max.max(v))))
}

/// The values that are not missing.
pub fn present(values: &[Option<f64>]) -> Vec<f64> {
    values.iter().copied().flatten().collect()
}

/// Quantile of sorted values, type 7: linear between the order statistics at (n - 1)·p.
/// `sorted` must not be empty and 0 ≤ `p` ≤ 1.
pub fn quantile(sorted: &[f64], p: f64) -> f64 {
    let position = (sorted.len() - 1) as f64 * p;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

/// Mid-ranks from 1, in the order of the values, and Σ(t³ - t) over groups of tied values.
pub fn ranks(values: &[f64]) -> (Vec<f64>, f64) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let (mut before, mut ties) = (0.0, 0.0);
    for group in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let size = group.len() as f64;
        ties += size * size * size - size;
        for &i in group {
            ranks[i] = before + (size + 1.0) / 2.0;
        }
        before += size;
    }
    (ranks, ties)
}

/// Answers with their weights. Rows with weight 0 or without a weight are left out altogether;
/// rows without an answer are counted as missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The answers.
    pub values: Vec<f64>,
    /// A weight for each answer relative to the largest weight; `None` when all count the same.
    pub weights: Option<Vec<f64>>,
    /// Sum of the weights as given; n without weights.
    pub sum_weights: f64,
    /// Rows without an answer.
    pub n_missing: usize,
}

impl Sample {
    /// Pairs answers with weights.
    ///
    /// Errors: `weights` of another length than `values`, or a negative weight.
    pub fn new(values: &[Option<f64>], weights: Option<&[Option<f64>]>) -> Result<Sample> {
        let Some(weights) = weights else {
            let present = present(values);
            let n = present.len();
            let n_missing = values.len() - n;
            return Ok(Sample { values: present, weights: None, sum_weights: n as f64, n_missing });
        };
        check_weights(weights, values.len())?;
        let rows = values.iter().zip(weights);
        let weighted = rows.filter_map(|(v, w)| w.filter(|w| *w > 0.0).map(|w| (*v, w)));
        let (mut kept, mut kept_weights, mut n_missing) = (Vec::new(), Vec::new(), 0);
        for (value, weight) in weighted {
            match value {
                Some(value) => {
                    kept.push(value);
                    kept_weights.push(weight);
                }
                None => n_missing += 1,
            }
        }
        let sum_weights = kept_weights.iter().sum();
        relate_to_largest(&mut kept_weights);
        Ok(Sample { values: kept, weights: Some(kept_weights), sum_weights, n_missing })
    }

    /// Keeps the answers that `keep` accepts and tells how many it refused.
    pub fn retain(&mut self, keep: impl Fn(f64) -> bool) -> usize {
        let kept: Vec<bool> = self.values.iter().map(|&v| keep(v)).collect();
        let before = self.values.len();
        let select = |list: &mut Vec<f64>| {
            let mut flags = kept.iter();
            list.retain(|_| *flags.next().unwrap_or(&false));
        };
        select(&mut self.values);
        self.weights.iter_mut().for_each(select);
        self.weights.iter_mut().for_each(|weights| relate_to_largest(weights));
        before - self.values.len()
    }

    /// Number of answers.
    pub fn n(&self) -> usize {
        self.values.len()
    }

    /// Relative weight of the answer at `index`.
    pub fn weight(&self, index: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[index])
    }

    /// Sum of the relative weights.
    fn total(&self) -> f64 {
        self.weights.as_ref().map_or(self.n() as f64, |weights| weights.iter().sum())
    }

    /// Effective number of answers (Σw)²/Σw² (Kish 1965); n without weights.
    pub fn n_eff(&self) -> f64 {
        match &self.weights {
            Some(weights) if !weights.is_empty() => {
                let squares: f64 = weights.iter().map(|w| w * w).sum();
                self.total() * self.total() / squares
            }
            _ => self.n() as f64,
        }
    }

    /// Weighted mean of `f` over the answers; `None` without answers.
    pub fn mean_of(&self, f: impl Fn(f64) -> f64) -> Option<f64> {
        let terms = self.values.iter().enumerate();
        let sum: f64 = terms.map(|(i, &v)| self.weight(i) * f(v)).sum();
        (self.n() > 0).then(|| sum / self.total())
    }

    /// Weighted share of the answers that `f` accepts; `None` without answers.
    pub fn share_of(&self, f: impl Fn(f64) -> bool) -> Option<f64> {
        let share = self.mean_of(|v| if f(v) { 1.0 } else { 0.0 })?;
        Some(share.clamp(0.0, 1.0))
    }

    /// Weighted sample standard deviation √[n/(n-1)·Σw(x - mean)²/Σw] and linearised standard
    /// error √[n/(n-1)·Σ(w(x - mean))²]/Σw of the mean (with replacement); `None` when n < 2.
    pub fn spread(&self) -> Option<(f64, f64)> {
        let n = self.n() as f64;
        if self.n() < 2 {
            return None;
        }
        let plain = Moments::of(&self.values);
        if plain.variance == 0.0 || self.weights.is_none() {
            return Some((plain.sd(), plain.se()));
        }
        let mean = self.mean_of(|v| v)?;
        let (mut squares, mut errors) = (0.0, 0.0);
        for (i, v) in self.values.iter().enumerate() {
            let residual = v - mean;
            squares += self.weight(i) * residual * residual;
            errors += (self.weight(i) * residual).powi(2);
        }
        let factor = n / (n - 1.0);
        Some(((factor * squares / self.total()).sqrt(), (factor * errors).sqrt() / self.total()))
    }
}

/// Only relative weights matter, and as these their squares cannot leave the range of a double.
fn relate_to_largest(weights: &mut [f64]) {
    let top = largest(weights);
    // Weights of a few 1e-324 of a removed one have become 0; they then count alike.
    weights.iter_mut().for_each(|w| *w = if top > 0.0 { *w / top } else { 1.0 });
}

/// The weight of each row relative to the largest: 0 for rows that are left out, 1 for all
/// without weights.
///
/// Errors: `weights` of another length than `rows`, or a negative weight.
pub fn row_weights(weights: Option<&[Option<f64>]>, rows: usize) -> Result<Vec<f64>> {
    let Some(weights) = weights else { return Ok(vec![1.0; rows]) };
    check_weights(weights, rows)?;
    let mut weights: Vec<f64> = weights.iter().map(|w| w.unwrap_or(0.0)).collect();
    if largest(&weights) > 0.0 {
        relate_to_largest(&mut weights);
    }
    Ok(weights)
}

fn check_weights(weights: &[Option<f64>], rows: usize) -> Result<()> {
    if weights.len() != rows {
        return Err(Invalid::new("weights", format!("must have {rows} entries, one per answer")));
    }
    match weights.iter().position(|w| w.is_some_and(|w| w < 0.0)) {
        Some(i) => Err(Invalid::new(format!("weights[{i}]"), "must not be negative")),
        None => Ok(()),
    }
}
