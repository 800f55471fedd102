//! What happened to invitations.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invitation_event")]
pub struct Model {
    /// Invitation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub invitation_id: Uuid,
    /// Order.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    /// Organisation.
    pub org_id: Uuid,
    /// State that it came into.
    pub state: i16,
    /// When; of an anonymous campaign the beginning of the day.
    pub time_us: i64,
    /// Attempt that it belongs to.
    pub attempt: i32,
    /// Number of the AttemptOutcome, or 0.
    pub outcome: i16,
    /// Who reported it, or empty.
    #[sea_orm(column_type = "Text")]
    pub reporter: String,
    /// Remark.
    #[sea_orm(column_type = "Text")]
    pub note: String,
    /// The sender's id of the attempt.
    #[sea_orm(column_type = "Text", nullable)]
    pub attempt_key: Option<String>,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
