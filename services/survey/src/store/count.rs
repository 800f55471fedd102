//! Exact counts from the stored responses, for proving that none was lost on the way.

use kit::{
    db::{dialect_of, pieces::Pieces, sql::Sql},
    error::Result,
};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

/// What responses that are counted together have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// Nearest unit that is not a window.
    pub site: Uuid,
    /// Questionnaire.
    pub questionnaire: Uuid,
    /// Its version.
    pub version: i32,
    /// Number of the channel.
    pub channel: i16,
    /// Left out of figures.
    pub suspect: bool,
}

/// The time in which an organisation has responses.
pub async fn pieces(conn: &impl ConnectionTrait, org: Uuid) -> Result<Pieces> {
    Pieces::of(conn, ("response", "submit_us"), org, (i64::MIN, i64::MAX)).await
}

/// How many responses of each kind were submitted in `[from_us, to_us)`.
pub async fn responses(
    conn: &impl ConnectionTrait,
    org: Uuid,
    (from_us, to_us): (i64, i64),
) -> Result<Vec<(Kind, i64)>> {
    let mut sql = Sql::new(dialect_of(conn));
    let (org, from, to) = (sql.bind(org), sql.bind(from_us), sql.bind(to_us));
    // CASE gives the same integer on both databases. A response that a person has confirmed
    // is suspect, one that was released is not, whatever its marks say.
    let suspect = "CASE WHEN decision = 2 OR (decision = 0 AND marks <> 0) THEN 1 ELSE 0 END";
    let text = format!(
        "SELECT site_id, questionnaire_id, version, channel, {suspect} AS suspect, \
         COUNT(*) AS n FROM response \
         WHERE org_id = {org} AND submit_us >= {from} AND submit_us < {to} \
         GROUP BY site_id, questionnaire_id, version, channel, {suspect}"
    );
    let rows = sql.query(conn, &text).await?;
    rows.iter()
        .map(|row| {
            let suspect: i32 = row.try_get("", "suspect")?;
            let kind = Kind {
                site: row.try_get("", "site_id")?,
                questionnaire: row.try_get("", "questionnaire_id")?,
                version: row.try_get("", "version")?,
                channel: row.try_get("", "channel")?,
                suspect: suspect != 0,
            };
            Ok((kind, row.try_get("", "n")?))
        })
        .collect()
}
