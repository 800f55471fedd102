//! Definitions of indices and their runs. Both are only ever added.

use analytics_domain::index::{canonical, definition::Definition};
use kit::{
    db::newest::Newest,
    error::{Result, ServiceError},
};
use sea_orm::{ConnectionTrait, QueryResult, Value};
use uuid::Uuid;

use super::sql::{Values, execute, query};

/// A version of an index.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// Its index.
    pub id: Uuid,
    /// Number, from 1.
    pub version: i32,
    /// Unit that it belongs to.
    pub unit: Uuid,
    /// The definition.
    pub definition: Definition,
    /// Hash of the definition's canonical form.
    pub hash: String,
    /// Who created it.
    pub creator: String,
    /// When, microseconds.
    pub create_us: i64,
}

/// A run. Head and result are messages of the contract, kept as the bytes that were hashed.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: Uuid,
    /// Index.
    pub index: Uuid,
    /// Version of the definition.
    pub version: i32,
    /// Unit of the index.
    pub unit: Uuid,
    /// Everything but the result.
    pub head: Vec<u8>,
    /// The result; empty in lists.
    pub result: Vec<u8>,
    /// When, microseconds.
    pub create_us: i64,
}

const VERSION: &str = "id, version, unit_id, definition, hash, creator, create_us";
const RUN: &str = "id, index_id, version, unit_id, head, result, create_us";
const RUN_HEAD: &str = "id, index_id, version, unit_id, head, NULL, create_us";

/// Adds a version.
///
/// # Errors
/// ABORTED when someone else added the same version meanwhile.
pub async fn insert(conn: &impl ConnectionTrait, org: Uuid, version: &Version) -> Result<()> {
    let mut values = Values::default();
    let tuple = values.tuple([
        org.into(),
        version.id.into(),
        version.version.into(),
        version.unit.into(),
        Value::from(canonical::text(&version.definition)),
        version.hash.as_str().into(),
        version.creator.as_str().into(),
        version.create_us.into(),
    ]);
    let sql = format!(
        "INSERT INTO index_version (org_id, {VERSION}) VALUES {tuple} ON CONFLICT DO NOTHING"
    );
    if execute(conn, sql, values).await? == 1 { Ok(()) } else { Err(ServiceError::stale()) }
}

/// One version; the newest for 0.
pub async fn find(
    conn: &impl ConnectionTrait,
    org: Uuid,
    id: Uuid,
    version: i32,
) -> Result<Option<Version>> {
    let mut values = Values::default();
    let (org, id) = (values.put(org), values.put(id));
    let which = if version == 0 {
        "ORDER BY version DESC LIMIT 1".to_owned()
    } else {
        format!("AND version = {}", values.put(version))
    };
    let sql =
        format!("SELECT {VERSION} FROM index_version WHERE org_id = {org} AND id = {id} {which}");
    query(conn, sql, values).await?.first().map(version_of).transpose()
}

/// Newest versions, those created last first, of these units or of all.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    units: Option<&[Uuid]>,
    after: Option<(i64, Uuid)>,
    limit: u64,
) -> Result<Vec<Version>> {
    let newest = "version = (SELECT MAX(v.version) FROM index_version v \
                  WHERE v.org_id = index_version.org_id AND v.id = index_version.id)";
    let list = Newest::of(conn, "index_version", "create_us", org).columns(VERSION);
    let list = list.among("unit_id", units).only(true, newest);
    list.rows(conn, after, limit).await?.iter().map(version_of).collect()
}

fn version_of(row: &QueryResult) -> Result<Version> {
    let text: String = row.try_get_by_index(3)?;
    Ok(Version {
        id: row.try_get_by_index(0)?,
        version: row.try_get_by_index(1)?,
        unit: row.try_get_by_index(2)?,
        definition: canonical::read(&text).map_err(ServiceError::internal)?,
        hash: row.try_get_by_index(4)?,
        creator: row.try_get_by_index(5)?,
        create_us: row.try_get_by_index(6)?,
    })
}

/// Adds a run.
pub async fn insert_run(conn: &impl ConnectionTrait, org: Uuid, run: &Run) -> Result<()> {
    let mut values = Values::default();
    let tuple = values.tuple([
        org.into(),
        run.id.into(),
        run.index.into(),
        run.version.into(),
        run.unit.into(),
        Value::from(run.head.clone()),
        run.result.clone().into(),
        run.create_us.into(),
    ]);
    execute(conn, format!("INSERT INTO index_run (org_id, {RUN}) VALUES {tuple}"), values).await?;
    Ok(())
}

/// One run.
pub async fn find_run(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Run>> {
    let mut values = Values::default();
    let (org, id) = (values.put(org), values.put(id));
    let sql = format!("SELECT {RUN} FROM index_run WHERE org_id = {org} AND id = {id}");
    query(conn, sql, values).await?.first().map(run_of).transpose()
}

/// Runs of an index without their results, newest first.
pub async fn list_runs(
    conn: &impl ConnectionTrait,
    org: Uuid,
    index: Uuid,
    after: Option<(i64, Uuid)>,
    limit: u64,
) -> Result<Vec<Run>> {
    let list = Newest::of(conn, "index_run", "create_us", org).columns(RUN_HEAD);
    let list = list.equal("index_id", Some(index));
    list.rows(conn, after, limit).await?.iter().map(run_of).collect()
}

fn run_of(row: &QueryResult) -> Result<Run> {
    Ok(Run {
        id: row.try_get_by_index(0)?,
        index: row.try_get_by_index(1)?,
        version: row.try_get_by_index(2)?,
        unit: row.try_get_by_index(3)?,
        head: row.try_get_by_index(4)?,
        result: row.try_get_by_index::<Option<Vec<u8>>>(5)?.unwrap_or_default(),
        create_us: row.try_get_by_index(6)?,
    })
}
