//! Campaigns.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "campaign")]
pub struct Model {
    /// Id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Organisation.
    pub org_id: Uuid,
    /// Unit that runs it.
    pub unit_id: Uuid,
    /// Questionnaire.
    pub questionnaire_id: Uuid,
    /// Plan.
    pub plan_id: Option<Uuid>,
    /// Round of the plan or 0.
    pub round: i32,
    /// Number of the CampaignState.
    pub state: i16,
    /// What people set, as JSON.
    #[sea_orm(column_type = "Text")]
    pub settings: String,
    /// Time zone of its unit.
    #[sea_orm(column_type = "Text")]
    pub time_zone: String,
    /// When it opens by itself.
    pub auto_open_us: Option<i64>,
    /// Why it could not.
    #[sea_orm(column_type = "Text")]
    pub open_problem: String,
    /// When there is something to do for it.
    pub work_us: Option<i64>,
    /// When it was made.
    pub create_us: i64,
    /// When it was closed.
    pub end_us: Option<i64>,
    /// Grows with every change.
    pub version: i64,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
