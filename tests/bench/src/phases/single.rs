//! Row 5: single durable calls beside bare ones, both through the gateway.

use std::time::Duration;

use proto::{
    auth::v1::{GetSelfRequest, token_service_client::TokenServiceClient},
    device::v1::{
        BatchCreateRatingsRequest, RatingMessage, rating_service_client::RatingServiceClient,
    },
};

use super::Context;
use crate::{
    error::{During as _, Error, Result},
    load::{Outcome, Sender, Slice, Terminal, calls, senders, stream::said},
    progress::say,
    report::{Beside, Goal, Row},
    stats::{Latencies, Spread},
};

/// Calls at a time.
const CALLERS: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One rating, answered when it is durable.
    Durable,
    /// One message without id: the same way, refused before the database.
    Refused,
    /// Who the caller is.
    Itself,
}

/// Measures.
pub async fn run(context: &Context<'_>, gateway: &str, terminals: &[Terminal]) -> Result<Row> {
    let mut durable = (Vec::new(), Latencies::default());
    let mut refused = (Vec::new(), Latencies::default());
    let mut itself = (Vec::new(), Latencies::default());
    for _ in 0..context.effort.repetitions {
        for (kind, series) in [
            (Kind::Durable, &mut durable),
            (Kind::Refused, &mut refused),
            (Kind::Itself, &mut itself),
        ] {
            let outcome = slice(context, gateway, terminals, kind).await?;
            series.0.push(outcome.rate());
            series.1.add(&outcome.latencies);
        }
    }
    // The faster of the two bare calls is the stricter measure.
    let by_self = Spread::of(&itself.0).median > Spread::of(&refused.0).median;
    let (echo, what) = if by_self {
        (&itself, "bare GetSelf through the gateway")
    } else {
        (&refused, "the same call refused before the database")
    };
    let beside = Beside {
        what: what.to_owned(),
        value: Spread::of(&echo.0),
        unit: "calls/s",
        p50_ms: Some(echo.1.p50_ms()),
        p99_ms: Some(echo.1.p99_ms()),
    };
    Ok(Row::new("5", context.database(), "durable single calls through the gateway")
        .load(format!("closed loop, {CALLERS} calls in flight, one rating each"))
        .value(Spread::of(&durable.0), "calls/s")
        .latency(&durable.1)
        .beside(beside, Spread::ratio(&durable.0, &echo.0))
        .goal(Goal::RatioAtLeast(0.6))
        .note(format!(
            "of two bare calls the faster one is taken: GetSelf {:.0}/s, a refused rating {:.0}/s",
            Spread::of(&itself.0).median,
            Spread::of(&refused.0).median
        )))
}

async fn slice(
    context: &Context<'_>,
    gateway: &str,
    terminals: &[Terminal],
    kind: Kind,
) -> Result<Outcome> {
    let senders: std::sync::Arc<[Sender]> = senders(gateway, terminals).await?.into();
    let (warm_up, length) = (context.effort.warm_up, context.effort.slice);
    let slice = Slice::now(warm_up, length);
    let outcome = calls::run(CALLERS, slice, move |caller| {
        let senders = senders.clone();
        async move { call(&senders[caller % senders.len()], kind).await }
    })
    .await?;
    let name = match kind {
        Kind::Durable => "durable",
        Kind::Refused => "refused",
        Kind::Itself => "GetSelf",
    };
    say(format_args!(
        "{CALLERS} {name} calls in flight: {:.0} calls/s, p99 {:.1} ms",
        outcome.rate(),
        outcome.latencies.p99_ms()
    ));
    Ok(outcome)
}

async fn call(sender: &Sender, kind: Kind) -> Result<()> {
    let chan = sender.chan.clone();
    let message = match kind {
        Kind::Itself => {
            let request = kit::rpc::bearer(GetSelfRequest {}, &sender.token);
            let answer = TokenServiceClient::new(chan).get_self(request).await;
            return answer.map(drop).during("asking who we are");
        }
        Kind::Durable => sender.source.batch(1),
        Kind::Refused => {
            BatchCreateRatingsRequest { ratings: vec![RatingMessage::default()], clock: None }
        }
    };
    let mut request = kit::rpc::bearer(message, &sender.token);
    request.set_timeout(Duration::from_secs(10));
    let answer = RatingServiceClient::new(chan).batch_create_ratings(request).await;
    let answer = answer.during("sending one rating")?.into_inner();
    let result = answer.results.first();
    let result = result.ok_or_else(|| Error::Unsound("a rating has no result".to_owned()))?;
    match (kind, result.code) {
        (Kind::Durable, 0) => {
            sender.source.acknowledge(1);
            return Ok(());
        }
        (Kind::Refused, 1..) => return Ok(()),
        _ => {}
    }
    Err(Error::Unsound(format!("a single rating was answered with {}", said(result))))
}
