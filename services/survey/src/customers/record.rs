//! Recording purchases and interactions: each item has its own result, and an id that was
//! recorded before with the same content changes nothing.

use std::collections::{BTreeMap, HashMap};

use kit::{clock::new_id, db::WriteTx, directory::OrgView, error::Result};
use sea_orm::ConnectionTrait;
use survey_domain::{
    customer::{Customer, State},
    record::{DueTrigger, Interaction, InteractionKind, InteractionText, Purchase, Trigger},
};
use tonic::Code;
use uuid::Uuid;

use super::segments::{self, Matcher};
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
    /// Node of the organisation's own process, or empty.
    pub node: String,
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

/// Triggers of an organisation, with the segments that they look at.
pub struct Triggers(Vec<(Trigger, Option<Matcher>)>);

/// Triggers that are looked at.
const TRIGGERS_MAX: u64 = 1_000;

impl Triggers {
    /// Those in use. To be read before the transaction that records: segments need the rest of
    /// the database.
    pub async fn read(app: &App, org: Uuid) -> Result<Self> {
        let conn = app.db.read();
        let mut read = Vec::new();
        for trigger in store::trigger::list(conn, org, None, false, TRIGGERS_MAX).await? {
            match trigger.segment {
                None => read.push((trigger, None)),
                Some(id) => {
                    if let Some(matcher) = Self::segment(app, org, id).await? {
                        read.push((trigger, Some(matcher)));
                    }
                }
            }
        }
        Ok(Self(read))
    }

    /// A segment that is no more, or names an attribute that is no more, has nobody in it.
    async fn segment(app: &App, org: Uuid, id: Uuid) -> Result<Option<Matcher>> {
        let found = store::customer_schema::segment(app.db.read(), org, id).await?;
        let Some(found) = found else { return Ok(None) };
        match segments::matcher(app, org, "segment", &found.filter).await {
            Ok(matcher) => Ok(Some(matcher)),
            Err(error) if error.code() == Code::InvalidArgument => {
                tracing::warn!(%error, segment = %id, "a trigger's segment cannot be read");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Those that an interaction of a customer calls upon.
    fn of<'a>(
        &'a self,
        view: Option<&'a OrgView>,
        interaction: &'a Interaction,
        customer: &'a Customer,
    ) -> impl Iterator<Item = &'a Trigger> {
        let mine = move |trigger: &Trigger, matcher: &Option<Matcher>| {
            trigger.is_about(interaction)
                && view.is_some_and(|view| view.is_within(customer.unit, trigger.unit))
                && matcher.as_ref().is_none_or(|matcher| matcher.matches(customer))
        };
        self.0.iter().filter(move |(t, matcher)| mine(t, matcher)).map(|(trigger, _)| trigger)
    }
}

/// Records interactions in the transaction, what they add to their customers, and what triggers
/// call for.
pub async fn interactions(
    app: &App,
    tx: &WriteTx,
    org: Uuid,
    triggers: &Triggers,
    items: Vec<NewInteraction>,
) -> Result<Vec<Outcome>> {
    let mut made = Vec::new();
    for item in items {
        made.push(interaction(app, org, item)?);
    }
    let keys: Vec<_> = made.iter().map(|(i, _)| (i.id, i.content.clone())).collect();
    let sorted = sort(tx, "interaction", org, &keys).await?;
    let view = app.directory.organisation(org);
    let (mut new, mut outcomes, mut due) = (Vec::new(), Vec::new(), Vec::new());
    let mut deltas: BTreeMap<Uuid, Delta> = BTreeMap::new();
    for ((interaction, customer), outcome) in made.into_iter().zip(sorted.outcomes) {
        outcomes.push(outcome.unwrap_or(Outcome::Recorded(interaction.id)));
        if outcome.is_some() {
            continue;
        }
        let delta = deltas.entry(interaction.customer).or_default();
        if interaction.kind.is_contact() {
            delta.last_contact_us = delta.last_contact_us.max(Some(interaction.at_us));
        }
        delta.complaints += i64::from(interaction.kind == InteractionKind::Complaint);
        let wanted = triggers.of(view.as_deref(), &interaction, &customer);
        due.extend(wanted.map(|trigger| called(app, trigger, &interaction, customer.unit)));
        new.push(interaction);
    }
    store::customer_record::insert_interactions(tx.conn(), &new).await?;
    store::due_trigger::insert(tx.conn(), &due).await?;
    // A contact sees to the call-backs that were due by then.
    for contact in new.iter().filter(|i| i.kind == InteractionKind::Contact) {
        let (customer, at_us, now_us) = (contact.customer, contact.at_us, app.clock.now_us());
        store::due_trigger::called_back(tx.conn(), org, customer, at_us, now_us).await?;
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
        arrive_us: app.clock.now_us(),
        done_us: None,
        outcome: None,
        invitation: None,
    }
}

/// The interaction, and its customer.
fn interaction(app: &App, org: Uuid, item: NewInteraction) -> Result<(Interaction, Customer)> {
    let id = app.vault.id(org, HashKind::InteractionItem, item.item_id.as_bytes());
    let (reference, note) = (item.text.reference.as_bytes(), item.text.note.as_bytes());
    let end = item.end_us.unwrap_or(i64::MIN).to_be_bytes();
    let at = item.at_us.to_be_bytes();
    let flags = [item.kind as u8, u8::from(item.resolved)];
    let mut parts: Vec<&[u8]> = vec![&flags, &at, &end, reference, note];
    // What came without a node before there were any has the same content still.
    if !item.node.is_empty() {
        parts.push(item.node.as_bytes());
    }
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
        node: item.node,
    };
    Ok((interaction, item.customer))
}
