//! What waits for the writers.

use kit::{
    error::Result,
    queue::{Job, Limits},
};
use tokio::sync::oneshot;

use super::submission::{Submission, Verdict};

/// How many submissions wait, and how many are written at once.
pub const LIMITS: Limits = Limits { jobs: 4_096, weight: 4_096, group: 400 };

/// Submissions, each of the same weight.
pub type Queue = kit::queue::Queue<Waiting>;

/// A submission with the place where its answer goes.
pub struct Waiting {
    /// The submission.
    pub submission: Submission,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<Verdict>>,
}

impl Job for Waiting {
    fn weight(&self) -> usize {
        1
    }
}
