//! The feed that other services follow: alerts.

use std::sync::Arc;

use kit::feed::EventStream;
use proto::{
    analytics::v1::event_service_server::EventService,
    common::v1::{ListEventsRequest, ListEventsResponse, WatchEventsRequest},
};
use tonic::{Request, Response, Status};

use crate::state::App;

/// The feed.
pub struct Feed(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[tonic::async_trait]
impl EventService for Feed {
    async fn list_events(&self, request: Request<ListEventsRequest>) -> Answer<ListEventsResponse> {
        self.0.outbox.list_events(request).await
    }

    type WatchEventsStream = EventStream;

    async fn watch_events(&self, request: Request<WatchEventsRequest>) -> Answer<EventStream> {
        self.0.outbox.watch_events(request)
    }
}
