//! Roles, the built-in ones included, which have the same ids everywhere.

use sea_orm::entity::prelude::*;

/// One row. Times are microseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "role")]
pub struct Model {
    /// Organisation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: Uuid,
    /// Id; `roles/r_…`, or 1 to 9.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Display name.
    #[sea_orm(column_type = "Text")]
    pub display_name: String,
    /// JSON: numbers of permissions.
    #[sea_orm(column_type = "Text")]
    pub permissions: String,
    /// Whether it is one of the nine.
    pub built_in: bool,
    /// Grows with every change.
    pub version: i64,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
