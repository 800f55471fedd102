//! People who serve at windows.

use auth_domain::staff::Staff;
use kit::error::Result;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select,
};
use uuid::Uuid;

use super::{
    entity::staff::{self, Column, Entity, Model},
    pushed_down, replace,
};

/// Which staff to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this staff number.
    pub number: Option<String>,
    /// Also those who left.
    pub retired: bool,
    /// Only of these home units.
    pub units: Option<Vec<Uuid>>,
}

/// One staff member.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Staff>> {
    Ok(of(org).filter(Column::Id.eq(id)).one(conn).await?.map(domain))
}

/// Whether another staff member than `except` has the number.
pub async fn number_taken(
    conn: &impl ConnectionTrait,
    org: Uuid,
    number: &str,
    except: Uuid,
) -> Result<bool> {
    let others = of(org).filter(Column::StaffNumber.eq(number)).filter(Column::Id.ne(except));
    Ok(others.count(conn).await? > 0)
}

/// Whether a user account belongs to another active staff member than `except`.
pub async fn user_taken(
    conn: &impl ConnectionTrait,
    org: Uuid,
    user: Uuid,
    except: Uuid,
) -> Result<bool> {
    let others = active(org).filter(Column::UserId.eq(user)).filter(Column::Id.ne(except));
    Ok(others.count(conn).await? > 0)
}

/// Number of staff, those who left included.
pub async fn count(conn: &impl ConnectionTrait, org: Uuid) -> Result<u64> {
    Ok(of(org).count(conn).await?)
}

/// Number of active staff whose home unit is `unit`.
pub async fn count_active(conn: &impl ConnectionTrait, org: Uuid, unit: Uuid) -> Result<u64> {
    Ok(active(org).filter(Column::UnitId.eq(unit)).count(conn).await?)
}

/// Staff after `after` in the order of their numbers, at most `limit`.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    filter: &Filter,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<Staff>> {
    let mut query = if filter.retired { of(org) } else { active(org) };
    query = query.order_by_asc(Column::StaffNumber).limit(limit);
    if let Some(number) = &filter.number {
        query = query.filter(Column::StaffNumber.eq(number.as_str()));
    }
    if let Some(units) = pushed_down(filter.units.as_deref()) {
        query = query.filter(Column::UnitId.is_in(units));
    }
    if let Some(after) = after {
        query = query.filter(Column::StaffNumber.gt(after));
    }
    Ok(query.all(conn).await?.into_iter().map(domain).collect())
}

/// Adds a staff member.
pub async fn insert(conn: &impl ConnectionTrait, org: Uuid, added: &Staff) -> Result<()> {
    Entity::insert(model(org, added).into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// Replaces a staff member; the version is one more than the one read.
///
/// # Errors
/// ABORTED when it was changed since.
pub async fn update(conn: &impl ConnectionTrait, org: Uuid, changed: &Staff) -> Result<()> {
    replace!(conn, staff, model(org, changed))
}

fn of(org: Uuid) -> Select<Entity> {
    Entity::find().filter(Column::OrgId.eq(org))
}

fn active(org: Uuid) -> Select<Entity> {
    of(org).filter(Column::RetireUs.is_null())
}

fn model(org: Uuid, staff: &Staff) -> Model {
    Model {
        id: staff.id,
        org_id: org,
        staff_number: staff.number.clone(),
        display_name: staff.display_name.clone(),
        unit_id: staff.unit,
        user_id: staff.user,
        retire_us: staff.retire_us,
        version: staff.version,
        create_us: staff.create_us,
    }
}

fn domain(row: Model) -> Staff {
    Staff {
        id: row.id,
        number: row.staff_number,
        display_name: row.display_name,
        unit: row.unit_id,
        user: row.user_id,
        retire_us: row.retire_us,
        version: row.version,
        create_us: row.create_us,
    }
}
