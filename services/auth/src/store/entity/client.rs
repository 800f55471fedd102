//! Credentials of devices and partner systems.

use sea_orm::entity::prelude::*;

/// One row. Times are microseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "client")]
pub struct Model {
    /// Id; `clients/c_…`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Organisation.
    pub org_id: Uuid,
    /// Display name.
    #[sea_orm(column_type = "Text")]
    pub display_name: String,
    /// Number of the kind of caller.
    pub kind: i16,
    /// Top of the subtree in which it may act.
    pub unit_id: Uuid,
    /// JSON: numbers of permissions.
    #[sea_orm(column_type = "Text")]
    pub scopes: String,
    /// The device of a device's client.
    pub device_id: Option<Uuid>,
    /// Keyed hash of the secret.
    pub secret_hash: Vec<u8>,
    /// When it was revoked.
    pub revoke_us: Option<i64>,
    /// When its use was last put on record.
    pub seen_us: Option<i64>,
    /// Grows with every change.
    pub version: i64,
    /// When it was created.
    pub create_us: i64,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
