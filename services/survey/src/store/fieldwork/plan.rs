//! Plans and their rounds.

use kit::{
    db::dialect_of,
    error::{Result, ServiceError},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::OnConflict,
};
use survey_domain::plan::{Plan, Round, calendar};
use uuid::Uuid;

use super::{parsed, printed};
use kit::db::{newest::Newest, sql::Sql};

use crate::store::entity::{plan, plan_round};

/// A plan of an organisation with its present round.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Plan>> {
    let query =
        plan::Entity::find().filter(plan::Column::OrgId.eq(org)).filter(plan::Column::Id.eq(id));
    let Some(row) = query.one(conn).await? else { return Ok(None) };
    with_rounds(conn, vec![row]).await.map(|mut plans| plans.pop())
}

/// Adds a plan with its first round.
pub async fn insert(conn: &impl ConnectionTrait, new: &Plan, next_us: Option<i64>) -> Result<()> {
    plan::Entity::insert(to_row(new, next_us)?).exec_without_returning(conn).await?;
    save_round(conn, new).await
}

/// Replaces the version that was read and counts it up; adds or replaces the present round.
///
/// # Errors
/// ABORTED when somebody else was faster.
pub async fn save(
    conn: &impl ConnectionTrait,
    changed: &mut Plan,
    next_us: Option<i64>,
) -> Result<()> {
    let read = changed.version;
    changed.version += 1;
    let mut row = to_row(changed, next_us)?;
    row.id = sea_orm::ActiveValue::NotSet;
    let update = plan::Entity::update_many()
        .set(row)
        .filter(plan::Column::OrgId.eq(changed.org))
        .filter(plan::Column::Id.eq(changed.id))
        .filter(plan::Column::Version.eq(read));
    if update.exec(conn).await?.rows_affected != 1 {
        return Err(ServiceError::stale());
    }
    save_round(conn, changed).await
}

async fn save_round(conn: &impl ConnectionTrait, plan: &Plan) -> Result<()> {
    let row = plan_round::ActiveModel {
        plan_id: Set(plan.id),
        round: Set(plan.round.number),
        org_id: Set(plan.org),
        date: Set(calendar::day_number(plan.round.date)),
        campaign_id: Set(plan.round.campaign),
        steps: Set(printed("plan_round.steps", &plan.round.steps)?),
        outcome: Set(printed("plan_round.outcome", &plan.round.outcome)?),
    };
    let mut again = OnConflict::columns([plan_round::Column::PlanId, plan_round::Column::Round]);
    again.update_columns([
        plan_round::Column::Date,
        plan_round::Column::CampaignId,
        plan_round::Column::Steps,
        plan_round::Column::Outcome,
    ]);
    plan_round::Entity::insert(row).on_conflict(again).exec_without_returning(conn).await?;
    Ok(())
}

/// Plans whose calendar has something to do by now.
pub async fn due(conn: &impl ConnectionTrait, now_us: i64, limit: u64) -> Result<Vec<Plan>> {
    let rows = plan::Entity::find()
        .filter(plan::Column::NextUs.is_not_null())
        .filter(plan::Column::NextUs.lte(now_us))
        .order_by_asc(plan::Column::NextUs)
        .limit(limit)
        .all(conn)
        .await?;
    with_rounds(conn, rows).await
}

/// Plans newest first, at most `limit` before `before`.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    (units, retired): (Option<&[Uuid]>, bool),
    before: Option<(i64, Uuid)>,
    limit: u64,
) -> Result<Vec<Plan>> {
    let list = Newest::of(conn, "plan", "create_us", org)
        .among("unit_id", units)
        .only(!retired, "retire_us IS NULL");
    with_rounds(conn, list.page::<plan::Entity>(conn, before, limit).await?).await
}

/// Rounds of a plan newest first, before the round `before`.
pub async fn rounds(
    conn: &impl ConnectionTrait,
    org: Uuid,
    plan: Uuid,
    before: Option<i32>,
    limit: u64,
) -> Result<Vec<Round>> {
    let mut query = plan_round::Entity::find()
        .filter(plan_round::Column::OrgId.eq(org))
        .filter(plan_round::Column::PlanId.eq(plan));
    if let Some(before) = before {
        query = query.filter(plan_round::Column::Round.lt(before));
    }
    let rows = query.order_by_desc(plan_round::Column::Round).limit(limit).all(conn).await?;
    rows.into_iter().map(round_of_row).collect()
}

async fn with_rounds(conn: &impl ConnectionTrait, rows: Vec<plan::Model>) -> Result<Vec<Plan>> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut sql = Sql::new(dialect_of(conn));
    let among = sql.one_of("p.id", &ids);
    let text = format!(
        "SELECT r.* FROM plan_round r JOIN plan p ON p.id = r.plan_id AND p.round = r.round \
         WHERE {among}"
    );
    let found = plan_round::Entity::find().from_raw_sql(sql.statement(&text)).all(conn).await?;
    let mut rounds: std::collections::HashMap<Uuid, plan_round::Model> =
        found.into_iter().map(|round| (round.plan_id, round)).collect();
    let joined = |row: plan::Model| {
        let round = rounds.remove(&row.id);
        let round = round.ok_or_else(|| ServiceError::internal("a plan without its round"))?;
        of_row(row, round_of_row(round)?)
    };
    rows.into_iter().map(joined).collect()
}

fn to_row(p: &Plan, next_us: Option<i64>) -> Result<plan::ActiveModel> {
    let template = p.template.as_ref().map(|t| printed("plan.template", t)).transpose()?;
    Ok(plan::ActiveModel {
        id: Set(p.id),
        org_id: Set(p.org),
        unit_id: Set(p.unit),
        display_name: Set(p.display_name.clone()),
        calendar: Set(printed("plan.calendar", &p.calendar)?),
        template: Set(template),
        time_zone: Set(p.time_zone.clone()),
        round: Set(p.round.number),
        next_us: Set(next_us),
        create_us: Set(p.create_us),
        retire_us: Set(p.retire_us),
        version: Set(p.version),
    })
}

fn of_row(row: plan::Model, round: Round) -> Result<Plan> {
    let template = row.template.as_deref().map(|t| parsed("plan.template", t)).transpose()?;
    Ok(Plan {
        id: row.id,
        org: row.org_id,
        unit: row.unit_id,
        display_name: row.display_name,
        calendar: parsed("plan.calendar", &row.calendar)?,
        template,
        time_zone: row.time_zone,
        round,
        create_us: row.create_us,
        retire_us: row.retire_us,
        version: row.version,
    })
}

fn round_of_row(row: plan_round::Model) -> Result<Round> {
    Ok(Round {
        number: row.round,
        date: calendar::date_of(row.date),
        campaign: row.campaign_id,
        steps: parsed("plan_round.steps", &row.steps)?,
        outcome: parsed("plan_round.outcome", &row.outcome)?,
    })
}
