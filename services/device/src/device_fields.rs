//! Fields of a device as somebody gives them.

use device_domain::device::{Device, Kind, State};
use kit::{
    auth::Caller,
    clock::new_id,
    error::{Result, ServiceError},
};
use proto::device::v1;
use uuid::Uuid;

use crate::{convert, state::App};

/// A new device with the given fields.
pub async fn draft(app: &App, caller: &Caller, unit: Uuid, wanted: &v1::Device) -> Result<Device> {
    let kind = Kind::from_number(wanted.kind)
        .ok_or_else(|| ServiceError::invalid("device.kind", "is required"))?;
    let now_us = app.clock.now_us();
    let mut device = Device {
        id: new_id(app.clock.as_ref()),
        org: caller.org,
        unit,
        display_name: String::new(),
        kind,
        serial_number: wanted.serial_number.clone(),
        template: None,
        state: State::Registered,
        last_seen_us: None,
        enroll_us: None,
        revoke_us: None,
        credential_due: false,
        firmware_version: String::new(),
        language: String::new(),
        backlog: 0,
        change_us: now_us,
        version: 1,
        create_us: now_us,
        dropped_count: 0,
        conflict_count: 0,
    };
    set_name(&mut device, wanted)?;
    set_template(app, &mut device, wanted).await?;
    set_language(&mut device, wanted)?;
    Ok(device)
}

/// Takes the display name over.
pub fn set_name(device: &mut Device, wanted: &v1::Device) -> Result<()> {
    if wanted.display_name.trim().is_empty() {
        return Err(ServiceError::invalid("device.displayName", "is required"));
    }
    device.display_name.clone_from(&wanted.display_name);
    Ok(())
}

/// Takes the template over; it must exist and be in use.
pub async fn set_template(app: &App, device: &mut Device, wanted: &v1::Device) -> Result<()> {
    device.template = convert::id_opt("templates", "device.template", &wanted.template)?;
    let Some(id) = device.template else { return Ok(()) };
    match app.templates.get(device.org, id).await? {
        None => Err(ServiceError::invalid("device.template", "does not exist")),
        Some(found) if found.retire_us.is_some() => {
            Err(ServiceError::invalid("device.template", "is retired"))
        }
        Some(_) => Ok(()),
    }
}

/// What a device may be told to speak; without one it takes its template's first.
const LANGUAGES: [&str; 3] = ["", "zh-CN", "en"];

/// Takes the language over.
pub fn set_language(device: &mut Device, wanted: &v1::Device) -> Result<()> {
    if !LANGUAGES.contains(&wanted.language.as_str()) {
        return Err(ServiceError::invalid("device.language", "is none of zh-CN and en"));
    }
    device.language.clone_from(&wanted.language);
    Ok(())
}
