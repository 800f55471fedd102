//! Devices and where they stood.

use device_domain::device::{Assignment, Device, Kind, State};
use kit::error::{Result, ServiceError};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Set, Statement, Value,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use uuid::Uuid;

use super::entity::{device, device_assignment, dropped_range};

/// Ranges of dropped messages that are kept of one device.
const DROPPED_RANGES_MAX: u64 = 1_000;

/// One device.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Device>> {
    let query = device::Entity::find_by_id(id).filter(device::Column::OrgId.eq(org));
    query.one(conn).await?.map(of_row).transpose()
}

/// Which devices to list.
#[derive(Debug, Default)]
pub struct Filter {
    /// Only of these units.
    pub units: Option<Vec<Uuid>>,
    /// Only in this state.
    pub state: Option<State>,
    /// Also retired ones.
    pub show_retired: bool,
}

/// Devices in the order of their ids, at most `limit` after `after`.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    filter: &Filter,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Device>> {
    let mut wanted = Condition::all().add(device::Column::OrgId.eq(org));
    if let Some(units) = &filter.units {
        wanted = wanted.add(device::Column::UnitId.is_in(units.iter().copied()));
    }
    match filter.state {
        Some(state) => wanted = wanted.add(device::Column::State.eq(state as i16)),
        None if !filter.show_retired => {
            wanted = wanted.add(device::Column::State.ne(State::Retired as i16));
        }
        None => {}
    }
    if let Some(after) = after {
        wanted = wanted.add(device::Column::Id.gt(after));
    }
    let query = device::Entity::find().filter(wanted).order_by_asc(device::Column::Id);
    query.limit(limit).all(conn).await?.into_iter().map(of_row).collect()
}

/// Adds a device.
pub async fn insert(conn: &impl ConnectionTrait, new: &Device) -> Result<()> {
    let mut row = to_row(new);
    row.last_seen_us = Set(new.last_seen_us);
    row.backlog = Set(new.backlog);
    row.dropped_count = Set(new.dropped_count);
    row.conflict_count = Set(new.conflict_count);
    row.insert(conn).await?;
    Ok(())
}

/// Replaces a device unless it was changed since it was read. What devices report of
/// themselves is written elsewhere and stays.
///
/// # Errors
/// ABORTED with STALE_VERSION.
pub async fn save(conn: &impl ConnectionTrait, changed: &mut Device) -> Result<()> {
    let before = changed.version;
    changed.version += 1;
    let mut row = to_row(changed);
    row.id = sea_orm::ActiveValue::NotSet;
    let update = device::Entity::update_many()
        .set(row)
        .filter(device::Column::Id.eq(changed.id))
        .filter(device::Column::OrgId.eq(changed.org))
        .filter(device::Column::Version.eq(before));
    if update.exec(conn).await?.rows_affected == 0 { Err(ServiceError::stale()) } else { Ok(()) }
}

/// Notes when devices were last heard of.
pub async fn note_seen(conn: &impl ConnectionTrait, org: Uuid, id: Uuid, us: i64) -> Result<()> {
    let older = Condition::any()
        .add(device::Column::LastSeenUs.is_null())
        .add(device::Column::LastSeenUs.lt(us));
    device::Entity::update_many()
        .col_expr(device::Column::LastSeenUs, Expr::value(us))
        .filter(device::Column::Id.eq(id))
        .filter(device::Column::OrgId.eq(org))
        .filter(older)
        .exec(conn)
        .await?;
    Ok(())
}

/// Notes what a device reported of itself.
pub async fn note_report(
    conn: &impl ConnectionTrait,
    org: Uuid,
    id: Uuid,
    firmware_version: &str,
    backlog: i64,
) -> Result<()> {
    device::Entity::update_many()
        .col_expr(device::Column::FirmwareVersion, Expr::value(firmware_version))
        .col_expr(device::Column::Backlog, Expr::value(backlog))
        .filter(device::Column::Id.eq(id))
        .filter(device::Column::OrgId.eq(org))
        .exec(conn)
        .await?;
    Ok(())
}

/// Where a device stood, oldest first.
pub async fn assignments(
    conn: &impl ConnectionTrait,
    org: Uuid,
    device: Uuid,
) -> Result<Vec<Assignment>> {
    let query = device_assignment::Entity::find()
        .filter(device_assignment::Column::OrgId.eq(org))
        .filter(device_assignment::Column::DeviceId.eq(device))
        .order_by_asc(device_assignment::Column::FromUs)
        .order_by_asc(device_assignment::Column::Id);
    Ok(query.all(conn).await?.into_iter().map(assignment_of_row).collect())
}

/// Window at which a device stood at that instant.
pub async fn window_at(
    conn: &impl ConnectionTrait,
    org: Uuid,
    device: Uuid,
    us: i64,
) -> Result<Option<Uuid>> {
    let open = Condition::any()
        .add(device_assignment::Column::ToUs.is_null())
        .add(device_assignment::Column::ToUs.gt(us));
    let query = device_assignment::Entity::find()
        .filter(device_assignment::Column::OrgId.eq(org))
        .filter(device_assignment::Column::DeviceId.eq(device))
        .filter(device_assignment::Column::FromUs.lte(us))
        .filter(open)
        .order_by_desc(device_assignment::Column::FromUs);
    Ok(query.one(conn).await?.map(|row| row.window_id))
}

/// Where a device stood, newest first, at most `limit` before `before`.
pub async fn list_assignments(
    conn: &impl ConnectionTrait,
    org: Uuid,
    device: Uuid,
    before: Option<(i64, Uuid)>,
    limit: u64,
) -> Result<Vec<Assignment>> {
    let mut wanted = Condition::all()
        .add(device_assignment::Column::OrgId.eq(org))
        .add(device_assignment::Column::DeviceId.eq(device));
    if let Some((from_us, id)) = before {
        let same = Condition::all()
            .add(device_assignment::Column::FromUs.eq(from_us))
            .add(device_assignment::Column::Id.lt(id));
        let earlier = device_assignment::Column::FromUs.lt(from_us);
        wanted = wanted.add(Condition::any().add(earlier).add(same));
    }
    let query = device_assignment::Entity::find()
        .filter(wanted)
        .order_by_desc(device_assignment::Column::FromUs)
        .order_by_desc(device_assignment::Column::Id)
        .limit(limit);
    Ok(query.all(conn).await?.into_iter().map(assignment_of_row).collect())
}

/// Ends where a device stands now.
pub async fn leave(conn: &impl ConnectionTrait, org: Uuid, device: Uuid, us: i64) -> Result<()> {
    device_assignment::Entity::update_many()
        .col_expr(device_assignment::Column::ToUs, Expr::value(us))
        .filter(device_assignment::Column::OrgId.eq(org))
        .filter(device_assignment::Column::DeviceId.eq(device))
        .filter(device_assignment::Column::ToUs.is_null())
        .exec(conn)
        .await?;
    Ok(())
}

/// Puts a device at a window. End the former place first.
pub async fn stand(conn: &impl ConnectionTrait, org: Uuid, new: &Assignment) -> Result<()> {
    let row = device_assignment::ActiveModel {
        id: Set(new.id),
        org_id: Set(org),
        device_id: Set(new.device),
        window_id: Set(new.window),
        from_us: Set(new.from_us),
        to_us: Set(new.to_us),
    };
    row.insert(conn).await?;
    Ok(())
}

/// Notes messages that a device had to drop; the same report changes nothing. A device that
/// reports more than a thousand ranges is counted no further.
pub async fn note_dropped(
    conn: &impl ConnectionTrait,
    org: Uuid,
    device: Uuid,
    epoch: i64,
    ranges: &[(i64, i64)],
    us: i64,
) -> Result<()> {
    let mut free = DROPPED_RANGES_MAX.saturating_sub(
        dropped_range::Entity::find()
            .filter(dropped_range::Column::DeviceId.eq(device))
            .count(conn)
            .await?,
    );
    for (first, last) in ranges {
        if free == 0 {
            tracing::warn!(%device, "the device reports more and more dropped ranges");
            break;
        }
        free -= 1;
        insert_dropped(conn, org, device, epoch, (*first, *last), us).await?;
    }
    let sql = "UPDATE device SET dropped_count = (SELECT CAST(COALESCE(SUM(r.last - r.first + 1), \
               0) AS BIGINT) FROM dropped_range r WHERE r.device_id = $1) \
               WHERE id = $1 AND org_id = $2";
    let values = [Value::from(device), Value::from(org)];
    let statement = Statement::from_sql_and_values(conn.get_database_backend(), sql, values);
    conn.execute_raw(statement).await?;
    Ok(())
}

async fn insert_dropped(
    conn: &impl ConnectionTrait,
    org: Uuid,
    device: Uuid,
    epoch: i64,
    (first, last): (i64, i64),
    us: i64,
) -> Result<()> {
    let row = dropped_range::ActiveModel {
        device_id: Set(device),
        epoch: Set(epoch),
        first: Set(first),
        last: Set(last),
        org_id: Set(org),
        report_us: Set(us),
    };
    let key = [
        dropped_range::Column::DeviceId,
        dropped_range::Column::Epoch,
        dropped_range::Column::First,
    ];
    // A buffer that drops on and on reports a range that grows.
    let mut grown = OnConflict::columns(key);
    grown
        .update_columns([dropped_range::Column::Last, dropped_range::Column::ReportUs])
        .action_and_where(Expr::col((dropped_range::Entity, dropped_range::Column::Last)).lt(last));
    dropped_range::Entity::insert(row).on_conflict(grown).exec_without_returning(conn).await?;
    Ok(())
}

/// Devices of all organisations whose credential has still to be ended.
pub async fn due_credentials(conn: &impl ConnectionTrait, limit: u64) -> Result<Vec<Device>> {
    let query = device::Entity::find().filter(device::Column::CredentialDue.eq(true)).limit(limit);
    query.all(conn).await?.into_iter().map(of_row).collect()
}

/// Notes that a credential is ended.
pub async fn credential_ended(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<()> {
    device::Entity::update_many()
        .col_expr(device::Column::CredentialDue, Expr::value(false))
        .filter(device::Column::Id.eq(id))
        .filter(device::Column::OrgId.eq(org))
        .exec(conn)
        .await?;
    Ok(())
}

/// Devices of all organisations whose configuration changed at `us` or later.
pub async fn changed_since(conn: &impl ConnectionTrait, us: i64) -> Result<Vec<(Uuid, Uuid)>> {
    let query = device::Entity::find()
        .select_only()
        .column(device::Column::OrgId)
        .column(device::Column::Id)
        .filter(device::Column::ChangeUs.gte(us));
    Ok(query.into_tuple().all(conn).await?)
}

fn to_row(device: &Device) -> device::ActiveModel {
    device::ActiveModel {
        id: Set(device.id),
        org_id: Set(device.org),
        unit_id: Set(device.unit),
        display_name: Set(device.display_name.clone()),
        kind: Set(device.kind as i16),
        serial_number: Set(device.serial_number.clone()),
        template_id: Set(device.template),
        state: Set(device.state as i16),
        enroll_us: Set(device.enroll_us),
        revoke_us: Set(device.revoke_us),
        credential_due: Set(device.credential_due),
        firmware_version: Set(device.firmware_version.clone()),
        language: Set(device.language.clone()),
        change_us: Set(device.change_us),
        version: Set(device.version),
        create_us: Set(device.create_us),
        ..Default::default()
    }
}

fn of_row(row: device::Model) -> Result<Device> {
    let odd = || ServiceError::internal(format!("device row {} has an unknown number", row.id));
    Ok(Device {
        id: row.id,
        org: row.org_id,
        unit: row.unit_id,
        kind: Kind::from_number(row.kind.into()).ok_or_else(odd)?,
        state: State::from_number(row.state.into()).ok_or_else(odd)?,
        display_name: row.display_name,
        serial_number: row.serial_number,
        template: row.template_id,
        last_seen_us: row.last_seen_us,
        enroll_us: row.enroll_us,
        revoke_us: row.revoke_us,
        credential_due: row.credential_due,
        firmware_version: row.firmware_version,
        language: row.language,
        backlog: row.backlog,
        change_us: row.change_us,
        version: row.version,
        create_us: row.create_us,
        dropped_count: row.dropped_count,
        conflict_count: row.conflict_count,
    })
}

fn assignment_of_row(row: device_assignment::Model) -> Assignment {
    Assignment {
        id: row.id,
        device: row.device_id,
        window: row.window_id,
        from_us: row.from_us,
        to_us: row.to_us,
    }
}
