//! Failed sign-ins.

use auth_domain::lockout::Failures;
use kit::{
    db::{Dialect, dialect_of},
    error::Result,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
    sea_query::OnConflict,
};
use uuid::Uuid;

use super::entity::login_failure::{Column, Entity, Model};

/// Failures of an account or prefix, named by its keyed hash.
pub async fn find(conn: &impl ConnectionTrait, account: &[u8]) -> Result<Failures> {
    Ok(domain(Entity::find_by_id(account.to_vec()).one(conn).await?))
}

/// The same, and nobody else counts until the transaction ends.
pub async fn find_locked(conn: &impl ConnectionTrait, account: &[u8]) -> Result<Failures> {
    let mut query = Entity::find_by_id(account.to_vec());
    if dialect_of(conn) == Dialect::Postgres {
        query = query.lock_exclusive();
    }
    Ok(domain(query.one(conn).await?))
}

fn domain(row: Option<Model>) -> Failures {
    row.map_or_else(Failures::default, |row| Failures {
        count: row.count,
        since_us: row.since_us,
        blocked_until_us: row.blocked_until_us,
    })
}

/// Keeps the failures of an account.
pub async fn save(
    conn: &impl ConnectionTrait,
    org: Uuid,
    account: Vec<u8>,
    failures: Failures,
) -> Result<()> {
    let model = Model {
        account,
        org_id: org,
        count: failures.count,
        since_us: failures.since_us,
        blocked_until_us: failures.blocked_until_us,
    };
    let again = OnConflict::column(Column::Account)
        .update_columns([Column::Count, Column::SinceUs, Column::BlockedUntilUs])
        .to_owned();
    let saved = Entity::insert(model.into_active_model()).on_conflict(again);
    saved.exec_without_returning(conn).await?;
    Ok(())
}

/// Forgets the failures of an account.
pub async fn clear(conn: &impl ConnectionTrait, account: &[u8]) -> Result<()> {
    Entity::delete_by_id(account.to_vec()).exec(conn).await?;
    Ok(())
}

/// Forgets failures that count no more: the last delay ended before `before_us`.
pub async fn sweep(conn: &impl ConnectionTrait, before_us: i64) -> Result<()> {
    Entity::delete_many()
        .filter(Column::SinceUs.lt(before_us))
        .filter(Column::BlockedUntilUs.lt(before_us))
        .exec(conn)
        .await?;
    Ok(())
}
