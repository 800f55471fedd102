//! Purchases and interactions as partner systems send them and as they are shown.

use kit::{
    auth::{Caller, Visible},
    error::{Result, reason_name},
};
use proto::{
    common::v1::Reason,
    names,
    survey::v1,
    time,
    validate::{Validate, violations},
};
use survey_domain::{
    customer::Customer,
    record::{CENTS_MAX, Interaction, InteractionKind, InteractionText, Purchase},
};
use tonic::Code;

use super::{
    access::{customer_of, sees_personal},
    record::{self, Named, NewInteraction, NewPurchase, Outcome, Whom},
};
use crate::{convert, state::App, store};

/// Latest time that is believed: a day ahead of us.
const AHEAD_US: i64 = 86_400_000_000;

/// Why an item is refused.
struct Refusal {
    code: Code,
    reason: Reason,
    field: String,
    text: String,
}

impl Refusal {
    fn invalid(field: &str, text: &str) -> Self {
        let (field, text) = (field.to_owned(), text.to_owned());
        Self { code: Code::InvalidArgument, reason: Reason::InvalidField, field, text }
    }

    fn result(self, item_id: &str) -> v1::RecordResult {
        v1::RecordResult {
            item_id: item_id.to_owned(),
            code: self.code as i32,
            reason: reason_name(self.reason).to_owned(),
            field: self.field,
            text: self.text,
            ..Default::default()
        }
    }
}

type Taken<T> = std::result::Result<T, Refusal>;

fn sound(item: &impl Validate) -> Taken<()> {
    match violations(item).into_iter().next() {
        Some(first) => Err(Refusal::invalid(&first.field, &first.description)),
        None => Ok(()),
    }
}

fn named(customer: &str, external_id: &str) -> Taken<Named> {
    match (names::parse("customers", customer), external_id.is_empty()) {
        (Some(id), true) => Ok(Named::Id(id)),
        (None, false) => Ok(Named::External(external_id.to_owned())),
        _ => Err(Refusal::invalid("customer", "or externalId is wanted, and not both")),
    }
}

fn at(us: Option<i64>, now_us: i64) -> Taken<i64> {
    us.filter(|us| (0..=now_us.saturating_add(AHEAD_US)).contains(us))
        .ok_or_else(|| Refusal::invalid("time", "is before 1970 or in the future"))
}

fn whom(visible: &Visible, whom: Whom) -> Taken<Customer> {
    let refused = |code, reason, text: &str| {
        Err(Refusal { code, reason, field: "customer".to_owned(), text: text.to_owned() })
    };
    match whom {
        Whom::Found(customer) if visible.contains(customer.unit) => Ok(*customer),
        Whom::Found(_) | Whom::Unknown => {
            refused(Code::NotFound, Reason::NotFound, "no such customer")
        }
        Whom::Erased => {
            let text = "this person was erased";
            refused(Code::FailedPrecondition, Reason::WrongState, text)
        }
    }
}

fn result(item_id: &str, outcome: Outcome, collection: &str) -> v1::RecordResult {
    let (id, repeated_item) = match outcome {
        Outcome::Recorded(id) => (id, false),
        Outcome::Repeated(id) => (id, true),
        Outcome::Conflict => {
            let text = "this item id was used with another content".to_owned();
            let refusal = Refusal {
                code: Code::AlreadyExists,
                reason: Reason::AlreadyExists,
                field: "itemId".to_owned(),
                text,
            };
            return refusal.result(item_id);
        }
    };
    let name = names::print(collection, id);
    v1::RecordResult { item_id: item_id.to_owned(), name, repeated_item, ..Default::default() }
}

/// Puts the outcomes of accepted items and the refusals together in the order sent.
fn results<T>(
    item_ids: &[String],
    taken: &[Taken<T>],
    outcomes: Vec<Outcome>,
    collection: &str,
) -> Vec<v1::RecordResult> {
    let mut outcomes = outcomes.into_iter();
    let mut made = Vec::new();
    for (item_id, taken) in item_ids.iter().zip(taken) {
        match taken {
            Ok(_) => made.extend(outcomes.next().map(|o| result(item_id, o, collection))),
            Err(refusal) => made.push(
                Refusal { field: refusal.field.clone(), text: refusal.text.clone(), ..*refusal }
                    .result(item_id),
            ),
        }
    }
    made
}

/// Records purchases.
pub async fn record_purchases(
    app: &App,
    caller: &Caller,
    request: v1::BatchRecordPurchasesRequest,
) -> Result<v1::BatchRecordResponse> {
    let visible = caller.visible()?;
    let now_us = app.clock.now_us();
    let competitors = store::customer_schema::competitors(app.db.read(), caller.org, None, 1_000);
    let competitors = competitors.await?;
    let read = |item: &v1::Purchase| -> Taken<(Named, NewPurchase)> {
        sound(item)?;
        if !(0..=CENTS_MAX).contains(&item.amount_cents) {
            return Err(Refusal::invalid("amountCents", "is not between 0 and 10^15"));
        }
        let competitor = names::parse("competitors", &item.competitor);
        if competitor.is_some_and(|id| !competitors.iter().any(|(known, _)| known.id == id)) {
            return Err(Refusal::invalid("competitor", "does not exist"));
        }
        let new = NewPurchase {
            item_id: item.item_id.clone(),
            customer: uuid::Uuid::nil(),
            competitor,
            at_us: at(time::to_us_opt(item.time.as_ref()), now_us)?,
            cents: item.amount_cents,
            product: item.product.clone(),
        };
        Ok((named(&item.customer, &item.external_id)?, new))
    };
    let read: Vec<Taken<(Named, NewPurchase)>> = request.purchases.iter().map(read).collect();
    let tx = app.db.begin().await?;
    let names: Vec<Named> = read.iter().flatten().map(|(named, _)| named.clone()).collect();
    let mut found = record::resolve(app, tx.conn(), caller.org, &names).await?.into_iter();
    let taken: Vec<Taken<NewPurchase>> = read
        .into_iter()
        .map(|read| {
            let (_, new) = read?;
            let customer = whom(&visible, found.next().unwrap_or(Whom::Unknown))?;
            Ok(NewPurchase { customer: customer.id, ..new })
        })
        .collect();
    let new: Vec<NewPurchase> = taken.iter().flatten().cloned().collect();
    let outcomes = record::purchases(app, &tx, caller.org, new).await?;
    tx.commit().await?;
    let ids: Vec<String> = request.purchases.into_iter().map(|item| item.item_id).collect();
    Ok(v1::BatchRecordResponse { results: results(&ids, &taken, outcomes, "purchases") })
}

/// Records interactions.
pub async fn record_interactions(
    app: &App,
    caller: &Caller,
    request: v1::BatchRecordInteractionsRequest,
) -> Result<v1::BatchRecordResponse> {
    let visible = caller.visible()?;
    let now_us = app.clock.now_us();
    let triggers = record::Triggers::read(app, caller.org).await?;
    let tx = app.db.begin().await?;
    let named: Vec<Taken<Named>> = request
        .interactions
        .iter()
        .map(|item| {
            sound(item)?;
            at(time::to_us_opt(item.time.as_ref()), now_us)?;
            named(&item.customer, &item.external_id)
        })
        .collect();
    let names: Vec<Named> = named.iter().flatten().cloned().collect();
    let mut found = record::resolve(app, tx.conn(), caller.org, &names).await?.into_iter();
    let taken: Vec<Taken<NewInteraction>> = named
        .into_iter()
        .zip(&request.interactions)
        .map(|(named, item)| {
            named?;
            let customer = whom(&visible, found.next().unwrap_or(Whom::Unknown))?;
            new_interaction(&visible, customer, item)
        })
        .collect();
    let new: Vec<NewInteraction> = taken.iter().flatten().cloned().collect();
    let outcomes = record::interactions(app, &tx, caller.org, &triggers, new).await?;
    tx.commit().await?;
    let ids: Vec<String> = request.interactions.into_iter().map(|item| item.item_id).collect();
    Ok(v1::BatchRecordResponse { results: results(&ids, &taken, outcomes, "interactions") })
}

fn new_interaction(
    visible: &Visible,
    customer: Customer,
    item: &v1::Interaction,
) -> Taken<NewInteraction> {
    let kind = InteractionKind::from_number(item.kind)
        .ok_or_else(|| Refusal::invalid("kind", "is required"))?;
    let at_us = time::to_us_opt(item.time.as_ref()).unwrap_or_default();
    let end_us = time::to_us_opt(item.end_time.as_ref());
    if end_us.is_some_and(|end| end < at_us) {
        return Err(Refusal::invalid("endTime", "is before the time"));
    }
    if item.resolved && kind != InteractionKind::Complaint {
        return Err(Refusal::invalid("resolved", "belongs to complaints"));
    }
    let unit = match names::parse("units", &item.unit) {
        None => customer.unit,
        Some(unit) if visible.contains(unit) => unit,
        Some(_) => {
            let text = "no such unit".to_owned();
            let (code, reason) = (Code::NotFound, Reason::NotFound);
            return Err(Refusal { code, reason, field: "unit".to_owned(), text });
        }
    };
    let text = InteractionText { reference: item.reference.clone(), note: item.note.clone() };
    let item_id = item.item_id.clone();
    let (resolved, node) = (item.resolved, item.node.clone());
    Ok(NewInteraction { item_id, customer, unit, kind, at_us, end_us, resolved, node, text })
}

/// A purchase as the contract shows it.
pub fn purchase_to(purchase: &Purchase) -> v1::Purchase {
    v1::Purchase {
        name: names::print("purchases", purchase.id),
        customer: names::print("customers", purchase.customer),
        time: Some(time::from_us(purchase.at_us)),
        amount_cents: purchase.cents,
        product: purchase.product.clone(),
        competitor: names::print_opt("competitors", purchase.competitor),
        ..Default::default()
    }
}

/// Interactions as the contract shows them, with their personal fields or without.
pub fn interactions_to(
    app: &App,
    customer: &Customer,
    personal: bool,
    interactions: &[Interaction],
) -> Result<Vec<v1::Interaction>> {
    let key = match personal && !customer.sealed.key.is_empty() {
        true => Some(app.vault.open_key(customer.id, &customer.sealed.key)?),
        false => None,
    };
    let mut made = Vec::new();
    for interaction in interactions {
        let text: InteractionText = match (&key, &interaction.sealed) {
            (Some(key), Some(sealed)) => {
                serde_json::from_slice(&key.open(interaction.id, sealed)?).unwrap_or_default()
            }
            _ => InteractionText::default(),
        };
        made.push(v1::Interaction {
            name: names::print("interactions", interaction.id),
            customer: names::print("customers", interaction.customer),
            kind: interaction.kind as i32,
            time: Some(time::from_us(interaction.at_us)),
            end_time: time::from_us_opt(interaction.end_us),
            unit: names::print("units", interaction.unit),
            reference: text.reference,
            note: text.note,
            resolved: interaction.resolved,
            node: interaction.node.clone(),
            ..Default::default()
        });
    }
    Ok(made)
}

/// Purchases of a customer.
pub async fn list_purchases(
    app: &App,
    caller: &Caller,
    request: &v1::ListPurchasesRequest,
) -> Result<v1::ListPurchasesResponse> {
    let customer = customer_of(app, caller, "customer", &request.customer).await?;
    let key = format!("purchases|{}|{}", caller.org, customer.id);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let conn = app.db.read();
    let mut found =
        store::customer_record::purchases(conn, caller.org, customer.id, page.after, page.limit)
            .await?;
    let next_page_token = page.close(&mut found, |last| (last.at_us, last.id));
    let purchases = found.iter().map(purchase_to).collect();
    Ok(v1::ListPurchasesResponse { purchases, next_page_token })
}

/// Interactions of a customer.
pub async fn list_interactions(
    app: &App,
    caller: &Caller,
    request: &v1::ListInteractionsRequest,
) -> Result<v1::ListInteractionsResponse> {
    let customer = customer_of(app, caller, "customer", &request.customer).await?;
    let key = format!("interactions|{}|{}", caller.org, customer.id);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let conn = app.db.read();
    let mut found =
        store::customer_record::interactions(conn, caller.org, customer.id, page.after, page.limit)
            .await?;
    let next_page_token = page.close(&mut found, |last| (last.at_us, last.id));
    let personal = sees_personal(caller, customer.unit);
    let interactions = interactions_to(app, &customer, personal, &found)?;
    Ok(v1::ListInteractionsResponse { interactions, next_page_token })
}

/// Id of a campaign that may be left out.
pub fn campaign_opt(field: &str, name: &str) -> Result<Option<uuid::Uuid>> {
    convert::id_opt("campaigns", field, name)
}
