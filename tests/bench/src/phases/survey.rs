//! Questionnaires: answers through the respondents' interface, figures over many of them,
//! export and import.

mod customers;
mod export;
mod ground;
mod volume;

use std::{sync::Arc, time::Duration};

use proto::survey::v1::{
    StartResponseRequest, SubmitResponseRequest, respondent_service_client::RespondentServiceClient,
};
use tonic::Request;
use uuid::Uuid;

use super::Context;
use crate::{
    error::{During as _, Result},
    load::{Slice, calls},
    progress::say,
    report::{Goal, Row},
    site::Site,
    stats::{Latencies, Spread},
    suite::Suite,
};
use ground::Ground;

/// People who answer at the same time.
const RESPONDENTS: usize = 64;

/// Measures.
pub async fn run(context: &Context<'_>) -> Result<Vec<Row>> {
    let mut suite = Suite::start_whole(&context.plan).await?;
    let site = Site::found(&suite.gateway.uri(), context.plan.seed).await?;
    let ground = Arc::new(Ground::prepare(&site).await?);
    let mut rows = vec![respondents(context, &ground).await?];
    suite.check()?;
    rows.extend(volume::run(context, &ground, &suite).await?);
    suite.check()?;
    suite.stop().await?;
    Ok(rows)
}

/// Each answer is a start and a submission, as a page makes them.
async fn respondents(context: &Context<'_>, ground: &Arc<Ground>) -> Result<Row> {
    let (mut rates, mut latencies) = (Vec::new(), Latencies::default());
    for _ in 0..context.effort.repetitions {
        let slice = Slice::now(context.effort.warm_up, context.effort.slice);
        let ground = ground.clone();
        let outcome = calls::run(RESPONDENTS, slice, move |_| {
            let ground = ground.clone();
            async move { answer(&ground).await }
        })
        .await?;
        rates.push(outcome.rate());
        latencies.add(&outcome.latencies);
    }
    say(format_args!("{:.0} responses/s, p99 {:.1} ms", rates[0], latencies.p99_ms()));
    Ok(Row::new("Q1", context.database(), "responses through the respondents' interface")
        .load(format!("closed loop, {RESPONDENTS} people, a start and a submission each"))
        .value(Spread::of(&rates), "responses/s")
        .latency(&latencies))
}

async fn answer(ground: &Ground) -> Result<()> {
    let mut client = RespondentServiceClient::new(ground.owner.chan());
    let start = StartResponseRequest { link: ground.link.clone(), language: "en".to_owned() };
    let started = client.start_response(elsewhere(start)).await.during("starting an answer")?;
    let started = started.into_inner();
    let submit = SubmitResponseRequest {
        link: ground.link.clone(),
        session: started.session,
        submission_id: Uuid::now_v7().to_string(),
        answers: ground::answers(rand_grade()),
        browser_token: started.browser_token,
        ..SubmitResponseRequest::default()
    };
    client.submit_response(elsewhere(submit)).await.during("submitting an answer")?;
    Ok(())
}

fn rand_grade() -> i32 {
    1 + i32::from(Uuid::new_v4().as_bytes()[0] % 5)
}

/// A request from an address of its own: one network may answer only so often a minute.
fn elsewhere<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let id = Uuid::new_v4();
    let [a, b, c, ..] = *id.as_bytes();
    if let Ok(address) = format!("{}.{b}.{c}.7", 11 + a % 80).parse() {
        request.metadata_mut().insert("x-forwarded-for", address);
    }
    request.set_timeout(Duration::from_secs(10));
    request
}

/// A figure that has to be there at once however many answers there are.
fn prompt(id: &'static str, context: &Context<'_>, figure: String, latencies: &Latencies) -> Row {
    Row::new(id, context.database(), figure)
        .load("one call at a time")
        .value(Spread::one(latencies.p50_ms()), "ms (median)")
        .latency(latencies)
        .goal(Goal::P99AtMost(20.0))
}
