//! Shares of R² for drivers that are correlated with each other.

use serde::Serialize;

use super::drivers::{Correlations, Drivers};
use crate::measures::covariance::Covariances;
use crate::measures::named::Named;
use crate::measures::reason::{Invalid, Reason, Result};
use crate::measures::resample::{Resampling, replicate, spread};
use crate::stop::{self, Stop};

/// 2¹⁵ regressions are answered at once; more drivers take Johnson's weights.
const SHAPLEY_MAX: usize = 15;
/// Regressions of all resamples together; some seconds.
const SHAPLEY_WORK_MAX: usize = 50_000_000;

/// How much of R² each driver stands for, by name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Relative {
    /// Respondents with all values.
    pub n: usize,
    /// Share of the variance of the outcome that all drivers explain.
    pub r2: Option<f64>,
    /// Part of R² of each driver, never negative; they add up to R².
    pub raw: Option<Named<f64>>,
    /// The same divided by R²; they add up to 1.
    pub share: Option<Named<f64>>,
    /// Percentile intervals of the shares; only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_ci: Option<Shares>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Percentile intervals of shares, by name of the driver.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shares {
    /// Resamples.
    pub n_resamples: usize,
    /// Seed they were drawn with.
    pub seed: u64,
    /// Resamples that gave the shares.
    pub valid: usize,
    /// Lower ends.
    pub low: Option<Named<f64>>,
    /// Upper ends.
    pub high: Option<Named<f64>>,
    /// `n_too_small` when fewer than 90 % of the resamples gave the shares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Johnson's relative weights; respondents with a missing value are left out.
///
/// Formula: Λ = R_xx^½ (symmetric), β* = Λ⁻¹·r_xy, raw_j = Σ_k Λ_jk²·β*_k², share = raw/R².
///
/// Source: Johnson (2000).
///
/// Edge cases: n ≤ p + 1: `n_too_small`; a constant outcome or driver: `zero_variance`; drivers
/// that determine each other: `singular`; R² = 0: shares missing with `zero_denominator`. One
/// driver has raw = R².
///
/// Errors: (rows + 20·drivers) × columns² × resamples above 1e11.
pub fn johnson(drivers: &Drivers, resampling: Option<Resampling>) -> Result<Relative> {
    relative(drivers, resampling, relative_weights)
}

/// Shapley values of R², also called LMG; respondents with a missing value are left out.
///
/// Formula: raw_j = Σ_S |S|!(p-|S|-1)!/p!·\[R²(S∪j) - R²(S)\] over the sets S of other drivers,
/// the mean gain over all orders of entry; exact. Share = raw/R².
///
/// Source: Lindeman, Merenda & Gold (1980).
///
/// Edge cases: as [`johnson`].
///
/// Errors: more than 15 drivers (use [`johnson`]); 2^p × resamples above 5e7; resamples as
/// for [`johnson`].
pub fn shapley(drivers: &Drivers, resampling: Option<Resampling>) -> Result<Relative> {
    let p = drivers.p();
    if p > SHAPLEY_MAX {
        return Err(Invalid::new("x", "must have at most 15 drivers; importance.johnson has more"));
    }
    if resampling.is_some_and(|how| how.count.saturating_mul(1 << p) > SHAPLEY_WORK_MAX) {
        let problem = format!("must be at most {} for {p} drivers", SHAPLEY_WORK_MAX >> p);
        return Err(Invalid::new("n_resamples", problem));
    }
    let stop = stop::present();
    relative(drivers, resampling, |correlations| shapley_values(correlations, &stop))
}

/// `None` when the weights cannot be computed.
fn relative(
    drivers: &Drivers,
    resampling: Option<Resampling>,
    weights: impl Fn(&Correlations) -> Option<Vec<f64>> + Sync,
) -> Result<Relative> {
    let (n, names) = (drivers.n(), &drivers.names);
    let missing = |reason| {
        Ok(Relative { n, r2: None, raw: None, share: None, share_ci: None, reason: Some(reason) })
    };
    let correlations = match drivers.correlations() {
        Ok(correlations) => correlations,
        Err(reason) => return missing(reason),
    };
    let Some(raw) = weights(&correlations) else { return missing(Reason::NotConverged) };
    let share = shares(&raw);
    let share_ci = match resampling.filter(|_| share.is_some()) {
        None => None,
        Some(how) => {
            Some(intervals(drivers, &how, |c| shares(&weights(&Correlations::of(c).ok()?)?))?)
        }
    };
    Ok(Relative {
        n,
        r2: Some(correlations.r2()),
        raw: Some(Named::of(names, raw)),
        reason: share.is_none().then_some(Reason::ZeroDenominator),
        share: share.map(|share| Named::of(names, share)),
        share_ci,
    })
}

/// `None` when nothing is explained but rounding errors.
fn shares(raw: &[f64]) -> Option<Vec<f64>> {
    let sum: f64 = raw.iter().sum();
    (sum > 1e-24).then(|| raw.iter().map(|weight| weight / sum).collect())
}

fn intervals(
    drivers: &Drivers,
    how: &Resampling,
    shares: impl Fn(&Covariances) -> Option<Vec<f64>> + Sync,
) -> Result<Shares> {
    let (rows, p) = (drivers.rows(how)?, drivers.p());
    let results = replicate(
        &rows,
        &how.draws(),
        p,
        || (),
        |(), resample, out| {
            if let Some(shares) = shares(resample) {
                out.copy_from_slice(&shares);
            }
        },
    );
    let spreads: Vec<_> = (0..p).map(|j| spread(&results, p, j, how.confidence)).collect();
    let ends = |end: Vec<Option<f64>>| {
        let all: Option<Vec<f64>> = end.into_iter().collect();
        all.map(|all| Named::of(&drivers.names, all))
    };
    let low = ends(spreads.iter().map(|spread| spread.low).collect());
    Ok(Shares {
        n_resamples: how.count,
        seed: how.seed,
        valid: spreads.first().map_or(0, |spread| spread.valid),
        reason: low.is_none().then_some(Reason::NTooSmall),
        low,
        high: ends(spreads.iter().map(|spread| spread.high).collect()),
    })
}

fn relative_weights(correlations: &Correlations) -> Option<Vec<f64>> {
    let eigen = correlations.between.eigen()?;
    let p = eigen.values.len();
    let root = |power: f64| {
        let scales: Vec<f64> = eigen.values.iter().map(|v| v.max(0.0).powf(power)).collect();
        let element = |i: usize, j: usize| {
            let parts = scales.iter().zip(&eigen.vectors);
            parts.map(|(scale, v)| scale * v[i] * v[j]).sum::<f64>()
        };
        (0..p).map(|i| (0..p).map(|j| element(i, j)).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    let (root, inverse) = (root(0.5), root(-0.5));
    let beta: Vec<f64> = inverse
        .iter()
        .map(|row| row.iter().zip(&correlations.with_outcome).map(|(a, r)| a * r).sum())
        .collect();
    let weight = |row: &Vec<f64>| row.iter().zip(&beta).map(|(l, b)| l * l * b * b).sum();
    let weights: Vec<f64> = root.iter().map(weight).collect();
    weights.iter().all(|weight| weight.is_finite()).then_some(weights)
}

/// R² of every set of drivers, found by entering one driver after the other into a Cholesky
/// factor; bit j of the position stands for driver j. `None` when told to stop.
fn explained(correlations: &Correlations, stop: &Stop) -> Option<Vec<f64>> {
    let p = correlations.with_outcome.len();
    let mut explained = vec![0.0; 1 << p];
    let mut entered = Entered { members: Vec::new(), rows: Vec::new(), outcome: Vec::new(), stop };
    entered.extend(correlations, 0, 0.0, &mut explained);
    (!stop.is_asked()).then_some(explained)
}

/// The factor of the drivers entered so far, and the outcome in its coordinates.
struct Entered<'a> {
    members: Vec<usize>,
    rows: Vec<Vec<f64>>,
    outcome: Vec<f64>,
    stop: &'a Stop,
}

impl Entered<'_> {
    /// Enters every driver from `first` on, and below it all that follow, unless told to stop.
    fn extend(&mut self, c: &Correlations, first: usize, r2: f64, explained: &mut [f64]) {
        for j in first..c.with_outcome.len() {
            if self.stop.is_asked() {
                return;
            }
            let mut row = Vec::with_capacity(self.rows.len() + 1);
            for (i, other) in self.rows.iter().enumerate() {
                let known: f64 = row.iter().zip(other).map(|(a, b): (&f64, &f64)| a * b).sum();
                row.push((c.between.at(j, self.members[i]) - known) / other[i]);
            }
            let pivot = 1.0 - row.iter().map(|v| v * v).sum::<f64>();
            // The whole matrix has passed the rank test, so that no pivot is near 0.
            let pivot = pivot.max(f64::EPSILON).sqrt();
            let known: f64 = row.iter().zip(&self.outcome).map(|(a, b)| a * b).sum();
            let outcome = (c.with_outcome[j] - known) / pivot;
            row.push(pivot);
            self.members.push(j);
            self.rows.push(row);
            self.outcome.push(outcome);
            let r2 = r2 + outcome * outcome;
            explained[self.members.iter().map(|m| 1 << m).sum::<usize>()] = r2;
            self.extend(c, j + 1, r2, explained);
            self.members.pop();
            self.rows.pop();
            self.outcome.pop();
        }
    }
}

/// `None` when told to stop.
fn shapley_values(correlations: &Correlations, stop: &Stop) -> Option<Vec<f64>> {
    let p = correlations.with_outcome.len();
    let explained = explained(correlations, stop)?;
    // |S|!(p-|S|-1)!/p! = 1/(p·C(p-1, |S|))
    let mut chances = vec![1.0 / p as f64; p];
    for size in 1..p {
        chances[size] = chances[size - 1] * size as f64 / (p - size) as f64;
    }
    let mut values = vec![0.0; p];
    for (set, r2) in explained.iter().enumerate() {
        let chance = chances.get(set.count_ones() as usize).copied().unwrap_or(0.0);
        for (j, value) in values.iter_mut().enumerate() {
            if set >> j & 1 == 0 {
                *value += chance * (explained[set | 1 << j] - r2);
            }
        }
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Drivers that each stand for a part of the outcome.
    fn drivers(p: u32) -> Drivers {
        let value = |i: u32, j: u32| f64::from(i * (2 * j + 3) % 101 % (j + 7));
        let column = |j: u32| (0..200).map(|i| Some(value(i, j))).collect();
        let x = (0..p).map(|j| (format!("x{j}"), column(j))).collect();
        let y = (0..200).map(|i| Some((0..p).map(|j| value(i, j)).sum())).collect();
        Drivers::new(y, x).unwrap()
    }

    #[test]
    fn nothing_is_computed_for_whoever_has_gone() {
        let drivers = drivers(SHAPLEY_MAX as u32);
        let stop = Stop::default();
        let found = stop.within(|| shapley(&drivers, None)).unwrap();
        assert_eq!(found.raw.map(|raw| raw.0.len()), Some(SHAPLEY_MAX), "somebody waits");
        stop.ask();
        let found = stop.within(|| shapley(&drivers, None)).unwrap();
        assert!(found.raw.is_none() && found.reason == Some(Reason::NotConverged));
    }
}
