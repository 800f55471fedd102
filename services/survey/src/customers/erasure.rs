//! Erasing a person: the key of the personal fields is destroyed, what was found by hashes is
//! not found again, and counts stay. What other parts of the service hold of the person they
//! empty in the same transaction, in `parts`.

use kit::{
    auth::Caller,
    clock::new_id,
    db::WriteTx,
    error::{Result, ServiceError},
};
use proto::{names, survey::v1, time};
use serde_json::json;
use survey_domain::customer::{Customer, Personal, State};

use super::{
    access::{any_customer, customer_of},
    change::record,
    convert::shown,
    export::family,
    tombstone,
};
use crate::{
    convert,
    fieldwork::withdrawal::{self, Why},
    state::App,
    store,
    store::erasure::Certificate,
};

/// Erases a person.
///
/// # Errors
/// FAILED_PRECONDITION under a legal hold.
pub async fn erase(
    app: &App,
    caller: &Caller,
    request: &v1::EraseSubjectRequest,
) -> Result<v1::Erasure> {
    let id = convert::id("customers", "name", &request.name)?;
    let customer = any_customer(app, caller, id).await?;
    if customer.state == State::Erased {
        let known = store::erasure::find(app.db.read(), caller.org, "customer_id", customer.id);
        let known = known.await?.ok_or_else(|| ServiceError::not_found("customer"))?;
        return Ok(erasure_to(&known));
    }
    let persons = family(app, &customer).await?;
    if persons.iter().any(|person| person.legal_hold) {
        let text = "a legal hold forbids the erasure";
        return Err(ServiceError::wrong_state(text));
    }
    let tx = app.db.begin().await?;
    let mut certificate = Certificate {
        id: new_id(app.clock.as_ref()),
        org: caller.org,
        customer: customer.id,
        unit: customer.unit,
        actor: caller.name(),
        reason: request.reason.clone(),
        at_us: app.clock.now_us(),
        items: Vec::new(),
        kept: 0,
    };
    for person in &persons {
        erase_one(app, &tx, person, &mut certificate).await?;
    }
    store::erasure::insert(&tx, &certificate).await?;
    record(app, &tx, caller, &customer, json!({ "erased": certificate.items })).await?;
    tx.commit().await?;
    app.cleaning.wanted();
    // What cannot be emptied now, because somebody reads, is emptied later.
    if let Err(error) = app.cleaning.once(&app.db).await {
        tracing::warn!(%error, "free space waits to be emptied");
    }
    Ok(erasure_to(&certificate))
}

async fn erase_one(
    app: &App,
    tx: &WriteTx,
    person: &Customer,
    certificate: &mut Certificate,
) -> Result<()> {
    let (org, id) = (person.org, person.id);
    let personal = app.vault.open(id, &person.sealed)?;
    let mut count = |what: &str, more: i64| {
        match certificate.items.iter_mut().find(|(known, _)| known == what) {
            _ if more == 0 => {}
            Some((_, count)) => *count += more,
            None => certificate.items.push((what.to_owned(), more)),
        };
    };
    for (what, values) in values_of(&personal, person) {
        count(what, values);
    }
    for (what, place) in [
        ("interactions.reference_and_note", ("interaction", "personal")),
        ("consents.source", ("customer_consent", "source")),
    ] {
        let emptied = store::erasure::empty_column(tx, place, org, id).await?;
        count(what, i64::try_from(emptied).unwrap_or(i64::MAX));
    }
    for (what, table) in [("reminders", "reminder_done"), ("due_triggers", "due_trigger")] {
        let deleted = store::erasure::delete_rows(tx, table, org, id).await?;
        count(what, i64::try_from(deleted).unwrap_or(i64::MAX));
    }
    for (what, more) in parts(app, tx, person).await? {
        count(what, more);
    }
    for table in ["purchase", "interaction", "customer_consent"] {
        certificate.kept += store::erasure::count_rows(tx, table, org, id).await?;
    }
    let left: Vec<(i16, Vec<u8>)> = tombstone::left(&person.hashes)
        .into_iter()
        .map(|(kind, hash)| (kind as i16, hash))
        .collect();
    store::erasure::insert_tombstones(tx, org, &left).await?;
    store::erasure::empty_customer(tx, org, id, certificate.at_us).await
}

/// What other parts of the service hold of the person: each empties its own rows in this
/// transaction; what and how many.
async fn parts(app: &App, tx: &WriteTx, person: &Customer) -> Result<Vec<(&'static str, i64)>> {
    let (org, id) = (person.org, person.id);
    withdrawal::end_all(app, tx, org, id, Why::Refused).await?;
    let answers = crate::responses::forget_customer(tx, org, id).await?;
    let invitations = store::erasure::count_rows(tx, "invitation", org, id).await?;
    store::fieldwork::invitation::forget_customer(tx.conn(), org, id).await?;
    Ok(vec![
        ("responses.texts_and_person", i64::try_from(answers).unwrap_or(i64::MAX)),
        ("invitations.person", invitations),
    ])
}

/// Which personal values there are.
fn values_of(personal: &Personal, person: &Customer) -> Vec<(&'static str, i64)> {
    let one = |text: &String| i64::from(!text.is_empty());
    let many = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    vec![
        ("customers.key", i64::from(!person.sealed.key.is_empty())),
        ("customers.display_name", one(&personal.display_name)),
        ("customers.phone", one(&personal.phone)),
        ("customers.email", one(&personal.email)),
        ("customers.address", one(&personal.address)),
        ("customers.birthday", one(&personal.birthday)),
        ("customers.external_id", one(&personal.external_id)),
        ("customers.note", one(&personal.note)),
        ("customers.personal_attributes", many(personal.attributes.len())),
        ("customers.attributes", many(person.attributes.len())),
    ]
}

/// A certificate as the contract shows it.
fn erasure_to(certificate: &Certificate) -> v1::Erasure {
    let items = certificate
        .items
        .iter()
        .map(|(what, count)| v1::ErasedItem { what: what.clone(), count: *count });
    v1::Erasure {
        name: names::print("erasures", certificate.id),
        customer: names::print("customers", certificate.customer),
        unit: names::print("units", certificate.unit),
        actor: certificate.actor.clone(),
        reason: certificate.reason.clone(),
        time: Some(time::from_us(certificate.at_us)),
        items: items.collect(),
        kept_records: certificate.kept,
    }
}

/// One certificate.
pub async fn get(app: &App, caller: &Caller, name: &str) -> Result<v1::Erasure> {
    let id = convert::id("erasures", "name", name)?;
    let found = store::erasure::find(app.db.read(), caller.org, "id", id).await?;
    let certificate = found.ok_or_else(|| ServiceError::not_found("erasure"))?;
    caller.authorize_object(certificate.unit, "erasure")?;
    Ok(erasure_to(&certificate))
}

/// Certificates, latest first.
pub async fn list(
    app: &App,
    caller: &Caller,
    request: &v1::ListErasuresRequest,
) -> Result<v1::ListErasuresResponse> {
    let units = caller.visible()?.narrowed(None)?;
    let key = format!("erasures|{}", caller.org);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let (conn, units) = (app.db.read(), units.as_deref());
    let mut found = store::erasure::list(conn, caller.org, units, page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |last| (last.at_us, last.id));
    let erasures = found.iter().map(erasure_to).collect();
    Ok(v1::ListErasuresResponse { erasures, next_page_token })
}

/// Forbids the erasure of a person, or allows it again.
pub async fn set_hold(
    app: &App,
    caller: &Caller,
    request: &v1::SetLegalHoldRequest,
) -> Result<v1::Customer> {
    if request.hold && request.reason.trim().is_empty() {
        return Err(ServiceError::invalid("reason", "is required"));
    }
    let mut customer = customer_of(app, caller, "name", &request.name).await?;
    if customer.legal_hold != request.hold {
        customer.legal_hold = request.hold;
        customer.change_us = app.clock.now_us();
        let tx = app.db.begin().await?;
        store::customer::save(tx.conn(), &mut customer).await?;
        let detail = json!({ "legalHold": request.hold, "reason": request.reason });
        record(app, &tx, caller, &customer, detail).await?;
        tx.commit().await?;
    }
    shown(app, caller, &customer)
}
