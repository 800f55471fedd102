//! Triggers.

use kit::db::{newest::Newest, sql::odd};
use kit::error::Result;
use sea_orm::{ConnectionTrait, QueryResult};
use survey_domain::record::{Action, InteractionKind, Trigger};
use uuid::Uuid;

use super::rows::{self, Known, sql};

/// Adds a trigger.
pub async fn insert(conn: &impl ConnectionTrait, new: &Trigger) -> Result<()> {
    let columns = [
        "id",
        "org_id",
        "unit_id",
        "display_name",
        "kind",
        "action",
        "campaign_id",
        "delay_hours",
        "create_us",
        "node",
        "segment_id",
        "quiet_days",
        "yearly_max",
        "late_days",
    ];
    let row = vec![
        new.id.into(),
        new.org.into(),
        new.unit.into(),
        new.display_name.clone().into(),
        (new.kind as i16).into(),
        (new.action as i16).into(),
        new.campaign.into(),
        new.delay_hours.into(),
        new.create_us.into(),
        new.node.clone().into(),
        new.segment.into(),
        new.quiet_days.into(),
        new.yearly_max.into(),
        new.late_days.into(),
    ];
    rows::insert(conn, "customer_trigger", &columns, &[row], Known::Refuse).await?;
    Ok(())
}

/// Triggers of these units, newest first, at most `limit`.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    units: Option<&[Uuid]>,
    show_retired: bool,
    limit: u64,
) -> Result<Vec<Trigger>> {
    let list = Newest::of(conn, "customer_trigger", "create_us", org)
        .only(!show_retired, "retire_us IS NULL")
        .among("unit_id", units);
    list.rows(conn, None, limit).await?.iter().map(of_row).collect()
}

/// One trigger.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Trigger>> {
    let mut sql = sql(conn);
    let (org, id) = (sql.bind(org), sql.bind(id));
    let text = format!("SELECT * FROM customer_trigger WHERE id = {id} AND org_id = {org}");
    sql.query(conn, &text).await?.first().map(of_row).transpose()
}

/// Triggers with these ids, retired ones included.
pub async fn find_many(
    conn: &impl ConnectionTrait,
    org: Uuid,
    ids: &[Uuid],
) -> Result<Vec<Trigger>> {
    let mut sql = sql(conn);
    let (org, ids) = (sql.bind(org), sql.one_of("id", ids));
    let text = format!("SELECT * FROM customer_trigger WHERE org_id = {org} AND {ids}");
    sql.query(conn, &text).await?.iter().map(of_row).collect()
}

fn of_row(row: &QueryResult) -> Result<Trigger> {
    let get = |column: &'static str| odd("customer_trigger", column);
    let (kind, action): (i16, i16) = (row.try_get("", "kind")?, row.try_get("", "action")?);
    Ok(Trigger {
        id: row.try_get("", "id")?,
        org: row.try_get("", "org_id")?,
        unit: row.try_get("", "unit_id")?,
        display_name: row.try_get("", "display_name")?,
        kind: InteractionKind::from_number(kind.into()).ok_or_else(|| get("kind"))?,
        action: Action::from_number(action.into()).ok_or_else(|| get("action"))?,
        campaign: row.try_get("", "campaign_id")?,
        delay_hours: row.try_get("", "delay_hours")?,
        create_us: row.try_get("", "create_us")?,
        retire_us: row.try_get("", "retire_us")?,
        node: row.try_get("", "node")?,
        segment: row.try_get("", "segment_id")?,
        quiet_days: row.try_get("", "quiet_days")?,
        yearly_max: row.try_get("", "yearly_max")?,
        late_days: row.try_get("", "late_days")?,
    })
}
