//! Open links.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "open_link")]
pub struct Model {
    /// Id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Organisation.
    pub org_id: Uuid,
    /// Campaign.
    pub campaign_id: Uuid,
    /// Unit that answers are about.
    pub unit_id: Uuid,
    /// Where it is shown.
    #[sea_orm(column_type = "Text")]
    pub display_name: String,
    /// Number of the ResponseChannel.
    pub channel: i16,
    /// Answers per minute and address prefix.
    pub minute_max: i32,
    /// Answers of one browser, -1 without limit.
    pub browser_max: i32,
    /// When it was made.
    pub create_us: i64,
    /// When it was ended.
    pub revoke_us: Option<i64>,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
