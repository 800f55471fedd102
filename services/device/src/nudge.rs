//! Wakes the streams of devices when there is something for them: at once for changes made in
//! this process, within a second for those of other replicas.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kit::{clock::SharedClock, db::Db, error::Result};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::store;

/// How often changes of other replicas are looked for.
const POLL: Duration = Duration::from_secs(1);
/// How far back each look reaches: a transaction may commit some time after its clock reading.
const OVERLAP_US: i64 = 5 * 1_000_000;
/// Nudges that a slow stream may be behind; then it looks for everything.
const BEHIND_MAX: usize = 1_024;
/// Streams that one device may hold at a time: the one it uses, and the one it lost without
/// our knowing.
const STREAMS_MAX: usize = 2;

/// For whom there is something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nudge {
    /// For the devices at a window.
    Window(Uuid),
    /// For one device.
    Device(Uuid),
    /// For all devices of an organisation.
    Organisation(Uuid),
}

/// Sends nudges to streams.
#[derive(Debug, Clone)]
pub struct Nudges(broadcast::Sender<Nudge>);

impl Default for Nudges {
    fn default() -> Self {
        Self(broadcast::Sender::new(BEHIND_MAX))
    }
}

impl Nudges {
    /// Tells all streams; nobody listening is fine.
    pub fn send(&self, nudge: Nudge) {
        let _ = self.0.send(nudge);
    }

    /// From now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Nudge> {
        self.0.subscribe()
    }

    /// Sends nudges for what other replicas committed, until `stop`.
    pub async fn poll(self, db: Db, clock: SharedClock, stop: CancellationToken) {
        let mut since_us = clock.now_us();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(POLL) => {}
            }
            if self.0.receiver_count() == 0 {
                continue;
            }
            let now_us = clock.now_us();
            match self.look(&db, since_us - OVERLAP_US).await {
                Ok(()) => since_us = now_us,
                Err(error) => tracing::warn!(%error, "looking for prompts failed"),
            }
        }
    }

    async fn look(&self, db: &Db, since_us: i64) -> Result<()> {
        for (_, window) in store::prompt::windows_since(db.read(), since_us).await? {
            self.send(Nudge::Window(window));
        }
        for (_, device) in store::device::changed_since(db.read(), since_us).await? {
            self.send(Nudge::Device(device));
        }
        for org in store::template::changed_since(db.read(), since_us).await? {
            self.send(Nudge::Organisation(org));
        }
        Ok(())
    }
}

/// Counts the streams of each device.
#[derive(Debug, Clone, Default)]
pub struct Streams(Arc<Mutex<HashMap<Uuid, usize>>>);

/// A stream that is open; dropping it makes room.
#[derive(Debug)]
pub struct StreamSlot {
    streams: Streams,
    device: Uuid,
}

impl Streams {
    /// Opens a stream; nothing when the device holds as many as it may.
    pub fn enter(&self, device: Uuid) -> Option<StreamSlot> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(device).or_default();
        if *count >= STREAMS_MAX {
            return None;
        }
        *count += 1;
        Some(StreamSlot { streams: self.clone(), device })
    }
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.device) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.device);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_holds_two_streams_and_gets_room_back() {
        let streams = Streams::default();
        let device = Uuid::from_u128(1);
        let first = streams.enter(device);
        let second = streams.enter(device);
        assert!(first.is_some() && second.is_some());
        assert!(streams.enter(device).is_none());
        assert!(streams.enter(Uuid::from_u128(2)).is_some());
        drop(first);
        assert!(streams.enter(device).is_some());
        drop(second);
        assert_eq!(streams.0.lock().unwrap().len(), 0);
    }
}
