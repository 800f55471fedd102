//! Plans.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "plan")]
pub struct Model {
    /// Id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Organisation.
    pub org_id: Uuid,
    /// Unit that measures.
    pub unit_id: Uuid,
    /// Name.
    #[sea_orm(column_type = "Text")]
    pub display_name: String,
    /// Calendar as JSON.
    #[sea_orm(column_type = "Text")]
    pub calendar: String,
    /// Settings of campaigns as JSON.
    #[sea_orm(column_type = "Text", nullable)]
    pub template: Option<String>,
    /// Time zone of the unit.
    #[sea_orm(column_type = "Text")]
    pub time_zone: String,
    /// The present round.
    pub round: i32,
    /// When the calendar has something to do.
    pub next_us: Option<i64>,
    /// When it was made.
    pub create_us: i64,
    /// When it was ended.
    pub retire_us: Option<i64>,
    /// Grows with every change.
    pub version: i64,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
