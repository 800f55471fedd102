//! Changing who was signed in where: one transaction writes the event, derives what it
//! touches anew, and credits encounters and ratings of that time to whoever was there.

use std::collections::BTreeMap;

use device_domain::shift::{Event, Kind, Shift, derive, staff_at, touches};
use kit::{
    db::WriteTx,
    error::{Result, ServiceError},
};
use proto::device::v1;
use uuid::Uuid;

use crate::{events, state::App, store};

/// How often a write that lost against another one is tried again.
const TRIES: usize = 5;

/// Takes an event in. The same event again changes nothing and gives the same shift.
///
/// # Errors
/// ALREADY_EXISTS when the id was used for another event; INVALID_ARGUMENT for a sign-out
/// before the sign-in; FAILED_PRECONDITION when nobody was signed in.
pub async fn write(app: &App, org: Uuid, event: &Event) -> Result<Shift> {
    for _ in 0..TRIES {
        match write_once(app, org, event).await {
            Err(error) if error.code() == tonic::Code::Aborted => {}
            result => return result,
        }
    }
    Err(ServiceError::unavailable("others report about the same at this moment"))
}

async fn write_once(app: &App, org: Uuid, event: &Event) -> Result<Shift> {
    let tx = app.db.begin().await?;
    store::shift::lock(tx.conn(), org).await?;
    if let Some((known, shift)) = store::shift::event(tx.conn(), org, event.id).await? {
        return repeated(&tx, org, event, &known, shift).await;
    }
    let mut touched =
        store::shift::covering(tx.conn(), org, event.window, event.event_us, event.event_us)
            .await?;
    if let (Kind::SignIn, Some(staff)) = (event.kind, event.staff) {
        let elsewhere =
            store::shift::covering_of_staff(tx.conn(), org, staff, event.event_us).await?;
        touched.extend(elsewhere.into_iter().filter(|shift| shift.window != event.window));
    }
    touched.retain(|shift| touches(event, shift));
    let answered = match event.kind {
        Kind::SignIn => event.id,
        _ => subject(&tx, org, event, &touched).await?,
    };
    let now_us = app.clock.now_us();
    store::shift::insert_event(tx.conn(), org, event, answered, now_us).await?;
    let mut changes = Vec::new();
    for before in touched {
        let Some((sign_in, _)) = store::shift::event(tx.conn(), org, before.id).await? else {
            return Err(ServiceError::internal(format!("shift {} has no event", before.id)));
        };
        let after = derived(&tx, org, &sign_in, now_us).await?;
        changes.push((Some(before), after));
    }
    if event.kind == Kind::SignIn {
        changes.push((None, derived(&tx, org, event, now_us).await?));
    }
    let group = commit_changes(app, &tx, org, &changes, now_us).await?;
    if !group.is_empty() {
        app.outbox.append(&tx, events::pack(group)).await?;
    }
    let shift = match changes.into_iter().find(|(_, after)| after.id == answered) {
        Some((_, after)) => Some(after),
        None => store::shift::find(tx.conn(), org, answered).await?,
    };
    tx.commit().await?;
    app.outbox.committed();
    shift.ok_or_else(|| ServiceError::internal(format!("shift {answered} is gone")))
}

async fn repeated(
    tx: &WriteTx,
    org: Uuid,
    event: &Event,
    known: &Event,
    shift: Option<Uuid>,
) -> Result<Shift> {
    // The end by policy depends on when the event arrived first.
    let same = Event { cap_us: known.cap_us, ..event.clone() } == *known;
    if !same {
        let text = "this event id was used for another event";
        return Err(ServiceError::already_exists(text));
    }
    let id = shift.unwrap_or(known.id);
    let found = store::shift::find(tx.conn(), org, id).await?;
    found.ok_or_else(|| ServiceError::internal(format!("shift {id} is gone")))
}

/// The shift that a sign-out, pause or resume is about.
async fn subject(tx: &WriteTx, org: Uuid, event: &Event, touched: &[Shift]) -> Result<Uuid> {
    let here = touched.iter().filter(|shift| shift.window == event.window);
    // Leaving at the very instant of coming would be no shift at all.
    let may = |s: &&Shift| event.kind != Kind::SignOut || s.start_us < event.event_us;
    if let Some(shift) = here.filter(may).max_by_key(|shift| shift.start_us) {
        return Ok(shift.id);
    }
    if event.kind != Kind::SignOut {
        let text = "nobody was signed in at this window at that time";
        return Err(ServiceError::wrong_state(text));
    }
    let last = store::shift::last_begun(tx.conn(), org, event.window, event.event_us).await?;
    // Whoever forgot to sign out and does so the next day finds the work done by policy.
    let by_policy = |s: &Shift| s.limit_us() == s.cap_us && s.cap_us <= event.event_us;
    if let Some(shift) = last.as_ref().filter(|shift| by_policy(shift)) {
        return Ok(shift.id);
    }
    if store::shift::begins_later(tx.conn(), org, event.window, event.event_us).await? {
        return Err(ServiceError::invalid("eventTime", "is not after the sign-in"));
    }
    Err(ServiceError::wrong_state("nobody was signed in at this window at that time"))
}

async fn derived(tx: &WriteTx, org: Uuid, sign_in: &Event, now_us: i64) -> Result<Shift> {
    let range = (sign_in.event_us, sign_in.cap_us);
    let here = store::shift::events_at(tx.conn(), org, sign_in.window, range).await?;
    let staff = sign_in.staff.unwrap_or_default();
    let sign_ins = store::shift::sign_ins_of(tx.conn(), org, staff, range).await?;
    Ok(derive(sign_in, &here, &sign_ins, now_us))
}

/// Writes changed shifts and everything that follows from them; the events of it all.
async fn commit_changes(
    app: &App,
    tx: &WriteTx,
    org: Uuid,
    changes: &[(Option<Shift>, Shift)],
    now_us: i64,
) -> Result<Vec<v1::Event>> {
    let mut group = Vec::new();
    let mut affected: BTreeMap<Uuid, (i64, i64)> = BTreeMap::new();
    for (before, after) in changes {
        if before.as_ref() == Some(after) {
            continue;
        }
        store::shift::save(tx.conn(), org, after).await?;
        group.push(events::shift(org, after, now_us));
        if let Some((from_us, to_us)) = newly_credited(before.as_ref(), after) {
            let span = affected.entry(after.window).or_insert((from_us, to_us));
            *span = (span.0.min(from_us), span.1.max(to_us));
        }
    }
    for (window, (from_us, to_us)) in affected {
        credit_encounters(tx, org, window, (from_us, to_us), &mut group).await?;
        let moved = crate::ingest::reattribute(app, tx, org, window, from_us, to_us).await?;
        group.extend(moved);
    }
    Ok(group)
}

/// The interval in which the change may credit somebody else.
fn newly_credited(before: Option<&Shift>, after: &Shift) -> Option<(i64, i64)> {
    let Some(before) = before else { return Some((after.start_us, after.limit_us())) };
    let (a, b) = (before.limit_us(), after.limit_us());
    (a != b).then(|| (a.min(b), a.max(b)))
}

/// Credits the encounters of a window in an interval to whoever was signed in.
async fn credit_encounters(
    tx: &WriteTx,
    org: Uuid,
    window: Uuid,
    (from_us, to_us): (i64, i64),
    group: &mut Vec<v1::Event>,
) -> Result<()> {
    let encounters = store::encounter::at_window(tx.conn(), org, window, from_us, to_us).await?;
    if encounters.is_empty() {
        return Ok(());
    }
    let shifts = store::shift::covering(tx.conn(), org, window, from_us, to_us).await?;
    for before in encounters {
        let mut after = before.clone();
        after.staff = staff_at(&shifts, before.time_us());
        if after.staff == before.staff {
            continue;
        }
        if !store::encounter::save(tx.conn(), org, &after).await? {
            return Err(ServiceError::stale());
        }
        group.extend(events::encounter_change(org, Some(&before), &after));
    }
    Ok(())
}

/// Writes the end that policy sets to shifts that are overdue; how many there were.
pub async fn end_overdue(app: &App, limit: u64) -> Result<usize> {
    let now_us = app.clock.now_us();
    let overdue = store::shift::overdue(app.db.read(), now_us, limit).await?;
    let count = overdue.len();
    for (org, shift) in overdue {
        end_one(app, org, shift.id).await?;
    }
    Ok(count)
}

async fn end_one(app: &App, org: Uuid, id: Uuid) -> Result<()> {
    let tx = app.db.begin().await?;
    store::shift::lock(tx.conn(), org).await?;
    let now_us = app.clock.now_us();
    // Another replica may have been faster, or a late sign-out.
    let Some(before) = store::shift::find(tx.conn(), org, id).await? else { return Ok(()) };
    if before.end_us.is_some() {
        return Ok(());
    }
    let Some((sign_in, _)) = store::shift::event(tx.conn(), org, id).await? else {
        return Err(ServiceError::internal(format!("shift {id} has no event")));
    };
    let after = derived(&tx, org, &sign_in, now_us).await?;
    let group = commit_changes(app, &tx, org, &[(Some(before), after)], now_us).await?;
    if group.is_empty() {
        return Ok(());
    }
    app.outbox.append(&tx, events::pack(group)).await?;
    tx.commit().await?;
    app.outbox.committed();
    Ok(())
}
