//! Unfinished responses. They are not counted, and go when they are submitted or too old.

use kit::db::sql::Sql;
use kit::{
    db::{WriteTx, dialect_of},
    error::Result,
};
use sea_orm::{ConnectionTrait, QueryResult};
use survey_domain::answer::Answers;
use uuid::Uuid;

use super::response::{parse_answers, print_answers};

/// An unfinished response.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Id; stands in the session that the respondent holds.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Campaign.
    pub campaign: Uuid,
    /// Invitation that is being answered; never of an anonymous campaign.
    pub invitation: Option<Uuid>,
    /// Customer who is answering; never of an anonymous campaign.
    pub customer: Option<Uuid>,
    /// Version that is shown.
    pub version: i32,
    /// Language that is shown.
    pub language: String,
    /// Seed of the order.
    pub seed: u32,
    /// When it was begun.
    pub start_us: i64,
    /// Answers so far.
    pub answers: Answers,
    /// When it was saved.
    pub save_us: i64,
    /// Until when it is kept.
    pub expire_us: i64,
    /// As [`survey_domain::response::Response::sealed`].
    pub sealed: Option<Vec<u8>>,
    /// Number of the save that it comes from, from 1; 0 of releases that did not count.
    pub revision: i64,
}

/// What became of a save.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It is the first of its draft.
    New,
    /// It took the place of what was there.
    Replaced,
    /// What is there is newer, or as new; nothing was changed.
    Overtaken,
}

/// Writes a draft in place of what was there, if its number is greater. Number 0 takes the next
/// one, whatever is there.
pub async fn save(tx: &WriteTx, draft: &Draft) -> Result<Saved> {
    let conn = tx.conn();
    if insert(conn, draft).await? {
        return Ok(Saved::New);
    }
    // Of two that arrive at once the second waits here for the first, and compares with it.
    let mut sql = Sql::new(dialect_of(conn));
    let new = sql.bind(draft.revision);
    let text = format!(
        "UPDATE response_draft SET answers = {}, save_us = {}, expire_us = {}, language = {}, \
         revision = CASE WHEN {new} = 0 THEN revision + 1 ELSE {new} END \
         WHERE id = {} AND org_id = {} AND ({new} = 0 OR revision < {new})",
        sql.bind(print_answers(&draft.answers, draft.sealed.as_deref())),
        sql.bind(draft.save_us),
        sql.bind(draft.expire_us),
        sql.bind(draft.language.clone()),
        sql.bind(draft.id),
        sql.bind(draft.org),
    );
    let changed = sql.execute(conn, &text).await? > 0;
    Ok(if changed { Saved::Replaced } else { Saved::Overtaken })
}

async fn insert(conn: &impl ConnectionTrait, draft: &Draft) -> Result<bool> {
    let mut sql = Sql::new(dialect_of(conn));
    let text = format!(
        "INSERT INTO response_draft (id, org_id, campaign_id, invitation_id, customer_id, version, \
         language, seed, start_us, answers, save_us, expire_us, revision) \
         VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}) ON CONFLICT DO NOTHING",
        sql.bind(draft.id),
        sql.bind(draft.org),
        sql.bind(draft.campaign),
        sql.bind(draft.invitation),
        sql.bind(draft.customer),
        sql.bind(draft.version),
        sql.bind(draft.language.clone()),
        sql.bind(i64::from(draft.seed)),
        sql.bind(draft.start_us),
        sql.bind(print_answers(&draft.answers, draft.sealed.as_deref())),
        sql.bind(draft.save_us),
        sql.bind(draft.expire_us),
        sql.bind(draft.revision.max(1)),
    );
    Ok(sql.execute(conn, &text).await? > 0)
}

/// One draft of an organisation.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Draft>> {
    let mut sql = Sql::new(dialect_of(conn));
    let (id, org) = (sql.bind(id), sql.bind(org));
    let text = format!("SELECT * FROM response_draft WHERE id = {id} AND org_id = {org}");
    sql.query(conn, &text).await?.first().map(read).transpose()
}

/// A draft from a row.
fn read(row: &QueryResult) -> Result<Draft> {
    let seed: i64 = row.try_get("", "seed")?;
    let answers: String = row.try_get("", "answers")?;
    let (answers, sealed) = parse_answers(&answers)?;
    Ok(Draft {
        id: row.try_get("", "id")?,
        org: row.try_get("", "org_id")?,
        campaign: row.try_get("", "campaign_id")?,
        invitation: row.try_get("", "invitation_id")?,
        customer: row.try_get("", "customer_id")?,
        version: row.try_get("", "version")?,
        language: row.try_get("", "language")?,
        seed: u32::try_from(seed).unwrap_or_default(),
        start_us: row.try_get("", "start_us")?,
        answers,
        save_us: row.try_get("", "save_us")?,
        expire_us: row.try_get("", "expire_us")?,
        sealed,
        revision: row.try_get("", "revision")?,
    })
}

/// Unfinished responses of a customer.
pub async fn of_customer(
    conn: &impl ConnectionTrait,
    org: Uuid,
    customer: Uuid,
) -> Result<Vec<Draft>> {
    let mut sql = Sql::new(dialect_of(conn));
    let (org, customer) = (sql.bind(org), sql.bind(customer));
    let text = format!(
        "SELECT * FROM response_draft WHERE org_id = {org} AND customer_id = {customer} ORDER BY id"
    );
    sql.query(conn, &text).await?.iter().map(read).collect()
}

/// Removes drafts that were submitted.
pub async fn remove(tx: &WriteTx, ids: &[Uuid]) -> Result<u64> {
    remove_where(tx, "id", ids).await
}

/// Removes the drafts of customers.
pub async fn remove_of_customers(tx: &WriteTx, customers: &[Uuid]) -> Result<u64> {
    remove_where(tx, "customer_id", customers).await
}

async fn remove_where(tx: &WriteTx, column: &str, ids: &[Uuid]) -> Result<u64> {
    if ids.is_empty() {
        return Ok(0);
    }
    let conn = tx.conn();
    let mut sql = Sql::new(dialect_of(conn));
    let which = sql.one_of(column, ids);
    sql.execute(conn, &format!("DELETE FROM response_draft WHERE {which}")).await
}

/// Removes drafts that nobody went on with.
pub async fn expire(tx: &WriteTx, now_us: i64) -> Result<u64> {
    let conn = tx.conn();
    let mut sql = Sql::new(dialect_of(conn));
    let now = sql.bind(now_us);
    sql.execute(conn, &format!("DELETE FROM response_draft WHERE expire_us < {now}")).await
}
