//! The answers of each response in one row, for statistics that need more than counts: which
//! answers belong together. Nothing in here says who answered.

use std::collections::BTreeMap;

use analytics_domain::{
    answer::{Answer, ResponseChange},
    fact::Grade,
};
use kit::{
    db::{WriteTx, bulk},
    error::{Result, ServiceError},
};
use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    sql::{LIST_MAX, Values, execute, query},
    sums::Sites,
};

/// Rows of one statement.
const ROWS: usize = 64;
/// Most responses that one question may read.
pub const RESPONSES_MAX: usize = 1_000_000;

/// Adds and takes back rows, each with the local day of its site.
pub async fn add(tx: &WriteTx, changes: &[(&ResponseChange, i32)]) -> Result<()> {
    for chunk in bulk::chunks(changes, ROWS) {
        let mut values = Values::default();
        let mut tuples = Vec::with_capacity(chunk.len());
        let mut held: BTreeMap<(Uuid, Uuid, String), (i32, Vec<Value>)> = BTreeMap::new();
        for (change, day) in chunk {
            let row = row(change, *day);
            let sign = if change.holds { 1 } else { -1 };
            let place = &change.response.place;
            let key = (place.org, change.response.id, row.0);
            held.entry(key).or_insert((0, row.1)).0 += sign;
        }
        for ((org, response, hash), (holds, rest)) in held {
            let key = [org.into(), response.into(), Value::from(hash), holds.into()];
            tuples.push(values.tuple(key.into_iter().chain(rest)));
        }
        let sql = format!(
            "INSERT INTO answer_vector (org_id, response_id, facts_hash, holds, \
             questionnaire_id, version, day, site_id, unit_id, staff_id, campaign_id, class_id, \
             channel, suspect, anonymous, answers) VALUES {} \
             ON CONFLICT (org_id, response_id, facts_hash) \
             DO UPDATE SET holds = answer_vector.holds + excluded.holds",
            tuples.join(", ")
        );
        execute(tx.conn(), sql, values).await?;
        remove_settled(tx, chunk).await?;
    }
    Ok(())
}

/// Removes rows of these responses that have come to nothing.
async fn remove_settled(tx: &WriteTx, chunk: &[(&ResponseChange, i32)]) -> Result<()> {
    let mut by_org: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for (change, _) in chunk {
        let response = &change.response;
        by_org.entry(response.place.org).or_default().push(response.id);
    }
    for (org, responses) in by_org {
        let mut values = Values::default();
        let (org, list) = (values.put(org), values.list(responses));
        let sql = format!(
            "DELETE FROM answer_vector WHERE org_id = {org} AND response_id IN {list} \
             AND holds = 0"
        );
        execute(tx.conn(), sql, values).await?;
    }
    Ok(())
}

/// Removes all rows.
pub async fn clear(tx: &WriteTx) -> Result<()> {
    execute(tx.conn(), "DELETE FROM answer_vector".to_owned(), Values::default()).await?;
    Ok(())
}

/// Which responses.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Organisation.
    pub org: Uuid,
    /// Questionnaire.
    pub questionnaire: Uuid,
    /// Only these versions, if any.
    pub versions: Vec<i32>,
    /// Sites.
    pub sites: Sites,
    /// Only this unit: a window.
    pub unit: Option<Uuid>,
    /// First local day and the one after the last.
    pub days: (i32, i32),
    /// Only these campaigns, if any.
    pub campaigns: Vec<Uuid>,
    /// Only these channels, if any.
    pub channels: Vec<i16>,
    /// Also suspect responses.
    pub include_suspect: bool,
}

/// One response.
#[derive(Debug, Clone, PartialEq)]
pub struct Vector {
    /// Its id, for an order that does not change.
    pub response: Uuid,
    /// Version that was answered.
    pub version: i32,
    /// Site.
    pub site: Uuid,
    /// Unit.
    pub unit: Uuid,
    /// Class of the customer.
    pub customer_class: Uuid,
    /// Local day of the site.
    pub day: i32,
    /// Whether the campaign promised anonymity.
    pub anonymous: bool,
    /// Answers by item.
    pub answers: BTreeMap<String, Answer>,
}

/// Reads responses in the order of their ids.
///
/// # Errors
/// TOO_MANY_BUCKETS when there are more than [`RESPONSES_MAX`].
pub async fn read(conn: &impl ConnectionTrait, selection: &Selection) -> Result<Vec<Vector>> {
    read_below(conn, selection, None).await
}

/// How many responses there are.
pub async fn count(conn: &impl ConnectionTrait, selection: &Selection) -> Result<u64> {
    let mut count = 0;
    for list in lists(&selection.sites) {
        let (conditions, values) = conditions(selection, list);
        let sql = format!("SELECT CAST(COUNT(*) AS BIGINT) FROM answer_vector WHERE {conditions}");
        for row in query(conn, sql, values).await? {
            count += u64::try_from(row.try_get_by_index::<i64>(0)?).unwrap_or_default();
        }
    }
    Ok(count)
}

/// Reads all responses, or about `most` of more: those whose facts have the lowest hashes, which
/// is chance that always falls the same way.
///
/// # Errors
/// Those of the database.
pub async fn sample(
    conn: &impl ConnectionTrait,
    selection: &Selection,
    most: u64,
) -> Result<Vec<Vector>> {
    let count = count(conn, selection).await?;
    if count <= most {
        return read(conn, selection).await;
    }
    // The first eight digits of a hash.
    let limit = u128::from(u32::MAX) * u128::from(most) / u128::from(count);
    read_below(conn, selection, Some(format!("{limit:08x}"))).await
}

fn lists(sites: &Sites) -> Vec<Option<&[Uuid]>> {
    match sites {
        Sites::All | Sites::Any => vec![None],
        Sites::List(sites) => sites.chunks(LIST_MAX).map(Some).collect(),
    }
}

async fn read_below(
    conn: &impl ConnectionTrait,
    selection: &Selection,
    hash: Option<String>,
) -> Result<Vec<Vector>> {
    let mut found = Vec::new();
    for list in lists(&selection.sites) {
        let (mut conditions, mut values) = conditions(selection, list);
        if let Some(hash) = &hash {
            conditions.push_str(&format!(" AND facts_hash < {}", values.put(hash.as_str())));
        }
        let sql = format!(
            "SELECT response_id, version, site_id, unit_id, class_id, day, anonymous, answers \
             FROM answer_vector WHERE {conditions} LIMIT {}",
            RESPONSES_MAX + 1,
        );
        for row in query(conn, sql, values).await? {
            found.push(vector(&row)?);
        }
        if found.len() > RESPONSES_MAX {
            return Err(super::sums::too_many());
        }
    }
    found.sort_by_key(|vector| vector.response);
    Ok(found)
}

fn conditions(selection: &Selection, sites: Option<&[Uuid]>) -> (String, Values) {
    let mut values = Values::default();
    let mut all = vec![
        format!("org_id = {}", values.put(selection.org)),
        format!("questionnaire_id = {}", values.put(selection.questionnaire)),
        format!("day >= {}", values.put(selection.days.0)),
        format!("day < {}", values.put(selection.days.1)),
        "holds > 0".to_owned(),
    ];
    if let Some(sites) = sites {
        all.push(format!("site_id IN {}", values.list(sites.iter().copied())));
    }
    if let Some(unit) = selection.unit {
        all.push(format!("unit_id = {}", values.put(unit)));
    }
    if !selection.versions.is_empty() {
        all.push(format!("version IN {}", values.list(selection.versions.iter().copied())));
    }
    if !selection.campaigns.is_empty() {
        let campaigns = values.list(selection.campaigns.iter().copied());
        all.push(format!("campaign_id IN {campaigns}"));
    }
    if !selection.channels.is_empty() {
        all.push(format!("channel IN {}", values.list(selection.channels.iter().copied())));
    }
    if !selection.include_suspect {
        all.push("suspect = 0".to_owned());
    }
    (all.join(" AND "), values)
}

fn vector(row: &QueryResult) -> Result<Vector> {
    let anonymous: i16 = row.try_get_by_index(6)?;
    let answers: String = row.try_get_by_index(7)?;
    let answers: Map<String, Json> =
        serde_json::from_str(&answers).map_err(ServiceError::internal)?;
    Ok(Vector {
        response: row.try_get_by_index(0)?,
        version: row.try_get_by_index(1)?,
        site: row.try_get_by_index(2)?,
        unit: row.try_get_by_index(3)?,
        customer_class: row.try_get_by_index(4)?,
        day: row.try_get_by_index(5)?,
        anonymous: anonymous != 0,
        answers: answers.into_iter().filter_map(|(k, v)| Some((k, answer(&v)?))).collect(),
    })
}

/// Hash of the facts, and the values of the columns from `questionnaire_id` on.
fn row(change: &ResponseChange, day: i32) -> (String, Vec<Value>) {
    let (response, place) = (&change.response, &change.response.place);
    let answers: Map<String, Json> =
        response.answers.iter().map(|(item, answer)| (item.clone(), print(answer))).collect();
    let answers = Json::Object(answers).to_string();
    let facts = format!("{place:?} {} {answers}", response.time_us);
    let hash = Sha256::digest(facts).iter().take(16).map(|b| format!("{b:02x}")).collect();
    let values = vec![
        place.questionnaire.into(),
        place.version.into(),
        day.into(),
        place.site.into(),
        place.unit.into(),
        place.staff.into(),
        place.campaign.into(),
        place.customer_class.into(),
        place.channel.into(),
        i16::from(place.suspect).into(),
        i16::from(place.anonymous).into(),
        Value::from(answers),
    ];
    (hash, values)
}

/// A grade is a number, a number an object, options a list, and no answer a text.
fn print(answer: &Answer) -> Json {
    match answer {
        Answer::Grade(grade) => json!(grade.value()),
        Answer::Options(options) => json!(options),
        Answer::Number(number) => json!({ "n": number }),
        Answer::NotApplicable => json!("na"),
        Answer::Refused => json!("refused"),
    }
}

fn answer(value: &Json) -> Option<Answer> {
    match value {
        Json::Number(grade) => {
            Some(Answer::Grade(Grade::new(i32::try_from(grade.as_i64()?).ok()?)?))
        }
        Json::Array(options) => {
            let options = options.iter().filter_map(|o| o.as_str().map(str::to_owned));
            Some(Answer::Options(options.collect()))
        }
        Json::Object(number) => Some(Answer::Number(number.get("n")?.as_f64()?)),
        Json::String(word) if word == "na" => Some(Answer::NotApplicable),
        Json::String(_) => Some(Answer::Refused),
        Json::Null | Json::Bool(_) => None,
    }
}
