//! Orders of chance. The order of an element is a pure function of a seed and the element's id:
//! SplitMix64, started with the first eight bytes of SHA-256 of `manyi order 1`, the seed as
//! four bytes with the highest first, and the id; then a Fisher–Yates shuffle from the end.
//! The seed is recorded with the response, so that its order can be told for ever.

use sha2::{Digest, Sha256};

/// Numbers of chance for one element.
struct Stream(u64);

impl Stream {
    fn new(seed: u32, element: &str) -> Self {
        let digest = Sha256::new()
            .chain_update(b"manyi order 1")
            .chain_update(seed.to_be_bytes())
            .chain_update(element.as_bytes())
            .finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Self(u64::from_be_bytes(first))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Evenly one of 0 to `below` - 1; `below` is at least 1.
    fn below(&mut self, below: u64) -> u64 {
        // Values of the last, incomplete round are thrown again, or the first would be likelier.
        let limit = u64::MAX - u64::MAX % below;
        loop {
            let value = self.next();
            if value < limit {
                return value % below;
            }
        }
    }
}

/// The order of `count` things of an element: numbers from 0. Those that are `fixed` keep
/// their place.
pub fn shuffled(
    seed: u32,
    element: &str,
    count: usize,
    fixed: impl Fn(usize) -> bool,
) -> Vec<usize> {
    let free: Vec<usize> = (0..count).filter(|i| !fixed(*i)).collect();
    let mut drawn = free.clone();
    let mut stream = Stream::new(seed, element);
    for last in (1..drawn.len()).rev() {
        let other = stream.below(last as u64 + 1);
        drawn.swap(last, usize::try_from(other).unwrap_or(last));
    }
    let mut order: Vec<usize> = (0..count).collect();
    for (place, thing) in free.into_iter().zip(drawn) {
        order[place] = thing;
    }
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_order_of_a_seed_is_the_same_for_ever() {
        // Recorded once; a change would falsify the order of every response that is kept.
        assert_eq!(shuffled(7, "q1", 6, |_| false), GOLDEN);
    }

    const GOLDEN: [usize; 6] = [3, 2, 5, 4, 0, 1];

    #[test]
    fn every_place_is_equally_likely() {
        let mut counts = [[0_u32; 4]; 4];
        let rounds = 20_000;
        for seed in 0..rounds {
            for (place, thing) in shuffled(seed, "q", 4, |_| false).into_iter().enumerate() {
                counts[place][thing] += 1;
            }
        }
        let expected = f64::from(rounds) / 4.0;
        let square = |count: &u32| (f64::from(*count) - expected).powi(2) / expected;
        let chi2: f64 = counts.iter().flatten().map(square).sum();
        assert!(chi2 < 27.9, "chi² of 9 degrees is {chi2}"); // p = 0.001
    }

    proptest! {
        #[test]
        fn an_order_holds_everything_once_and_leaves_the_fixed_in_place(
            seed: u32, fixed in proptest::collection::vec(any::<bool>(), 0..40)
        ) {
            let order = shuffled(seed, "q", fixed.len(), |i| fixed[i]);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..fixed.len()).collect::<Vec<_>>());
            for (place, thing) in order.iter().enumerate() {
                prop_assert!(!fixed[place] || *thing == place);
            }
            prop_assert_eq!(shuffled(seed, "q", fixed.len(), |i| fixed[i]), order);
        }
    }
}
