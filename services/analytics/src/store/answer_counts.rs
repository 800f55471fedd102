//! Counts of responses from the cells and from the vectors, for proving that they agree with
//! their source.

use std::collections::BTreeMap;

use analytics_domain::answer::KINDS_BLOCK;
use kit::error::Result;
use sea_orm::{ConnectionTrait, QueryResult};
use uuid::Uuid;

use super::sql::{Values, query};

/// Responses by site, questionnaire, version, channel and suspicion.
pub type Counts = BTreeMap<(Uuid, Uuid, i32, i16, bool), i64>;

/// As the cells count them.
pub async fn of_cells(conn: &impl ConnectionTrait, org: Uuid) -> Result<Counts> {
    let mut values = Values::default();
    let (org, block) = (values.put(org), values.put(KINDS_BLOCK));
    let sql = format!(
        "SELECT site_id, questionnaire_id, version, channel, suspect, \
         CAST(SUM(g0) AS BIGINT) FROM cell_answer \
         WHERE org_id = {org} AND item = '' AND block = {block} \
         GROUP BY site_id, questionnaire_id, version, channel, suspect"
    );
    read(query(conn, sql, values).await?)
}

/// As the vectors hold them.
pub async fn of_vectors(conn: &impl ConnectionTrait, org: Uuid) -> Result<Counts> {
    let mut values = Values::default();
    let org = values.put(org);
    let sql = format!(
        "SELECT site_id, questionnaire_id, version, channel, suspect, \
         CAST(SUM(holds) AS BIGINT) FROM answer_vector WHERE org_id = {org} \
         GROUP BY site_id, questionnaire_id, version, channel, suspect"
    );
    read(query(conn, sql, values).await?)
}

fn read(rows: Vec<QueryResult>) -> Result<Counts> {
    let mut counts = Counts::new();
    for row in rows {
        let suspect: i16 = row.try_get_by_index(4)?;
        let key = (
            row.try_get_by_index(0)?,
            row.try_get_by_index(1)?,
            row.try_get_by_index(2)?,
            row.try_get_by_index(3)?,
            suspect != 0,
        );
        let count: i64 = row.try_get_by_index(5)?;
        if count != 0 {
            counts.insert(key, count);
        }
    }
    Ok(counts)
}
