//! People who sign in.

use auth_domain::user::{User, login_key};
use kit::error::Result;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select, sea_query::Expr,
};
use uuid::Uuid;

use super::{
    entity::user::{Column, Entity, Model},
    pushed_down,
};

/// A user with the hash of the password.
#[derive(Debug, Clone)]
pub struct Account {
    /// The user.
    pub user: User,
    /// Argon2id in PHC form.
    pub password_hash: String,
}

/// One user.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<User>> {
    Ok(find_account(conn, org, id).await?.map(|account| account.user))
}

/// One user with the hash of the password.
pub async fn find_account(
    conn: &impl ConnectionTrait,
    org: Uuid,
    id: Uuid,
) -> Result<Option<Account>> {
    Ok(of(org).filter(Column::Id.eq(id)).one(conn).await?.map(account))
}

/// The user with a sign-in name, with the hash of the password.
pub async fn find_by_login(
    conn: &impl ConnectionTrait,
    org: Uuid,
    login: &str,
) -> Result<Option<Account>> {
    let key = login_key(login);
    Ok(of(org).filter(Column::LoginKey.eq(key)).one(conn).await?.map(account))
}

/// Users after `after` in the order of their compared sign-in names, at most `limit`, of
/// `units` if given.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    units: Option<&[Uuid]>,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<User>> {
    let mut query = of(org).order_by_asc(Column::LoginKey).limit(limit);
    if let Some(units) = pushed_down(units) {
        query = query.filter(Column::UnitId.is_in(units));
    }
    if let Some(after) = after {
        query = query.filter(Column::LoginKey.gt(after));
    }
    Ok(query.all(conn).await?.into_iter().map(|row| account(row).user).collect())
}

/// Number of users.
pub async fn count(conn: &impl ConnectionTrait, org: Uuid) -> Result<u64> {
    Ok(of(org).count(conn).await?)
}

/// Those of `ids` who can sign in.
pub async fn enabled(conn: &impl ConnectionTrait, org: Uuid, ids: Vec<Uuid>) -> Result<Vec<Uuid>> {
    let query = of(org)
        .filter(Column::Id.is_in(ids))
        .filter(Column::Disabled.eq(false))
        .select_only()
        .column(Column::Id);
    Ok(query.into_tuple().all(conn).await?)
}

/// Adds a user.
pub async fn insert(
    conn: &impl ConnectionTrait,
    org: Uuid,
    user: &User,
    password_hash: String,
) -> Result<()> {
    let model = Model {
        id: user.id,
        org_id: org,
        login: user.login.clone(),
        login_key: login_key(&user.login),
        display_name: user.display_name.clone(),
        unit_id: user.unit,
        language: user.language.clone(),
        disabled: user.disabled,
        password_hash,
        version: user.version,
        create_us: user.create_us,
    };
    Entity::insert(model.into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// Replaces what an administrator can change; the version is one more than the one read.
///
/// # Errors
/// ABORTED when the user was changed since.
pub async fn update(conn: &impl ConnectionTrait, org: Uuid, user: &User) -> Result<()> {
    let done = Entity::update_many()
        .col_expr(Column::DisplayName, Expr::value(user.display_name.clone()))
        .col_expr(Column::UnitId, Expr::value(user.unit))
        .col_expr(Column::Language, Expr::value(user.language.clone()))
        .col_expr(Column::Disabled, Expr::value(user.disabled))
        .col_expr(Column::Version, Expr::value(user.version))
        .filter(Column::OrgId.eq(org))
        .filter(Column::Id.eq(user.id))
        .filter(Column::Version.eq(user.version - 1))
        .exec(conn)
        .await?;
    if done.rows_affected == 1 { Ok(()) } else { Err(kit::error::ServiceError::stale()) }
}

/// Replaces the password if it still is the one read.
///
/// # Errors
/// ABORTED when it was changed since.
pub async fn set_password(
    conn: &impl ConnectionTrait,
    org: Uuid,
    account: &Account,
    password_hash: String,
) -> Result<()> {
    let done = Entity::update_many()
        .col_expr(Column::PasswordHash, Expr::value(password_hash))
        .filter(Column::OrgId.eq(org))
        .filter(Column::Id.eq(account.user.id))
        .filter(Column::PasswordHash.eq(account.password_hash.as_str()))
        .exec(conn)
        .await?;
    if done.rows_affected == 1 { Ok(()) } else { Err(kit::error::ServiceError::stale()) }
}

fn of(org: Uuid) -> Select<Entity> {
    Entity::find().filter(Column::OrgId.eq(org))
}

fn account(row: Model) -> Account {
    Account {
        user: User {
            id: row.id,
            login: row.login,
            display_name: row.display_name,
            unit: row.unit_id,
            language: row.language,
            disabled: row.disabled,
            version: row.version,
            create_us: row.create_us,
        },
        password_hash: row.password_hash,
    }
}
