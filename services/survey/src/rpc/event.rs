//! The feed that other services follow.

use std::sync::Arc;

use kit::{
    auth::open_request,
    error::{Result, ServiceError},
    feed::EventStream,
};
use proto::{
    common::v1::{ListEventsRequest, ListEventsResponse, WatchEventsRequest},
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
