//! How far each device's messages are stored: one row for each epoch. Whoever changes a row
//! holds the lock of its device.

use std::collections::HashMap;

use device_domain::sequence::Tracker;
use kit::{
    db::{WriteTx, dialect_of},
    error::Result,
};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use kit::db::sql::{Column, Sql};

/// Device and epoch.
pub type Key = (Uuid, i64);

/// Epochs of one device that an answer names at most; the newest ones.
const EPOCHS_MAX: u32 = 20;

/// The trackers of all epochs of these devices that are stored.
pub async fn load(conn: &impl ConnectionTrait, devices: &[Uuid]) -> Result<HashMap<Key, Tracker>> {
    let mut sql = Sql::new(dialect_of(conn));
    let which = sql.one_of("device_id", devices);
    let text =
        format!("SELECT device_id, epoch, contiguous, ranges FROM rating_sequence WHERE {which}");
    let rows = sql.query(conn, &text).await?;
    rows.iter()
        .map(|row| {
            let ranges: String = row.try_get("", "ranges")?;
            let tracker = Tracker::restore(row.try_get("", "contiguous")?, &ranges);
            Ok(((row.try_get("", "device_id")?, row.try_get("", "epoch")?), tracker))
        })
        .collect()
}

/// The trackers of one device, newest epoch first.
pub async fn of_device(
    conn: &impl ConnectionTrait,
    org: Uuid,
    device: Uuid,
) -> Result<Vec<(i64, Tracker)>> {
    let mut sql = Sql::new(dialect_of(conn));
    let (device, org) = (sql.bind(device), sql.bind(org));
    let text = format!(
        "SELECT epoch, contiguous, ranges FROM rating_sequence \
         WHERE device_id = {device} AND org_id = {org} ORDER BY epoch DESC LIMIT {EPOCHS_MAX}"
    );
    let rows = sql.query(conn, &text).await?;
    rows.iter()
        .map(|row| {
            let ranges: String = row.try_get("", "ranges")?;
            Ok((
                row.try_get("", "epoch")?,
                Tracker::restore(row.try_get("", "contiguous")?, &ranges),
            ))
        })
        .collect()
}

/// Stores trackers.
pub async fn save(tx: &WriteTx, trackers: &[(Uuid, Key, &Tracker)]) -> Result<()> {
    if trackers.is_empty() {
        return Ok(());
    }
    let mut sql = Sql::new(dialect_of(tx.conn()));
    let table = sql.table(vec![
        ("org_id", Column::Id(trackers.iter().map(|t| t.0).collect())),
        ("device_id", Column::Id(trackers.iter().map(|t| t.1.0).collect())),
        ("epoch", Column::Number(trackers.iter().map(|t| t.1.1).collect())),
        ("contiguous", Column::Number(trackers.iter().map(|t| t.2.contiguous()).collect())),
        ("ranges", Column::Text(trackers.iter().map(|t| t.2.ranges_text()).collect())),
    ]);
    let text = format!(
        "{table} INSERT INTO rating_sequence (org_id, device_id, epoch, contiguous, ranges) \
         SELECT org_id, device_id, epoch, contiguous, ranges FROM q WHERE true \
         ON CONFLICT (device_id, epoch) DO UPDATE \
         SET contiguous = excluded.contiguous, ranges = excluded.ranges"
    );
    sql.execute(tx.conn(), &text).await?;
    Ok(())
}
