//! How far a feed is counted, and since when that was all there was.

use std::sync::{Arc, Mutex, PoisonError};

use kit::{error::Result, feed::Inbox};
use sea_orm::ConnectionTrait;

/// Name of the device feed in the inbox and in answers.
pub const DEVICE: &str = "device";
/// Name of the survey feed.
pub const SURVEY: &str = "survey";
/// Name of the auth feed.
pub const AUTH: &str = "auth";

/// How far a feed is counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mark {
    /// Position of the last group counted; empty at the beginning.
    pub position: String,
    /// Everything that was committed before this is counted; microseconds.
    pub as_of_us: i64,
}

/// Knows when the feed was last seen at its end. Cheap to clone.
#[derive(Clone)]
pub struct Freshness {
    source: &'static str,
    seen: Arc<Mutex<Mark>>,
    applied: Arc<Mutex<String>>,
}

impl Freshness {
    /// Of the feed of that name.
    pub fn of(source: &'static str) -> Self {
        Self { source, seen: Arc::default(), applied: Arc::default() }
    }

    /// Name of the feed.
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// How far the feed is counted in the state that `conn` sees.
    pub async fn mark(&self, conn: &impl ConnectionTrait) -> Result<Mark> {
        let (position, commit_us) = Inbox::freshness(conn, self.source).await?.unwrap_or_default();
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Without newer groups the last commit may be long ago and nothing be missing still.
        let as_of_us =
            if seen.position == position { seen.as_of_us.max(commit_us) } else { commit_us };
        Ok(Mark { position, as_of_us })
    }

    /// At `now_us` the feed had nothing after `position`.
    pub fn saw_end(&self, position: &str, now_us: i64) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Mark { position: position.to_owned(), as_of_us: now_us };
    }

    /// This process has applied everything up to `position`.
    pub fn applied(&self, position: &str) {
        *self.applied.lock().unwrap_or_else(PoisonError::into_inner) = position.to_owned();
    }

    /// Position up to which this process has applied.
    pub fn applied_here(&self) -> String {
        self.applied.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
