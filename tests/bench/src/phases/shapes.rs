//! Sizes of the load, from the largest down, and the search for the largest that keeps a
//! promise.

use std::future::Future;

use super::DEVICES;
use crate::{error::Result, load::stream::Shape};

/// Batches that a device may have unacknowledged, by contract.
pub const UNACKNOWLEDGED: usize = 2;
/// Ratings of a batch, from the full load of 4,096 in flight down to 64.
pub const BATCHES: [usize; 12] = [128, 96, 64, 48, 32, 24, 16, 12, 8, 6, 4, 2];

/// The full load.
pub const FULL: Shape = Shape::closed(BATCHES[0], UNACKNOWLEDGED);

/// Ratings in flight when every device has as many batches unacknowledged as it may.
pub fn in_flight(shape: Shape) -> usize {
    DEVICES * shape.unacknowledged * shape.batch
}

/// The first of `candidates`, which go from the greatest to the smallest, that keeps the
/// promise, by halving; the last one when none does.
pub async fn largest<T: Copy, F, Fut>(candidates: &[T], mut keeps: F) -> Result<(usize, T)>
where
    F: FnMut(T) -> Fut,
    Fut: Future<Output = Result<bool>>,
{
    let (mut low, mut high) = (0, candidates.len() - 1);
    while low < high {
        let middle = usize::midpoint(low, high);
        if keeps(candidates[middle]).await? { high = middle } else { low = middle + 1 }
    }
    Ok((low, candidates[low]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_greatest_size_that_keeps_the_promise_is_found() {
        for limit in [0, 2, 3, 50, 200] {
            let expected = BATCHES.iter().copied().find(|b| *b <= limit).unwrap_or(2);
            let found = largest(&BATCHES, |batch| async move { Ok(batch <= limit) }).await;
            assert_eq!(found.unwrap().1, expected);
        }
    }

    #[test]
    fn the_full_load_has_4096_ratings_in_flight() {
        assert_eq!(in_flight(FULL), 4_096);
    }
}
