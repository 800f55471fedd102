//! Invitations by hand: adding them, and what partners and operators report of them.

use kit::{
    auth::Caller,
    clock::new_id,
    error::{Result, ServiceError, reason_name},
    idempotency,
};
use proto::{common::v1::Reason, names, survey::v1, time};
use serde_json::json;
use std::collections::{HashMap, HashSet};
use survey_domain::{
    campaign::{Acceptance, Campaign, State as CampaignState},
    channel::Channel,
    invitation::{Invitation, Outcome, State},
    sampling::exclusion,
};
use tonic::Code;
use uuid::Uuid;

use super::{
    access, convert as shown,
    counting::{self, Tally, day_of},
    drawing::{self, prepared},
    frame::{Member, Reader},
    link::Claim,
    opening, work,
};
use crate::{
    convert,
    state::App,
    store::{self, fieldwork as stored, fieldwork::exclusion::Exclusion},
};

/// Most unnamed links of one call.
const UNNAMED_MAX: i32 = 500;
const DAY_US: i64 = 86_400_000_000;
/// Clocks of senders may be so much ahead.
const AHEAD_US: i64 = 300_000_000;

/// Adds invitations: customers by name, and unnamed ones.
pub async fn create(
    app: &App,
    caller: &Caller,
    request: v1::CreateInvitationsRequest,
) -> Result<v1::CreateInvitationsResponse> {
    let campaign = access::campaign(app, caller, "campaign", &request.campaign).await?;
    let channel = check(&campaign, &request)?;
    let (members, exclusions) = chosen(app, caller, &campaign, channel, &request).await?;
    let unit = unnamed_unit(caller, &campaign, &request.unit)?;
    let now_us = app.clock.now_us();
    let tx = app.db.begin().await?;
    let key = &request.request_id;
    if let Some(answer) = idempotency::replay(&tx, caller, key, &request).await? {
        return Ok(with_links(app, &campaign, answer));
    }
    stored::campaign::hold_open(&tx, campaign.id).await?;
    let now = stored::campaign::find(tx.conn(), campaign.org, campaign.id).await?;
    let now = now.filter(|now| now.state != CampaignState::Closed);
    let campaign = now.ok_or_else(|| ServiceError::wrong_state("the campaign is closed"))?;
    let new = |_| prepared(new_id(app.clock.as_ref()), &campaign, channel, now_us);
    let mut made: Vec<Invitation> =
        (0..members.len() + usize::try_from(request.unnamed).unwrap_or(0)).map(new).collect();
    for (place, i) in made.iter_mut().enumerate() {
        match members.get(place) {
            Some(member) => {
                (i.customer, i.unit, i.class) = (Some(member.id), member.unit, member.class);
                i.segments = member.segments.clone();
            }
            None => i.unit = unit,
        }
        i.due_us = request.due_time.as_ref().map(time::to_us);
        i.note = request.note.clone();
    }
    store(app, &tx, &campaign, &mut made, now_us).await?;
    let kept = v1::CreateInvitationsResponse {
        invitations: made.iter().map(|i| shown::invitation::invitation(&campaign, i, &[])).collect(),
        links: Vec::new(),
        excluded: exclusions.iter().map(shown::sample::exclusion).collect(),
    };
    let detail = json!({ "invitations": made.len(), "channel": channel as i32 });
    opening::record(app, &tx, Some(caller), &campaign, detail).await?;
    idempotency::remember(&tx, caller, key, &request, &kept, app.clock.as_ref()).await?;
    tx.commit().await?;
    app.outbox.committed();
    Ok(with_links(app, &campaign, kept))
}

fn check(campaign: &Campaign, request: &v1::CreateInvitationsRequest) -> Result<Channel> {
    if campaign.state == CampaignState::Closed {
        return Err(ServiceError::wrong_state("the campaign is closed"));
    }
    let channel = Channel::from_number(request.channel).filter(|channel| channel.is_personal());
    let Some(channel) = channel else {
        return Err(ServiceError::invalid("channel", "is none by which a person is invited"));
    };
    if !campaign.settings.channels().contains(&channel) {
        return Err(ServiceError::invalid("channel", "is none of the campaign's channels"));
    }
    if !(0..=UNNAMED_MAX).contains(&request.unnamed) {
        return Err(ServiceError::invalid("unnamed", "is not between 0 and 500"));
    }
    if request.customers.is_empty() && request.unnamed == 0 {
        return Err(ServiceError::invalid("customers", "is required, or a number of unnamed ones"));
    }
    Ok(channel)
}

fn unnamed_unit(caller: &Caller, campaign: &Campaign, name: &str) -> Result<Uuid> {
    let Some(unit) = convert::id_opt("units", "unit", name)? else { return Ok(campaign.unit) };
    access::unit_in_use(caller, unit, "unit")?;
    if caller.view()?.is_within(unit, campaign.unit) {
        return Ok(unit);
    }
    Err(ServiceError::invalid("unit", "is not within the campaign's unit"))
}

/// Named customers that can be invited, and those that cannot.
async fn chosen(
    app: &App,
    caller: &Caller,
    campaign: &Campaign,
    channel: Channel,
    request: &v1::CreateInvitationsRequest,
) -> Result<(Vec<Member>, Vec<Exclusion>)> {
    let org = caller.org;
    let mut ids = Vec::new();
    for (i, name) in request.customers.iter().enumerate() {
        let id = convert::id("customers", &format!("customers[{i}]"), name)?;
        if ids.contains(&id) {
            return Err(ServiceError::invalid(format!("customers[{i}]"), "is named twice"));
        }
        ids.push(id);
    }
    let found = store::customer::find_many(app.db.read(), org, &ids).await?;
    let reader = Reader::new(app, org, &campaign.settings, vec![channel]).await?;
    let visible = caller.visible()?;
    let view = caller.view()?;
    let mut known: HashMap<Uuid, Member> = found
        .iter()
        .filter(|c| visible.contains(c.unit) && view.is_within(c.unit, campaign.unit))
        .map(|customer| (customer.id, reader.member(customer)))
        .collect();
    let now_us = app.clock.now_us();
    let fatigue = match request.ignore_fatigue {
        true => exclusion::Fatigue { quiet_days: None, yearly_max: None },
        false => campaign.settings.fatigue(),
    };
    let span = (fatigue.since_us(now_us), now_us);
    let conn = app.db.read();
    let asked = stored::invitation::asked(conn, org, campaign.id, span, Some(&ids)).await?;
    let invited = stored::invitation::invited(conn, org, campaign.id, &ids).await?;
    let invited: HashSet<Uuid> = invited.into_iter().collect();
    let (mut members, mut exclusions) = (Vec::new(), Vec::new());
    for id in ids {
        let member = known.remove(&id).ok_or_else(|| ServiceError::not_found("customer"))?;
        let mut candidate = member.candidate(false);
        candidate.invited = invited.contains(&id);
        candidate.asked = asked.get(&id).copied();
        match exclusion::reason(&candidate, &fatigue, now_us) {
            None => members.push(member),
            Some(reason) => exclusions.push(drawing::excluded(id, reason, &candidate)),
        }
    }
    Ok((members, exclusions))
}

async fn store(
    app: &App,
    tx: &kit::db::WriteTx,
    campaign: &Campaign,
    made: &mut [Invitation],
    now_us: i64,
) -> Result<()> {
    let Some(first) = made.first().map(|i| i.id) else { return Ok(()) };
    let mut tally = Tally::default();
    for i in made.iter() {
        counting::prepared(tally.of(campaign), i.unit, i.class, i.channel, 1);
    }
    if campaign.accepts(now_us) == Acceptance::Open {
        let day = day_of(campaign, now_us);
        for i in made.iter_mut() {
            let before = i.standing();
            work::queued(i, now_us);
            counting::moved(tally.of(campaign), i, before, i.channel, day);
        }
        let entries: Vec<_> = made.iter().map(|i| work::entry(campaign, i, now_us)).collect();
        stored::history::insert(tx.conn(), campaign.org, &entries).await?;
        let sent = made.iter().filter(|i| i.channel.is_sent());
        work::tell(app, tx, sent.map(|i| work::due_event(campaign.org, i)).collect()).await?;
    }
    stored::invitation::insert(tx.conn(), campaign.org, made).await?;
    if campaign.state == CampaignState::Open && campaign.accepts(now_us) == Acceptance::NotYet {
        let work_us = opening::work_us(campaign, now_us);
        stored::campaign::work_at(tx.conn(), campaign, work_us).await?;
    }
    tally.write(tx.conn(), first).await
}

/// Links are made again from the invitations, so that none is kept anywhere.
fn with_links(
    app: &App,
    campaign: &Campaign,
    mut answer: v1::CreateInvitationsResponse,
) -> v1::CreateInvitationsResponse {
    let unnamed = answer.invitations.iter().filter(|i| i.customer.is_empty());
    let ids = unnamed.filter_map(|i| names::parse("invitations", &i.name));
    let base = &campaign.settings.link_base;
    answer.links = ids.map(|id| app.links.link(base, Claim::Invitation(id))).collect();
    answer
}

/// What became of invitations: each report has its own result.
pub async fn report(
    app: &App,
    caller: &Caller,
    reports: &[v1::InvitationReport],
) -> Result<Vec<v1::InvitationReportResult>> {
    let org = caller.org;
    let ids: Vec<Uuid> =
        reports.iter().filter_map(|r| names::parse("invitations", &r.invitation)).collect();
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
    caller.authorize(i.unit).map_err(|error| match error.code() {
        Code::NotFound => absent(),
        _ => error,
    })?;
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
    let org = caller.org;
    let tx = app.db.begin().await?;
    let locked = stored::invitation::find_locked(tx.conn(), org, known.id).await?;
    let mut i = locked.ok_or_else(|| ServiceError::not_found("invitation"))?;
    let key = Some(request.attempt_id.clone()).filter(|key| !key.is_empty());
    if let Some(key) = &key
        && let Some(entry) = stored::history::knows(tx.conn(), org, i.id, key).await?
    {
        return match entry.outcome == Some(outcome) && entry.note == request.note {
            true => Ok(shown::invitation::invitation(&campaign, &i, &[])),
            false => Err(ServiceError::new(
                Code::AlreadyExists,
                Reason::IdempotencyConflict,
                "this attempt id was used with another outcome",
            )),
        };
    }
    if i.state.is_final() || i.state == State::Prepared {
        return Err(ServiceError::wrong_state("the invitation waits for no attempt"));
    }
    if campaign.accepts(app.clock.now_us()) != Acceptance::Open {
        return Err(ServiceError::wrong_state("the campaign takes no answers now"));
    }
    let before = i.standing();
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
    Ok(shown::invitation::invitation(&campaign, &i, &[]))
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
