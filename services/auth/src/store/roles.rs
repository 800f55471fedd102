//! Roles.

use auth_domain::role::Role;
use kit::error::Result;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, Select,
};
use uuid::Uuid;

use super::{
    entity::role::{self, Column, Entity, Model},
    numbers_from_text, numbers_to_text, replace,
};

/// One role.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Role>> {
    of(org).filter(Column::Id.eq(id)).one(conn).await?.map(domain).transpose()
}

/// All roles, built-in ones first.
pub async fn list(conn: &impl ConnectionTrait, org: Uuid) -> Result<Vec<Role>> {
    let rows = of(org).order_by_asc(Column::Id).all(conn).await?;
    rows.into_iter().map(domain).collect()
}

/// Whether another role than `except` has the display name.
pub async fn name_taken(
    conn: &impl ConnectionTrait,
    org: Uuid,
    name: &str,
    except: Uuid,
) -> Result<bool> {
    let others = of(org).filter(Column::DisplayName.eq(name)).filter(Column::Id.ne(except));
    Ok(others.count(conn).await? > 0)
}

/// Adds a role.
pub async fn insert(conn: &impl ConnectionTrait, org: Uuid, role: &Role) -> Result<()> {
    Entity::insert(model(org, role).into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// Replaces a role; its version is one more than the one read.
///
/// # Errors
/// ABORTED when it was changed since.
pub async fn update(conn: &impl ConnectionTrait, org: Uuid, changed: &Role) -> Result<()> {
    replace!(conn, role, model(org, changed))
}

/// Removes a role.
pub async fn delete(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<()> {
    let these = Entity::delete_many().filter(Column::OrgId.eq(org)).filter(Column::Id.eq(id));
    these.exec(conn).await?;
    Ok(())
}

fn of(org: Uuid) -> Select<Entity> {
    Entity::find().filter(Column::OrgId.eq(org))
}

fn model(org: Uuid, role: &Role) -> Model {
    Model {
        org_id: org,
        id: role.id,
        display_name: role.display_name.clone(),
        permissions: numbers_to_text(role.permissions),
        built_in: role.built_in,
        version: role.version,
    }
}

fn domain(row: Model) -> Result<Role> {
    Ok(Role {
        id: row.id,
        permissions: numbers_from_text(&row.permissions)?,
        display_name: row.display_name,
        built_in: row.built_in,
        version: row.version,
    })
}
