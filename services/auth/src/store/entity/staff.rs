//! People who serve at windows.

use sea_orm::entity::prelude::*;

/// One row. Times are microseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "staff")]
pub struct Model {
    /// Id; `staff/s_…`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Organisation.
    pub org_id: Uuid,
    /// Staff number.
    #[sea_orm(column_type = "Text")]
    pub staff_number: String,
    /// Display name.
    #[sea_orm(column_type = "Text")]
    pub display_name: String,
    /// Home unit.
    pub unit_id: Uuid,
    /// User account of the same person.
    pub user_id: Option<Uuid>,
    /// When the person left.
    pub retire_us: Option<i64>,
    /// Grows with every change.
    pub version: i64,
    /// When it was created.
    pub create_us: i64,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
