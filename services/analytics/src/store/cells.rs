//! Writing cells: deltas are added to what is there. A row that comes to nothing is removed,
//! so that the same facts leave the same rows, in whatever order they came.

use std::collections::BTreeMap;

use analytics_domain::{
    answer::AnswerKey,
    cell::{Counts, Deltas},
    pack,
    plan::Table,
};
use kit::{
    db::{Dialect, WriteTx, bulk, dialect_of},
    error::Result,
};
use sea_orm::{ConnectionTrait, Statement, Value, sea_query::ArrayType};

use super::{
    packs,
    sql::{Values, execute, query},
    tables::{self, Kind},
};

/// Rows of one statement on PostgreSQL, where each column is one array.
const ROWS_POSTGRES: usize = 2_000;
/// Rows of one statement on SQLite; more are not faster and make prepared statements large.
const ROWS_SQLITE: usize = 64;
/// Rows that are looked at again in one statement.
const ROWS_LOOK: usize = 64;

struct Row {
    key: Vec<Value>,
    counts: Counts,
}

/// Which half of a row is written; the other is zero.
#[derive(Clone, Copy, PartialEq)]
enum Half {
    Grades,
    Encounters,
}

impl Half {
    fn columns(self) -> Vec<String> {
        match self {
            Self::Grades => tables::grade_columns().to_vec(),
            Self::Encounters => tables::encounter_columns().map(str::to_owned).to_vec(),
        }
    }

    fn counts(self, row: &Row) -> &[i64] {
        match self {
            Self::Grades => &row.counts.grades,
            Self::Encounters => &row.counts.encounters,
        }
    }

    fn is_in(self, row: &Row) -> bool {
        self.counts(row).iter().any(|count| *count != 0)
    }
}

/// Adds deltas to cells and packs. With `look_at_all` every touched row is looked at for having
/// come to nothing, else only those from which something was taken: enough while no count is
/// below zero.
/// True when a count is below zero afterwards, because what it belongs to has not come yet.
pub async fn add(tx: &WriteTx, deltas: Deltas, look_at_all: bool) -> Result<bool> {
    let mut negative = false;
    let site_rows = |map: BTreeMap<_, Counts>| {
        map.into_iter()
            .map(|(key, counts)| Row { key: tables::site_values(&key), counts })
            .collect::<Vec<_>>()
    };
    let day_rows = deltas.day.into_iter();
    let day_rows =
        day_rows.map(|(key, counts)| Row { key: tables::day_values(&key), counts }).collect();
    for (table, rows) in [(Table::Quarter, site_rows(deltas.quarter)), (Table::Day, day_rows)] {
        negative |= add_rows(tx, table, &rows, look_at_all).await?;
    }
    packs::add(tx.conn(), pack::of_sites(&deltas.site_day)).await?;
    Ok(negative)
}

/// As [`add`], for cells of answers.
pub async fn add_answers(
    tx: &WriteTx,
    cells: BTreeMap<AnswerKey, Counts>,
    look_at_all: bool,
) -> Result<bool> {
    packs::add(tx.conn(), pack::of_answers(&cells)).await?;
    let rows = cells.into_iter().filter(|(_, counts)| !counts.is_zero());
    let rows: Vec<Row> =
        rows.map(|(key, counts)| Row { key: tables::answer_values(&key), counts }).collect();
    add_rows(tx, Table::Answers, &rows, look_at_all).await
}

async fn add_rows(tx: &WriteTx, table: Table, rows: &[Row], look_at_all: bool) -> Result<bool> {
    let mut negative = false;
    for half in [Half::Grades, Half::Encounters] {
        let of_half: Vec<&Row> = rows.iter().filter(|row| half.is_in(row)).collect();
        upsert(tx.conn(), table, half, &of_half).await?;
    }
    let touched: Vec<&Row> =
        rows.iter().filter(|row| look_at_all || row.counts.has_negative()).collect();
    for chunk in bulk::chunks(&touched, ROWS_LOOK) {
        negative |= settle(tx.conn(), table, chunk).await?;
    }
    Ok(negative)
}

/// Whether any count of these tables is below zero.
pub async fn any_negative(conn: &impl ConnectionTrait, tables: &[Table]) -> Result<bool> {
    for table in tables {
        let (name, below) = (tables::name(*table), below_zero(*table));
        let sql = format!("SELECT 1 FROM {name} WHERE {below} LIMIT 1");
        if !query(conn, sql, Values::default()).await?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes all cells of these tables.
pub async fn clear(tx: &WriteTx, tables: &[Table]) -> Result<()> {
    for table in tables {
        let sql = format!("DELETE FROM {}", tables::name(*table));
        execute(tx.conn(), sql, Values::default()).await?;
    }
    Ok(())
}

async fn upsert(
    conn: &impl ConnectionTrait,
    table: Table,
    half: Half,
    rows: &[&Row],
) -> Result<()> {
    if dialect_of(conn) == Dialect::Postgres {
        for chunk in rows.chunks(ROWS_POSTGRES) {
            let (source, values) = arrays(table, half, chunk);
            execute(conn, upsert_sql(table, half, &source), values).await?;
        }
        return Ok(());
    }
    let width = tables::keys(table).len() + half.columns().len();
    for chunk in bulk::chunks(rows, ROWS_SQLITE) {
        let source = format!("VALUES {}", bulk::tuples(chunk.len(), width));
        let values = chunk.iter().flat_map(|row| {
            let counts = half.counts(row).iter().map(|count| Value::from(*count));
            row.key.iter().cloned().chain(counts)
        });
        let sql = upsert_sql(table, half, &source);
        let backend = conn.get_database_backend();
        conn.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    }
    Ok(())
}

fn upsert_sql(table: Table, half: Half, source: &str) -> String {
    let name = tables::name(table);
    let keys: Vec<&str> = tables::keys(table).iter().map(|(column, _)| *column).collect();
    let keys = keys.join(", ");
    let columns = half.columns();
    let sums: Vec<String> =
        columns.iter().map(|c| format!("{c} = {name}.{c} + excluded.{c}")).collect();
    format!(
        "INSERT INTO {name} ({keys}, {}) {source} ON CONFLICT ({keys}) DO UPDATE SET {}",
        columns.join(", "),
        sums.join(", "),
    )
}

/// One array a column: the text of the statement does not depend on the number of rows.
fn arrays(table: Table, half: Half, rows: &[&Row]) -> (String, Values) {
    let mut values = Values::default();
    let mut parts = Vec::new();
    for (index, (_, kind)) in tables::keys(table).iter().enumerate() {
        let column: Vec<Value> = rows.iter().map(|row| row.key[index].clone()).collect();
        let element = match kind {
            Kind::Uuid => ArrayType::Uuid,
            Kind::Int => ArrayType::Int,
            Kind::Small => ArrayType::SmallInt,
            Kind::Text => ArrayType::String,
        };
        let parameter = values.put(Value::Array(element, Some(Box::new(column))));
        parts.push(format!("{parameter}::{}", kind.array()));
    }
    for index in 0..half.columns().len() {
        let column: Vec<i64> = rows.iter().map(|row| half.counts(row)[index]).collect();
        let parameter = values.put(column);
        parts.push(format!("{parameter}::int8[]"));
    }
    (format!("SELECT * FROM UNNEST({})", parts.join(", ")), values)
}

/// Removes the rows among `rows` that have come to nothing; whether a count of the others is
/// below zero.
async fn settle(conn: &impl ConnectionTrait, table: Table, rows: &[&Row]) -> Result<bool> {
    let name = tables::name(table);
    let (among, values) = among(table, rows);
    execute(conn, format!("DELETE FROM {name} WHERE ({among}) AND {}", zero(table)), values)
        .await?;
    let (among, values) = self::among(table, rows);
    let sql = format!("SELECT 1 FROM {name} WHERE ({among}) AND ({}) LIMIT 1", below_zero(table));
    Ok(!query(conn, sql, values).await?.is_empty())
}

fn among(table: Table, rows: &[&Row]) -> (String, Values) {
    let mut values = Values::default();
    let one = |row: &&Row, values: &mut Values| {
        let parts = tables::keys(table).iter().zip(&row.key);
        let parts: Vec<String> = parts
            .map(|((column, _), value)| format!("{column} = {}", values.put(value.clone())))
            .collect();
        format!("({})", parts.join(" AND "))
    };
    let alternatives: Vec<String> = rows.iter().map(|row| one(row, &mut values)).collect();
    (alternatives.join(" OR "), values)
}

fn zero(table: Table) -> String {
    let parts: Vec<String> =
        tables::count_columns(table).iter().map(|column| format!("{column} = 0")).collect();
    parts.join(" AND ")
}

fn below_zero(table: Table) -> String {
    let parts: Vec<String> =
        tables::count_columns(table).iter().map(|column| format!("{column} < 0")).collect();
    parts.join(" OR ")
}
