//! Raw SQL of writers and their look-ups, for both databases. On PostgreSQL lists travel
//! as arrays, so that a statement has one text, and is prepared once, whatever its length.

use crate::{
    db::Dialect,
    error::{Result, ServiceError},
};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value};
use serde_json::json;
use uuid::Uuid;

/// Longest list of values that has one of few lengths; SQLite allows 32,766 parameters in all.
pub const LIST_MAX: usize = 500;

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
    pub fn into_statement(self, backend: DbBackend, sql: impl Into<String>) -> Statement {
        let sql = sql.into();
        if backend == DbBackend::Sqlite {
            let (sql, values) = anonymous(&sql, self.0);
            return Statement::from_sql_and_values(backend, sql, values);
        }
        Statement::from_sql_and_values(backend, sql, self.0)
    }
}

/// The text with `?` for each `$n`, and the values in the order of the text. SQLite searches
/// the names of all parameters for each `$n`, which makes long lists slow.
fn anonymous(sql: &str, values: Vec<Value>) -> (String, Vec<Value>) {
    let mut text = String::with_capacity(sql.len());
    let mut places = Vec::with_capacity(values.len());
    let mut parts = sql.split('$');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let number: Option<usize> = part[..part.len() - rest.len()].parse().ok();
        let place = number.and_then(|n| n.checked_sub(1)).filter(|place| *place < values.len());
        if let Some(place) = place {
            text.push('?');
            text.push_str(rest);
            places.push(place);
        } else {
            text.push('$');
            text.push_str(part);
        }
    }
    // Most texts name each once and in order; their values may be long.
    if places.iter().copied().eq(0..values.len()) {
        return (text, values);
    }
    (text, places.into_iter().map(|place| values[place].clone()).collect())
}

/// Runs a statement that changes something; answers how many rows it touched.
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

/// A statement under construction for one dialect, with lists and small tables as parameters.
pub struct Sql {
    dialect: Dialect,
    values: Values,
}

impl Sql {
    /// For a dialect.
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, values: Values::default() }
    }

    /// Adds a parameter; answers its place in the text.
    pub fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.put(value)
    }

    /// `column` is one of `ids`.
    pub fn one_of(&mut self, column: &str, ids: &[Uuid]) -> String {
        match self.dialect {
            Dialect::Postgres => format!("{column} = ANY({})", self.bind(ids.to_vec())),
            Dialect::Sqlite => {
                let ids: Vec<String> = ids.iter().map(|id| hex(*id)).collect();
                let list = self.bind(json!(ids).to_string());
                format!("{column} IN (SELECT unhex(value) FROM json_each({list}))")
            }
        }
    }

    /// `WITH q(…) AS (…)`: the rows of a small table that the statement joins. On SQLite they
    /// are one JSON parameter, since the cost of many parameters grows with their square.
    pub fn table(&mut self, columns: Vec<(&str, Column)>) -> String {
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let rows = match self.dialect {
            Dialect::Postgres => {
                let arrays: Vec<String> = columns.into_iter().map(|(_, c)| self.array(c)).collect();
                format!("SELECT * FROM unnest({})", arrays.join(","))
            }
            Dialect::Sqlite => self.json_rows(&columns),
        };
        format!("WITH q({}) AS ({rows})", names.join(","))
    }

    /// Joins each row of `q` with the rows of `table` that meet `condition`, found by an index.
    /// Left to itself PostgreSQL guesses that a range holds a ninth of the table and reads all
    /// of it; `OFFSET 0` keeps it from seeing through.
    pub fn each_with(&self, table: &str, alias: &str, condition: &str) -> String {
        match self.dialect {
            Dialect::Postgres => format!(
                "q CROSS JOIN LATERAL (SELECT {alias}.* FROM {table} {alias} \
                 WHERE {condition} OFFSET 0) {alias}"
            ),
            // In SQLite CROSS JOIN means: in this order.
            Dialect::Sqlite => format!("q CROSS JOIN {table} {alias} ON {condition}"),
        }
    }

    fn array(&mut self, column: Column) -> String {
        match column {
            Column::Id(ids) => self.bind(ids) + "::uuid[]",
            Column::Number(numbers) => self.bind(numbers) + "::bigint[]",
            Column::Text(texts) => self.bind(texts) + "::text[]",
        }
    }

    fn json_rows(&mut self, columns: &[(&str, Column)]) -> String {
        let count = columns.first().map_or(0, |(_, column)| column.len());
        let row = |row: usize| columns.iter().map(|(_, c)| c.json(row)).collect::<Vec<_>>();
        let rows: Vec<Vec<serde_json::Value>> = (0..count).map(row).collect();
        let cells: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(at, (_, column))| match column {
                Column::Id(_) => format!("unhex(value ->> {at})"),
                Column::Number(_) | Column::Text(_) => format!("value ->> {at}"),
            })
            .collect();
        let list = self.bind(json!(rows).to_string());
        format!("SELECT {} FROM json_each({list})", cells.join(","))
    }

    /// The finished statement.
    pub fn statement(self, text: &str) -> Statement {
        self.values.into_statement(backend(self.dialect), text)
    }

    /// Runs a query.
    pub async fn query(self, conn: &impl ConnectionTrait, text: &str) -> Result<Vec<QueryResult>> {
        Ok(conn.query_all_raw(self.statement(text)).await?)
    }

    /// Runs a change; answers how many rows it touched.
    pub async fn execute(self, conn: &impl ConnectionTrait, text: &str) -> Result<u64> {
        Ok(conn.execute_raw(self.statement(text)).await?.rows_affected())
    }
}

/// One column of [`Sql::table`].
pub enum Column {
    /// Ids.
    Id(Vec<Uuid>),
    /// Numbers.
    Number(Vec<i64>),
    /// Texts.
    Text(Vec<String>),
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Self::Id(ids) => ids.len(),
            Self::Number(numbers) => numbers.len(),
            Self::Text(texts) => texts.len(),
        }
    }

    fn json(&self, row: usize) -> serde_json::Value {
        match self {
            Self::Id(ids) => hex(ids[row]).into(),
            Self::Number(numbers) => numbers[row].into(),
            Self::Text(texts) => texts[row].clone().into(),
        }
    }
}

fn hex(id: Uuid) -> String {
    id.simple().to_string()
}

/// sea-orm's name of a dialect.
pub fn backend(dialect: Dialect) -> DbBackend {
    match dialect {
        Dialect::Postgres => DbBackend::Postgres,
        Dialect::Sqlite => DbBackend::Sqlite,
    }
}

/// A stored number that its enumeration does not have: a defect of ours.
pub fn odd(table: &str, column: &str) -> ServiceError {
    ServiceError::from(DbErr::Type(format!("{table}.{column} holds an unknown value")))
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
}
