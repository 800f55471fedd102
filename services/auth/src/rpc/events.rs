//! The feed of changes that the other services follow.

use std::{pin::Pin, sync::Arc};

use futures::Stream;
use kit::{auth::open_request, feed::GROUPS_MAX, page};
use proto::{
    auth::v1::event_service_server::EventService,
    common::v1::{EventGroup, ListEventsRequest, ListEventsResponse, WatchEventsRequest},
};
use tonic::{Request, Response, Status};

use super::Answer;
use crate::core::Core;

/// Handlers of the event service.
pub struct Feed(pub Arc<Core>);

#[tonic::async_trait]
impl EventService for Feed {
    async fn list_events(&self, request: Request<ListEventsRequest>) -> Answer<ListEventsResponse> {
        let (_, message) = open_request(request)?;
        let size = usize::try_from(page::size(message.page_size)?).unwrap_or(GROUPS_MAX);
        Ok(Response::new(self.0.outbox.list(&message.after, size.min(GROUPS_MAX)).await?))
    }

    type WatchEventsStream =
        Pin<Box<dyn Stream<Item = std::result::Result<EventGroup, Status>> + Send>>;

    async fn watch_events(
        &self,
        request: Request<WatchEventsRequest>,
    ) -> Answer<Self::WatchEventsStream> {
        let (_, message) = open_request(request)?;
        // A position of another feed is refused at once and not as the first item.
        kit::feed::compare_positions(&message.after, "")?;
        Ok(Response::new(Box::pin(self.0.outbox.watch(message.after))))
    }
}
