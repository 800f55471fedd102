//! Recording purchases and interactions: each item has its own result, and an id that was
//! recorded before with the same content changes nothing.

use std::collections::{BTreeMap, HashMap};

use kit::{clock::new_id, db::WriteTx, error::Result};
use sea_orm::ConnectionTrait;
use survey_domain::{
    customer::{Customer, State},
    record::{DueTrigger, Interaction, InteractionKind, InteractionText, Purchase, Trigger},
};
use uuid::Uuid;

use crate::{
    personal::HashKind,
    state::App,
    store::{
        self,
        customer::{Delta, Hashed},
    },
};

/// Customers found under one hash that are looked at.
const SAME_HASH_MAX: u64 = 10_000;

/// A purchase to be recorded.
#[derive(Debug, Clone)]
pub struct NewPurchase {
    /// Id that the sender gives.
    pub item_id: String,
    /// Customer.
    pub customer: Uuid,
    /// Competitor with whom it was made.
    pub competitor: Option<Uuid>,
    /// When.
    pub at_us: i64,
    /// Amount in hundredths.
    pub cents: i64,
    /// Product or empty.
    pub product: String,
}

/// An interaction to be recorded.
#[derive(Debug, Clone)]
pub struct NewInteraction {
    /// Id that the sender gives.
    pub item_id: String,
    /// Customer.
    pub customer: Customer,
    /// Unit where it happened.
    pub unit: Uuid,
    /// Kind.
    pub kind: InteractionKind,
    /// When.
    pub at_us: i64,
    /// When it ends.
    pub end_us: Option<i64>,
    /// Whether a complaint is settled.
    pub resolved: bool,
    /// Personal part.
    pub text: InteractionText,
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Recorded now.
    Recorded(Uuid),
    /// Recorded before.
    Repeated(Uuid),
    /// Its id was recorded before with another content.
    Conflict,
}

/// How a sender names a customer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Named {
    /// By id.
    Id(Uuid),
    /// By its number in the sender's system.
    External(String),
}

/// Whom a name stands for.
#[derive(Debug, Clone)]
pub enum Whom {
    /// This customer.
    Found(Box<Customer>),
    /// Nobody.
    Unknown,
    /// A person who was erased.
    Erased,
}

/// Finds customers in few queries; merged ones are followed.
pub async fn resolve(
    app: &App,
    conn: &impl ConnectionTrait,
    org: Uuid,
    names: &[Named],
) -> Result<Vec<Whom>> {
    let hash = |text: &str| app.vault.hash(org, HashKind::External, text.as_bytes());
    let (mut ids, mut hashes) = (Vec::new(), Vec::new());
    for name in names {
        match name {
            Named::Id(id) => ids.push(*id),
            Named::External(text) => hashes.push(hash(text)),
        }
    }
    let mut by_id = HashMap::new();
    for customer in store::customer::find_many(conn, org, &ids).await? {
        by_id.insert(customer.id, customer);
    }
    let mut by_hash = HashMap::new();
    let found =
        store::customer::find_by_hash(conn, org, Hashed::External, &hashes, SAME_HASH_MAX).await?;
    for customer in found {
        if let Some(hash) = customer.hashes.external.clone() {
            by_hash.insert(hash, customer);
        }
    }
    let missing: Vec<Vec<u8>> =
        hashes.iter().filter(|hash| !by_hash.contains_key(*hash)).cloned().collect();
    let erased = store::erasure::tombstones(conn, org, &missing).await?;
    let mut whom = Vec::new();
    for name in names {
        let found = match name {
            Named::Id(id) => by_id.get(id).cloned(),
            Named::External(text) => by_hash.get(&hash(text)).cloned(),
        };
        let is_erased = match name {
            Named::Id(_) => false,
            Named::External(text) => erased.contains(&(HashKind::External as i16, hash(text))),
        };
        let found = match found {
            Some(customer) if customer.state == State::Merged => {
                store::customer::find_current(conn, org, customer.id).await?
            }
            found => found,
        };
        whom.push(match found {
            Some(customer) if customer.state == State::Erased => Whom::Erased,
            Some(customer) => Whom::Found(Box::new(customer)),
            None if is_erased => Whom::Erased,
            None => Whom::Unknown,
        });
    }
    Ok(whom)
}

/// Parts of a content, each with its length, under the installation's key.
fn content(app: &App, org: Uuid, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    app.vault.hash(org, HashKind::Content, &bytes)
}

/// Which items are new; what became of the others.
struct Sorted {
    outcomes: Vec<Option<Outcome>>,
}

async fn sort(
    tx: &WriteTx,
    table: &'static str,
    org: Uuid,
    items: &[(Uuid, Vec<u8>)],
) -> Result<Sorted> {
    let ids: Vec<Uuid> = items.iter().map(|(id, _)| *id).collect();
    let known = store::customer_record::contents(tx.conn(), table, org, &ids).await?;
    let mut known: HashMap<Uuid, Vec<u8>> = known.into_iter().collect();
    let mut outcomes = Vec::new();
    for (id, content) in items {
        outcomes.push(match known.get(id) {
            Some(same) if same == content => Some(Outcome::Repeated(*id)),
            Some(_) => Some(Outcome::Conflict),
            None => {
                known.insert(*id, content.clone());
                None
            }
        });
    }
    Ok(Sorted { outcomes })
}

/// Records purchases in the transaction, and what they add to their customers.
pub async fn purchases(
    app: &App,
    tx: &WriteTx,
    org: Uuid,
    items: Vec<NewPurchase>,
) -> Result<Vec<Outcome>> {
    let made: Vec<Purchase> = items
        .into_iter()
        .map(|item| {
            let competitor = item.competitor.unwrap_or_default();
            let parts: [&[u8]; 4] = [
                &item.at_us.to_be_bytes(),
                &item.cents.to_be_bytes(),
                item.product.as_bytes(),
                competitor.as_bytes(),
            ];
            Purchase {
                id: app.vault.id(org, HashKind::PurchaseItem, item.item_id.as_bytes()),
                org,
                customer: item.customer,
                competitor: item.competitor,
                at_us: item.at_us,
                cents: item.cents,
                content: content(app, org, &parts),
                product: item.product,
            }
        })
        .collect();
    let keys: Vec<_> = made.iter().map(|p| (p.id, p.content.clone())).collect();
    let sorted = sort(tx, "purchase", org, &keys).await?;
    let (mut new, mut outcomes) = (Vec::new(), Vec::new());
    let mut deltas: BTreeMap<Uuid, Delta> = BTreeMap::new();
    for (purchase, outcome) in made.into_iter().zip(sorted.outcomes) {
        outcomes.push(outcome.unwrap_or(Outcome::Recorded(purchase.id)));
        if outcome.is_some() {
            continue;
        }
        if purchase.competitor.is_none() {
            let delta = deltas.entry(purchase.customer).or_default();
            delta.purchase(purchase.at_us, purchase.cents);
        }
        new.push(purchase);
    }
    store::customer_record::insert_purchases(tx.conn(), &new).await?;
    for (customer, delta) in &deltas {
        store::customer::add_activity(tx.conn(), org, *customer, delta).await?;
    }
    Ok(outcomes)
}

/// Records interactions in the transaction, what they add to their customers, and what triggers
/// call for.
pub async fn interactions(
    app: &App,
    tx: &WriteTx,
    org: Uuid,
    items: Vec<NewInteraction>,
) -> Result<Vec<Outcome>> {
    let mut made = Vec::new();
    for item in items {
        made.push(interaction(app, org, item)?);
    }
    let keys: Vec<_> = made.iter().map(|(i, _)| (i.id, i.content.clone())).collect();
    let sorted = sort(tx, "interaction", org, &keys).await?;
    let triggers = store::trigger::list(tx.conn(), org, None, false, 1_000).await?;
    let view = app.directory.organisation(org);
    let (mut new, mut outcomes, mut due) = (Vec::new(), Vec::new(), Vec::new());
    let mut deltas: BTreeMap<Uuid, Delta> = BTreeMap::new();
    for ((interaction, unit), outcome) in made.into_iter().zip(sorted.outcomes) {
        outcomes.push(outcome.unwrap_or(Outcome::Recorded(interaction.id)));
        if outcome.is_some() {
            continue;
        }
        let delta = deltas.entry(interaction.customer).or_default();
        if interaction.kind.is_contact() {
            delta.last_contact_us = delta.last_contact_us.max(Some(interaction.at_us));
        }
        delta.complaints += i64::from(interaction.kind == InteractionKind::Complaint);
        let wanted = triggers.iter().filter(|trigger| {
            let within =
                |view: &std::sync::Arc<kit::directory::OrgView>| view.is_within(unit, trigger.unit);
            trigger.kind == interaction.kind && view.as_ref().is_some_and(within)
        });
        due.extend(wanted.map(|trigger| called(app, trigger, &interaction, unit)));
        new.push(interaction);
    }
    store::customer_record::insert_interactions(tx.conn(), &new).await?;
    store::trigger::insert_due(tx.conn(), &due).await?;
    // A contact sees to the call-backs that were due by then.
    for contact in new.iter().filter(|i| i.kind == InteractionKind::Contact) {
        let (customer, at_us, now_us) = (contact.customer, contact.at_us, app.clock.now_us());
        store::trigger::called_back(tx.conn(), org, customer, at_us, now_us).await?;
    }
    for (customer, delta) in &deltas {
        store::customer::add_activity(tx.conn(), org, *customer, delta).await?;
    }
    Ok(outcomes)
}

fn called(app: &App, trigger: &Trigger, interaction: &Interaction, unit: Uuid) -> DueTrigger {
    DueTrigger {
        id: new_id(app.clock.as_ref()),
        org: interaction.org,
        trigger: trigger.id,
        interaction: interaction.id,
        customer: interaction.customer,
        unit,
        action: trigger.action,
        campaign: trigger.campaign,
        due_us: trigger.due_us(interaction.at_us),
        done_us: None,
    }
}

/// The interaction, and the unit of its customer.
fn interaction(app: &App, org: Uuid, item: NewInteraction) -> Result<(Interaction, Uuid)> {
    let id = app.vault.id(org, HashKind::InteractionItem, item.item_id.as_bytes());
    let (reference, note) = (item.text.reference.as_bytes(), item.text.note.as_bytes());
    let end = item.end_us.unwrap_or(i64::MIN).to_be_bytes();
    let at = item.at_us.to_be_bytes();
    let flags = [item.kind as u8, u8::from(item.resolved)];
    let parts: [&[u8]; 5] = [&flags, &at, &end, reference, note];
    let sealed = match item.text == InteractionText::default() {
        true => None,
        false => {
            let key = app.vault.open_key(item.customer.id, &item.customer.sealed.key)?;
            let text =
                serde_json::to_vec(&item.text).map_err(kit::error::ServiceError::internal)?;
            Some(key.seal(id, &text)?)
        }
    };
    let interaction = Interaction {
        id,
        org,
        customer: item.customer.id,
        unit: item.unit,
        kind: item.kind,
        at_us: item.at_us,
        end_us: item.end_us,
        resolved: item.resolved,
        sealed,
        content: content(app, org, &parts),
    };
    Ok((interaction, item.customer.unit))
}
