//! Failed sign-ins of accounts, existing or not, and from prefixes of addresses.

use sea_orm::entity::prelude::*;

/// One row. Times are microseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "login_failure")]
pub struct Model {
    /// Keyed hash of organisation and sign-in name, or of a prefix of addresses.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: Vec<u8>,
    /// Organisation; nil for an unknown one.
    pub org_id: Uuid,
    /// Failures that count together.
    pub count: i32,
    /// When the first of them happened.
    pub since_us: i64,
    /// Until when attempts are refused.
    pub blocked_until_us: i64,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
