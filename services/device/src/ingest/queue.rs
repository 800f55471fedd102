//! What waits for the writers.

use kit::{
    error::Result,
    queue::{Job, Limits},
};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::batch::{Answer, Batch};

/// How many batches and messages wait, and how many messages a writer takes at once.
pub const LIMITS: Limits = Limits {
    jobs: 4_096,
    // Two full batches of 64 devices.
    weight: 32_768,
    group: 1_000,
};

/// Batches; a batch is as heavy as it has messages, and its devices are its lanes.
pub type Queue = kit::queue::Queue<Waiting>;

/// A batch with the place where its answer goes.
pub struct Waiting {
    /// The batch.
    pub batch: Batch,
    /// Its devices, each once.
    pub devices: Vec<Uuid>,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<Answer>>,
}

impl Job for Waiting {
    fn weight(&self) -> usize {
        self.batch.items.len()
    }

    fn lanes(&self) -> &[Uuid] {
        &self.devices
    }
}
