//! Changing devices: each change in one transaction with its event and its audit record.

use device_domain::device::{Assignment, Device, Kind, State};
use kit::{
    audit,
    auth::Caller,
    clock::new_id,
    db::WriteTx,
    error::{Result, ServiceError},
    idempotency,
    mask::Mask,
};
use proto::{device::v1, names};
use serde_json::json;
use uuid::Uuid;

use crate::{
    convert, credentials,
    device_access::{device_of, window_named},
    device_fields::{draft, set_language, set_name, set_template},
    events,
    nudge::Nudge,
    pairing_codes::{new_code, with_code},
    state::App,
    store,
};

/// A device as it is shown, with what this process heard of it last.
pub fn shown(app: &App, device: &Device) -> v1::Device {
    convert::device::to_proto(device, app.presence.last_seen_us(device.id), app.clock.now_us())
}

/// Registers a device.
pub async fn create(
    app: &App,
    caller: &Caller,
    request: v1::CreateDeviceRequest,
) -> Result<v1::CreateDeviceResponse> {
    let wanted = request.device.clone().unwrap_or_default();
    let unit = convert::id("units", "device.unit", &wanted.unit)?;
    caller.authorize(unit)?;
    let mut device = draft(app, caller, unit, &wanted).await?;
    let view = caller.view()?;
    let place = view.unit(unit).ok_or_else(|| ServiceError::not_found("unit"))?;
    if place.valid_to_us.is_some() {
        return Err(ServiceError::wrong_state("the unit is retired"));
    }
    let at_window = view.site_of(unit) != unit;
    if device.kind == Kind::Import && at_window {
        let text = "is a window; an import source belongs to a branch or above";
        return Err(ServiceError::invalid("device.unit", text));
    }
    let tx = app.db.begin().await?;
    let key = &request.request_id;
    if let Some(answer) = idempotency::replay(&tx, caller, key, &request).await? {
        return Ok(with_code(app, answer));
    }
    let now_us = app.clock.now_us();
    if device.kind == Kind::Import {
        (device.state, device.enroll_us) = (State::Active, Some(now_us));
    }
    store::device::insert(tx.conn(), &device).await?;
    if at_window {
        store::device::stand(tx.conn(), device.org, &standing(app, &device, unit)).await?;
    }
    let code = match device.kind {
        Kind::Import => None,
        _ => Some(new_code(app, &tx, &device).await?),
    };
    let expire_time = code.as_ref().and_then(|code| code.expire_time);
    // The answer is kept without the code: it is made again from the device and its time.
    let kept = v1::CreateDeviceResponse {
        device: Some(shown(app, &device)),
        pairing_code: code.map(|_| v1::PairingCode { code: String::new(), expire_time }),
    };
    app.outbox.append(&tx, events::pack(vec![events::device(&device, now_us)])).await?;
    let detail = json!({ "kind": wanted.kind().as_str_name(), "displayName": device.display_name });
    record(app, &tx, caller, &device, detail).await?;
    idempotency::remember(&tx, caller, key, &request, &kept, app.clock.as_ref()).await?;
    tx.commit().await?;
    app.outbox.committed();
    Ok(with_code(app, kept))
}

fn standing(app: &App, device: &Device, window: Uuid) -> Assignment {
    Assignment {
        id: new_id(app.clock.as_ref()),
        device: device.id,
        window,
        from_us: app.clock.now_us(),
        to_us: None,
    }
}

async fn record(
    app: &App,
    tx: &WriteTx,
    caller: &Caller,
    device: &Device,
    detail: serde_json::Value,
) -> Result<()> {
    let object = names::print("devices", device.id);
    audit::record(tx, caller, &object, Some(device.unit), detail, app.clock.as_ref()).await
}

/// Changes name, template or language.
pub async fn update(
    app: &App,
    caller: &Caller,
    request: v1::UpdateDeviceRequest,
) -> Result<v1::Device> {
    let wanted = request.device.unwrap_or_default();
    let mut device = device_of(app, caller, "device.name", &wanted.name).await?;
    if device.state == State::Retired {
        return Err(ServiceError::wrong_state("the device is retired"));
    }
    if !wanted.etag.is_empty() && wanted.etag != convert::device::etag(device.version) {
        return Err(ServiceError::stale());
    }
    let mask = Mask::read(request.update_mask.as_ref(), &["display_name", "template", "language"])?;
    mask.keeps("device.unit", &wanted.unit, &names::print("units", device.unit))?;
    let before = device.clone();
    if mask.covers("display_name", !wanted.display_name.is_empty()) {
        set_name(&mut device, &wanted)?;
    }
    if mask.covers("template", !wanted.template.is_empty()) {
        set_template(app, &mut device, &wanted).await?;
    }
    if mask.covers("language", !wanted.language.is_empty()) {
        set_language(&mut device, &wanted)?;
    }
    if device != before {
        let detail = json!({
            "displayName": device.display_name,
            "template": names::print_opt("templates", device.template),
            "language": device.language,
        });
        store_change(app, caller, &mut device, detail, None).await?;
    }
    Ok(shown(app, &device))
}

/// Where a device stands from now on.
enum Move {
    Leave,
    Stand(Assignment),
}

/// Saves a changed device, with everything that belongs to a change.
async fn store_change(
    app: &App,
    caller: &Caller,
    device: &mut Device,
    detail: serde_json::Value,
    moved: Option<Move>,
) -> Result<()> {
    let now_us = app.clock.now_us();
    device.change_us = now_us;
    let tx = app.db.begin().await?;
    store::device::save(tx.conn(), device).await?;
    if matches!(device.state, State::Revoked | State::Retired) {
        store::pairing::forget(tx.conn(), device.org, device.id).await?;
    }
    if let Some(moved) = moved {
        store::device::leave(tx.conn(), device.org, device.id, now_us).await?;
        if let Move::Stand(assignment) = moved {
            store::device::stand(tx.conn(), device.org, &assignment).await?;
        }
    }
    app.outbox.append(&tx, events::pack(vec![events::device(device, now_us)])).await?;
    record(app, &tx, caller, device, detail).await?;
    tx.commit().await?;
    app.outbox.committed();
    app.nudges.send(Nudge::Device(device.id));
    Ok(())
}

/// Puts a device at a window, or takes it away.
pub async fn assign(
    app: &App,
    caller: &Caller,
    request: &v1::AssignDeviceRequest,
) -> Result<v1::Assignment> {
    let mut device = device_of(app, caller, "name", &request.name).await?;
    let now_us = app.clock.now_us();
    let known = store::device::assignments(app.db.read(), device.org, device.id).await?;
    let current = known.into_iter().rev().find(|a| a.to_us.is_none());
    let Some(window) = convert::id_opt("units", "window", &request.window)? else {
        let Some(mut left) = current else {
            return Err(ServiceError::wrong_state("the device stands at no window"));
        };
        left.to_us = Some(now_us);
        let detail = json!({ "window": null });
        store_change(app, caller, &mut device, detail, Some(Move::Leave)).await?;
        return Ok(convert::device::assignment_to_proto(&left));
    };
    window_named(caller, window, now_us)?;
    device.may_stand().map_err(|refused| convert::error(refused, ""))?;
    if let Some(current) = current.filter(|current| current.window == window) {
        return Ok(convert::device::assignment_to_proto(&current));
    }
    let view = caller.view()?;
    // Whoever manages the new place manages the device.
    if view.site_of(device.unit) != device.unit {
        device.unit = window;
    } else if !view.is_within(window, device.unit) {
        device.unit = view.site_of(window);
    }
    let assignment = standing(app, &device, window);
    let detail = json!({ "window": request.window });
    store_change(app, caller, &mut device, detail, Some(Move::Stand(assignment))).await?;
    Ok(convert::device::assignment_to_proto(&assignment))
}

/// Makes a new pairing code in place of the former ones.
pub async fn create_pairing_code(
    app: &App,
    caller: &Caller,
    request: &v1::CreatePairingCodeRequest,
) -> Result<v1::PairingCode> {
    let device = device_of(app, caller, "name", &request.name).await?;
    device.may_pair().map_err(|refused| convert::error(refused, ""))?;
    let tx = app.db.begin().await?;
    let code = new_code(app, &tx, &device).await?;
    record(app, &tx, caller, &device, json!({ "pairingCode": "new" })).await?;
    tx.commit().await?;
    Ok(code)
}

/// Revokes or retires: first our own state, then the credential at auth, so that nothing the
/// device sends counts even while auth is away.
pub async fn end(
    app: &App,
    caller: &Caller,
    name: &str,
    stop: impl Fn(&mut Device, i64) -> bool,
) -> Result<v1::Device> {
    let mut device = device_of(app, caller, "name", name).await?;
    if stop(&mut device, app.clock.now_us()) {
        let detail = json!({ "state": state_name(device.state) });
        let moved = (device.state == State::Retired).then_some(Move::Leave);
        store_change(app, caller, &mut device, detail, moved).await?;
    }
    credentials::end(app, &device).await;
    Ok(shown(app, &device))
}

fn state_name(state: State) -> &'static str {
    v1::DeviceState::try_from(state as i32).map_or("", |state| state.as_str_name())
}
