//! Keys that sign access tokens; they belong to the whole installation.

use sea_orm::entity::prelude::*;

/// One row. Times are microseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "signing_key")]
pub struct Model {
    /// Key id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub kid: String,
    /// Public part, 32 bytes.
    pub public_key: Vec<u8>,
    /// Private part, encrypted with a key of the installation's seed.
    pub sealed: Vec<u8>,
    /// From when on it signs.
    pub active_us: i64,
    /// When it was made.
    pub create_us: i64,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
