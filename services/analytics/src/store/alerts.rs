//! Alerts, and what the verifier has found. Bodies are messages of the contract.

use kit::{db::newest::Newest, error::Result};
use sea_orm::{ConnectionTrait, Value};
use uuid::Uuid;

use super::{
    settings::{COLUMNS, Setting, of_row},
    sql::{Values, execute, query},
};

/// Adds an alert of a rule, unless it was raised before; whether it is new.
pub async fn raise(
    conn: &impl ConnectionTrait,
    org: Uuid,
    rule: Uuid,
    alert: &Setting,
) -> Result<bool> {
    let mut values = Values::default();
    let tuple = values.tuple([
        org.into(),
        alert.id.into(),
        alert.unit.into(),
        Value::from(alert.body.clone()),
        alert.create_us.into(),
        rule.into(),
    ]);
    let sql = format!(
        "INSERT INTO alert (org_id, id, unit_id, body, create_us, rule_id) VALUES {tuple} \
         ON CONFLICT DO NOTHING"
    );
    Ok(execute(conn, sql, values).await? == 1)
}

/// Alerts of a rule that are not cleared, newest first.
pub async fn open(
    conn: &impl ConnectionTrait,
    org: Uuid,
    rule: Uuid,
    limit: u64,
) -> Result<Vec<Setting>> {
    let list = alerts(conn, org).equal("rule_id", Some(rule)).only(true, "clear_us IS NULL");
    list.rows(conn, None, limit).await?.iter().map(of_row).collect()
}

/// Notes with its new body that an alert is cleared; false if it was before.
pub async fn clear(
    conn: &impl ConnectionTrait,
    org: Uuid,
    alert: &Setting,
    clear_us: i64,
) -> Result<bool> {
    let mut values = Values::default();
    let (body, us) = (values.put(alert.body.clone()), values.put(clear_us));
    let (org, id) = (values.put(org), values.put(alert.id));
    let sql = format!(
        "UPDATE alert SET body = {body}, clear_us = {us} \
         WHERE org_id = {org} AND id = {id} AND clear_us IS NULL"
    );
    Ok(execute(conn, sql, values).await? == 1)
}

/// Alerts, newest first, of these units or of all.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    units: Option<&[Uuid]>,
    after: Option<(i64, Uuid)>,
    limit: u64,
) -> Result<Vec<Setting>> {
    let list = alerts(conn, org).among("unit_id", units);
    list.rows(conn, after, limit).await?.iter().map(of_row).collect()
}

fn alerts(conn: &impl ConnectionTrait, org: Uuid) -> Newest {
    Newest::of(conn, "alert", "create_us", org).columns(COLUMNS)
}

/// What the verifier has found for an organisation, if it has looked.
pub async fn verification(conn: &impl ConnectionTrait, org: Uuid) -> Result<Option<Vec<u8>>> {
    let mut values = Values::default();
    let sql = format!("SELECT body FROM verification WHERE org_id = {}", values.put(org));
    let rows = query(conn, sql, values).await?;
    rows.first().map(|row| Ok(row.try_get_by_index(0)?)).transpose()
}

/// Keeps what the verifier has found.
pub async fn verified(conn: &impl ConnectionTrait, org: Uuid, body: Vec<u8>) -> Result<()> {
    let mut values = Values::default();
    let tuple = values.tuple([org.into(), Value::from(body)]);
    let sql = format!(
        "INSERT INTO verification (org_id, body) VALUES {tuple} \
         ON CONFLICT (org_id) DO UPDATE SET body = excluded.body"
    );
    execute(conn, sql, values).await?;
    Ok(())
}
