//! Devices and where they stood.

use device_domain::device::{Assignment, Device, Kind, State};
use kit::db::newest::{Newest, Place};
use kit::error::{Result, ServiceError};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, Set, sea_query::Expr,
};
use uuid::Uuid;

use super::entity::{device, device_assignment};

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
    before: Option<Place>,
    limit: u64,
) -> Result<Vec<Assignment>> {
    let found = Newest::of(conn, "device_assignment", "from_us", org)
        .equal("device_id", Some(device))
        .page::<device_assignment::Entity>(conn, before, limit)
        .await?;
    Ok(found.into_iter().map(assignment_of_row).collect())
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
