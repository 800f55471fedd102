//! The way in for answers: where a link leads, and how an answer is counted in the transaction
//! that stores it.
//!
//! | step | function |
//! | --- | --- |
//! | a link is opened | [`find`], then [`hear`] with `Opened` |
//! | answering begins | [`hear`] with `Started` |
//! | an answer is stored | [`Held::of`] all, [`consume`] each, [`Held::write`], [`Tally::write`] |
//! | an answer is marked or cleared | [`mark`] |
//! | somebody enters an answer | [`of_invitation`] or [`of_campaign`], then [`consume`] |
//!
//! Answers of one transaction are consumed in the order of their invitations' ids, so that two
//! transactions never wait for each other.

use kit::{
    db::WriteTx,
    directory::OrgView,
    error::{Result, ServiceError},
};
use sea_orm::ConnectionTrait;
use survey_domain::{
    campaign::{Acceptance, Campaign, State as CampaignState},
    channel::Channel,
    invitation::{Invitation, State},
    quota,
};
use uuid::Uuid;

use super::{
    counting::{self, Tally, day_of, shown_us},
    held::Held,
    link::Claim,
};
use crate::{
    state::App,
    store::fieldwork::{
        campaign, history, invitation,
        link::{self, Link},
        quota as quotas,
    },
};

/// Where an answer comes from.
#[derive(Debug, Clone)]
pub struct Ticket {
    /// Campaign; never a draft.
    pub campaign: Campaign,
    /// Invitation that is answered.
    pub invitation: Option<Invitation>,
    /// Open link that is used.
    pub link: Option<Link>,
    /// Unit that the answers are about.
    pub unit: Uuid,
    /// Class of the customer.
    pub class: Option<Uuid>,
    /// Channel on which it is answered.
    pub channel: Channel,
}

impl Ticket {
    /// Organisation.
    pub fn org(&self) -> Uuid {
        self.campaign.org
    }

    /// The customer to note with the answer: nobody when anonymity was promised.
    pub fn customer(&self) -> Option<Uuid> {
        let named = self.invitation.as_ref().filter(|_| !self.campaign.settings.anonymous);
        named.and_then(|invitation| invitation.customer)
    }

    /// The invitation to note with the answer: none when anonymity was promised.
    pub fn noted_invitation(&self) -> Option<Uuid> {
        let named = self.invitation.as_ref().filter(|_| !self.campaign.settings.anonymous);
        named.map(|invitation| invitation.id)
    }

    /// Whether answers are taken now, as far as the campaign and the link go.
    pub fn accepts(&self, now_us: i64) -> Acceptance {
        if self.link.as_ref().is_some_and(|link| link.revoke_us.is_some()) {
            return Acceptance::Over;
        }
        self.campaign.accepts(now_us)
    }

    /// Whether the personal link was answered before.
    pub fn is_used(&self) -> bool {
        self.invitation.as_ref().is_some_and(|i| i.state == State::Answered)
    }
}

/// Where the code of a link leads. `None` for anything that is no link of ours, and for drafts.
/// Most forgeries end before the database is asked.
pub async fn find(app: &App, code: &str) -> Result<Option<Ticket>> {
    let Some(claim) = app.links.read(code) else { return Ok(None) };
    of_claim(app.db.read(), claim).await
}

/// The same for what a code was read to be.
pub async fn of_claim(conn: &impl ConnectionTrait, claim: Claim) -> Result<Option<Ticket>> {
    match claim {
        Claim::Invitation(id) => match invitation::of_link(conn, id).await? {
            Some((org, invitation)) => by_invitation(conn, org, invitation).await,
            None => Ok(None),
        },
        Claim::Open(id) => {
            let Some(link) = link::of_link(conn, id).await? else { return Ok(None) };
            let campaign = opened(campaign::of_link(conn, link.campaign).await?);
            Ok(campaign.map(|campaign| Ticket {
                campaign,
                invitation: None,
                unit: link.unit,
                class: None,
                channel: link.channel,
                link: Some(link),
            }))
        }
    }
}

/// The ticket of an invitation, for those who enter answers for others.
pub async fn of_invitation(
    conn: &impl ConnectionTrait,
    org: Uuid,
    id: Uuid,
) -> Result<Option<Ticket>> {
    match invitation::find(conn, org, id).await? {
        Some(invitation) => by_invitation(conn, org, invitation).await,
        None => Ok(None),
    }
}

async fn by_invitation(
    conn: &impl ConnectionTrait,
    org: Uuid,
    invitation: Invitation,
) -> Result<Option<Ticket>> {
    let campaign = opened(campaign::find(conn, org, invitation.campaign).await?);
    Ok(campaign.map(|campaign| Ticket {
        campaign,
        unit: invitation.unit,
        class: invitation.class,
        channel: invitation.channel,
        invitation: Some(invitation),
        link: None,
    }))
}

/// The ticket of answers without an invitation that somebody enters or imports. The caller checks
/// that `unit` is the campaign's or below it.
pub async fn of_campaign(
    conn: &impl ConnectionTrait,
    org: Uuid,
    id: Uuid,
    channel: Channel,
    unit: Option<Uuid>,
) -> Result<Option<Ticket>> {
    let campaign = opened(campaign::find(conn, org, id).await?);
    Ok(campaign.map(|campaign| Ticket {
        unit: unit.unwrap_or(campaign.unit),
        campaign,
        invitation: None,
        link: None,
        class: None,
        channel,
    }))
}

fn opened(campaign: Option<Campaign>) -> Option<Campaign> {
    campaign.filter(|campaign| campaign.state != CampaignState::Draft)
}

/// Whether an answer would find a quota full; to be told before the customer begins.
pub async fn is_full(conn: &impl ConnectionTrait, view: &OrgView, ticket: &Ticket) -> Result<bool> {
    if ticket.campaign.settings.quotas.is_empty() {
        return Ok(false);
    }
    let known = quotas::list(conn, ticket.org(), ticket.campaign.id).await?;
    let origin = Origin::of(view, ticket);
    let full = |q: &quotas::Filled| q.filled >= q.quota.limit;
    Ok(known.iter().any(|q| full(q) && quota::counts(q.quota.group, &origin.borrowed())))
}

struct Origin {
    class: Option<Uuid>,
    units: Vec<Uuid>,
    segments: Vec<Uuid>,
}

impl Origin {
    fn of(view: &OrgView, ticket: &Ticket) -> Self {
        let segments = ticket.invitation.as_ref().map(|i| i.segments.clone());
        Self {
            class: ticket.class,
            units: view.upward(ticket.unit).collect(),
            segments: segments.unwrap_or_default(),
        }
    }

    fn borrowed(&self) -> quota::Origin<'_> {
        quota::Origin { class: self.class, units: &self.units, segments: &self.segments }
    }
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consumed {
    /// It counts; store it in the same transaction.
    Taken,
    /// The invitation was answered before.
    Used,
    /// The campaign does not take answers yet.
    NotYet,
    /// The campaign or the link takes no answers any more.
    Closed,
    /// A quota is full.
    QuotaFull,
}

/// What is to be known of an answer to count it.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// Channel on which it came.
    pub channel: Channel,
    /// Whether it is marked as suspect.
    pub suspect: bool,
    /// When it came in.
    pub at_us: i64,
}

/// Counts an answer: the invitation is used up, quotas and counts grow. All of it is in the
/// transaction that stores the answer; until it ends the campaign cannot be closed. With anything
/// but [`Consumed::Taken`] nothing was changed and nothing may be stored for this answer.
pub async fn consume(
    tx: &WriteTx,
    tally: &mut Tally,
    held: &mut Held,
    view: &OrgView,
    ticket: &Ticket,
    answer: Answer,
) -> Result<Consumed> {
    match held.accepts(ticket, answer.at_us) {
        Acceptance::Open => {}
        Acceptance::NotYet => return Ok(Consumed::NotYet),
        Acceptance::Over => return Ok(Consumed::Closed),
    }
    let invitation = match &ticket.invitation {
        None => None,
        Some(known) => match invitation::find_locked(tx.conn(), ticket.org(), known.id).await? {
            Some(now) if now.state.is_answerable() => Some(now),
            Some(now) if now.state == State::Answered => return Ok(Consumed::Used),
            _ => return Ok(Consumed::Closed),
        },
    };
    if !held.take(ticket.campaign.id, &Origin::of(view, ticket).borrowed()) {
        return Ok(Consumed::QuotaFull);
    }
    let day = day_of(&ticket.campaign, answer.at_us);
    match invitation {
        Some(invitation) => use_up(tx, tally, ticket, invitation, answer, day).await?,
        None => {
            let changes = tally.of(&ticket.campaign);
            counting::open_answer(changes, ticket.unit, ticket.class, answer.channel, day);
        }
    }
    if answer.suspect {
        counting::suspect(tally.of(&ticket.campaign), ticket.invitation.is_some(), 1);
    }
    Ok(Consumed::Taken)
}

/// Marks the invitation as answered; it is locked.
async fn use_up(
    tx: &WriteTx,
    tally: &mut Tally,
    ticket: &Ticket,
    mut now: Invitation,
    answer: Answer,
    day: i32,
) -> Result<()> {
    let before = now.standing();
    now.hear(State::Answered);
    if !invitation::save(tx.conn(), ticket.org(), &mut now).await? {
        return Err(ServiceError::stale());
    }
    counting::moved(tally.of(&ticket.campaign), &now, before, answer.channel, day);
    note(tx, ticket, &now, answer.at_us).await
}

/// Notes that a personal link was opened or answering was begun. What is no news, or nobody's
/// business in an anonymous campaign, costs nothing.
pub async fn hear(app: &App, ticket: &Ticket, heard: State) -> Result<()> {
    let Some(known) = &ticket.invitation else { return Ok(()) };
    if survey_domain::invitation::after(known.state, heard).is_none() {
        return Ok(());
    }
    let now_us = app.clock.now_us();
    let tx = app.db.begin().await?;
    let org = ticket.org();
    let Some(mut now) = invitation::find_locked(tx.conn(), org, known.id).await? else {
        return Ok(());
    };
    let before = now.standing();
    if !now.hear(heard) || !invitation::save(tx.conn(), org, &mut now).await? {
        return Ok(());
    }
    let mut tally = Tally::default();
    let day = day_of(&ticket.campaign, now_us);
    counting::moved(tally.of(&ticket.campaign), &now, before, now.channel, day);
    note(&tx, ticket, &now, now_us).await?;
    tally.write(tx.conn(), now.id).await?;
    tx.commit().await
}

/// Writes the news of the respondent's own doing into the history: not in an anonymous campaign,
/// where the order of such entries would be the order of the answers.
async fn note(tx: &WriteTx, ticket: &Ticket, now: &Invitation, at_us: i64) -> Result<()> {
    if ticket.campaign.settings.anonymous {
        return Ok(());
    }
    let entry = history::Entry {
        invitation: now.id,
        number: now.version,
        state: now.state,
        time_us: shown_us(&ticket.campaign, at_us),
        attempt: 0,
        outcome: None,
        reporter: String::new(),
        note: String::new(),
        key: None,
    };
    history::insert(tx.conn(), ticket.org(), &[entry]).await
}

/// Counts that an answer of a campaign was marked as suspect (`by` 1) or cleared (`by` -1).
pub fn mark(tally: &mut Tally, campaign: &Campaign, invited: bool, by: i64) {
    counting::suspect(tally.of(campaign), invited, by);
}
