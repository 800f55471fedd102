//! Clock offsets of devices, one for each boot.

use kit::error::Result;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::OnConflict,
};
use uuid::Uuid;

use super::entity::device_clock;

/// Boots that are remembered of one device. One that invents a boot for each call cannot
/// fill the table.
const BOOTS_MAX: u64 = 50;

/// A measured clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// Random id of the boot.
    pub boot_id: String,
    /// Server time minus the device's wall clock.
    pub offset_us: i64,
    /// Server time at which the monotonic clock read 0.
    pub boot_us: Option<i64>,
    /// When it was measured.
    pub measured_us: i64,
}

/// Notes a measurement in place of the boot's former one.
pub async fn measure(
    conn: &impl ConnectionTrait,
    org: Uuid,
    device: Uuid,
    clock: &Measured,
) -> Result<()> {
    let row = device_clock::ActiveModel {
        device_id: Set(device),
        boot_id: Set(clock.boot_id.clone()),
        org_id: Set(org),
        offset_us: Set(clock.offset_us),
        boot_us: Set(clock.boot_us),
        measured_us: Set(clock.measured_us),
    };
    let mut again =
        OnConflict::columns([device_clock::Column::DeviceId, device_clock::Column::BootId]);
    again.update_columns([
        device_clock::Column::OffsetUs,
        device_clock::Column::BootUs,
        device_clock::Column::MeasuredUs,
    ]);
    device_clock::Entity::insert(row).on_conflict(again).exec_without_returning(conn).await?;
    forget_old(conn, org, device).await
}

async fn forget_old(conn: &impl ConnectionTrait, org: Uuid, device: Uuid) -> Result<()> {
    let oldest_kept = device_clock::Entity::find()
        .filter(device_clock::Column::OrgId.eq(org))
        .filter(device_clock::Column::DeviceId.eq(device))
        .order_by_desc(device_clock::Column::MeasuredUs)
        .offset(BOOTS_MAX - 1)
        .limit(1)
        .one(conn)
        .await?;
    let Some(oldest_kept) = oldest_kept else { return Ok(()) };
    let removed = device_clock::Entity::delete_many()
        .filter(device_clock::Column::OrgId.eq(org))
        .filter(device_clock::Column::DeviceId.eq(device))
        .filter(device_clock::Column::MeasuredUs.lt(oldest_kept.measured_us))
        .exec(conn)
        .await?;
    if removed.rows_affected > 0 {
        tracing::warn!(%device, "the device names a new boot again and again");
    }
    Ok(())
}
