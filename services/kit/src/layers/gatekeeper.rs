//! Refuses what is no well-formed gRPC call of a known method before its body is read. tonic
//! itself answers any verb and content type, which would open the door to cross-site requests.

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use base64::{Engine as _, alphabet, engine};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use proto::common::v1::Reason;
use tonic::{Code, body::Body};
use tower::{Layer, Service};

use super::{Answer, one_message::OneMessage, refuse};
use crate::{deadline, error::ServiceError};

/// Makes [`Gatekeeper`].
#[derive(Debug, Clone, Copy)]
pub struct GatekeeperLayer {
    counts: bool,
}

impl GatekeeperLayer {
    /// Before handlers.
    pub fn before_handlers() -> Self {
        Self { counts: true }
    }

    /// Before something that passes calls on. It leaves the number of messages to the service
    /// behind it: there, a request that is cut off on its way is a client that went away.
    pub fn before_forwarding() -> Self {
        Self { counts: false }
    }
}

impl<S> Layer<S> for GatekeeperLayer {
    type Service = Gatekeeper<S>;

    fn layer(&self, inner: S) -> Gatekeeper<S> {
        Gatekeeper { inner, counts: self.counts }
    }
}

/// Lets only well-formed calls of known methods through.
#[derive(Debug, Clone)]
pub struct Gatekeeper<S> {
    inner: S,
    counts: bool,
}

impl<S> Service<Request<Body>> for Gatekeeper<S>
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
        match inspect(&request) {
            Err(refusal) => Box::pin(async move { Ok(*refusal) }),
            Ok(true) if self.counts => {
                Box::pin(self.inner.call(request.map(|body| Body::new(OneMessage::new(body)))))
            }
            Ok(_) => Box::pin(self.inner.call(request)),
        }
    }
}

/// Whether the call has exactly one request message, or its refusal.
fn inspect(request: &Request<Body>) -> Result<bool, Box<Response<Body>>> {
    if request.method() != Method::POST {
        return Err(plain(StatusCode::METHOD_NOT_ALLOWED, Some((header::ALLOW, "POST"))));
    }
    if !is_grpc(request.headers()) {
        return Err(plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, None));
    }
    let path = request.uri().path();
    let method = proto::methods::table().get(path);
    if method.is_none() && !is_infrastructure(path) {
        let error = ServiceError::new(Code::Unimplemented, Reason::UnknownMethod, "no such method");
        return Err(Box::new(refuse(error)));
    }
    let wrong = |text: &str| {
        let error = ServiceError::new(Code::InvalidArgument, Reason::UnsupportedTransport, text);
        Box::new(refuse(error))
    };
    deadline::parse(request.headers()).map_err(|_| wrong("grpc-timeout is malformed"))?;
    if !binary_headers_decode(request.headers()) {
        return Err(wrong("a binary header is no base64"));
    }
    Ok(method.is_some_and(|method| !method.descriptor.is_client_streaming()))
}

/// Whether the content type says gRPC; gRPC-Web is translated before it comes here.
fn is_grpc(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let rest = value.strip_prefix(b"application/grpc");
    matches!(rest.map(<[u8]>::first), Some(None | Some(b'+' | b';')))
}

/// Services that come with the framework and have no rule: they show nothing but liveness and
/// the public contract.
fn is_infrastructure(path: &str) -> bool {
    path.starts_with("/grpc.health.v1.Health/")
        || path.starts_with("/grpc.reflection.v1.ServerReflection/")
        || path.starts_with("/grpc.reflection.v1alpha.ServerReflection/")
}

fn binary_headers_decode(headers: &HeaderMap) -> bool {
    const LENIENT: engine::GeneralPurpose = engine::GeneralPurpose::new(
        &alphabet::STANDARD,
        engine::GeneralPurposeConfig::new()
            .with_decode_padding_mode(engine::DecodePaddingMode::Indifferent),
    );
    let mut binary = headers.iter().filter(|(name, _)| name.as_str().ends_with("-bin"));
    binary.all(|(_, value)| {
        // Several values may be joined by commas.
        let mut parts = value.as_bytes().split(|byte| *byte == b',');
        parts.all(|part| LENIENT.decode(part.trim_ascii()).is_ok())
    })
}

/// An answer without gRPC status, for callers that do not speak gRPC.
fn plain(
    status: StatusCode,
    extra: Option<(header::HeaderName, &'static str)>,
) -> Box<Response<Body>> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    if let Some((name, value)) = extra {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Box::new(response)
}
