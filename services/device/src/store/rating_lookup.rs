//! What the writer has to know about a group of presses, each kind in one statement.

use std::collections::HashMap;

use device_domain::{
    clock_correction::BootClock,
    device::{Kind, State},
    encounter::Encounter,
    shift::{Shift, State as ShiftState},
};
use kit::db::sql::{Column, Sql, odd};
use kit::{
    db::{Dialect, WriteTx, dialect_of},
    error::Result,
};
use sea_orm::{ConnectionTrait, EntityTrait, QueryResult};
use uuid::Uuid;

use super::{encounter, entity::encounter as encounter_row};

/// What counts of a device when its presses arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// Id.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Unit that manages it.
    pub unit: Uuid,
    /// Kind.
    pub kind: Kind,
    /// Template of its own.
    pub template: Option<Uuid>,
    /// State.
    pub state: State,
    /// Since when presses of it can be true: its first enrolment, or its registration while it
    /// has none because a bridge speaks for it.
    pub since_us: i64,
}

/// Locks devices until the end of the transaction, in the order of their ids: nobody else
/// stores presses of them, revokes them or moves them meanwhile. `ids` is ascending.
pub async fn lock_devices(tx: &WriteTx, ids: &[Uuid]) -> Result<HashMap<Uuid, Sender>> {
    let dialect = dialect_of(tx.conn());
    let mut sql = Sql::new(dialect);
    let which = sql.one_of("id", ids);
    let lock = match dialect {
        Dialect::Postgres => "FOR NO KEY UPDATE",
        Dialect::Sqlite => "",
    };
    let text = format!(
        "SELECT id, org_id, unit_id, kind, template_id, state, enroll_us, create_us \
         FROM device WHERE {which} ORDER BY id {lock}"
    );
    let rows = sql.query(tx.conn(), &text).await?;
    rows.iter().map(sender).map(|found| found.map(|sender| (sender.id, sender))).collect()
}

fn sender(row: &QueryResult) -> Result<Sender> {
    let kind: i16 = row.try_get("", "kind")?;
    let state: i16 = row.try_get("", "state")?;
    let enroll_us: Option<i64> = row.try_get("", "enroll_us")?;
    let create_us: i64 = row.try_get("", "create_us")?;
    Ok(Sender {
        id: row.try_get("", "id")?,
        org: row.try_get("", "org_id")?,
        unit: row.try_get("", "unit_id")?,
        kind: Kind::from_number(kind.into()).ok_or_else(|| odd("device", "kind"))?,
        template: row.try_get("", "template_id")?,
        state: State::from_number(state.into()).ok_or_else(|| odd("device", "state"))?,
        since_us: enroll_us.unwrap_or(create_us),
    })
}

/// Adds to how many messages of each device contradicted what is stored.
pub async fn note_conflicts(tx: &WriteTx, conflicts: &[(Uuid, i64)]) -> Result<()> {
    for (device, count) in conflicts {
        let mut sql = Sql::new(dialect_of(tx.conn()));
        let (count, id) = (sql.bind(*count), sql.bind(*device));
        let text =
            format!("UPDATE device SET conflict_count = conflict_count + {count} WHERE id = {id}");
        sql.execute(tx.conn(), &text).await?;
    }
    Ok(())
}

/// A place of a device: window, since when, until when.
pub type Place = (Uuid, i64, Option<i64>);

/// Where devices stood, ever.
pub async fn places(
    conn: &impl ConnectionTrait,
    devices: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Place>>> {
    let mut sql = Sql::new(dialect_of(conn));
    let which = sql.one_of("device_id", devices);
    let text =
        format!("SELECT device_id, window_id, from_us, to_us FROM device_assignment WHERE {which}");
    let mut found: HashMap<Uuid, Vec<Place>> = HashMap::new();
    for row in sql.query(conn, &text).await? {
        let place =
            (row.try_get("", "window_id")?, row.try_get("", "from_us")?, row.try_get("", "to_us")?);
        found.entry(row.try_get("", "device_id")?).or_default().push(place);
    }
    Ok(found)
}

/// Clocks of these boots, as far as they were measured.
pub async fn boot_clocks(
    conn: &impl ConnectionTrait,
    boots: &[(Uuid, &str)],
) -> Result<HashMap<(Uuid, String), BootClock>> {
    if boots.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sql = Sql::new(dialect_of(conn));
    let table = sql.table(vec![
        ("device_id", Column::Id(boots.iter().map(|b| b.0).collect())),
        ("boot_id", Column::Text(boots.iter().map(|b| b.1.to_owned()).collect())),
    ]);
    let text = format!(
        "{table} SELECT c.device_id, c.boot_id, c.offset_us, c.boot_us FROM q \
         JOIN device_clock c ON c.device_id = q.device_id AND c.boot_id = q.boot_id"
    );
    let rows = sql.query(conn, &text).await?;
    rows.iter()
        .map(|row| {
            let clock = BootClock {
                offset_us: row.try_get("", "offset_us")?,
                boot_us: row.try_get("", "boot_us")?,
            };
            Ok(((row.try_get("", "device_id")?, row.try_get("", "boot_id")?), clock))
        })
        .collect()
}

/// A window and a span of time, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Organisation.
    pub org: Uuid,
    /// Window.
    pub window: Uuid,
    /// From.
    pub from_us: i64,
    /// To.
    pub to_us: i64,
}

fn spans_table(sql: &mut Sql, spans: &[Span]) -> String {
    sql.table(vec![
        ("org_id", Column::Id(spans.iter().map(|s| s.org).collect())),
        ("window_id", Column::Id(spans.iter().map(|s| s.window).collect())),
        ("low", Column::Number(spans.iter().map(|s| s.from_us).collect())),
        ("high", Column::Number(spans.iter().map(|s| s.to_us).collect())),
    ])
}

/// Shifts that may hold within the spans, by window. `longest_us` is the longest shift that
/// any policy allows. Pauses are left out: they do not change who serves.
pub async fn shifts(
    conn: &impl ConnectionTrait,
    spans: &[Span],
    longest_us: i64,
) -> Result<HashMap<Uuid, Vec<Shift>>> {
    if spans.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sql = Sql::new(dialect_of(conn));
    let table = spans_table(&mut sql, spans);
    let longest = sql.bind(longest_us);
    let near = format!(
        "s.org_id = q.org_id AND s.window_id = q.window_id \
         AND s.start_us BETWEEN q.low - {longest} AND q.high"
    );
    let each = sql.each_with("shift", "s", &near);
    let text = format!(
        "{table} SELECT s.id, s.window_id, s.staff_id, s.start_us, s.end_us, s.cap_us FROM {each} \
         WHERE s.end_us IS NULL OR s.end_us > q.low"
    );
    let mut found: HashMap<Uuid, Vec<Shift>> = HashMap::new();
    for row in sql.query(conn, &text).await? {
        let shift = Shift {
            id: row.try_get("", "id")?,
            window: row.try_get("", "window_id")?,
            staff: row.try_get("", "staff_id")?,
            start_us: row.try_get("", "start_us")?,
            end_us: row.try_get("", "end_us")?,
            cap_us: row.try_get("", "cap_us")?,
            state: ShiftState::OnDuty,
            pauses: Vec::new(),
            ended_by_policy: false,
        };
        found.entry(shift.window).or_default().push(shift);
    }
    Ok(found)
}

/// Encounters that may be open within the spans: begun at most `longest_us` before, and not
/// ended more than `grace_us` before. With their organisations, oldest first.
pub async fn encounters(
    conn: &impl ConnectionTrait,
    spans: &[Span],
    longest_us: i64,
    grace_us: i64,
) -> Result<Vec<(Uuid, Encounter)>> {
    if spans.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(dialect_of(conn));
    let table = spans_table(&mut sql, spans);
    let (longest, grace) = (sql.bind(longest_us), sql.bind(grace_us));
    let near = format!(
        "e.org_id = q.org_id AND e.window_id = q.window_id \
         AND e.time_us BETWEEN q.low - {longest} AND q.high"
    );
    let each = sql.each_with("encounter", "e", &near);
    let text = format!(
        "{table} SELECT e.* FROM {each} \
         WHERE e.finish_us IS NULL OR e.finish_us >= q.low - {grace} \
         OR e.prompt_us >= q.low - {grace} ORDER BY e.time_us, e.id"
    );
    let rows = encounter_row::Entity::find().from_raw_sql(sql.statement(&text)).all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.org_id, encounter::of_row(row))).collect())
}

/// Those windows at which any encounter was reported within the spans.
pub async fn busy_windows(conn: &impl ConnectionTrait, spans: &[Span]) -> Result<Vec<Uuid>> {
    if spans.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(dialect_of(conn));
    let table = spans_table(&mut sql, spans);
    // LIMIT keeps it a look-up for each window: it is not turned into a join with all of them.
    let text = format!(
        "{table} SELECT q.window_id FROM q WHERE EXISTS (SELECT 1 FROM encounter e \
         WHERE e.org_id = q.org_id AND e.window_id = q.window_id \
         AND e.time_us BETWEEN q.low AND q.high LIMIT 1)"
    );
    let rows = sql.query(conn, &text).await?;
    rows.iter().map(|row| Ok(row.try_get("", "window_id")?)).collect()
}

/// Encounters by organisation and id.
pub async fn encounters_by_id(
    conn: &impl ConnectionTrait,
    ids: &[(Uuid, Uuid)],
) -> Result<Vec<(Uuid, Encounter)>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(dialect_of(conn));
    let table = sql.table(vec![
        ("org_id", Column::Id(ids.iter().map(|i| i.0).collect())),
        ("id", Column::Id(ids.iter().map(|i| i.1).collect())),
    ]);
    let text = format!(
        "{table} SELECT e.* FROM q JOIN encounter e ON e.org_id = q.org_id AND e.id = q.id"
    );
    let rows = encounter_row::Entity::find().from_raw_sql(sql.statement(&text)).all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.org_id, encounter::of_row(row))).collect())
}

/// Writes what a rating changes of encounters that are stored. False when one of them was
/// changed since it was read: roll back and decide again.
pub async fn rate_encounters(tx: &WriteTx, rated: &[(Uuid, &Encounter)]) -> Result<bool> {
    if rated.is_empty() {
        return Ok(true);
    }
    let ids =
        |pick: fn(&Encounter) -> Uuid| Column::Id(rated.iter().map(|(_, e)| pick(e)).collect());
    let numbers =
        |pick: fn(&Encounter) -> i64| Column::Number(rated.iter().map(|(_, e)| pick(e)).collect());
    let mut sql = Sql::new(dialect_of(tx.conn()));
    let table = sql.table(vec![
        ("org_id", Column::Id(rated.iter().map(|(org, _)| *org).collect())),
        ("id", ids(|e| e.id)),
        ("rating_id", ids(|e| e.rating.unwrap_or_default())),
        ("rating_channel", numbers(|e| e.rating_channel.into())),
        ("rate_us", numbers(|e| e.rate_us.unwrap_or_default())),
        ("state", numbers(|e| e.state() as i64)),
        ("time_us", numbers(Encounter::time_us)),
        ("version", numbers(|e| e.version)),
    ]);
    let text = format!(
        "{table} UPDATE encounter SET rating_id = q.rating_id, rating_channel = q.rating_channel, \
         rate_us = q.rate_us, state = q.state, time_us = q.time_us, version = q.version + 1 FROM q \
         WHERE encounter.org_id = q.org_id AND encounter.id = q.id \
         AND encounter.version = q.version"
    );
    Ok(sql.execute(tx.conn(), &text).await? == rated.len() as u64)
}
