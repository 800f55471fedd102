//! Organisations.

use auth_domain::organisation::Organisation;
use kit::error::{Result, ServiceError, is_unique_violation};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::{
    corrupt,
    entity::organisation::{Column, Entity, Model},
};

/// The organisation with an id.
pub async fn find(conn: &impl ConnectionTrait, id: Uuid) -> Result<Option<Organisation>> {
    Entity::find_by_id(id).one(conn).await?.map(domain).transpose()
}

/// The organisation with a sign-in name.
pub async fn find_by_slug(conn: &impl ConnectionTrait, slug: &str) -> Result<Option<Organisation>> {
    Entity::find().filter(Column::Slug.eq(slug)).one(conn).await?.map(domain).transpose()
}

/// The only organisation; none when there are none or several.
pub async fn find_only(conn: &impl ConnectionTrait) -> Result<Option<Organisation>> {
    let mut two = Entity::find().order_by_asc(Column::Id).limit(2).all(conn).await?;
    if two.len() == 1 { two.pop().map(domain).transpose() } else { Ok(None) }
}

/// Ids of all organisations.
pub async fn ids(conn: &impl ConnectionTrait) -> Result<Vec<Uuid>> {
    let all = Entity::find().select_only().column(Column::Id).order_by_asc(Column::Id);
    Ok(all.into_tuple().all(conn).await?)
}

/// Adds an organisation.
///
/// # Errors
/// ALREADY_EXISTS when the sign-in name is taken.
pub async fn insert(conn: &impl ConnectionTrait, organisation: &Organisation) -> Result<()> {
    let added = Entity::insert(model(organisation).into_active_model());
    match added.exec_without_returning(conn).await {
        Ok(_) => Ok(()),
        Err(error) if is_unique_violation(&error) => {
            Err(ServiceError::already_exists("an organisation has this sign-in name already"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Replaces an organisation; its version is one more than the one read.
///
/// # Errors
/// ABORTED when it was changed since.
pub async fn update(conn: &impl ConnectionTrait, organisation: &Organisation) -> Result<()> {
    let done = Entity::update_many()
        .set(model(organisation).into_active_model().reset_all())
        .filter(Column::Id.eq(organisation.id))
        .filter(Column::Version.eq(organisation.version - 1))
        .exec(conn)
        .await?;
    if done.rows_affected == 1 { Ok(()) } else { Err(ServiceError::stale()) }
}

fn model(o: &Organisation) -> Model {
    Model {
        id: o.id,
        slug: o.slug.clone(),
        display_name: o.display_name.clone(),
        time_zone: o.time_zone.clone(),
        version: o.version,
        create_us: o.create_us,
        suspend_us: o.suspend_us,
        zone_us: o.zone_us,
        former_zones: serde_json::json!(o.former_zones).to_string(),
    }
}

fn domain(row: Model) -> Result<Organisation> {
    Ok(Organisation {
        id: row.id,
        slug: row.slug,
        display_name: row.display_name,
        time_zone: row.time_zone,
        version: row.version,
        create_us: row.create_us,
        suspend_us: row.suspend_us,
        zone_us: row.zone_us,
        former_zones: serde_json::from_str(&row.former_zones)
            .map_err(|error| corrupt("former time zones", error))?,
    })
}
