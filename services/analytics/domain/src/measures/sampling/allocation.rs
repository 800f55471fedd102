//! Division of a sample among strata.

use serde::Serialize;

use crate::measures::bounds::is_amount;
use crate::measures::reason::{Invalid, Result};

/// Most strata; every round of the division goes through all of them.
const STRATA_MAX: usize = 10_000;
/// Quotas that differ by less are equal.
const SLACK: f64 = 1e-9;

/// By what a sample is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocation {
    /// By size.
    Proportional,
    /// By size times standard deviation: the least variance of the whole.
    Neyman,
    /// Alike.
    Equal,
}

/// A stratum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stratum {
    /// How many there are.
    pub size: u64,
    /// Standard deviation of the answers, not negative; only Neyman's division looks at it.
    pub sd: f64,
}

/// A divided sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Allocated {
    /// Sample of each stratum.
    pub allocation: Vec<u64>,
    /// Their sum.
    pub total: u64,
}

/// Divides a sample of `n` among strata, with at least `min` (or all) in each.
///
/// Formula: quota = n_left·M/ΣM over the strata still free, M = N, N·S or 1 (equal parts when
/// all M are 0). While a quota is above its stratum, such strata are taken whole; then, while a
/// quota is below its minimum, such strata get the minimum; each time the rest is divided anew.
/// At the end quotas are rounded down and what is left goes to the largest remainders, ties to
/// the larger stratum, then to the earlier.
///
/// Source: Neyman (1934); Cochran (1977); Hamilton's method for the rest.
///
/// Edge cases: n at or above the population: everybody; an empty stratum gets 0.
///
/// Errors: more than 10,000 strata, a negative standard deviation, a minimum that n does not
/// suffice for.
pub fn allocate(strata: &[Stratum], n: u64, how: Allocation, min: u64) -> Result<Allocated> {
    if strata.len() > STRATA_MAX {
        return Err(Invalid::new("strata", "must be at most 10,000"));
    }
    if let Some(h) = strata.iter().position(|stratum| !is_amount(stratum.sd)) {
        return Err(Invalid::new(format!("strata[{h}].sd"), "must not be negative"));
    }
    let population = strata.iter().fold(0, |sum: u64, s| sum.saturating_add(s.size));
    let least = strata.iter().fold(0, |sum: u64, s| sum.saturating_add(s.size.min(min)));
    if n >= population {
        let allocation = strata.iter().map(|stratum| stratum.size).collect();
        return Ok(Allocated { allocation, total: population });
    }
    if least > n {
        let problem = format!("needs a sample of {least} at least");
        return Err(Invalid::new("min_per_stratum", problem));
    }
    let measures = measures(strata, how);
    let (mut fixed, quotas) = quotas(strata, &measures, n, min);
    distribute(&mut fixed, strata, &quotas, n);
    let allocation: Vec<u64> = fixed.into_iter().map(Option::unwrap_or_default).collect();
    Ok(Allocated { total: allocation.iter().sum(), allocation })
}

/// By what each stratum counts; an empty one counts nothing.
fn measures(strata: &[Stratum], how: Allocation) -> Vec<f64> {
    let measure = |stratum: &Stratum| match how {
        _ if stratum.size == 0 => 0.0,
        Allocation::Proportional => stratum.size as f64,
        Allocation::Neyman => stratum.size as f64 * stratum.sd,
        Allocation::Equal => 1.0,
    };
    strata.iter().map(measure).collect()
}

/// The strata whose sample is settled by their size or the minimum, and the quotas of the rest.
fn quotas(strata: &[Stratum], measures: &[f64], n: u64, min: u64) -> (Vec<Option<u64>>, Vec<f64>) {
    let mut fixed: Vec<Option<u64>> =
        strata.iter().map(|stratum| (stratum.size == 0).then_some(0)).collect();
    loop {
        let taken: u64 = fixed.iter().flatten().sum();
        let left = n.saturating_sub(taken) as f64;
        let free: Vec<usize> = (0..strata.len()).filter(|&h| fixed[h].is_none()).collect();
        let sum: f64 = free.iter().map(|&h| measures[h]).sum();
        let mut quotas = vec![0.0; strata.len()];
        for &h in &free {
            let share = if sum > 0.0 { measures[h] / sum } else { 1.0 / free.len() as f64 };
            quotas[h] = left * share;
        }
        let above = free.iter().filter(|&&h| quotas[h] > strata[h].size as f64 + SLACK);
        let above: Vec<usize> = above.copied().collect();
        let floor = |h: usize| strata[h].size.min(min);
        let below = free.iter().filter(|&&h| quotas[h] < floor(h) as f64 - SLACK);
        let below: Vec<usize> = below.copied().collect();
        match (above.is_empty(), below.is_empty()) {
            (false, _) => above.iter().for_each(|&h| fixed[h] = Some(strata[h].size)),
            (true, false) => below.iter().for_each(|&h| fixed[h] = Some(floor(h))),
            (true, true) => return (fixed, quotas),
        }
    }
}

/// Rounds quotas so that everything together is `n` and no stratum is overdrawn.
fn distribute(fixed: &mut [Option<u64>], strata: &[Stratum], quotas: &[f64], n: u64) {
    let mut free: Vec<usize> = (0..strata.len()).filter(|&h| fixed[h].is_none()).collect();
    for &h in &free {
        fixed[h] = Some(((quotas[h] + SLACK).floor() as u64).min(strata[h].size));
    }
    let remainder = |h: &usize| {
        // In steps of the slack, so that rounding makes no difference between equals.
        let rest = (quotas[*h] - (quotas[*h] + SLACK).floor()).max(0.0);
        (rest / SLACK).round() as u64
    };
    free.sort_by_key(|h| (std::cmp::Reverse((remainder(h), strata[*h].size)), *h));
    let mut left = n.saturating_sub(fixed.iter().flatten().sum());
    // One round suffices but for quotas beyond the digits of a double.
    while left > 0 {
        let before = left;
        for &h in &free {
            let Some(own) = fixed[h].as_mut().filter(|own| **own < strata[h].size && left > 0)
            else {
                continue;
            };
            *own += 1;
            left -= 1;
        }
        if left == before {
            break;
        }
    }
}
