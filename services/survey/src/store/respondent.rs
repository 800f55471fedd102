//! What bounds how many answers come from one place: counts by keyed hashes of networks and
//! browsers. The keys live for thirty days; without its key a hash says nothing.

use std::collections::HashMap;

use kit::{
    db::{Dialect, WriteTx, dialect_of},
    error::Result,
};
use sea_orm::{ConnectionTrait, Statement};
use survey_domain::stuffing::Window;

use kit::db::sql::{Sql, backend};

/// A keyed hash.
pub type Hash = Vec<u8>;

/// The key of a period, made with `fresh` if there is none yet. Replicas agree on one.
pub async fn key(tx: &WriteTx, period: i64, fresh: &[u8]) -> Result<Vec<u8>> {
    let conn = tx.conn();
    let mut sql = Sql::new(dialect_of(conn));
    let (at, key) = (sql.bind(period), sql.bind(fresh.to_vec()));
    let text = format!(
        "INSERT INTO respondent_key (period, key) VALUES ({at}, {key}) ON CONFLICT DO NOTHING"
    );
    sql.execute(conn, &text).await?;
    let mut sql = Sql::new(dialect_of(conn));
    let at = sql.bind(period);
    let text = format!("SELECT key FROM respondent_key WHERE period = {at}");
    let rows = sql.query(conn, &text).await?;
    let row = rows.first().ok_or_else(|| kit::db::sql::odd("respondent_key", "period"))?;
    Ok(row.try_get("", "key")?)
}

/// All keys by period.
pub async fn keys(conn: &impl ConnectionTrait) -> Result<Vec<(i64, Vec<u8>)>> {
    let sql = Sql::new(dialect_of(conn));
    let rows = sql.query(conn, "SELECT period, key FROM respondent_key ORDER BY period").await?;
    rows.iter().map(|row| Ok((row.try_get("", "period")?, row.try_get("", "key")?))).collect()
}

/// Destroys keys of periods before `period`, and what was hashed with them. The key is first
/// written over in its place, so that it does not stay in a page that is free.
pub async fn destroy_before(tx: &WriteTx, period: i64) -> Result<u64> {
    let conn = tx.conn();
    let zeros = vec![0u8; 32];
    let mut sql = Sql::new(dialect_of(conn));
    let (key, before) = (sql.bind(zeros), sql.bind(period));
    let text = format!("UPDATE respondent_key SET key = {key} WHERE period < {before}");
    sql.execute(conn, &text).await?;
    let mut sql = Sql::new(dialect_of(conn));
    let before = sql.bind(period);
    sql.execute(conn, &format!("DELETE FROM respondent_browser WHERE period < {before}")).await?;
    let mut sql = Sql::new(dialect_of(conn));
    let before = sql.bind(period);
    sql.execute(conn, &format!("DELETE FROM respondent_key WHERE period < {before}")).await
}

/// Windows of networks, locked on PostgreSQL until the transaction ends.
pub async fn windows(tx: &WriteTx, places: &[Hash]) -> Result<HashMap<Hash, Window>> {
    let conn = tx.conn();
    let rows = select(tx, "SELECT place, counts FROM respondent_window", "place", places).await?;
    let _ = conn;
    rows.iter()
        .map(|row| {
            let counts: String = row.try_get("", "counts")?;
            // What cannot be read counts nothing; it is written anew.
            Ok((row.try_get("", "place")?, Window::parse(&counts).unwrap_or_default()))
        })
        .collect()
}

/// How often each browser has answered.
pub async fn browsers(tx: &WriteTx, browsers: &[Hash]) -> Result<HashMap<Hash, i32>> {
    let text = "SELECT browser, count FROM respondent_browser";
    let rows = select(tx, text, "browser", browsers).await?;
    rows.iter().map(|row| Ok((row.try_get("", "browser")?, row.try_get("", "count")?))).collect()
}

async fn select(
    tx: &WriteTx,
    text: &str,
    column: &str,
    hashes: &[Hash],
) -> Result<Vec<sea_orm::QueryResult>> {
    if hashes.is_empty() {
        return Ok(Vec::new());
    }
    let conn = tx.conn();
    let dialect = dialect_of(conn);
    let (places, lock) = match dialect {
        Dialect::Sqlite => (vec!["?".to_owned(); hashes.len()], ""),
        Dialect::Postgres => {
            let places = (1..=hashes.len()).map(|at| format!("${at}")).collect();
            // In the order of the key, so that two writers never wait for each other.
            (places, " FOR UPDATE")
        }
    };
    let text = format!("{text} WHERE {column} IN ({}) ORDER BY {column}{lock}", places.join(","));
    let values = hashes.iter().map(|hash| hash.clone().into()).collect::<Vec<sea_orm::Value>>();
    Ok(conn.query_all_raw(Statement::from_sql_and_values(backend(dialect), text, values)).await?)
}

/// Writes a window.
pub async fn save_window(tx: &WriteTx, place: &Hash, window: &Window, now_us: i64) -> Result<()> {
    let conn = tx.conn();
    let mut sql = Sql::new(dialect_of(conn));
    let text = format!(
        "INSERT INTO respondent_window (place, counts, change_us) VALUES ({}, {}, {}) \
         ON CONFLICT (place) DO UPDATE SET counts = excluded.counts, \
         change_us = excluded.change_us",
        sql.bind(place.clone()),
        sql.bind(window.print()),
        sql.bind(now_us),
    );
    sql.execute(conn, &text).await?;
    Ok(())
}

/// Counts answers of a browser.
pub async fn count_browser(tx: &WriteTx, browser: &Hash, period: i64, more: i32) -> Result<()> {
    let conn = tx.conn();
    let mut sql = Sql::new(dialect_of(conn));
    let text = format!(
        "INSERT INTO respondent_browser (browser, period, count) VALUES ({}, {}, {}) \
         ON CONFLICT (browser) DO UPDATE SET count = respondent_browser.count + excluded.count",
        sql.bind(browser.clone()),
        sql.bind(period),
        sql.bind(more),
    );
    sql.execute(conn, &text).await?;
    Ok(())
}

/// Forgets windows in which nothing happened since `before_us`.
pub async fn forget_windows(tx: &WriteTx, before_us: i64) -> Result<u64> {
    let conn = tx.conn();
    let mut sql = Sql::new(dialect_of(conn));
    let before = sql.bind(before_us);
    sql.execute(conn, &format!("DELETE FROM respondent_window WHERE change_us < {before}")).await
}
