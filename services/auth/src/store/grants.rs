//! Grants: which user holds which role where.

use auth_domain::{grant::Grant, role::BuiltIn};
use kit::error::Result;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select,
};
use uuid::Uuid;

use super::{
    entity::grant::{Column, Entity, Model},
    pushed_down, users,
};

/// One grant.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Grant>> {
    Ok(of(org).filter(Column::Id.eq(id)).one(conn).await?.map(domain))
}

/// The grant of a role to a user on a unit.
pub async fn find_same(
    conn: &impl ConnectionTrait,
    org: Uuid,
    grant: &Grant,
) -> Result<Option<Grant>> {
    let same = of(org)
        .filter(Column::UserId.eq(grant.user))
        .filter(Column::RoleId.eq(grant.role))
        .filter(Column::UnitId.eq(grant.unit));
    Ok(same.one(conn).await?.map(domain))
}

/// All grants of a user.
pub async fn of_user(conn: &impl ConnectionTrait, org: Uuid, user: Uuid) -> Result<Vec<Grant>> {
    let rows = of(org).filter(Column::UserId.eq(user)).order_by_asc(Column::Id);
    Ok(rows.all(conn).await?.into_iter().map(domain).collect())
}

/// Number of grants of a role.
pub async fn count_of_role(conn: &impl ConnectionTrait, org: Uuid, role: Uuid) -> Result<u64> {
    Ok(of(org).filter(Column::RoleId.eq(role)).count(conn).await?)
}

/// Users who can sign in and are owner of the headquarters `root`.
pub async fn owners(conn: &impl ConnectionTrait, org: Uuid, root: Uuid) -> Result<Vec<Uuid>> {
    let holders = of(org)
        .filter(Column::RoleId.eq(BuiltIn::Owner.id()))
        .filter(Column::UnitId.eq(root))
        .select_only()
        .column(Column::UserId);
    let holders = holders.into_tuple::<Uuid>().all(conn).await?;
    users::enabled(conn, org, holders).await
}

/// Grants after `after` in the order of their making, at most `limit`, on `units` and of
/// `user` if given.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    user: Option<Uuid>,
    units: Option<&[Uuid]>,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Grant>> {
    let mut query = of(org).order_by_asc(Column::Id).limit(limit);
    if let Some(user) = user {
        query = query.filter(Column::UserId.eq(user));
    }
    if let Some(units) = pushed_down(units) {
        query = query.filter(Column::UnitId.is_in(units));
    }
    if let Some(after) = after {
        query = query.filter(Column::Id.gt(after));
    }
    Ok(query.all(conn).await?.into_iter().map(domain).collect())
}

/// Adds a grant.
pub async fn insert(conn: &impl ConnectionTrait, org: Uuid, grant: &Grant) -> Result<()> {
    let model = Model {
        id: grant.id,
        org_id: org,
        user_id: grant.user,
        role_id: grant.role,
        unit_id: grant.unit,
        create_us: grant.create_us,
    };
    Entity::insert(model.into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// Removes a grant.
pub async fn delete(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<()> {
    let these = Entity::delete_many().filter(Column::OrgId.eq(org)).filter(Column::Id.eq(id));
    these.exec(conn).await?;
    Ok(())
}

fn of(org: Uuid) -> Select<Entity> {
    Entity::find().filter(Column::OrgId.eq(org))
}

fn domain(row: Model) -> Grant {
    Grant {
        id: row.id,
        user: row.user_id,
        role: row.role_id,
        unit: row.unit_id,
        create_us: row.create_us,
    }
}
