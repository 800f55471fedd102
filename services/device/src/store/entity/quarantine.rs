//! Ratings that could not be placed.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "quarantine")]
pub struct Model {
    /// Id; `quarantinedRatings/q_…`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Organisation.
    pub org_id: Uuid,
    /// Device.
    pub device_id: Uuid,
    /// Its epoch.
    pub epoch: i64,
    /// Its sequence.
    pub sequence: i64,
    /// The sender's id.
    pub rating_id: Uuid,
    /// Hash of the content.
    pub content_hash: i64,
    /// Unit that manages the device.
    pub unit_id: Uuid,
    /// Number of the QuarantineCause.
    pub cause: i16,
    /// Encoded `RatingMessage`.
    pub message: Vec<u8>,
    /// Corrected press time.
    pub press_us: i64,
    /// When it arrived.
    pub receive_us: i64,
    /// Number of the ClockSource.
    pub clock_source: i16,
    /// Whether the correction was large.
    pub clock_suspect: bool,
    /// 0 open, 1 released, 2 deleted.
    pub state: i16,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
