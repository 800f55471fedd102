//! What comes with time for campaigns: invitations become due, are reminded of and expire. Each
//! batch is one transaction with its counts, its history and its events.

use kit::{
    db::WriteTx,
    error::{Result, ServiceError},
};
use prost::Message as _;
use proto::{
    names,
    survey::v1::{Event, Events, InvitationDue, event::Change},
};
use survey_domain::{
    campaign::{Acceptance, Campaign, State as CampaignState},
    invitation::{Invitation, State},
};
use uuid::Uuid;

use super::{
    counting::{self, Tally, day_of, shown_us},
    opening, preparing,
};
use crate::{
    state::App,
    store::fieldwork::{self as stored, history::Entry},
};

/// Invitations of one transaction.
const BATCH: u64 = 200;
const DAY_US: i64 = 86_400_000_000;
/// When a campaign that could not be opened is tried again.
const OPEN_RETRY_US: i64 = 3_600_000_000;

/// Does what is to be done for a campaign, in at most `batches`; whether there was anything.
pub async fn turn_of(app: &App, campaign: &Campaign, batches: usize) -> Result<bool> {
    let now_us = app.clock.now_us();
    match campaign.state {
        CampaignState::Draft if preparing::resume(app, campaign).await? => Ok(true),
        CampaignState::Draft => auto_open(app, campaign.clone()).await.map(|()| true),
        CampaignState::Open => match campaign.accepts(now_us) {
            Acceptance::NotYet => Ok(false),
            Acceptance::Over => {
                opening::close(app, None, &mut campaign.clone()).await.map(|()| true)
            }
            Acceptance::Open => {
                if !in_batches(app, campaign, batches, Batch::Queue).await? {
                    return Ok(true);
                }
                rest_until(app, campaign, campaign.settings.close_us).await
            }
        },
        CampaignState::Closed => {
            if !in_batches(app, campaign, batches, Batch::Expire).await? {
                return Ok(true);
            }
            settle(app, campaign).await.map(|()| true)
        }
    }
}

#[derive(Clone, Copy)]
enum Batch {
    Queue,
    Expire,
}

/// Makes prepared invitations due, at most so many batches; whether none is left.
pub async fn queue_batches(app: &App, campaign: &Campaign, batches: usize) -> Result<bool> {
    match campaign.accepts(app.clock.now_us()) {
        Acceptance::Open => in_batches(app, campaign, batches, Batch::Queue).await,
        Acceptance::NotYet | Acceptance::Over => Ok(false),
    }
}

/// Whether nothing is left to do.
async fn in_batches(app: &App, campaign: &Campaign, batches: usize, what: Batch) -> Result<bool> {
    for _ in 0..batches {
        let done = match what {
            Batch::Queue => queue_some(app, campaign).await?,
            Batch::Expire => expire_some(app, campaign).await?,
        };
        if done == 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn rest_until(app: &App, campaign: &Campaign, until_us: Option<i64>) -> Result<bool> {
    let tx = app.db.begin().await?;
    stored::campaign::work_at(tx.conn(), campaign, until_us).await?;
    tx.commit().await?;
    Ok(true)
}

/// Nothing of a closed campaign changes any more. Of an anonymous one the rows of invitations are
/// written again, all in one go: what a row still tells of its own last change goes with it.
async fn settle(app: &App, campaign: &Campaign) -> Result<()> {
    let tx = app.db.begin().await?;
    if campaign.settings.anonymous {
        stored::invitation::rewrite(tx.conn(), campaign.org, campaign.id).await?;
    }
    stored::campaign::work_at(tx.conn(), campaign, None).await?;
    tx.commit().await
}

/// Opens a plan's campaign, drawing its sample if that was not done. What hinders it is noted.
async fn auto_open(app: &App, mut campaign: Campaign) -> Result<()> {
    let opened = draw_and_open(app, &mut campaign).await;
    let Err(error) = opened else { return Ok(()) };
    if error.is_retryable() {
        return Err(error);
    }
    let found = stored::campaign::find(app.db.read(), campaign.org, campaign.id).await?;
    let Some(mut campaign) = found.filter(|c| c.state == CampaignState::Draft) else {
        return Ok(());
    };
    let now_us = app.clock.now_us();
    campaign.open_problem = error.message().chars().take(500).collect();
    let over = campaign.settings.close_us.is_some_and(|us| us <= now_us);
    campaign.auto_open_us = (!over).then_some(now_us + OPEN_RETRY_US);
    let tx = app.db.begin().await?;
    let work_us = opening::work_us(&campaign, now_us);
    stored::campaign::save(tx.conn(), &mut campaign, work_us).await?;
    tx.commit().await
}

async fn draw_and_open(app: &App, campaign: &mut Campaign) -> Result<()> {
    let drawn = stored::sample::find(app.db.read(), campaign.org, campaign.id).await?;
    if campaign.settings.design.is_some() && drawn.is_none() {
        preparing::draw_now(app, campaign).await?;
    }
    opening::open(app, None, campaign).await
}

/// An invitation that its sender is to hand over.
pub fn due_event(org: Uuid, i: &Invitation) -> Event {
    let due = InvitationDue {
        invitation: names::print("invitations", i.id),
        campaign: names::print("campaigns", i.campaign),
        channel: i.channel as i32,
        attempt: i.attempt,
    };
    Event {
        organisation: names::print("organisations", org),
        change: Some(Change::InvitationDue(due)),
    }
}

/// Appends events to the feed, if there are any.
pub async fn tell(app: &App, tx: &WriteTx, items: Vec<Event>) -> Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    app.outbox.append(tx, Events { items }.encode_to_vec()).await?;
    Ok(())
}

/// An entry of an invitation's history as it stands now.
pub fn entry(campaign: &Campaign, i: &Invitation, at_us: i64) -> Entry {
    Entry {
        invitation: i.id,
        number: i.version,
        state: i.state,
        time_us: shown_us(campaign, at_us),
        attempt: i.attempt,
        outcome: None,
        reporter: String::new(),
        note: String::new(),
        key: None,
    }
}

/// The invitation as [`stored::invitation::queue`] makes it.
pub fn queued(i: &mut Invitation, now_us: i64) {
    i.hear(State::Queued);
    i.attempt = 1;
    i.queue_us = Some(now_us);
    i.due_us = i.channel.is_by_operator().then(|| i.due_us.unwrap_or(now_us));
}

async fn queue_some(app: &App, campaign: &Campaign) -> Result<usize> {
    let now_us = app.clock.now_us();
    let org = campaign.org;
    let tx = app.db.begin().await?;
    let mut taken =
        stored::invitation::take(tx.conn(), org, campaign.id, &[State::Prepared], BATCH).await?;
    let Some(first) = taken.first().map(|i| i.id) else { return Ok(0) };
    let ids: Vec<Uuid> = taken.iter().map(|i| i.id).collect();
    stored::invitation::queue(tx.conn(), org, &ids, now_us).await?;
    let mut tally = Tally::default();
    let day = day_of(campaign, now_us);
    for i in &mut taken {
        let before = i.standing();
        queued(i, now_us);
        i.version += 1;
        counting::moved(tally.of(campaign), i, before, i.channel, day);
    }
    let entries: Vec<Entry> = taken.iter().map(|i| entry(campaign, i, now_us)).collect();
    stored::history::insert(tx.conn(), org, &entries).await?;
    let sent = taken.iter().filter(|i| i.channel.is_sent());
    tell(app, &tx, sent.map(|i| due_event(org, i)).collect()).await?;
    tally.write(tx.conn(), first).await?;
    tx.commit().await?;
    app.outbox.committed();
    Ok(taken.len())
}

async fn expire_some(app: &App, campaign: &Campaign) -> Result<usize> {
    let org = campaign.org;
    let states: Vec<State> =
        survey_domain::invitation::STATES.into_iter().filter(|s| s.can_expire()).collect();
    let tx = app.db.begin().await?;
    let mut taken = stored::invitation::take(tx.conn(), org, campaign.id, &states, BATCH).await?;
    let Some(first) = taken.first().map(|i| i.id) else { return Ok(0) };
    let ids: Vec<Uuid> = taken.iter().map(|i| i.id).collect();
    stored::invitation::expire(tx.conn(), org, &ids).await?;
    let at_us = campaign.end_us.unwrap_or_else(|| app.clock.now_us());
    let day = day_of(campaign, at_us);
    let mut tally = Tally::default();
    for i in &mut taken {
        let before = i.standing();
        i.hear(State::Expired);
        i.version += 1;
        counting::moved(tally.of(campaign), i, before, i.channel, day);
    }
    let entries: Vec<Entry> = taken.iter().map(|i| entry(campaign, i, at_us)).collect();
    stored::history::insert(tx.conn(), org, &entries).await?;
    tally.write(tx.conn(), first).await?;
    tx.commit().await?;
    Ok(taken.len())
}

/// When the reminder after attempt `attempt` is due, if there is one.
pub fn reminder_us(days: &[i32], attempt: i32, at_us: i64) -> Option<i64> {
    let next = usize::try_from(attempt).ok()?.checked_sub(1)?;
    let before = next.checked_sub(1).and_then(|at| days.get(at)).copied().unwrap_or(0);
    let wait = days.get(next)? - before;
    Some(at_us.saturating_add(i64::from(wait.max(1)) * DAY_US))
}

/// Makes reminders due whose time has come; how many were looked at.
pub async fn remind_some(app: &App) -> Result<usize> {
    let now_us = app.clock.now_us();
    let tx = app.db.begin().await?;
    let taken = stored::invitation::take_reminders(tx.conn(), now_us, BATCH).await?;
    let mut campaigns: std::collections::HashMap<Uuid, Campaign> = Default::default();
    let mut events = Vec::new();
    for (org, mut i) in taken.iter().cloned() {
        if let std::collections::hash_map::Entry::Vacant(slot) = campaigns.entry(i.campaign) {
            let found = stored::campaign::find(tx.conn(), org, i.campaign).await?;
            let orphan = || ServiceError::internal("an invitation without its campaign");
            slot.insert(found.ok_or_else(orphan)?);
        }
        let campaign = &campaigns[&i.campaign];
        let days = &campaign.settings.reminder_days;
        let wanted = usize::try_from(i.attempt).is_ok_and(|attempt| attempt <= days.len());
        let reminds =
            wanted && i.state.is_waiting() && campaign.accepts(now_us) == Acceptance::Open;
        i.remind_us = None;
        if reminds {
            i.attempt += 1;
            i.remind_us = reminder_us(days, i.attempt, now_us);
        }
        if !stored::invitation::save(tx.conn(), org, &mut i).await? {
            return Err(ServiceError::stale());
        }
        if reminds {
            events.push(due_event(org, &i));
            stored::history::insert(tx.conn(), org, &[entry(campaign, &i, now_us)]).await?;
        }
    }
    tell(app, &tx, events).await?;
    tx.commit().await?;
    app.outbox.committed();
    Ok(taken.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reminders_keep_the_days_between_them() {
        let days = [3, 7, 14];
        let after = |attempt| reminder_us(&days, attempt, 0).map(|us| us / DAY_US);
        assert_eq!([1, 2, 3, 4, 0].map(after), [Some(3), Some(4), Some(7), None, None]);
        assert_eq!(reminder_us(&[], 1, 0), None);
    }
}
