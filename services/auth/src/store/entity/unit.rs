//! Nodes of the trees of units.

use sea_orm::entity::prelude::*;

/// One row. Times are microseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "unit")]
pub struct Model {
    /// Id; `units/u_…`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Organisation.
    pub org_id: Uuid,
    /// Unit above.
    pub parent_id: Option<Uuid>,
    /// Number of the level.
    pub kind: i16,
    /// Display name.
    #[sea_orm(column_type = "Text")]
    pub display_name: String,
    /// The organisation's own code or empty.
    #[sea_orm(column_type = "Text")]
    pub code: String,
    /// IANA time zone or empty.
    #[sea_orm(column_type = "Text")]
    pub time_zone: String,
    /// JSON: `[[weekday, open minute, close minute], …]`.
    #[sea_orm(column_type = "Text")]
    pub opening_hours: String,
    /// Since when it exists.
    pub valid_from_us: i64,
    /// When it was retired.
    pub valid_to_us: Option<i64>,
    /// When the present parent became the parent.
    pub move_us: i64,
    /// JSON: `[[earlier parent, since when], …]`, oldest first.
    #[sea_orm(column_type = "Text")]
    pub former_parents: String,
    /// Since when the time zone holds; 0 while it never changed.
    pub zone_us: i64,
    /// JSON: `[[earlier time zone, since when], …]`, oldest first.
    #[sea_orm(column_type = "Text")]
    pub former_zones: String,
    /// Grows with every change.
    pub version: i64,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
