//! PromptingService: counts of services for whoever looks for customers that were not asked.

use std::{collections::HashMap, sync::Arc};

use device_domain::prompting::{Counter, Key, Service};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kit::{
    auth::open_request,
    error::{Result, ServiceError},
};
use proto::{
    common::v1::Reason,
    device::v1::{self, prompting_service_server::PromptingService},
    names, time,
};
use tonic::{Code, Request, Response, Status};
use uuid::Uuid;

use crate::{
    convert,
    state::App,
    store::prompting::{self, Row},
};

/// Most services of an answer.
const SERVICES_MAX: u64 = 500_000;
/// Services that are read in one go.
const BLOCK: u64 = 5_000;

/// The prompting service.
pub struct Prompting(pub Arc<App>);

#[async_trait::async_trait]
impl PromptingService for Prompting {
    async fn count_prompting(
        &self,
        request: Request<v1::CountPromptingRequest>,
    ) -> std::result::Result<Response<v1::CountPromptingResponse>, Status> {
        let (_, request) = open_request(request)?;
        Ok(Response::new(count(&self.0, &request).await?))
    }
}

async fn count(
    app: &App,
    request: &v1::CountPromptingRequest,
) -> Result<v1::CountPromptingResponse> {
    let org = convert::id("organisations", "organisation", &request.organisation)?;
    let unit = convert::id("units", "unit", &request.unit)?;
    let view = app.directory.organisation(org);
    let view = view.ok_or_else(|| ServiceError::not_found("organisation"))?;
    let units = (view.root() != Some(unit)).then(|| view.subtree(unit));
    let range = (
        request.from.as_ref().map_or(i64::MIN, time::to_us),
        request.to.as_ref().map_or(i64::MAX, time::to_us),
    );
    let mut zones: HashMap<Uuid, TimeZone> = HashMap::new();
    let (mut counter, mut last, mut read) = (Counter::default(), None, 0);
    loop {
        let conn = app.db.read();
        let rows = prompting::page(conn, org, units.as_deref(), range, last, BLOCK).await?;
        let ended = (rows.len() as u64) < BLOCK;
        read += rows.len() as u64;
        if read > SERVICES_MAX {
            let text = "there are more than 500,000 services; ask for a shorter time or a unit \
                        further down";
            return Err(ServiceError::new(Code::InvalidArgument, Reason::TooManyBuckets, text));
        }
        last = rows.last().map(|row| (row.time_us, row.id));
        for row in rows {
            let zone = zones.entry(row.site).or_insert_with(|| view.time_zone_of(row.site));
            let day = day_of(row.time_us, zone);
            counter.add(service(app, org, row, day).await?);
        }
        if ended {
            break;
        }
    }
    Ok(v1::CountPromptingResponse { counts: counter.counts().iter().map(shown).collect() })
}

/// Days since 1970 of a moment's local date.
fn day_of(us: i64, zone: &TimeZone) -> i32 {
    let moment = Timestamp::from_microsecond(us).unwrap_or_default();
    let date = zone.to_datetime(moment).date();
    date.since(EPOCH).map_or(0, |span| span.get_days())
}

const EPOCH: Date = Date::constant(1970, 1, 1);

async fn service(app: &App, org: Uuid, row: Row, day: i32) -> Result<Service> {
    let rated = match row.rated {
        Some((press_us, template, grade)) => {
            let template = app.templates.get(org, template).await?;
            Some((press_us, template.is_some_and(|template| template.is_bad(grade))))
        }
        None => None,
    };
    Ok(Service {
        site: row.site,
        staff: row.staff,
        business_type: row.business_type,
        day,
        begin_us: row.time_us,
        service_ms: row.service_ms,
        prompted: row.prompted,
        rated,
    })
}

fn shown((key, (served, prompted)): (&Key, &(i64, i64))) -> v1::PromptingCount {
    let date = EPOCH.checked_add(jiff::Span::new().days(key.day)).unwrap_or(EPOCH);
    v1::PromptingCount {
        site: names::print("units", key.site),
        staff: names::print("staff", key.staff),
        business_type: key.business_type.clone(),
        date: date.to_string(),
        length_class: key.length_class,
        after_bad: key.after_bad,
        served: *served,
        prompted: *prompted,
    }
}
