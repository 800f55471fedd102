//! Messages that devices had to drop because their buffer was full.

use kit::db::sql::Sql;
use kit::{
    db::{WriteTx, dialect_of},
    error::Result,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, Set,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use uuid::Uuid;

use super::{
    entity::dropped_range::{ActiveModel, Column, Entity, Model},
    rating_lookup, rating_sequence,
};

/// Ranges that are kept of one device.
const RANGES_MAX: u64 = 1_000;

/// First and last sequence of messages that are lost, both included.
pub type Range = (i64, i64);

/// Notes what a device had to drop, and counts it as settled: nobody waits for it any more.
/// The same report changes nothing. A device that reports more than a thousand ranges is
/// noted no further.
pub async fn note(
    tx: &WriteTx,
    org: Uuid,
    device: Uuid,
    epoch: i64,
    ranges: &[Range],
    us: i64,
) -> Result<()> {
    // Whoever changes how far a device's messages are stored holds its lock.
    rating_lookup::lock_devices(tx, &[device]).await?;
    let known = Entity::find().filter(Column::DeviceId.eq(device)).count(tx.conn()).await?;
    let free = usize::try_from(RANGES_MAX.saturating_sub(known)).unwrap_or(usize::MAX);
    if free < ranges.len() {
        tracing::warn!(%device, "the device reports more and more dropped ranges");
    }
    let key = (device, epoch);
    let mut trackers = rating_sequence::load(tx.conn(), &[device]).await?;
    let tracker = trackers.entry(key).or_default();
    for (first, last) in ranges.iter().take(free) {
        insert(tx.conn(), org, key, (*first, *last), us).await?;
        tracker.settle(*first, *last);
    }
    rating_sequence::save(tx, &[(org, key, &*tracker)]).await?;
    let mut sql = Sql::new(dialect_of(tx.conn()));
    let (device, org) = (sql.bind(device), sql.bind(org));
    let text = format!(
        "UPDATE device SET dropped_count = (SELECT CAST(COALESCE(SUM(r.last - r.first + 1), 0) \
         AS BIGINT) FROM dropped_range r WHERE r.device_id = {device}) \
         WHERE id = {device} AND org_id = {org}"
    );
    sql.execute(tx.conn(), &text).await?;
    Ok(())
}

async fn insert(
    conn: &impl ConnectionTrait,
    org: Uuid,
    (device, epoch): rating_sequence::Key,
    (first, last): Range,
    us: i64,
) -> Result<()> {
    let row = ActiveModel {
        device_id: Set(device),
        epoch: Set(epoch),
        first: Set(first),
        last: Set(last),
        org_id: Set(org),
        report_us: Set(us),
    };
    // A buffer that drops on and on reports a range that grows.
    let mut grown = OnConflict::columns([Column::DeviceId, Column::Epoch, Column::First]);
    grown
        .update_columns([Column::Last, Column::ReportUs])
        .action_and_where(Expr::col((Entity, Column::Last)).lt(last));
    Entity::insert(row).on_conflict(grown).exec_without_returning(conn).await?;
    Ok(())
}

/// A place in the list: time of the report, epoch, first sequence.
pub type Place = (i64, (i64, i64));

/// What a device dropped, latest report first, at most `limit` ranges after `last`.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    device: Uuid,
    last: Option<Place>,
    limit: u64,
) -> Result<Vec<Model>> {
    let mut sql = Sql::new(dialect_of(conn));
    let mut wanted =
        vec![format!("org_id = {} AND device_id = {}", sql.bind(org), sql.bind(device))];
    if let Some((report_us, (epoch, first))) = last {
        let place = [sql.bind(report_us), sql.bind(epoch), sql.bind(first)].join(", ");
        wanted.push(format!("(report_us, epoch, first) < ({place})"));
    }
    let limit = sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let text = format!(
        "SELECT * FROM dropped_range WHERE {} \
         ORDER BY report_us DESC, epoch DESC, first DESC LIMIT {limit}",
        wanted.join(" AND ")
    );
    Ok(Entity::find().from_raw_sql(sql.statement(&text)).all(conn).await?)
}
