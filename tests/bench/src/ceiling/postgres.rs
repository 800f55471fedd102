//! UNNEST on PostgreSQL, from several connections.

use sqlx::{AssertSqlSafe, PgConnection};
use tokio::time::Instant;
use uuid::Uuid;

use super::{COLUMNS, ROWS, RatingRow, Rows};
use crate::{
    engine,
    error::{During as _, Result},
    load::Slice,
    stats::Latencies,
};

/// Writes until the slice ends; rows and commit latencies of the measured time.
pub(super) async fn write(
    url: &str,
    connections: usize,
    rows: &Rows,
    slice: Slice,
) -> Result<(u64, Latencies)> {
    let writers = (0..connections).map(|_| one(url, rows, slice));
    let mut all = (0, Latencies::default());
    for (written, latencies) in futures::future::try_join_all(writers).await? {
        all.0 += written;
        all.1.add(&latencies);
    }
    Ok(all)
}

async fn one(url: &str, rows: &Rows, slice: Slice) -> Result<(u64, Latencies)> {
    let mut conn = engine::postgres(url).await?;
    let text = statement();
    let mut written = 0;
    let mut latencies = Latencies::default();
    loop {
        let began = Instant::now();
        if began >= slice.until {
            return Ok((written, latencies));
        }
        let inserted = insert(&mut conn, &text, &rows.next(ROWS)).await?;
        let now = Instant::now();
        if slice.holds(now) {
            written += inserted;
            latencies.record(now - began);
        }
    }
}

fn statement() -> String {
    let types = [
        "uuid", "uuid", "uuid", "int8", "int8", "uuid", "int8", "uuid", "int4", "text", "text",
        "text", "uuid", "uuid", "uuid", "uuid", "text", "int2", "int8", "int8", "int8", "int2",
        "bool", "int4",
    ];
    let arrays: Vec<String> =
        types.iter().zip(1..).map(|(of, place)| format!("${place}::{of}[]")).collect();
    let arrays = arrays.join(", ");
    format!("INSERT INTO rating ({COLUMNS}) SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING")
}

async fn insert(conn: &mut PgConnection, text: &str, rows: &[RatingRow]) -> Result<u64> {
    fn column<T>(rows: &[RatingRow], of: impl Fn(&RatingRow) -> T) -> Vec<T> {
        rows.iter().map(of).collect()
    }
    let ids = |of: fn(&RatingRow) -> Uuid| column(rows, of);
    let ids_opt = |of: fn(&RatingRow) -> Option<Uuid>| column(rows, of);
    let numbers = |of: fn(&RatingRow) -> i64| column(rows, of);
    let texts = |of: fn(&RatingRow) -> Option<String>| column(rows, of);
    let done = sqlx::query(AssertSqlSafe(text))
        .bind(ids(|r| r.id))
        .bind(ids(|r| r.org))
        .bind(ids(|r| r.device))
        .bind(numbers(|r| r.epoch))
        .bind(numbers(|r| r.sequence))
        .bind(ids(|r| r.rating_id))
        .bind(numbers(|r| r.content_hash))
        .bind(ids(|r| r.template))
        .bind(column(rows, |r| r.grade))
        .bind(texts(|r| r.item_grades.clone()))
        .bind(texts(|r| r.reasons.clone()))
        .bind(texts(|r| r.comment.clone()))
        .bind(ids_opt(|r| r.window))
        .bind(ids(|r| r.site))
        .bind(ids_opt(|r| r.staff))
        .bind(ids_opt(|r| r.encounter))
        .bind(texts(|r| r.business_type.clone()))
        .bind(column(rows, |r| r.channel))
        .bind(numbers(|r| r.press_us))
        .bind(column(rows, |r| r.device_us))
        .bind(numbers(|r| r.receive_us))
        .bind(column(rows, |r| r.clock_source))
        .bind(column(rows, |r| r.clock_suspect))
        .bind(column(rows, |r| r.trust_marks))
        .execute(conn)
        .await;
    Ok(done.during("writing rows of ratings")?.rows_affected())
}
