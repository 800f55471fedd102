//! Changing customers: each change in one transaction with its audit record, which names fields
//! and never values.

use kit::{
    audit,
    auth::Caller,
    clock::new_id,
    db::WriteTx,
    error::{Result, ServiceError},
    idempotency,
    mask::Mask,
};
use prost::Message;
use proto::{names, survey::v1};
use serde_json::json;
use survey_domain::{
    customer::{Customer, Personal, Purpose, State},
    record::ConsentRecord,
};
use uuid::Uuid;

use super::{
    access::{customer_of, unit_in_use},
    classes,
    convert::shown,
    fields::{CHANGEABLE, blank, take},
    tombstone,
};
use crate::{
    convert,
    fieldwork::withdrawal::{self, Why},
    personal::HashKind,
    state::App,
    store,
};

/// Adds a customer.
pub async fn create(
    app: &App,
    caller: &Caller,
    request: v1::CreateCustomerRequest,
) -> Result<v1::Customer> {
    let given = request.customer.clone().unwrap_or_default();
    let unit = convert::id("units", "customer.unit", &given.unit)?;
    unit_in_use(caller, unit)?;
    let mut customer = blank(app, caller.org, unit);
    let mut personal = Personal::default();
    let mask = Mask::read(None, &CHANGEABLE)?;
    let fields = take(app, caller, given, &mask, &mut customer, &mut personal).await?;
    customer.hashes = app.vault.hashes(caller.org, &personal);
    customer.sealed = app.vault.seal_new(customer.id, &personal)?;
    // What is kept for repetitions holds no personal field: a keyed hash stands for them.
    let masked = masked(app, caller, &request);
    let tx = app.db.begin().await?;
    let key = &request.request_id;
    if let Some(answer) = idempotency::replay::<v1::Customer>(&tx, caller, key, &masked).await? {
        drop(tx);
        let again = customer_of(app, caller, "name", &answer.name).await?;
        return shown(app, caller, &again);
    }
    if request.returning {
        let left = tombstone::left(&customer.hashes).into_iter().map(|(_, hash)| hash);
        store::erasure::forget_tombstones(&tx, caller.org, &left.collect::<Vec<_>>()).await?;
    } else {
        tombstone::refuse_erased(tx.conn(), caller.org, &customer.hashes).await?;
    }
    refuse_taken(&tx, &customer).await?;
    let events = classes::ensure(&tx, caller.org).await?;
    if !events.is_empty() {
        app.outbox.append(&tx, v1::Events { items: events }.encode_to_vec()).await?;
    }
    store::customer::insert(tx.conn(), std::slice::from_ref(&customer)).await?;
    let detail = json!({ "fields": fields, "returning": request.returning });
    record(app, &tx, caller, &customer, detail).await?;
    let kept = v1::Customer { name: names::print("customers", customer.id), ..Default::default() };
    idempotency::remember(&tx, caller, key, &masked, &kept, app.clock.as_ref()).await?;
    tx.commit().await?;
    app.outbox.committed();
    shown(app, caller, &customer)
}

/// The request with a keyed hash in the place of all fields.
fn masked(
    app: &App,
    caller: &Caller,
    request: &v1::CreateCustomerRequest,
) -> v1::CreateCustomerRequest {
    let content = request.customer.as_ref().map(Message::encode_to_vec).unwrap_or_default();
    let hash = app.vault.hash(caller.org, HashKind::Content, &content);
    v1::CreateCustomerRequest {
        customer: Some(v1::Customer { etag: store::rows::hex(&hash), ..Default::default() }),
        request_id: request.request_id.clone(),
        returning: request.returning,
    }
}

/// Refuses a number of another system that another customer has.
async fn refuse_taken(tx: &WriteTx, customer: &Customer) -> Result<()> {
    let Some(hash) = &customer.hashes.external else { return Ok(()) };
    let hashed = store::customer::Hashed::External;
    let hashes = std::slice::from_ref(hash);
    let known = store::customer::find_by_hash(tx.conn(), customer.org, hashed, hashes, 2).await?;
    if known.iter().any(|other| other.id != customer.id) {
        return Err(ServiceError::already_exists("a customer with this external id exists"));
    }
    Ok(())
}

/// Writes down who changed a customer.
pub async fn record(
    app: &App,
    tx: &WriteTx,
    caller: &Caller,
    customer: &Customer,
    detail: serde_json::Value,
) -> Result<()> {
    let object = names::print("customers", customer.id);
    audit::record(tx, caller, &object, Some(customer.unit), detail, app.clock.as_ref()).await
}

/// Changes a customer.
pub async fn update(
    app: &App,
    caller: &Caller,
    request: v1::UpdateCustomerRequest,
) -> Result<v1::Customer> {
    let given = request.customer.unwrap_or_default();
    let mask = Mask::read(request.update_mask.as_ref(), &CHANGEABLE)?;
    let mut customer = customer_of(app, caller, "customer.name", &given.name).await?;
    convert::must_be_current(&given.etag, customer.version)?;
    if customer.state != State::Active {
        return Err(ServiceError::wrong_state("the customer is retired"));
    }
    let mut personal = app.vault.open(customer.id, &customer.sealed)?;
    let (before, personal_before) = (customer.clone(), personal.clone());
    if mask.covers("unit", !given.unit.is_empty()) {
        let unit = convert::id("units", "customer.unit", &given.unit)?;
        unit_in_use(caller, unit)?;
        customer.unit = unit;
    }
    let fields = take(app, caller, given, &mask, &mut customer, &mut personal).await?;
    if customer == before && personal == personal_before {
        return shown(app, caller, &customer);
    }
    customer.hashes = app.vault.hashes(caller.org, &personal);
    customer.sealed = app.vault.seal_again(customer.id, &before.sealed, &personal)?;
    customer.change_us = app.clock.now_us();
    let tx = app.db.begin().await?;
    refuse_taken(&tx, &customer).await?;
    store::customer::save(tx.conn(), &mut customer).await?;
    if customer.declines_since(&before) {
        withdrawal::end_all(app, &tx, caller.org, customer.id, Why::Refused).await?;
    }
    record(app, &tx, caller, &customer, json!({ "fields": fields })).await?;
    tx.commit().await?;
    shown(app, caller, &customer)
}

/// Takes a customer out of use.
pub async fn retire(app: &App, caller: &Caller, name: &str) -> Result<v1::Customer> {
    let mut customer = customer_of(app, caller, "name", name).await?;
    if customer.state == State::Active {
        customer.state = State::Retired;
        customer.change_us = app.clock.now_us();
        let tx = app.db.begin().await?;
        store::customer::save(tx.conn(), &mut customer).await?;
        withdrawal::end_all(app, &tx, caller.org, customer.id, Why::Gone).await?;
        record(app, &tx, caller, &customer, json!({ "state": "retired" })).await?;
        tx.commit().await?;
    }
    shown(app, caller, &customer)
}

/// Records consent given or withdrawn.
pub async fn set_consent(
    app: &App,
    caller: &Caller,
    request: &v1::SetConsentRequest,
) -> Result<v1::Customer> {
    let mut customer = customer_of(app, caller, "name", &request.name).await?;
    let purpose = Purpose::from_number(request.purpose)
        .ok_or_else(|| ServiceError::invalid("purpose", "is required"))?;
    let now_us = app.clock.now_us();
    let id = new_id(app.clock.as_ref());
    let source = match request.source.is_empty() {
        true => None,
        false => {
            let key = app.vault.open_key(customer.id, &customer.sealed.key)?;
            Some(key.seal(id, request.source.as_bytes())?)
        }
    };
    let given = request.given;
    let consent = ConsentRecord {
        id,
        org: customer.org,
        customer: customer.id,
        purpose,
        given,
        source,
        at_us: now_us,
    };
    let tx = app.db.begin().await?;
    note_consent(app, &tx, &mut customer, consent).await?;
    let detail = json!({ "purpose": request.purpose().as_str_name(), "given": given });
    record(app, &tx, caller, &customer, detail).await?;
    tx.commit().await?;
    shown(app, caller, &customer)
}

/// Notes consent given or withdrawn in the transaction. Who does not want to be asked any more
/// is not asked any more, in no campaign that runs or is prepared.
async fn note_consent(
    app: &App,
    tx: &WriteTx,
    customer: &mut Customer,
    consent: ConsentRecord,
) -> Result<()> {
    customer.consents = customer.consents.with(consent.purpose, consent.given);
    customer.change_us = consent.at_us;
    store::customer::save(tx.conn(), customer).await?;
    if consent.purpose == Purpose::Survey && !consent.given {
        withdrawal::end_all(app, tx, customer.org, customer.id, Why::Refused).await?;
    }
    store::customer_record::insert_consents(tx.conn(), &[consent]).await
}

/// Withdraws the consent to be asked in surveys for the person behind a personal link. Nothing
/// for somebody who withdrew it before, was erased, or is not known.
pub async fn leave_alone(app: &App, org: Uuid, customer: Uuid) -> Result<()> {
    let found = store::customer::find_current(app.db.read(), org, customer).await?;
    let Some(mut customer) = found.filter(|customer| !customer.sealed.key.is_empty()) else {
        return Ok(());
    };
    if !customer.consents.given(Purpose::Survey) {
        return Ok(());
    }
    let id = new_id(app.clock.as_ref());
    let key = app.vault.open_key(customer.id, &customer.sealed.key)?;
    let consent = ConsentRecord {
        id,
        org,
        customer: customer.id,
        purpose: Purpose::Survey,
        given: false,
        source: Some(key.seal(id, b"the person, by a personal link")?),
        at_us: app.clock.now_us(),
    };
    let tx = app.db.begin().await?;
    note_consent(app, &tx, &mut customer, consent).await?;
    tx.commit().await
}
