//! Open links.

use kit::error::Result;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};
use survey_domain::channel::Channel;
use uuid::Uuid;

use kit::db::sql::odd;

use crate::store::entity::open_link;

/// An open link: anybody who has it can answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Id.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Campaign.
    pub campaign: Uuid,
    /// Unit that answers are about.
    pub unit: Uuid,
    /// Where it is shown.
    pub display_name: String,
    /// Channel that its answers count for.
    pub channel: Channel,
    /// Answers per minute and address prefix.
    pub minute_max: i32,
    /// Answers of one browser; -1 without limit.
    pub browser_max: i32,
    /// When it was made.
    pub create_us: i64,
    /// When it was ended.
    pub revoke_us: Option<i64>,
}

/// Adds a new link.
pub async fn insert(conn: &impl ConnectionTrait, new: &Link) -> Result<()> {
    let row = open_link::ActiveModel {
        id: Set(new.id),
        org_id: Set(new.org),
        campaign_id: Set(new.campaign),
        unit_id: Set(new.unit),
        display_name: Set(new.display_name.clone()),
        channel: Set(new.channel as i16),
        minute_max: Set(new.minute_max),
        browser_max: Set(new.browser_max),
        create_us: Set(new.create_us),
        revoke_us: Set(new.revoke_us),
    };
    open_link::Entity::insert(row).exec_without_returning(conn).await?;
    Ok(())
}

/// A link of an organisation.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Link>> {
    Ok(of_link(conn, id).await?.filter(|link| link.org == org))
}

/// The link that somebody holds: it is the credential.
pub async fn of_link(conn: &impl ConnectionTrait, id: Uuid) -> Result<Option<Link>> {
    let query = open_link::Entity::find().filter(open_link::Column::Id.eq(id));
    query.one(conn).await?.map(of_row).transpose()
}

/// Links of a campaign by id, after `after`.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    campaign: Uuid,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Link>> {
    let mut query = open_link::Entity::find()
        .filter(open_link::Column::OrgId.eq(org))
        .filter(open_link::Column::CampaignId.eq(campaign));
    if let Some(after) = after {
        query = query.filter(open_link::Column::Id.gt(after));
    }
    let rows = query.order_by_asc(open_link::Column::Id).limit(limit).all(conn).await?;
    rows.into_iter().map(of_row).collect()
}

/// Links of a campaign, ended ones included.
pub async fn count(conn: &impl ConnectionTrait, org: Uuid, campaign: Uuid) -> Result<u64> {
    let query = open_link::Entity::find()
        .filter(open_link::Column::OrgId.eq(org))
        .filter(open_link::Column::CampaignId.eq(campaign));
    Ok(query.count(conn).await?)
}

/// Ends a link; one that was ended before stays as it was.
pub async fn revoke(conn: &impl ConnectionTrait, link: &Link, now_us: i64) -> Result<()> {
    let update = open_link::Entity::update_many()
        .col_expr(open_link::Column::RevokeUs, sea_orm::sea_query::Expr::value(Some(now_us)))
        .filter(open_link::Column::OrgId.eq(link.org))
        .filter(open_link::Column::Id.eq(link.id))
        .filter(open_link::Column::RevokeUs.is_null());
    update.exec(conn).await?;
    Ok(())
}

fn of_row(row: open_link::Model) -> Result<Link> {
    let channel = Channel::from_number(row.channel.into());
    Ok(Link {
        id: row.id,
        org: row.org_id,
        campaign: row.campaign_id,
        unit: row.unit_id,
        display_name: row.display_name,
        channel: channel.ok_or_else(|| odd("open_link", "channel"))?,
        minute_max: row.minute_max,
        browser_max: row.browser_max,
        create_us: row.create_us,
        revoke_us: row.revoke_us,
    })
}
