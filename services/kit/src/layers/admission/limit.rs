//! How much work may be in flight, learnt from how long calls take.

use std::time::Duration;

use tokio::time::Instant;

/// Cost in flight of a fresh process; a cheap call costs 1, a dear one 16.
pub const START: u32 = 4_096;
/// Never less: a process that is slow for other causes still works.
const LEAST: u32 = 256;
/// Never more: memory is bounded too.
const MOST: u32 = 16_384;
/// How often the limit is looked at.
const WINDOW: Duration = Duration::from_millis(500);
/// Fewer calls than this say nothing.
const CALLS_MIN: u32 = 20;

/// Share of the limit, in percent, that the calls of a shed class may fill.
const SHARES: [u32; 6] = [100, 100, 90, 80, 65, 50];

/// Time in which 99 of 100 calls of a shed class should be done.
const TARGETS: [Duration; 6] = [
    Duration::from_millis(500),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_millis(1_000),
    Duration::from_millis(2_000),
];

/// What a class may fill of `limit`; at least one dear call fits into an idle process.
pub fn room_of(class: usize, limit: u32) -> u32 {
    let share = SHARES.get(class).copied().unwrap_or(50);
    limit * share / 100
}

/// The limit with what was seen since it was last looked at.
#[derive(Debug)]
pub struct Limit {
    cost: u32,
    since: Option<Instant>,
    calls: u32,
    slow: u32,
    /// Most cost that was in flight.
    most: u32,
}

impl Default for Limit {
    fn default() -> Self {
        Self { cost: START, since: None, calls: 0, slow: 0, most: 0 }
    }
}

impl Limit {
    /// Cost that may be in flight.
    pub fn cost(&self) -> u32 {
        self.cost
    }

    /// Learns from a call that is done. `in_flight` counts it too.
    pub fn note(&mut self, class: usize, took: Duration, in_flight: u32, now: Instant) {
        let since = *self.since.get_or_insert(now);
        self.calls += 1;
        self.most = self.most.max(in_flight);
        if took > TARGETS.get(class).copied().unwrap_or(TARGETS[5]) {
            self.slow += 1;
        }
        if now.duration_since(since) < WINDOW || self.calls < CALLS_MIN {
            return;
        }
        let too_slow = self.slow * 100 > self.calls;
        // A limit that was never near says nothing about itself.
        let was_near = self.most * 2 >= self.cost;
        if too_slow && was_near {
            self.cost = (self.cost - self.cost / 10).max(LEAST);
        } else if was_near {
            self.cost = (self.cost + 128).min(MOST);
        }
        metrics::gauge!("rpc_admission_limit").set(f64::from(self.cost));
        *self = Self { cost: self.cost, since: Some(now), calls: 0, slow: 0, most: 0 };
    }
}
