//! The feed that other services follow, and the counts that prove it complete.

use std::{pin::Pin, sync::Arc};

use futures::Stream;
use kit::{
    auth::open_request,
    error::{Result, ServiceError},
};
use proto::{
    common::v1::{EventGroup, ListEventsRequest, ListEventsResponse, WatchEventsRequest},
    device::v1::{self, event_service_server::EventService},
    names, time,
};
use tonic::{Request, Response, Status};

use crate::{
    convert,
    state::App,
    store::{self, count::Count},
};

/// Groups of a page when the caller names no size.
const GROUPS_DEFAULT: usize = 100;

/// The feed.
pub struct Feed(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait::async_trait]
impl EventService for Feed {
    async fn list_events(&self, request: Request<ListEventsRequest>) -> Answer<ListEventsResponse> {
        let (_, request) = open_request(request)?;
        let limit = match usize::try_from(request.page_size) {
            Ok(0) => GROUPS_DEFAULT,
            Ok(limit) => limit,
            Err(_) => return Err(ServiceError::invalid("pageSize", "is negative").into()),
        };
        Ok(Response::new(self.0.outbox.list(&request.after, limit).await?))
    }

    type WatchEventsStream =
        Pin<Box<dyn Stream<Item = std::result::Result<EventGroup, Status>> + Send>>;

    async fn watch_events(
        &self,
        request: Request<WatchEventsRequest>,
    ) -> Answer<Self::WatchEventsStream> {
        let (_, request) = open_request(request)?;
        // A position that is none shall be refused before the stream begins.
        kit::feed::compare_positions(&request.after, "")?;
        Ok(Response::new(Box::pin(self.0.outbox.watch(request.after))))
    }

    async fn count_source(
        &self,
        request: Request<v1::CountSourceRequest>,
    ) -> Answer<v1::CountSourceResponse> {
        let (_, request) = open_request(request)?;
        Ok(Response::new(count(&self.0, &request).await?))
    }
}

async fn count(app: &App, request: &v1::CountSourceRequest) -> Result<v1::CountSourceResponse> {
    let org = convert::id("organisations", "organisation", &request.organisation)?;
    let range = (
        request.from.as_ref().map_or(i64::MIN, time::to_us),
        request.to.as_ref().map_or(i64::MAX, time::to_us),
    );
    let (tx, position) = app.outbox.moment().await?;
    let ratings = store::count::ratings(&tx, org, range).await?;
    let encounters = store::count::encounters(&tx, org, range).await?;
    tx.commit().await?;
    let shown = |count: &Count| v1::SourceCount {
        site: names::print("units", count.site),
        template: names::print_opt("templates", count.template),
        key: count.key,
        distrusted: count.distrusted,
        count: count.count,
    };
    Ok(v1::CountSourceResponse {
        position,
        ratings: ratings.iter().map(shown).collect(),
        encounters: encounters.iter().map(shown).collect(),
    })
}
