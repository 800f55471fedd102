//! Latencies and repeated values.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longest latency that is told apart, in microseconds: ten minutes.
const LONGEST_US: u64 = 600_000_000;

/// Latencies of one measurement, kept with three significant digits.
#[derive(Clone)]
pub struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST_US, 3).expect("these bounds are sound"))
    }
}

impl Latencies {
    /// Adds one.
    pub fn record(&mut self, latency: Duration) {
        self.record_n(latency, 1);
    }

    /// Adds one that `n` items shared.
    pub fn record_n(&mut self, latency: Duration, n: u64) {
        let us = u64::try_from(latency.as_micros()).unwrap_or(LONGEST_US);
        self.0.saturating_record_n(us.clamp(1, LONGEST_US), n);
    }

    /// Adds all of another measurement.
    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all have the same bounds");
    }

    /// How many were recorded.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// A quantile in milliseconds; 0 when nothing was recorded.
    #[expect(clippy::cast_precision_loss, reason = "microseconds of minutes fit")]
    pub fn quantile_ms(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1_000.0
    }

    /// The median in milliseconds.
    pub fn p50_ms(&self) -> f64 {
        self.quantile_ms(0.5)
    }

    /// What 99 % stay below, in milliseconds.
    pub fn p99_ms(&self) -> f64 {
        self.quantile_ms(0.99)
    }
}

/// Median, smallest and largest of repeated measurements.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The middle one; the mean of the two middle ones of an even number.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of these values; zeros when there are none.
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        if n == 0 {
            return Self::one(0.0);
        }
        let median = f64::midpoint(sorted[(n - 1) / 2], sorted[n / 2]);
        Self { median, min: sorted[0], max: sorted[n - 1] }
    }

    /// A value that was measured once.
    pub fn one(value: f64) -> Self {
        Self { median: value, min: value, max: value }
    }

    /// The spread of the quotients of pairs that were measured side by side: what disturbs
    /// the machine for a while then disturbs both.
    pub fn ratio(above: &[f64], below: &[f64]) -> Self {
        let pairs = above.iter().zip(below).filter(|(_, below)| **below > 0.0);
        Self::of(&pairs.map(|(above, below)| above / below).collect::<Vec<_>>())
    }
}

/// Items per second.
#[expect(clippy::cast_precision_loss, reason = "no run counts 2^53 items")]
pub fn rate(items: u64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { items as f64 / time.as_secs_f64() }
}

/// A duration in milliseconds.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_come_back_in_milliseconds() {
        let mut latencies = Latencies::default();
        (1..=100).for_each(|n| latencies.record(Duration::from_millis(n)));
        assert!((latencies.p50_ms() - 50.0).abs() < 0.1);
        assert!((latencies.p99_ms() - 99.0).abs() < 0.1);
        assert_eq!(latencies.count(), 100);
    }

    #[test]
    fn a_spread_has_the_middle_value() {
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Spread { median: 2.0, min: 1.0, max: 3.0 });
        assert_eq!(Spread::of(&[4.0, 2.0]).median, 3.0);
        assert_eq!(Spread::of(&[]), Spread::one(0.0));
    }

    #[test]
    fn ratios_are_taken_pair_by_pair() {
        let ratio = Spread::ratio(&[10.0, 1.0, 8.0], &[10.0, 2.0, 0.0]);
        assert_eq!((ratio.min, ratio.max), (0.5, 1.0));
    }
}
