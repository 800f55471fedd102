//! Rounds of plans.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "plan_round")]
pub struct Model {
    /// Plan.
    #[sea_orm(primary_key, auto_increment = false)]
    pub plan_id: Uuid,
    /// Number, from 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub round: i32,
    /// Organisation.
    pub org_id: Uuid,
    /// First day of fieldwork, in days since 1970.
    pub date: i32,
    /// Campaign.
    pub campaign_id: Option<Uuid>,
    /// Steps as JSON.
    #[sea_orm(column_type = "Text")]
    pub steps: String,
    /// Results as JSON.
    #[sea_orm(column_type = "Text")]
    pub outcome: String,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
