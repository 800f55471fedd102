//! Rows of VALUES on SQLite, from the one writer that it has.

use sqlx::{AssertSqlSafe, SqliteConnection};
use tokio::time::Instant;

use super::{COLUMNS, COLUMNS_COUNT, ROWS, RatingRow, Rows};
use crate::{
    engine,
    error::{During as _, Result},
    load::Slice,
    stats::Latencies,
};

/// Rows of one statement; more gain nothing, since binding is what costs.
const STATEMENT_ROWS: usize = 100;

/// Writes until the slice ends; rows and commit latencies of the measured time.
pub(super) async fn write(url: &str, rows: &Rows, slice: Slice) -> Result<(u64, Latencies)> {
    let mut conn = engine::sqlite(url).await?;
    let text = statement();
    let mut written = 0;
    let mut latencies = Latencies::default();
    let mut next = rows.next(ROWS);
    loop {
        let began = Instant::now();
        if began >= slice.until {
            return Ok((written, latencies));
        }
        // The next rows are made while the database's thread works on these.
        let (inserted, following) =
            tokio::join!(commit(&mut conn, &text, next), async { rows.next(ROWS) });
        next = following;
        let inserted = inserted?;
        let now = Instant::now();
        if slice.holds(now) {
            written += inserted;
            latencies.record(now - began);
        }
    }
}

fn statement() -> String {
    let row = format!("({}?)", "?,".repeat(COLUMNS_COUNT - 1));
    let rows = vec![row; STATEMENT_ROWS].join(",");
    format!("INSERT INTO rating ({COLUMNS}) VALUES {rows} ON CONFLICT DO NOTHING")
}

async fn commit(conn: &mut SqliteConnection, text: &str, rows: Vec<RatingRow>) -> Result<u64> {
    let during = "writing rows of ratings";
    let mut inserted = 0;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *conn).await.during(during)?;
    let mut rows = rows.into_iter();
    for _ in 0..ROWS / STATEMENT_ROWS {
        let mut query = sqlx::query(AssertSqlSafe(text));
        for r in rows.by_ref().take(STATEMENT_ROWS) {
            query = query
                .bind(r.id)
                .bind(r.org)
                .bind(r.device)
                .bind(r.epoch)
                .bind(r.sequence)
                .bind(r.rating_id)
                .bind(r.content_hash)
                .bind(r.template)
                .bind(r.grade)
                .bind(r.item_grades)
                .bind(r.reasons)
                .bind(r.comment)
                .bind(r.window)
                .bind(r.site)
                .bind(r.staff)
                .bind(r.encounter)
                .bind(r.business_type)
                .bind(r.channel)
                .bind(r.press_us)
                .bind(r.device_us)
                .bind(r.receive_us)
                .bind(r.clock_source)
                .bind(r.clock_suspect)
                .bind(r.trust_marks);
        }
        inserted += query.execute(&mut *conn).await.during(during)?.rows_affected();
    }
    sqlx::query("COMMIT").execute(&mut *conn).await.during(during)?;
    Ok(inserted)
}
