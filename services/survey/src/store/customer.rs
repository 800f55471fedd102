//! Customers.

use kit::db::sql::odd;
use kit::error::{Result, ServiceError};
use sea_orm::{ConnectionTrait, QueryResult, Value};
use survey_domain::{
    attribute,
    customer::{Activity, Consents, Customer, Hashes, Preferences, Sealed, State},
};
use uuid::Uuid;

use super::rows::{self, Known, sql};

mod activity;
mod lookup;

pub use activity::{Delta, add_activity};
pub use lookup::{
    Filter, Hashed, duplicates, find_by_hash, list, merged_into, sampling_page, with_anniversary,
    with_contact_due,
};

/// Columns in the order of [`values`].
const COLUMNS: [&str; 35] = [
    "id",
    "org_id",
    "unit_id",
    "class_id",
    "competitor_id",
    "state",
    "merged_into",
    "importance",
    "language",
    "since",
    "anniversary",
    "contact_every_days",
    "next_contact_us",
    "attributes",
    "preferences",
    "consents",
    "purchase_count",
    "purchase_cents",
    "first_purchase_us",
    "last_purchase_us",
    "complaint_count",
    "last_contact_us",
    "referral_count",
    "legal_hold",
    "person_key",
    "personal",
    "external_hash",
    "phone_hash",
    "email_hash",
    "name_hash",
    "name_birthday_hash",
    "birth_day_hash",
    "version",
    "create_us",
    "change_us",
];

/// Columns that grow by [`add_activity`] alone, since others add to them at the same time.
const GROWING: [&str; 7] = [
    "purchase_count",
    "purchase_cents",
    "first_purchase_us",
    "last_purchase_us",
    "complaint_count",
    "last_contact_us",
    "referral_count",
];

/// Adds customers.
///
/// # Errors
/// ALREADY_EXISTS when a number of another system is taken.
pub async fn insert(conn: &impl ConnectionTrait, new: &[Customer]) -> Result<()> {
    let rows = new.iter().map(values).collect::<Result<Vec<_>>>()?;
    rows::insert(conn, "customer", &COLUMNS, &rows, Known::Refuse).await?;
    Ok(())
}

/// Saves a changed customer, its activity excepted, and counts its version up.
///
/// # Errors
/// ABORTED when it changed meanwhile.
pub async fn save(conn: &impl ConnectionTrait, customer: &mut Customer) -> Result<()> {
    let mut sql = sql(conn);
    let old = customer.version;
    customer.version += 1;
    let fixed = ["id", "org_id", "create_us"];
    let mut set = Vec::new();
    for (column, value) in COLUMNS.iter().zip(values(customer)?) {
        if !fixed.contains(column) && !GROWING.contains(column) {
            set.push(format!("{column} = {}", sql.bind(value)));
        }
    }
    let (id, org, old) = (sql.bind(customer.id), sql.bind(customer.org), sql.bind(old));
    let text = format!(
        "UPDATE customer SET {} WHERE id = {id} AND org_id = {org} AND version = {old}",
        set.join(", ")
    );
    let result = conn.execute_raw(sql.statement(&text)).await;
    match result.map_err(rows::lost)?.rows_affected() {
        1 => Ok(()),
        _ => Err(ServiceError::stale()),
    }
}

/// One customer, whatever its state.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Customer>> {
    Ok(find_many(conn, org, &[id]).await?.pop())
}

/// Customers with these ids, in the order of their ids.
pub async fn find_many(
    conn: &impl ConnectionTrait,
    org: Uuid,
    ids: &[Uuid],
) -> Result<Vec<Customer>> {
    let mut sql = sql(conn);
    let (org, ids) = (sql.bind(org), sql.one_of("id", ids));
    let text = format!("SELECT * FROM customer WHERE org_id = {org} AND {ids} ORDER BY id");
    sql.query(conn, &text).await?.iter().map(of_row).collect()
}

/// The wrapped keys of customers with these ids; nothing for one that was erased.
pub async fn keys(
    conn: &impl ConnectionTrait,
    org: Uuid,
    ids: &[Uuid],
) -> Result<Vec<(Uuid, Option<Vec<u8>>)>> {
    let mut sql = sql(conn);
    let (org, ids) = (sql.bind(org), sql.one_of("id", ids));
    let text = format!("SELECT id, state, person_key FROM customer WHERE org_id = {org} AND {ids}");
    let rows = sql.query(conn, &text).await?;
    let key = |row: &QueryResult| {
        let state: i16 = row.try_get_by_index(1)?;
        let key: Vec<u8> = row.try_get_by_index(2)?;
        let stands = state != State::Erased as i16 && !key.is_empty();
        Ok((row.try_get_by_index(0)?, stands.then_some(key)))
    };
    rows.iter().map(key).collect()
}

/// Most merges one after the other that are followed.
const MERGES_MAX: usize = 20;

/// One customer, or the one that it was merged into.
pub async fn find_current(
    conn: &impl ConnectionTrait,
    org: Uuid,
    id: Uuid,
) -> Result<Option<Customer>> {
    let mut wanted = id;
    for _ in 0..MERGES_MAX {
        let found = find(conn, org, wanted).await?;
        match found.as_ref().and_then(|customer| customer.merged_into) {
            Some(next) => wanted = next,
            None => return Ok(found),
        }
    }
    Ok(None)
}

fn values(customer: &Customer) -> Result<Vec<Value>> {
    let json = |value: serde_json::Result<String>| value.map_err(ServiceError::internal);
    let (activity, hashes, sealed) = (&customer.activity, &customer.hashes, &customer.sealed);
    let blob = |bytes: &Vec<u8>| Some(bytes.clone()).filter(|bytes| !bytes.is_empty());
    Ok(vec![
        customer.id.into(),
        customer.org.into(),
        customer.unit.into(),
        customer.class.into(),
        customer.competitor.into(),
        (customer.state as i16).into(),
        customer.merged_into.into(),
        customer.importance.into(),
        customer.language.clone().into(),
        customer.since.map(|date| date.to_string()).into(),
        customer.anniversary().into(),
        customer.contact_every_days.into(),
        customer.next_contact_us().into(),
        json(serde_json::to_string(&customer.attributes))?.into(),
        json(serde_json::to_string(&customer.preferences))?.into(),
        customer.consents.0.into(),
        activity.purchase_count.into(),
        activity.purchase_cents.into(),
        activity.first_purchase_us.into(),
        activity.last_purchase_us.into(),
        activity.complaint_count.into(),
        activity.last_contact_us.into(),
        activity.referral_count.into(),
        customer.legal_hold.into(),
        blob(&sealed.key).into(),
        blob(&sealed.text).into(),
        hashes.external.clone().into(),
        hashes.phone.clone().into(),
        hashes.email.clone().into(),
        hashes.name.clone().into(),
        hashes.name_birthday.clone().into(),
        hashes.birth_day.clone().into(),
        customer.version.into(),
        customer.create_us.into(),
        customer.change_us.into(),
    ])
}

/// A customer from a row with all columns.
pub(super) fn of_row(row: &QueryResult) -> Result<Customer> {
    let get = |column: &'static str| odd("customer", column);
    let state: i16 = row.try_get("", "state")?;
    let since: Option<String> = row.try_get("", "since")?;
    let attributes: String = row.try_get("", "attributes")?;
    let preferences: String = row.try_get("", "preferences")?;
    let since = since.map(|text| attribute::date(&text)).transpose().map_err(|_| get("since"))?;
    let preferences: Preferences =
        serde_json::from_str(&preferences).map_err(|_| get("preferences"))?;
    Ok(Customer {
        id: row.try_get("", "id")?,
        org: row.try_get("", "org_id")?,
        unit: row.try_get("", "unit_id")?,
        class: row.try_get("", "class_id")?,
        competitor: row.try_get("", "competitor_id")?,
        state: State::from_number(state.into()).ok_or_else(|| get("state"))?,
        merged_into: row.try_get("", "merged_into")?,
        importance: row.try_get("", "importance")?,
        language: row.try_get("", "language")?,
        since,
        contact_every_days: row.try_get("", "contact_every_days")?,
        attributes: serde_json::from_str(&attributes).map_err(|_| get("attributes"))?,
        preferences,
        consents: Consents(row.try_get("", "consents")?),
        activity: activity_of_row(row)?,
        legal_hold: row.try_get("", "legal_hold")?,
        sealed: Sealed {
            key: row.try_get::<Option<Vec<u8>>>("", "person_key")?.unwrap_or_default(),
            text: row.try_get::<Option<Vec<u8>>>("", "personal")?.unwrap_or_default(),
        },
        hashes: Hashes {
            external: row.try_get("", "external_hash")?,
            phone: row.try_get("", "phone_hash")?,
            email: row.try_get("", "email_hash")?,
            name: row.try_get("", "name_hash")?,
            name_birthday: row.try_get("", "name_birthday_hash")?,
            birth_day: row.try_get("", "birth_day_hash")?,
        },
        version: row.try_get("", "version")?,
        create_us: row.try_get("", "create_us")?,
        change_us: row.try_get("", "change_us")?,
    })
}

fn activity_of_row(row: &QueryResult) -> Result<Activity> {
    Ok(Activity {
        purchase_count: row.try_get("", "purchase_count")?,
        purchase_cents: row.try_get("", "purchase_cents")?,
        first_purchase_us: row.try_get("", "first_purchase_us")?,
        last_purchase_us: row.try_get("", "last_purchase_us")?,
        complaint_count: row.try_get("", "complaint_count")?,
        last_contact_us: row.try_get("", "last_contact_us")?,
        referral_count: row.try_get("", "referral_count")?,
    })
}
