//! Adding invitations by hand.

use kit::{
    auth::Caller,
    clock::new_id,
    error::{Result, ServiceError},
    idempotency,
};
use proto::{names, survey::v1, time};
use serde_json::json;
use std::collections::{HashMap, HashSet};
use survey_domain::{
    campaign::{Acceptance, Campaign, State as CampaignState},
    channel::Channel,
    invitation::Invitation,
    sampling::exclusion,
};
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
        invitations: made
            .iter()
            .map(|i| shown::invitation::invitation(&campaign, i, &[], now_us))
            .collect(),
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
    let asked = stored::invited::asked(conn, org, campaign.id, span, Some(&ids)).await?;
    let invited = stored::invited::invited(conn, org, campaign.id, &ids).await?;
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

/// Writes new invitations with their counts; those of an open campaign are due at once. The last
/// thing that a transaction does.
pub async fn store(
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
