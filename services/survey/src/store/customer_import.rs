//! Imports of files, their parts and refused rows.

use kit::db::{newest::Newest, sql::odd};
use kit::error::{Result, ServiceError};
use sea_orm::{ConnectionTrait, QueryResult};
use serde::{Deserialize, Serialize};
use survey_domain::csv_import::{Decoder, Fault, RowError, Scanner};
use uuid::Uuid;

use super::{
    customer_record::Place,
    rows::{self, Known, sql},
};

/// State of an import. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Waits for the rest of the file.
    Uploading = 1,
    /// Rows are being taken in.
    Running = 2,
    /// All rows are taken in or refused.
    Done = 3,
    /// The file is not sound.
    Failed = 4,
}

/// What somebody says of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Number of the kind.
    pub kind: i32,
    /// Number of the encoding.
    pub encoding: i32,
    /// Separator.
    pub separator: char,
    /// Header and field of the mapped columns.
    pub columns: Vec<(String, String)>,
    /// Only checks.
    pub dry_run: bool,
}

/// How many rows came to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Rows read.
    pub rows: i64,
    /// New objects.
    pub created: i64,
    /// Changed objects.
    pub updated: i64,
    /// Rows that changed nothing.
    pub unchanged: i64,
    /// Refused rows.
    pub errors: i64,
}

/// An import of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// Id.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Unit of the rows that name none.
    pub unit: Uuid,
    /// The same for the same file with the same settings.
    pub file_key: Vec<u8>,
    /// What somebody said of the file.
    pub settings: Settings,
    /// Length in bytes.
    pub length: i64,
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
    /// Who declared it.
    pub actor: String,
    /// State.
    pub state: State,
    /// Bytes that are there.
    pub received: i64,
    /// How far the check is.
    pub scan: (Decoder, Scanner),
    /// How many rows came to what.
    pub counts: Counts,
    /// Why the file was refused.
    pub failure: Option<Fault>,
    /// Wrapped key of the parts.
    pub part_key: Vec<u8>,
    /// When it was declared.
    pub create_us: i64,
    /// When it ended.
    pub end_us: Option<i64>,
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(ServiceError::internal)
}

fn failure_text(failure: Option<&Fault>) -> Result<Option<String>> {
    failure.map(|fault| json(&(fault.line, fault.column, &fault.text))).transpose()
}

/// Adds an import unless its file was declared before.
pub async fn insert(conn: &impl ConnectionTrait, new: &Import) -> Result<()> {
    let columns = [
        "id",
        "org_id",
        "unit_id",
        "file_key",
        "settings",
        "length",
        "content_sha256",
        "actor",
        "state",
        "received",
        "scan",
        "row_count",
        "created_count",
        "updated_count",
        "unchanged_count",
        "error_count",
        "part_key",
        "create_us",
        "lease_us",
    ];
    let row = vec![
        new.id.into(),
        new.org.into(),
        new.unit.into(),
        new.file_key.clone().into(),
        json(&new.settings)?.into(),
        new.length.into(),
        new.sha256.clone().into(),
        new.actor.clone().into(),
        (new.state as i16).into(),
        new.received.into(),
        json(&new.scan)?.into(),
        new.counts.rows.into(),
        new.counts.created.into(),
        new.counts.updated.into(),
        new.counts.unchanged.into(),
        new.counts.errors.into(),
        Some(new.part_key.clone()).into(),
        new.create_us.into(),
        0_i64.into(),
    ];
    rows::insert(conn, "customer_import", &columns, &[row], Known::Keep).await?;
    Ok(())
}

/// The import of a file that was declared before.
pub async fn find_by_file(
    conn: &impl ConnectionTrait,
    org: Uuid,
    file_key: &[u8],
) -> Result<Option<Import>> {
    let mut sql = sql(conn);
    let (org, key) = (sql.bind(org), sql.bind(file_key.to_vec()));
    let text = format!("SELECT * FROM customer_import WHERE org_id = {org} AND file_key = {key}");
    sql.query(conn, &text).await?.first().map(of_row).transpose()
}

/// One import.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Import>> {
    let mut sql = sql(conn);
    let (org, id) = (sql.bind(org), sql.bind(id));
    let text = format!("SELECT * FROM customer_import WHERE id = {id} AND org_id = {org}");
    sql.query(conn, &text).await?.first().map(of_row).transpose()
}

/// Imports of these units, newest first, at most `limit` before `before`.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    units: Option<&[Uuid]>,
    before: Option<Place>,
    limit: u64,
) -> Result<Vec<Import>> {
    let list = Newest::of(conn, "customer_import", "create_us", org).among("unit_id", units);
    list.rows(conn, before, limit).await?.iter().map(of_row).collect()
}

/// Saves state, check and failure of an import that has not changed since it was read.
///
/// # Errors
/// ABORTED when it changed meanwhile.
pub async fn save(conn: &impl ConnectionTrait, old: &Import, new: &Import) -> Result<()> {
    let mut sql = sql(conn);
    let counts = &new.counts;
    let key = Some(new.part_key.clone()).filter(|key| !key.is_empty());
    let set = [
        ("state", sql.bind(new.state as i16)),
        ("received", sql.bind(new.received)),
        ("scan", sql.bind(json(&new.scan)?)),
        ("row_count", sql.bind(counts.rows)),
        ("created_count", sql.bind(counts.created)),
        ("updated_count", sql.bind(counts.updated)),
        ("unchanged_count", sql.bind(counts.unchanged)),
        ("error_count", sql.bind(counts.errors)),
        ("failure", sql.bind(failure_text(new.failure.as_ref())?)),
        ("part_key", sql.bind(key)),
        ("end_us", sql.bind(new.end_us)),
    ]
    .map(|(column, value)| format!("{column} = {value}"))
    .join(", ");
    let (id, org) = (sql.bind(new.id), sql.bind(new.org));
    let (state, received) = (sql.bind(old.state as i16), sql.bind(old.received));
    let rows = sql.bind(old.counts.rows);
    let text = format!(
        "UPDATE customer_import SET {set} WHERE id = {id} AND org_id = {org} \
         AND state = {state} AND received = {received} AND row_count = {rows}"
    );
    match sql.execute(conn, &text).await? {
        1 => Ok(()),
        _ => Err(ServiceError::stale()),
    }
}

/// Takes over one running import that nobody works on, until `until_us`.
pub async fn claim(
    conn: &impl ConnectionTrait,
    now_us: i64,
    until_us: i64,
) -> Result<Option<Import>> {
    let mut open = sql(conn);
    let now = open.bind(now_us);
    let text = format!(
        "SELECT * FROM customer_import WHERE state = 2 AND lease_us < {now} \
         ORDER BY create_us LIMIT 1"
    );
    let found = open.query(conn, &text).await?.first().map(of_row).transpose()?;
    let Some(import) = found else { return Ok(None) };
    let mut take = sql(conn);
    let (until, id, now) = (take.bind(until_us), take.bind(import.id), take.bind(now_us));
    let text = format!(
        "UPDATE customer_import SET lease_us = {until} \
         WHERE id = {id} AND state = 2 AND lease_us < {now}"
    );
    let taken = take.execute(conn, &text).await? == 1;
    Ok(taken.then_some(import))
}

/// Works on until `until_us`; 0 gives an import back.
pub async fn extend(conn: &impl ConnectionTrait, id: Uuid, until_us: i64) -> Result<()> {
    let mut sql = sql(conn);
    let (until, id) = (sql.bind(until_us), sql.bind(id));
    let text = format!("UPDATE customer_import SET lease_us = {until} WHERE id = {id}");
    sql.execute(conn, &text).await?;
    Ok(())
}

/// Adds an encrypted part that begins at `place`.
pub async fn insert_part(
    conn: &impl ConnectionTrait,
    import: &Import,
    place: i64,
    body: Vec<u8>,
) -> Result<()> {
    let row = vec![import.id.into(), place.into(), import.org.into(), body.into()];
    let columns = ["import_id", "place", "org_id", "body"];
    rows::insert(conn, "import_part", &columns, &[row], Known::Refuse).await?;
    Ok(())
}

/// The first part at or after `place`.
pub async fn part(
    conn: &impl ConnectionTrait,
    id: Uuid,
    place: i64,
) -> Result<Option<(i64, Vec<u8>)>> {
    let mut sql = sql(conn);
    let (id, place) = (sql.bind(id), sql.bind(place));
    let text = format!(
        "SELECT place, body FROM import_part WHERE import_id = {id} AND place >= {place} \
         ORDER BY place LIMIT 1"
    );
    let found = sql.query(conn, &text).await?;
    found.first().map(|row| Ok((row.try_get("", "place")?, row.try_get("", "body")?))).transpose()
}

/// Deletes the parts of an import.
pub async fn delete_parts(conn: &impl ConnectionTrait, id: Uuid) -> Result<()> {
    delete(conn, "import_part", id).await
}

/// Deletes the refused rows of an import.
pub async fn delete_errors(conn: &impl ConnectionTrait, id: Uuid) -> Result<()> {
    delete(conn, "import_error", id).await
}

async fn delete(conn: &impl ConnectionTrait, table: &str, id: Uuid) -> Result<()> {
    let mut sql = sql(conn);
    let id = sql.bind(id);
    sql.execute(conn, &format!("DELETE FROM {table} WHERE import_id = {id}")).await?;
    Ok(())
}

/// Adds refused rows, each with its place in the list.
pub async fn insert_errors(
    conn: &impl ConnectionTrait,
    import: &Import,
    errors: &[(i64, RowError)],
) -> Result<()> {
    let rows: Vec<_> = errors
        .iter()
        .map(|(place, error)| {
            vec![
                import.id.into(),
                (*place).into(),
                import.org.into(),
                i64::try_from(error.line).unwrap_or(i64::MAX).into(),
                i32::try_from(error.column).unwrap_or(i32::MAX).into(),
                error.header.clone().into(),
                error.text.clone().into(),
            ]
        })
        .collect();
    let columns = ["import_id", "place", "org_id", "line", "column_number", "header", "text"];
    rows::insert(conn, "import_error", &columns, &rows, Known::Keep).await?;
    Ok(())
}

/// Refused rows in the order of the file, at most `limit` after `after`.
pub async fn errors(
    conn: &impl ConnectionTrait,
    id: Uuid,
    after: i64,
    limit: u64,
) -> Result<Vec<(i64, RowError)>> {
    let mut sql = sql(conn);
    let (id, after) = (sql.bind(id), sql.bind(after));
    let limit = sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let text = format!(
        "SELECT * FROM import_error WHERE import_id = {id} AND place > {after} \
         ORDER BY place LIMIT {limit}"
    );
    let rows = sql.query(conn, &text).await?;
    rows.iter()
        .map(|row| {
            let (line, column): (i64, i32) =
                (row.try_get("", "line")?, row.try_get("", "column_number")?);
            let error = RowError {
                line: u64::try_from(line).unwrap_or_default(),
                column: usize::try_from(column).unwrap_or_default(),
                header: row.try_get("", "header")?,
                text: row.try_get("", "text")?,
            };
            Ok((row.try_get("", "place")?, error))
        })
        .collect()
}

fn of_row(row: &QueryResult) -> Result<Import> {
    let get = |column: &'static str| odd("customer_import", column);
    let states = [State::Uploading, State::Running, State::Done, State::Failed];
    let state: i16 = row.try_get("", "state")?;
    let settings: String = row.try_get("", "settings")?;
    let scan: String = row.try_get("", "scan")?;
    let failure: Option<String> = row.try_get("", "failure")?;
    let failure = failure
        .map(|text| serde_json::from_str::<(u64, u64, String)>(&text))
        .transpose()
        .map_err(|_| get("failure"))?;
    Ok(Import {
        id: row.try_get("", "id")?,
        org: row.try_get("", "org_id")?,
        unit: row.try_get("", "unit_id")?,
        file_key: row.try_get("", "file_key")?,
        settings: serde_json::from_str(&settings).map_err(|_| get("settings"))?,
        length: row.try_get("", "length")?,
        sha256: row.try_get("", "content_sha256")?,
        actor: row.try_get("", "actor")?,
        state: states.into_iter().find(|s| *s as i16 == state).ok_or_else(|| get("state"))?,
        received: row.try_get("", "received")?,
        scan: serde_json::from_str(&scan).map_err(|_| get("scan"))?,
        counts: Counts {
            rows: row.try_get("", "row_count")?,
            created: row.try_get("", "created_count")?,
            updated: row.try_get("", "updated_count")?,
            unchanged: row.try_get("", "unchanged_count")?,
            errors: row.try_get("", "error_count")?,
        },
        failure: failure.map(|(line, column, text)| Fault { line, column, text }),
        part_key: row.try_get::<Option<Vec<u8>>>("", "part_key")?.unwrap_or_default(),
        create_us: row.try_get("", "create_us")?,
        end_us: row.try_get("", "end_us")?,
    })
}
