//! Counts of responses from the cells, the packs and the vectors, for proving that they agree with
//! their source.

use std::collections::BTreeMap;

use analytics_domain::{
    answer::{KINDS_BLOCK, Kind},
    pack,
};
use kit::error::{Result, ServiceError};
use sea_orm::{ConnectionTrait, QueryResult, StreamTrait};
use uuid::Uuid;

use super::{
    packs,
    placements::Placements,
    sql::{Values, query},
    sums::Sites,
};

/// Responses by site, questionnaire, version, channel and suspicion.
pub type Counts = BTreeMap<(Uuid, Uuid, i32, i16, bool), i64>;

/// As the cells count them.
pub async fn of_cells(
    conn: &impl ConnectionTrait,
    org: Uuid,
    placed: &Placements,
) -> Result<Counts> {
    let mut values = Values::default();
    let (org, block) = (values.put(org), values.put(KINDS_BLOCK));
    let sql = format!(
        "SELECT site_id, questionnaire_id, version, channel, suspect, \
         CAST(SUM(g0) AS BIGINT) FROM cell_answer \
         WHERE org_id = {org} AND item = '' AND block = {block} \
         GROUP BY site_id, questionnaire_id, version, channel, suspect"
    );
    read(query(conn, sql, values).await?, placed)
}

/// As the vectors hold them.
pub async fn of_vectors(
    conn: &impl ConnectionTrait,
    org: Uuid,
    placed: &Placements,
) -> Result<Counts> {
    let mut values = Values::default();
    let org = values.put(org);
    let sql = format!(
        "SELECT site_id, questionnaire_id, version, channel, suspect, \
         CAST(SUM(holds) AS BIGINT) FROM answer_vector WHERE org_id = {org} \
         GROUP BY site_id, questionnaire_id, version, channel, suspect"
    );
    read(query(conn, sql, values).await?, placed)
}

/// As the packs count them.
pub async fn of_packs(conn: &impl StreamTrait, org: Uuid, placed: &Placements) -> Result<Counts> {
    let months = i32::MIN..i32::MAX;
    let all = packs::Scan { org, kind: pack::Kind::Answers, months, sites: &Sites::Any };
    let mut counts = Counts::new();
    packs::each(conn, &all, |row| {
        let site = placed.site(row.site);
        packs::entries(&row, |entry| {
            let head = pack::answer_of(entry.key);
            let head = head.ok_or_else(|| ServiceError::internal("a key of a pack"))?;
            if head.item.is_empty() && head.block == KINDS_BLOCK {
                let key = (site, head.questionnaire, head.version, head.channel, head.suspect);
                *counts.entry(key).or_default() += entry.counts.grades[Kind::Response as usize];
            }
            Ok(())
        })
    })
    .await?;
    counts.retain(|_, count| *count != 0);
    Ok(counts)
}

fn read(rows: Vec<QueryResult>, placed: &Placements) -> Result<Counts> {
    let mut counts = Counts::new();
    for row in rows {
        let suspect: i16 = row.try_get_by_index(4)?;
        let key = (
            placed.site(row.try_get_by_index(0)?),
            row.try_get_by_index(1)?,
            row.try_get_by_index(2)?,
            row.try_get_by_index(3)?,
            suspect != 0,
        );
        let count: i64 = row.try_get_by_index(5)?;
        *counts.entry(key).or_default() += count;
    }
    counts.retain(|_, count| *count != 0);
    Ok(counts)
}
