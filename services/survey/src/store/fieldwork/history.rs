//! What happened to invitations.

use kit::{db::dialect_of, error::Result};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};
use survey_domain::invitation::{Outcome, State};
use uuid::Uuid;

use kit::db::sql::{Sql, odd};

use crate::store::entity::invitation_event;

/// Most entries that are shown of one invitation, the latest ones.
const SHOWN_MAX: u64 = 200;
/// Rows of one INSERT.
const CHUNK: usize = 64;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Invitation.
    pub invitation: Uuid,
    /// Order: the version that the invitation came to.
    pub number: i64,
    /// State that it came into.
    pub state: State,
    /// When; of an anonymous campaign the beginning of the day.
    pub time_us: i64,
    /// Attempt that it belongs to, or 0.
    pub attempt: i32,
    /// Outcome of the attempt.
    pub outcome: Option<Outcome>,
    /// Who reported it, or empty.
    pub reporter: String,
    /// Remark.
    pub note: String,
    /// The sender's id of the attempt.
    pub key: Option<String>,
}

/// Notes what happened.
pub async fn insert(conn: &impl ConnectionTrait, org: Uuid, entries: &[Entry]) -> Result<()> {
    for chunk in kit::db::bulk::chunks(entries, CHUNK) {
        let rows = chunk.iter().map(|e| to_row(org, e));
        invitation_event::Entity::insert_many(rows).exec_without_returning(conn).await?;
    }
    Ok(())
}

/// The history of an invitation, oldest first.
pub async fn list(conn: &impl ConnectionTrait, org: Uuid, invitation: Uuid) -> Result<Vec<Entry>> {
    let rows = invitation_event::Entity::find()
        .filter(invitation_event::Column::OrgId.eq(org))
        .filter(invitation_event::Column::InvitationId.eq(invitation))
        .order_by_desc(invitation_event::Column::Number)
        .limit(SHOWN_MAX)
        .all(conn)
        .await?;
    rows.into_iter().rev().map(of_row).collect()
}

/// Whether an attempt was noted before.
pub async fn knows(
    conn: &impl ConnectionTrait,
    org: Uuid,
    invitation: Uuid,
    key: &str,
) -> Result<Option<Entry>> {
    let row = invitation_event::Entity::find()
        .filter(invitation_event::Column::OrgId.eq(org))
        .filter(invitation_event::Column::InvitationId.eq(invitation))
        .filter(invitation_event::Column::AttemptKey.eq(key))
        .one(conn)
        .await?;
    row.map(of_row).transpose()
}

/// Remarks on invitations of a customer: invitation, time and remark, oldest first.
pub async fn notes_of(
    conn: &impl ConnectionTrait,
    org: Uuid,
    customer: Uuid,
) -> Result<Vec<(Uuid, i64, String)>> {
    let mut sql = Sql::new(dialect_of(conn));
    let (org, customer) = (sql.bind(org), sql.bind(customer));
    let text = format!(
        "SELECT invitation_id, time_us, note FROM invitation_event \
         WHERE org_id = {org} AND note <> '' AND invitation_id IN \
         (SELECT id FROM invitation WHERE org_id = {org} AND customer_id = {customer}) \
         ORDER BY invitation_id, number"
    );
    let read = |row: &sea_orm::QueryResult| {
        let (id, us) = (row.try_get("", "invitation_id")?, row.try_get("", "time_us")?);
        Ok((id, us, row.try_get("", "note")?))
    };
    sql.query(conn, &text).await?.iter().map(read).collect()
}

fn to_row(org: Uuid, e: &Entry) -> invitation_event::ActiveModel {
    invitation_event::ActiveModel {
        invitation_id: Set(e.invitation),
        number: Set(e.number),
        org_id: Set(org),
        state: Set(e.state as i16),
        time_us: Set(e.time_us),
        attempt: Set(e.attempt),
        outcome: Set(e.outcome.map_or(0, |outcome| outcome as i16)),
        reporter: Set(e.reporter.clone()),
        note: Set(e.note.clone()),
        attempt_key: Set(e.key.clone()),
    }
}

fn of_row(row: invitation_event::Model) -> Result<Entry> {
    let state = State::from_number(row.state.into());
    Ok(Entry {
        invitation: row.invitation_id,
        number: row.number,
        state: state.ok_or_else(|| odd("invitation_event", "state"))?,
        time_us: row.time_us,
        attempt: row.attempt,
        outcome: Outcome::from_number(row.outcome.into()),
        reporter: row.reporter,
        note: row.note,
        key: row.attempt_key,
    })
}
