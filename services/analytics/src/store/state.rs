//! One row for each feed that whoever applies it locks, so that replicas take turns.

use kit::{
    db::{Dialect, WriteTx, dialect_of},
    error::{Result, ServiceError},
};

use super::sql::{Values, execute, query};

/// What is known about the cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// A count may be below zero: a fact was taken back before it came.
    pub unsettled: bool,
    /// When that was last looked at, microseconds.
    pub checked_us: i64,
}

/// Locks the row until the transaction ends.
pub async fn lock(tx: &WriteTx, id: i16) -> Result<State> {
    // On SQLite there is only one writer anyway.
    let lock = if dialect_of(tx.conn()) == Dialect::Postgres { " FOR UPDATE" } else { "" };
    let sql = format!("SELECT unsettled, checked_us FROM apply_state WHERE id = {id}{lock}");
    let rows = query(tx.conn(), sql, Values::default()).await?;
    let row = rows.first().ok_or_else(|| ServiceError::internal("apply_state has no row"))?;
    let unsettled: i16 = row.try_get_by_index(0)?;
    Ok(State { unsettled: unsettled != 0, checked_us: row.try_get_by_index(1)? })
}

/// Changes the row.
pub async fn save(tx: &WriteTx, id: i16, state: State) -> Result<()> {
    let mut values = Values::default();
    let unsettled = values.put(i16::from(state.unsettled));
    let checked = values.put(state.checked_us);
    let sql = format!(
        "UPDATE apply_state SET unsettled = {unsettled}, checked_us = {checked} WHERE id = {id}"
    );
    execute(tx.conn(), sql, values).await?;
    Ok(())
}
