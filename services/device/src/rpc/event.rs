//! The feed that other services follow, and the counts that prove it complete.

use std::sync::Arc;

use kit::{auth::open_request, error::Result, feed::EventStream};
use proto::{
    common::v1::{ListEventsRequest, ListEventsResponse, WatchEventsRequest},
    device::v1::{self, event_service_server::EventService},
    names, time,
};
use tonic::{Request, Response, Status};

use crate::{
    convert,
    state::App,
    store::{self, count::Count},
};

/// The feed.
pub struct Feed(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait::async_trait]
impl EventService for Feed {
    async fn list_events(&self, request: Request<ListEventsRequest>) -> Answer<ListEventsResponse> {
        self.0.outbox.list_events(request).await
    }

    type WatchEventsStream = EventStream;

    async fn watch_events(&self, request: Request<WatchEventsRequest>) -> Answer<EventStream> {
        self.0.outbox.watch_events(request)
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
