//! Shifts.

use device_domain::shift::Shift;
use proto::{device::v1, names, time};

/// The shift as the contract shows it. An open shift that is past the end which policy sets
/// is shown as it will be stored.
pub fn to_proto(shift: &Shift, now_us: i64) -> v1::Shift {
    let overdue = shift.end_us.is_none() && now_us >= shift.cap_us;
    let end_us = shift.end_us.or(overdue.then_some(shift.cap_us));
    let state = if end_us.is_some() { v1::ShiftState::Ended as i32 } else { shift.state as i32 };
    let paused_us = shift.paused_us(now_us);
    let nanos = i32::try_from(paused_us % 1_000_000 * 1_000).unwrap_or_default();
    v1::Shift {
        name: names::print("shifts", shift.id),
        window: names::print("units", shift.window),
        staff: names::print("staff", shift.staff),
        start_time: Some(time::from_us(shift.start_us)),
        end_time: time::from_us_opt(end_us),
        state,
        paused: Some(prost_types::Duration { seconds: paused_us / 1_000_000, nanos }),
        ended_by_policy: shift.ended_by_policy || overdue,
    }
}
