//! Raw SQL of writers and their look-ups, for both databases. On PostgreSQL lists travel
//! as arrays, so that a statement has one text, and is prepared once, whatever its length.

use crate::{
    db::Dialect,
    error::{Result, ServiceError},
};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value};
use serde_json::json;
use uuid::Uuid;

/// A statement under construction: its text and the values of its parameters.
pub struct Sql {
    dialect: Dialect,
    values: Vec<Value>,
}

impl Sql {
    /// For a dialect.
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, values: Vec::new() }
    }

    /// Adds a parameter; answers its place in the text.
    pub fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
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
        Statement::from_sql_and_values(backend(self.dialect), text, self.values)
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
