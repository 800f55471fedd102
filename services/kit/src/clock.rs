//! Time and ids come from here, so that tests can set them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use uuid::{NoContext, Timestamp, Uuid};

/// A source of wall-clock time.
pub trait Clock: Send + Sync + 'static {
    /// Microseconds since 1970 UTC.
    fn now_us(&self) -> i64;
}

/// A clock that can be handed around.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_us(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
pub struct ScriptedClock(AtomicI64);

impl ScriptedClock {
    /// Starts at `now_us` microseconds since 1970 UTC.
    pub fn new(now_us: i64) -> Self {
        Self(AtomicI64::new(now_us))
    }

    /// Sets the time.
    pub fn set(&self, now_us: i64) {
        self.0.store(now_us, Ordering::SeqCst);
    }

    /// Moves the time forward.
    pub fn advance(&self, by: Duration) {
        let us = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(us, Ordering::SeqCst);
    }
}

impl Clock for ScriptedClock {
    fn now_us(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A new id: UUIDv7 at the clock's time, so that ids sort by their making.
pub fn new_id(clock: &dyn Clock) -> Uuid {
    let us = u64::try_from(clock.now_us()).unwrap_or_default();
    let nanos = u32::try_from(us % 1_000_000 * 1_000).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(NoContext, us / 1_000_000, nanos))
}
