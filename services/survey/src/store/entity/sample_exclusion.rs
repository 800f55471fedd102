//! Customers left out of samples.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sample_exclusion")]
pub struct Model {
    /// Campaign.
    #[sea_orm(primary_key, auto_increment = false)]
    pub campaign_id: Uuid,
    /// Customer.
    #[sea_orm(primary_key, auto_increment = false)]
    pub customer_id: Uuid,
    /// Organisation.
    pub org_id: Uuid,
    /// Number of the ExclusionReason.
    pub reason: i16,
    /// Campaign that asked last.
    pub last_campaign_id: Option<Uuid>,
    /// When it asked.
    pub last_us: Option<i64>,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
