//! Ranks of a league table.

use std::cmp::Reverse;

use crate::measures::reason::{Invalid, Result};

/// Most branches of one table.
pub const BRANCHES_MAX: usize = 100_000;

/// Errors: more branches than [`BRANCHES_MAX`].
pub(super) fn check_number(branches: usize) -> Result<()> {
    if branches <= BRANCHES_MAX {
        return Ok(());
    }
    Err(Invalid::new("branches", "must be at most 100,000; rank the parts of a larger tree"))
}

/// Rank of each branch from 1, the largest value first; values that agree to 12 decimals are
/// ordered by the number of answers, the larger first, then as given.
pub(super) fn ranks(values: &[(f64, u64)]) -> Vec<usize> {
    let rounded: Vec<f64> = values
        .iter()
        .map(|(value, _)| {
            let scaled = (value * 1e12).round();
            // A value this large has no twelfth decimal.
            if scaled.is_finite() { scaled + 0.0 } else { *value }
        })
        .collect();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| {
        let by_value = rounded[b].total_cmp(&rounded[a]);
        by_value.then_with(|| Reverse(values[a].1).cmp(&Reverse(values[b].1)))
    });
    let mut ranks = vec![0; values.len()];
    order.into_iter().zip(1..).for_each(|(branch, rank)| ranks[branch] = rank);
    ranks
}
