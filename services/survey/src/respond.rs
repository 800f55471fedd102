//! The way of an answer: a link is opened, a form is filled in, and what is submitted waits in
//! a bounded queue until a writer stores it. An answer is acknowledged only when it is durable.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kit::{
    db::Dialect,
    error::{Result, ServiceError},
};
use proto::common::v1::Reason;
use sha2::{Digest, Sha256};
use survey_domain::{
    answer::{Answers, Attributes},
    campaign::{Acceptance, Campaign},
    questionnaire::Version,
};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{state::App, store};

mod challenge;
pub mod decline;
pub mod facts;
pub mod form;
mod group;
pub mod judge;
mod queue;
pub mod saving;
mod seal;
mod session;
mod stuffing;
pub mod submission;
pub mod submit;
pub mod sweep;
mod trace;
mod writer;

pub use group::closed;
use queue::{LIMITS, Queue, Waiting};
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
    /// Anonymous campaigns whose invitations could be matched with responses; see [`sweep`].
    unstirred: Mutex<HashSet<Uuid>>,
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
            unstirred: Mutex::default(),
        }
    }

    /// A published version, from memory or from the database; versions never change.
    ///
    /// # Errors
    /// NOT_FOUND when there is none.
    pub async fn version(
        &self,
        org: Uuid,
        questionnaire: Uuid,
        number: i32,
    ) -> Result<Arc<Version>> {
        let key = (questionnaire, number);
        if let Some(known) = self.remembered(key) {
            return Ok(known);
        }
        let conn = self.app.db.read();
        let found = store::questionnaire::find_version(conn, org, questionnaire, number).await?;
        let found = found.ok_or_else(|| ServiceError::not_found("version"))?;
        let made = Arc::new(Version::new(questionnaire, number, found.hash, found.definition));
        let mut known = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= VERSIONS_MAX {
            known.clear();
        }
        known.insert(key, made.clone());
        Ok(made)
    }

    /// Notes campaigns whose invitations have to be stirred.
    fn to_stir(&self, campaigns: impl IntoIterator<Item = Uuid>) {
        self.unstirred.lock().unwrap_or_else(PoisonError::into_inner).extend(campaigns);
    }

    fn take_to_stir(&self) -> HashSet<Uuid> {
        std::mem::take(&mut self.unstirred.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn remembered(&self, key: (Uuid, i32)) -> Option<Arc<Version>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }

    /// The version that a campaign asks; errors as [`Engine::version`].
    pub async fn version_of(&self, campaign: &Campaign) -> Result<Arc<Version>> {
        let settings = &campaign.settings;
        self.version(campaign.org, settings.questionnaire, settings.version).await
    }

    /// What is known of a customer, for branching and for texts.
    pub async fn attributes(&self, org: Uuid, customer: Option<Uuid>) -> Result<Attributes> {
        let Some(customer) = customer else { return Ok(Attributes::new()) };
        let found = store::customer::find_current(self.app.db.read(), org, customer).await?;
        Ok(found.map(|customer| customer.attributes).unwrap_or_default())
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
        let queue = Arc::new(Queue::new(LIMITS));
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

/// Hash of answers as they were sent to a version.
pub fn content_hash(answers: &Answers, version: i32) -> i64 {
    hash_of(&serde_json::json!([version, answers]))
}

/// Hash of a document.
pub fn hash_of(document: &serde_json::Value) -> i64 {
    let hash = Sha256::digest(document.to_string().as_bytes());
    hash.first_chunk().map(|bytes| i64::from_be_bytes(*bytes)).unwrap_or_default()
}

/// Refuses answers to a campaign that takes none now.
///
/// # Errors
/// SURVEY_CLOSED.
pub fn must_accept(campaign: &Campaign, now_us: i64) -> Result<()> {
    match campaign.accepts(now_us) {
        Acceptance::Open => Ok(()),
        Acceptance::NotYet => Err(group::closed("the survey is not open yet")),
        Acceptance::Over => Err(group::closed("the survey is closed")),
    }
}
