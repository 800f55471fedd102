//! Answers of customers in the order of their submission, and what these customers bought.

use std::collections::HashMap;

use kit::error::Result;
use sea_orm::{ConnectionTrait, QueryResult};
use survey_domain::{answer::Answers, outcome::Bought};
use uuid::Uuid;

use super::{
    response::{Place, SOUND, parse_answers},
    rows::sql,
};

/// Which answers.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Organisation.
    pub org: Uuid,
    /// Only about these units; `None` means any.
    pub units: Option<Vec<Uuid>>,
    /// Questionnaire.
    pub questionnaire: Uuid,
    /// Only these versions, if any.
    pub versions: Vec<i32>,
    /// Only these campaigns, if any.
    pub campaigns: Vec<Uuid>,
    /// Time of submission, half open.
    pub range: (i64, i64),
    /// Also suspect responses.
    pub include_suspect: bool,
}

/// An answer under somebody's name.
#[derive(Debug, Clone)]
pub struct Named {
    /// Response.
    pub id: Uuid,
    /// Customer.
    pub customer: Uuid,
    /// Version of the questionnaire.
    pub version: i32,
    /// When it was submitted.
    pub submit_us: i64,
    /// The answers.
    pub answers: Answers,
}

/// At most `limit` answers after `last`, earliest first.
pub async fn page(
    conn: &impl ConnectionTrait,
    selection: &Selection,
    last: Option<Place>,
    limit: u64,
) -> Result<Vec<Named>> {
    let mut sql = sql(conn);
    let no = sql.bind(false);
    let (from, to) = selection.range;
    let mut wanted = vec![
        format!("org_id = {}", sql.bind(selection.org)),
        format!("questionnaire_id = {}", sql.bind(selection.questionnaire)),
        format!("submit_us >= {} AND submit_us < {}", sql.bind(from), sql.bind(to)),
        format!("customer_id IS NOT NULL AND anonymous = {no}"),
    ];
    if !selection.versions.is_empty() {
        let versions: Vec<String> = selection.versions.iter().map(i32::to_string).collect();
        wanted.push(format!("version IN ({})", versions.join(",")));
    }
    if !selection.campaigns.is_empty() {
        wanted.push(sql.one_of("campaign_id", &selection.campaigns));
    }
    if let Some(units) = &selection.units {
        wanted.push(sql.one_of("unit_id", units));
    }
    if !selection.include_suspect {
        wanted.push(SOUND.to_owned());
    }
    if let Some((us, id)) = last {
        wanted.push(format!("(submit_us, id) > ({}, {})", sql.bind(us), sql.bind(id)));
    }
    let limit = sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let text = format!(
        "SELECT id, customer_id, version, submit_us, answers FROM response WHERE {} \
         ORDER BY submit_us, id LIMIT {limit}",
        wanted.join(" AND ")
    );
    sql.query(conn, &text).await?.iter().map(read).collect()
}

fn read(row: &QueryResult) -> Result<Named> {
    let answers: String = row.try_get("", "answers")?;
    Ok(Named {
        id: row.try_get("", "id")?,
        customer: row.try_get("", "customer_id")?,
        version: row.try_get("", "version")?,
        submit_us: row.try_get("", "submit_us")?,
        // Only what can be counted is looked at, and that is never encrypted.
        answers: parse_answers(&answers)?.0,
    })
}

/// Purchases with us of these customers in a half-open time.
pub async fn bought(
    conn: &impl ConnectionTrait,
    org: Uuid,
    customers: &[Uuid],
    (from, to): (i64, i64),
) -> Result<HashMap<Uuid, Vec<Bought>>> {
    let mut sql = sql(conn);
    let (from, to) = (sql.bind(from), sql.bind(to));
    let (org, among) = (sql.bind(org), sql.one_of("customer_id", customers));
    let text = format!(
        "SELECT customer_id, at_us, cents FROM purchase WHERE org_id = {org} AND {among} \
         AND competitor_id IS NULL AND at_us >= {from} AND at_us < {to}"
    );
    let mut found: HashMap<Uuid, Vec<Bought>> = HashMap::new();
    for row in sql.query(conn, &text).await? {
        let customer: Uuid = row.try_get("", "customer_id")?;
        let one = (row.try_get("", "at_us")?, row.try_get("", "cents")?);
        found.entry(customer).or_default().push(one);
    }
    Ok(found)
}
