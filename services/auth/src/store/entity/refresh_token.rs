//! Refresh tokens: never themselves, only their keyed hashes.

use sea_orm::entity::prelude::*;

/// One row. Times are microseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refresh_token")]
pub struct Model {
    /// Keyed hash of the token.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: Vec<u8>,
    /// Organisation.
    pub org_id: Uuid,
    /// Session to whose family it belongs.
    pub session_id: Uuid,
    /// When it was made.
    pub create_us: i64,
    /// When it was used.
    pub used_us: Option<i64>,
    /// Whether its answer was given a second time.
    pub repeated: bool,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
