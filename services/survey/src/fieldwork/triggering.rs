//! Inviting those whom triggers called for. What is due is taken, judged, invited and settled in
//! one transaction: a crash leaves it waiting, and two processes never take the same.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use kit::{clock::new_id, db::WriteTx, directory::OrgView, error::Result};
use survey_domain::{
    campaign::{Acceptance, Campaign, State as CampaignState},
    customer::{Customer, State},
    invitation::Invitation,
    record::{DueTrigger, Outcome, Trigger},
    sampling::exclusion::{self, Asked},
};
use uuid::Uuid;

use super::{drawing::prepared, frame::Reader, inviting};
use crate::{
    crash_point,
    state::App,
    store::{self, due_trigger, fieldwork as stored},
};

/// Campaigns of one turn.
const CAMPAIGNS: u64 = 50;
/// Batches of one campaign in one turn.
const BATCHES: usize = 20;
/// What is settled in one transaction.
const BATCH: u64 = 200;

/// Sees to what is due; how many that were.
pub async fn invite_due(app: &App) -> Result<usize> {
    let due = due_trigger::campaigns(app.db.read(), app.clock.now_us(), CAMPAIGNS).await?;
    let mut count = 0;
    for (org, campaign) in due {
        match of_campaign(app, org, campaign).await {
            Ok(settled) => count += settled,
            Err(error) => tracing::warn!(%error, %campaign, "what triggers called for waits"),
        }
    }
    Ok(count)
}

async fn of_campaign(app: &App, org: Uuid, campaign: Uuid) -> Result<usize> {
    let mut count = 0;
    for _ in 0..BATCHES {
        match some(app, org, campaign).await? {
            0 => break,
            settled => count += settled,
        }
    }
    Ok(count)
}

async fn some(app: &App, org: Uuid, id: Uuid) -> Result<usize> {
    let known = stored::campaign::find(app.db.read(), org, id).await?;
    let reader = match known.map(|known| known.settings) {
        Some(settings) => Some(Reader::new(app, org, &settings, settings.channels()).await?),
        None => None,
    };
    let now_us = app.clock.now_us();
    let tx = app.db.begin().await?;
    stored::campaign::hold_open(&tx, id).await?;
    let campaign = stored::campaign::find(tx.conn(), org, id).await?;
    if campaign.as_ref().is_some_and(|campaign| campaign.state == CampaignState::Draft) {
        return Ok(0);
    }
    let due = due_trigger::take(&tx, org, id, now_us, BATCH).await?;
    crash_point::pass("survey.trigger_taken");
    let (settled, mut made) = match (&campaign, &reader) {
        (Some(campaign), Some(reader)) if campaign.accepts(now_us) != Acceptance::Over => {
            let mut ground = Ground::read(app, &tx, campaign, &due, now_us).await?;
            judge(app, campaign, reader, &mut ground, &due)
        }
        _ => (vec![(Outcome::CampaignOver, None); due.len()], Vec::new()),
    };
    for (due, outcome) in due.iter().zip(settled) {
        due_trigger::settle(&tx, due, outcome, now_us).await?;
    }
    crash_point::pass("survey.trigger_settled");
    if let Some(campaign) = &campaign {
        inviting::store(app, &tx, campaign, &mut made, now_us).await?;
    }
    crash_point::pass("survey.trigger_invited");
    tx.commit().await?;
    crash_point::pass("survey.trigger_commit");
    app.outbox.committed();
    Ok(due.len())
}

/// What a batch is judged by.
struct Ground {
    view: Option<Arc<OrgView>>,
    triggers: HashMap<Uuid, Trigger>,
    /// By the ids under which they were called for; merged ones are followed.
    customers: HashMap<Uuid, Customer>,
    /// Where the interactions happened.
    units: HashMap<Uuid, Uuid>,
    /// Customers with an invitation of the campaign that may still be answered.
    waiting: HashSet<Uuid>,
    asked: HashMap<Uuid, Asked>,
    now_us: i64,
}

impl Ground {
    async fn read(
        app: &App,
        tx: &WriteTx,
        campaign: &Campaign,
        due: &[DueTrigger],
        now_us: i64,
    ) -> Result<Self> {
        let (conn, org) = (tx.conn(), campaign.org);
        let ids = |of: fn(&DueTrigger) -> Uuid| distinct(due.iter().map(of));
        let triggers = store::trigger::find_many(conn, org, &ids(|due| due.trigger)).await?;
        let mut customers = HashMap::new();
        for found in store::customer::find_many(conn, org, &ids(|due| due.customer)).await? {
            let id = found.id;
            let current = match found.state {
                State::Merged => store::customer::find_current(conn, org, id).await?,
                _ => Some(found),
            };
            customers.extend(current.map(|current| (id, current)));
        }
        let people = distinct(customers.values().map(|customer| customer.id));
        let fatigue = campaign.settings.fatigue();
        let rules = triggers.iter().map(|trigger| trigger.fatigue(&fatigue).since_us(now_us));
        let span = (rules.min().unwrap_or(now_us), now_us);
        // No campaign is left out: invitations to this one tire as well.
        let asked =
            stored::invited::asked(conn, org, Uuid::nil(), span, Some(people.as_slice())).await?;
        Ok(Self {
            view: app.directory.organisation(org),
            units: store::customer_record::units_of(conn, org, &ids(|due| due.interaction)).await?,
            waiting: stored::invited::waiting(conn, org, campaign.id, &people).await?,
            triggers: triggers.into_iter().map(|trigger| (trigger.id, trigger)).collect(),
            customers,
            asked,
            now_us,
        })
    }

    fn is_within(&self, unit: Uuid, campaign: &Campaign) -> bool {
        self.view.as_ref().is_some_and(|view| view.is_within(unit, campaign.unit))
    }

    /// Counts a new invitation for those that are judged after it.
    fn count(&mut self, customer: Uuid, campaign: Uuid) {
        self.waiting.insert(customer);
        let first = Asked { last_us: self.now_us, campaign, in_year: 0 };
        let asked = self.asked.entry(customer).or_insert(first);
        (asked.last_us, asked.campaign) = (self.now_us, campaign);
        asked.in_year += 1;
    }
}

fn distinct(ids: impl Iterator<Item = Uuid>) -> Vec<Uuid> {
    ids.collect::<std::collections::BTreeSet<Uuid>>().into_iter().collect()
}

/// What comes of each, and the invitations to be made.
fn judge(
    app: &App,
    campaign: &Campaign,
    reader: &Reader,
    ground: &mut Ground,
    due: &[DueTrigger],
) -> (Vec<(Outcome, Option<Uuid>)>, Vec<Invitation>) {
    let (mut settled, mut made) = (Vec::with_capacity(due.len()), Vec::new());
    for due in due {
        match invitation(app, campaign, reader, ground, due) {
            Ok(new) => {
                settled.push((Outcome::Invited, Some(new.id)));
                ground.count(new.customer.unwrap_or(due.customer), campaign.id);
                made.push(new);
            }
            Err(outcome) => settled.push((outcome, None)),
        }
    }
    (settled, made)
}

/// The invitation that one calls for, or why there is none.
fn invitation(
    app: &App,
    campaign: &Campaign,
    reader: &Reader,
    ground: &Ground,
    due: &DueTrigger,
) -> std::result::Result<Invitation, Outcome> {
    let trigger = ground.triggers.get(&due.trigger).ok_or(Outcome::CampaignOver)?;
    if trigger.is_too_late(due.due_us, due.arrive_us) {
        return Err(Outcome::TooLate);
    }
    let customer = ground.customers.get(&due.customer).ok_or(Outcome::Retired)?;
    if customer.competitor.is_some() || !ground.is_within(customer.unit, campaign) {
        return Err(Outcome::Outside);
    }
    let member = reader.member(customer);
    let mut candidate = member.candidate(false);
    candidate.invited = ground.waiting.contains(&customer.id);
    candidate.asked = ground.asked.get(&customer.id).copied();
    let fatigue = trigger.fatigue(&campaign.settings.fatigue());
    if let Some(reason) = exclusion::reason(&candidate, &fatigue, ground.now_us) {
        return Err(reason.into());
    }
    let channel = member.channel.ok_or(Outcome::NoContact)?;
    let mut new = prepared(new_id(app.clock.as_ref()), campaign, channel, ground.now_us);
    let place = ground.units.get(&due.interaction).copied();
    // It is about the place where it happened.
    new.unit = place.filter(|unit| ground.is_within(*unit, campaign)).unwrap_or(member.unit);
    (new.customer, new.class, new.segments) = (Some(member.id), member.class, member.segments);
    new.occasion = due.id;
    Ok(new)
}
