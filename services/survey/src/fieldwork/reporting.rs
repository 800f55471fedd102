//! What partners and operators report of invitations: handed over, bounced, refused, tried.

use std::collections::{HashMap, HashSet};

use kit::{
    auth::Caller,
    error::{Result, ServiceError, reason_name},
};
use proto::{common::v1::Reason, survey::v1, time};
use survey_domain::{
    campaign::{Acceptance, Campaign},
    invitation::{Invitation, Outcome, State},
};
use tonic::Code;
use uuid::Uuid;

use super::{
    access, convert as shown,
    counting::{self, Tally, day_of},
    work,
};
use crate::{convert, state::App, store::fieldwork as stored};

const DAY_US: i64 = 86_400_000_000;
/// Clocks of senders may be so much ahead.
const AHEAD_US: i64 = 300_000_000;

/// What became of invitations: each report has its own result.
pub async fn report(
    app: &App,
    caller: &Caller,
    reports: &[v1::InvitationReport],
) -> Result<Vec<v1::InvitationReportResult>> {
    let org = caller.org;
    let ids: Vec<Uuid> =
        reports.iter().filter_map(|r| proto::names::parse("invitations", &r.invitation)).collect();
    let tx = app.db.begin().await?;
    let locked = stored::invitation::lock(tx.conn(), org, &ids).await?;
    let mut known: HashMap<Uuid, Invitation> = locked.into_iter().map(|i| (i.id, i)).collect();
    let mut campaigns = HashMap::new();
    for campaign in known.values().map(|i| i.campaign).collect::<HashSet<Uuid>>() {
        if let Some(found) = stored::campaign::find(tx.conn(), org, campaign).await? {
            campaigns.insert(campaign, found);
        }
    }
    let mut tally = Tally::default();
    let mut results = Vec::with_capacity(reports.len());
    for report in reports {
        let result = match heard(app, caller, report, &known, &campaigns) {
            Ok((id, state, at_us)) => {
                let Some(i) = known.get_mut(&id) else { continue };
                let campaign = &campaigns[&i.campaign];
                apply(caller, &tx, &mut tally, campaign, i, (report, state, at_us)).await?;
                result(report, i.state, None)
            }
            Err(error) if error.code() == Code::Internal => return Err(error),
            Err(error) => result(report, State::Prepared, Some(&error)),
        };
        results.push(result);
    }
    tally.write(tx.conn(), ids.first().copied().unwrap_or_default()).await?;
    tx.commit().await?;
    Ok(results)
}

fn result(
    report: &v1::InvitationReport,
    state: State,
    refused: Option<&ServiceError>,
) -> v1::InvitationReportResult {
    v1::InvitationReportResult {
        invitation: report.invitation.clone(),
        state: if refused.is_some() { 0 } else { state as i32 },
        reason: refused.map(|error| reason_name(error.reason()).to_owned()).unwrap_or_default(),
        message: refused.map(|error| error.message().to_owned()).unwrap_or_default(),
        code: refused.map_or(0, |error| error.code() as i32),
    }
}

/// Checks a report; answers what is heard of which invitation, and when.
fn heard(
    app: &App,
    caller: &Caller,
    report: &v1::InvitationReport,
    known: &HashMap<Uuid, Invitation>,
    campaigns: &HashMap<Uuid, Campaign>,
) -> Result<(Uuid, State, i64)> {
    let violations = proto::validate::violations(report);
    if !violations.is_empty() {
        return Err(ServiceError::invalid_fields(violations));
    }
    let absent = || ServiceError::not_found("invitation");
    let id = convert::id("invitations", "invitation", &report.invitation)?;
    let i = known.get(&id).filter(|i| campaigns.contains_key(&i.campaign)).ok_or_else(absent)?;
    caller.authorize_object(i.unit, "invitation")?;
    let state = State::from_number(report.state).filter(|state| {
        matches!(state, State::HandedOver | State::Bounced | State::Refused | State::Opened)
    });
    let Some(state) = state else {
        let text = "is none of handed over, bounced, refused and opened";
        return Err(ServiceError::invalid("state", text));
    };
    if i.state == State::Prepared {
        return Err(ServiceError::wrong_state("the invitation is not due yet"));
    }
    if report.attempt < 0 || report.attempt > i.attempt {
        return Err(ServiceError::invalid("attempt", "is none of this invitation's attempts"));
    }
    let now_us = app.clock.now_us();
    let at_us = report.event_time.as_ref().map_or(now_us, time::to_us);
    if at_us > now_us + AHEAD_US {
        return Err(ServiceError::invalid("eventTime", "is in the future"));
    }
    Ok((id, state, at_us))
}

/// Applies a report; a repeated one, or old news, changes nothing.
async fn apply(
    caller: &Caller,
    tx: &kit::db::WriteTx,
    tally: &mut Tally,
    campaign: &Campaign,
    i: &mut Invitation,
    (report, state, at_us): (&v1::InvitationReport, State, i64),
) -> Result<()> {
    let before = i.standing();
    let attempt = if report.attempt == 0 { i.attempt } else { report.attempt };
    let handed = state == State::HandedOver && attempt > i.handed;
    let news = i.hear(state);
    if !news && !handed {
        return Ok(());
    }
    if handed {
        i.handed = attempt;
        let days = &campaign.settings.reminder_days;
        if i.channel.is_sent() && i.state.is_waiting() && i.remind_us.is_none() {
            i.remind_us = work::reminder_us(days, i.attempt, at_us);
        }
    }
    if !stored::invitation::save(tx.conn(), campaign.org, i).await? {
        return Err(ServiceError::stale());
    }
    counting::moved(tally.of(campaign), i, before, i.channel, day_of(campaign, at_us));
    let entry = stored::history::Entry {
        attempt,
        reporter: caller.name(),
        note: report.note.clone(),
        ..work::entry(campaign, i, at_us)
    };
    stored::history::insert(tx.conn(), campaign.org, &[entry]).await
}

/// Notes an attempt by telephone or visit.
pub async fn attempt(
    app: &App,
    caller: &Caller,
    request: &v1::RecordAttemptRequest,
) -> Result<v1::Invitation> {
    let (campaign, known) = access::invitation(app, caller, "name", &request.name).await?;
    let Some(outcome) = Outcome::from_number(request.outcome) else {
        return Err(ServiceError::invalid("outcome", "is required"));
    };
    let (at_us, again_us) = times(app, request, outcome)?;
    let (org, now_us) = (caller.org, app.clock.now_us());
    let tx = app.db.begin().await?;
    let locked = stored::invitation::find_locked(tx.conn(), org, known.id).await?;
    let mut i = locked.ok_or_else(|| ServiceError::not_found("invitation"))?;
    let key = Some(request.attempt_id.clone()).filter(|key| !key.is_empty());
    if let Some(key) = &key
        && let Some(entry) = stored::history::knows(tx.conn(), org, i.id, key).await?
    {
        must_be_same(&entry, outcome, &request.note)?;
        return Ok(shown::invitation::invitation(&campaign, &i, &[], now_us));
    }
    if i.state.is_final() || i.state == State::Prepared {
        return Err(ServiceError::wrong_state("the invitation waits for no attempt"));
    }
    if campaign.accepts(now_us) != Acceptance::Open {
        return Err(ServiceError::wrong_state("the campaign takes no answers now"));
    }
    let before = i.standing();
    i.give_back_after(&caller.name(), outcome);
    match outcome.heard() {
        Some(state) => {
            i.hear(state);
        }
        None => {
            i.tried = i.tried || !outcome.is_contact();
            i.due_us = Some(again_us);
            i.attempt += 1;
        }
    }
    if !stored::invitation::save(tx.conn(), org, &mut i).await? {
        return Err(ServiceError::stale());
    }
    let mut tally = Tally::default();
    counting::moved(tally.of(&campaign), &i, before, i.channel, day_of(&campaign, at_us));
    let entry = stored::history::Entry {
        outcome: Some(outcome),
        reporter: caller.name(),
        note: request.note.clone(),
        key,
        ..work::entry(&campaign, &i, at_us)
    };
    stored::history::insert(tx.conn(), org, &[entry]).await?;
    tally.write(tx.conn(), i.id).await?;
    tx.commit().await?;
    Ok(shown::invitation::invitation(&campaign, &i, &[], now_us))
}

/// The same attempt again is no news; another one needs an id of its own.
fn must_be_same(known: &stored::history::Entry, outcome: Outcome, note: &str) -> Result<()> {
    if known.outcome == Some(outcome) && known.note == note {
        return Ok(());
    }
    let text = "this attempt id was used with another outcome";
    Err(ServiceError::new(Code::AlreadyExists, Reason::IdempotencyConflict, text))
}

/// When the attempt was made, and when the next one is due.
fn times(app: &App, request: &v1::RecordAttemptRequest, outcome: Outcome) -> Result<(i64, i64)> {
    let now_us = app.clock.now_us();
    let at_us = request.event_time.as_ref().map_or(now_us, time::to_us);
    if at_us > now_us + AHEAD_US {
        return Err(ServiceError::invalid("eventTime", "is in the future"));
    }
    let again_us = request.call_back_time.as_ref().map(time::to_us);
    if outcome == Outcome::CallBack && again_us.is_none() {
        return Err(ServiceError::invalid("callBackTime", "is required"));
    }
    if again_us.is_some_and(|us| us < at_us) {
        return Err(ServiceError::invalid("callBackTime", "is before the attempt"));
    }
    Ok((at_us, again_us.unwrap_or(at_us.saturating_add(DAY_US))))
}
