//! Pairing codes, hashed.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pairing_code")]
pub struct Model {
    /// SHA-256 of the normalised code.
    #[sea_orm(primary_key, auto_increment = false)]
    pub code_hash: Vec<u8>,
    /// Device.
    pub device_id: Uuid,
    /// Organisation.
    pub org_id: Uuid,
    /// When it stops being valid.
    pub expire_us: i64,
    /// When an enrolment with it began that is not finished.
    pub claim_us: Option<i64>,
    /// When it was used.
    pub used_us: Option<i64>,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
