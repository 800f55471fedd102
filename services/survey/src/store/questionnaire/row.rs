//! Rows of questionnaires.

use kit::error::{self, ServiceError};
use sea_orm::{FromQueryResult, Set, entity::prelude::*};
use survey_domain::questionnaire::{
    Definition, Texts,
    record::{Record, State},
};

/// Columns of [`Head`].
pub const HEAD: &str = "id, org_id, unit_id, title, hash, state, version, published_hash, \
                        revision, copied_from, create_us, change_us, close_us, delete_us";

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "questionnaire")]
pub struct Model {
    /// Id; `questionnaires/qn_…`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Organisation.
    pub org_id: Uuid,
    /// Unit.
    pub unit_id: Uuid,
    /// Titles as JSON.
    pub title: String,
    /// Titles as lines.
    pub title_text: String,
    /// The draft as JSON.
    pub definition: String,
    /// Hash of the draft.
    pub hash: String,
    /// Number of the state.
    pub state: i16,
    /// Latest version.
    pub version: i32,
    /// Its hash.
    pub published_hash: String,
    /// Number of changes.
    pub revision: i64,
    /// What it was copied from.
    pub copied_from: String,
    /// When it was created.
    pub create_us: i64,
    /// When it was changed.
    pub change_us: i64,
    /// When it was closed.
    pub close_us: Option<i64>,
    /// When it was taken out of lists.
    pub delete_us: Option<i64>,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A row of a list.
#[derive(Debug, FromQueryResult)]
pub struct Head {
    id: Uuid,
    org_id: Uuid,
    unit_id: Uuid,
    title: String,
    hash: String,
    state: i16,
    version: i32,
    published_hash: String,
    revision: i64,
    copied_from: String,
    create_us: i64,
    change_us: i64,
    close_us: Option<i64>,
    delete_us: Option<i64>,
}

/// A definition from its stored form.
pub fn definition(what: Uuid, json: &str) -> error::Result<Definition> {
    serde_json::from_str(json)
        .map_err(|e| ServiceError::internal(format!("definition of {what}: {e}")))
}

/// A definition with nothing but its title.
pub fn titled(what: Uuid, json: &str) -> error::Result<Definition> {
    let title: Texts = serde_json::from_str(json)
        .map_err(|e| ServiceError::internal(format!("title of {what}: {e}")))?;
    Ok(Definition { title, ..Definition::default() })
}

/// A stored form. Definitions hold texts and finite numbers only.
pub fn json(value: &impl serde::Serialize) -> error::Result<String> {
    serde_json::to_string(value).map_err(ServiceError::internal)
}

fn state(what: Uuid, number: i16) -> error::Result<State> {
    let state = State::from_number(i32::from(number));
    state.ok_or_else(|| ServiceError::internal(format!("state {number} of {what}")))
}

/// A whole questionnaire.
pub fn record(row: Model) -> error::Result<Record> {
    Ok(Record {
        definition: definition(row.id, &row.definition)?,
        state: state(row.id, row.state)?,
        id: row.id,
        org: row.org_id,
        unit: row.unit_id,
        hash: row.hash,
        version: row.version,
        published_hash: row.published_hash,
        revision: row.revision,
        copied_from: row.copied_from,
        create_us: row.create_us,
        change_us: row.change_us,
        close_us: row.close_us,
        delete_us: row.delete_us,
    })
}

/// A questionnaire of a list.
pub fn of_head(row: Head) -> error::Result<Record> {
    Ok(Record {
        definition: titled(row.id, &row.title)?,
        state: state(row.id, row.state)?,
        id: row.id,
        org: row.org_id,
        unit: row.unit_id,
        hash: row.hash,
        version: row.version,
        published_hash: row.published_hash,
        revision: row.revision,
        copied_from: row.copied_from,
        create_us: row.create_us,
        change_us: row.change_us,
        close_us: row.close_us,
        delete_us: row.delete_us,
    })
}

/// The row of a questionnaire.
pub fn of_record(record: &Record) -> error::Result<ActiveModel> {
    let titles: Vec<&str> = record.definition.title.values().map(String::as_str).collect();
    Ok(ActiveModel {
        id: Set(record.id),
        org_id: Set(record.org),
        unit_id: Set(record.unit),
        title: Set(json(&record.definition.title)?),
        title_text: Set(titles.join("\n")),
        definition: Set(json(&record.definition)?),
        hash: Set(record.hash.clone()),
        state: Set(record.state as i16),
        version: Set(record.version),
        published_hash: Set(record.published_hash.clone()),
        revision: Set(record.revision),
        copied_from: Set(record.copied_from.clone()),
        create_us: Set(record.create_us),
        change_us: Set(record.change_us),
        close_us: Set(record.close_us),
        delete_us: Set(record.delete_us),
    })
}
