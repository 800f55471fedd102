//! Follows the feeds of ratings and of answers: applies groups of events to the cells, each
//! group once, in one transaction with inbox and cursor. A group that cannot be applied is
//! parked and tried again later; the others go on.

mod hold;
mod prepare;
mod source;
mod write;

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::tz::TimeZone;
use kit::{
    audit,
    auth::Caller,
    clock::SharedClock,
    db::Db,
    directory::Directory,
    error::{Result, ServiceError},
    feed::{Consumer, Inbox, compare_positions},
};
use proto::common::v1::EventGroup;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    changes::Changes,
    crash_point,
    freshness::Freshness,
    store::{cells, packs, parked, state, templates, vectors},
};
pub use hold::Hold;
use prepare::{Outcome, Prepared};
pub use source::Source;

/// After so many failures a group is parked.
const FAILURES_MAX: u32 = 5;
/// About so many events are applied in one transaction, so that other writers get their turn.
const EVENTS_MAX: usize = 20_000;
/// How often parked groups are tried again.
const RETRY_PARKED: Duration = Duration::from_secs(30);
/// Parked groups tried in one go.
const PARKED_MAX: u32 = 200;
/// While a count may be below zero, how often it is looked for, microseconds.
const CHECK_NEGATIVE_US: i64 = 60_000_000;

/// A stretch of time of a site: organisation, site and beginning.
type Stretch = (Uuid, Uuid, i64);
/// Stretches that were seen: their ids in cells, and the zones of their days.
type Zones = HashMap<Stretch, (Uuid, TimeZone)>;

/// Applies one feed.
pub struct Applier {
    source: Source,
    db: Db,
    directory: Directory,
    clock: SharedClock,
    changes: Changes,
    templates: Arc<templates::Cache>,
    freshness: Freshness,
    hold: Hold,
    /// Wakes the follower to begin again from the cursor.
    restart: Notify,
    /// One batch at a time, with what is remembered between batches.
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    /// Position that this process believes is applied.
    cursor: String,
    zones: Zones,
    /// Failures in the database, by group.
    failures: HashMap<String, u32>,
}

impl Applier {
    /// Applies `source` to `db`; `directory` knows the sites and their zones.
    pub fn new(
        source: Source,
        db: Db,
        directory: Directory,
        clock: SharedClock,
        changes: Changes,
        templates: Arc<templates::Cache>,
        freshness: Freshness,
    ) -> Self {
        let (hold, restart, memory) = (Hold::default(), Notify::new(), Mutex::default());
        Self { source, db, directory, clock, changes, templates, freshness, hold, restart, memory }
    }

    /// Where applying can be made to stop.
    pub fn hold(&self) -> &Hold {
        &self.hold
    }

    /// Waits until no batch is being applied and keeps it so while the guard lives.
    pub async fn pause(&self) -> impl Drop + Send + '_ {
        self.memory.lock().await
    }

    /// Forgets all cells and begins the feed again; the position that was reached before.
    /// `caller` is written to the audit record of every organisation.
    pub async fn rebuild(&self, caller: Option<&Caller>) -> Result<String> {
        let mut memory = self.memory.lock().await;
        let tx = self.db.begin().await?;
        tx.take_time().await?;
        let source = &self.source;
        state::lock(&tx, source.state).await?;
        let reached = Inbox::cursor(tx.conn(), source.name).await?;
        cells::clear(&tx, source.tables).await?;
        packs::clear(&tx, source.packs).await?;
        if source.has_vectors {
            vectors::clear(&tx).await?;
        }
        parked::clear(&tx, source.name).await?;
        Inbox::forget(&tx, source.name).await?;
        let settled = state::State { unsettled: false, checked_us: 0 };
        state::save(&tx, source.state, settled).await?;
        if let Some(caller) = caller {
            for org in self.directory.organisations() {
                let object = proto::names::print("organisations", org);
                let detail = serde_json::json!({ "source": source.name, "reached": reached });
                let clock = self.clock.as_ref();
                audit::record_in(&tx, caller, org, &object, None, detail, clock).await?;
            }
        }
        tx.commit().await?;
        // A batch that is on its way is refused: it belongs further on.
        memory.failures.clear();
        self.restart.notify_one();
        self.changes.publish_all();
        Ok(reached)
    }

    /// Returns when the feed has to be followed again from the cursor.
    pub async fn restarted(&self) {
        self.restart.notified().await;
    }

    /// Has the feed followed again from the cursor.
    pub fn restart(&self) {
        self.restart.notify_one();
    }

    /// Tries parked groups again from time to time, until `stop`. In every replica: hardly ever
    /// there are any, and one is applied by whoever removes it.
    pub async fn retry_parked(&self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.replay_parked().await {
                tracing::warn!(%error, "parked groups wait");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(RETRY_PARKED) => {}
            }
        }
    }

    /// Tries parked groups again; how many were applied. One that fails does not keep the
    /// others from being tried.
    pub async fn replay_parked(&self) -> Result<usize> {
        let mut applied = 0;
        let mut failed = None;
        for group in parked::list(self.db.read(), self.source.name, PARKED_MAX).await? {
            let Ok(prepared) =
                prepare::try_once(self.source, &self.db, &self.directory, &group).await
            else {
                continue;
            };
            match self.replay(&group, prepared).await {
                Ok(true) => applied += 1,
                Ok(false) => {}
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(applied), Err)
    }

    async fn replay(&self, group: &EventGroup, prepared: Arc<Prepared>) -> Result<bool> {
        let mut memory = self.memory.lock().await;
        let tx = self.db.begin().await?;
        let state = state::lock(&tx, self.source.state).await?;
        if !parked::remove(&tx, self.source.name, group).await? {
            return Ok(false);
        }
        let batch = [prepared];
        let written = self.write(&tx, state, &memory.zones, &batch).await?;
        tx.commit().await?;
        self.announce(&mut memory, written, &batch).await;
        Ok(true)
    }

    /// Applies groups, all of them before the position of the hold, if there is one.
    async fn apply_now(&self, memory: &mut Memory, groups: Vec<EventGroup>) -> Result<()> {
        let mut groups = groups.into_iter();
        loop {
            let (mut outcomes, mut events) = (Vec::new(), 0);
            while events < EVENTS_MAX
                && let Some(group) = groups.next()
            {
                let outcome = prepare::prepare(self.source, &self.db, &self.directory, group).await;
                events += outcome.events();
                outcomes.push(outcome);
            }
            if outcomes.is_empty() {
                return Ok(());
            }
            self.apply_prepared(memory, outcomes).await?;
        }
    }

    async fn apply_prepared(&self, memory: &mut Memory, outcomes: Vec<Outcome>) -> Result<()> {
        let mut outcomes = outcomes;
        let Err(error) = self.apply_batch(memory, &outcomes).await else { return Ok(()) };
        if error.is_retryable() {
            return Err(error);
        }
        if outcomes.len() == 1 {
            return self.failed(memory, outcomes.remove(0), error).await;
        }
        // One of them may be the cause: each by itself, so that the others get through.
        for outcome in outcomes {
            if let Err(error) = self.apply_batch(memory, std::slice::from_ref(&outcome)).await {
                self.failed(memory, outcome, error).await?;
            }
        }
        Ok(())
    }

    /// A group failed in the database by itself. While the database does not answer, nothing
    /// is held against the group.
    async fn failed(
        &self,
        memory: &mut Memory,
        outcome: Outcome,
        error: ServiceError,
    ) -> Result<()> {
        if error.is_retryable() || self.db.ping().await.is_err() {
            return Err(error);
        }
        let failures = memory.failures.entry(outcome.group().group_id.clone()).or_default();
        *failures += 1;
        if *failures < FAILURES_MAX {
            return Err(error);
        }
        memory.failures.remove(&outcome.group().group_id);
        let parked = outcome.into_parked(error.to_string());
        self.apply_batch(memory, &[parked]).await
    }

    async fn apply_batch(&self, memory: &mut Memory, outcomes: &[Outcome]) -> Result<()> {
        let Some(last) = outcomes.last().map(Outcome::group) else { return Ok(()) };
        let tx = self.db.begin().await?;
        let source = self.source.name;
        let state = state::lock(&tx, self.source.state).await?;
        let cursor = Inbox::cursor(tx.conn(), source).await?;
        if compare_positions(&cursor, &memory.cursor)?.is_lt() {
            // Someone began the feed again; groups of further on must not come first. The
            // follower asks for the cursor and goes on from there.
            return Err(ServiceError::unavailable("the feed is being applied from the start"));
        }
        let ids: Vec<&str> = outcomes.iter().map(|o| o.group().group_id.as_str()).collect();
        let mut new = Inbox::new_groups(&tx, source, &ids).await?;
        crash_point::pass("analytics.after_inbox");
        let mut batch = Vec::new();
        for outcome in outcomes {
            if !new.remove(&outcome.group().group_id) {
                continue;
            }
            match outcome {
                Outcome::Ready(_, prepared) => batch.push(prepared.clone()),
                Outcome::Parked(group, error) => {
                    tracing::error!(group = group.group_id, error, "a group is parked");
                    parked::put(&tx, source, group, error).await?;
                }
            }
        }
        let written = self.write(&tx, state, &memory.zones, &batch).await?;
        crash_point::pass("analytics.after_write");
        // Another replica may be further already.
        let ahead = compare_positions(&last.position, &cursor)?.is_gt();
        if ahead {
            let commit_us = last.commit_time.as_ref().map_or(0, proto::time::to_us);
            Inbox::save_cursor(&tx, source, &last.position, commit_us).await?;
        }
        crash_point::pass("analytics.before_commit");
        tx.commit().await?;
        crash_point::pass("analytics.after_commit");
        memory.cursor = if ahead { last.position.clone() } else { cursor };
        self.freshness.applied(&memory.cursor);
        self.announce(memory, written, &batch).await;
        Ok(())
    }
}

#[async_trait]
impl Consumer for Applier {
    async fn apply(&self, groups: Vec<EventGroup>) -> Result<()> {
        let mut groups = groups;
        while !groups.is_empty() {
            let mut memory = self.memory.lock().await;
            let later = self.hold.split_off(&mut groups)?;
            self.apply_now(&mut memory, groups).await?;
            drop(memory);
            groups = later;
            if !groups.is_empty() {
                self.hold.released().await;
            }
        }
        Ok(())
    }

    async fn cursor(&self) -> Result<String> {
        let mut memory = self.memory.lock().await;
        memory.cursor = Inbox::cursor(self.db.read(), self.source.name).await?;
        Ok(memory.cursor.clone())
    }
}
