//! Which customers.

use std::collections::BinaryHeap;

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A number above 0 and below 1 that belongs to a customer in a draw with `seed`. Numbers of
/// different customers are independent for every practical purpose.
pub fn number(seed: i64, customer: Uuid) -> f64 {
    let mut hash = Sha256::new();
    hash.update(b"manyi sample");
    hash.update(seed.to_be_bytes());
    hash.update(customer.as_bytes());
    let digest = hash.finalize();
    let bits = digest[..8].iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
    // 52 bits and a half step: never 0, never 1.
    ((bits >> 12) as f64 + 0.5) / (1u64 << 52) as f64
}

/// The place of a customer in the order of drawing; smaller comes first. Equal chances are the
/// number itself; with importance it is -ln(u)/w (Efraimidis and Spirakis), which draws one after
/// the other in proportion to the importance of those that are left.
///
/// `None` for a customer of no importance.
pub fn place(seed: i64, customer: Uuid, importance: Option<f64>) -> Option<f64> {
    let number = number(seed, customer);
    match importance {
        None => Some(number),
        Some(weight) if weight > 0.0 && weight.is_finite() => Some(-libm::log(number) / weight),
        Some(_) => None,
    }
}

/// Keeps the first `n` in the order of drawing, in memory for `n`.
#[derive(Debug, Default)]
pub struct First {
    n: usize,
    kept: BinaryHeap<Place>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    place: f64,
    index: usize,
    customer: Uuid,
}

impl Eq for Place {}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.place.total_cmp(&other.place).then(self.customer.cmp(&other.customer))
    }
}

impl First {
    /// Keeps the first `n`.
    pub fn new(n: usize) -> Self {
        Self { n, kept: BinaryHeap::new() }
    }

    /// Shows a customer at `place`; `index` finds it again.
    pub fn offer(&mut self, place: f64, customer: Uuid, index: usize) {
        let offered = Place { place, index, customer };
        if self.kept.len() < self.n {
            self.kept.push(offered);
        } else if let Some(mut last) = self.kept.peek_mut()
            && offered < *last
        {
            *last = offered;
        }
    }

    /// Indices of the drawn ones in the order of drawing.
    pub fn into_indices(self) -> Vec<usize> {
        self.kept.into_sorted_vec().into_iter().map(|place| place.index).collect()
    }
}

/// SHA-256 over sorted ids: says whether two frames are the same.
pub fn frame_hash(ids: &mut [Uuid]) -> [u8; 32] {
    ids.sort_unstable();
    let mut hash = Sha256::new();
    for id in ids.iter() {
        hash.update(id.as_bytes());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn draw(seed: i64, frame: &[(Uuid, Option<f64>)], n: usize) -> Vec<Uuid> {
        let mut first = First::new(n);
        for (index, (id, importance)) in frame.iter().enumerate() {
            if let Some(place) = place(seed, *id, *importance) {
                first.offer(place, *id, index);
            }
        }
        first.into_indices().into_iter().map(|index| frame[index].0).collect()
    }

    fn frame(count: u128) -> Vec<(Uuid, Option<f64>)> {
        (1..=count).map(|id| (Uuid::from_u128(id), None)).collect()
    }

    #[test]
    fn numbers_of_a_draw_never_change() {
        // A change of these would change every sample that can be drawn again.
        assert_eq!(number(1, Uuid::from_u128(1)), 0.2918605401515343);
        assert_eq!(number(-7, Uuid::from_u128(u128::MAX)), 0.2784494726221284);
    }

    #[test]
    fn every_customer_is_drawn_as_often_as_every_other() {
        let frame = frame(20);
        let (rounds, n) = (20_000, 5);
        let mut drawn = [0u32; 21];
        for seed in 0..rounds {
            for id in draw(seed, &frame, n) {
                drawn[id.as_u128() as usize] += 1;
            }
        }
        let expected = rounds as f64 * n as f64 / 20.0;
        let sigma = (expected * (1.0 - 0.25)).sqrt();
        for count in &drawn[1..] {
            assert!((f64::from(*count) - expected).abs() < 5.0 * sigma, "{drawn:?}");
        }
    }

    #[test]
    fn the_first_customer_by_importance_is_drawn_in_proportion_to_it() {
        let weights = [1.0, 2.0, 3.0, 4.0];
        let frame: Vec<_> = weights
            .iter()
            .enumerate()
            .map(|(i, weight)| (Uuid::from_u128(i as u128), Some(*weight)))
            .collect();
        let rounds = 40_000;
        let mut first = [0u32; 4];
        let mut with_two = [0u32; 4];
        for seed in 0..rounds {
            let drawn = draw(seed, &frame, 2);
            first[drawn[0].as_u128() as usize] += 1;
            for id in drawn {
                with_two[id.as_u128() as usize] += 1;
            }
        }
        let all: f64 = weights.iter().sum();
        for (i, weight) in weights.iter().enumerate() {
            let p = weight / all;
            let check = |count: u32, p: f64| {
                let expected = p * rounds as f64;
                let sigma = (expected * (1.0 - p)).sqrt();
                assert!((f64::from(count) - expected).abs() < 5.0 * sigma, "{i}: {count}");
            };
            check(first[i], p);
            // Two without replacement: first, or second after another one.
            let second: f64 = (0..4)
                .filter(|j| *j != i)
                .map(|j| weights[j] / all * weight / (all - weights[j]))
                .sum();
            check(with_two[i], p + second);
        }
    }

    proptest! {
        #[test]
        fn a_draw_is_the_same_in_whatever_order_the_frame_is_read(
            seed: i64,
            weights in prop::collection::vec(prop::option::of(0.0f64..10.0), 1..60),
            n in 0usize..70,
        ) {
            let frame: Vec<_> = weights
                .iter()
                .enumerate()
                .map(|(i, weight)| (Uuid::from_u128(i as u128 * 7919 + 1), *weight))
                .collect();
            let mut backwards = frame.clone();
            backwards.reverse();
            let drawn = draw(seed, &frame, n);
            prop_assert_eq!(&drawn, &draw(seed, &backwards, n));
            let possible = weights.iter().filter(|w| w.is_none_or(|w| w > 0.0)).count();
            prop_assert_eq!(drawn.len(), n.min(possible));
            let mut each = drawn.clone();
            each.sort_unstable();
            each.dedup();
            prop_assert_eq!(each.len(), drawn.len());
        }

        #[test]
        fn a_larger_sample_with_the_same_seed_contains_the_smaller_one(
            seed: i64, small in 0usize..30, more in 0usize..30,
        ) {
            let frame = frame(50);
            let smaller = draw(seed, &frame, small);
            let larger = draw(seed, &frame, small + more);
            prop_assert_eq!(&larger[..smaller.len()], &smaller[..]);
        }
    }
}
