//! Merging two customers.

use kit::{
    auth::Caller,
    clock::new_id,
    db::WriteTx,
    error::{Result, ServiceError},
};
use proto::{names, survey::v1};
use serde_json::json;
use survey_domain::{
    customer::{self, Customer, State},
    record::MergeRecord,
};

use super::{access::customer_of, change::record, convert::shown};
use crate::{
    convert,
    fieldwork::withdrawal::{self, Why},
    state::App,
    store, words,
};

/// Interactions and consents that are encrypted anew in one merge.
const MOVED_MAX: u64 = 100_000;

/// Merges `other` into the customer `name`.
pub async fn merge(
    app: &App,
    caller: &Caller,
    request: &v1::MergeCustomersRequest,
) -> Result<v1::Customer> {
    let stay = customer_of(app, caller, "name", &request.name).await?;
    let other = customer_of(app, caller, "other", &request.other).await?;
    if stay.id == other.id {
        // Merged before, or the same name twice.
        if request.name == request.other {
            return Err(ServiceError::invalid("other", "is the customer itself"));
        }
        return shown(app, caller, &stay);
    }
    convert::must_be_current(&request.etag, stay.version)?;
    if stay.state != State::Active {
        return Err(ServiceError::wrong_state("the customer that stays is retired"));
    }
    let mine = app.vault.open(stay.id, &stay.sealed)?;
    let theirs = app.vault.open(other.id, &other.sealed)?;
    let merged = customer::merge(stay.clone(), mine, &other, &theirs);
    let mut made = merged.customer;
    made.hashes = app.vault.hashes(caller.org, &merged.personal);
    made.sealed = app.vault.seal_again(stay.id, &stay.sealed, &merged.personal)?;
    made.change_us = app.clock.now_us();
    let mut gone = Customer {
        state: State::Merged,
        merged_into: Some(stay.id),
        change_us: app.clock.now_us(),
        ..other.clone()
    };
    if made.hashes.external == gone.hashes.external {
        // The number is now the other's; a late delivery under it finds the one that stayed.
        gone.hashes.external = None;
    }
    let tx = app.db.begin().await?;
    store::customer::save(tx.conn(), &mut gone).await?;
    store::customer::save(tx.conn(), &mut made).await?;
    let moved = move_records(app, &tx, &made, &other).await?;
    let history = MergeRecord {
        id: new_id(app.clock.as_ref()),
        org: caller.org,
        customer: stay.id,
        merged: other.id,
        actor: caller.name(),
        taken: merged.taken,
        purchases: moved.0,
        interactions: moved.1,
        at_us: app.clock.now_us(),
    };
    store::customer_record::insert_merge(tx.conn(), &history).await?;
    let detail = json!({
        "merged": names::print("customers", other.id),
        "takenFields": history.taken,
    });
    record(app, &tx, caller, &made, detail).await?;
    tx.commit().await?;
    shown(app, caller, &made)
}

/// Moves what belongs to `other`; answers how many purchases and interactions moved.
async fn move_records(
    app: &App,
    tx: &WriteTx,
    stay: &Customer,
    other: &Customer,
) -> Result<(i64, i64)> {
    use store::customer_record::hand_over;
    let (conn, org) = (tx.conn(), stay.org);
    let purchases = hand_over(conn, "purchase", "customer_id", org, other.id, stay.id).await?;
    let old = app.vault.open_key(other.id, &other.sealed.key)?;
    let new = app.vault.open_key(stay.id, &stay.sealed.key)?;
    let found = store::customer_record::interactions(conn, org, other.id, None, MOVED_MAX).await?;
    let again = |id, sealed: &Option<Vec<u8>>| {
        sealed.as_ref().map(|sealed| new.seal(id, &old.open(id, sealed)?)).transpose()
    };
    for interaction in &found {
        let (id, place) = (interaction.id, ("interaction", "personal"));
        let sealed = again(id, &interaction.sealed)?;
        store::customer_record::reseal(conn, place, org, id, stay.id, sealed).await?;
    }
    for consent in store::customer_record::consents(conn, org, other.id, MOVED_MAX).await? {
        let (id, place) = (consent.id, ("customer_consent", "source"));
        let sealed = again(id, &consent.source)?;
        store::customer_record::reseal(conn, place, org, id, stay.id, sealed).await?;
    }
    for mut response in store::response::of_customer(tx, org, other.id).await? {
        if response.sealed.is_some() {
            words::hand_over(&mut response, &old, &new)?;
            store::response::save(tx, &response).await?;
        }
    }
    for (table, column) in [
        ("due_trigger", "customer_id"),
        ("response", "customer_id"),
        ("referral", "referrer_id"),
        ("referral", "referred_id"),
    ] {
        hand_over(conn, table, column, org, other.id, stay.id).await?;
    }
    store::customer_record::hand_over_invitations(conn, org, other.id, stay.id).await?;
    // A campaign that asked both goes on to ask the one that stays.
    withdrawal::end_all(app, tx, org, other.id, Why::Gone).await?;
    let theirs = &other.activity;
    let delta = store::customer::Delta {
        purchases: theirs.purchase_count,
        cents: theirs.purchase_cents,
        first_purchase_us: theirs.first_purchase_us,
        last_purchase_us: theirs.last_purchase_us,
        complaints: theirs.complaint_count,
        last_contact_us: theirs.last_contact_us,
        referrals: theirs.referral_count,
    };
    store::customer::add_activity(conn, org, stay.id, &delta).await?;
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    Ok((count(purchases), i64::try_from(found.len()).unwrap_or(i64::MAX)))
}
