//! Services given, rated or not.

use std::{collections::HashMap, sync::Arc};

use device_domain::encounter::{Event, Kind, State};
use kit::{
    auth::{Caller, open_request},
    error::{Result, ServiceError, reason_name},
    listing::{self, Limits},
};
use proto::{
    common::v1::Kind as CallerKind,
    device::v1::{self, encounter_service_server::EncounterService},
    names, time,
    validate::violations,
};
use tonic::{Code, Request, Response, Status};
use uuid::Uuid;

use super::tree::tree;
use crate::{
    convert,
    device_access::window_of,
    encounters::{self, Report, is_future},
    state::App,
    store,
};

/// The encounter service.
pub struct Encounters(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait::async_trait]
impl EncounterService for Encounters {
    async fn batch_write_encounter_events(
        &self,
        request: Request<v1::BatchWriteEncounterEventsRequest>,
    ) -> Answer<v1::BatchWriteEncounterEventsResponse> {
        let (caller, request) = open_request(request)?;
        let results = batch_write(&self.0, &caller, request.events).await?;
        Ok(Response::new(v1::BatchWriteEncounterEventsResponse { results }))
    }

    async fn get_encounter(
        &self,
        request: Request<v1::GetEncounterRequest>,
    ) -> Answer<v1::Encounter> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(get(&self.0, &caller, &request).await?))
    }

    async fn list_encounters(
        &self,
        request: Request<v1::ListEncountersRequest>,
    ) -> Answer<v1::ListEncountersResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(list(&self.0, &caller, &request).await?))
    }
}

async fn batch_write(
    app: &App,
    caller: &Caller,
    events: Vec<v1::EncounterEvent>,
) -> Result<Vec<v1::EncounterEventResult>> {
    let view = caller.view()?;
    let mut reader = Reader { app, caller, windows: HashMap::new() };
    let mut outcomes: Vec<Result<()>> = Vec::with_capacity(events.len());
    let (mut reports, mut places) = (Vec::new(), Vec::new());
    for (i, event) in events.iter().enumerate() {
        match reader.read(event).await {
            Ok(report) => {
                outcomes.push(Ok(()));
                reports.push(report);
                places.push(i);
            }
            // What is wrong with the database is no fault of this one event.
            Err(error) if error.is_retryable() || error.code() == Code::Internal => {
                return Err(error);
            }
            Err(error) => outcomes.push(Err(error)),
        }
    }
    if !reports.is_empty() {
        let written = encounters::write(app, &view, &reports).await?;
        for (place, outcome) in places.into_iter().zip(written) {
            outcomes[place] = outcome;
        }
    }
    Ok(events.into_iter().zip(outcomes).map(|(event, outcome)| result(event, outcome)).collect())
}

fn result(event: v1::EncounterEvent, outcome: Result<()>) -> v1::EncounterEventResult {
    let id = Uuid::try_parse(&event.encounter_id).ok();
    let encounter_id = event.encounter_id;
    match outcome {
        Ok(()) => v1::EncounterEventResult {
            encounter_id,
            encounter: names::print_opt("encounters", id),
            ..Default::default()
        },
        Err(error) => v1::EncounterEventResult {
            encounter_id,
            code: error.code() as i32,
            reason: reason_name(error.reason()).to_owned(),
            message: error.message().to_owned(),
            field: error.violations().first().map(|v| v.field.clone()).unwrap_or_default(),
            retryable: error.is_retryable(),
            encounter: String::new(),
        },
    }
}

/// Reads events, and remembers which windows the caller may report about.
struct Reader<'a> {
    app: &'a App,
    caller: &'a Caller,
    windows: HashMap<String, Result<Uuid>>,
}

impl Reader<'_> {
    async fn read(&mut self, event: &v1::EncounterEvent) -> Result<Report> {
        let found = violations(event);
        if !found.is_empty() {
            return Err(ServiceError::invalid_fields(found));
        }
        let now_us = self.app.clock.now_us();
        let event_us = event.event_time.as_ref().map_or(now_us, time::to_us);
        let id = convert::sender_id("encounterId", &event.encounter_id)?;
        let kind = Kind::from_number(event.kind)
            .ok_or_else(|| ServiceError::invalid("kind", "is required"))?;
        if is_future(event_us, now_us) {
            return Err(ServiceError::invalid("eventTime", "is in the future"));
        }
        let queue_us = time::to_us_opt(event.queue_time.as_ref());
        if queue_us.is_some_and(|us| is_future(us, now_us)) {
            return Err(ServiceError::invalid("queueTime", "is in the future"));
        }
        let window = self.window(event, event_us).await?;
        let (ticket, business_type) = (event.ticket.clone(), event.business_type.clone());
        let event = Event { kind, event_us, ticket, business_type, queue_us };
        Ok(Report { id, window, event })
    }

    async fn window(&mut self, event: &v1::EncounterEvent, event_us: i64) -> Result<Uuid> {
        if self.caller.kind == CallerKind::Device {
            // Where a device stood depends on the time of each event.
            return window_of(self.app, self.caller, &event.window, event_us).await;
        }
        if let Some(known) = self.windows.get(&event.window) {
            return known.clone();
        }
        let window = window_of(self.app, self.caller, &event.window, event_us).await;
        self.windows.insert(event.window.clone(), window.clone());
        window
    }
}

async fn get(
    app: &App,
    caller: &Caller,
    request: &v1::GetEncounterRequest,
) -> Result<v1::Encounter> {
    let id = convert::id("encounters", "name", &request.name)?;
    let found = store::encounter::find(app.db.read(), caller.org, &[id]).await?;
    let absent = || ServiceError::not_found("encounter");
    let encounter = found.into_iter().next().ok_or_else(absent)?;
    if let Some(device) = caller.device {
        let now_us = app.clock.now_us();
        let here = store::device::window_at(app.db.read(), caller.org, device, now_us).await?;
        if here == Some(encounter.window) {
            return Ok(convert::encounter::to_proto(&encounter));
        }
    }
    caller.authorize_object(encounter.window, "encounter")?;
    Ok(convert::encounter::to_proto(&encounter))
}

async fn list(
    app: &App,
    caller: &Caller,
    request: &v1::ListEncountersRequest,
) -> Result<v1::ListEncountersResponse> {
    let unit = convert::id_opt("units", "unit", &request.unit)?;
    let Limits { units, placed } = listing::limits(caller, unit, tree(request.tree()))?;
    let filter = store::encounter::Filter {
        units,
        placed,
        state: State::from_number(request.state),
        staff: convert::id_opt("staff", "staff", &request.staff)?,
        unprompted_only: request.unprompted_only,
        served_only: request.served_only,
        windows: convert::ids("units", "windows", &request.windows)?,
        staff_members: convert::ids("staff", "staffMembers", &request.staff_members)?,
        business_types: request.business_types.clone(),
        from_us: time::to_us_opt(request.from.as_ref()),
        to_us: time::to_us_opt(request.to.as_ref()),
    };
    let asked =
        v1::ListEncountersRequest { page_size: 0, page_token: String::new(), ..request.clone() };
    let key = format!("encounters|{}|{asked:?}", caller.org);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let mut found =
        store::encounter::list(app.db.read(), caller.org, &filter, page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |e| (e.time_us(), e.id));
    let encounters = found.iter().map(convert::encounter::to_proto).collect();
    Ok(v1::ListEncountersResponse { encounters, next_page_token })
}
