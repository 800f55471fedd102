//! Stored responses: reading them, and the few changes that happen to them later.

use std::collections::HashMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use kit::{
    db::{Dialect, WriteTx, dialect_of},
    error::{Result, ServiceError},
};
use sea_orm::{ConnectionTrait, QueryResult};
use serde::{Deserialize, Serialize};
use survey_domain::{
    answer::Answers,
    channel::Channel,
    response::{Decision, Marks, Response, without_texts},
};
use uuid::Uuid;

use kit::db::sql::Sql;

mod export;
mod insert;
mod list;
pub mod stir;

pub use export::{ExportPage, ExportRow, PageLimit, export_page};
pub use insert::insert;
pub use list::{Filter, Place, SOUND, list};

/// What is known of a response that was stored before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Hash of what was sent.
    pub content_hash: i64,
    /// Its time of submission.
    pub submit_us: i64,
    /// Campaign that it belongs to.
    pub campaign: Uuid,
    /// Language that was shown.
    pub language: String,
}

/// Those of `ids` that are stored.
pub async fn known(conn: &impl ConnectionTrait, ids: &[Uuid]) -> Result<HashMap<Uuid, Known>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sql = Sql::new(dialect_of(conn));
    let which = sql.one_of("id", ids);
    let text = format!(
        "SELECT id, content_hash, submit_us, campaign_id, language FROM response WHERE {which}"
    );
    let rows = sql.query(conn, &text).await?;
    rows.iter()
        .map(|row| {
            let known = Known {
                content_hash: row.try_get("", "content_hash")?,
                submit_us: row.try_get("", "submit_us")?,
                campaign: row.try_get("", "campaign_id")?,
                language: row.try_get("", "language")?,
            };
            Ok((row.try_get("", "id")?, known))
        })
        .collect()
}

/// One response of an organisation.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Response>> {
    find_with(conn, org, id, "").await
}

/// The same, kept from others until the transaction ends.
pub async fn find_to_change(tx: &WriteTx, org: Uuid, id: Uuid) -> Result<Option<Response>> {
    let lock = match dialect_of(tx.conn()) {
        Dialect::Postgres => " FOR UPDATE",
        Dialect::Sqlite => "",
    };
    find_with(tx.conn(), org, id, lock).await
}

async fn find_with(
    conn: &impl ConnectionTrait,
    org: Uuid,
    id: Uuid,
    lock: &str,
) -> Result<Option<Response>> {
    let mut sql = Sql::new(dialect_of(conn));
    let (id, org) = (sql.bind(id), sql.bind(org));
    let text = format!("SELECT * FROM response WHERE id = {id} AND org_id = {org}{lock}");
    sql.query(conn, &text).await?.first().map(read).transpose()
}

/// Responses that a customer gave under the own name.
pub async fn of_customer(tx: &WriteTx, org: Uuid, customer: Uuid) -> Result<Vec<Response>> {
    let conn = tx.conn();
    let mut sql = Sql::new(dialect_of(conn));
    let (org, customer) = (sql.bind(org), sql.bind(customer));
    let text = format!("SELECT * FROM response WHERE org_id = {org} AND customer_id = {customer}");
    sql.query(conn, &text).await?.iter().map(read).collect()
}

/// Writes what may change of a response: marks, the decision, and what an erasure takes away.
pub async fn save(tx: &WriteTx, response: &Response) -> Result<()> {
    let conn = tx.conn();
    let mut sql = Sql::new(dialect_of(conn));
    let text = format!(
        "UPDATE response SET marks = {}, decision = {}, reviewer = {}, review_us = {}, \
         customer_id = {}, invitation_id = {}, answers = {}, erased = {} \
         WHERE id = {} AND org_id = {}",
        sql.bind(response.marks.0),
        sql.bind(response.decision as i16),
        sql.bind(response.reviewer.clone()),
        sql.bind(response.review_us),
        sql.bind(response.customer),
        sql.bind(response.invitation),
        sql.bind(print_answers(&response.answers, response.sealed.as_deref())),
        sql.bind(response.erased),
        sql.bind(response.id),
        sql.bind(response.org),
    );
    sql.execute(conn, &text).await?;
    Ok(())
}

/// Answers without words, beside the encrypted whole.
#[derive(Serialize, Deserialize)]
struct Closed {
    answers: Answers,
    /// In base64.
    sealed: String,
}

/// Answers as they are stored: where the whole is `sealed`, no words stand beside it.
pub fn print_answers(answers: &Answers, sealed: Option<&[u8]>) -> String {
    let printed = match sealed {
        None => serde_json::to_string(answers),
        Some(sealed) => {
            let mut answers = answers.clone();
            without_texts(&mut answers);
            serde_json::to_string(&Closed { answers, sealed: BASE64_STANDARD.encode(sealed) })
        }
    };
    printed.expect("answers are plain data")
}

/// Reads what [`print_answers`] wrote.
pub fn parse_answers(text: &str) -> Result<(Answers, Option<Vec<u8>>)> {
    let broken = |error: String| ServiceError::internal(format!("answers: {error}"));
    if text.starts_with('[') {
        let answers = serde_json::from_str(text).map_err(|error| broken(error.to_string()))?;
        return Ok((answers, None));
    }
    let closed: Closed = serde_json::from_str(text).map_err(|error| broken(error.to_string()))?;
    let sealed =
        BASE64_STANDARD.decode(closed.sealed).map_err(|error| broken(error.to_string()))?;
    Ok((closed.answers, Some(sealed)))
}

/// A response from a row.
fn read(row: &QueryResult) -> Result<Response> {
    let decision: i16 = row.try_get("", "decision")?;
    let answers: String = row.try_get("", "answers")?;
    let (answers, sealed) = parse_answers(&answers)?;
    let seed: i64 = row.try_get("", "seed")?;
    let channel: i16 = row.try_get("", "channel")?;
    Ok(Response {
        id: row.try_get("", "id")?,
        org: row.try_get("", "org_id")?,
        campaign: row.try_get("", "campaign_id")?,
        questionnaire: row.try_get("", "questionnaire_id")?,
        version: row.try_get("", "version")?,
        unit: row.try_get("", "unit_id")?,
        site: row.try_get("", "site_id")?,
        site_since_us: row.try_get("", "site_since_us")?,
        staff: row.try_get("", "staff_id")?,
        customer: row.try_get("", "customer_id")?,
        class: row.try_get("", "class_id")?,
        invitation: row.try_get("", "invitation_id")?,
        link: row.try_get("", "link_id")?,
        invited: row.try_get("", "invited")?,
        channel: Channel::from_number(i32::from(channel))
            .ok_or_else(|| kit::db::sql::odd("response", "channel"))?,
        language: row.try_get("", "language")?,
        submit_us: row.try_get("", "submit_us")?,
        duration_ms: row.try_get("", "duration_ms")?,
        seed: u32::try_from(seed).unwrap_or_default(),
        answers,
        content_hash: row.try_get("", "content_hash")?,
        marks: Marks(row.try_get("", "marks")?),
        decision: Decision::from_number(i32::from(decision))
            .ok_or_else(|| kit::db::sql::odd("response", "decision"))?,
        reviewer: row.try_get("", "reviewer")?,
        review_us: row.try_get("", "review_us")?,
        anonymous: row.try_get("", "anonymous")?,
        operator: row.try_get("", "operator")?,
        row_id: row.try_get("", "row_id")?,
        erased: row.try_get("", "erased")?,
        sealed,
    })
}
