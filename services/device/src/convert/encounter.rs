//! Encounters.

use device_domain::encounter::Encounter;
use proto::{device::v1, names, time};

/// The encounter as the contract shows it.
pub fn to_proto(encounter: &Encounter) -> v1::Encounter {
    v1::Encounter {
        name: names::print("encounters", encounter.id),
        window: names::print("units", encounter.window),
        staff: names::print_opt("staff", encounter.staff),
        ticket: encounter.ticket.clone(),
        business_type: encounter.business_type.clone(),
        state: encounter.state() as i32,
        queue_time: time::from_us_opt(encounter.queue_us),
        call_time: time::from_us_opt(encounter.call_us),
        start_time: time::from_us_opt(encounter.start_us),
        finish_time: time::from_us_opt(encounter.finish_us),
        prompt_time: time::from_us_opt(encounter.prompt_us),
        rating: names::print_opt("ratings", encounter.rating),
    }
}

/// What figures need of it.
pub fn facts(encounter: &Encounter) -> v1::EncounterFacts {
    v1::EncounterFacts {
        window: names::print("units", encounter.window),
        site: names::print("units", encounter.site),
        staff: names::print_opt("staff", encounter.staff),
        business_type: encounter.business_type.clone(),
        time: Some(time::from_us(encounter.time_us())),
        served: encounter.served(),
        prompted: encounter.prompted(),
        shown: encounter.shown(),
        state: encounter.state() as i32,
        service_ms: encounter.service_ms().unwrap_or(-1),
        waiting_ms: encounter.waiting_ms().unwrap_or(-1),
        site_since: time::from_us_opt(encounter.site_since_us),
    }
}
