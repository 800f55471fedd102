//! Percentages of one distribution that add up to 100.

use serde::Serialize;

use crate::measures::reason::{Invalid, Reason, Result};

const DECIMALS_MAX: u64 = 10;

/// Rounded percentages.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Distribution {
    /// One per count, 0 to 100.
    pub percent: Vec<Option<f64>>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Percentages rounded to `decimals` places so that they add up to 100.
///
/// Formula: floor(count·100·10^d/total); the missing units go to the largest remainders, ties to
/// the earlier category. Exact integer arithmetic.
///
/// Source: Hamilton's method of apportionment.
///
/// Edge cases: total 0: all `None`, `no_data`.
///
/// Errors: more than 10 decimals.
pub fn distribution(counts: &[u64], decimals: u64) -> Result<Distribution> {
    if decimals > DECIMALS_MAX {
        return Err(Invalid::new("decimals", "must be a whole number from 0 to 10"));
    }
    let total: u128 = counts.iter().map(|&count| u128::from(count)).sum();
    if total == 0 {
        let reason = Some(Reason::NoData);
        return Ok(Distribution { percent: vec![None; counts.len()], reason });
    }
    let one = 10u128.pow(decimals as u32);
    let scaled = |count: u64| u128::from(count) * 100 * one;
    let mut units: Vec<u128> = counts.iter().map(|&c| scaled(c) / total).collect();
    let missing = (100 * one - units.iter().sum::<u128>()) as usize;
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(scaled(counts[i]) % total));
    order.iter().take(missing).for_each(|&i| units[i] += 1);
    let percent = units.iter().map(|&unit| Some(unit as f64 / one as f64)).collect();
    Ok(Distribution { percent, reason: None })
}
