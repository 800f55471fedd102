//! Which device a call is about, where it stands, and whether the caller may act for it.

use device_domain::device::{Device, State};
use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::{
    auth::v1::UnitKind,
    common::v1::{Kind, Reason},
};
use tonic::Code;
use uuid::Uuid;

use crate::{convert, state::App, store};

/// A device that the caller may see and, by the rule of the method, act on.
///
/// # Errors
/// NOT_FOUND also for devices outside of what the caller may know of; PERMISSION_DENIED for
/// those that it sees only.
pub async fn device_of(app: &App, caller: &Caller, field: &str, name: &str) -> Result<Device> {
    let id = convert::id("devices", field, name)?;
    let absent = || ServiceError::not_found("device");
    let device = store::device::find(app.db.read(), caller.org, id).await?.ok_or_else(absent)?;
    if caller.device == Some(id) {
        return Ok(device);
    }
    caller.authorize_object(device.unit, "device")?;
    // A device acts for itself alone, wherever its credential reaches.
    if caller.kind == Kind::Device { Err(ServiceError::denied()) } else { Ok(device) }
}

/// Refuses what is not in working order.
pub fn must_work(device: &Device) -> Result<()> {
    match device.state {
        State::Active => Ok(()),
        State::Registered => Err(ServiceError::wrong_state("the device is not enrolled")),
        State::Revoked | State::Retired => {
            let text = "the device was taken out of service";
            Err(ServiceError::new(Code::PermissionDenied, Reason::Revoked, text))
        }
    }
}

/// The window that a device or partner reports about: the one it names, or the one at which
/// the device stood at that time.
///
/// # Errors
/// As [`window_named`]; INVALID_ARGUMENT when none is named and the caller is no device;
/// FAILED_PRECONDITION when the device stood nowhere; PERMISSION_DENIED when it names a window
/// at which it did not stand.
pub async fn window_of(app: &App, caller: &Caller, name: &str, at_us: i64) -> Result<Uuid> {
    let named = convert::id_opt("units", "window", name)?;
    let Some(device) = caller.device else {
        let window = named.ok_or_else(|| ServiceError::invalid("window", "is required"))?;
        window_named(caller, window, at_us)?;
        return Ok(window);
    };
    let stood = store::device::window_at(app.db.read(), caller.org, device, at_us).await?;
    match (named, stood) {
        (None, None) => {
            Err(ServiceError::wrong_state("the device stood at no window at that time"))
        }
        (None, Some(stood)) => must_be_in_use(caller, stood, at_us),
        (Some(named), stood) if Some(named) == stood => must_be_in_use(caller, named, at_us),
        (Some(named), _) => {
            caller.authorize(named)?;
            Err(ServiceError::denied())
        }
    }
}

/// Checks that a unit is a window, in use at that time, on which the caller holds the rule's
/// permission.
pub fn window_named(caller: &Caller, window: Uuid, at_us: i64) -> Result<()> {
    caller.authorize(window)?;
    let view = caller.view()?;
    let unit = view.unit(window).ok_or_else(|| ServiceError::not_found("unit"))?;
    if unit.kind != UnitKind::Window {
        return Err(ServiceError::invalid("window", "is no window"));
    }
    must_be_in_use(caller, window, at_us).map(|_| ())
}

/// Refuses windows that were retired by then; what happened before may still be reported.
fn must_be_in_use(caller: &Caller, window: Uuid, at_us: i64) -> Result<Uuid> {
    let view = caller.view()?;
    let retired_us = view.unit(window).and_then(|unit| unit.valid_to_us);
    match retired_us {
        Some(us) if us <= at_us => Err(ServiceError::wrong_state("the window is retired")),
        _ => Ok(window),
    }
}
