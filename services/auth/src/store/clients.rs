//! Credentials of devices and partner systems.

use auth_domain::client::{Client, ClientKind};
use kit::error::{Result, ServiceError};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select, sea_query::Expr,
};
use uuid::Uuid;

use super::{
    corrupt,
    entity::client::{Column, Entity, Model},
    numbers_from_text, numbers_to_text, pushed_down,
};

/// A client with what proves it.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Organisation that it belongs to.
    pub org: Uuid,
    /// The client.
    pub client: Client,
    /// Keyed hash of the secret.
    pub secret_hash: Vec<u8>,
    /// When its use was last put on record, in microseconds since 1970 UTC.
    pub seen_us: Option<i64>,
}

/// A client by its id alone, which is where its organisation is found out.
pub async fn find_credential(conn: &impl ConnectionTrait, id: Uuid) -> Result<Option<Credential>> {
    Entity::find_by_id(id).one(conn).await?.map(credential).transpose()
}

/// One client.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Client>> {
    let row = of(org).filter(Column::Id.eq(id)).one(conn).await?;
    Ok(row.map(credential).transpose()?.map(|credential| credential.client))
}

/// The client in use of a device.
pub async fn find_of_device(
    conn: &impl ConnectionTrait,
    org: Uuid,
    device: Uuid,
) -> Result<Option<Client>> {
    let row = in_use(org).filter(Column::DeviceId.eq(device)).one(conn).await?;
    Ok(row.map(credential).transpose()?.map(|credential| credential.client))
}

/// Number of partner clients in use.
pub async fn count_partners(conn: &impl ConnectionTrait, org: Uuid) -> Result<u64> {
    let partners = in_use(org).filter(Column::Kind.eq(ClientKind::Partner.number()));
    Ok(partners.count(conn).await?)
}

/// Clients after `after` in the order of their making, at most `limit`, of `units` if given.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    units: Option<&[Uuid]>,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Client>> {
    let mut query = of(org).order_by_asc(Column::Id).limit(limit);
    if let Some(units) = pushed_down(units) {
        query = query.filter(Column::UnitId.is_in(units));
    }
    if let Some(after) = after {
        query = query.filter(Column::Id.gt(after));
    }
    let rows = query.all(conn).await?;
    rows.into_iter().map(|row| Ok(credential(row)?.client)).collect()
}

/// Adds a client.
pub async fn insert(
    conn: &impl ConnectionTrait,
    org: Uuid,
    client: &Client,
    secret_hash: Vec<u8>,
) -> Result<()> {
    let model = Model {
        id: client.id,
        org_id: org,
        display_name: client.display_name.clone(),
        kind: client.kind.number(),
        unit_id: client.unit,
        scopes: numbers_to_text(client.scopes),
        device_id: client.device,
        secret_hash,
        revoke_us: client.revoke_us,
        seen_us: None,
        version: client.version,
        create_us: client.create_us,
    };
    Entity::insert(model.into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// Replaces what can change in a client, and its secret if one is given; the version is one
/// more than the one read.
///
/// # Errors
/// ABORTED when it was changed since.
pub async fn update(
    conn: &impl ConnectionTrait,
    org: Uuid,
    client: &Client,
    secret_hash: Option<Vec<u8>>,
) -> Result<()> {
    let mut update = Entity::update_many()
        .col_expr(Column::DisplayName, Expr::value(client.display_name.clone()))
        .col_expr(Column::UnitId, Expr::value(client.unit))
        .col_expr(Column::RevokeUs, Expr::value(client.revoke_us))
        .col_expr(Column::Version, Expr::value(client.version));
    if let Some(hash) = secret_hash {
        update = update.col_expr(Column::SecretHash, Expr::value(hash));
    }
    let done = update
        .filter(Column::OrgId.eq(org))
        .filter(Column::Id.eq(client.id))
        .filter(Column::Version.eq(client.version - 1))
        .exec(conn)
        .await?;
    if done.rows_affected == 1 { Ok(()) } else { Err(ServiceError::stale()) }
}

/// Remembers when a client's use was put on record.
pub async fn set_seen(conn: &impl ConnectionTrait, org: Uuid, id: Uuid, now_us: i64) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::SeenUs, Expr::value(now_us))
        .filter(Column::OrgId.eq(org))
        .filter(Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

fn of(org: Uuid) -> Select<Entity> {
    Entity::find().filter(Column::OrgId.eq(org))
}

fn in_use(org: Uuid) -> Select<Entity> {
    of(org).filter(Column::RevokeUs.is_null())
}

fn credential(row: Model) -> Result<Credential> {
    let kind = ClientKind::from_number(row.kind);
    Ok(Credential {
        org: row.org_id,
        secret_hash: row.secret_hash,
        seen_us: row.seen_us,
        client: Client {
            id: row.id,
            display_name: row.display_name,
            kind: kind.ok_or_else(|| corrupt("kind of a client", row.kind))?,
            unit: row.unit_id,
            scopes: numbers_from_text(&row.scopes)?,
            device: row.device_id,
            revoke_us: row.revoke_us,
            version: row.version,
            create_us: row.create_us,
        },
    })
}
