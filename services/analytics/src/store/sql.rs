//! Small helpers for hand-written SQL: parameters and lists as kit has them, a snapshot to read in.

use std::time::Duration;

use kit::{
    db::{Db, Dialect},
    error::Result,
};
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseTransaction, IsolationLevel, TransactionOptions,
    TransactionTrait,
};

pub use kit::db::sql::{LIST_MAX, Values, execute, query};

/// A statement outside of any call ends after this time.
const STATEMENT_MAX: Duration = Duration::from_secs(30);
/// How much longer than its call a statement may run.
const STATEMENT_SLACK: Duration = Duration::from_millis(50);

/// A reading transaction: all statements see the same state.
pub struct Snapshot {
    tx: DatabaseTransaction,
}

impl Snapshot {
    /// The connection to read with.
    pub fn conn(&self) -> &DatabaseTransaction {
        &self.tx
    }

    /// Ends it; the connection is free again.
    pub async fn end(self) -> Result<()> {
        Ok(self.tx.commit().await?)
    }
}

/// Begins a snapshot. On PostgreSQL statements end with the deadline of the present call.
pub async fn snapshot(db: &Db) -> Result<Snapshot> {
    if db.dialect() == Dialect::Sqlite {
        return Ok(Snapshot { tx: db.read().begin().await? });
    }
    let options = TransactionOptions {
        isolation_level: Some(IsolationLevel::RepeatableRead),
        access_mode: Some(AccessMode::ReadOnly),
        ..Default::default()
    };
    let tx = db.read().begin_with_options(options).await?;
    let left = kit::deadline::remaining().unwrap_or(STATEMENT_MAX);
    // A little later than the deadline itself, which then has answered already.
    let limit_ms = (left + STATEMENT_SLACK).as_millis();
    tx.execute_unprepared(&format!("SET LOCAL statement_timeout = {limit_ms}")).await?;
    Ok(Snapshot { tx })
}

/// An expression that picks a value by where `column` lies: `values[i]` below `ends[i]`, the
/// last value from there on. Written as a balanced tree, so that many ends stay cheap.
pub fn pick(column: &str, ends: &[i32], values: &[i64]) -> String {
    if ends.is_empty() || values.len() < 2 {
        return values.first().copied().unwrap_or_default().to_string();
    }
    let middle = ends.len() / 2;
    let below = pick(column, &ends[..middle], &values[..=middle]);
    let above = pick(column, &ends[middle + 1..], &values[middle + 1..]);
    format!("CASE WHEN {column} < {} THEN {below} ELSE {above} END", ends[middle])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pick_is_a_balanced_tree() {
        assert_eq!(pick("t", &[], &[7]), "7");
        assert_eq!(pick("t", &[10], &[7, 8]), "CASE WHEN t < 10 THEN 7 ELSE 8 END");
        let ends: Vec<i32> = (0..1000).collect();
        let values: Vec<i64> = (0..1001).collect();
        let depth = |text: &str| {
            let (mut open, mut most) = (0, 0);
            for word in text.split(' ') {
                match word {
                    "CASE" => open += 1,
                    "END" => open -= 1,
                    _ => {}
                }
                most = most.max(open);
            }
            most
        };
        assert!(depth(&pick("t", &ends, &values)) <= 10);
    }
}
