//! Who was invited: by a sample, by hand, by other campaigns.

use std::collections::{HashMap, HashSet};

use kit::{
    db::{Dialect, dialect_of},
    error::Result,
};
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

/// An invitation that a sample prepared, as it is counted.
pub struct Sampled {
    /// Invitation.
    pub id: Uuid,
    /// Unit.
    pub unit: Uuid,
    /// Class of the customer.
    pub class: Option<Uuid>,
    /// Channel.
    pub channel: Channel,
}

/// At most `limit` invitations that a sample prepared.
pub async fn sampled(
    conn: &impl ConnectionTrait,
    org: Uuid,
    campaign: Uuid,
    limit: u64,
) -> Result<Vec<Sampled>> {
    let mut sql = Sql::new(dialect_of(conn));
    let text = format!(
        "SELECT id, unit_id, class_id, channel FROM invitation \
         WHERE org_id = {} AND campaign_id = {} AND sampled AND state = {} LIMIT {}",
        sql.bind(org),
        sql.bind(campaign),
        sql.bind(State::Prepared as i16),
        sql.bind(i64::try_from(limit).unwrap_or(i64::MAX)),
    );
    let rows = sql.query(conn, &text).await?;
    rows.iter()
        .map(|row| {
            let channel: i16 = row.try_get("", "channel")?;
            let channel = Channel::from_number(channel.into());
            Ok(Sampled {
                id: row.try_get("", "id")?,
                unit: row.try_get("", "unit_id")?,
                class: row.try_get("", "class_id")?,
                channel: channel.ok_or_else(|| odd("invitation", "channel"))?,
            })
        })
        .collect()
}

/// Takes invitations away.
pub async fn remove(conn: &impl ConnectionTrait, org: Uuid, ids: &[Uuid]) -> Result<()> {
    let mut sql = Sql::new(dialect_of(conn));
    let (org, among) = (sql.bind(org), sql.one_of("id", ids));
    sql.execute(conn, &format!("DELETE FROM invitation WHERE org_id = {org} AND {among}")).await?;
    Ok(())
}

/// The invitation is one of these customers. PostgreSQL has to be told that they are there, to
/// take the index over such rows; told so, SQLite would scan that index.
fn of_customers(conn: &impl ConnectionTrait, sql: &mut Sql, customers: &[Uuid]) -> String {
    let among = sql.one_of("customer_id", customers);
    match dialect_of(conn) {
        Dialect::Postgres => format!("customer_id IS NOT NULL AND {among}"),
        Dialect::Sqlite => among,
    }
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
    let among = of_customers(conn, &mut sql, customers);
    let text = format!(
        "SELECT customer_id FROM invitation \
         WHERE org_id = {org} AND campaign_id = {campaign} AND {among}"
    );
    let rows = sql.query(conn, &text).await?;
    rows.iter().map(|row| Ok(row.try_get("", "customer_id")?)).collect()
}

/// Which of these customers have an invitation of the campaign that may still be answered.
pub async fn waiting(
    conn: &impl ConnectionTrait,
    org: Uuid,
    campaign: Uuid,
    customers: &[Uuid],
) -> Result<HashSet<Uuid>> {
    let mut sql = Sql::new(dialect_of(conn));
    let (org, campaign) = (sql.bind(org), sql.bind(campaign));
    let among = of_customers(conn, &mut sql, customers);
    let states = [State::Prepared, State::Queued, State::HandedOver, State::Opened, State::Started];
    let states = states.map(|state| (state as i16).to_string()).join(", ");
    let text = format!(
        "SELECT customer_id FROM invitation WHERE org_id = {org} AND campaign_id = {campaign} \
         AND {among} AND state IN ({states})"
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
    let only = only.map(|ids| format!(" AND {}", of_customers(conn, &mut sql, ids)));
    let text = format!(
        "SELECT customer_id, campaign_id, queue_us FROM invitation \
         WHERE org_id = {org} AND queue_us IS NOT NULL \
         AND queue_us > {since} AND campaign_id <> {campaign}{}",
        only.as_deref().unwrap_or(" AND customer_id IS NOT NULL")
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
