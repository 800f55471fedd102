//! End of each audit chain; its row is the lock of the organisation.

use sea_orm::entity::prelude::*;

/// One row. Times are microseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_head")]
pub struct Model {
    /// Organisation; nil for the chain of the installation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: Uuid,
    /// Number of the last record.
    pub number: i64,
    /// Its hash.
    pub hash: Vec<u8>,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
