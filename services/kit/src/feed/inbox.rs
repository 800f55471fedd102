//! The reading side's memory, in the reader's own database: how far it is, and which groups
//! it has applied, both changed in the transaction that applies them.

use std::collections::{BTreeMap, HashSet};

use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};
use uuid::Uuid;

use crate::{
    db::{WriteTx, bulk},
    error::{Result, ServiceError},
};

/// Groups of one statement.
const GROUPS_OF_STATEMENT: usize = 500;

/// Cursor and applied groups of followed feeds.
pub struct Inbox;

impl Inbox {
    /// Position up to which everything of `source` is applied; empty at the beginning.
    pub async fn cursor(conn: &impl ConnectionTrait, source: &str) -> Result<String> {
        Ok(Self::freshness(conn, source).await?.map(|(position, _)| position).unwrap_or_default())
    }

    /// Position and commit time in microseconds of the last group applied.
    pub async fn freshness(
        conn: &impl ConnectionTrait,
        source: &str,
    ) -> Result<Option<(String, i64)>> {
        let statement = Statement::from_sql_and_values(
            conn.get_database_backend(),
            "SELECT position, commit_us FROM feed_cursor WHERE source = $1",
            [Value::from(source)],
        );
        let row = conn.query_one_raw(statement).await?;
        row.map(|row| Ok((row.try_get("", "position")?, row.try_get("", "commit_us")?))).transpose()
    }

    /// Remembers groups; those of them that were not applied before. A group that is named
    /// twice is new once: take it out of the answer when it is applied.
    pub async fn new_groups(
        tx: &WriteTx,
        source: &str,
        group_ids: &[&str],
    ) -> Result<HashSet<String>> {
        // In order of ids, so that replicas do not wait for each other crosswise.
        let mut given = BTreeMap::new();
        for text in group_ids {
            let id = Uuid::try_parse(text)
                .map_err(|_| ServiceError::internal(format!("feed {source}: group id {text}")))?;
            given.insert(id, *text);
        }
        let ids: Vec<Uuid> = given.keys().copied().collect();
        let mut new = HashSet::with_capacity(ids.len());
        for chunk in bulk::chunks(&ids, GROUPS_OF_STATEMENT) {
            let statement = remember(tx.conn().get_database_backend(), source, chunk);
            for row in tx.conn().query_all_raw(statement).await? {
                let id: Uuid = row.try_get_by_index(0)?;
                new.extend(given.get(&id).map(|text| (*text).to_owned()));
            }
        }
        Ok(new)
    }

    /// Moves the cursor of `source`.
    pub async fn save_cursor(
        tx: &WriteTx,
        source: &str,
        position: &str,
        commit_us: i64,
    ) -> Result<()> {
        let statement = Statement::from_sql_and_values(
            tx.conn().get_database_backend(),
            "INSERT INTO feed_cursor (source, position, commit_us) VALUES ($1, $2, $3) \
             ON CONFLICT (source) DO UPDATE SET position = excluded.position, \
             commit_us = excluded.commit_us",
            [Value::from(source), Value::from(position), Value::from(commit_us)],
        );
        tx.conn().execute_raw(statement).await?;
        Ok(())
    }

    /// Forgets everything about `source`, to follow it again from the beginning.
    pub async fn forget(tx: &WriteTx, source: &str) -> Result<()> {
        for table in ["inbox", "feed_cursor"] {
            let statement = Statement::from_sql_and_values(
                tx.conn().get_database_backend(),
                format!("DELETE FROM {table} WHERE source = $1"),
                [Value::from(source)],
            );
            tx.conn().execute_raw(statement).await?;
        }
        Ok(())
    }
}

/// The statement that remembers groups and answers with those that were not there.
fn remember(backend: DbBackend, source: &str, ids: &[Uuid]) -> Statement {
    let insert = |rows: &str| {
        format!(
            "INSERT INTO inbox (source, group_id) {rows} ON CONFLICT DO NOTHING \
             RETURNING group_id"
        )
    };
    if backend == DbBackend::Postgres {
        let sql = insert("SELECT $1, UNNEST($2::uuid[])");
        let values = [Value::from(source), Value::from(ids.to_vec())];
        return Statement::from_sql_and_values(backend, sql, values);
    }
    let sql = insert(&format!("VALUES {}", bulk::tuples(ids.len(), 2)));
    let values = ids.iter().flat_map(|id| [Value::from(source), Value::from(*id)]);
    Statement::from_sql_and_values(backend, sql, values)
}
