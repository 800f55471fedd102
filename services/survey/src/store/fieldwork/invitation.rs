//! Invitations.

use kit::{
    db::{Dialect, dialect_of},
    error::{Result, ServiceError},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Set};
use survey_domain::{
    channel::Channel,
    invitation::{Claim, Invitation, State},
};
use uuid::Uuid;

use super::{parsed, printed};
use kit::db::sql::{Sql, odd};

use crate::store::entity::invitation;

/// Rows of one INSERT.
const CHUNK: usize = 64;

/// An invitation of an organisation.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Invitation>> {
    let query = invitation::Entity::find()
        .filter(invitation::Column::OrgId.eq(org))
        .filter(invitation::Column::Id.eq(id));
    query.one(conn).await?.map(of_row).transpose()
}

/// The invitation that a link leads to, with its organisation: the link is the credential.
pub async fn of_link(conn: &impl ConnectionTrait, id: Uuid) -> Result<Option<(Uuid, Invitation)>> {
    let row = invitation::Entity::find().filter(invitation::Column::Id.eq(id)).one(conn).await?;
    row.map(|row| Ok((row.org_id, of_row(row)?))).transpose()
}

/// The same as [`find`], and nobody else changes it until the transaction ends.
pub async fn find_locked(
    conn: &impl ConnectionTrait,
    org: Uuid,
    id: Uuid,
) -> Result<Option<Invitation>> {
    let mut query = invitation::Entity::find()
        .filter(invitation::Column::OrgId.eq(org))
        .filter(invitation::Column::Id.eq(id));
    if dialect_of(conn) == Dialect::Postgres {
        query = query.lock_exclusive();
    }
    query.one(conn).await?.map(of_row).transpose()
}

/// Adds new ones.
///
/// # Errors
/// ALREADY_EXISTS when a customer has an invitation of the campaign.
pub async fn insert(conn: &impl ConnectionTrait, org: Uuid, new: &[Invitation]) -> Result<()> {
    for chunk in kit::db::bulk::chunks(new, CHUNK) {
        let rows = chunk.iter().map(|i| to_row(org, i)).collect::<Result<Vec<_>>>()?;
        let insert = invitation::Entity::insert_many(rows).exec_without_returning(conn).await;
        insert.map_err(|error| {
            if kit::error::is_unique_violation(&error) {
                ServiceError::already_exists("a customer has an invitation of this campaign")
            } else {
                error.into()
            }
        })?;
    }
    Ok(())
}

/// Replaces the version that was read and counts it up; false if somebody else was faster.
pub async fn save(
    conn: &impl ConnectionTrait,
    org: Uuid,
    changed: &mut Invitation,
) -> Result<bool> {
    let read = changed.version;
    changed.version += 1;
    let mut row = to_row(org, changed)?;
    row.id = sea_orm::ActiveValue::NotSet;
    let update = invitation::Entity::update_many()
        .set(row)
        .filter(invitation::Column::OrgId.eq(org))
        .filter(invitation::Column::Id.eq(changed.id))
        .filter(invitation::Column::Version.eq(read));
    Ok(update.exec(conn).await?.rows_affected == 1)
}

/// Makes prepared ones due: sent ones for their sender, the others for an operator.
pub async fn queue(
    conn: &impl ConnectionTrait,
    org: Uuid,
    ids: &[Uuid],
    now_us: i64,
) -> Result<()> {
    let mut sql = Sql::new(dialect_of(conn));
    let (now, org) = (sql.bind(now_us), sql.bind(org));
    let among = sql.one_of("id", ids);
    let (phone, meeting) = (Channel::Phone as i16, Channel::Meeting as i16);
    let (queued, prepared) = (State::Queued as i16, State::Prepared as i16);
    let text = format!(
        "UPDATE invitation SET state = {queued}, reached = {queued}, attempt = 1, \
         queue_us = {now}, version = version + 1, \
         due_us = CASE WHEN channel BETWEEN {phone} AND {meeting} \
         THEN COALESCE(due_us, {now}) END \
         WHERE org_id = {org} AND {among} AND state = {prepared}"
    );
    sql.execute(conn, &text).await?;
    Ok(())
}

/// Lets those expire that can.
pub async fn expire(conn: &impl ConnectionTrait, org: Uuid, ids: &[Uuid]) -> Result<()> {
    let mut sql = Sql::new(dialect_of(conn));
    let org = sql.bind(org);
    let among = sql.one_of("id", ids);
    let expired = State::Expired as i16;
    let text = format!(
        "UPDATE invitation SET reached = state, state = {expired}, due_us = NULL, \
         remind_us = NULL, claimant = NULL, claim_until_us = NULL, version = version + 1 \
         WHERE org_id = {org} AND {among}"
    );
    sql.execute(conn, &text).await?;
    Ok(())
}

/// Some by their ids, in the order of the ids, locked until the transaction ends.
pub async fn lock(conn: &impl ConnectionTrait, org: Uuid, ids: &[Uuid]) -> Result<Vec<Invitation>> {
    let mut sql = Sql::new(dialect_of(conn));
    let org = sql.bind(org);
    let among = sql.one_of("id", ids);
    let text = format!(
        "SELECT * FROM invitation WHERE org_id = {org} AND {among} ORDER BY id{}",
        locked(conn)
    );
    let rows = invitation::Entity::find().from_raw_sql(sql.statement(&text)).all(conn).await?;
    rows.into_iter().map(of_row).collect()
}

/// Which invitations to list.
#[derive(Debug, Default)]
pub struct Filter {
    /// Only of these units.
    pub units: Option<Vec<Uuid>>,
    /// Only in one of these states; empty means any.
    pub states: Vec<State>,
    /// Only of one of these channels; empty means any.
    pub channels: Vec<Channel>,
    /// Only those whose next sending was not handed over.
    pub unsent: bool,
    /// Only those due by then, the earliest due first.
    pub due_us: Option<i64>,
    /// Only those that were not tried so often.
    pub attempts_max: Option<i32>,
    /// Not those that others than this one have taken then.
    pub free_for: Option<(String, i64)>,
}

/// Invitations of a campaign after `after`, by id; with `due_us` by due time and id.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    campaign: Uuid,
    filter: &Filter,
    after: Option<(i64, Uuid)>,
    limit: u64,
) -> Result<Vec<Invitation>> {
    let mut sql = Sql::new(dialect_of(conn));
    let mut wanted = vec![
        format!("org_id = {}", sql.bind(org)),
        format!("campaign_id = {}", sql.bind(campaign)),
    ];
    if let Some(units) = &filter.units {
        wanted.push(sql.one_of("unit_id", units));
    }
    let numbers = |numbers: Vec<i16>| numbers.iter().map(i16::to_string).collect::<Vec<_>>();
    let states = numbers(filter.states.iter().map(|s| *s as i16).collect());
    let channels = numbers(filter.channels.iter().map(|c| *c as i16).collect());
    for (column, among) in [("state", states), ("channel", channels)] {
        if !among.is_empty() {
            wanted.push(format!("{column} IN ({})", among.join(", ")));
        }
    }
    if filter.unsent {
        wanted.push("attempt > handed".to_owned());
    }
    if let Some(due_us) = filter.due_us {
        wanted.push(format!("due_us IS NOT NULL AND due_us <= {}", sql.bind(due_us)));
    }
    if let Some(most) = filter.attempts_max {
        // The number is that of the attempt to come.
        wanted.push(format!("attempt <= {}", sql.bind(most)));
    }
    if let Some((by, now_us)) = &filter.free_for {
        let (by, now) = (sql.bind(by.clone()), sql.bind(*now_us));
        wanted.push(format!(
            "(claim_until_us IS NULL OR claim_until_us <= {now} OR claimant = {by})"
        ));
    }
    let order = if filter.due_us.is_some() { "due_us, id" } else { "id" };
    match (after, filter.due_us) {
        (Some((us, id)), Some(_)) => {
            let (us, id) = (sql.bind(us), sql.bind(id));
            wanted.push(format!("(due_us, id) > ({us}, {id})"));
        }
        (Some((_, id)), None) => wanted.push(format!("id > {}", sql.bind(id))),
        (None, _) => {}
    }
    let limit = sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let text = format!(
        "SELECT * FROM invitation WHERE {} ORDER BY {order} LIMIT {limit}",
        wanted.join(" AND ")
    );
    let rows = invitation::Entity::find().from_raw_sql(sql.statement(&text)).all(conn).await?;
    rows.into_iter().map(of_row).collect()
}

/// Some in one of `states`, locked against others until the transaction ends.
pub async fn take(
    conn: &impl ConnectionTrait,
    org: Uuid,
    campaign: Uuid,
    states: &[State],
    limit: u64,
) -> Result<Vec<Invitation>> {
    let mut sql = Sql::new(dialect_of(conn));
    let states: Vec<String> = states.iter().map(|s| (*s as i16).to_string()).collect();
    let text = format!(
        "SELECT * FROM invitation WHERE org_id = {} AND campaign_id = {} AND state IN ({}) \
         ORDER BY id LIMIT {}{}",
        sql.bind(org),
        sql.bind(campaign),
        states.join(", "),
        sql.bind(i64::try_from(limit).unwrap_or(i64::MAX)),
        locked(conn),
    );
    let rows = invitation::Entity::find().from_raw_sql(sql.statement(&text)).all(conn).await?;
    rows.into_iter().map(of_row).collect()
}

/// Some whose reminder is due, with their organisations, locked until the transaction ends; those
/// that others work on are left to them.
pub async fn take_reminders(
    conn: &impl ConnectionTrait,
    now_us: i64,
    limit: u64,
) -> Result<Vec<(Uuid, Invitation)>> {
    let mut sql = Sql::new(dialect_of(conn));
    let text = format!(
        "SELECT * FROM invitation WHERE remind_us IS NOT NULL AND remind_us <= {} \
         ORDER BY remind_us LIMIT {}{}",
        sql.bind(now_us),
        sql.bind(i64::try_from(limit).unwrap_or(i64::MAX)),
        if locked(conn).is_empty() { "" } else { " FOR UPDATE SKIP LOCKED" },
    );
    let rows = invitation::Entity::find().from_raw_sql(sql.statement(&text)).all(conn).await?;
    rows.into_iter().map(|row| Ok((row.org_id, of_row(row)?))).collect()
}

fn locked(conn: &impl ConnectionTrait) -> &'static str {
    match dialect_of(conn) {
        Dialect::Postgres => " FOR UPDATE",
        Dialect::Sqlite => "",
    }
}

/// Rewrites the rows of a campaign in one statement. PostgreSQL keeps with each row which
/// transaction wrote it, the same one that stored the answer: after this all rows have the same.
pub async fn rewrite(conn: &impl ConnectionTrait, org: Uuid, campaign: Uuid) -> Result<()> {
    let mut sql = Sql::new(dialect_of(conn));
    let (org, campaign) = (sql.bind(org), sql.bind(campaign));
    let text = format!(
        "UPDATE invitation SET version = version + 1 \
         WHERE org_id = {org} AND campaign_id = {campaign}"
    );
    sql.execute(conn, &text).await?;
    Ok(())
}

/// Invitations of a customer that still wait for something, locked until the transaction ends;
/// also those of campaigns that are not open yet.
pub async fn lock_open(
    conn: &impl ConnectionTrait,
    org: Uuid,
    customer: Uuid,
) -> Result<Vec<Invitation>> {
    let waiting = [State::Queued, State::HandedOver, State::Opened, State::Started, State::Bounced];
    let waiting: Vec<String> = waiting.iter().map(|state| (*state as i16).to_string()).collect();
    let prepared = State::Prepared as i16;
    let closed = survey_domain::campaign::State::Closed as i16;
    let mut found = Vec::new();
    for wanted in [
        format!("queue_us IS NOT NULL AND state IN ({})", waiting.join(", ")),
        format!(
            "state = {prepared} AND campaign_id IN \
             (SELECT id FROM campaign WHERE org_id = $1 AND state <> {closed})"
        ),
    ] {
        let mut sql = Sql::new(dialect_of(conn));
        sql.bind(org);
        sql.bind(customer);
        let text = format!(
            "SELECT * FROM invitation WHERE org_id = $1 AND customer_id = $2 AND {wanted} \
             ORDER BY id{}",
            locked(conn)
        );
        let rows = invitation::Entity::find().from_raw_sql(sql.statement(&text)).all(conn).await?;
        for row in rows {
            found.push(of_row(row)?);
        }
    }
    Ok(found)
}

/// Takes a person out of all invitations: what was asked stays, of whom does not.
pub async fn forget_customer(conn: &impl ConnectionTrait, org: Uuid, customer: Uuid) -> Result<()> {
    for text in [
        "UPDATE invitation_event SET note = '' WHERE org_id = $1 AND invitation_id IN \
         (SELECT id FROM invitation WHERE org_id = $1 AND customer_id = $2)",
        "UPDATE invitation SET customer_id = NULL, note = '' \
         WHERE org_id = $1 AND customer_id = $2",
        "DELETE FROM sample_exclusion WHERE org_id = $1 AND customer_id = $2",
    ] {
        let mut sql = Sql::new(dialect_of(conn));
        sql.bind(org);
        sql.bind(customer);
        sql.execute(conn, text).await?;
    }
    Ok(())
}

fn to_row(org: Uuid, i: &Invitation) -> Result<invitation::ActiveModel> {
    Ok(invitation::ActiveModel {
        id: Set(i.id),
        org_id: Set(org),
        campaign_id: Set(i.campaign),
        customer_id: Set(i.customer),
        unit_id: Set(i.unit),
        class_id: Set(i.class),
        segments: Set(printed("invitation.segments", &i.segments)?),
        channel: Set(i.channel as i16),
        state: Set(i.state as i16),
        reached: Set(i.reached as i16),
        tried: Set(i.tried),
        attempt: Set(i.attempt),
        handed: Set(i.handed),
        due_us: Set(i.due_us),
        remind_us: Set(i.remind_us),
        queue_us: Set(i.queue_us),
        sampled: Set(i.sampled),
        stratum_id: Set(i.stratum),
        design_weight: Set(i.design_weight),
        note: Set(i.note.clone()),
        create_us: Set(i.create_us),
        version: Set(i.version),
        occasion: Set(i.occasion),
        claimant: Set(i.claim.as_ref().map(|claim| claim.by.clone())),
        claim_until_us: Set(i.claim.as_ref().map(|claim| claim.until_us)),
    })
}

pub(super) fn of_row(row: invitation::Model) -> Result<Invitation> {
    let state = |n: i16| State::from_number(n.into()).ok_or_else(|| odd("invitation", "state"));
    let channel = Channel::from_number(row.channel.into());
    Ok(Invitation {
        id: row.id,
        campaign: row.campaign_id,
        customer: row.customer_id,
        unit: row.unit_id,
        class: row.class_id,
        segments: parsed("invitation.segments", &row.segments)?,
        channel: channel.ok_or_else(|| odd("invitation", "channel"))?,
        state: state(row.state)?,
        reached: state(row.reached)?,
        tried: row.tried,
        attempt: row.attempt,
        handed: row.handed,
        due_us: row.due_us,
        remind_us: row.remind_us,
        queue_us: row.queue_us,
        sampled: row.sampled,
        stratum: row.stratum_id,
        design_weight: row.design_weight,
        note: row.note,
        create_us: row.create_us,
        version: row.version,
        occasion: row.occasion,
        claim: row.claimant.zip(row.claim_until_us).map(|(by, until_us)| Claim { by, until_us }),
    })
}
