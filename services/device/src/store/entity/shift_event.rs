//! Sign-ins, sign-outs, pauses and resumes, as they were reported.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "shift_event")]
pub struct Model {
    /// Organisation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: Uuid,
    /// The sender's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub event_id: Uuid,
    /// 1 sign-in, 2 sign-out, 3 pause, 4 resume.
    pub kind: i16,
    /// Window.
    pub window_id: Uuid,
    /// Who, for a sign-in.
    pub staff_id: Option<Uuid>,
    /// When it happened.
    pub event_us: i64,
    /// When policy ends a shift that begins here.
    pub cap_us: i64,
    /// When it arrived.
    pub receive_us: i64,
    /// Shift that was answered.
    pub shift_id: Option<Uuid>,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
