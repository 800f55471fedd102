//! The directory's table: the last event of each object, as it came.

use prost::Message as _;
use proto::auth::v1::{Event, event::Change};
use sea_orm::{ConnectionTrait, Statement, Value};
use uuid::Uuid;

use super::view::{REVOKED_KEPT_US, object_of};
use crate::{
    db::{Db, WriteTx},
    error::{Result, ServiceError},
};

/// All last events, with their organisation.
pub async fn load(db: &Db) -> Result<Vec<(Uuid, Event)>> {
    let conn = db.read();
    let statement = Statement::from_string(
        conn.get_database_backend(),
        "SELECT org_id, body FROM directory ORDER BY org_id, object",
    );
    let rows = conn.query_all_raw(statement).await?;
    rows.iter()
        .map(|row| {
            let body: Vec<u8> = row.try_get("", "body")?;
            let event = Event::decode(body.as_slice())
                .map_err(|error| ServiceError::internal(format!("directory row: {error}")))?;
            Ok((row.try_get("", "org_id")?, event))
        })
        .collect()
}

/// Replaces the object's row unless it holds a newer state.
pub async fn save(tx: &WriteTx, event: &Event) -> Result<()> {
    let Some(change) = &event.change else { return Ok(()) };
    let Some(org) = proto::names::parse("organisations", &event.organisation) else {
        return Ok(());
    };
    let values: [Value; 4] =
        [org.into(), object_of(change).into(), event.version.into(), event.encode_to_vec().into()];
    let statement = Statement::from_sql_and_values(
        tx.conn().get_database_backend(),
        "INSERT INTO directory (org_id, object, version, body) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (org_id, object) DO UPDATE SET version = excluded.version, \
         body = excluded.body WHERE directory.version <= excluded.version",
        values,
    );
    tx.conn().execute_raw(statement).await?;
    if let Change::SessionRevoked(_) = change {
        forget_sessions(tx, org, event.version.saturating_sub(REVOKED_KEPT_US)).await?;
    }
    Ok(())
}

/// Removes sessions that ended before `before_us`: no token of them is alive any more.
async fn forget_sessions(tx: &WriteTx, org: Uuid, before_us: i64) -> Result<()> {
    let values: [Value; 2] = [org.into(), before_us.into()];
    let statement = Statement::from_sql_and_values(
        tx.conn().get_database_backend(),
        "DELETE FROM directory WHERE org_id = $1 AND object LIKE 'sessions/%' AND version < $2",
        values,
    );
    tx.conn().execute_raw(statement).await?;
    Ok(())
}
