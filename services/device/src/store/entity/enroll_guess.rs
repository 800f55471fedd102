//! Wrong pairing codes of the current minute.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "enroll_guess")]
pub struct Model {
    /// Whose guesses.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub bucket: String,
    /// Minutes since 1970 that are counted.
    pub minute: i64,
    /// Wrong guesses in that minute.
    pub count: i64,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
