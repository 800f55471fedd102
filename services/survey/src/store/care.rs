//! Reminders that were seen to, and referrals.

use kit::db::sql::odd;
use kit::error::{Result, ServiceError};
use sea_orm::{ConnectionTrait, QueryResult};
use survey_domain::record::{Referral, ReferralState};
use uuid::Uuid;

use super::{
    customer_record::Place,
    rows::{self, Known, sql},
};

/// A reminder that was seen to: customer, kind, day, when.
pub type Done = (Uuid, i16, String, i64);

/// Notes that a reminder was seen to; the first time counts.
pub async fn complete(
    conn: &impl ConnectionTrait,
    org: Uuid,
    (customer, kind, day, us): Done,
) -> Result<()> {
    let columns = ["org_id", "customer_id", "kind", "day", "done_us"];
    let row = vec![org.into(), customer.into(), kind.into(), day.into(), us.into()];
    rows::insert(conn, "reminder_done", &columns, &[row], Known::Keep).await?;
    Ok(())
}

/// Of these customers, the reminders that were seen to.
pub async fn completed(
    conn: &impl ConnectionTrait,
    org: Uuid,
    customers: &[Uuid],
) -> Result<Vec<Done>> {
    let mut sql = sql(conn);
    let (org, among) = (sql.bind(org), sql.one_of("customer_id", customers));
    let text = format!(
        "SELECT customer_id, kind, day, done_us FROM reminder_done \
         WHERE org_id = {org} AND {among} ORDER BY day, kind"
    );
    let rows = sql.query(conn, &text).await?;
    rows.iter()
        .map(|row| {
            Ok((
                row.try_get("", "customer_id")?,
                row.try_get("", "kind")?,
                row.try_get("", "day")?,
                row.try_get("", "done_us")?,
            ))
        })
        .collect()
}

/// Adds a referral.
pub async fn insert_referral(conn: &impl ConnectionTrait, new: &Referral) -> Result<()> {
    let columns = [
        "id",
        "org_id",
        "referrer_id",
        "referred_id",
        "state",
        "reward",
        "reward_cents",
        "version",
        "create_us",
        "reward_us",
    ];
    let row = vec![
        new.id.into(),
        new.org.into(),
        new.referrer.into(),
        new.referred.into(),
        (new.state as i16).into(),
        new.reward.clone().into(),
        new.reward_cents.into(),
        new.version.into(),
        new.create_us.into(),
        new.reward_us.into(),
    ];
    rows::insert(conn, "referral", &columns, &[row], Known::Refuse).await?;
    Ok(())
}

/// Saves a referral.
///
/// # Errors
/// ABORTED when it changed meanwhile.
pub async fn save_referral(conn: &impl ConnectionTrait, changed: &mut Referral) -> Result<()> {
    let mut sql = sql(conn);
    let old = sql.bind(changed.version);
    changed.version += 1;
    let (referred, state) = (sql.bind(changed.referred), sql.bind(changed.state as i16));
    let (reward, cents) = (sql.bind(changed.reward.clone()), sql.bind(changed.reward_cents));
    let (version, rewarded) = (sql.bind(changed.version), sql.bind(changed.reward_us));
    let (id, org) = (sql.bind(changed.id), sql.bind(changed.org));
    let text = format!(
        "UPDATE referral SET referred_id = {referred}, state = {state}, reward = {reward}, \
         reward_cents = {cents}, version = {version}, reward_us = {rewarded} \
         WHERE id = {id} AND org_id = {org} AND version = {old}"
    );
    match sql.execute(conn, &text).await? {
        1 => Ok(()),
        _ => Err(ServiceError::stale()),
    }
}

/// One referral.
pub async fn referral(
    conn: &impl ConnectionTrait,
    org: Uuid,
    id: Uuid,
) -> Result<Option<Referral>> {
    let mut sql = sql(conn);
    let (org, id) = (sql.bind(org), sql.bind(id));
    let text = format!("SELECT * FROM referral WHERE id = {id} AND org_id = {org}");
    sql.query(conn, &text).await?.first().map(of_row).transpose()
}

/// Referrals made by customers of these units, or by one customer, latest first.
pub async fn referrals(
    conn: &impl ConnectionTrait,
    org: Uuid,
    units: Option<&[Uuid]>,
    referrer: Option<Uuid>,
    before: Option<Place>,
    limit: u64,
) -> Result<Vec<Referral>> {
    let mut sql = sql(conn);
    let mut wanted = vec![format!("r.org_id = {}", sql.bind(org))];
    if let Some(units) = units {
        let among = sql.one_of("c.unit_id", units);
        wanted.push(format!(
            "EXISTS (SELECT 1 FROM customer c WHERE c.id = r.referrer_id AND {among})"
        ));
    }
    if let Some(referrer) = referrer {
        wanted.push(format!("r.referrer_id = {}", sql.bind(referrer)));
    }
    if let Some((us, id)) = before {
        wanted.push(format!("(r.create_us, r.id) < ({}, {})", sql.bind(us), sql.bind(id)));
    }
    let limit = sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let text = format!(
        "SELECT r.* FROM referral r WHERE {} ORDER BY r.create_us DESC, r.id DESC LIMIT {limit}",
        wanted.join(" AND ")
    );
    sql.query(conn, &text).await?.iter().map(of_row).collect()
}

/// Referrals that a customer made or that brought it.
pub async fn referrals_of(
    conn: &impl ConnectionTrait,
    org: Uuid,
    customer: Uuid,
) -> Result<Vec<Referral>> {
    let mut sql = sql(conn);
    let (org, customer) = (sql.bind(org), sql.bind(customer));
    let text = format!(
        "SELECT * FROM referral WHERE org_id = {org} \
         AND (referrer_id = {customer} OR referred_id = {customer}) ORDER BY create_us, id"
    );
    sql.query(conn, &text).await?.iter().map(of_row).collect()
}

fn of_row(row: &QueryResult) -> Result<Referral> {
    let state: i16 = row.try_get("", "state")?;
    let odd_state = || odd("referral", "state");
    Ok(Referral {
        id: row.try_get("", "id")?,
        org: row.try_get("", "org_id")?,
        referrer: row.try_get("", "referrer_id")?,
        referred: row.try_get("", "referred_id")?,
        state: ReferralState::from_number(state.into()).ok_or_else(odd_state)?,
        reward: row.try_get("", "reward")?,
        reward_cents: row.try_get("", "reward_cents")?,
        version: row.try_get("", "version")?,
        create_us: row.try_get("", "create_us")?,
        reward_us: row.try_get("", "reward_us")?,
    })
}
