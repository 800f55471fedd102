//! Who does what comes with time, when there are several processes. A lease spares work; nothing
//! depends on it, since every change is conditional on what was read.

use kit::{db::dialect_of, error::Result};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use kit::db::sql::Sql;

/// Takes or renews a lease until `until_us`; false while another holder has it.
pub async fn take(
    conn: &impl ConnectionTrait,
    name: &str,
    holder: Uuid,
    now_us: i64,
    until_us: i64,
) -> Result<bool> {
    let mut sql = Sql::new(dialect_of(conn));
    let (name, holder) = (sql.bind(name), sql.bind(holder));
    let (until, now) = (sql.bind(until_us), sql.bind(now_us));
    let text = format!(
        "INSERT INTO fieldwork_lease (name, holder, until_us) VALUES ({name}, {holder}, {until}) \
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until_us = excluded.until_us \
         WHERE fieldwork_lease.holder = excluded.holder OR fieldwork_lease.until_us <= {now}"
    );
    Ok(sql.execute(conn, &text).await? == 1)
}
