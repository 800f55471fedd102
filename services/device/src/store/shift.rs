//! Shifts and the events that they are derived from.

use device_domain::shift::{Event, Kind, Pause, Shift, State};
use kit::db::newest::{Newest, Place};
use kit::{
    db::{Dialect, dialect_of},
    error::{Result, ServiceError},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, Set, Statement, Value, sea_query::OnConflict,
};
use uuid::Uuid;

use super::entity::{shift, shift_event};

/// Keeps our locks apart from other users of PostgreSQL's advisory locks.
const LOCK_CLASS: i64 = 0x6d61_6e79_6902;

/// Makes the transaction the only one that changes shifts of the organisation. Waits for the
/// transactions that hold [`lock_shared`], and lets no new one in before itself: a sign-in is
/// not starved by ratings. On SQLite there is one writer anyway.
pub async fn lock(conn: &impl ConnectionTrait, org: Uuid) -> Result<()> {
    take_locks(conn, "SELECT pg_advisory_xact_lock($1)", &[org]).await
}

/// Takes the lock, and has PostgreSQL plan each statement of the transaction once for the life
/// of the connection, as look-ups by index: planning a group anew costs as much as writing a
/// small one. Other ways are shut off, since a plan made while a table is empty is kept.
const LOCK_AND_LOOK_UP: &str = "SELECT pg_advisory_xact_lock_shared($1), \
     set_config('plan_cache_mode', 'force_generic_plan', true), \
     set_config('enable_seqscan', 'off', true), \
     set_config('enable_hashjoin', 'off', true), \
     set_config('enable_mergejoin', 'off', true)";

/// Keeps the organisations' shifts as they are until the transaction ends, which may do nothing
/// but look up rows by index and write: see [`LOCK_AND_LOOK_UP`].
pub async fn lock_shared(conn: &impl ConnectionTrait, orgs: &[Uuid]) -> Result<()> {
    take_locks(conn, LOCK_AND_LOOK_UP, orgs).await
}

async fn take_locks(conn: &impl ConnectionTrait, sql: &str, orgs: &[Uuid]) -> Result<()> {
    if dialect_of(conn) == Dialect::Sqlite {
        return Ok(());
    }
    let key = |org: &Uuid| {
        let (high, low) = org.as_u64_pair();
        i64::from_be_bytes((high ^ low).to_be_bytes()) ^ LOCK_CLASS
    };
    let mut keys: Vec<i64> = orgs.iter().map(key).collect();
    // Always in the same order, or two transactions could wait in a circle.
    keys.sort_unstable();
    for key in keys {
        let values = [Value::from(key)];
        let backend = conn.get_database_backend();
        conn.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    }
    Ok(())
}

/// Shifts of a window that may hold at some instant from `from_us` to `to_us`, both
/// included.
pub async fn covering(
    conn: &impl ConnectionTrait,
    org: Uuid,
    window: Uuid,
    from_us: i64,
    to_us: i64,
) -> Result<Vec<Shift>> {
    let wanted = holding(from_us, to_us).add(shift::Column::WindowId.eq(window));
    of_query(conn, org, wanted).await
}

/// Shifts of a staff member anywhere that may hold at that instant.
pub async fn covering_of_staff(
    conn: &impl ConnectionTrait,
    org: Uuid,
    staff: Uuid,
    us: i64,
) -> Result<Vec<Shift>> {
    of_query(conn, org, holding(us, us).add(shift::Column::StaffId.eq(staff))).await
}

fn holding(from_us: i64, to_us: i64) -> Condition {
    let not_over =
        Condition::any().add(shift::Column::EndUs.is_null()).add(shift::Column::EndUs.gt(from_us));
    Condition::all()
        .add(shift::Column::StartUs.lte(to_us))
        .add(shift::Column::CapUs.gt(from_us))
        .add(not_over)
}

async fn of_query(conn: &impl ConnectionTrait, org: Uuid, wanted: Condition) -> Result<Vec<Shift>> {
    let query = shift::Entity::find()
        .filter(shift::Column::OrgId.eq(org))
        .filter(wanted)
        .order_by_asc(shift::Column::StartUs)
        .order_by_asc(shift::Column::Id);
    query.all(conn).await?.into_iter().map(of_row).collect()
}

/// The last shift of a window that began at `us` or before.
pub async fn last_begun(
    conn: &impl ConnectionTrait,
    org: Uuid,
    window: Uuid,
    us: i64,
) -> Result<Option<Shift>> {
    let query = shift::Entity::find()
        .filter(shift::Column::OrgId.eq(org))
        .filter(shift::Column::WindowId.eq(window))
        .filter(shift::Column::StartUs.lte(us))
        .order_by_desc(shift::Column::StartUs)
        .order_by_desc(shift::Column::Id);
    query.one(conn).await?.map(of_row).transpose()
}

/// Whether a shift of the window began at `us` or later.
pub async fn begins_later(
    conn: &impl ConnectionTrait,
    org: Uuid,
    window: Uuid,
    us: i64,
) -> Result<bool> {
    let query = shift::Entity::find()
        .filter(shift::Column::OrgId.eq(org))
        .filter(shift::Column::WindowId.eq(window))
        .filter(shift::Column::StartUs.gte(us));
    Ok(query.one(conn).await?.is_some())
}

/// One shift.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Shift>> {
    shift::Entity::find_by_id((org, id)).one(conn).await?.map(of_row).transpose()
}

/// Adds or replaces a shift.
pub async fn save(conn: &impl ConnectionTrait, org: Uuid, saved: &Shift) -> Result<()> {
    let pauses: Vec<(i64, Option<i64>)> =
        saved.pauses.iter().map(|pause| (pause.from_us, pause.to_us)).collect();
    let row = shift::ActiveModel {
        org_id: Set(org),
        id: Set(saved.id),
        window_id: Set(saved.window),
        staff_id: Set(saved.staff),
        start_us: Set(saved.start_us),
        end_us: Set(saved.end_us),
        cap_us: Set(saved.cap_us),
        state: Set(saved.state as i16),
        pauses: Set(serde_json::to_string(&pauses).map_err(ServiceError::internal)?),
        ended_by_policy: Set(saved.ended_by_policy),
    };
    let mut again = OnConflict::columns([shift::Column::OrgId, shift::Column::Id]);
    again.update_columns([
        shift::Column::EndUs,
        shift::Column::State,
        shift::Column::Pauses,
        shift::Column::EndedByPolicy,
    ]);
    shift::Entity::insert(row).on_conflict(again).exec_without_returning(conn).await?;
    Ok(())
}

/// Open shifts of all organisations that policy ends at `us` or before.
pub async fn overdue(
    conn: &impl ConnectionTrait,
    us: i64,
    limit: u64,
) -> Result<Vec<(Uuid, Shift)>> {
    let query = shift::Entity::find()
        .filter(shift::Column::State.is_in([State::OnDuty as i16, State::Paused as i16]))
        .filter(shift::Column::CapUs.lte(us))
        .order_by_asc(shift::Column::CapUs)
        .limit(limit);
    query.all(conn).await?.into_iter().map(|row| Ok((row.org_id, of_row(row)?))).collect()
}

/// Which shifts to list.
#[derive(Debug, Default)]
pub struct Filter {
    /// Only at these units.
    pub units: Option<Vec<Uuid>>,
    /// Only of this staff member.
    pub staff: Option<Uuid>,
    /// Only open ones: not ended, and not past the end that policy sets at this instant.
    pub open_at_us: Option<i64>,
}

/// Shifts newest first, at most `limit` before `before`.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    filter: &Filter,
    before: Option<Place>,
    limit: u64,
) -> Result<Vec<Shift>> {
    let mut list = Newest::of(conn, "shift", "start_us", org)
        .among("window_id", filter.units.as_deref())
        .equal("staff_id", filter.staff);
    if let Some(us) = filter.open_at_us {
        list = list.that(|sql| format!("end_us IS NULL AND cap_us > {}", sql.bind(us)));
    }
    let found = list.page::<shift::Entity>(conn, before, limit).await?;
    found.into_iter().map(of_row).collect()
}

/// An event with the shift that was answered for it.
pub async fn event(
    conn: &impl ConnectionTrait,
    org: Uuid,
    id: Uuid,
) -> Result<Option<(Event, Option<Uuid>)>> {
    let row = shift_event::Entity::find_by_id((org, id)).one(conn).await?;
    row.map(|row| {
        let shift = row.shift_id;
        Ok((event_of_row(row)?, shift))
    })
    .transpose()
}

/// Adds an event.
pub async fn insert_event(
    conn: &impl ConnectionTrait,
    org: Uuid,
    event: &Event,
    shift: Uuid,
    receive_us: i64,
) -> Result<()> {
    let row = shift_event::ActiveModel {
        org_id: Set(org),
        event_id: Set(event.id),
        kind: Set(event.kind as i16),
        window_id: Set(event.window),
        staff_id: Set(event.staff),
        event_us: Set(event.event_us),
        cap_us: Set(event.cap_us),
        receive_us: Set(receive_us),
        shift_id: Set(Some(shift)),
    };
    row.insert(conn).await?;
    Ok(())
}

/// Events at a window from `from_us` to `to_us`, both included.
pub async fn events_at(
    conn: &impl ConnectionTrait,
    org: Uuid,
    window: Uuid,
    (from_us, to_us): (i64, i64),
) -> Result<Vec<Event>> {
    events(conn, org, shift_event::Column::WindowId.eq(window), from_us, to_us).await
}

/// Sign-ins of a staff member from `from_us` to `to_us`, both included.
pub async fn sign_ins_of(
    conn: &impl ConnectionTrait,
    org: Uuid,
    staff: Uuid,
    (from_us, to_us): (i64, i64),
) -> Result<Vec<Event>> {
    events(conn, org, shift_event::Column::StaffId.eq(staff), from_us, to_us).await
}

async fn events(
    conn: &impl ConnectionTrait,
    org: Uuid,
    of: sea_orm::sea_query::SimpleExpr,
    from_us: i64,
    to_us: i64,
) -> Result<Vec<Event>> {
    let query = shift_event::Entity::find()
        .filter(shift_event::Column::OrgId.eq(org))
        .filter(of)
        .filter(shift_event::Column::EventUs.gte(from_us))
        .filter(shift_event::Column::EventUs.lte(to_us));
    query.all(conn).await?.into_iter().map(event_of_row).collect()
}

fn of_row(row: shift::Model) -> Result<Shift> {
    let odd = || ServiceError::internal(format!("shift row {} has an unknown number", row.id));
    let pauses: Vec<(i64, Option<i64>)> =
        serde_json::from_str(&row.pauses).map_err(ServiceError::internal)?;
    Ok(Shift {
        id: row.id,
        window: row.window_id,
        staff: row.staff_id,
        start_us: row.start_us,
        end_us: row.end_us,
        cap_us: row.cap_us,
        state: State::from_number(row.state.into()).ok_or_else(odd)?,
        pauses: pauses.into_iter().map(|(from_us, to_us)| Pause { from_us, to_us }).collect(),
        ended_by_policy: row.ended_by_policy,
    })
}

fn event_of_row(row: shift_event::Model) -> Result<Event> {
    let odd = || ServiceError::internal(format!("shift event {} is of no kind", row.event_id));
    Ok(Event {
        id: row.event_id,
        kind: Kind::from_number(row.kind.into()).ok_or_else(odd)?,
        window: row.window_id,
        staff: row.staff_id,
        event_us: row.event_us,
        cap_us: row.cap_us,
    })
}
