//! Triggers and what they called for.

use kit::db::sql::odd;
use kit::error::Result;
use sea_orm::{ConnectionTrait, QueryResult};
use survey_domain::record::{Action, DueTrigger, InteractionKind, Trigger};
use uuid::Uuid;

use super::{
    customer_record::Place,
    rows::{self, Known, sql},
};

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
    let mut sql = sql(conn);
    let mut wanted = vec![format!("org_id = {}", sql.bind(org))];
    if !show_retired {
        wanted.push("retire_us IS NULL".to_owned());
    }
    if let Some(units) = units {
        wanted.push(sql.one_of("unit_id", units));
    }
    let limit = sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let text = format!(
        "SELECT * FROM customer_trigger WHERE {} ORDER BY create_us DESC, id DESC LIMIT {limit}",
        wanted.join(" AND ")
    );
    sql.query(conn, &text).await?.iter().map(of_row).collect()
}

/// One trigger.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Trigger>> {
    let mut sql = sql(conn);
    let (org, id) = (sql.bind(org), sql.bind(id));
    let text = format!("SELECT * FROM customer_trigger WHERE id = {id} AND org_id = {org}");
    sql.query(conn, &text).await?.first().map(of_row).transpose()
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
    })
}

/// Adds what triggers called for; the same interaction is called for once by each.
pub async fn insert_due(conn: &impl ConnectionTrait, new: &[DueTrigger]) -> Result<u64> {
    let columns = [
        "id",
        "org_id",
        "trigger_id",
        "interaction_id",
        "customer_id",
        "unit_id",
        "action",
        "campaign_id",
        "due_us",
    ];
    let rows: Vec<_> = new
        .iter()
        .map(|d| {
            vec![
                d.id.into(),
                d.org.into(),
                d.trigger.into(),
                d.interaction.into(),
                d.customer.into(),
                d.unit.into(),
                (d.action as i16).into(),
                d.campaign.into(),
                d.due_us.into(),
            ]
        })
        .collect();
    rows::insert(conn, "due_trigger", &columns, &rows, Known::Keep).await
}

/// Which due triggers.
#[derive(Debug, Clone, Default)]
pub struct DueFilter {
    /// Only of these units; nothing means all.
    pub units: Option<Vec<Uuid>>,
    /// Also what was seen to.
    pub show_done: bool,
}

/// What triggers called for, earliest due first, at most `limit` after `after`.
pub async fn due(
    conn: &impl ConnectionTrait,
    org: Uuid,
    filter: &DueFilter,
    after: Option<Place>,
    limit: u64,
) -> Result<Vec<DueTrigger>> {
    let mut sql = sql(conn);
    let mut wanted = vec![format!("org_id = {}", sql.bind(org))];
    if !filter.show_done {
        wanted.push("done_us IS NULL".to_owned());
    }
    if let Some(units) = &filter.units {
        wanted.push(sql.one_of("unit_id", units));
    }
    if let Some((us, id)) = after {
        wanted.push(format!("(due_us, id) > ({}, {})", sql.bind(us), sql.bind(id)));
    }
    let limit = sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let text = format!(
        "SELECT * FROM due_trigger WHERE {} ORDER BY due_us, id LIMIT {limit}",
        wanted.join(" AND ")
    );
    let rows = sql.query(conn, &text).await?;
    rows.iter()
        .map(|row| {
            let action: i16 = row.try_get("", "action")?;
            let odd_action = || odd("due_trigger", "action");
            Ok(DueTrigger {
                id: row.try_get("", "id")?,
                org: row.try_get("", "org_id")?,
                trigger: row.try_get("", "trigger_id")?,
                interaction: row.try_get("", "interaction_id")?,
                customer: row.try_get("", "customer_id")?,
                unit: row.try_get("", "unit_id")?,
                action: Action::from_number(action.into()).ok_or_else(odd_action)?,
                campaign: row.try_get("", "campaign_id")?,
                due_us: row.try_get("", "due_us")?,
                done_us: row.try_get("", "done_us")?,
            })
        })
        .collect()
}

/// Marks the call-backs of a customer that were called for by `at_us` as seen to.
pub async fn called_back(
    conn: &impl ConnectionTrait,
    org: Uuid,
    customer: Uuid,
    at_us: i64,
    now_us: i64,
) -> Result<u64> {
    let mut sql = sql(conn);
    let (now, org, customer) = (sql.bind(now_us), sql.bind(org), sql.bind(customer));
    let (action, at) = (sql.bind(Action::CallBack as i16), sql.bind(at_us));
    let text = format!(
        "UPDATE due_trigger SET done_us = {now} WHERE customer_id = {customer} \
         AND org_id = {org} AND action = {action} AND due_us <= {at} AND done_us IS NULL"
    );
    sql.execute(conn, &text).await
}
