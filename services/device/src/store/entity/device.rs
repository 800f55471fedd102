//! Devices.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "device")]
pub struct Model {
    /// Id; `devices/d_…`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Organisation.
    pub org_id: Uuid,
    /// Unit that manages it.
    pub unit_id: Uuid,
    /// Display name.
    #[sea_orm(column_type = "Text")]
    pub display_name: String,
    /// Number of the DeviceKind.
    pub kind: i16,
    /// Serial number or empty.
    #[sea_orm(column_type = "Text")]
    pub serial_number: String,
    /// Template of its own.
    pub template_id: Option<Uuid>,
    /// Number of the DeviceState.
    pub state: i16,
    /// When it was last heard of.
    pub last_seen_us: Option<i64>,
    /// When it was first enrolled.
    pub enroll_us: Option<i64>,
    /// When it was revoked.
    pub revoke_us: Option<i64>,
    /// Whether its credential at the auth service still has to be ended.
    pub credential_due: bool,
    /// What it reported.
    #[sea_orm(column_type = "Text")]
    pub firmware_version: String,
    /// Language or empty.
    #[sea_orm(column_type = "Text")]
    pub language: String,
    /// Messages waiting on it, as last reported.
    pub backlog: i64,
    /// When its configuration changed last.
    pub change_us: i64,
    /// Grows with every change.
    pub version: i64,
    /// When it was created.
    pub create_us: i64,
    /// Messages that it reported as dropped.
    pub dropped_count: i64,
    /// Ratings refused because their id had other content.
    pub conflict_count: i64,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
