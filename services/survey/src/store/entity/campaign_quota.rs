//! Quotas with what is filled.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "campaign_quota")]
pub struct Model {
    /// Campaign.
    #[sea_orm(primary_key, auto_increment = false)]
    pub campaign_id: Uuid,
    /// Kind of group.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: i16,
    /// Class, unit or segment.
    #[sea_orm(primary_key, auto_increment = false)]
    pub group_id: Uuid,
    /// Organisation.
    pub org_id: Uuid,
    /// Most answers.
    pub quota_limit: i32,
    /// Answers so far.
    pub filled: i32,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
