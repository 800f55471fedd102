//! Exact counts from the stored responses, for proving that none was lost on the way.

use kit::error::Result;
use sea_orm::{ConnectionTrait, Statement, Value};
use uuid::Uuid;

/// Responses of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
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
    /// How many.
    pub count: i64,
}

/// Responses by site, questionnaire, version, channel and suspicion.
pub async fn responses(conn: &impl ConnectionTrait, org: Uuid) -> Result<Vec<Count>> {
    // CASE gives the same integer on both databases. A response that a person has confirmed
    // is suspect, one that was released is not, whatever its marks say.
    let suspect = "CASE WHEN decision = 2 OR (decision = 0 AND marks <> 0) THEN 1 ELSE 0 END";
    let sql = format!(
        "SELECT site_id, questionnaire_id, version, channel, {suspect} AS suspect, \
         COUNT(*) AS n FROM response WHERE org_id = $1 \
         GROUP BY site_id, questionnaire_id, version, channel, {suspect}"
    );
    let backend = conn.get_database_backend();
    let statement = Statement::from_sql_and_values(backend, sql, [Value::from(org)]);
    let rows = conn.query_all_raw(statement).await?;
    rows.iter()
        .map(|row| {
            let suspect: i32 = row.try_get("", "suspect")?;
            Ok(Count {
                site: row.try_get("", "site_id")?,
                questionnaire: row.try_get("", "questionnaire_id")?,
                version: row.try_get("", "version")?,
                channel: row.try_get("", "channel")?,
                suspect: suspect != 0,
                count: row.try_get("", "n")?,
            })
        })
        .collect()
}
