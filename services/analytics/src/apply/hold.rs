//! Stops applying after a position, so that the cells can be compared with the source as it
//! was there, however fast events come.

use std::sync::{Mutex, PoisonError};

use kit::{error::Result, feed::compare_positions};
use proto::common::v1::EventGroup;
use tokio::sync::watch;

/// A position after which nothing is applied for a while.
pub struct Hold {
    after: watch::Sender<Option<String>>,
    /// One holder at a time.
    taken: Mutex<bool>,
}

impl Default for Hold {
    fn default() -> Self {
        Self { after: watch::Sender::new(None), taken: Mutex::new(false) }
    }
}

/// Holds while it lives.
pub struct Holding<'a>(&'a Hold);

impl Hold {
    /// Applies nothing after `position` until the guard is dropped. `None` when someone else
    /// holds already.
    pub fn after(&self, position: &str) -> Option<Holding<'_>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if *taken {
            return None;
        }
        *taken = true;
        self.after.send_replace(Some(position.to_owned()));
        Some(Holding(self))
    }

    /// Takes the groups after the held position out of `groups`.
    pub(super) fn split_off(&self, groups: &mut Vec<EventGroup>) -> Result<Vec<EventGroup>> {
        let Some(position) = self.after.borrow().clone() else { return Ok(Vec::new()) };
        for (index, group) in groups.iter().enumerate() {
            if compare_positions(&group.position, &position)?.is_gt() {
                return Ok(groups.split_off(index));
            }
        }
        Ok(Vec::new())
    }

    /// Waits until nothing is held.
    pub(super) async fn released(&self) {
        let _ = self.after.subscribe().wait_for(Option::is_none).await;
    }
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        self.0.after.send_replace(None);
        *self.0.taken.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }
}
