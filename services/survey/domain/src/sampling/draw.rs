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

/// Chance with which a customer of an importance is drawn, given the place of the first one that
/// is not: all others being where they are, it is drawn when its own place comes before that.
/// 1 / chance are weights with which the drawn ones stand for all without bias (Cohen and Kaplan:
/// conditioning on ranks), which the chance of a single draw times the number of draws does not
/// give.
pub fn chance(importance: f64, first_left_out: f64) -> f64 {
    -libm::expm1(-importance * first_left_out)
}

/// Keeps the first `n` in the order of drawing and the place of the next one, in memory for
/// them.
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
        if self.kept.len() <= self.n {
            self.kept.push(offered);
        } else if let Some(mut last) = self.kept.peek_mut()
            && offered < *last
        {
            *last = offered;
        }
    }

    /// Indices of the drawn ones in the order of drawing, and the place of the first one that was
    /// left out.
    pub fn into_drawn(self) -> (Vec<usize>, Option<f64>) {
        let mut places = self.kept.into_sorted_vec();
        let left_out = places.get(self.n).map(|place| place.place);
        places.truncate(self.n);
        (places.into_iter().map(|place| place.index).collect(), left_out)
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
        first.into_drawn().0.into_iter().map(|index| frame[index].0).collect()
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

    #[test]
    fn weights_of_draws_by_importance_stand_for_everybody_without_bias() {
        // A quantity that has nothing to do with the importance, and the number of customers.
        let customers = [(1.0, 7.0), (2.0, 1.0), (3.0, 5.0), (4.0, 2.0), (20.0, 9.0)];
        let rounds = 40_000_i64;
        let (mut sums, mut squares) = ([0.0; 2], [0.0; 2]);
        let mut naive = 0.0;
        for seed in 0..rounds {
            let mut first = First::new(3);
            for (index, (importance, _)) in customers.iter().enumerate() {
                let id = Uuid::from_u128(index as u128 + 1);
                first.offer(place(seed, id, Some(*importance)).unwrap(), id, index);
            }
            let (drawn, left_out) = first.into_drawn();
            assert_eq!(drawn.len(), 3);
            let mut estimates = [0.0; 2];
            for index in drawn {
                let (importance, quantity) = customers[index];
                let weight = 1.0 / chance(importance, left_out.unwrap());
                estimates[0] += weight;
                estimates[1] += weight * quantity;
                naive += (30.0 / (3.0 * importance)).max(1.0);
            }
            for (at, estimate) in estimates.into_iter().enumerate() {
                sums[at] += estimate;
                squares[at] += estimate * estimate;
            }
        }
        let n = rounds as f64;
        for (at, wanted) in [5.0, 24.0].into_iter().enumerate() {
            let mean = sums[at] / n;
            let error = ((squares[at] / n - mean * mean) / n).sqrt();
            assert!((mean - wanted).abs() < 5.0 * error, "{at}: {mean} ± {error}");
        }
        // The control: number of draws times the chance of one draw is off by far.
        assert!((naive / n - 5.0).abs() > 0.5, "{}", naive / n);
    }

    #[test]
    fn who_draws_all_leaves_nobody_out() {
        let mut first = First::new(5);
        for id in 1..=5_u128 {
            first.offer(number(1, Uuid::from_u128(id)), Uuid::from_u128(id), 0);
        }
        assert_eq!(first.into_drawn().1, None);
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
