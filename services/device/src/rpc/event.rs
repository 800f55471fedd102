//! The feed that other services follow, and the counts that prove it complete.

use std::sync::Arc;

use kit::{
    auth::open_request,
    feed::EventStream,
    rpc::{Sending, sending},
};
use proto::{
    common::v1::{ListEventsRequest, ListEventsResponse, WatchEventsRequest},
    device::v1::{self, event_service_server::EventService},
    time,
};
use tonic::{Request, Response, Status};

use crate::{convert, counting, state::App};

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

    type CountSourceStream = Sending<v1::CountSourceResponse>;

    async fn count_source(
        &self,
        request: Request<v1::CountSourceRequest>,
    ) -> Answer<Self::CountSourceStream> {
        let (_, request) = open_request(request)?;
        let org = convert::id("organisations", "organisation", &request.organisation)?;
        let range = (
            request.from.as_ref().map_or(i64::MIN, time::to_us),
            request.to.as_ref().map_or(i64::MAX, time::to_us),
        );
        let app = self.0.clone();
        Ok(Response::new(sending(|answers| counting::count(app, org, range, answers))))
    }
}
