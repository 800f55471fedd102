//! Invitations of people who do not want to be asked any more, or are no customers any more: they
//! end wherever they stand, so that nobody is called, written to or reminded who said no.

use kit::{db::WriteTx, error::Result};
use survey_domain::invitation::{Invitation, State};
use uuid::Uuid;

use super::{
    counting::{self, Tally, day_of},
    work,
};
use crate::{state::App, store::fieldwork as stored};

/// Why invitations end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The person said no: in the rates a refusal.
    Refused,
    /// No customer any more: not one of those who are asked.
    Gone,
}

impl Why {
    /// What is heard of an invitation by it. Nobody can refuse what was never sent.
    fn heard(self, of: &Invitation) -> State {
        match self {
            Self::Refused if of.state != State::Prepared => State::Refused,
            _ => State::Ineligible,
        }
    }
}

/// Ends all open invitations of a customer in the transaction; how many there were.
pub async fn end_all(
    app: &App,
    tx: &WriteTx,
    org: Uuid,
    customer: Uuid,
    why: Why,
) -> Result<usize> {
    let now_us = app.clock.now_us();
    let mut tally = Tally::default();
    let mut entries = Vec::new();
    for mut invitation in stored::invitation::lock_open(tx.conn(), org, customer).await? {
        let found = stored::campaign::find(tx.conn(), org, invitation.campaign).await?;
        let Some(campaign) = found else { continue };
        let before = invitation.standing();
        if !invitation.hear(why.heard(&invitation))
            || !stored::invitation::save(tx.conn(), org, &mut invitation).await?
        {
            continue;
        }
        let (day, by) = (day_of(&campaign, now_us), invitation.channel);
        counting::moved(tally.of(&campaign), &invitation, before, by, day);
        entries.push(work::entry(&campaign, &invitation, now_us));
    }
    let ended = entries.len();
    if ended > 0 {
        stored::history::insert(tx.conn(), org, &entries).await?;
        tally.write(tx.conn(), customer).await?;
    }
    Ok(ended)
}
