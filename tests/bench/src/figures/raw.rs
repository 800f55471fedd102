//! The same ratings as plain rows in the device service's table, and the question put to them
//! by GROUP BY: what it would cost to have no roll-ups.

use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, PgConnection, SqliteConnection};
use tokio::time::Instant;
use uuid::Uuid;

use super::{DAYS, OPEN_FOR_S, OPEN_S, World};
use crate::{
    ceiling::COLUMNS,
    engine::{self, Engine},
    error::{During as _, Result},
    progress::say,
    stats::Latencies,
};

/// Rows of one filling statement.
const CHUNK: u64 = 500_000;
/// Offset of the time zone, in microseconds.
const OFFSET_US: i64 = 8 * 3_600 * 1_000_000;

/// A table with the ratings of a [`World`].
pub struct Raw {
    conn: Conn,
}

enum Conn {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Raw {
    /// Fills the table of an empty database with the schema of the device service.
    pub async fn fill(engine: &Engine, url: &str, world: &World, ratings: u64) -> Result<Self> {
        let conn = match engine {
            Engine::Sqlite => Conn::Sqlite(engine::sqlite(url).await?),
            Engine::Postgres(_) => Conn::Postgres(engine::postgres(url).await?),
        };
        let mut raw = Self { conn };
        raw.execute(
            "CREATE TABLE place (number bigint PRIMARY KEY, window_id text, \
                     site_id text, staff_id text)",
        )
        .await?;
        raw.execute(&places(engine, world)).await?;
        if matches!(engine, Engine::Sqlite) {
            // Only the filling: nothing is written while questions are timed.
            raw.execute("PRAGMA synchronous = OFF").await?;
        }
        let began = Instant::now();
        let mut from = 0;
        while from < ratings {
            let to = (from + CHUNK).min(ratings);
            raw.execute(&fill(engine, world, ratings, from, to)).await?;
            from = to;
        }
        raw.execute(if matches!(engine, Engine::Sqlite) { "ANALYZE" } else { "VACUUM ANALYZE" })
            .await?;
        say(format_args!("{ratings} raw rows in {} s", began.elapsed().as_secs()));
        Ok(raw)
    }

    /// Asks `times` times for the figures of these branches by day; latencies, and the ratings
    /// that were counted. One more question before warms everything.
    pub async fn ask(
        &mut self,
        world: &World,
        branches: &[Uuid],
        times: usize,
    ) -> Result<(Latencies, u64)> {
        let text = question(&self.conn, world, branches);
        let mut latencies = Latencies::default();
        let mut counted = self.count(&text).await?;
        for _ in 0..times {
            let began = Instant::now();
            counted = self.count(&text).await?;
            latencies.record(began.elapsed());
        }
        Ok((latencies, counted))
    }

    async fn count(&mut self, text: &str) -> Result<u64> {
        let text = AssertSqlSafe(text);
        let counts: Vec<i64> = match &mut self.conn {
            Conn::Sqlite(conn) => sqlx::query_scalar(text).fetch_all(conn).await,
            Conn::Postgres(conn) => sqlx::query_scalar(text).fetch_all(conn).await,
        }
        .during("asking raw rows")?;
        Ok(counts.iter().map(|count| u64::try_from(*count).unwrap_or_default()).sum())
    }

    async fn execute(&mut self, text: &str) -> Result<()> {
        let query = sqlx::raw_sql(AssertSqlSafe(text.to_owned()));
        match &mut self.conn {
            Conn::Sqlite(conn) => query.execute(conn).await.map(drop),
            Conn::Postgres(conn) => query.execute(conn).await.map(drop),
        }
        .during("filling the raw table")
    }
}

/// An id as a literal of the dialect.
fn literal(engine: &Engine, id: Uuid) -> String {
    match engine {
        Engine::Sqlite => format!("x'{}'", id.simple()),
        Engine::Postgres(_) => format!("'{id}'::uuid"),
    }
}

fn places(engine: &Engine, world: &World) -> String {
    let mut text = String::from("INSERT INTO place VALUES ");
    for (number, window) in world.windows.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        let [id, site, staff] = [window.id, window.site, window.staff].map(|id| match engine {
            Engine::Sqlite => literal(engine, id),
            Engine::Postgres(_) => format!("'{id}'"),
        });
        // Writing to a String cannot fail.
        let _ = write!(text, "{comma}({number},{id},{site},{staff})");
    }
    text
}

/// Rows `from` to `to`, by the formula of [`super::fact`].
fn fill(engine: &Engine, world: &World, n: u64, from: u64, to: u64) -> String {
    let windows = world.windows.len();
    let last = to - 1;
    let (numbers, cast, id) = match engine {
        Engine::Sqlite => (
            format!(
                "WITH RECURSIVE numbers(i) AS (SELECT {from} UNION ALL \
                 SELECT i + 1 FROM numbers WHERE i < {last})"
            ),
            "",
            "unhex(printf('%012x', i) || '7000' || substr(printf('%016x', i * 7919), 1, 16))",
        ),
        Engine::Postgres(_) => (
            format!(
                "WITH numbers AS (SELECT i FROM generate_series({from}::bigint, {last}) AS s(i))"
            ),
            "::uuid",
            "(lpad(to_hex(i), 12, '0') || '7000' || lpad(to_hex(i * 7919), 16, '0'))::uuid",
        ),
    };
    let (org, template) = (literal(engine, world.org), literal(engine, world.template));
    let first_us = world.first_us;
    let press = format!(
        "{first_us} + ((i * {DAYS} / {n}) * 86400 + {OPEN_S} \
         + i * {DAYS} % {n} * {OPEN_FOR_S} / {n}) * 1000000"
    );
    let percent = "(i * 2654435761 % 4294967291) / 31 % 100";
    let false_ = if matches!(engine, Engine::Sqlite) { "0" } else { "false" };
    format!(
        "{numbers} INSERT INTO rating ({COLUMNS}) SELECT {id}, {org}, window_id{cast}, 1, i + 1, \
         {id}, i, {template}, CASE WHEN p < 2 THEN 1 WHEN p < 5 THEN 2 WHEN p < 15 THEN 3 \
         WHEN p < 40 THEN 4 ELSE 5 END, NULL, NULL, NULL, window_id{cast}, site_id{cast}, \
         staff_id{cast}, NULL, NULL, 1, press, press, press, 1, {false_}, 0 \
         FROM (SELECT i, {percent} AS p, {press} AS press, \
         (i * 2654435761 % 4294967291) / 7 % {windows} AS window_number FROM numbers) AS r \
         JOIN place ON place.number = window_number ORDER BY i"
    )
}

fn question(conn: &Conn, world: &World, branches: &[Uuid]) -> String {
    let engine = match conn {
        Conn::Sqlite(_) => Engine::Sqlite,
        Conn::Postgres(_) => Engine::Postgres(String::new()),
    };
    let (from_us, to_us) = world.month_us();
    let sites: Vec<String> = branches.iter().map(|id| literal(&engine, *id)).collect();
    let grades: Vec<String> =
        (1..=5).map(|grade| format!("sum(CASE WHEN grade = {grade} THEN 1 ELSE 0 END)")).collect();
    format!(
        "SELECT count(*), site_id, (press_us + {OFFSET_US}) / 86400000000 AS day, {} FROM rating \
         WHERE org_id = {} AND press_us >= {from_us} AND press_us < {to_us} \
         AND site_id IN ({}) AND trust_marks = 0 GROUP BY site_id, day",
        grades.join(", "),
        literal(&engine, world.org),
        sites.join(",")
    )
}
