//! One moment of a feed, for counting what its source held just then.

use std::time::Duration;

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseTransaction, IsolationLevel, Statement,
    TransactionOptions, TransactionTrait,
};

use super::Outbox;
use crate::{
    db::Dialect,
    error::{Result, ServiceError},
};

/// How often a moment is looked for at which no group is half committed.
const TRIES: usize = 50;
const PAUSE: Duration = Duration::from_millis(20);

impl Outbox {
    /// A reading transaction, and the position of the feed that holds exactly what is seen in it.
    ///
    /// # Errors
    /// UNAVAILABLE when no such moment comes.
    pub async fn moment(&self) -> Result<(DatabaseTransaction, String)> {
        for _ in 0..TRIES {
            if let Some(moment) = self.try_moment().await? {
                return Ok(moment);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(ServiceError::unavailable("the service is too busy to count exactly now"))
    }

    /// Nothing when groups are committed at that moment which stand behind the position,
    /// because an older transaction has not ended yet.
    async fn try_moment(&self) -> Result<Option<(DatabaseTransaction, String)>> {
        let postgres = self.db.dialect() == Dialect::Postgres;
        let options = TransactionOptions {
            // On SQLite any transaction sees one moment.
            isolation_level: postgres.then_some(IsolationLevel::RepeatableRead),
            access_mode: postgres.then_some(AccessMode::ReadOnly),
            ..Default::default()
        };
        let tx = self.db.read().begin_with_options(options).await?;
        let position = self.position_in(&tx).await?;
        if postgres {
            let newest = Statement::from_string(
                tx.get_database_backend(),
                "SELECT 1 AS one FROM outbox \
                 WHERE xid >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint LIMIT 1",
            );
            if tx.query_one_raw(newest).await?.is_some() {
                return Ok(None);
            }
        }
        Ok(Some((tx, position)))
    }
}
