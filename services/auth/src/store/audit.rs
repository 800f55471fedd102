//! The audit chains.

use auth_domain::audit::{Hash, Head, Record, hash, origin};
use kit::error::Result;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, Select,
};
use uuid::Uuid;

use super::entity::{
    audit_head,
    audit_record::{Column, Entity, Model},
};

/// A record with the hash kept beside it.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The record.
    pub record: Record,
    /// Its hash.
    pub hash: Hash,
}

/// Which records to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Not before, in microseconds since 1970 UTC.
    pub from_us: Option<i64>,
    /// Before.
    pub to_us: Option<i64>,
    /// Only this actor; empty for all.
    pub actor: String,
    /// Only this action; empty for all.
    pub action: String,
    /// Only this object; empty for all.
    pub object: String,
}

/// End of an organisation's chain.
pub async fn head(conn: &impl ConnectionTrait, org: Uuid) -> Result<Head> {
    let row = audit_head::Entity::find_by_id(org).one(conn).await?;
    Ok(row.map_or_else(|| origin(org), read_head))
}

/// End of an organisation's chain, locked until the transaction ends: whoever changes
/// anything of an organisation does so alone.
pub async fn lock(conn: &impl ConnectionTrait, org: Uuid) -> Result<Head> {
    let locked = || audit_head::Entity::find_by_id(org).lock_exclusive().one(conn);
    if let Some(row) = locked().await? {
        return Ok(read_head(row));
    }
    let first = origin(org);
    let row = audit_head::Model { org_id: org, number: 0, hash: first.hash.to_vec() };
    audit_head::Entity::insert(row.into_active_model())
        .on_conflict_do_nothing_on([audit_head::Column::OrgId])
        .exec_without_returning(conn)
        .await?;
    Ok(locked().await?.map_or(first, read_head))
}

/// Adds records to a locked chain; its new end. `source` is the id under which another
/// service sent the one record.
pub async fn append(
    conn: &impl ConnectionTrait,
    org: Uuid,
    mut head: Head,
    records: Vec<Record>,
    source: Option<String>,
) -> Result<Head> {
    for mut record in records {
        record.number = head.number + 1;
        head = Head { number: record.number, hash: hash(&head.hash, &record) };
        let model = model(org, record, &head.hash, source.clone());
        Entity::insert(model.into_active_model()).exec_without_returning(conn).await?;
    }
    let row = audit_head::Model { org_id: org, number: head.number, hash: head.hash.to_vec() };
    audit_head::Entity::update_many()
        .set(row.into_active_model().reset_all())
        .filter(audit_head::Column::OrgId.eq(org))
        .exec(conn)
        .await?;
    Ok(head)
}

/// Number of the record that another service sent under an id.
pub async fn find_source(
    conn: &impl ConnectionTrait,
    org: Uuid,
    source: &str,
) -> Result<Option<i64>> {
    let row = of(org).filter(Column::SourceId.eq(source)).one(conn).await?;
    Ok(row.map(|row| row.number))
}

/// Records after a number, oldest first.
pub async fn following(
    conn: &impl ConnectionTrait,
    org: Uuid,
    after: i64,
    limit: u64,
) -> Result<Vec<Kept>> {
    let rows = of(org)
        .filter(Column::Number.gt(after))
        .order_by_asc(Column::Number)
        .limit(limit)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(kept).collect())
}

/// Records before a number, newest first.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    filter: &Filter,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<Kept>> {
    let mut query = of(org).order_by_desc(Column::Number).limit(limit);
    let texts = [
        (Column::Actor, &filter.actor),
        (Column::Action, &filter.action),
        (Column::Object, &filter.object),
    ];
    for (column, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        query = query.filter(column.eq(text.as_str()));
    }
    if let Some(from_us) = filter.from_us {
        query = query.filter(Column::TimeUs.gte(from_us));
    }
    if let Some(to_us) = filter.to_us {
        query = query.filter(Column::TimeUs.lt(to_us));
    }
    if let Some(before) = before {
        query = query.filter(Column::Number.lt(before));
    }
    Ok(query.all(conn).await?.into_iter().map(kept).collect())
}

fn of(org: Uuid) -> Select<Entity> {
    Entity::find().filter(Column::OrgId.eq(org))
}

fn read_head(row: audit_head::Model) -> Head {
    Head { number: row.number, hash: read_hash(row.hash) }
}

/// A hash of the wrong length was tampered with; it must be found broken, not fail to load.
fn read_hash(bytes: Vec<u8>) -> Hash {
    Hash::try_from(bytes).unwrap_or_default()
}

fn model(org: Uuid, record: Record, hash: &Hash, source: Option<String>) -> Model {
    Model {
        org_id: org,
        number: record.number,
        id: record.id,
        source_id: source,
        time_us: record.time_us,
        actor: record.actor,
        action: record.action,
        object: record.object,
        unit_id: record.unit,
        outcome: record.outcome,
        detail: record.detail,
        hash: hash.to_vec(),
    }
}

fn kept(row: Model) -> Kept {
    Kept {
        hash: read_hash(row.hash),
        record: Record {
            id: row.id,
            number: row.number,
            time_us: row.time_us,
            actor: row.actor,
            action: row.action,
            object: row.object,
            unit: row.unit_id,
            outcome: row.outcome,
            detail: row.detail,
        },
    }
}
