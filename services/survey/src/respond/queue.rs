//! The bounded queue before the writers. A writer takes all that waits, so that a group grows
//! with the load and nobody lingers for it.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use kit::error::Result;
use tokio::sync::{Notify, oneshot};

use super::submission::{Submission, Verdict};

/// Most submissions that wait.
pub const WAITING_MAX: usize = 4_096;
/// Most submissions of one group.
pub const GROUP_MAX: usize = 400;

/// A submission with the place where its answer goes.
pub struct Waiting {
    /// The submission.
    pub submission: Submission,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<Verdict>>,
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
    closed: bool,
}

impl Queue {
    /// Adds submissions, all or none; false when there is no room for them.
    pub fn push(&self, more: Vec<Waiting>) -> bool {
        let mut state = self.state();
        if state.closed || state.waiting.len() + more.len() > WAITING_MAX {
            return false;
        }
        state.waiting.extend(more);
        drop(state);
        self.arrived.notify_one();
        true
    }

    /// No more submissions are taken in; writers end when what waits is written.
    pub fn close(&self) {
        self.state().closed = true;
        self.arrived.notify_waiters();
        self.arrived.notify_one();
    }

    /// What waits, at most [`GROUP_MAX`]; waits for the first. Nothing once the queue is closed
    /// and empty.
    pub async fn take(&self) -> Option<Vec<Waiting>> {
        loop {
            let arrived = self.arrived.notified();
            {
                let mut state = self.state();
                if !state.waiting.is_empty() {
                    let count = state.waiting.len().min(GROUP_MAX);
                    let group = state.waiting.drain(..count).collect();
                    let more = !state.waiting.is_empty();
                    drop(state);
                    if more {
                        self.arrived.notify_one();
                    }
                    return Some(group);
                }
                if state.closed {
                    // The next writer has to learn it too.
                    self.arrived.notify_one();
                    return None;
                }
            }
            arrived.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock, and the state would be sound if it did.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
