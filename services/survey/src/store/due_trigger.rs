//! What triggers called for, and what came of it.

use kit::db::{Dialect, WriteTx, dialect_of, sql::odd};
use kit::error::Result;
use sea_orm::{ConnectionTrait, QueryResult};
use survey_domain::{
    campaign::State as CampaignState,
    record::{Action, DueTrigger, Outcome},
};
use uuid::Uuid;

use super::{
    customer_record::Place,
    rows::{self, Known, sql},
};

/// Those that wait to be invited; the words of the indexes.
const WAITING: &str = "done_us IS NULL AND action = 1";

/// Adds what triggers called for; the same interaction is called for once by each.
pub async fn insert(conn: &impl ConnectionTrait, new: &[DueTrigger]) -> Result<u64> {
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
        "arrive_us",
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
                d.arrive_us.into(),
            ]
        })
        .collect();
    rows::insert(conn, "due_trigger", &columns, &rows, Known::Keep).await
}

/// Which due triggers.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of these units; nothing means all.
    pub units: Option<Vec<Uuid>>,
    /// Only of this trigger.
    pub trigger: Option<Uuid>,
    /// Also what was seen to.
    pub show_done: bool,
}

/// What triggers called for, earliest due first, at most `limit` after `after`.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    filter: &Filter,
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
    if let Some(trigger) = filter.trigger {
        wanted.push(format!("trigger_id = {}", sql.bind(trigger)));
    }
    if let Some((us, id)) = after {
        wanted.push(format!("(due_us, id) > ({}, {})", sql.bind(us), sql.bind(id)));
    }
    let limit = sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let text = format!(
        "SELECT * FROM due_trigger WHERE {} ORDER BY due_us, id LIMIT {limit}",
        wanted.join(" AND ")
    );
    sql.query(conn, &text).await?.iter().map(of_row).collect()
}

/// Campaigns, with their organisations, that somebody is due to be invited to and that are no
/// drafts, at most `limit`. Deleted ones are among them.
pub async fn campaigns(
    conn: &impl ConnectionTrait,
    now_us: i64,
    limit: u64,
) -> Result<Vec<(Uuid, Uuid)>> {
    let mut sql = sql(conn);
    let (now, draft) = (sql.bind(now_us), sql.bind(CampaignState::Draft as i16));
    let limit = sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let text = format!(
        "SELECT DISTINCT d.org_id, d.campaign_id FROM due_trigger d \
         LEFT JOIN campaign c ON c.id = d.campaign_id \
         WHERE d.done_us IS NULL AND d.action = 1 AND d.campaign_id IS NOT NULL \
         AND d.due_us <= {now} AND (c.state IS NULL OR c.state <> {draft}) LIMIT {limit}"
    );
    let rows = sql.query(conn, &text).await?;
    rows.iter()
        .map(|row| Ok((row.try_get("", "org_id")?, row.try_get("", "campaign_id")?)))
        .collect()
}

/// Some that are due for a campaign, earliest first, kept from others until the transaction ends;
/// those that others work on are left to them.
pub async fn take(
    tx: &WriteTx,
    org: Uuid,
    campaign: Uuid,
    now_us: i64,
    limit: u64,
) -> Result<Vec<DueTrigger>> {
    let conn = tx.conn();
    let mut sql = sql(conn);
    let (org, campaign, now) = (sql.bind(org), sql.bind(campaign), sql.bind(now_us));
    let limit = sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let lock = match dialect_of(conn) {
        Dialect::Postgres => " FOR UPDATE SKIP LOCKED",
        Dialect::Sqlite => "",
    };
    let text = format!(
        "SELECT * FROM due_trigger WHERE campaign_id = {campaign} AND org_id = {org} \
         AND {WAITING} AND due_us <= {now} ORDER BY due_us, id LIMIT {limit}{lock}"
    );
    sql.query(conn, &text).await?.iter().map(of_row).collect()
}

/// Notes what came of one that was taken.
pub async fn settle(
    tx: &WriteTx,
    due: &DueTrigger,
    (outcome, invitation): (Outcome, Option<Uuid>),
    now_us: i64,
) -> Result<()> {
    let mut sql = sql(tx.conn());
    let text = format!(
        "UPDATE due_trigger SET done_us = {}, outcome = {}, invitation_id = {} \
         WHERE id = {} AND org_id = {}",
        sql.bind(now_us),
        sql.bind(outcome as i16),
        sql.bind(invitation),
        sql.bind(due.id),
        sql.bind(due.org),
    );
    sql.execute(tx.conn(), &text).await?;
    Ok(())
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
    let outcome = sql.bind(Outcome::CalledBack as i16);
    let text = format!(
        "UPDATE due_trigger SET done_us = {now}, outcome = {outcome} \
         WHERE customer_id = {customer} AND org_id = {org} AND action = {action} \
         AND due_us <= {at} AND done_us IS NULL"
    );
    sql.execute(conn, &text).await
}

fn of_row(row: &QueryResult) -> Result<DueTrigger> {
    let get = |column: &'static str| odd("due_trigger", column);
    let (action, outcome): (i16, Option<i16>) =
        (row.try_get("", "action")?, row.try_get("", "outcome")?);
    let due_us: i64 = row.try_get("", "due_us")?;
    let outcome =
        outcome.map(|number| Outcome::from_number(number.into()).ok_or_else(|| get("outcome")));
    Ok(DueTrigger {
        id: row.try_get("", "id")?,
        org: row.try_get("", "org_id")?,
        trigger: row.try_get("", "trigger_id")?,
        interaction: row.try_get("", "interaction_id")?,
        customer: row.try_get("", "customer_id")?,
        unit: row.try_get("", "unit_id")?,
        action: Action::from_number(action.into()).ok_or_else(|| get("action"))?,
        campaign: row.try_get("", "campaign_id")?,
        due_us,
        // Rows of an earlier release do not tell.
        arrive_us: row.try_get::<Option<i64>>("", "arrive_us")?.unwrap_or(due_us),
        done_us: row.try_get("", "done_us")?,
        outcome: outcome.transpose()?,
        invitation: row.try_get("", "invitation_id")?,
    })
}
