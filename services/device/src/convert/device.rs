//! Devices and assignments.

use device_domain::device::{Assignment, Device};
use proto::{device::v1, names, time};

use crate::store::entity::dropped_range::Model as Dropped;

/// The device as the contract shows it. `last_seen_us` may be fresher than the stored one.
pub fn to_proto(device: &Device, last_seen_us: Option<i64>, now_us: i64) -> v1::Device {
    let mut seen = device.clone();
    seen.last_seen_us = device.last_seen_us.max(last_seen_us);
    v1::Device {
        name: names::print("devices", device.id),
        display_name: device.display_name.clone(),
        kind: device.kind as i32,
        unit: names::print("units", device.unit),
        serial_number: device.serial_number.clone(),
        template: names::print_opt("templates", device.template),
        state: device.state as i32,
        online: seen.is_online(now_us),
        last_seen_time: time::from_us_opt(seen.last_seen_us),
        enroll_time: time::from_us_opt(device.enroll_us),
        firmware_version: device.firmware_version.clone(),
        language: device.language.clone(),
        etag: etag(device.version),
        create_time: Some(time::from_us(device.create_us)),
        conflict_count: device.conflict_count,
        backlog: device.backlog,
        dropped_count: device.dropped_count,
    }
}

/// An assignment as the contract shows it.
pub fn assignment_to_proto(assignment: &Assignment) -> v1::Assignment {
    v1::Assignment {
        device: names::print("devices", assignment.device),
        window: names::print("units", assignment.window),
        from: Some(time::from_us(assignment.from_us)),
        to: time::from_us_opt(assignment.to_us),
    }
}

/// Dropped messages as the contract shows them.
pub fn dropped_to_proto(range: &Dropped) -> v1::DroppedRange {
    v1::DroppedRange {
        epoch: range.epoch,
        first: range.first,
        last: range.last,
        report_time: Some(time::from_us(range.report_us)),
    }
}

/// A version as it is shown.
pub fn etag(version: i64) -> String {
    format!("v{version}")
}
