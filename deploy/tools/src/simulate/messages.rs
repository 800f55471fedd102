//! Simulated happenings as messages of the contract. Pure.

use std::time::Duration;

use proto::device::v1::{
    EncounterEvent, EncounterEventKind, Grade, RatingMessage, SendClock, ShiftEventRequest,
    SignInRequest, Template,
};
use uuid::Uuid;

use super::{
    generator::{Key, Step},
    people::BUSINESS_TYPES,
};

/// Where simulated time lies in ours.
#[derive(Debug, Clone, Copy)]
pub struct Timeline {
    start_us: i64,
    speed: f64,
}

impl Timeline {
    /// Simulated time 0 is `start_us` (microseconds since 1970 UTC) and then runs `speed`
    /// times as fast as ours.
    pub fn new(start_us: i64, speed: f64) -> Self {
        Self { start_us, speed }
    }

    /// Real time from the start to a simulated moment.
    pub fn real(&self, at_us: i64) -> Duration {
        Duration::from_micros((at_us.max(0) as f64 / self.speed) as u64)
    }

    /// Wall-clock time of a simulated moment.
    pub fn wall_us(&self, at_us: i64) -> i64 {
        self.start_us.saturating_add((at_us as f64 / self.speed) as i64)
    }

    /// Milliseconds of the simulated machine's monotonic clock; it booted at the start.
    fn monotonic_ms(&self, at_us: i64) -> i64 {
        // Never 0, which some terminals send when they have no such clock.
        1 + (at_us as f64 / self.speed) as i64 / 1_000
    }

    /// The id that a key stands for.
    pub fn id(&self, key: Key) -> Uuid {
        let ms = u64::try_from(self.wall_us(key.at_us) / 1_000).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(ms, &key.entropy).into_uuid()
    }

    fn time(&self, at_us: i64) -> Option<prost_types::Timestamp> {
        Some(proto::time::from_us(self.wall_us(at_us)))
    }

    /// A sign-in.
    pub fn sign_in(&self, at_us: i64, key: Key, window: &str, number: &str) -> SignInRequest {
        SignInRequest {
            event_id: self.id(key).to_string(),
            window: window.to_owned(),
            staff_number: number.to_owned(),
            event_time: self.time(at_us),
        }
    }

    /// A sign-out, pause or resume.
    pub fn shift_event(&self, at_us: i64, key: Key, window: &str) -> ShiftEventRequest {
        ShiftEventRequest {
            event_id: self.id(key).to_string(),
            window: window.to_owned(),
            event_time: self.time(at_us),
        }
    }

    /// A step of an encounter.
    pub fn encounter(&self, at_us: i64, key: Key, step: Step, window: &str) -> EncounterEvent {
        EncounterEvent {
            encounter_id: self.id(key).to_string(),
            kind: kind(step) as i32,
            event_time: self.time(at_us),
            window: window.to_owned(),
            ..EncounterEvent::default()
        }
    }

    /// The first step of an encounter, which brings what is known of it.
    pub fn called(
        &self,
        event: EncounterEvent,
        ticket: u32,
        business: usize,
        queued_us: i64,
    ) -> EncounterEvent {
        EncounterEvent {
            ticket: format!("{}{ticket:03}", char::from(b'A' + (business % 26) as u8)),
            business_type: BUSINESS_TYPES.get(business).copied().unwrap_or_default().to_owned(),
            queue_time: self.time(queued_us),
            ..event
        }
    }

    /// A press, without device, sequence and grade.
    pub fn press(&self, at_us: i64, key: Key, encounter: Key, boot: &str) -> RatingMessage {
        RatingMessage {
            rating_id: self.id(key).to_string(),
            encounter: proto::names::print("encounters", self.id(encounter)),
            device_time: self.time(at_us),
            monotonic_ms: self.monotonic_ms(at_us),
            boot_id: boot.to_owned(),
            ..RatingMessage::default()
        }
    }

    /// The sender's clocks at the real time `now_us`.
    pub fn send_clock(&self, now_us: i64, boot: &str) -> SendClock {
        SendClock {
            device_time: Some(proto::time::from_us(now_us)),
            monotonic_ms: 1 + now_us.saturating_sub(self.start_us) / 1_000,
            boot_id: boot.to_owned(),
        }
    }
}

fn kind(step: Step) -> EncounterEventKind {
    match step {
        Step::Called => EncounterEventKind::Called,
        Step::NoShow => EncounterEventKind::NoShow,
        Step::Started => EncounterEventKind::Started,
        Step::Finished => EncounterEventKind::Finished,
        Step::Prompted => EncounterEventKind::Prompted,
        Step::Shown => EncounterEventKind::Shown,
        Step::Skipped => EncounterEventKind::Skipped,
        Step::TimedOut => EncounterEventKind::TimedOut,
    }
}

/// The grade that a customer of this satisfaction (0 to 100) presses on a scale.
pub fn grade(template: &Template, satisfaction: u8) -> i32 {
    let (low, high) = (template.scale_min, template.scale_max.max(template.scale_min));
    let steps = f64::from(high - low);
    // The top grade takes the upper part, as people do not spread evenly over a scale.
    let share = (f64::from(satisfaction) / 100.0 * (steps + 1.0)).floor().min(steps);
    low + share as i32
}

/// The reason codes that go with a grade, none or one.
pub fn reasons(template: &Template, grade: i32, pick: usize) -> Vec<String> {
    let found = template.grades.iter().find(|g| g.value == grade);
    let offered = found.map(|g: &Grade| g.reasons.as_slice()).unwrap_or_default();
    let chosen = if offered.is_empty() { None } else { offered.get(pick % offered.len()) };
    chosen.map(|reason| vec![reason.code.clone()]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(low: i32, high: i32) -> Template {
        Template { scale_min: low, scale_max: high, ..Template::default() }
    }

    #[test]
    fn every_grade_of_every_scale_can_be_pressed_and_no_other() {
        for (low, high) in [(1, 2), (1, 3), (1, 5), (1, 7), (1, 10), (0, 10)] {
            let template = scale(low, high);
            let mut seen: Vec<i32> = (0..=100).map(|s| grade(&template, s)).collect();
            seen.dedup();
            assert_eq!(seen, (low..=high).collect::<Vec<_>>());
        }
        assert_eq!(grade(&scale(0, 100), 100), 100);
    }

    #[test]
    fn speed_shortens_time_and_ids_carry_the_wall_clock() {
        let timeline = Timeline::new(1_795_000_000_000_000, 60.0);
        let at_us = 120_000_000;
        assert_eq!(timeline.real(at_us), Duration::from_secs(2));
        assert_eq!(timeline.wall_us(at_us), 1_795_000_002_000_000);
        let id = timeline.id(Key { at_us, entropy: [7; 10] });
        assert_eq!(id.get_version_num(), 7);
        let (seconds, _) = id.get_timestamp().unwrap().to_unix();
        assert_eq!(seconds, 1_795_000_002);
    }
}
