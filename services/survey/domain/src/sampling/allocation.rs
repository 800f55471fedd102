//! How many of each stratum.

use crate::{Error, Result};

/// Quotas that differ by less than this are the same.
const TIE: f64 = 1e-9;

/// A stratum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stratum {
    /// Customers that could be drawn.
    pub size: u64,
    /// Standard deviation of what is measured, 0 or more.
    pub deviation: f64,
}

/// How the sample is shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// By size.
    Proportional,
    /// By size times spread (Neyman): the smallest error of the overall mean.
    Optimal,
}

/// Shares `n` out to the strata; at least `min` of each, as far as it has so many. More than all
/// are everybody.
///
/// # Errors
/// Invalid when `n` does not suffice for the fewest of each stratum, or a spread is negative.
pub fn allocate(strata: &[Stratum], n: u64, rule: Rule, min: u64) -> Result<Vec<u64>> {
    if strata.iter().any(|s| !(s.deviation >= 0.0 && s.deviation.is_finite())) {
        return Err(Error::invalid("deviations", "has one that is not 0 or more"));
    }
    let all: u64 = strata.iter().map(|s| s.size).sum();
    if n >= all {
        return Ok(strata.iter().map(|s| s.size).collect());
    }
    let least: u64 = strata.iter().map(|s| s.size.min(min)).sum();
    if least > n {
        let text = format!("needs {least} customers, more than are drawn");
        return Err(Error::invalid("minPerStratum", text));
    }
    let mut fixed: Vec<Option<u64>> = vec![None; strata.len()];
    loop {
        let quotas = quotas(strata, &fixed, n, rule);
        let mut changed =
            fix(&mut fixed, strata, &quotas, |s, q| (q > s.size as f64).then_some(s.size));
        if !changed {
            changed = fix(&mut fixed, strata, &quotas, |s, q| {
                let least = s.size.min(min);
                (q < least as f64).then_some(least)
            });
        }
        if !changed {
            return Ok(rounded(strata, &fixed, &quotas, n));
        }
    }
}

/// The part of what is left that each free stratum deserves, not rounded.
fn quotas(strata: &[Stratum], fixed: &[Option<u64>], n: u64, rule: Rule) -> Vec<f64> {
    let left = n - fixed.iter().flatten().sum::<u64>();
    let measure = |s: &Stratum| match rule {
        Rule::Proportional => s.size as f64,
        Rule::Optimal => s.size as f64 * s.deviation,
    };
    let free = || strata.iter().zip(fixed).filter(|(_, fixed)| fixed.is_none()).map(|(s, _)| s);
    let sum: f64 = free().map(measure).sum();
    let count = free().count().max(1) as f64;
    let share = |s: &Stratum| if sum > 0.0 { measure(s) / sum } else { 1.0 / count };
    strata.iter().map(|s| left as f64 * share(s)).collect()
}

/// Fixes the free strata for which `bound` names a number; whether there was one.
fn fix(
    fixed: &mut [Option<u64>],
    strata: &[Stratum],
    quotas: &[f64],
    bound: impl Fn(&Stratum, f64) -> Option<u64>,
) -> bool {
    let mut changed = false;
    for ((slot, stratum), quota) in fixed.iter_mut().zip(strata).zip(quotas) {
        if slot.is_none()
            && let Some(number) = bound(stratum, *quota)
        {
            *slot = Some(number);
            changed = true;
        }
    }
    changed
}

/// Rounds down and gives the rest to the largest remainders; of equal ones to the larger
/// stratum, then to the earlier one.
fn rounded(strata: &[Stratum], fixed: &[Option<u64>], quotas: &[f64], n: u64) -> Vec<u64> {
    let whole = |quota: f64| (quota + TIE).floor();
    let mut numbers: Vec<u64> = fixed
        .iter()
        .zip(quotas)
        .map(|(fixed, quota)| fixed.unwrap_or_else(|| whole(*quota) as u64))
        .collect();
    let mut order: Vec<usize> = (0..strata.len()).filter(|i| fixed[*i].is_none()).collect();
    let remainder = |i: usize| ((quotas[i] - whole(quotas[i])) / TIE).round();
    order.sort_by(|&a, &b| {
        remainder(b)
            .total_cmp(&remainder(a))
            .then(strata[b].size.cmp(&strata[a].size))
            .then(a.cmp(&b))
    });
    let mut rest = n.saturating_sub(numbers.iter().sum());
    while rest > 0 {
        let before = rest;
        for &i in &order {
            if rest > 0 && numbers[i] < strata[i].size {
                numbers[i] += 1;
                rest -= 1;
            }
        }
        if rest == before {
            break;
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn regions() -> Vec<Stratum> {
        [(500, 12.0), (300, 20.0), (150, 9.0), (50, 30.0)]
            .map(|(size, deviation)| Stratum { size, deviation })
            .to_vec()
    }

    #[test]
    fn allocations_are_those_of_the_reference() {
        let regions = regions();
        let proportional = |n, min| allocate(&regions, n, Rule::Proportional, min).unwrap();
        assert_eq!(proportional(103, 0), [52, 31, 15, 5]);
        assert_eq!(proportional(60, 10), [25, 15, 10, 10]);
        assert_eq!(allocate(&regions, 103, Rule::Optimal, 0).unwrap(), [42, 42, 9, 10]);
        assert_eq!(allocate(&regions, 5000, Rule::Optimal, 0).unwrap(), [500, 300, 150, 50]);
        let same = vec![Stratum { size: 10, deviation: 1.0 }; 3];
        assert_eq!(allocate(&same, 10, Rule::Proportional, 0).unwrap(), [4, 3, 3]);
    }

    #[test]
    fn a_stratum_with_a_large_spread_is_taken_whole_and_the_rest_is_shared() {
        let strata = [(10, 1000.0), (1000, 1.0), (1000, 1.0)]
            .map(|(size, deviation)| Stratum { size, deviation });
        assert_eq!(allocate(&strata, 110, Rule::Optimal, 0).unwrap(), [10, 50, 50]);
    }

    #[test]
    fn a_minimum_that_cannot_be_paid_is_refused() {
        assert!(allocate(&regions(), 30, Rule::Proportional, 10).is_err());
        let spread = [Stratum { size: 5, deviation: -1.0 }];
        assert!(allocate(&spread, 2, Rule::Optimal, 0).is_err());
    }

    proptest! {
        #[test]
        fn an_allocation_adds_up_and_stays_within_each_stratum(
            strata in prop::collection::vec((0u64..100_000, 0.0f64..100.0), 0..40),
            n in 0u64..1_000_000,
            min in 0u64..50,
            optimal: bool,
        ) {
            let strata: Vec<Stratum> =
                strata.into_iter().map(|(size, deviation)| Stratum { size, deviation }).collect();
            let all: u64 = strata.iter().map(|s| s.size).sum();
            let least: u64 = strata.iter().map(|s| s.size.min(min)).sum();
            let rule = if optimal { Rule::Optimal } else { Rule::Proportional };
            match allocate(&strata, n, rule, min) {
                Err(_) => prop_assert!(least > n),
                Ok(numbers) => {
                    prop_assert_eq!(numbers.iter().sum::<u64>(), n.min(all));
                    for (number, stratum) in numbers.iter().zip(&strata) {
                        prop_assert!(*number <= stratum.size);
                        prop_assert!(*number >= stratum.size.min(min).min(*number + min));
                        prop_assert!(n >= all || *number >= stratum.size.min(min));
                    }
                }
            }
        }

        #[test]
        fn a_proportional_allocation_is_less_than_one_from_its_quota(
            sizes in prop::collection::vec(1u64..10_000, 1..30),
            part in 0.0f64..1.0,
        ) {
            let strata: Vec<Stratum> =
                sizes.iter().map(|size| Stratum { size: *size, deviation: 1.0 }).collect();
            let all: u64 = sizes.iter().sum();
            let n = (all as f64 * part) as u64;
            let numbers = allocate(&strata, n, Rule::Proportional, 0).unwrap();
            for (number, size) in numbers.iter().zip(&sizes) {
                let quota = n as f64 * *size as f64 / all as f64;
                prop_assert!((*number as f64 - quota).abs() < 1.0 + 1e-6);
            }
        }
    }
}
