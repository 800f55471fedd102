//! CalendarService: holidays, make-up working days and lunar dates.

use std::sync::Arc;

use analytics_domain::{
    calendar::{Calendar, Day, lunar::LunarDate},
    time::{date_of, day_number},
};
use jiff::civil::Date;
use kit::{
    audit,
    auth::{Caller, open_request},
    error::{Result, ServiceError},
};
use proto::{
    analytics::v1::{
        CalendarDay, DayKind, ListCalendarDaysRequest, ListCalendarDaysResponse,
        SetCalendarDaysRequest, SetCalendarDaysResponse, calendar_service_server::CalendarService,
    },
    names,
};
use serde_json::json;
use tonic::{Request, Response, Status};

use super::index_question;
use crate::{state::App, store::settings};

const DAYS_MAX: i32 = 400;

/// The calendar service.
pub struct CalendarHandler(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[tonic::async_trait]
impl CalendarService for CalendarHandler {
    async fn set_calendar_days(
        &self,
        request: Request<SetCalendarDaysRequest>,
    ) -> Answer<SetCalendarDaysResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(set(&self.0, &caller, &request).await?))
    }

    async fn list_calendar_days(
        &self,
        request: Request<ListCalendarDaysRequest>,
    ) -> Answer<ListCalendarDaysResponse> {
        let (caller, request) = open_request(request)?;
        let (first, end) = index_question::days(&request.from, &request.to)?;
        if end - first > DAYS_MAX {
            return Err(ServiceError::invalid("to", "is more than 400 days later").into());
        }
        let calendar = Calendar::new(settings::days(self.0.db.read(), caller.org).await?);
        let days = (first..end).map(|day| shown(&calendar, date_of(day.into())));
        Ok(Response::new(ListCalendarDaysResponse { days: days.collect() }))
    }
}

fn shown(calendar: &Calendar, date: Date) -> CalendarDay {
    let day = calendar.day(date);
    let kind = if day.working { DayKind::Working } else { DayKind::Off };
    CalendarDay {
        date: date.to_string(),
        kind: kind as i32,
        title: day.title,
        own: calendar.is_own(date),
        weekday: date.weekday().to_monday_one_offset().into(),
        lunar_date: LunarDate::of(date).map(LunarDate::label).unwrap_or_default(),
    }
}

async fn set(
    app: &App,
    caller: &Caller,
    request: &SetCalendarDaysRequest,
) -> Result<SetCalendarDaysResponse> {
    caller.authorize_organisation()?;
    let mut days = Vec::with_capacity(request.days.len());
    for (index, day) in request.days.iter().enumerate() {
        let date: Option<Date> = day.date.parse().ok();
        let date = date.filter(|date| (1900..=2200).contains(&date.year())).ok_or_else(|| {
            let text = "is no date such as 2026-10-01, or not within the years 1900 to 2200";
            ServiceError::invalid(format!("days[{index}].date"), text)
        })?;
        let to = match day.kind() {
            DayKind::Unspecified => None,
            kind => Some(Day { working: kind == DayKind::Working, title: day.title.clone() }),
        };
        days.push((date, to));
    }
    let tx = app.db.begin().await?;
    for (date, to) in &days {
        settings::set_day(tx.conn(), caller.org, day_number(*date), to.as_ref()).await?;
    }
    let object = names::print("organisations", caller.org);
    let detail = json!({
        "days": days.iter().map(|(date, _)| date.to_string()).collect::<Vec<_>>(),
    });
    audit::record(&tx, caller, &object, None, detail, app.clock.as_ref()).await?;
    tx.commit().await?;
    let calendar = Calendar::new(settings::days(app.db.read(), caller.org).await?);
    let days = days.into_iter().map(|(date, _)| shown(&calendar, date)).collect();
    Ok(SetCalendarDaysResponse { days })
}
