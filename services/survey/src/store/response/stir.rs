//! Undoing what PostgreSQL tells of anonymous answers: each row carries the transaction that
//! wrote it last, and rows lie in the order of writing. The invitation and the response of one
//! transaction could be matched by that.

use kit::{db::WriteTx, error::Result};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use kit::db::sql::Sql;

/// Campaigns with anonymous responses submitted at or after `from_us`.
pub async fn anonymous_campaigns(conn: &impl ConnectionTrait, from_us: i64) -> Result<Vec<Uuid>> {
    let mut sql = Sql::new(kit::db::dialect_of(conn));
    let from = sql.bind(from_us);
    let text = format!(
        "SELECT DISTINCT campaign_id FROM response WHERE anonymous AND submit_us >= {from}"
    );
    let rows = sql.query(conn, &text).await?;
    rows.iter().map(|row| Ok(row.try_get("", "campaign_id")?)).collect()
}

/// Invitations of a campaign that can still be matched with a response: the same transaction
/// wrote both.
pub async fn matchable(tx: &WriteTx, campaign: Uuid) -> Result<Vec<Uuid>> {
    let conn = tx.conn();
    let mut sql = Sql::new(kit::db::dialect_of(conn));
    let campaign = sql.bind(campaign);
    let text = format!(
        "SELECT i.id FROM invitation i WHERE i.campaign_id = {campaign} AND i.xmin IN \
         (SELECT r.xmin FROM response r WHERE r.campaign_id = {campaign} AND r.anonymous)"
    );
    let rows = sql.query(conn, &text).await?;
    rows.iter().map(|row| Ok(row.try_get("", "id")?)).collect()
}

/// Writes an invitation again as it is.
pub async fn rewrite(tx: &WriteTx, invitation: Uuid) -> Result<()> {
    let conn = tx.conn();
    let mut sql = Sql::new(kit::db::dialect_of(conn));
    let id = sql.bind(invitation);
    sql.execute(conn, &format!("UPDATE invitation SET state = state WHERE id = {id}")).await?;
    Ok(())
}
