//! Questions waiting for the terminals of a window.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "prompt")]
pub struct Model {
    /// Id; `prompts/p_…`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Organisation.
    pub org_id: Uuid,
    /// Window.
    pub window_id: Uuid,
    /// Encounter.
    pub encounter_id: Uuid,
    /// When it was made.
    pub create_us: i64,
    /// When it is too late.
    pub expire_us: i64,
    /// Whether a terminal showed it.
    pub done: bool,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
