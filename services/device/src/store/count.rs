//! Exact counts from the stored rows, for proving that nothing was lost on the way.

use kit::error::Result;
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};
use uuid::Uuid;

/// Rows of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Nearest unit that is not a window.
    pub site: Uuid,
    /// Template of ratings.
    pub template: Option<Uuid>,
    /// Grade of ratings, state of encounters.
    pub key: i32,
    /// Whether a trust mark is set.
    pub distrusted: bool,
    /// How many.
    pub count: i64,
}

/// Ratings pressed in `[from_us, to_us)`, by site, template, grade and trust.
pub async fn ratings(
    conn: &impl ConnectionTrait,
    org: Uuid,
    range: (i64, i64),
) -> Result<Vec<Count>> {
    // CASE gives the same integer on both databases.
    let sql = "SELECT site_id, template_id, grade AS key, \
               CASE WHEN trust_marks <> 0 THEN 1 ELSE 0 END AS marked, COUNT(*) AS n \
               FROM rating WHERE org_id = $1 AND press_us >= $2 AND press_us < $3 \
               GROUP BY site_id, template_id, grade, \
               CASE WHEN trust_marks <> 0 THEN 1 ELSE 0 END";
    query(conn, sql, org, range).await?.iter().map(|row| read(row, true)).collect()
}

/// Encounters placed in `[from_us, to_us)`, by site and state.
pub async fn encounters(
    conn: &impl ConnectionTrait,
    org: Uuid,
    range: (i64, i64),
) -> Result<Vec<Count>> {
    let sql = "SELECT site_id, CAST(state AS INTEGER) AS key, 0 AS marked, COUNT(*) AS n \
               FROM encounter WHERE org_id = $1 AND time_us >= $2 AND time_us < $3 \
               GROUP BY site_id, state";
    query(conn, sql, org, range).await?.iter().map(|row| read(row, false)).collect()
}

async fn query(
    conn: &impl ConnectionTrait,
    sql: &str,
    org: Uuid,
    (from_us, to_us): (i64, i64),
) -> Result<Vec<QueryResult>> {
    let values = [Value::from(org), Value::from(from_us), Value::from(to_us)];
    let statement = Statement::from_sql_and_values(conn.get_database_backend(), sql, values);
    Ok(conn.query_all_raw(statement).await?)
}

fn read(row: &QueryResult, templates: bool) -> Result<Count> {
    let marked: i32 = row.try_get("", "marked")?;
    Ok(Count {
        site: row.try_get("", "site_id")?,
        template: if templates { row.try_get("", "template_id")? } else { None },
        key: row.try_get("", "key")?,
        distrusted: marked != 0,
        count: row.try_get("", "n")?,
    })
}
