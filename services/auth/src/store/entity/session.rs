//! Sign-ins of people.

use sea_orm::entity::prelude::*;

/// One row. Times are microseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    /// Id; `sessions/se_…`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Organisation.
    pub org_id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// When the person signed in.
    pub create_us: i64,
    /// When it was last refreshed.
    pub refresh_us: i64,
    /// When it ends unless refreshed.
    pub expire_us: i64,
    /// When it was ended.
    pub revoke_us: Option<i64>,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
