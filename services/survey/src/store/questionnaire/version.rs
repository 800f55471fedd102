//! Published versions: added once, never changed.

use kit::error;
use sea_orm::{FromQueryResult, QueryOrder, QuerySelect, Set, entity::prelude::*};
use survey_domain::questionnaire::record::Published;

use super::row;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "questionnaire_version")]
pub struct Model {
    /// Questionnaire.
    #[sea_orm(primary_key, auto_increment = false)]
    pub questionnaire_id: Uuid,
    /// Number, from 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i32,
    /// Organisation.
    pub org_id: Uuid,
    /// Titles as JSON.
    pub title: String,
    /// The definition as JSON.
    pub definition: String,
    /// Hash of the canonical form.
    pub hash: String,
    /// When it was published.
    pub publish_us: i64,
    /// Who published it.
    pub publisher: String,
    /// Why it was changed.
    pub note: String,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A row of a list.
#[derive(Debug, FromQueryResult)]
struct Head {
    questionnaire_id: Uuid,
    version: i32,
    title: String,
    hash: String,
    publish_us: i64,
    publisher: String,
    note: String,
}

/// One version.
pub async fn find_version(
    conn: &impl ConnectionTrait,
    org: Uuid,
    questionnaire: Uuid,
    version: i32,
) -> error::Result<Option<Published>> {
    let query = Entity::find_by_id((questionnaire, version)).filter(Column::OrgId.eq(org));
    query.one(conn).await?.map(published).transpose()
}

/// Several versions, ascending; those that do not exist are left out.
pub async fn find_versions(
    conn: &impl ConnectionTrait,
    org: Uuid,
    questionnaire: Uuid,
    versions: &[i32],
) -> error::Result<Vec<Published>> {
    let query = Entity::find()
        .filter(Column::OrgId.eq(org))
        .filter(Column::QuestionnaireId.eq(questionnaire))
        .filter(Column::Version.is_in(versions.iter().copied()))
        .order_by_asc(Column::Version);
    query.all(conn).await?.into_iter().map(published).collect()
}

/// Numbers of the latest versions, at most `limit`, ascending.
pub async fn numbers(
    conn: &impl ConnectionTrait,
    org: Uuid,
    questionnaire: Uuid,
    limit: u64,
) -> error::Result<Vec<i32>> {
    let query = Entity::find()
        .select_only()
        .column(Column::Version)
        .filter(Column::OrgId.eq(org))
        .filter(Column::QuestionnaireId.eq(questionnaire))
        .order_by_desc(Column::Version)
        .limit(limit);
    let mut numbers: Vec<i32> = query.into_tuple().all(conn).await?;
    numbers.reverse();
    Ok(numbers)
}

/// Versions newest first, at most `limit` below `before`, with titles only.
pub async fn list_versions(
    conn: &impl ConnectionTrait,
    org: Uuid,
    questionnaire: Uuid,
    before: Option<i32>,
    limit: u64,
) -> error::Result<Vec<Published>> {
    let columns = [
        Column::QuestionnaireId,
        Column::Version,
        Column::Title,
        Column::Hash,
        Column::PublishUs,
        Column::Publisher,
        Column::Note,
    ];
    let query = Entity::find()
        .select_only()
        .columns(columns)
        .filter(Column::OrgId.eq(org))
        .filter(Column::QuestionnaireId.eq(questionnaire))
        .filter(Column::Version.lt(before.unwrap_or(i32::MAX)))
        .order_by_desc(Column::Version)
        .limit(limit);
    let heads: Vec<Head> = query.into_model().all(conn).await?;
    let published = |head: Head| {
        Ok(Published {
            definition: row::titled(head.questionnaire_id, &head.title)?,
            questionnaire: head.questionnaire_id,
            version: head.version,
            hash: head.hash,
            publish_us: head.publish_us,
            publisher: head.publisher,
            note: head.note,
        })
    };
    heads.into_iter().map(published).collect()
}

/// Adds a version.
pub async fn insert_version(
    conn: &impl ConnectionTrait,
    org: Uuid,
    new: &Published,
) -> error::Result<()> {
    let row = ActiveModel {
        questionnaire_id: Set(new.questionnaire),
        version: Set(new.version),
        org_id: Set(org),
        title: Set(row::json(&new.definition.title)?),
        definition: Set(row::json(&new.definition)?),
        hash: Set(new.hash.clone()),
        publish_us: Set(new.publish_us),
        publisher: Set(new.publisher.clone()),
        note: Set(new.note.clone()),
    };
    Entity::insert(row).exec_without_returning(conn).await?;
    Ok(())
}

fn published(row: Model) -> error::Result<Published> {
    Ok(Published {
        definition: row::definition(row.questionnaire_id, &row.definition)?,
        questionnaire: row.questionnaire_id,
        version: row.version,
        hash: row.hash,
        publish_us: row.publish_us,
        publisher: row.publisher,
        note: row.note,
    })
}
