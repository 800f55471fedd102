//! Sends the infrastructure's own services (`/grpc.…`) one way and all others another.

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use http::{Request, Response};
use tonic::body::Body;
use tower::Service;

use super::Answer;

/// Two ways by path.
#[derive(Debug, Clone)]
pub struct Split<A, B> {
    infrastructure: A,
    business: B,
}

impl<A, B> Split<A, B> {
    /// `infrastructure` gets paths that begin with `/grpc.`, `business` all others.
    pub fn new(infrastructure: A, business: B) -> Self {
        Self { infrastructure, business }
    }
}

impl<A, B> Service<Request<Body>> for Split<A, B>
where
    A: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
    A::Future: Send + 'static,
    B: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
    B::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        match self.infrastructure.poll_ready(cx) {
            Poll::Ready(Ok(())) => self.business.poll_ready(cx),
            other => other,
        }
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        if request.uri().path().starts_with("/grpc.") {
            Box::pin(self.infrastructure.call(request))
        } else {
            Box::pin(self.business.call(request))
        }
    }
}
