//! Erasing customers: certificates, the hashes that stay, and the columns that are emptied.

use kit::db::{
    newest::Newest,
    sql::{backend, odd},
};
use kit::{
    db::{Db, Dialect, WriteTx},
    error::{Result, ServiceError},
};
use sea_orm::{ConnectionTrait, QueryResult, Statement};
use uuid::Uuid;

use super::{
    customer_record::Place,
    rows::{self, Known, one_of_hashes, sql},
};

/// Numbers of the hashes that an erased person may leave: external number, telephone number,
/// e-mail address, name with birthday.
const TOMBSTONE_KINDS: &str = "1, 2, 3, 5";

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Id.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Customer that was erased.
    pub customer: Uuid,
    /// Unit that looked after it.
    pub unit: Uuid,
    /// Who ordered it.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at_us: i64,
    /// What was erased, and how many values.
    pub items: Vec<(String, i64)>,
    /// Records that stay for totals.
    pub kept: i64,
}

/// Lets the database overwrite what is deleted or replaced, so that neither a destroyed key nor
/// a former one is found in free space of the file. To be called once, before anything is
/// written: there is one writing connection. PostgreSQL does so at its own time; see [`sweep`].
pub async fn prepare(db: &Db) -> Result<()> {
    if db.dialect() == Dialect::Sqlite {
        let tx = db.begin().await?;
        tx.conn().execute_unprepared("PRAGMA secure_delete = ON").await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Empties the log and free space of what was overwritten. Whether it could: readers may still
/// need the log.
pub async fn sweep(db: &Db) -> Result<bool> {
    if db.dialect() == Dialect::Postgres {
        let tables = "customer, interaction, customer_consent, import_part, invitation, \
             invitation_event, response, response_draft, due_trigger";
        db.maintain(&format!("VACUUM {tables}")).await?;
        return Ok(true);
    }
    let checkpoint =
        Statement::from_string(backend(db.dialect()), "PRAGMA wal_checkpoint(TRUNCATE)");
    let row = db.read().query_one_raw(checkpoint).await?;
    // Not an error but a column says that somebody was in the way.
    let busy = row.map(|row| row.try_get_by_index::<i32>(0)).transpose()?;
    Ok(busy.is_none_or(|busy| busy == 0))
}

/// Empties everything personal of a customer's row.
pub async fn empty_customer(tx: &WriteTx, org: Uuid, id: Uuid, now_us: i64) -> Result<()> {
    let mut sql = sql(tx.conn());
    let (now, org, id) = (sql.bind(now_us), sql.bind(org), sql.bind(id));
    let text = format!(
        "UPDATE customer SET state = 4, person_key = NULL, personal = NULL, \
         external_hash = NULL, phone_hash = NULL, email_hash = NULL, name_hash = NULL, \
         name_birthday_hash = NULL, birth_day_hash = NULL, attributes = '{{}}', \
         preferences = '{{}}', consents = 0, language = '', since = NULL, anniversary = NULL, \
         contact_every_days = 0, next_contact_us = NULL, version = version + 1, \
         change_us = {now} WHERE id = {id} AND org_id = {org}"
    );
    sql.execute(tx.conn(), &text).await?;
    Ok(())
}

/// Empties the personal column of a customer's rows in `table`; answers how many held something.
pub async fn empty_column(
    tx: &WriteTx,
    (table, column): (&'static str, &'static str),
    org: Uuid,
    customer: Uuid,
) -> Result<u64> {
    let mut sql = sql(tx.conn());
    let (org, customer) = (sql.bind(org), sql.bind(customer));
    let text = format!(
        "UPDATE {table} SET {column} = NULL \
         WHERE customer_id = {customer} AND org_id = {org} AND {column} IS NOT NULL"
    );
    sql.execute(tx.conn(), &text).await
}

/// Deletes a customer's rows of `table`; answers how many there were.
pub async fn delete_rows(
    tx: &WriteTx,
    table: &'static str,
    org: Uuid,
    customer: Uuid,
) -> Result<u64> {
    let mut sql = sql(tx.conn());
    let (org, customer) = (sql.bind(org), sql.bind(customer));
    let text = format!("DELETE FROM {table} WHERE customer_id = {customer} AND org_id = {org}");
    sql.execute(tx.conn(), &text).await
}

/// Counts a customer's rows of `table`.
pub async fn count_rows(
    tx: &WriteTx,
    table: &'static str,
    org: Uuid,
    customer: Uuid,
) -> Result<i64> {
    let mut sql = sql(tx.conn());
    let (org, customer) = (sql.bind(org), sql.bind(customer));
    let text = format!(
        "SELECT COUNT(*) AS n FROM {table} WHERE customer_id = {customer} AND org_id = {org}"
    );
    match sql.query(tx.conn(), &text).await?.first() {
        Some(row) => Ok(row.try_get("", "n")?),
        None => Ok(0),
    }
}

/// Keeps hashes of an erased person.
pub async fn insert_tombstones(tx: &WriteTx, org: Uuid, hashes: &[(i16, Vec<u8>)]) -> Result<()> {
    let rows: Vec<_> = hashes
        .iter()
        .map(|(kind, hash)| vec![org.into(), (*kind).into(), hash.clone().into()])
        .collect();
    let columns = ["org_id", "kind", "hash"];
    rows::insert(tx.conn(), "erased_subject", &columns, &rows, Known::Keep).await?;
    Ok(())
}

/// Of these hashes, those that erased persons left, with their kinds.
pub async fn tombstones(
    conn: &impl ConnectionTrait,
    org: Uuid,
    hashes: &[Vec<u8>],
) -> Result<Vec<(i16, Vec<u8>)>> {
    if hashes.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = sql(conn);
    let org = sql.bind(org);
    let among = one_of_hashes(conn, &mut sql, "hash", hashes);
    // With all kinds named the key finds them.
    let text = format!(
        "SELECT kind, hash FROM erased_subject \
         WHERE org_id = {org} AND kind IN ({TOMBSTONE_KINDS}) AND {among}"
    );
    let rows = sql.query(conn, &text).await?;
    rows.iter().map(|row| Ok((row.try_get("", "kind")?, row.try_get("", "hash")?))).collect()
}

/// Forgets hashes of a person who came back by itself.
pub async fn forget_tombstones(tx: &WriteTx, org: Uuid, hashes: &[Vec<u8>]) -> Result<()> {
    let mut sql = sql(tx.conn());
    let org = sql.bind(org);
    let among = one_of_hashes(tx.conn(), &mut sql, "hash", hashes);
    let text = format!(
        "DELETE FROM erased_subject \
         WHERE org_id = {org} AND kind IN ({TOMBSTONE_KINDS}) AND {among}"
    );
    sql.execute(tx.conn(), &text).await?;
    Ok(())
}

/// Adds a certificate.
pub async fn insert(tx: &WriteTx, new: &Certificate) -> Result<()> {
    let items = serde_json::to_string(&new.items).map_err(ServiceError::internal)?;
    let columns =
        ["id", "org_id", "customer_id", "unit_id", "actor", "reason", "at_us", "items", "kept"];
    let row = vec![
        new.id.into(),
        new.org.into(),
        new.customer.into(),
        new.unit.into(),
        new.actor.clone().into(),
        new.reason.clone().into(),
        new.at_us.into(),
        items.into(),
        new.kept.into(),
    ];
    rows::insert(tx.conn(), "erasure", &columns, &[row], Known::Refuse).await?;
    Ok(())
}

/// The certificate of a customer or with an id.
pub async fn find(
    conn: &impl ConnectionTrait,
    org: Uuid,
    column: &'static str,
    id: Uuid,
) -> Result<Option<Certificate>> {
    let mut sql = sql(conn);
    let (org, id) = (sql.bind(org), sql.bind(id));
    let text = format!("SELECT * FROM erasure WHERE {column} = {id} AND org_id = {org}");
    sql.query(conn, &text).await?.first().map(of_row).transpose()
}

/// Certificates of these units, latest first, at most `limit` before `before`.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    units: Option<&[Uuid]>,
    before: Option<Place>,
    limit: u64,
) -> Result<Vec<Certificate>> {
    let list = Newest::of(conn, "erasure", "at_us", org).among("unit_id", units);
    list.rows(conn, before, limit).await?.iter().map(of_row).collect()
}

fn of_row(row: &QueryResult) -> Result<Certificate> {
    let items: String = row.try_get("", "items")?;
    Ok(Certificate {
        id: row.try_get("", "id")?,
        org: row.try_get("", "org_id")?,
        customer: row.try_get("", "customer_id")?,
        unit: row.try_get("", "unit_id")?,
        actor: row.try_get("", "actor")?,
        reason: row.try_get("", "reason")?,
        at_us: row.try_get("", "at_us")?,
        items: serde_json::from_str(&items).map_err(|_| odd("erasure", "items"))?,
        kept: row.try_get("", "kept")?,
    })
}
