//! Encounters (一次服务).

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "encounter")]
pub struct Model {
    /// Organisation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: Uuid,
    /// The sender's id; `encounters/e_…`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Window.
    pub window_id: Uuid,
    /// Nearest unit that is not a window.
    pub site_id: Uuid,
    /// Since when the site had stood there and kept its zone, at that time.
    pub site_since_us: Option<i64>,
    /// Who served.
    pub staff_id: Option<Uuid>,
    /// Ticket number or empty.
    #[sea_orm(column_type = "Text")]
    pub ticket: String,
    /// Time of the event that named the ticket, 0 without.
    pub ticket_us: i64,
    /// Business type or empty.
    #[sea_orm(column_type = "Text")]
    pub business_type: String,
    /// Time of the event that named the business type, 0 without.
    pub business_us: i64,
    /// Number of the EncounterState.
    pub state: i16,
    /// Time that places it: start of service, or the first time known.
    pub time_us: i64,
    /// Ticket drawn.
    pub queue_us: Option<i64>,
    /// Called.
    pub call_us: Option<i64>,
    /// Service began.
    pub start_us: Option<i64>,
    /// Service ended.
    pub finish_us: Option<i64>,
    /// Customer asked.
    pub prompt_us: Option<i64>,
    /// Question shown.
    pub shown_us: Option<i64>,
    /// Question timed out.
    pub timeout_us: Option<i64>,
    /// Customer declined.
    pub skip_us: Option<i64>,
    /// Customer did not come.
    pub no_show_us: Option<i64>,
    /// Silence was counted by policy.
    pub default_us: Option<i64>,
    /// Press of its rating.
    pub rate_us: Option<i64>,
    /// Its rating.
    pub rating_id: Option<Uuid>,
    /// Number of the Channel of its rating, 0 without.
    pub rating_channel: i16,
    /// Grows with every change.
    pub version: i64,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
