//! Organisations.

use sea_orm::entity::prelude::*;

/// One row. Times are microseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "organisation")]
pub struct Model {
    /// Id; `organisations/o_…`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Sign-in name.
    #[sea_orm(column_type = "Text")]
    pub slug: String,
    /// Display name.
    #[sea_orm(column_type = "Text")]
    pub display_name: String,
    /// IANA time zone.
    #[sea_orm(column_type = "Text")]
    pub time_zone: String,
    /// Grows with every change.
    pub version: i64,
    /// When it was created.
    pub create_us: i64,
    /// When it was suspended.
    pub suspend_us: Option<i64>,
    /// Since when the time zone holds; 0 while it never changed.
    pub zone_us: i64,
    /// JSON: `[[earlier time zone, since when], …]`, oldest first.
    #[sea_orm(column_type = "Text")]
    pub former_zones: String,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
