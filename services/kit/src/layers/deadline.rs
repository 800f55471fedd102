//! Ends a call at its deadline: what the caller gave, but no more than the class of the method
//! allows. tonic does this in its transport only, which calls in one process never see.

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use http::{Request, Response};
use proto::common::v1::Reason;
use tokio::time::Instant;
use tonic::{Code, body::Body};
use tower::{Layer, Service};

use super::{Answer, StreamEnd, refuse};
use crate::{deadline, error::ServiceError};

/// Makes [`Deadline`].
#[derive(Debug, Clone, Copy)]
pub struct DeadlineLayer;

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Deadline<S> {
        Deadline { inner }
    }
}

/// Enforces deadlines.
#[derive(Debug, Clone)]
pub struct Deadline<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for Deadline<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        let method = proto::methods::table().get(request.uri().path());
        let class = method.and_then(|method| deadline::default_of(method));
        // The gatekeeper refused malformed headers.
        let asked = deadline::parse(request.headers()).unwrap_or_default();
        let Some(time) = asked.into_iter().chain(class).min() else {
            return Box::pin(self.inner.call(request));
        };
        if time.is_zero() {
            return Box::pin(async { Ok(refuse(expired())) });
        }
        let end = Instant::now() + time;
        let work = self.inner.call(request);
        Box::pin(async move {
            let Ok(answer) = deadline::within(end, work).await else {
                return Ok(refuse(expired()));
            };
            let mut response = answer?;
            response.extensions_mut().insert(StreamEnd(end));
            Ok(response)
        })
    }
}

/// The error of a call that took too long.
pub(super) fn expired() -> ServiceError {
    ServiceError::new(
        Code::DeadlineExceeded,
        Reason::DeadlineExceeded,
        "the call took longer than its deadline",
    )
}
