//! Campaigns.

use kit::{
    db::{Dialect, WriteTx, dialect_of},
    error::{Result, ServiceError},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};
use survey_domain::campaign::{Campaign, State};
use uuid::Uuid;

use super::{parsed, printed};
use kit::db::{
    newest::Newest,
    sql::{Sql, odd},
};

use crate::store::entity::campaign;

/// A campaign of an organisation.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Campaign>> {
    let query = campaign::Entity::find()
        .filter(campaign::Column::OrgId.eq(org))
        .filter(campaign::Column::Id.eq(id));
    query.one(conn).await?.map(of_row).transpose()
}

/// The campaign that a link leads to: the link is the credential, and says nothing of the
/// organisation.
pub async fn of_link(conn: &impl ConnectionTrait, id: Uuid) -> Result<Option<Campaign>> {
    let query = campaign::Entity::find().filter(campaign::Column::Id.eq(id));
    query.one(conn).await?.map(of_row).transpose()
}

/// Keeps the campaign from being closed until the transaction ends, together with any number of
/// others who do the same. Readers of answers come first, the one who closes waits his turn, and
/// then nobody comes in before him: a lock of the row would let him starve.
pub async fn hold_open(tx: &WriteTx, id: Uuid) -> Result<()> {
    lock(tx, id, "SELECT pg_advisory_xact_lock_shared($1)").await
}

/// Waits until nobody holds the campaign open any more.
pub async fn wait_to_change(tx: &WriteTx, id: Uuid) -> Result<()> {
    lock(tx, id, "SELECT pg_advisory_xact_lock($1)").await
}

/// SQLite has one writer, so there is nobody to wait for.
async fn lock(tx: &WriteTx, id: Uuid, text: &str) -> Result<()> {
    if dialect_of(tx.conn()) == Dialect::Sqlite {
        return Ok(());
    }
    let (high, low) = id.as_u64_pair();
    let mut sql = Sql::new(Dialect::Postgres);
    sql.bind((high ^ low).cast_signed());
    sql.query(tx.conn(), text).await?;
    Ok(())
}

/// Adds a new campaign.
pub async fn insert(
    conn: &impl ConnectionTrait,
    new: &Campaign,
    work_us: Option<i64>,
) -> Result<()> {
    let row = to_row(new, work_us)?;
    campaign::Entity::insert(row).exec_without_returning(conn).await?;
    Ok(())
}

/// Replaces the version that was read and counts it up.
///
/// # Errors
/// ABORTED when somebody else was faster.
pub async fn save(
    conn: &impl ConnectionTrait,
    changed: &mut Campaign,
    work_us: Option<i64>,
) -> Result<()> {
    let read = changed.version;
    changed.version += 1;
    let mut row = to_row(changed, work_us)?;
    row.id = sea_orm::ActiveValue::NotSet;
    let update = campaign::Entity::update_many()
        .set(row)
        .filter(campaign::Column::OrgId.eq(changed.org))
        .filter(campaign::Column::Id.eq(changed.id))
        .filter(campaign::Column::Version.eq(read));
    match update.exec(conn).await?.rows_affected {
        1 => Ok(()),
        _ => Err(ServiceError::stale()),
    }
}

/// Notes when there is something to do next, unless the campaign changed meanwhile.
pub async fn work_at(
    conn: &impl ConnectionTrait,
    read: &Campaign,
    work_us: Option<i64>,
) -> Result<()> {
    let update = campaign::Entity::update_many()
        .col_expr(campaign::Column::WorkUs, sea_orm::sea_query::Expr::value(work_us))
        .filter(campaign::Column::OrgId.eq(read.org))
        .filter(campaign::Column::Id.eq(read.id))
        .filter(campaign::Column::Version.eq(read.version));
    update.exec(conn).await?;
    Ok(())
}

/// Keeps a campaign as it was read until the transaction ends, and notes when there is something
/// to do for it.
///
/// # Errors
/// ABORTED when somebody changed it.
pub async fn hold_version(
    conn: &impl ConnectionTrait,
    read: &Campaign,
    work_us: i64,
) -> Result<()> {
    let update = campaign::Entity::update_many()
        .col_expr(campaign::Column::WorkUs, sea_orm::sea_query::Expr::value(Some(work_us)))
        .filter(campaign::Column::OrgId.eq(read.org))
        .filter(campaign::Column::Id.eq(read.id))
        .filter(campaign::Column::Version.eq(read.version));
    match update.exec(conn).await?.rows_affected {
        1 => Ok(()),
        _ => Err(ServiceError::stale()),
    }
}

/// Campaigns with something to do by now, the longest waiting first.
pub async fn with_work(
    conn: &impl ConnectionTrait,
    now_us: i64,
    limit: u64,
) -> Result<Vec<Campaign>> {
    let query = campaign::Entity::find()
        .filter(campaign::Column::WorkUs.is_not_null())
        .filter(campaign::Column::WorkUs.lte(now_us))
        .order_by_asc(campaign::Column::WorkUs)
        .limit(limit);
    query.all(conn).await?.into_iter().map(of_row).collect()
}

/// Deletes a draft with everything that hangs on it.
pub async fn delete(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<()> {
    for (table, column) in [
        ("campaign_quota", "campaign_id"),
        ("sample", "campaign_id"),
        ("sample_exclusion", "campaign_id"),
        ("open_link", "campaign_id"),
        ("invitation", "campaign_id"),
        ("fieldwork_count", "campaign_id"),
        ("campaign", "id"),
    ] {
        let mut sql = Sql::new(dialect_of(conn));
        let (org, id) = (sql.bind(org), sql.bind(id));
        sql.execute(conn, &format!("DELETE FROM {table} WHERE org_id = {org} AND {column} = {id}"))
            .await?;
    }
    Ok(())
}

/// Which campaigns to list.
#[derive(Debug, Default)]
pub struct Filter {
    /// Only of these units.
    pub units: Option<Vec<Uuid>>,
    /// Only in this state.
    pub state: Option<State>,
    /// Only of this plan.
    pub plan: Option<Uuid>,
    /// Only with this questionnaire.
    pub questionnaire: Option<Uuid>,
}

/// Campaigns newest first, at most `limit` before `before`.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    filter: &Filter,
    before: Option<(i64, Uuid)>,
    limit: u64,
) -> Result<Vec<Campaign>> {
    let list = Newest::of(conn, "campaign", "create_us", org)
        .among("unit_id", filter.units.as_deref())
        .equal("state", filter.state.map(|state| state as i16))
        .equal("plan_id", filter.plan)
        .equal("questionnaire_id", filter.questionnaire);
    let rows = list.page::<campaign::Entity>(conn, before, limit).await?;
    rows.into_iter().map(of_row).collect()
}

fn to_row(c: &Campaign, work_us: Option<i64>) -> Result<campaign::ActiveModel> {
    Ok(campaign::ActiveModel {
        id: Set(c.id),
        org_id: Set(c.org),
        unit_id: Set(c.unit),
        questionnaire_id: Set(c.settings.questionnaire),
        plan_id: Set(c.plan),
        round: Set(c.round),
        state: Set(c.state as i16),
        settings: Set(printed("campaign.settings", &c.settings)?),
        time_zone: Set(c.time_zone.clone()),
        auto_open_us: Set(c.auto_open_us),
        open_problem: Set(c.open_problem.clone()),
        work_us: Set(work_us),
        create_us: Set(c.create_us),
        end_us: Set(c.end_us),
        version: Set(c.version),
    })
}

fn of_row(row: campaign::Model) -> Result<Campaign> {
    Ok(Campaign {
        id: row.id,
        org: row.org_id,
        unit: row.unit_id,
        settings: parsed("campaign.settings", &row.settings)?,
        state: State::from_number(row.state.into()).ok_or_else(|| odd("campaign", "state"))?,
        plan: row.plan_id,
        round: row.round,
        time_zone: row.time_zone,
        auto_open_us: row.auto_open_us,
        open_problem: row.open_problem,
        create_us: row.create_us,
        end_us: row.end_us,
        version: row.version,
    })
}
