//! The audit chains.

use sea_orm::entity::prelude::*;

/// One row. Times are microseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_record")]
pub struct Model {
    /// Organisation; nil for the chain of the installation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: Uuid,
    /// Place in the chain, from 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    /// Id; `auditRecords/a_…`.
    pub id: Uuid,
    /// Id given by the service that sent it.
    #[sea_orm(column_type = "Text", nullable)]
    pub source_id: Option<String>,
    /// When.
    pub time_us: i64,
    /// Who.
    #[sea_orm(column_type = "Text")]
    pub actor: String,
    /// What.
    #[sea_orm(column_type = "Text")]
    pub action: String,
    /// On what.
    #[sea_orm(column_type = "Text")]
    pub object: String,
    /// Unit of the object.
    pub unit_id: Option<Uuid>,
    /// `ok` or the reason of the refusal.
    #[sea_orm(column_type = "Text")]
    pub outcome: String,
    /// Changed fields as JSON.
    #[sea_orm(column_type = "Text")]
    pub detail: String,
    /// SHA-256 over the record and the hash before.
    pub hash: Vec<u8>,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
