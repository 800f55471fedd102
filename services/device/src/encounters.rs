//! Merging reported events into encounters: one transaction for a batch, any order.

use std::collections::{BTreeMap, HashMap};

use device_domain::{
    encounter::{Encounter, Event, State},
    shift::{Shift, staff_at},
};
use kit::{
    db::WriteTx,
    directory::OrgView,
    error::{Result, ServiceError},
};
use proto::device::v1;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{events, ingest, nudge::Nudge, state::App, store, store::prompt::Prompt, templates};

/// How often a batch that lost against another one is tried again.
const TRIES: usize = 5;
/// How long after the event a terminal may still show the question.
pub const PROMPT_US: i64 = 60 * 1_000_000;
/// Services that are reported later than this may have ratings that found no service.
const LATE_US: i64 = 60 * 1_000_000;

/// One sound event with its place.
#[derive(Debug, Clone)]
pub struct Report {
    /// Encounter.
    pub id: Uuid,
    /// Window.
    pub window: Uuid,
    /// What happened.
    pub event: Event,
}

/// Merges reports; one result each, in order.
pub async fn write(app: &App, view: &OrgView, reports: &[Report]) -> Result<Vec<Result<()>>> {
    for _ in 0..TRIES {
        match write_once(app, view, reports).await {
            Err(error) if error.code() == tonic::Code::Aborted => {}
            result => return result,
        }
    }
    Err(ServiceError::unavailable("others report about the same at this moment"))
}

async fn write_once(app: &App, view: &OrgView, reports: &[Report]) -> Result<Vec<Result<()>>> {
    let org = view.id;
    let now_us = app.clock.now_us();
    let mut ids: Vec<Uuid> = reports.iter().map(|report| report.id).collect();
    ids.sort_unstable();
    ids.dedup();
    let tx = app.db.begin().await?;
    store::shift::lock_shared(tx.conn(), &[org]).await?;
    let known = store::encounter::find_locked(tx.conn(), org, &ids).await?;
    let known: HashMap<Uuid, Encounter> = known.into_iter().map(|e| (e.id, e)).collect();
    // Ordered by id: rows are locked in one order, so that batches never wait in a circle.
    let mut merged: BTreeMap<Uuid, Encounter> =
        known.iter().map(|(id, encounter)| (*id, encounter.clone())).collect();
    let results = reports.iter().map(|report| merge(&mut merged, view, report)).collect();

    credit(&tx, org, &mut merged).await?;
    let mut group = Vec::new();
    for after in merged.values() {
        let before = known.get(&after.id);
        if before == Some(after) {
            continue;
        }
        if !store::encounter::save(tx.conn(), org, after).await? {
            return Err(ServiceError::stale());
        }
        group.extend(events::encounter_change(org, before, after));
    }
    let windows = prompts(&tx, org, &known, &merged, now_us).await?;
    group.extend(reclassify(&tx, org, &known, &merged).await?);
    group.extend(relink(app, &tx, org, &known, &merged, now_us).await?);
    if !group.is_empty() {
        app.outbox.append(&tx, events::pack(group)).await?;
    }
    tx.commit().await?;
    app.outbox.committed();
    for window in windows {
        app.nudges.send(Nudge::Window(window));
    }
    Ok(results)
}

fn merge(merged: &mut BTreeMap<Uuid, Encounter>, view: &OrgView, report: &Report) -> Result<()> {
    let encounter = merged
        .entry(report.id)
        .or_insert_with(|| Encounter::new(report.id, report.window, report.window));
    if encounter.window != report.window {
        let text = "the encounter is at another window";
        return Err(ServiceError::wrong_state(text));
    }
    encounter.apply(&report.event);
    let us = encounter.time_us();
    encounter.site = view.site_at(report.window, us);
    encounter.site_since_us = Some(view.placed_since(encounter.site, us));
    Ok(())
}

/// Credits encounters to whoever was signed in at the start of service.
async fn credit(tx: &WriteTx, org: Uuid, merged: &mut BTreeMap<Uuid, Encounter>) -> Result<()> {
    let mut spans: HashMap<Uuid, (i64, i64)> = HashMap::new();
    for encounter in merged.values() {
        let us = encounter.time_us();
        let span = spans.entry(encounter.window).or_insert((us, us));
        *span = (span.0.min(us), span.1.max(us));
    }
    let mut shifts: HashMap<Uuid, Vec<Shift>> = HashMap::new();
    for (window, (from_us, to_us)) in spans {
        let found = store::shift::covering(tx.conn(), org, window, from_us, to_us).await?;
        shifts.insert(window, found);
    }
    for encounter in merged.values_mut() {
        let here = shifts.get(&encounter.window).map(Vec::as_slice).unwrap_or_default();
        encounter.staff = staff_at(here, encounter.time_us());
    }
    Ok(())
}

/// Makes and closes prompts; windows for which there is a new one.
async fn prompts(
    tx: &WriteTx,
    org: Uuid,
    known: &HashMap<Uuid, Encounter>,
    merged: &BTreeMap<Uuid, Encounter>,
    now_us: i64,
) -> Result<Vec<Uuid>> {
    let mut windows = Vec::new();
    let mut closed = Vec::new();
    for after in merged.values() {
        let before = known.get(&after.id);
        let asked_now = before.is_none_or(|before| before.prompt_us.is_none());
        match after.prompt_us {
            Some(prompt_us) if after.state() == State::Prompted => {
                let expire_us = prompt_us.saturating_add(PROMPT_US);
                if asked_now && now_us < expire_us {
                    let prompt = Prompt {
                        id: prompt_id(org, after.id),
                        window: after.window,
                        encounter: after.id,
                        create_us: now_us,
                        expire_us,
                    };
                    store::prompt::insert(tx.conn(), org, &prompt).await?;
                    windows.push(after.window);
                }
            }
            Some(_) if before.is_some_and(|before| before.state() == State::Prompted) => {
                closed.push(after.id);
            }
            _ => {}
        }
    }
    store::prompt::close(tx.conn(), org, &closed).await?;
    Ok(windows)
}

/// One prompt for each encounter, however often it is asked for.
fn prompt_id(org: Uuid, encounter: Uuid) -> Uuid {
    let digest = Sha256::new().chain_update(b"manyi prompt").chain_update(org);
    templates::derived_id(digest.chain_update(encounter))
}

/// Ratings carry the business type of their service, which may become known after them.
async fn reclassify(
    tx: &WriteTx,
    org: Uuid,
    known: &HashMap<Uuid, Encounter>,
    merged: &BTreeMap<Uuid, Encounter>,
) -> Result<Vec<v1::Event>> {
    let named: Vec<(Uuid, String)> = merged
        .values()
        .filter(|after| {
            known.get(&after.id).is_some_and(|b| b.business_type != after.business_type)
        })
        .filter_map(|after| Some((after.rating?, after.business_type.clone())))
        .collect();
    if named.is_empty() { Ok(Vec::new()) } else { ingest::reclassify(tx, org, &named).await }
}

/// Ratings that came before the report of their service are judged again.
async fn relink(
    app: &App,
    tx: &WriteTx,
    org: Uuid,
    known: &HashMap<Uuid, Encounter>,
    merged: &BTreeMap<Uuid, Encounter>,
    now_us: i64,
) -> Result<Vec<v1::Event>> {
    let mut spans: BTreeMap<Uuid, (i64, i64)> = BTreeMap::new();
    for after in merged.values().filter(|e| e.served() && e.rating.is_none()) {
        let begins_us = after.time_us();
        // A service whose start was known in time had its ratings linked as they came.
        let placed_anew = known
            .get(&after.id)
            .is_none_or(|before| !before.served() || before.time_us() != begins_us);
        if !placed_anew || now_us.saturating_sub(begins_us) < LATE_US {
            continue;
        }
        let ends_us = after.finish_us.unwrap_or(now_us).max(begins_us);
        let span = spans.entry(after.window).or_insert((begins_us, ends_us));
        *span = (span.0.min(begins_us), span.1.max(ends_us));
    }
    let mut group = Vec::new();
    for (window, (from_us, to_us)) in spans {
        group.extend(ingest::relink(app, tx, org, window, from_us, to_us).await?);
    }
    Ok(group)
}

/// Counts the silence of encounters, each with the time at which it was due; how many were
/// not answered meanwhile.
pub async fn count_silence(app: &App, org: Uuid, silent: &mut [(Encounter, i64)]) -> Result<usize> {
    // In the order of all who change encounters.
    silent.sort_unstable_by_key(|(encounter, _)| encounter.id);
    let tx = app.db.begin().await?;
    let mut group = Vec::new();
    for (before, due_us) in silent.iter() {
        let mut after = before.clone();
        after.count_silence(*due_us);
        // The version tells whether a rating or another replica was faster.
        if store::encounter::save(tx.conn(), org, &after).await? {
            group.extend(events::encounter_change(org, Some(before), &after));
        }
    }
    let count = group.len();
    if count > 0 {
        app.outbox.append(&tx, events::pack(group)).await?;
        tx.commit().await?;
        app.outbox.committed();
    }
    Ok(count)
}

/// Whether a reported time lies in the future by more than clocks differ that are maintained.
pub fn is_future(event_us: i64, now_us: i64) -> bool {
    const AHEAD_US: i64 = 5 * 60 * 1_000_000;
    event_us > now_us.saturating_add(AHEAD_US)
}
