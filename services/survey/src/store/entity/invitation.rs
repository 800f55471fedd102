//! Invitations.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "invitation")]
pub struct Model {
    /// Id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Organisation.
    pub org_id: Uuid,
    /// Campaign.
    pub campaign_id: Uuid,
    /// Customer.
    pub customer_id: Option<Uuid>,
    /// Unit that it is asked about.
    pub unit_id: Uuid,
    /// Class of the customer when invited.
    pub class_id: Option<Uuid>,
    /// Segments with a quota, as JSON.
    #[sea_orm(column_type = "Text")]
    pub segments: String,
    /// Number of the ResponseChannel.
    pub channel: i16,
    /// Number of the InvitationState.
    pub state: i16,
    /// State before it expired.
    pub reached: i16,
    /// Whether an operator tried in vain.
    pub tried: bool,
    /// Times that it was to be sent.
    pub attempt: i32,
    /// The latest of these that was handed over.
    pub handed: i32,
    /// When an operator is to try next.
    pub due_us: Option<i64>,
    /// When a reminder is due.
    pub remind_us: Option<i64>,
    /// When it was queued.
    pub queue_us: Option<i64>,
    /// Whether the sample chose it.
    pub sampled: bool,
    /// Stratum of the sample.
    pub stratum_id: Option<Uuid>,
    /// 1 / chance of being drawn.
    pub design_weight: f64,
    /// Remark.
    #[sea_orm(column_type = "Text")]
    pub note: String,
    /// When it was made.
    pub create_us: i64,
    /// Grows with every change.
    pub version: i64,
    /// What called for it; nil for what was drawn or added by hand.
    pub occasion: Uuid,
    /// Who has taken it.
    #[sea_orm(column_type = "Text", nullable)]
    pub claimant: Option<String>,
    /// Until when it is taken.
    pub claim_until_us: Option<i64>,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
