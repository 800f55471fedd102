//! The reading side's memory, in the reader's own database: how far it is, and which groups
//! it has applied, both changed in the transaction that applies them.

use sea_orm::{ConnectionTrait, Statement, Value};
use uuid::Uuid;

use crate::{
    db::WriteTx,
    error::{Result, ServiceError},
};

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

    /// Remembers a group; false if it was applied before.
    pub async fn is_new(tx: &WriteTx, source: &str, group_id: &str) -> Result<bool> {
        let id = Uuid::try_parse(group_id)
            .map_err(|_| ServiceError::internal(format!("feed {source}: group id {group_id}")))?;
        let statement = Statement::from_sql_and_values(
            tx.conn().get_database_backend(),
            "INSERT INTO inbox (source, group_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            [Value::from(source), Value::from(id)],
        );
        Ok(tx.conn().execute_raw(statement).await?.rows_affected() == 1)
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
