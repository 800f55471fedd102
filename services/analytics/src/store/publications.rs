//! Publications of runs and their corrections.

use kit::{db::newest::Newest, error::Result};
use sea_orm::{ConnectionTrait, QueryResult, Value};
use uuid::Uuid;

use super::sql::{Values, execute, query};

/// A publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Its id.
    pub id: Uuid,
    /// The run that it freezes.
    pub run: Uuid,
    /// Index of the run.
    pub index: Uuid,
    /// Unit of the index.
    pub unit: Uuid,
    /// Title.
    pub title: String,
    /// Number of its state.
    pub state: i16,
    /// Hash of the frozen result.
    pub result_hash: String,
    /// Who signed, or empty.
    pub signer: String,
    /// When, microseconds, or 0.
    pub sign_us: i64,
    /// Why the gate was overridden, or empty.
    pub override_reason: String,
    /// When it was prepared, microseconds.
    pub create_us: i64,
}

const COLUMNS: &str = "id, run_id, index_id, unit_id, title, state, result_hash, signer, \
                       sign_us, override_reason, create_us";

/// Adds a publication.
pub async fn insert(conn: &impl ConnectionTrait, org: Uuid, new: &Publication) -> Result<()> {
    let mut values = Values::default();
    let tuple = values.tuple([
        org.into(),
        new.id.into(),
        new.run.into(),
        new.index.into(),
        new.unit.into(),
        Value::from(new.title.as_str()),
        new.state.into(),
        new.result_hash.as_str().into(),
        new.signer.as_str().into(),
        new.sign_us.into(),
        new.override_reason.as_str().into(),
        new.create_us.into(),
    ]);
    let sql = format!("INSERT INTO publication (org_id, {COLUMNS}) VALUES {tuple}");
    execute(conn, sql, values).await?;
    Ok(())
}

/// One publication.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Publication>> {
    let mut values = Values::default();
    let (org, id) = (values.put(org), values.put(id));
    let sql = format!("SELECT {COLUMNS} FROM publication WHERE org_id = {org} AND id = {id}");
    query(conn, sql, values).await?.first().map(of_row).transpose()
}

/// Publications, newest first, of these units or of all, of one index or of any.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    units: Option<&[Uuid]>,
    index: Option<Uuid>,
    after: Option<(i64, Uuid)>,
    limit: u64,
) -> Result<Vec<Publication>> {
    let list = Newest::of(conn, "publication", "create_us", org).columns(COLUMNS);
    let list = list.among("unit_id", units).equal("index_id", index);
    list.rows(conn, after, limit).await?.iter().map(of_row).collect()
}

/// Changes state and signature, if the state is still `from`. False otherwise.
pub async fn sign(
    conn: &impl ConnectionTrait,
    org: Uuid,
    signed: &Publication,
    from: i16,
) -> Result<bool> {
    let mut values = Values::default();
    let (state, signer) = (values.put(signed.state), values.put(signed.signer.as_str()));
    let (us, reason) = (values.put(signed.sign_us), values.put(signed.override_reason.as_str()));
    let (org, id, from) = (values.put(org), values.put(signed.id), values.put(from));
    let sql = format!(
        "UPDATE publication SET state = {state}, signer = {signer}, sign_us = {us}, \
         override_reason = {reason} WHERE org_id = {org} AND id = {id} AND state = {from}"
    );
    Ok(execute(conn, sql, values).await? == 1)
}

/// Adds a correction, a message of the contract, and marks the publication.
pub async fn correct(
    conn: &impl ConnectionTrait,
    org: Uuid,
    publication: Uuid,
    state: i16,
    body: Vec<u8>,
) -> Result<()> {
    let number = corrections(conn, org, publication).await?.len();
    let number = i32::try_from(number).unwrap_or(i32::MAX);
    let mut values = Values::default();
    let tuple = values.tuple([org.into(), publication.into(), number.into(), Value::from(body)]);
    let sql =
        format!("INSERT INTO correction (org_id, publication_id, number, body) VALUES {tuple}");
    execute(conn, sql, values).await?;
    let mut values = Values::default();
    let (state, org, id) = (values.put(state), values.put(org), values.put(publication));
    let sql = format!("UPDATE publication SET state = {state} WHERE org_id = {org} AND id = {id}");
    execute(conn, sql, values).await?;
    Ok(())
}

/// Corrections of a publication, oldest first.
pub async fn corrections(
    conn: &impl ConnectionTrait,
    org: Uuid,
    publication: Uuid,
) -> Result<Vec<Vec<u8>>> {
    let mut values = Values::default();
    let (org, id) = (values.put(org), values.put(publication));
    let sql = format!(
        "SELECT body FROM correction WHERE org_id = {org} AND publication_id = {id} \
         ORDER BY number"
    );
    let rows = query(conn, sql, values).await?;
    rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
}

fn of_row(row: &QueryResult) -> Result<Publication> {
    Ok(Publication {
        id: row.try_get_by_index(0)?,
        run: row.try_get_by_index(1)?,
        index: row.try_get_by_index(2)?,
        unit: row.try_get_by_index(3)?,
        title: row.try_get_by_index(4)?,
        state: row.try_get_by_index(5)?,
        result_hash: row.try_get_by_index(6)?,
        signer: row.try_get_by_index(7)?,
        sign_us: row.try_get_by_index(8)?,
        override_reason: row.try_get_by_index(9)?,
        create_us: row.try_get_by_index(10)?,
    })
}
