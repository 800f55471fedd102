//! Pages of an export, earliest first: of each response what a line of the file shows, and no more.
//! A page ends after so many bytes as well, so that whoever holds one knows what it takes.

use std::pin::pin;

use futures::TryStreamExt as _;
use kit::{
    db::{dialect_of, sql::Sql},
    error::{Result, ServiceError},
};
use sea_orm::{ConnectionTrait, QueryResult, StreamTrait};
use survey_domain::{
    channel::Channel,
    response::{Decision, Marks, is_suspect},
};
use uuid::Uuid;

use super::{
    list::{Place, SOUND},
    parse_answers,
};

/// Columns, in the order in which [`read`] takes them.
const COLUMNS: &str = "id, questionnaire_id, version, unit_id, staff_id, customer_id, class_id, \
     channel, language, submit_us, duration_ms, marks, decision, row_id, anonymous, answers";

/// What a line shows of a response.
#[derive(Debug, Clone)]
pub struct ExportRow {
    /// Id.
    pub id: Uuid,
    /// Questionnaire.
    pub questionnaire: Uuid,
    /// Version that was shown, from 1.
    pub version: i32,
    /// Unit that the answers are about.
    pub unit: Uuid,
    /// Staff member that the answers are about.
    pub staff: Option<Uuid>,
    /// Customer.
    pub customer: Option<Uuid>,
    /// Class of the customer.
    pub class: Option<Uuid>,
    /// How it reached us.
    pub channel: Channel,
    /// Language that was shown.
    pub language: String,
    /// When it was submitted.
    pub submit_us: i64,
    /// From the start to the submission.
    pub duration_ms: Option<i64>,
    /// Why it is suspect.
    pub marks: Marks,
    /// What was decided.
    pub decision: Decision,
    /// Row of the imported file.
    pub row_id: Option<String>,
    /// Whether its campaign promised anonymity.
    pub anonymous: bool,
    /// The answers as JSON.
    pub answers: String,
    /// As of the response: all of the answers, encrypted for the customer.
    pub sealed: Option<Vec<u8>>,
}

impl ExportRow {
    /// Its place in the file.
    pub fn place(&self) -> Place {
        (self.submit_us, self.id)
    }

    /// Whether figures leave it out by default.
    pub fn is_suspect(&self) -> bool {
        is_suspect(self.marks, self.decision)
    }

    /// Bytes that grow with what people wrote.
    fn bytes(&self) -> usize {
        self.answers.len() + self.sealed.as_ref().map_or(0, Vec::len)
    }
}

/// How much a page holds: it ends with the row that reaches one of the limits.
#[derive(Debug, Clone, Copy)]
pub struct PageLimit {
    /// Rows.
    pub rows: usize,
    /// Bytes of answers.
    pub bytes: usize,
}

/// A page.
pub struct ExportPage {
    /// Responses, earliest first.
    pub rows: Vec<ExportRow>,
    /// Whether there may be more.
    pub more: bool,
}

/// Responses of a campaign after `last`.
pub async fn export_page<C: ConnectionTrait + StreamTrait>(
    conn: &C,
    (org, campaign): (Uuid, Uuid),
    exclude_suspect: bool,
    last: Option<Place>,
    limit: PageLimit,
) -> Result<ExportPage> {
    let mut sql = Sql::new(dialect_of(conn));
    let mut wanted = vec![
        format!("campaign_id = {}", sql.bind(campaign)),
        format!("org_id = {}", sql.bind(org)),
    ];
    if exclude_suspect {
        wanted.push(SOUND.to_owned());
    }
    if let Some((us, id)) = last {
        wanted.push(format!("(submit_us, id) > ({}, {})", sql.bind(us), sql.bind(id)));
    }
    let rows_max = sql.bind(i64::try_from(limit.rows).unwrap_or(i64::MAX));
    let text = format!(
        "SELECT {COLUMNS} FROM response WHERE {} ORDER BY submit_us, id LIMIT {rows_max}",
        wanted.join(" AND ")
    );
    let mut found = pin!(conn.stream_raw(sql.statement(&text)).await?);
    let mut rows = Vec::with_capacity(limit.rows);
    let mut bytes = 0;
    while let Some(row) = found.try_next().await? {
        let row = read(&row)?;
        bytes += row.bytes();
        rows.push(row);
        if bytes >= limit.bytes {
            return Ok(ExportPage { rows, more: true });
        }
    }
    let more = rows.len() >= limit.rows;
    Ok(ExportPage { rows, more })
}

fn read(row: &QueryResult) -> Result<ExportRow> {
    let channel: i16 = row.try_get_by_index(7)?;
    let decision: i16 = row.try_get_by_index(12)?;
    let answers: String = row.try_get_by_index(15)?;
    let (answers, sealed) = match answers.starts_with('[') {
        true => (answers, None),
        false => {
            let (answers, sealed) = parse_answers(&answers)?;
            (serde_json::to_string(&answers).map_err(ServiceError::internal)?, sealed)
        }
    };
    Ok(ExportRow {
        id: row.try_get_by_index(0)?,
        questionnaire: row.try_get_by_index(1)?,
        version: row.try_get_by_index(2)?,
        unit: row.try_get_by_index(3)?,
        staff: row.try_get_by_index(4)?,
        customer: row.try_get_by_index(5)?,
        class: row.try_get_by_index(6)?,
        channel: Channel::from_number(i32::from(channel))
            .ok_or_else(|| kit::db::sql::odd("response", "channel"))?,
        language: row.try_get_by_index(8)?,
        submit_us: row.try_get_by_index(9)?,
        duration_ms: row.try_get_by_index(10)?,
        marks: Marks(row.try_get_by_index(11)?),
        decision: Decision::from_number(i32::from(decision))
            .ok_or_else(|| kit::db::sql::odd("response", "decision"))?,
        row_id: row.try_get_by_index(13)?,
        anonymous: row.try_get_by_index(14)?,
        answers,
        sealed,
    })
}
