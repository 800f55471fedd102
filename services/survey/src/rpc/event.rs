//! The feed that other services follow.

use std::{collections::BTreeMap, sync::Arc};

use kit::{
    auth::open_request,
    error::{Result, ServiceError},
    feed::EventStream,
    rpc::{Answers, Sending, sending},
};
use proto::{
    common::v1::{ListEventsRequest, ListEventsResponse, WatchEventsRequest},
    names,
    survey::v1::{
        CountSourceRequest, CountSourceResponse, ResponseCount, event_service_server::EventService,
    },
};
use tokio::time::Instant;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    state::App,
    store::{self, count::Kind},
};

/// Counts of one message.
const COUNTS_MAX: usize = 5_000;

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

    type CountSourceStream = Sending<CountSourceResponse>;

    async fn count_source(
        &self,
        request: Request<CountSourceRequest>,
    ) -> Answer<Self::CountSourceStream> {
        let (_, request) = open_request(request)?;
        let org = names::parse("organisations", &request.organisation)
            .ok_or_else(|| ServiceError::not_found("organisation"))?;
        let app = self.0.clone();
        Ok(Response::new(sending(|answers| count(app, org, answers))))
    }
}

/// Counts the responses of an organisation at one moment, piece by piece.
async fn count(app: Arc<App>, org: Uuid, answers: Answers<CountSourceResponse>) -> Result<()> {
    let (tx, position) = app.outbox.moment().await?;
    answers.send(CountSourceResponse { position, ..Default::default() }).await?;
    let mut pieces = store::count::pieces(&tx, org).await?;
    let (mut sums, mut responses_so_far) = (BTreeMap::<Kind, i64>::new(), 0);
    while let Some(piece) = pieces.cut() {
        let began = Instant::now();
        for (kind, n) in store::count::responses(&tx, org, piece).await? {
            *sums.entry(kind).or_default() += n;
            responses_so_far += n;
        }
        pieces.took(began.elapsed());
        answers.tell(CountSourceResponse { responses_so_far, ..Default::default() });
    }
    tx.commit().await?;
    let all: Vec<_> = sums.into_iter().map(shown).collect();
    for counts in all.chunks(COUNTS_MAX) {
        let responses = counts.to_vec();
        answers
            .send(CountSourceResponse { responses, responses_so_far, ..Default::default() })
            .await?;
    }
    Ok(())
}

fn shown((kind, count): (Kind, i64)) -> ResponseCount {
    ResponseCount {
        site: names::print("units", kind.site),
        questionnaire: names::print("questionnaires", kind.questionnaire),
        version: kind.version,
        channel: i32::from(kind.channel),
        suspect: kind.suspect,
        count,
    }
}
