//! The feed of changes that the other services follow.

use std::sync::Arc;

use kit::feed::EventStream;
use proto::{
    auth::v1::event_service_server::EventService,
    common::v1::{ListEventsRequest, ListEventsResponse, WatchEventsRequest},
};
use tonic::Request;

use super::Answer;
use crate::core::Core;

/// Handlers of the event service.
pub struct Feed(pub Arc<Core>);

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
