//! Who is signed in where.

use std::sync::Arc;

use device_domain::shift::{Event, Kind};
use kit::{
    auth::{Caller, open_request},
    error::{Result, ServiceError},
};
use proto::{
    device::v1::{self, shift_service_server::ShiftService},
    time,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{convert, device_access::window_of, encounters::is_future, shifts, state::App, store};

/// The shift service.
pub struct Shifts(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait::async_trait]
impl ShiftService for Shifts {
    async fn sign_in(&self, request: Request<v1::SignInRequest>) -> Answer<v1::Shift> {
        let (caller, request) = open_request(request)?;
        let window = &request.window;
        let event_us = event_us(&self.0, request.event_time.as_ref())?;
        let mut event =
            event(&self.0, &caller, Kind::SignIn, &request.event_id, window, event_us).await?;
        event.staff = Some(staff(&caller, &request.staff_number)?);
        Ok(Response::new(write(&self.0, &caller, &event).await?))
    }

    async fn sign_out(&self, request: Request<v1::ShiftEventRequest>) -> Answer<v1::Shift> {
        self.other(Kind::SignOut, request).await
    }

    async fn pause(&self, request: Request<v1::ShiftEventRequest>) -> Answer<v1::Shift> {
        self.other(Kind::Pause, request).await
    }

    async fn resume(&self, request: Request<v1::ShiftEventRequest>) -> Answer<v1::Shift> {
        self.other(Kind::Resume, request).await
    }

    async fn list_shifts(
        &self,
        request: Request<v1::ListShiftsRequest>,
    ) -> Answer<v1::ListShiftsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(list(&self.0, &caller, &request).await?))
    }
}

impl Shifts {
    async fn other(
        &self,
        kind: Kind,
        request: Request<v1::ShiftEventRequest>,
    ) -> Answer<v1::Shift> {
        let (caller, request) = open_request(request)?;
        let window = &request.window;
        let event_us = event_us(&self.0, request.event_time.as_ref())?;
        let event = event(&self.0, &caller, kind, &request.event_id, window, event_us).await?;
        Ok(Response::new(write(&self.0, &caller, &event).await?))
    }
}

fn event_us(app: &App, given: Option<&prost_types::Timestamp>) -> Result<Option<i64>> {
    let given_us = given.map(time::to_us);
    if given_us.is_some_and(|us| is_future(us, app.clock.now_us())) {
        return Err(ServiceError::invalid("eventTime", "is in the future"));
    }
    Ok(given_us)
}

async fn event(
    app: &App,
    caller: &Caller,
    kind: Kind,
    event_id: &str,
    window: &str,
    event_us: Option<i64>,
) -> Result<Event> {
    let now_us = app.clock.now_us();
    let at_us = event_us.unwrap_or(now_us);
    let window = window_of(app, caller, window, at_us).await?;
    let id = convert::sender_id("eventId", event_id)?;
    // "Now" is the time of the first arrival, so a repeated event without a time is the same.
    let known = match event_us {
        None => store::shift::event(app.db.read(), caller.org, id).await?,
        Some(_) => None,
    };
    let event_us = known.map_or(at_us, |(known, _)| known.event_us);
    let policy = app.policies.of(caller.org).await?;
    let cap_us = event_us.saturating_add(policy.shift_max_us());
    Ok(Event { id, kind, window, staff: None, event_us, cap_us })
}

fn staff(caller: &Caller, number: &str) -> Result<Uuid> {
    let view = caller.view()?;
    let found = view.staff_by_number(number);
    let staff = found.ok_or_else(|| ServiceError::not_found("staff number"))?;
    if staff.retired {
        return Err(ServiceError::wrong_state("the staff member has left"));
    }
    Ok(staff.id)
}

async fn write(app: &App, caller: &Caller, event: &Event) -> Result<v1::Shift> {
    let shift = shifts::write(app, caller.org, event).await?;
    Ok(convert::shift::to_proto(&shift, app.clock.now_us()))
}

async fn list(
    app: &App,
    caller: &Caller,
    request: &v1::ListShiftsRequest,
) -> Result<v1::ListShiftsResponse> {
    let unit = convert::id_opt("units", "unit", &request.unit)?;
    let now_us = app.clock.now_us();
    let filter = store::shift::Filter {
        units: caller.visible()?.narrowed(unit)?,
        staff: convert::id_opt("staff", "staff", &request.staff)?,
        open_at_us: request.open_only.then_some(now_us),
    };
    let key =
        format!("shifts|{}|{}|{}|{}", caller.org, request.unit, request.staff, request.open_only);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let mut found =
        store::shift::list(app.db.read(), caller.org, &filter, page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |s| (s.start_us, s.id));
    let shifts = found.iter().map(|shift| convert::shift::to_proto(shift, now_us)).collect();
    Ok(v1::ListShiftsResponse { shifts, next_page_token })
}
