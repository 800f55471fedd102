//! What people set: targets, score cards, alert rules and calendar days. Bodies are messages of
//! the contract, kept as bytes.

use std::collections::BTreeMap;

use analytics_domain::{calendar::Day, time::date_of};
use jiff::civil::Date;
use kit::{db::newest::Newest, error::Result};
use sea_orm::{ConnectionTrait, QueryResult, Value};
use uuid::Uuid;

use super::sql::{Values, execute, query};

/// Kinds of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Target.
    Target = 1,
    /// Score card.
    ScoreCard = 2,
    /// Alert rule.
    AlertRule = 3,
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its id.
    pub id: Uuid,
    /// Unit that it belongs to.
    pub unit: Uuid,
    /// Its message.
    pub body: Vec<u8>,
    /// When it was created, microseconds.
    pub create_us: i64,
}

/// Columns of an object.
pub(super) const COLUMNS: &str = "id, unit_id, body, create_us";

/// Adds an object, or replaces the one with its id.
pub async fn put(
    conn: &impl ConnectionTrait,
    org: Uuid,
    kind: Kind,
    setting: &Setting,
) -> Result<()> {
    let mut values = Values::default();
    let tuple = values.tuple([
        org.into(),
        (kind as i16).into(),
        setting.id.into(),
        setting.unit.into(),
        Value::from(setting.body.clone()),
        setting.create_us.into(),
    ]);
    let sql = format!(
        "INSERT INTO setting (org_id, kind, {COLUMNS}) VALUES {tuple} \
         ON CONFLICT (org_id, kind, id) DO UPDATE SET body = excluded.body"
    );
    execute(conn, sql, values).await?;
    Ok(())
}

/// One object.
pub async fn find(
    conn: &impl ConnectionTrait,
    org: Uuid,
    kind: Kind,
    id: Uuid,
) -> Result<Option<Setting>> {
    let mut values = Values::default();
    let (org, kind, id) = (values.put(org), values.put(kind as i16), values.put(id));
    let sql = format!(
        "SELECT {COLUMNS} FROM setting WHERE org_id = {org} AND kind = {kind} AND id = {id}"
    );
    query(conn, sql, values).await?.first().map(of_row).transpose()
}

/// Objects, newest first, of these units or of all.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    kind: Kind,
    units: Option<&[Uuid]>,
    after: Option<(i64, Uuid)>,
    limit: u64,
) -> Result<Vec<Setting>> {
    let list = Newest::of(conn, "setting", "create_us", org).columns(COLUMNS);
    let list = list.equal("kind", Some(kind as i16)).among("unit_id", units);
    list.rows(conn, after, limit).await?.iter().map(of_row).collect()
}

/// Removes an object; false if it was gone.
pub async fn delete(conn: &impl ConnectionTrait, org: Uuid, kind: Kind, id: Uuid) -> Result<bool> {
    let mut values = Values::default();
    let (org, kind, id) = (values.put(org), values.put(kind as i16), values.put(id));
    let sql = format!("DELETE FROM setting WHERE org_id = {org} AND kind = {kind} AND id = {id}");
    Ok(execute(conn, sql, values).await? == 1)
}

/// Sets a day of an organisation's calendar; `None` goes back to what is built in.
pub async fn set_day(
    conn: &impl ConnectionTrait,
    org: Uuid,
    day: i32,
    to: Option<&Day>,
) -> Result<()> {
    let mut values = Values::default();
    let sql = match to {
        None => {
            let (org, day) = (values.put(org), values.put(day));
            format!("DELETE FROM calendar_day WHERE org_id = {org} AND day = {day}")
        }
        Some(to) => {
            let working = i16::from(to.working);
            let title = Value::from(to.title.as_str());
            let tuple = values.tuple([org.into(), day.into(), working.into(), title]);
            format!(
                "INSERT INTO calendar_day (org_id, day, working, title) VALUES {tuple} \
                 ON CONFLICT (org_id, day) DO UPDATE SET working = excluded.working, \
                 title = excluded.title"
            )
        }
    };
    execute(conn, sql, values).await?;
    Ok(())
}

/// Days that an organisation has set.
pub async fn days(conn: &impl ConnectionTrait, org: Uuid) -> Result<BTreeMap<Date, Day>> {
    let mut values = Values::default();
    let org = values.put(org);
    let sql = format!("SELECT day, working, title FROM calendar_day WHERE org_id = {org}");
    let rows = query(conn, sql, values).await?;
    rows.iter()
        .map(|row| {
            let (day, working): (i32, i16) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            let day = date_of(day.into());
            Ok((day, Day { working: working != 0, title: row.try_get_by_index(2)? }))
        })
        .collect()
}

/// The object of a row of [`COLUMNS`].
pub(super) fn of_row(row: &QueryResult) -> Result<Setting> {
    Ok(Setting {
        id: row.try_get_by_index(0)?,
        unit: row.try_get_by_index(1)?,
        body: row.try_get_by_index(2)?,
        create_us: row.try_get_by_index(3)?,
    })
}
