//! The way of an answer: a link is opened, a form is filled in, and what is submitted waits in
//! a bounded queue until a writer stores it. An answer is acknowledged only when it is durable.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kit::{
    db::Dialect,
    error::{Result, ServiceError},
};
use proto::common::v1::Reason;
use survey_domain::questionnaire::Version;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::state::App;

mod challenge;
pub mod facts;
mod group;
mod judge;
mod queue;
mod seal;
mod session;
pub mod submission;
mod trace;
mod writer;

use queue::{Queue, Waiting};
use seal::Seal;
use submission::{Submission, Verdict};

/// Writers on PostgreSQL. SQLite has one writer.
const WRITERS: usize = 2;
/// When a submission that found no room shall come again.
const FULL_RETRY: Duration = Duration::from_millis(500);
/// Versions remembered at most; then all are forgotten.
const VERSIONS_MAX: usize = 1_000;

/// The way in for answers. Cheap to clone; the writers end when the last clone is gone and
/// everything that waits is written.
#[derive(Clone)]
pub struct Respond {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Arc<Engine>,
    queue: Arc<Queue>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// What the writers work with.
pub struct Engine {
    /// The service's parts.
    pub app: Arc<App>,
    /// Keys of addresses and browsers.
    pub keys: trace::Keys,
    /// Seals sessions.
    pub sessions: Seal,
    /// Seals challenges.
    pub challenges: Seal,
    /// Seals places in exports.
    pub exports: Seal,
    /// Makes ids of responses from ids of submissions.
    ids: Seal,
    versions: Mutex<HashMap<(Uuid, i32), Arc<Version>>>,
}

impl Engine {
    fn new(app: Arc<App>, seed: &[u8; 32]) -> Self {
        Self {
            app,
            keys: trace::Keys::new(seed),
            sessions: Seal::new(seed, "survey sessions"),
            challenges: Seal::new(seed, "survey challenges"),
            exports: Seal::new(seed, "survey exports"),
            ids: Seal::new(seed, "survey response ids"),
            versions: Mutex::default(),
        }
    }

    /// The id of what is submitted under an id of the sender's own: the same for each
    /// repetition, and telling nothing of when or by whom.
    pub fn response_id(&self, campaign: Uuid, kind: &str, sent: &[u8]) -> Uuid {
        let hash = self.ids.hash(&[kind.as_bytes(), campaign.as_bytes(), sent]);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

impl Respond {
    /// Starts the writers. Call it within a tokio runtime.
    pub fn start(app: Arc<App>, seed: &[u8; 32]) -> Self {
        let writers = match app.db.dialect() {
            Dialect::Sqlite => 1,
            Dialect::Postgres => WRITERS,
        };
        let engine = Arc::new(Engine::new(app, seed));
        let queue = Arc::new(Queue::default());
        for _ in 0..writers {
            tokio::spawn(writer::run(engine.clone(), queue.clone()));
        }
        Self { shared: Arc::new(Shared { engine, queue }) }
    }

    /// What the writers work with.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.shared.engine
    }

    /// Stores a submission and waits for it.
    ///
    /// # Errors
    /// Why it was refused; RESOURCE_EXHAUSTED when the queue or the disk is full, UNAVAILABLE
    /// when the database is away. Then nothing is acknowledged, and sending it again is safe.
    pub async fn submit(&self, submission: Submission) -> Result<Verdict> {
        let mut verdicts = self.submit_all(vec![submission]).await?;
        verdicts.pop().ok_or_else(|| ServiceError::unavailable("the answer was not stored"))
    }

    /// Stores submissions, each for itself, and waits for them.
    ///
    /// # Errors
    /// As [`Respond::submit`]; some may be stored then.
    pub async fn submit_all(&self, submissions: Vec<Submission>) -> Result<Vec<Verdict>> {
        let mut receivers = Vec::with_capacity(submissions.len());
        let mut waiting = Vec::with_capacity(submissions.len());
        for submission in submissions {
            let (reply, receiver) = oneshot::channel();
            waiting.push(Waiting { submission, reply });
            receivers.push(receiver);
        }
        if !self.shared.queue.push(waiting) {
            let text = "more answers wait than can be stored soon";
            return Err(ServiceError::exhausted(Reason::Overloaded, text, FULL_RETRY));
        }
        let mut verdicts = Vec::with_capacity(receivers.len());
        for receiver in receivers {
            let gone = || ServiceError::unavailable("the answer was not stored");
            verdicts.push(receiver.await.map_err(|_| gone())??);
        }
        Ok(verdicts)
    }
}
