//! The outermost layer: opens the span of the call, catches panics, gives each answer its
//! promised status, and counts.

use std::{
    any::Any,
    convert::Infallible,
    panic::AssertUnwindSafe,
    task::{Context, Poll},
    time::Instant,
};

use futures::FutureExt as _;
use http::{Request, Response};
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};
use tracing::Instrument as _;

use super::{Answer, StreamEnd, normalise::normalise_headers, tail::Tail};
use crate::{
    error::ServiceError,
    server::Draining,
    telemetry::context::{self, TraceContext},
};

/// Makes [`Guard`].
#[derive(Debug, Clone, Copy)]
pub struct GuardLayer {
    side: &'static str,
}

impl GuardLayer {
    /// `side` says in metrics where the call was seen: `service` or `gateway`.
    pub fn new(side: &'static str) -> Self {
        Self { side }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { inner, side: self.side }
    }
}

/// Catches, normalises, counts.
#[derive(Debug, Clone)]
pub struct Guard<S> {
    inner: S,
    side: &'static str,
}

impl<S> Service<Request<Body>> for Guard<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        let waiting = self.inner.clone();
        // The clone is not known to be ready; this one is.
        let mut inner = std::mem::replace(&mut self.inner, waiting);
        let method = proto::methods::table().get(request.uri().path());
        let name = method.map_or("other", |method| method.path.as_str());
        let streams = method.is_some_and(|method| method.descriptor.is_server_streaming());
        let draining = request.extensions().get::<Draining>().filter(|_| streams).cloned();
        let call = Call { side: self.side, method: name, started: Instant::now() };

        let incoming = TraceContext::of(request.headers());
        let span = tracing::info_span!(
            "rpc",
            side = self.side,
            method = name,
            trace_id = incoming.trace_id()
        );
        let trace = context::adopt(&span, incoming);
        let work = async move { inner.call(request).await };
        let work = AssertUnwindSafe(context::scope(trace, work)).catch_unwind();
        Box::pin(
            async move {
                let mut response = match work.await {
                    Ok(Ok(response)) => response,
                    Err(panic) => panicked(&*panic).into_http(),
                };
                if let Some(code) = normalise_headers(response.headers_mut()) {
                    call.done(code);
                    return Ok(response);
                }
                if !is_grpc(&response) {
                    call.done_other(response.status());
                    return Ok(response);
                }
                let end = response.extensions_mut().remove::<StreamEnd>().filter(|_| streams);
                Ok(response.map(|body| Body::new(Tail::new(body, call, end, draining))))
            }
            .instrument(span),
        )
    }
}

fn is_grpc(response: &Response<Body>) -> bool {
    let kind = response.headers().get(http::header::CONTENT_TYPE);
    kind.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

/// The answer to a call whose handler panicked.
pub(super) fn panicked(panic: &(dyn Any + Send)) -> Status {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without text");
    ServiceError::internal(format_args!("panic: {text}")).into()
}

/// One call, for counting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    side: &'static str,
    method: &'static str,
    started: Instant,
}

impl Call {
    /// Counts the call as ended.
    pub(super) fn done(self, code: Code) {
        self.record(code_name(code));
    }

    fn done_other(self, status: http::StatusCode) {
        self.record(if status.is_success() { "OK" } else { "REFUSED" });
    }

    fn record(self, code: &'static str) {
        let seconds = self.started.elapsed().as_secs_f64();
        metrics::counter!("rpc_calls_total",
            "side" => self.side, "method" => self.method, "code" => code)
        .increment(1);
        metrics::histogram!("rpc_duration_seconds",
            "side" => self.side, "method" => self.method)
        .record(seconds);
        tracing::debug!(code, seconds, "call ended");
    }
}

/// Name of a code as the gRPC documents spell it.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
