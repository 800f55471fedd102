//! Where a transaction's own row stands in the feed. The end of what others may read lies
//! before it as long as older transactions run, so that it cannot tell.

use kit::error::Result;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

/// Position of the last row that this transaction added to the outbox, in the form of the
/// feed; empty if there is none.
pub async fn own(conn: &impl ConnectionTrait) -> Result<String> {
    let backend = conn.get_database_backend();
    let mine = match backend {
        DbBackend::Postgres => "xid = pg_current_xact_id()::text::bigint",
        // One writer: the last row is its own.
        _ => "xid >= 0",
    };
    let sql = format!("SELECT xid, id FROM outbox WHERE {mine} ORDER BY id DESC LIMIT 1");
    let row = conn.query_one_raw(Statement::from_string(backend, sql)).await?;
    let Some(row) = row else { return Ok(String::new()) };
    let (xid, id): (i64, i64) = (row.try_get("", "xid")?, row.try_get("", "id")?);
    Ok(format!("{xid:x}.{id:x}"))
}
