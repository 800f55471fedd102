//! Services in the order of their beginnings, with the rating that each got.

use kit::db::{dialect_of, sql::Sql};
use kit::error::Result;
use sea_orm::{ConnectionTrait, QueryResult};
use uuid::Uuid;

use kit::db::newest::Place;

/// A service that was given by somebody who was signed in.
#[derive(Debug, Clone)]
pub struct Row {
    /// Encounter.
    pub id: Uuid,
    /// Nearest unit that is not a window.
    pub site: Uuid,
    /// Who served.
    pub staff: Uuid,
    /// Business type or empty.
    pub business_type: String,
    /// Time that places it.
    pub time_us: i64,
    /// How long it took in milliseconds, if known.
    pub service_ms: Option<i64>,
    /// Whether the customer was asked.
    pub prompted: bool,
    /// Press, template and grade of its rating.
    pub rated: Option<(i64, Uuid, i32)>,
}

/// At most `limit` services of `[from_us, to_us)` after `last`, earliest first; only at `units`,
/// if there is such a list.
pub async fn page(
    conn: &impl ConnectionTrait,
    org: Uuid,
    units: Option<&[Uuid]>,
    (from_us, to_us): (i64, i64),
    last: Option<Place>,
    limit: u64,
) -> Result<Vec<Row>> {
    let mut sql = Sql::new(dialect_of(conn));
    let mut wanted = vec![
        format!("e.org_id = {}", sql.bind(org)),
        format!("e.time_us >= {} AND e.time_us < {}", sql.bind(from_us), sql.bind(to_us)),
        format!("e.staff_id IS NOT NULL AND {SERVED}"),
    ];
    if let Some(units) = units {
        wanted.push(sql.one_of("e.window_id", units));
    }
    if let Some((us, id)) = last {
        wanted.push(format!("(e.time_us, e.id) > ({}, {})", sql.bind(us), sql.bind(id)));
    }
    let limit = sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let text = format!(
        "SELECT e.id, e.site_id, e.staff_id, e.business_type, e.time_us, e.start_us, e.finish_us, \
         CASE WHEN {UNPROMPTED} THEN 0 ELSE 1 END AS prompted, \
         r.press_us, r.template_id, r.grade \
         FROM encounter e LEFT JOIN rating r ON r.id = e.rating_id AND r.org_id = e.org_id \
         WHERE {} ORDER BY e.time_us, e.id LIMIT {limit}",
        wanted.join(" AND ")
    );
    sql.query(conn, &text).await?.iter().map(read).collect()
}

/// Service was given, as `Encounter::served` says it. The columns are those of `encounter` alone.
pub const SERVED: &str = "(start_us IS NOT NULL OR finish_us IS NOT NULL)";

/// Nothing is known of a question to the customer, as `Encounter::prompted` says it. The
/// columns are those of `encounter` alone.
pub const UNPROMPTED: &str =
    "(prompt_us IS NULL AND shown_us IS NULL AND timeout_us IS NULL AND skip_us IS NULL)";

fn read(row: &QueryResult) -> Result<Row> {
    let (start, finish): (Option<i64>, Option<i64>) =
        (row.try_get("", "start_us")?, row.try_get("", "finish_us")?);
    let length = start.zip(finish).map(|(start, finish)| (finish - start) / 1_000);
    let prompted: i32 = row.try_get("", "prompted")?;
    let press: Option<i64> = row.try_get("", "press_us")?;
    let rated = match press {
        Some(press_us) => {
            Some((press_us, row.try_get("", "template_id")?, row.try_get("", "grade")?))
        }
        None => None,
    };
    Ok(Row {
        id: row.try_get("", "id")?,
        site: row.try_get("", "site_id")?,
        staff: row.try_get("", "staff_id")?,
        business_type: row.try_get("", "business_type")?,
        time_us: row.try_get("", "time_us")?,
        service_ms: length.filter(|ms| *ms >= 0),
        prompted: prompted != 0,
        rated,
    })
}
