//! Questionnaires and their versions.

mod row;
mod version;

use kit::{db::newest::Newest, error::Result};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter,
    QuerySelect,
};
use survey_domain::questionnaire::record::{Record, State};
use uuid::Uuid;

pub use version::{find_version, find_versions, insert_version, list_versions, numbers};

/// A place in a list that is ordered by time and id.
pub type Place = (i64, Uuid);

/// Which questionnaires.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of these units; `None` for all.
    pub units: Option<Vec<Uuid>>,
    /// Only in this state.
    pub state: Option<State>,
    /// Only with this in a title; empty for all.
    pub query: String,
}

/// One questionnaire, also one that was taken out of lists: its answers stay.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Record>> {
    let query = row::Entity::find_by_id(id).filter(row::Column::OrgId.eq(org));
    query.one(conn).await?.map(row::record).transpose()
}

/// The same, kept from changing until the transaction ends.
pub async fn find_locked(
    conn: &impl ConnectionTrait,
    org: Uuid,
    id: Uuid,
) -> Result<Option<Record>> {
    let query = row::Entity::find_by_id(id).filter(row::Column::OrgId.eq(org));
    query.lock_exclusive().one(conn).await?.map(row::record).transpose()
}

/// Questionnaires newest first, at most `limit` after `last`, with titles only.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    filter: &Filter,
    last: Option<Place>,
    limit: u64,
) -> Result<Vec<Record>> {
    let mut list = Newest::of(conn, "questionnaire", "create_us", org)
        .only(true, "delete_us IS NULL")
        .among("unit_id", filter.units.as_deref())
        .equal("state", filter.state.map(|state| state as i16));
    if !filter.query.is_empty() {
        // Unlike LIKE it knows no wildcards, and means the same on both databases.
        list = list.that(|sql| {
            let query = sql.bind(filter.query.clone());
            format!("replace(title_text, {query}, '') <> title_text")
        });
    }
    let heads = row::Head::find_by_statement(list.columns(row::HEAD).statement(last, limit));
    heads.all(conn).await?.into_iter().map(row::of_head).collect()
}

/// Number of questionnaires of an organisation that are in lists.
pub async fn count(conn: &impl ConnectionTrait, org: Uuid) -> Result<u64> {
    let query = row::Entity::find()
        .filter(row::Column::OrgId.eq(org))
        .filter(row::Column::DeleteUs.is_null());
    Ok(query.count(conn).await?)
}

/// Adds a questionnaire.
pub async fn insert(conn: &impl ConnectionTrait, new: &Record) -> Result<()> {
    row::Entity::insert(row::of_record(new)?).exec_without_returning(conn).await?;
    Ok(())
}

/// Replaces a questionnaire as it was at revision `before`. False when that is not the present
/// one any more.
pub async fn update(conn: &impl ConnectionTrait, now: &Record, before: i64) -> Result<bool> {
    let updated = row::Entity::update_many()
        .set(row::of_record(now)?)
        .filter(row::Column::Id.eq(now.id))
        .filter(row::Column::OrgId.eq(now.org))
        .filter(row::Column::Revision.eq(before))
        .exec(conn)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Deletes a questionnaire that has no version.
pub async fn delete(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<bool> {
    let deleted = row::Entity::delete_many()
        .filter(row::Column::Id.eq(id))
        .filter(row::Column::OrgId.eq(org))
        .filter(row::Column::Version.eq(0))
        .exec(conn)
        .await?;
    Ok(deleted.rows_affected == 1)
}
