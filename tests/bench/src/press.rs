//! The ratings that are sent: always the same sequence of grades, reasons and comments.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Instant,
};

use kit::clock::{Clock as _, SystemClock};
use proto::{
    device::v1::{BatchCreateRatingsRequest, RatingMessage, SendClock},
    time::from_us,
};
use uuid::Uuid;

/// What a customer pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Press {
    /// 1 to 5.
    pub grade: i32,
    /// Reason code, with the two lowest grades.
    pub reason: Option<&'static str>,
    /// Comment, with one rating in fifty.
    pub comment: Option<&'static str>,
}

impl Press {
    /// The press with this number.
    pub fn numbered(number: u64) -> Self {
        let hash = mix(number);
        let grade = grade_of(hash % 100);
        let comment = (hash >> 32).is_multiple_of(50);
        Self {
            grade,
            reason: (grade <= 2).then_some("waiting"),
            comment: comment.then_some("等了二十分钟，窗口只开了两个。"),
        }
    }
}

/// Grade of a percentile: 2 % very dissatisfied to 60 % very satisfied.
pub fn grade_of(percent: u64) -> i32 {
    match percent {
        0..=1 => 1,
        2..=4 => 2,
        5..=14 => 3,
        15..=39 => 4,
        _ => 5,
    }
}

/// Scatters a number over 64 bits (SplitMix64).
pub fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A device that has something to say, for ever. Its sequence goes on over all streams and
/// calls of the run, as a real device's does.
pub struct Source {
    next: AtomicI64,
    acknowledged: AtomicU64,
    salt: u64,
    boot_id: String,
    booted: Instant,
}

impl Source {
    /// The device with this number.
    pub fn new(number: u64) -> Self {
        Self {
            next: AtomicI64::new(1),
            acknowledged: AtomicU64::new(0),
            salt: number << 40,
            boot_id: Uuid::now_v7().to_string(),
            booted: Instant::now(),
        }
    }

    /// Remembers that `n` more ratings were acknowledged.
    pub fn acknowledge(&self, n: u64) {
        self.acknowledged.fetch_add(n, Ordering::Relaxed);
    }

    /// How many were acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// The next `n` ratings, pressed just now.
    pub fn batch(&self, n: usize) -> BatchCreateRatingsRequest {
        let count = i64::try_from(n).unwrap_or_default();
        let first = self.next.fetch_add(count, Ordering::Relaxed);
        let now_us = SystemClock.now_us();
        let monotonic_ms = i64::try_from(self.booted.elapsed().as_millis()).unwrap_or_default();
        let ratings = (first..first + count).map(|sequence| {
            let number = self.salt | u64::try_from(sequence).unwrap_or_default();
            self.message(sequence, Press::numbered(number), now_us, monotonic_ms)
        });
        BatchCreateRatingsRequest {
            ratings: ratings.collect(),
            clock: Some(SendClock {
                device_time: Some(from_us(now_us)),
                monotonic_ms,
                boot_id: self.boot_id.clone(),
            }),
        }
    }

    fn message(
        &self,
        sequence: i64,
        press: Press,
        now_us: i64,
        monotonic_ms: i64,
    ) -> RatingMessage {
        RatingMessage {
            rating_id: Uuid::now_v7().to_string(),
            epoch: 1,
            sequence,
            grade: press.grade,
            reasons: press.reason.map(str::to_owned).into_iter().collect(),
            comment: press.comment.unwrap_or_default().to_owned(),
            device_time: Some(from_us(now_us)),
            monotonic_ms,
            boot_id: self.boot_id.clone(),
            response_ms: 1_800,
            ..RatingMessage::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades_are_spread_as_in_a_good_hall() {
        let mut counts = [0; 6];
        (0..100_000).for_each(|n| counts[Press::numbered(n).grade as usize] += 1);
        assert_eq!(counts[0], 0);
        assert!((1_800..2_200).contains(&counts[1]), "{counts:?}");
        assert!((59_000..61_000).contains(&counts[5]), "{counts:?}");
    }

    #[test]
    fn sequences_go_on_from_batch_to_batch() {
        let source = Source::new(3);
        let (one, two) = (source.batch(4), source.batch(2));
        let sequences: Vec<i64> =
            one.ratings.iter().chain(&two.ratings).map(|r| r.sequence).collect();
        assert_eq!(sequences, [1, 2, 3, 4, 5, 6]);
        assert!(proto::validate::violations(&one).is_empty());
    }
}
