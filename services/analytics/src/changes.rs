//! Tells whoever watches figures in this process that cells have changed.

use std::{collections::BTreeSet, sync::Arc};

use tokio::sync::broadcast::{self, error::RecvError};
use uuid::Uuid;

/// Changes that a slow listener may fall behind before it is told only that much happened.
const BACKLOG: usize = 256;

/// Organisation and site of changed cells; `None` when it is not known which.
pub type Changed = Option<Arc<BTreeSet<(Uuid, Uuid)>>>;

/// The hub. Cheap to clone.
#[derive(Clone)]
pub struct Changes {
    sender: broadcast::Sender<Changed>,
}

impl Default for Changes {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(BACKLOG) }
    }
}

impl Changes {
    /// Cells of these sites have changed.
    pub fn publish(&self, sites: BTreeSet<(Uuid, Uuid)>) {
        if !sites.is_empty() {
            // Nobody listening is no error.
            let _ = self.sender.send(Some(Arc::new(sites)));
        }
    }

    /// Any cell may have changed.
    pub fn publish_all(&self) {
        let _ = self.sender.send(None);
    }

    /// Hears of changes from now on.
    pub fn listen(&self) -> Listener {
        Listener { receiver: self.sender.subscribe() }
    }
}

/// Hears of changes.
pub struct Listener {
    receiver: broadcast::Receiver<Changed>,
}

impl Listener {
    /// The next change; one that may be anything after falling behind. Never returns once the
    /// hub is gone.
    pub async fn next(&mut self) -> Changed {
        match self.receiver.recv().await {
            Ok(changed) => changed,
            Err(RecvError::Lagged(_)) => None,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
