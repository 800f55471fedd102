//! Messages that a device had to drop because its buffer was full.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "dropped_range")]
pub struct Model {
    /// Device.
    #[sea_orm(primary_key, auto_increment = false)]
    pub device_id: Uuid,
    /// Epoch.
    #[sea_orm(primary_key, auto_increment = false)]
    pub epoch: i64,
    /// First sequence.
    #[sea_orm(primary_key, auto_increment = false)]
    pub first: i64,
    /// Last sequence.
    pub last: i64,
    /// Organisation.
    pub org_id: Uuid,
    /// When it was reported.
    pub report_us: i64,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
