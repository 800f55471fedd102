//! Sessions and their refresh tokens.

use auth_domain::session::Session;
use kit::error::Result;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use super::entity::{
    refresh_token,
    session::{Column, Entity, Model},
};

/// Sessions removed by one sweep.
const SWEEP_MAX: u64 = 500;

/// A refresh token as it is kept.
#[derive(Debug, Clone)]
pub struct StoredToken {
    /// Organisation.
    pub org: Uuid,
    /// Session to whose family it belongs.
    pub session: Uuid,
    /// When it was used, in microseconds since 1970 UTC.
    pub used_us: Option<i64>,
    /// Whether its answer was given a second time.
    pub repeated: bool,
}

/// One session.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Session>> {
    Ok(of(org).filter(Column::Id.eq(id)).one(conn).await?.map(domain))
}

/// Sessions of a user that are alive, newest first.
pub async fn alive(
    conn: &impl ConnectionTrait,
    org: Uuid,
    user: Uuid,
    now_us: i64,
) -> Result<Vec<Session>> {
    let rows = of(org)
        .filter(Column::UserId.eq(user))
        .filter(Column::RevokeUs.is_null())
        .filter(Column::ExpireUs.gt(now_us))
        .order_by_desc(Column::CreateUs)
        .order_by_desc(Column::Id);
    Ok(rows.all(conn).await?.into_iter().map(domain).collect())
}

/// Adds a session.
pub async fn insert(conn: &impl ConnectionTrait, org: Uuid, session: &Session) -> Result<()> {
    Entity::insert(model(org, session).into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// Replaces a session.
pub async fn update(conn: &impl ConnectionTrait, org: Uuid, session: &Session) -> Result<()> {
    Entity::update_many()
        .set(model(org, session).into_active_model().reset_all())
        .filter(Column::OrgId.eq(org))
        .filter(Column::Id.eq(session.id))
        .exec(conn)
        .await?;
    Ok(())
}

/// Adds a refresh token by its keyed hash.
pub async fn insert_token(
    conn: &impl ConnectionTrait,
    org: Uuid,
    session: Uuid,
    hash: Vec<u8>,
    now_us: i64,
) -> Result<()> {
    let model = refresh_token::Model {
        hash,
        org_id: org,
        session_id: session,
        create_us: now_us,
        used_us: None,
        repeated: false,
    };
    refresh_token::Entity::insert(model.into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// A refresh token by its keyed hash, which is where its organisation is found out.
pub async fn find_token(conn: &impl ConnectionTrait, hash: &[u8]) -> Result<Option<StoredToken>> {
    let row = refresh_token::Entity::find_by_id(hash.to_vec()).one(conn).await?;
    Ok(row.map(|row| StoredToken {
        org: row.org_id,
        session: row.session_id,
        used_us: row.used_us,
        repeated: row.repeated,
    }))
}

/// Remembers the use of a refresh token.
pub async fn set_token_used(
    conn: &impl ConnectionTrait,
    org: Uuid,
    hash: &[u8],
    used_us: i64,
    repeated: bool,
) -> Result<()> {
    refresh_token::Entity::update_many()
        .col_expr(refresh_token::Column::UsedUs, Expr::value(used_us))
        .col_expr(refresh_token::Column::Repeated, Expr::value(repeated))
        .filter(refresh_token::Column::OrgId.eq(org))
        .filter(refresh_token::Column::Hash.eq(hash.to_vec()))
        .exec(conn)
        .await?;
    Ok(())
}

/// Removes sessions that were over before `before_us`, with their tokens; how many.
pub async fn sweep(conn: &impl ConnectionTrait, before_us: i64) -> Result<u64> {
    let over = Column::ExpireUs.lt(before_us).or(Column::RevokeUs.lt(before_us));
    let ids: Vec<Uuid> = Entity::find()
        .filter(over)
        .select_only()
        .column(Column::Id)
        .limit(SWEEP_MAX)
        .into_tuple()
        .all(conn)
        .await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let tokens = refresh_token::Column::SessionId.is_in(ids.clone());
    refresh_token::Entity::delete_many().filter(tokens).exec(conn).await?;
    Ok(Entity::delete_many().filter(Column::Id.is_in(ids)).exec(conn).await?.rows_affected)
}

fn of(org: Uuid) -> Select<Entity> {
    Entity::find().filter(Column::OrgId.eq(org))
}

fn model(org: Uuid, session: &Session) -> Model {
    Model {
        id: session.id,
        org_id: org,
        user_id: session.user,
        create_us: session.create_us,
        refresh_us: session.refresh_us,
        expire_us: session.expire_us,
        revoke_us: session.revoke_us,
    }
}

fn domain(row: Model) -> Session {
    Session {
        id: row.id,
        user: row.user_id,
        create_us: row.create_us,
        refresh_us: row.refresh_us,
        expire_us: row.expire_us,
        revoke_us: row.revoke_us,
    }
}
