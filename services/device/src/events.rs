//! What other services learn: events for the feed.

use device_domain::{device::Device, encounter::Encounter, shift::Shift, template::Template};
use prost::Message as _;
use proto::{
    device::v1::{EncounterChange, Event, Events, event::Change},
    names,
};
use uuid::Uuid;

use crate::convert;

/// An event of an organisation.
pub fn event(org: Uuid, change: Change) -> Event {
    Event { organisation: names::print("organisations", org), change: Some(change) }
}

/// One group, as the outbox takes it.
pub fn pack(items: Vec<Event>) -> Vec<u8> {
    Events { items }.encode_to_vec()
}

/// That an encounter's facts changed; nothing if they did not.
pub fn encounter_change(org: Uuid, before: Option<&Encounter>, after: &Encounter) -> Option<Event> {
    let retract = before.map(convert::encounter::facts);
    let assert = Some(convert::encounter::facts(after));
    if retract == assert {
        return None;
    }
    let encounter = names::print("encounters", after.id);
    Some(event(org, Change::Encounter(EncounterChange { encounter, retract, assert })))
}

/// That a shift began or changed.
pub fn shift(org: Uuid, shift: &Shift, now_us: i64) -> Event {
    event(org, Change::Shift(convert::shift::to_proto(shift, now_us)))
}

/// That a template was created or changed its standing.
pub fn template(template: &Template) -> Event {
    event(template.org, Change::Template(convert::template::to_proto(template)))
}

/// That a device was created or changed.
pub fn device(device: &Device, now_us: i64) -> Event {
    event(device.org, Change::Device(convert::device::to_proto(device, None, now_us)))
}
