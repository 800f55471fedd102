//! Shifts, derived from the shift events.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "shift")]
pub struct Model {
    /// Organisation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: Uuid,
    /// Id of the sign-in event; `shifts/sh_…`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Window.
    pub window_id: Uuid,
    /// Who.
    pub staff_id: Uuid,
    /// Since when.
    pub start_us: i64,
    /// Until when.
    pub end_us: Option<i64>,
    /// When policy ends it at the latest.
    pub cap_us: i64,
    /// Number of the ShiftState.
    pub state: i16,
    /// JSON array of `[from_us, to_us or null]`.
    #[sea_orm(column_type = "Text")]
    pub pauses: String,
    /// Whether policy ended it.
    pub ended_by_policy: bool,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
