//! Clock offset of a device in one boot.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "device_clock")]
pub struct Model {
    /// Device.
    #[sea_orm(primary_key, auto_increment = false)]
    pub device_id: Uuid,
    /// Random id of the boot.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub boot_id: String,
    /// Organisation.
    pub org_id: Uuid,
    /// Server time minus device wall clock.
    pub offset_us: i64,
    /// Server time at which the monotonic clock read 0, if it was reported.
    pub boot_us: Option<i64>,
    /// When it was measured.
    pub measured_us: i64,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
