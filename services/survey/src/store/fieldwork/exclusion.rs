//! Customers that samples left out.

use kit::{db::dialect_of, error::Result};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};
use survey_domain::sampling::exclusion::Reason;
use uuid::Uuid;

use kit::db::sql::{Sql, odd};

use crate::store::entity::sample_exclusion;

/// Rows of one INSERT.
const CHUNK: usize = 500;

/// A customer that was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exclusion {
    /// Customer.
    pub customer: Uuid,
    /// Why.
    pub reason: Reason,
    /// Campaign that asked last, and when.
    pub last: Option<(Uuid, i64)>,
}

/// Takes at most `limit` exclusions of a campaign away; how many there were.
pub async fn remove_some(
    conn: &impl ConnectionTrait,
    org: Uuid,
    campaign: Uuid,
    limit: u64,
) -> Result<u64> {
    let mut sql = Sql::new(dialect_of(conn));
    let (org, campaign) = (sql.bind(org), sql.bind(campaign));
    let limit = sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let mine = format!("org_id = {org} AND campaign_id = {campaign}");
    let text = format!(
        "DELETE FROM sample_exclusion WHERE {mine} AND customer_id IN \
         (SELECT customer_id FROM sample_exclusion WHERE {mine} LIMIT {limit})"
    );
    sql.execute(conn, &text).await
}

/// Adds exclusions to a campaign.
pub async fn insert(
    conn: &impl ConnectionTrait,
    org: Uuid,
    campaign: Uuid,
    exclusions: &[Exclusion],
) -> Result<()> {
    for chunk in kit::db::bulk::chunks(exclusions, CHUNK) {
        let rows = chunk.iter().map(|e| sample_exclusion::ActiveModel {
            campaign_id: Set(campaign),
            customer_id: Set(e.customer),
            org_id: Set(org),
            reason: Set(e.reason as i16),
            last_campaign_id: Set(e.last.map(|(campaign, _)| campaign)),
            last_us: Set(e.last.map(|(_, us)| us)),
        });
        sample_exclusion::Entity::insert_many(rows).exec_without_returning(conn).await?;
    }
    Ok(())
}

/// Exclusions of a campaign in the order of the customers' ids, after `after`.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    campaign: Uuid,
    reason: Option<Reason>,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Exclusion>> {
    let mut query = sample_exclusion::Entity::find()
        .filter(sample_exclusion::Column::OrgId.eq(org))
        .filter(sample_exclusion::Column::CampaignId.eq(campaign));
    if let Some(reason) = reason {
        query = query.filter(sample_exclusion::Column::Reason.eq(reason as i16));
    }
    if let Some(after) = after {
        query = query.filter(sample_exclusion::Column::CustomerId.gt(after));
    }
    let rows =
        query.order_by_asc(sample_exclusion::Column::CustomerId).limit(limit).all(conn).await?;
    let read = |row: sample_exclusion::Model| {
        let reason = Reason::from_number(row.reason.into());
        Ok(Exclusion {
            customer: row.customer_id,
            reason: reason.ok_or_else(|| odd("sample_exclusion", "reason"))?,
            last: row.last_campaign_id.zip(row.last_us),
        })
    };
    rows.into_iter().map(read).collect()
}
