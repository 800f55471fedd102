//! What every service's event service answers to those who follow its feed.

use std::pin::Pin;

use futures::Stream;
use proto::common::v1::{EventGroup, ListEventsRequest, ListEventsResponse, WatchEventsRequest};
use tonic::{Request, Response, Status};

use super::{GROUPS_MAX, Outbox, compare_positions};
use crate::{auth::open_request, page};

/// Groups as they are committed.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<EventGroup, Status>> + Send>>;

impl Outbox {
    /// The handler of `ListEvents`.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for a negative page size or a position that is none.
    pub async fn list_events(
        &self,
        request: Request<ListEventsRequest>,
    ) -> Result<Response<ListEventsResponse>, Status> {
        let (_, request) = open_request(request)?;
        let limit = usize::try_from(page::size(request.page_size)?).unwrap_or(GROUPS_MAX);
        Ok(Response::new(self.list(&request.after, limit).await?))
    }

    /// The handler of `WatchEvents`.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for a position that is none, before the stream begins.
    pub fn watch_events(
        &self,
        request: Request<WatchEventsRequest>,
    ) -> Result<Response<EventStream>, Status> {
        let (_, request) = open_request(request)?;
        compare_positions(&request.after, "")?;
        Ok(Response::new(Box::pin(self.watch(request.after))))
    }
}
