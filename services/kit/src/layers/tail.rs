//! The body of a gRPC answer, watched to its end: a panic, a broken peer, a passed deadline or
//! a shutdown becomes a proper last status, and the call is counted with its final code.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::{Code, Status, body::Body};

use super::{
    StreamEnd,
    deadline::expired,
    guard::{Call, panicked},
    normalise::{normalise, normalise_headers},
};
use crate::{error::ServiceError, server::Draining};

/// Streams get this long after a shutdown began to bring out what they have at hand.
const LAST_WORDS: Duration = Duration::from_secs(2);

type Interrupt = Pin<Box<dyn Future<Output = ServiceError> + Send>>;

/// A body that always ends with a status of the contract.
pub(super) struct Tail {
    body: Body,
    /// Not counted yet.
    call: Option<Call>,
    /// Ends the body early.
    interrupts: Vec<Interrupt>,
}

impl Tail {
    pub(super) fn new(
        body: Body,
        call: Call,
        end: Option<StreamEnd>,
        draining: Option<Draining>,
    ) -> Self {
        let mut interrupts = Vec::<Interrupt>::new();
        if let Some(StreamEnd(at)) = end {
            interrupts.push(Box::pin(async move {
                tokio::time::sleep_until(at).await;
                expired()
            }));
        }
        if let Some(Draining(stop)) = draining {
            interrupts.push(Box::pin(async move {
                stop.cancelled_owned().await;
                tokio::time::sleep(LAST_WORDS).await;
                ServiceError::unavailable("the service is shutting down; go on where you were")
            }));
        }
        Self { body, call: Some(call), interrupts }
    }

    fn count(&mut self, code: Code) {
        if let Some(call) = self.call.take() {
            call.done(code);
        }
    }

    /// The last frame, and nothing after it.
    fn finish(&mut self, status: Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.body = Body::empty();
        self.interrupts.clear();
        let status = normalise(status);
        self.count(status.code());
        let mut trailers = HeaderMap::new();
        match status.add_header(&mut trailers) {
            Ok(()) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Err(error) => Poll::Ready(Some(Err(error))),
        }
    }
}

impl HttpBody for Tail {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut this.body).poll_frame(cx)));
        match polled {
            Err(panic) => this.finish(panicked(&*panic)),
            Ok(Poll::Ready(Some(Err(status)))) => this.finish(status),
            Ok(Poll::Ready(Some(Ok(frame)))) if frame.is_trailers() => {
                let mut trailers = frame.into_trailers().unwrap_or_default();
                let code = normalise_headers(&mut trailers);
                this.count(code.unwrap_or(Code::Unknown));
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            Ok(Poll::Ready(None)) if this.call.is_some() => {
                this.finish(Status::unavailable("the answer broke off"))
            }
            Ok(Poll::Pending) => {
                let mut interrupts = this.interrupts.iter_mut();
                let fired = interrupts.find_map(|interrupt| match interrupt.as_mut().poll(cx) {
                    Poll::Ready(error) => Some(error),
                    Poll::Pending => None,
                });
                match fired {
                    Some(error) => this.finish(error.into()),
                    None => Poll::Pending,
                }
            }
            Ok(other) => other,
        }
    }

    fn is_end_stream(&self) -> bool {
        // Only after the trailers went out, which hyper would otherwise never ask for.
        self.call.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.count(Code::Cancelled);
    }
}
