//! Small helpers for hand-written SQL: numbered parameters, lists, and a snapshot to read in.

use std::time::Duration;

use kit::{
    db::{Db, Dialect},
    error::Result,
};
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseTransaction, DbBackend, IsolationLevel, QueryResult,
    Statement, TransactionOptions, TransactionTrait, Value,
};

/// Longest list of ids in one statement; SQLite allows 32,766 parameters in all.
pub const LIST_MAX: usize = 500;

/// A statement outside of any call ends after this time.
const STATEMENT_MAX: Duration = Duration::from_secs(30);
/// How much longer than its call a statement may run.
const STATEMENT_SLACK: Duration = Duration::from_millis(50);

/// Values of a statement under construction. The text may name a parameter anywhere and more
/// than once.
#[derive(Debug, Default)]
pub struct Values(Vec<Value>);

impl Values {
    /// Adds a value and gives its parameter, `$n`.
    pub fn put(&mut self, value: impl Into<Value>) -> String {
        self.0.push(value.into());
        format!("${}", self.0.len())
    }

    /// Adds values and gives them as a row, `($a, $b, …)`.
    pub fn tuple(&mut self, values: impl IntoIterator<Item = Value>) -> String {
        let parameters: Vec<String> = values.into_iter().map(|value| self.put(value)).collect();
        format!("({})", parameters.join(", "))
    }

    /// Adds values and gives them as a list for `IN`; an empty one matches nothing. The last
    /// value is repeated up to one of few lengths, so that prepared statements are found again.
    pub fn list<V: Into<Value>>(&mut self, values: impl IntoIterator<Item = V>) -> String {
        let mut values: Vec<Value> = values.into_iter().map(Into::into).collect();
        let Some(last) = values.last().cloned() else { return "(NULL)".to_owned() };
        let length = values.len().next_power_of_two().min(LIST_MAX).max(values.len());
        values.resize(length, last);
        self.tuple(values)
    }

    /// The statement.
    pub fn into_statement(self, backend: DbBackend, sql: String) -> Statement {
        if backend == DbBackend::Sqlite {
            let (sql, values) = anonymous(&sql, &self.0);
            return Statement::from_sql_and_values(backend, sql, values);
        }
        Statement::from_sql_and_values(backend, sql, self.0)
    }
}

/// The text with `?` for each `$n`, and the values in the order of the text. SQLite searches
/// the names of all parameters for each `$n`, which makes long lists slow.
fn anonymous(sql: &str, values: &[Value]) -> (String, Vec<Value>) {
    let mut text = String::with_capacity(sql.len());
    let mut ordered = Vec::with_capacity(values.len());
    let mut parts = sql.split('$');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let number: Option<usize> = part[..part.len() - rest.len()].parse().ok();
        if let Some(value) = number.and_then(|n| values.get(n.checked_sub(1)?)) {
            text.push('?');
            text.push_str(rest);
            ordered.push(value.clone());
        } else {
            text.push('$');
            text.push_str(part);
        }
    }
    (text, ordered)
}

/// Runs a statement that changes something.
pub async fn execute(conn: &impl ConnectionTrait, sql: String, values: Values) -> Result<u64> {
    let statement = values.into_statement(conn.get_database_backend(), sql);
    Ok(conn.execute_raw(statement).await?.rows_affected())
}

/// Runs a statement that reads.
pub async fn query(
    conn: &impl ConnectionTrait,
    sql: String,
    values: Values,
) -> Result<Vec<QueryResult>> {
    let statement = values.into_statement(conn.get_database_backend(), sql);
    Ok(conn.query_all_raw(statement).await?)
}

/// A reading transaction: all statements see the same state.
pub struct Snapshot {
    tx: DatabaseTransaction,
}

impl Snapshot {
    /// The connection to read with.
    pub fn conn(&self) -> &DatabaseTransaction {
        &self.tx
    }

    /// Ends it; the connection is free again.
    pub async fn end(self) -> Result<()> {
        Ok(self.tx.commit().await?)
    }
}

/// Begins a snapshot. On PostgreSQL statements end with the deadline of the present call.
pub async fn snapshot(db: &Db) -> Result<Snapshot> {
    if db.dialect() == Dialect::Sqlite {
        return Ok(Snapshot { tx: db.read().begin().await? });
    }
    let options = TransactionOptions {
        isolation_level: Some(IsolationLevel::RepeatableRead),
        access_mode: Some(AccessMode::ReadOnly),
        ..Default::default()
    };
    let tx = db.read().begin_with_options(options).await?;
    let left = kit::deadline::remaining().unwrap_or(STATEMENT_MAX);
    // A little later than the deadline itself, which then has answered already.
    let limit_ms = (left + STATEMENT_SLACK).as_millis();
    tx.execute_unprepared(&format!("SET LOCAL statement_timeout = {limit_ms}")).await?;
    Ok(Snapshot { tx })
}

/// An expression that picks a value by where `column` lies: `values[i]` below `ends[i]`, the
/// last value from there on. Written as a balanced tree, so that many ends stay cheap.
pub fn pick(column: &str, ends: &[i32], values: &[i64]) -> String {
    if ends.is_empty() || values.len() < 2 {
        return values.first().copied().unwrap_or_default().to_string();
    }
    let middle = ends.len() / 2;
    let below = pick(column, &ends[..middle], &values[..=middle]);
    let above = pick(column, &ends[middle + 1..], &values[middle + 1..]);
    format!("CASE WHEN {column} < {} THEN {below} ELSE {above} END", ends[middle])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_anonymous_on_sqlite_and_numbered_on_postgresql() {
        let make = || {
            let mut values = Values::default();
            let (a, b) = (values.put(1_i64), values.put(2_i64));
            let list = values.list([3_i64, 4, 5]);
            (format!("{b} = {a} OR {b} IN {list} OR x IN {}", values.list([0_i64; 0])), values)
        };
        let of = |backend| {
            let (sql, values) = make();
            let statement = values.into_statement(backend, sql);
            (statement.sql, statement.values.unwrap_or(sea_orm::Values(Vec::new())).0)
        };
        let numbers = |numbers: &[i64]| numbers.iter().map(|n| Value::from(*n)).collect();
        let text = "? = ? OR ? IN (?, ?, ?, ?) OR x IN (NULL)".to_owned();
        assert_eq!(of(DbBackend::Sqlite), (text, numbers(&[2, 1, 2, 3, 4, 5, 5])));
        let text = "$2 = $1 OR $2 IN ($3, $4, $5, $6) OR x IN (NULL)".to_owned();
        assert_eq!(of(DbBackend::Postgres), (text, numbers(&[1, 2, 3, 4, 5, 5])));
    }

    #[test]
    fn lists_have_few_lengths_and_are_never_cut() {
        for (given, length) in [(1, 1), (3, 4), (256, 256), (257, LIST_MAX), (700, 700)] {
            let mut values = Values::default();
            values.list(0_i64..given);
            assert_eq!(values.0.len(), length);
        }
    }

    #[test]
    fn pick_is_a_balanced_tree() {
        assert_eq!(pick("t", &[], &[7]), "7");
        assert_eq!(pick("t", &[10], &[7, 8]), "CASE WHEN t < 10 THEN 7 ELSE 8 END");
        let ends: Vec<i32> = (0..1000).collect();
        let values: Vec<i64> = (0..1001).collect();
        let depth = |text: &str| {
            let (mut open, mut most) = (0, 0);
            for word in text.split(' ') {
                match word {
                    "CASE" => open += 1,
                    "END" => open -= 1,
                    _ => {}
                }
                most = most.max(open);
            }
            most
        };
        assert!(depth(&pick("t", &ends, &values)) <= 10);
    }
}
