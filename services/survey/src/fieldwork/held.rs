//! What the answers of one transaction are counted against: their campaigns, links and quotas,
//! each read once however many the answers are. All transactions lock them in the same order,
//! campaigns before quotas before invitations, so that none waits for another that waits for it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kit::{db::WriteTx, error::Result};
use survey_domain::{
    campaign::{Acceptance, Campaign},
    quota::{self, Quota},
};
use uuid::Uuid;

use super::entry::Ticket;
use crate::store::fieldwork::{campaign, link, quota as quotas};

/// Campaigns that cannot be closed until the transaction ends, with their links and quotas.
pub struct Held {
    campaigns: BTreeMap<Uuid, Option<Campaign>>,
    /// Whether each link is still good.
    links: HashMap<Uuid, bool>,
    quotas: BTreeMap<Uuid, Vec<Filling>>,
}

/// A quota, and what the answers of this transaction add to it.
struct Filling {
    quota: Quota,
    before: i32,
    added: i32,
}

impl Held {
    /// What the answers of these tickets need.
    pub async fn of(tx: &WriteTx, tickets: impl IntoIterator<Item = &Ticket>) -> Result<Self> {
        let (mut campaigns, mut links) = (BTreeSet::new(), BTreeSet::new());
        for ticket in tickets {
            campaigns.insert((ticket.campaign.id, ticket.org()));
            links.extend(ticket.link.as_ref().map(|link| (link.id, ticket.org())));
        }
        let (mut held, conn) = (Self::empty(), tx.conn());
        for (id, org) in &campaigns {
            campaign::hold_open(tx, *id).await?;
            // Read under the lock: what tickets know may be out of date.
            held.campaigns.insert(*id, campaign::find(conn, *org, *id).await?);
        }
        for (id, org) in links {
            let found = link::find(conn, org, id).await?;
            held.links.insert(id, found.is_some_and(|link| link.revoke_us.is_none()));
        }
        for (id, org) in campaigns {
            let campaign = held.campaigns.get(&id).and_then(Option::as_ref);
            if campaign.is_none_or(|campaign| campaign.settings.quotas.is_empty()) {
                continue;
            }
            let known = quotas::lock(tx, org, id).await?;
            let filling = |known: quotas::Filled| Filling {
                quota: known.quota,
                before: known.filled,
                added: 0,
            };
            held.quotas.insert(id, known.into_iter().map(filling).collect());
        }
        Ok(held)
    }

    fn empty() -> Self {
        Self { campaigns: BTreeMap::new(), links: HashMap::new(), quotas: BTreeMap::new() }
    }

    /// Whether the campaign takes an answer of this time, and the link is good if there is one.
    pub fn accepts(&self, ticket: &Ticket, at_us: i64) -> Acceptance {
        let good = |id: Uuid| self.links.get(&id).copied().unwrap_or_default();
        if ticket.link.as_ref().is_some_and(|link| !good(link.id)) {
            return Acceptance::Over;
        }
        let campaign = self.campaigns.get(&ticket.campaign.id).and_then(Option::as_ref);
        campaign.map_or(Acceptance::Over, |campaign| campaign.accepts(at_us))
    }

    /// Counts an answer for its quotas; false, and nothing is counted, when one of them is full.
    pub fn take(&mut self, campaign: Uuid, origin: &quota::Origin<'_>) -> bool {
        let Some(all) = self.quotas.get_mut(&campaign) else { return true };
        let mine = |filling: &&mut Filling| quota::counts(filling.quota.group, origin);
        let full = |f: &mut Filling| f.before.saturating_add(f.added) >= f.quota.limit;
        if all.iter_mut().filter(mine).any(full) {
            return false;
        }
        all.iter_mut().filter(mine).for_each(|filling| filling.added += 1);
        true
    }

    /// Writes down what was added to the quotas.
    pub async fn write(self, tx: &WriteTx) -> Result<()> {
        for (id, all) in self.quotas {
            let org = self.campaigns.get(&id).and_then(Option::as_ref).map(|found| found.org);
            let Some(org) = org else { continue };
            for filling in all.into_iter().filter(|filling| filling.added > 0) {
                quotas::add(tx.conn(), org, id, filling.quota.group, filling.added).await?;
            }
        }
        Ok(())
    }
}
