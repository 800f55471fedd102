//! Templates; the body never changes.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "template")]
pub struct Model {
    /// Id; `templates/t_…`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Organisation.
    pub org_id: Uuid,
    /// Encoded `Template` without name and state.
    pub body: Vec<u8>,
    /// Whether it is the organisation's default.
    pub is_default: bool,
    /// When it was created.
    pub create_us: i64,
    /// When it was retired.
    pub retire_us: Option<i64>,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
