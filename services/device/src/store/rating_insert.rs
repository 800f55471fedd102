//! The one place that writes many ratings at once: arrays on PostgreSQL, rows of VALUES on
//! SQLite. The number of rows that were really new tells whether anything was there before.

use device_domain::{rating::ItemGrade, rating_stored::Rating};
use kit::{
    db::{Dialect, WriteTx, dialect_of},
    error::Result,
};
use sea_orm::{ConnectionTrait, Statement, Value};
use uuid::Uuid;

use kit::db::sql::backend;

const COLUMNS: &str = "id, org_id, device_id, epoch, sequence, rating_id, content_hash, \
     template_id, grade, item_grades, reasons, comment, window_id, site_id, staff_id, \
     encounter_id, business_type, channel, press_us, device_us, receive_us, clock_source, \
     clock_suspect, trust_marks, site_since_us";
const COLUMNS_COUNT: usize = 25;

/// Rows of one SQLite statement: few shapes, so that each is prepared once.
const CHUNKS: [usize; 3] = [100, 10, 1];

/// Adds ratings; those whose receipt or sequence exists are left out. Answers how many were
/// added.
pub async fn insert(tx: &WriteTx, ratings: &[&Rating]) -> Result<u64> {
    if ratings.is_empty() {
        return Ok(0);
    }
    match dialect_of(tx.conn()) {
        Dialect::Postgres => {
            let statement = Statement::from_sql_and_values(
                backend(Dialect::Postgres),
                postgres_text(),
                arrays(ratings),
            );
            Ok(tx.conn().execute_raw(statement).await?.rows_affected())
        }
        Dialect::Sqlite => insert_chunks(tx, ratings).await,
    }
}

async fn insert_chunks(tx: &WriteTx, ratings: &[&Rating]) -> Result<u64> {
    let mut added = 0;
    let mut rest = ratings;
    while !rest.is_empty() {
        let size = CHUNKS.into_iter().find(|size| *size <= rest.len()).unwrap_or(1);
        let (chunk, after) = rest.split_at(size);
        rest = after;
        let mut values = Vec::with_capacity(size * COLUMNS_COUNT);
        chunk.iter().for_each(|rating| values.extend(cells(rating)));
        let text = sqlite_text(size);
        let statement = Statement::from_sql_and_values(backend(Dialect::Sqlite), text, values);
        added += tx.conn().execute_raw(statement).await?.rows_affected();
    }
    Ok(added)
}

fn sqlite_text(rows: usize) -> String {
    let row = format!("({}?)", "?,".repeat(COLUMNS_COUNT - 1));
    let rows = vec![row; rows].join(",");
    format!("INSERT INTO rating ({COLUMNS}) VALUES {rows} ON CONFLICT DO NOTHING")
}

fn cells(rating: &Rating) -> [Value; COLUMNS_COUNT] {
    [
        rating.id.into(),
        rating.org.into(),
        rating.device.into(),
        rating.epoch.into(),
        rating.sequence.into(),
        rating.rating_id.into(),
        rating.content_hash.into(),
        rating.template.into(),
        rating.grade.into(),
        none_if_empty(items_json(&rating.item_grades)),
        none_if_empty(reasons_json(&rating.reasons)),
        none_if_empty(rating.comment.clone()),
        rating.window.into(),
        rating.site.into(),
        rating.staff.into(),
        rating.encounter.into(),
        none_if_empty(rating.business_type.clone()),
        (rating.channel as i16).into(),
        rating.press_us.into(),
        rating.device_us.into(),
        rating.receive_us.into(),
        (rating.clock_source as i16).into(),
        rating.clock_suspect.into(),
        rating.marks.0.into(),
        rating.site_since_us.into(),
    ]
}

fn none_if_empty(text: String) -> Value {
    Some(text).filter(|text| !text.is_empty()).into()
}

/// Array parameters hold no NULLs, so the nil id, the empty text and the smallest number
/// stand for them and are turned back here.
fn postgres_text() -> String {
    let nil = format!("'{}'::uuid", Uuid::nil());
    let selected: Vec<String> = COLUMNS
        .split(", ")
        .map(|column| match column {
            "item_grades" | "reasons" | "comment" | "business_type" => {
                format!("NULLIF({column}, '')")
            }
            "window_id" | "staff_id" | "encounter_id" => format!("NULLIF({column}, {nil})"),
            "device_us" | "site_since_us" => format!("NULLIF({column}, {})", i64::MIN),
            column => column.to_owned(),
        })
        .collect();
    let types = [
        "uuid", "uuid", "uuid", "bigint", "bigint", "uuid", "bigint", "uuid", "int", "text",
        "text", "text", "uuid", "uuid", "uuid", "uuid", "text", "smallint", "bigint", "bigint",
        "bigint", "smallint", "bool", "int", "bigint",
    ];
    let arrays: Vec<String> =
        types.iter().enumerate().map(|(i, of)| format!("${}::{of}[]", i + 1)).collect();
    format!(
        "INSERT INTO rating ({COLUMNS}) SELECT {} FROM unnest({}) AS q({COLUMNS}) \
         ON CONFLICT DO NOTHING",
        selected.join(", "),
        arrays.join(",")
    )
}

fn arrays(ratings: &[&Rating]) -> [Value; COLUMNS_COUNT] {
    fn column<T>(ratings: &[&Rating], cell: impl Fn(&Rating) -> T) -> Value
    where
        Vec<T>: Into<Value>,
    {
        ratings.iter().map(|rating| cell(rating)).collect::<Vec<T>>().into()
    }
    [
        column(ratings, |r| r.id),
        column(ratings, |r| r.org),
        column(ratings, |r| r.device),
        column(ratings, |r| r.epoch),
        column(ratings, |r| r.sequence),
        column(ratings, |r| r.rating_id),
        column(ratings, |r| r.content_hash),
        column(ratings, |r| r.template),
        column(ratings, |r| r.grade),
        column(ratings, |r| items_json(&r.item_grades)),
        column(ratings, |r| reasons_json(&r.reasons)),
        column(ratings, |r| r.comment.clone()),
        column(ratings, |r| r.window.unwrap_or_default()),
        column(ratings, |r| r.site),
        column(ratings, |r| r.staff.unwrap_or_default()),
        column(ratings, |r| r.encounter.unwrap_or_default()),
        column(ratings, |r| r.business_type.clone()),
        column(ratings, |r| r.channel as i16),
        column(ratings, |r| r.press_us),
        column(ratings, |r| r.device_us.unwrap_or(i64::MIN)),
        column(ratings, |r| r.receive_us),
        column(ratings, |r| r.clock_source as i16),
        column(ratings, |r| r.clock_suspect),
        column(ratings, |r| r.marks.0),
        column(ratings, |r| r.site_since_us.unwrap_or(i64::MIN)),
    ]
}

fn items_json(items: &[ItemGrade]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let pairs: Vec<(&str, i32)> = items.iter().map(|i| (i.item.as_str(), i.grade)).collect();
    serde_json::json!(pairs).to_string()
}

fn reasons_json(reasons: &[String]) -> String {
    if reasons.is_empty() { String::new() } else { serde_json::json!(reasons).to_string() }
}
