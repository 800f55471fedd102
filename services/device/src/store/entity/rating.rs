//! Ratings (评价).

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rating")]
pub struct Model {
    /// Receipt; `ratings/rt_…`.
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
    /// Hash of the content, to know a repetition from a conflict.
    pub content_hash: i64,
    /// Template.
    pub template_id: Uuid,
    /// Overall grade.
    pub grade: i32,
    /// JSON array of `[item, grade]`.
    #[sea_orm(column_type = "Text", nullable)]
    pub item_grades: Option<String>,
    /// JSON array of codes.
    #[sea_orm(column_type = "Text", nullable)]
    pub reasons: Option<String>,
    /// Comment.
    #[sea_orm(column_type = "Text", nullable)]
    pub comment: Option<String>,
    /// Window.
    pub window_id: Option<Uuid>,
    /// Nearest unit that is not a window.
    pub site_id: Uuid,
    /// Since when the site had stood there and kept its zone, at that time.
    pub site_since_us: Option<i64>,
    /// Staff.
    pub staff_id: Option<Uuid>,
    /// Encounter.
    pub encounter_id: Option<Uuid>,
    /// Business type.
    #[sea_orm(column_type = "Text", nullable)]
    pub business_type: Option<String>,
    /// Number of the Channel.
    pub channel: i16,
    /// Corrected press time.
    pub press_us: i64,
    /// Press time by the device's clock.
    pub device_us: Option<i64>,
    /// When it arrived.
    pub receive_us: i64,
    /// Number of the ClockSource.
    pub clock_source: i16,
    /// Whether the correction was large.
    pub clock_suspect: bool,
    /// Bit n is TrustMark n.
    pub trust_marks: i32,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
