//! What is filled of the quotas.

use kit::{
    db::{Dialect, WriteTx, dialect_of},
    error::Result,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use survey_domain::quota::{Group, Quota};
use uuid::Uuid;

use kit::db::sql::{Sql, odd};

use crate::store::entity::campaign_quota;

/// A quota with its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filled {
    /// The quota.
    pub quota: Quota,
    /// Answers so far.
    pub filled: i32,
}

/// Quotas of a campaign, in the order in which all who change them do.
pub async fn list(conn: &impl ConnectionTrait, org: Uuid, campaign: Uuid) -> Result<Vec<Filled>> {
    of_campaign(conn, org, campaign, false).await
}

/// The same, kept from others until the transaction ends.
pub async fn lock(tx: &WriteTx, org: Uuid, campaign: Uuid) -> Result<Vec<Filled>> {
    let locks = dialect_of(tx.conn()) == Dialect::Postgres;
    of_campaign(tx.conn(), org, campaign, locks).await
}

async fn of_campaign(
    conn: &impl ConnectionTrait,
    org: Uuid,
    campaign: Uuid,
    locks: bool,
) -> Result<Vec<Filled>> {
    let mut query = campaign_quota::Entity::find()
        .filter(campaign_quota::Column::OrgId.eq(org))
        .filter(campaign_quota::Column::CampaignId.eq(campaign))
        .order_by_asc(campaign_quota::Column::Kind)
        .order_by_asc(campaign_quota::Column::GroupId);
    if locks {
        query = query.lock_exclusive();
    }
    let rows = query.all(conn).await?;
    let filled = |row: campaign_quota::Model| {
        let group =
            Group::of(row.kind, row.group_id).ok_or_else(|| odd("campaign_quota", "kind"))?;
        Ok(Filled { quota: Quota { group, limit: row.quota_limit }, filled: row.filled })
    };
    rows.into_iter().map(filled).collect()
}

/// Makes the quotas of a campaign these; what is filled stays with its group.
pub async fn replace(
    conn: &impl ConnectionTrait,
    org: Uuid,
    campaign: Uuid,
    quotas: &[Quota],
) -> Result<()> {
    // All of them are locked first, in the order of everybody.
    let locks = dialect_of(conn) == Dialect::Postgres;
    for known in of_campaign(conn, org, campaign, locks).await? {
        if quotas.iter().all(|quota| quota.group != known.quota.group) {
            let mut sql = Sql::new(dialect_of(conn));
            let which = key(&mut sql, org, campaign, known.quota.group);
            sql.execute(conn, &format!("DELETE FROM campaign_quota WHERE {which}")).await?;
        }
    }
    for quota in quotas {
        let mut sql = Sql::new(dialect_of(conn));
        let values = [
            sql.bind(campaign),
            sql.bind(quota.group.kind()),
            sql.bind(quota.group.id()),
            sql.bind(org),
            sql.bind(quota.limit),
        ];
        let text = format!(
            "INSERT INTO campaign_quota (campaign_id, kind, group_id, org_id, quota_limit, filled) \
             VALUES ({}, 0) ON CONFLICT (campaign_id, kind, group_id) \
             DO UPDATE SET quota_limit = excluded.quota_limit",
            values.join(", ")
        );
        sql.execute(conn, &text).await?;
    }
    Ok(())
}

/// Adds answers.
pub async fn add(
    conn: &impl ConnectionTrait,
    org: Uuid,
    campaign: Uuid,
    group: Group,
    more: i32,
) -> Result<()> {
    let mut sql = Sql::new(dialect_of(conn));
    let more = sql.bind(more);
    let which = key(&mut sql, org, campaign, group);
    sql.execute(conn, &format!("UPDATE campaign_quota SET filled = filled + {more} WHERE {which}"))
        .await?;
    Ok(())
}

fn key(sql: &mut Sql, org: Uuid, campaign: Uuid, group: Group) -> String {
    format!(
        "org_id = {} AND campaign_id = {} AND kind = {} AND group_id = {}",
        sql.bind(org),
        sql.bind(campaign),
        sql.bind(group.kind()),
        sql.bind(group.id())
    )
}
