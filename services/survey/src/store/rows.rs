//! Inserting rows by name of table and column, and looking for hashes: for tables that are
//! written in bulk.

use kit::{
    db::{Dialect, bulk, dialect_of},
    error::{Result, ServiceError, is_unique_violation},
};
use sea_orm::{
    ConnectionTrait, DbErr, Value,
    sea_query::{OnConflict, Query},
};

use kit::db::sql::Sql;

/// Values that one statement may bind.
const VALUES_MAX: usize = 8_000;

/// What to do with a row whose key is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It is an error.
    Refuse,
    /// Leave the row that is there.
    Keep,
}

/// Inserts rows of values in the order of `columns`; answers how many were added.
pub async fn insert(
    conn: &impl ConnectionTrait,
    table: &'static str,
    columns: &[&'static str],
    rows: &[Vec<Value>],
    known: Known,
) -> Result<u64> {
    let mut added = 0;
    for chunk in bulk::chunks(rows, VALUES_MAX / columns.len().max(1)) {
        let mut statement = Query::insert();
        statement.into_table(table).columns(columns.iter().copied());
        for row in chunk {
            let values = row.iter().cloned().map(Into::into);
            statement.values(values).map_err(ServiceError::internal)?;
        }
        if known == Known::Keep {
            statement.on_conflict(OnConflict::new().do_nothing().to_owned());
        }
        let result = conn.execute(&statement).await;
        added += result.map_err(lost)?.rows_affected();
    }
    Ok(added)
}

/// The error of a statement; a key that was free a moment ago means that somebody was faster.
pub fn lost(error: DbErr) -> ServiceError {
    if is_unique_violation(&error) { ServiceError::stale() } else { error.into() }
}

/// A statement for this connection.
pub fn sql(conn: &impl ConnectionTrait) -> Sql {
    Sql::new(dialect_of(conn))
}

/// `column` is one of `hashes`.
pub fn one_of_hashes(
    conn: &impl ConnectionTrait,
    sql: &mut Sql,
    column: &str,
    hashes: &[Vec<u8>],
) -> String {
    let texts: Vec<String> = hashes.iter().map(|hash| hex(hash)).collect();
    match dialect_of(conn) {
        Dialect::Postgres => {
            let list = sql.bind(texts);
            // Without the first half PostgreSQL does not see that an index over the rows that have
            // one will do; with it SQLite would scan that index.
            format!(
                "{column} IS NOT NULL AND {column} = \
                 ANY(ARRAY(SELECT decode(h, 'hex') FROM unnest({list}::text[]) h))"
            )
        }
        Dialect::Sqlite => {
            let list = sql.bind(serde_json::json!(texts).to_string());
            format!("{column} IN (SELECT unhex(value) FROM json_each({list}))")
        }
    }
}

/// Small hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
