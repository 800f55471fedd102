//! Follows the device feed: applies groups of events to the cells, each group once, in one
//! transaction with inbox and cursor. A group that cannot be applied is parked and tried again
//! later; the others go on.

mod hold;
mod prepare;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use analytics_domain::cell::Deltas;
use async_trait::async_trait;
use jiff::tz::TimeZone;
use kit::{
    audit,
    auth::Caller,
    clock::SharedClock,
    db::{Db, WriteTx},
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
    freshness::{DEVICE, Freshness},
    store::{cells, parked, state, templates, zones},
};
pub use hold::Hold;
use prepare::{Outcome, Prepared};

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

/// Zones of sites that were seen, by organisation and site.
type Zones = HashMap<(Uuid, Uuid), TimeZone>;

/// Applies the device feed.
pub struct Applier {
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
    /// Applies to `db`; `directory` knows the sites and their zones.
    pub fn new(
        db: Db,
        directory: Directory,
        clock: SharedClock,
        changes: Changes,
        templates: Arc<templates::Cache>,
        freshness: Freshness,
    ) -> Self {
        let (hold, restart, memory) = (Hold::default(), Notify::new(), Mutex::default());
        Self { db, directory, clock, changes, templates, freshness, hold, restart, memory }
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
        state::lock(&tx).await?;
        let reached = Inbox::cursor(tx.conn(), DEVICE).await?;
        cells::clear(&tx).await?;
        parked::clear(&tx, DEVICE).await?;
        Inbox::forget(&tx, DEVICE).await?;
        state::save(&tx, state::State { unsettled: false, checked_us: 0 }).await?;
        if let Some(caller) = caller {
            for org in self.directory.organisations() {
                let object = proto::names::print("organisations", org);
                let detail = serde_json::json!({ "reached": reached });
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

    /// Tries parked groups again from time to time, until `stop`.
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
        for group in parked::list(self.db.read(), DEVICE, PARKED_MAX).await? {
            let Ok(prepared) = prepare::try_once(&self.db, &self.directory, &group).await else {
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
        let state = state::lock(&tx).await?;
        if !parked::remove(&tx, DEVICE, group).await? {
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
                let outcome = prepare::prepare(&self.db, &self.directory, group).await;
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
        let state = state::lock(&tx).await?;
        let cursor = Inbox::cursor(tx.conn(), DEVICE).await?;
        if compare_positions(&cursor, &memory.cursor)?.is_lt() {
            // Someone began the feed again; groups of further on must not come first. The
            // follower asks for the cursor and goes on from there.
            return Err(ServiceError::unavailable("the feed is being applied from the start"));
        }
        let ids: Vec<&str> = outcomes.iter().map(|o| o.group().group_id.as_str()).collect();
        let mut new = Inbox::new_groups(&tx, DEVICE, &ids).await?;
        let mut batch = Vec::new();
        for outcome in outcomes {
            if !new.remove(&outcome.group().group_id) {
                continue;
            }
            match outcome {
                Outcome::Ready(_, prepared) => batch.push(prepared.clone()),
                Outcome::Parked(group, error) => {
                    tracing::error!(group = group.group_id, error, "a group is parked");
                    parked::put(&tx, DEVICE, group, error).await?;
                }
            }
        }
        let written = self.write(&tx, state, &memory.zones, &batch).await?;
        // Another replica may be further already.
        let ahead = compare_positions(&last.position, &cursor)?.is_gt();
        if ahead {
            let commit_us = last.commit_time.as_ref().map_or(0, proto::time::to_us);
            Inbox::save_cursor(&tx, DEVICE, &last.position, commit_us).await?;
        }
        tx.commit().await?;
        memory.cursor = if ahead { last.position.clone() } else { cursor };
        self.freshness.applied(&memory.cursor);
        self.announce(memory, written, &batch).await;
        Ok(())
    }

    /// Writes the facts and definitions of new groups.
    async fn write(
        &self,
        tx: &WriteTx,
        mut state: state::State,
        known: &Zones,
        batch: &[Arc<Prepared>],
    ) -> Result<Written> {
        let mut written = Written::default();
        let mut deltas = Deltas::default();
        for prepared in batch {
            for (org, template) in &prepared.contents.templates {
                templates::put(tx, *org, template).await?;
            }
            for change in &prepared.contents.changes {
                let place = change.fact.place();
                let key = (place.org, place.site);
                written.sites.insert(key);
                if let Some(zone) = known.get(&key).or_else(|| written.zones.get(&key)) {
                    deltas.add(change, zone);
                } else {
                    let zone = self.fix_zone(tx, key).await?;
                    deltas.add(change, &zone);
                    written.zones.insert(key, zone);
                }
            }
        }
        let before = state;
        let negative = cells::add(tx, deltas.settled(), state.unsettled).await?;
        let now_us = self.clock.now_us();
        if negative {
            state = state::State { unsettled: true, checked_us: now_us };
        } else if state.unsettled && now_us - state.checked_us >= CHECK_NEGATIVE_US {
            let unsettled = cells::any_negative(tx.conn()).await?;
            state = state::State { unsettled, checked_us: now_us };
        }
        if state != before {
            state::save(tx, state).await?;
        }
        Ok(written)
    }

    /// The zone of a site's days, fixed now if it was not before.
    async fn fix_zone(&self, tx: &WriteTx, (org, site): (Uuid, Uuid)) -> Result<TimeZone> {
        let name = match zones::of_site(tx.conn(), org, site).await? {
            Some(name) => name,
            None => {
                let view = self.directory.organisation(org);
                let view = view.ok_or_else(|| ServiceError::unavailable("unknown site"))?;
                let name = view.time_zone_name_of(site);
                zones::fix(tx, org, site, &name).await?;
                name
            }
        };
        Ok(TimeZone::get(&name).unwrap_or(TimeZone::UTC))
    }

    async fn announce(&self, memory: &mut Memory, written: Written, batch: &[Arc<Prepared>]) {
        memory.zones.extend(written.zones);
        let orgs: BTreeSet<Uuid> = batch
            .iter()
            .flat_map(|prepared| prepared.contents.templates.iter().map(|(org, _)| *org))
            .collect();
        for org in orgs {
            self.templates.forget(org).await;
        }
        self.changes.publish(written.sites);
    }
}

/// What a transaction did besides changing rows.
#[derive(Default)]
struct Written {
    sites: BTreeSet<(Uuid, Uuid)>,
    zones: Zones,
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
        memory.cursor = Inbox::cursor(self.db.read(), DEVICE).await?;
        Ok(memory.cursor.clone())
    }
}
