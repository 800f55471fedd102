//! Keys that sign access tokens. They belong to the installation, not to an organisation.

use auth_domain::signing::Slot;
use kit::error::Result;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
};

use super::entity::signing_key::{Column, Entity, Model};

/// A signing key as it is kept.
#[derive(Debug, Clone)]
pub struct StoredKey {
    /// Key id, and from when on it signs.
    pub slot: Slot,
    /// Public part, 32 bytes.
    pub public_key: Vec<u8>,
    /// Private part, encrypted.
    pub sealed: Vec<u8>,
}

/// All keys that sign, will sign or still verify, oldest first.
pub async fn list(conn: &impl ConnectionTrait) -> Result<Vec<StoredKey>> {
    let rows = Entity::find().order_by_asc(Column::ActiveUs).order_by_asc(Column::Kid);
    let stored = |row: Model| StoredKey {
        slot: Slot { kid: row.kid, active_us: row.active_us },
        public_key: row.public_key,
        sealed: row.sealed,
    };
    Ok(rows.all(conn).await?.into_iter().map(stored).collect())
}

/// Adds a key.
pub async fn insert(conn: &impl ConnectionTrait, key: StoredKey, now_us: i64) -> Result<()> {
    let model = Model {
        kid: key.slot.kid,
        public_key: key.public_key,
        sealed: key.sealed,
        active_us: key.slot.active_us,
        create_us: now_us,
    };
    Entity::insert(model.into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// Removes keys.
pub async fn delete(conn: &impl ConnectionTrait, kids: Vec<String>) -> Result<()> {
    Entity::delete_many().filter(Column::Kid.is_in(kids)).exec(conn).await?;
    Ok(())
}
