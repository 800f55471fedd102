//! Groups that could not be applied. They are kept with their error and tried again.

use bytes::Bytes;
use kit::{
    db::WriteTx,
    error::{Result, ServiceError},
};
use proto::common::v1::EventGroup;
use sea_orm::{ConnectionTrait, Value};
use uuid::Uuid;

use super::sql::{Values, execute, query};

/// Keeps a group.
pub async fn put(tx: &WriteTx, source: &str, group: &EventGroup, error: &str) -> Result<()> {
    let commit_us = group.commit_time.as_ref().map_or(0, proto::time::to_us);
    let mut values = Values::default();
    let tuple = values.tuple([
        Value::from(source),
        id_of(group)?.into(),
        group.position.as_str().into(),
        commit_us.into(),
        error.into(),
        group.events.to_vec().into(),
    ]);
    let sql = format!(
        "INSERT INTO parked_group (source, group_id, position, commit_us, error, events) \
         VALUES {tuple} ON CONFLICT DO NOTHING"
    );
    execute(tx.conn(), sql, values).await?;
    Ok(())
}

/// Parked groups of a source, oldest first, at most `limit`.
pub async fn list(
    conn: &impl ConnectionTrait,
    source: &str,
    limit: u32,
) -> Result<Vec<EventGroup>> {
    let mut values = Values::default();
    let source = values.put(source);
    let sql = format!(
        "SELECT group_id, position, commit_us, events FROM parked_group \
         WHERE source = {source} ORDER BY commit_us, group_id LIMIT {limit}"
    );
    let rows = query(conn, sql, values).await?;
    rows.iter()
        .map(|row| {
            Ok(EventGroup {
                group_id: row.try_get_by_index::<Uuid>(0)?.to_string(),
                position: row.try_get_by_index(1)?,
                commit_time: Some(proto::time::from_us(row.try_get_by_index(2)?)),
                events: Bytes::from(row.try_get_by_index::<Vec<u8>>(3)?),
            })
        })
        .collect()
}

/// How many groups of a source are parked.
pub async fn count(conn: &impl ConnectionTrait, source: &str) -> Result<i64> {
    let mut values = Values::default();
    let source = values.put(source);
    let sql = format!("SELECT CAST(COUNT(*) AS BIGINT) FROM parked_group WHERE source = {source}");
    let rows = query(conn, sql, values).await?;
    rows.first().map_or(Ok(0), |row| Ok(row.try_get_by_index(0)?))
}

/// Removes one; false if it was gone.
pub async fn remove(tx: &WriteTx, source: &str, group: &EventGroup) -> Result<bool> {
    let mut values = Values::default();
    let (source, id) = (values.put(source), values.put(id_of(group)?));
    let sql = format!("DELETE FROM parked_group WHERE source = {source} AND group_id = {id}");
    Ok(execute(tx.conn(), sql, values).await? == 1)
}

/// Removes all of a source.
pub async fn clear(tx: &WriteTx, source: &str) -> Result<()> {
    let mut values = Values::default();
    let source = values.put(source);
    let sql = format!("DELETE FROM parked_group WHERE source = {source}");
    execute(tx.conn(), sql, values).await?;
    Ok(())
}

fn id_of(group: &EventGroup) -> Result<Uuid> {
    Uuid::try_parse(&group.group_id)
        .map_err(|_| ServiceError::internal(format!("group id {}", group.group_id)))
}
