//! Ranks under several weightings, and how far they agree.

use super::weights::correlation;

/// Values closer than this share a rank.
const SAME: f64 = 1e-9;

/// Ranks from 1 for the highest; equal values share the better rank; `None` without a value.
pub fn ranks(values: &[Option<f64>]) -> Vec<Option<usize>> {
    let mut given: Vec<f64> = values.iter().flatten().copied().collect();
    given.sort_by(|a, b| b.total_cmp(a));
    values
        .iter()
        .map(|value| value.map(|value| given.partition_point(|other| *other > value + SAME) + 1))
        .collect()
}

/// Spearman's ρ of the units that both have: the correlation of mid-ranks. `None` for fewer
/// than two units or where one side does not vary.
pub fn spearman(a: &[Option<f64>], b: &[Option<f64>]) -> Option<f64> {
    let both: Vec<(f64, f64)> = a.iter().zip(b).filter_map(|(a, b)| Some(((*a)?, (*b)?))).collect();
    if both.len() < 2 {
        return None;
    }
    let (x, y): (Vec<f64>, Vec<f64>) = both.into_iter().unzip();
    let pairs: Vec<(f64, f64)> = mid_ranks(&x).into_iter().zip(mid_ranks(&y)).collect();
    correlation(&pairs)
}

fn mid_ranks(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = |value: f64| {
        let below = sorted.partition_point(|other| *other < value - SAME);
        let to = sorted.partition_point(|other| *other <= value + SAME);
        (below + to + 1) as f64 / 2.0
    };
    values.iter().map(|value| rank(*value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_a_rank_and_missing_ones_have_none() {
        let found = ranks(&[Some(80.0), None, Some(90.0), Some(80.0), Some(70.0)]);
        assert_eq!(found, [Some(2), None, Some(1), Some(2), Some(4)]);
    }

    #[test]
    fn spearman_is_one_for_the_same_order_and_minus_one_for_the_reverse() {
        let a = [Some(1.0), Some(2.0), Some(9.0), None];
        let b = [Some(10.0), Some(20.0), Some(30.0), Some(5.0)];
        assert!((spearman(&a, &b).unwrap() - 1.0).abs() < 1e-12);
        let reverse = [Some(3.0), Some(2.0), Some(1.0), Some(7.0)];
        assert!((spearman(&a, &reverse).unwrap() + 1.0).abs() < 1e-12);
        assert_eq!(spearman(&a, &[Some(1.0); 4]), None);
    }
}
