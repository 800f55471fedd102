//! The trees of units.

use auth_domain::{
    tree::{DEPTH_MAX, Place},
    unit::{OpeningHours, Unit, UnitKind},
};
use kit::error::Result;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QuerySelect, Select,
};
use uuid::Uuid;

use super::{
    IN_MAX, corrupt,
    entity::unit::{self, Column, Entity, Model},
    replace,
};

/// One unit.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Unit>> {
    of(org).filter(Column::Id.eq(id)).one(conn).await?.map(domain).transpose()
}

/// Units by their ids, in no order.
pub async fn find_all(conn: &impl ConnectionTrait, org: Uuid, ids: &[Uuid]) -> Result<Vec<Unit>> {
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(IN_MAX) {
        let rows = of(org).filter(Column::Id.is_in(some.to_vec())).all(conn).await?;
        for row in rows {
            found.push(domain(row)?);
        }
    }
    Ok(found)
}

/// Adds a unit.
pub async fn insert(conn: &impl ConnectionTrait, org: Uuid, unit: &Unit) -> Result<()> {
    Entity::insert(model(org, unit).into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// Replaces a unit; its version is one more than the one read.
///
/// # Errors
/// ABORTED when it was changed since.
pub async fn update(conn: &impl ConnectionTrait, org: Uuid, changed: &Unit) -> Result<()> {
    replace!(conn, unit, model(org, changed))
}

/// Number of units, retired ones included.
pub async fn count(conn: &impl ConnectionTrait, org: Uuid) -> Result<u64> {
    Ok(of(org).count(conn).await?)
}

/// Number of units in use directly below one.
pub async fn count_children(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<u64> {
    Ok(in_use(org).filter(Column::ParentId.eq(id)).count(conn).await?)
}

/// Whether another unit in use than `except` has the code.
pub async fn code_taken(
    conn: &impl ConnectionTrait,
    org: Uuid,
    code: &str,
    except: Uuid,
) -> Result<bool> {
    let others = in_use(org).filter(Column::Code.eq(code)).filter(Column::Id.ne(except));
    Ok(!code.is_empty() && others.count(conn).await? > 0)
}

/// Whether another child in use of `parent` than `except` has the name.
pub async fn name_taken(
    conn: &impl ConnectionTrait,
    org: Uuid,
    parent: Uuid,
    name: &str,
    except: Uuid,
) -> Result<bool> {
    let siblings = in_use(org)
        .filter(Column::ParentId.eq(parent))
        .filter(Column::DisplayName.eq(name))
        .filter(Column::Id.ne(except));
    Ok(siblings.count(conn).await? > 0)
}

/// What has to be known to place a unit with `name` and id `except` below `parent`.
pub async fn place(
    conn: &impl ConnectionTrait,
    org: Uuid,
    parent: &Unit,
    name: &str,
    except: Uuid,
) -> Result<Place> {
    let others = in_use(org).filter(Column::ParentId.eq(parent.id)).filter(Column::Id.ne(except));
    Ok(Place {
        path: path(conn, org, parent.id).await?,
        kind: parent.kind,
        in_use: parent.in_use(),
        children: others.count(conn).await?,
        name_taken: name_taken(conn, org, parent.id, name, except).await?,
    })
}

/// Units from the headquarters down to and including `id`; empty for an unknown unit.
pub async fn path(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Vec<Uuid>> {
    let mut path = Vec::new();
    let mut next = Some(id);
    while let Some(id) = next {
        // Deeper than the rules allow can only mean a circle.
        if path.len() > DEPTH_MAX {
            return Err(corrupt("path of a unit", id));
        }
        let row = of(org)
            .filter(Column::Id.eq(id))
            .select_only()
            .column(Column::ParentId)
            .into_tuple::<Option<Uuid>>()
            .one(conn)
            .await?;
        let Some(parent) = row else { break };
        path.push(id);
        next = parent;
    }
    path.reverse();
    Ok(path)
}

/// Levels of the subtree below and including `id`: 1 for a leaf.
pub async fn height(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<usize> {
    let mut level = vec![id];
    let mut height = 0;
    while !level.is_empty() && height <= DEPTH_MAX {
        height += 1;
        let mut below: Vec<Uuid> = Vec::new();
        for some in level.chunks(IN_MAX) {
            let children = of(org)
                .filter(Column::ParentId.is_in(some.to_vec()))
                .select_only()
                .column(Column::Id);
            below.extend(children.into_tuple::<Uuid>().all(conn).await?);
        }
        level = below;
    }
    Ok(height)
}

fn of(org: Uuid) -> Select<Entity> {
    Entity::find().filter(Column::OrgId.eq(org))
}

fn in_use(org: Uuid) -> Select<Entity> {
    of(org).filter(Column::ValidToUs.is_null())
}

fn model(org: Uuid, unit: &Unit) -> Model {
    let hours: Vec<(u8, u16, u16)> =
        unit.opening_hours.iter().map(|h| (h.weekday, h.open_minute, h.close_minute)).collect();
    Model {
        id: unit.id,
        org_id: org,
        parent_id: unit.parent,
        kind: unit.kind.number(),
        display_name: unit.display_name.clone(),
        code: unit.code.clone(),
        time_zone: unit.time_zone.clone(),
        opening_hours: serde_json::json!(hours).to_string(),
        valid_from_us: unit.valid_from_us,
        valid_to_us: unit.valid_to_us,
        move_us: unit.move_us,
        former_parents: serde_json::json!(unit.former_parents).to_string(),
        zone_us: unit.zone_us,
        former_zones: serde_json::json!(unit.former_zones).to_string(),
        version: unit.version,
    }
}

fn domain(row: Model) -> Result<Unit> {
    let hours: Vec<(u8, u16, u16)> = serde_json::from_str(&row.opening_hours)
        .map_err(|error| corrupt("opening hours", error))?;
    let kind = UnitKind::from_number(row.kind.into());
    Ok(Unit {
        id: row.id,
        parent: row.parent_id,
        kind: kind.ok_or_else(|| corrupt("kind of a unit", row.kind))?,
        display_name: row.display_name,
        code: row.code,
        time_zone: row.time_zone,
        opening_hours: hours
            .into_iter()
            .map(|(weekday, open_minute, close_minute)| OpeningHours {
                weekday,
                open_minute,
                close_minute,
            })
            .collect(),
        valid_from_us: row.valid_from_us,
        valid_to_us: row.valid_to_us,
        move_us: row.move_us,
        former_parents: serde_json::from_str(&row.former_parents)
            .map_err(|error| corrupt("former parents", error))?,
        zone_us: row.zone_us,
        former_zones: serde_json::from_str(&row.former_zones)
            .map_err(|error| corrupt("former time zones", error))?,
        version: row.version,
    })
}
