//! The feed that other services follow.

use std::{pin::Pin, sync::Arc};

use futures::Stream;
use kit::{
    auth::open_request,
    error::{Result, ServiceError},
};
use proto::{
    common::v1::{EventGroup, ListEventsRequest, ListEventsResponse, WatchEventsRequest},
    names,
    survey::v1::{
        CountSourceRequest, CountSourceResponse, ResponseCount, event_service_server::EventService,
    },
};
use tonic::{Request, Response, Status};

use crate::{
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
        request: Request<CountSourceRequest>,
    ) -> Answer<CountSourceResponse> {
        let (_, request) = open_request(request)?;
        Ok(Response::new(count(&self.0, &request).await?))
    }
}

async fn count(app: &App, request: &CountSourceRequest) -> Result<CountSourceResponse> {
    let org = names::parse("organisations", &request.organisation)
        .ok_or_else(|| ServiceError::not_found("organisation"))?;
    let (tx, position) = app.outbox.moment().await?;
    let responses = store::count::responses(&tx, org).await?;
    tx.commit().await?;
    let shown = |count: &Count| ResponseCount {
        site: names::print("units", count.site),
        questionnaire: names::print("questionnaires", count.questionnaire),
        version: count.version,
        channel: i32::from(count.channel),
        suspect: count.suspect,
        count: count.count,
    };
    Ok(CountSourceResponse { position, responses: responses.iter().map(shown).collect() })
}
