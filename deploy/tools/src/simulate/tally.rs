//! What the simulation sent and what became of it.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

/// Counters that the bridges share.
#[derive(Debug, Default)]
pub struct Tally {
    /// Encounter events applied.
    pub encounter_events: AtomicU64,
    /// Shift events applied.
    pub shift_events: AtomicU64,
    /// Ratings stored.
    pub stored: AtomicU64,
    /// Ratings that were stored before.
    pub duplicates: AtomicU64,
    /// Ratings in quarantine.
    pub quarantined: AtomicU64,
    /// Messages refused for good.
    pub refused: AtomicU64,
    /// Messages that wait in bridges.
    pub waiting: AtomicU64,
    /// Bridges without connection now.
    pub down: AtomicU64,
}

/// Adds to a counter.
pub fn add(counter: &AtomicU64, n: usize) {
    counter.fetch_add(n as u64, Ordering::Relaxed);
}

/// Takes from a counter.
pub fn sub(counter: &AtomicU64, n: usize) {
    counter.fetch_sub(n as u64, Ordering::Relaxed);
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        write!(
            f,
            "ratings {} stored, {} sent twice, {} in quarantine; {} encounter events, {} shift \
             events; {} refused; {} waiting, {} bridges offline",
            n(&self.stored),
            n(&self.duplicates),
            n(&self.quarantined),
            n(&self.encounter_events),
            n(&self.shift_events),
            n(&self.refused),
            n(&self.waiting),
            n(&self.down),
        )
    }
}
