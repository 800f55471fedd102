//! The bounded queue before the writers. A writer takes what waits; batches of a device that
//! another writer is busy with stay, so that writers of one process never wait for each
//! other's locks and each device's batches are written in the order of their arrival.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use kit::error::Result;
use tokio::sync::{Notify, oneshot};
use uuid::Uuid;

use super::batch::{Answer, Batch};

/// Most batches that wait.
pub const BATCHES_MAX: usize = 4_096;
/// Most messages that wait: two full batches of 64 devices.
pub const MESSAGES_MAX: usize = 32_768;
/// Most messages that a writer takes at once, unless one batch alone has more.
pub const GROUP_MAX: usize = 1_000;

/// A batch with the place where its answer goes.
pub struct Waiting {
    /// The batch.
    pub batch: Batch,
    /// Its devices, each once.
    pub devices: Vec<Uuid>,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<Answer>>,
}

/// The queue.
#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    messages: usize,
    busy: HashSet<Uuid>,
    closed: bool,
}

impl Queue {
    /// Adds a batch, or gives it back when the queue is full or closed.
    pub fn push(&self, batch: Waiting) -> std::result::Result<(), Box<Waiting>> {
        let count = batch.batch.items.len();
        let mut state = self.state();
        let full = state.waiting.len() >= BATCHES_MAX || state.messages + count > MESSAGES_MAX;
        if state.closed || full {
            return Err(Box::new(batch));
        }
        state.messages += count;
        state.waiting.push_back(batch);
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// How full it is, 0 to 100.
    pub fn fill_percent(&self) -> usize {
        let state = self.state();
        (state.messages * 100 / MESSAGES_MAX).max(state.waiting.len() * 100 / BATCHES_MAX)
    }

    /// No more batches are taken in; writers end when what waits is written.
    pub fn close(&self) {
        self.state().closed = true;
        self.arrived.notify_waiters();
        self.arrived.notify_one();
    }

    /// What waits and may be written now, at most [`GROUP_MAX`] messages; waits for the first.
    /// Nothing once the queue is closed and empty. Give the devices back with
    /// [`Queue::release`].
    pub async fn take(&self) -> Option<Vec<Waiting>> {
        loop {
            let arrived = self.arrived.notified();
            {
                let mut state = self.state();
                let group = state.pick();
                if !group.is_empty() {
                    let more = !state.waiting.is_empty();
                    drop(state);
                    if more {
                        self.arrived.notify_one();
                    }
                    return Some(group);
                }
                if state.closed && state.waiting.is_empty() {
                    // The next writer has to learn it too.
                    self.arrived.notify_one();
                    return None;
                }
            }
            arrived.await;
        }
    }

    /// The writer is done with these batches' devices.
    pub fn release<'a>(&self, devices: impl IntoIterator<Item = &'a Uuid>) {
        let mut state = self.state();
        for device in devices {
            state.busy.remove(device);
        }
        let more = !state.waiting.is_empty();
        drop(state);
        if more {
            self.arrived.notify_one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock, and the state would be sound if it did.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn pick(&mut self) -> Vec<Waiting> {
        let mut group: Vec<Waiting> = Vec::new();
        let mut taken: HashSet<Uuid> = HashSet::new();
        let mut passed_by: HashSet<Uuid> = HashSet::new();
        let mut messages = 0;
        let mut index = 0;
        while index < self.waiting.len() && messages < GROUP_MAX {
            let next = &self.waiting[index];
            let count = next.batch.items.len();
            let fits = group.is_empty() || messages + count <= GROUP_MAX;
            // A later batch must not overtake one of the same device.
            let free = |d: &Uuid| !self.busy.contains(d) && !passed_by.contains(d);
            if fits && next.devices.iter().all(free) {
                messages += count;
                taken.extend(&next.devices);
                group.extend(self.waiting.remove(index));
            } else {
                passed_by.extend(&next.devices);
                index += 1;
            }
        }
        self.messages -= messages;
        self.busy.extend(taken);
        group
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::batch::{Authority, Item};
    use device_domain::rating::Press;

    fn batch(device: u128, count: usize) -> Waiting {
        let device = Uuid::from_u128(device);
        let item = Item {
            device,
            receipt: Uuid::nil(),
            content_hash: 0,
            press: Press::default(),
            vouched: None,
        };
        Waiting {
            batch: Batch {
                org: Uuid::nil(),
                authority: Authority::Device(device),
                clock: None,
                receive_us: 0,
                items: vec![item; count],
            },
            devices: vec![device],
            reply: oneshot::channel().0,
        }
    }

    fn sizes(group: &[Waiting]) -> Vec<(u128, usize)> {
        group.iter().map(|w| (w.devices[0].as_u128(), w.batch.items.len())).collect()
    }

    #[tokio::test]
    async fn a_writer_takes_what_fits_and_leaves_busy_devices_in_order() {
        let queue = Queue::default();
        for (device, count) in [(1, 200), (2, 300), (1, 250), (3, 600), (4, 10)] {
            assert!(queue.push(batch(device, count)).is_ok());
        }
        let first = queue.take().await.unwrap();
        assert_eq!(sizes(&first), [(1, 200), (2, 300), (1, 250), (4, 10)]);
        queue.push(batch(1, 5)).unwrap_or_else(|_| panic!("there is room"));
        let second = queue.take().await.unwrap();
        assert_eq!(sizes(&second), [(3, 600)]);
        queue.release(first.iter().flat_map(|w| &w.devices));
        assert_eq!(sizes(&queue.take().await.unwrap()), [(1, 5)]);
    }

    #[tokio::test]
    async fn a_full_queue_gives_back_and_a_closed_one_runs_dry() {
        let queue = Queue::default();
        for _ in 0..MESSAGES_MAX / 256 {
            assert!(queue.push(batch(1, 256)).is_ok());
        }
        assert_eq!(queue.fill_percent(), 100);
        assert!(queue.push(batch(2, 1)).is_err());
        queue.close();
        let mut left = 0;
        while let Some(group) = queue.take().await {
            left += group.iter().map(|w| w.batch.items.len()).sum::<usize>();
            queue.release(group.iter().flat_map(|w| &w.devices));
        }
        assert_eq!(left, MESSAGES_MAX);
        assert!(queue.take().await.is_none());
        assert!(queue.push(batch(1, 1)).is_err());
    }
}
