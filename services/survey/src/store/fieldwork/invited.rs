//! Who was invited: by a sample, by hand, by other campaigns.

use std::collections::HashMap;

use kit::{db::dialect_of, error::Result};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use survey_domain::{
    channel::Channel,
    invitation::State,
    sampling::exclusion::{Asked, YEAR_DAYS},
};
use uuid::Uuid;

use kit::db::sql::{Sql, odd};

use crate::store::entity::invitation;

const DAY_US: i64 = 86_400_000_000;

/// How many invitations a sample prepared, by unit, class and channel.
pub async fn sampled(
    conn: &impl ConnectionTrait,
    org: Uuid,
    campaign: Uuid,
) -> Result<Vec<(Uuid, Option<Uuid>, Channel, i64)>> {
    let mut sql = Sql::new(dialect_of(conn));
    let text = format!(
        "SELECT unit_id, class_id, channel, COUNT(*) AS count FROM invitation \
         WHERE org_id = {} AND campaign_id = {} AND sampled AND state = {} \
         GROUP BY unit_id, class_id, channel",
        sql.bind(org),
        sql.bind(campaign),
        sql.bind(State::Prepared as i16),
    );
    let mut found = Vec::new();
    for row in sql.query(conn, &text).await? {
        let channel: i16 = row.try_get("", "channel")?;
        let channel = Channel::from_number(channel.into());
        found.push((
            row.try_get("", "unit_id")?,
            row.try_get("", "class_id")?,
            channel.ok_or_else(|| odd("invitation", "channel"))?,
            row.try_get("", "count")?,
        ));
    }
    Ok(found)
}

/// Takes the invitations back that a sample prepared.
pub async fn remove_sampled(conn: &impl ConnectionTrait, org: Uuid, campaign: Uuid) -> Result<()> {
    let delete = invitation::Entity::delete_many()
        .filter(invitation::Column::OrgId.eq(org))
        .filter(invitation::Column::CampaignId.eq(campaign))
        .filter(invitation::Column::Sampled.eq(true))
        .filter(invitation::Column::State.eq(State::Prepared as i16));
    delete.exec(conn).await?;
    Ok(())
}

/// Which of these customers have an invitation of the campaign.
pub async fn invited(
    conn: &impl ConnectionTrait,
    org: Uuid,
    campaign: Uuid,
    customers: &[Uuid],
) -> Result<Vec<Uuid>> {
    let mut sql = Sql::new(dialect_of(conn));
    let (org, campaign) = (sql.bind(org), sql.bind(campaign));
    let among = sql.one_of("customer_id", customers);
    let text = format!(
        "SELECT customer_id FROM invitation \
         WHERE org_id = {org} AND campaign_id = {campaign} AND {among}"
    );
    let rows = sql.query(conn, &text).await?;
    rows.iter().map(|row| Ok(row.try_get("", "customer_id")?)).collect()
}

/// Customers that were invited to a campaign by hand.
pub async fn added_by_hand(
    conn: &impl ConnectionTrait,
    org: Uuid,
    campaign: Uuid,
) -> Result<Vec<Uuid>> {
    let ids: Vec<Option<Uuid>> = invitation::Entity::find()
        .select_only()
        .column(invitation::Column::CustomerId)
        .filter(invitation::Column::OrgId.eq(org))
        .filter(invitation::Column::CampaignId.eq(campaign))
        .filter(invitation::Column::Sampled.eq(false))
        .filter(invitation::Column::CustomerId.is_not_null())
        .into_tuple()
        .all(conn)
        .await?;
    Ok(ids.into_iter().flatten().collect())
}

/// What campaigns other than `campaign` asked of customers since `since_us`; of `only` these
/// customers, or of all.
pub async fn asked(
    conn: &impl ConnectionTrait,
    org: Uuid,
    campaign: Uuid,
    (since_us, now_us): (i64, i64),
    only: Option<&[Uuid]>,
) -> Result<HashMap<Uuid, Asked>> {
    let mut sql = Sql::new(dialect_of(conn));
    let (org, campaign, since) = (sql.bind(org), sql.bind(campaign), sql.bind(since_us));
    let only = only.map(|ids| format!(" AND {}", sql.one_of("customer_id", ids)));
    let text = format!(
        "SELECT customer_id, campaign_id, queue_us FROM invitation \
         WHERE org_id = {org} AND customer_id IS NOT NULL AND queue_us IS NOT NULL \
         AND queue_us > {since} AND campaign_id <> {campaign}{}",
        only.unwrap_or_default()
    );
    let year_us = now_us.saturating_sub(YEAR_DAYS * DAY_US);
    let mut asked: HashMap<Uuid, Asked> = HashMap::new();
    for row in sql.query(conn, &text).await? {
        let customer: Uuid = row.try_get("", "customer_id")?;
        let us: i64 = row.try_get("", "queue_us")?;
        let by: Uuid = row.try_get("", "campaign_id")?;
        let first = Asked { last_us: i64::MIN, campaign: by, in_year: 0 };
        let known = asked.entry(customer).or_insert(first);
        known.in_year += u32::from(us > year_us);
        if us > known.last_us {
            (known.last_us, known.campaign) = (us, by);
        }
    }
    Ok(asked)
}
