//! REST over the contract's HTTP routes: find the route, make the gRPC message, call, answer.

mod body;
pub mod cors;
pub mod file;
mod form;
mod request;
pub mod routes;
mod stream;
pub mod template;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Instant};

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures::FutureExt as _;
use http::{HeaderValue, Request, StatusCode, Version, header};
use kit::{
    deadline,
    error::ServiceError,
    rpc::Chan,
    server::Draining,
    telemetry::context::{self, TraceContext},
};
use proto::{common::v1::Reason, methods::Method};
use tonic::{Status, metadata::MetadataMap};
use tracing::Instrument as _;

use crate::{
    Inner, Problem, client_address, headers, identity,
    transcode::{codec::Raw, json_out},
};
use routes::{Match, Route};

/// Longest target of a request in bytes.
const TARGET_BYTES_MAX: usize = 8 << 10;
/// Largest answer of a service in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Answers a request of the REST form.
pub async fn answer(inner: Arc<Inner>, request: Request<Body>) -> Response {
    let began = Instant::now();
    let trace = TraceContext::of(request.headers());
    let span = tracing::info_span!("rest", trace_id = trace.trace_id());
    let trace = context::adopt(&span, trace);
    let mut route = None;
    let work = context::scope(trace, respond(inner, request, &mut route));
    let outcome = AssertUnwindSafe(work).catch_unwind().instrument(span).await;
    let response = match outcome {
        Ok(Ok(response)) => response,
        Ok(Err(problem)) => problem.into_response(),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().copied().unwrap_or("a panic without text");
            Problem::from(ServiceError::internal(format_args!("panic: {text}"))).into_response()
        }
    };
    count(route, response.status(), began);
    response
}

fn count(route: Option<&'static Method>, status: StatusCode, began: Instant) {
    let method = route.map_or("none", |method| method.path.as_str());
    let status = status.as_str().to_owned();
    metrics::counter!("rest_requests_total", "method" => method, "status" => status).increment(1);
    metrics::histogram!("rest_duration_seconds", "method" => method)
        .record(began.elapsed().as_secs_f64());
}

async fn respond(
    inner: Arc<Inner>,
    request: Request<Body>,
    seen: &mut Option<&'static Method>,
) -> Result<Response, Problem> {
    check_target(&request)?;
    let path = request.uri().path();
    let (route, captures) = match inner.routes.find(request.method(), path) {
        Match::Found(route, captures) => (route, captures),
        Match::NoPath => return Err(Problem::no_path()),
        Match::WrongVerb(allow) => return Err(Problem::wrong_verb(&allow)),
    };
    *seen = Some(route.method);
    let form = route.method.rule.form;
    let outcome = call(&inner, route, captures, request).await;
    outcome.map_err(|problem| if form { problem.into_oauth() } else { problem })
}

/// Refuses targets that are too long or that two readers could understand differently.
fn check_target(request: &Request<Body>) -> Result<(), Problem> {
    let uri = request.uri();
    let length = uri.path_and_query().map_or(0, |target| target.as_str().len());
    if length > TARGET_BYTES_MAX {
        let text = "the target of the request is too long";
        return Err(Problem::new(StatusCode::URI_TOO_LONG, Reason::TooLarge, text));
    }
    if request.version() == Version::HTTP_2 {
        return Ok(());
    }
    let mut encodings = request.headers().get_all(header::TRANSFER_ENCODING).iter();
    if encodings.any(|value| !value.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        return Err(Problem::ambiguous("the only transfer encoding is chunked"));
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(Problem::ambiguous("a request has exactly one host header"));
    };
    match uri.authority() {
        Some(authority) if authority.as_str().as_bytes() != host.as_bytes() => {
            Err(Problem::ambiguous("target and host header name different hosts"))
        }
        _ => Ok(()),
    }
}

async fn call(
    inner: &Inner,
    route: &'static Route,
    captures: Vec<String>,
    mut request: Request<Body>,
) -> Result<Response, Problem> {
    let method = route.method;
    let streams = method.descriptor.is_server_streaming();
    let uri = request.uri().clone();
    let mut query = request::parse_pairs(uri.query().unwrap_or_default())
        .map_err(|text| Problem::malformed(format!("the query {text}")))?;
    if streams {
        stream::take_token(&mut query, request.headers_mut());
    }
    let basic = if method.rule.form { form::take_basic(request.headers_mut())? } else { None };

    // Who calls comes before what is asked: outsiders learn nothing from validation.
    let address = client_address(&inner.config, request.headers(), request.extensions());
    let caller =
        identity::identify(inner.config.verifier.as_ref(), request.headers(), method).await?;
    inner.limiter.admit(&caller, method, address)?;
    if method.descriptor.is_client_streaming() {
        let text = "this method streams from the client; call it over gRPC";
        let status = StatusCode::NOT_IMPLEMENTED;
        return Err(Problem::new(status, Reason::UnsupportedTransport, text));
    }

    let (parts, body) = request.into_parts();
    // Held until the answer is there: decoding makes more of the body than it was.
    let _room = body::room(&inner.config, &body)?;
    let bytes = body::read(&inner.config, &parts.headers, body).await?;
    let input = request::Input { route, captures, query, headers: &parts.headers, body: bytes };
    let message =
        if method.rule.form { form::message(input, basic)? } else { request::message(input)? };

    let draining = parts.extensions.get::<Draining>().cloned();
    let mut out = tonic::Request::new(Bytes::from(prost::Message::encode_to_vec(&message)));
    let mut sent = headers::forward_rest(&parts.headers, address);
    if let Some(time) = deadline::default_of(method) {
        sent.insert(deadline::HEADER, deadline::format(time));
    }
    *out.metadata_mut() = MetadataMap::from_headers(sent);
    if let Some(draining) = draining {
        out.extensions_mut().insert(draining);
    }
    let chan = inner.peers.of_package(&method.package).ok_or_else(Problem::no_path)?.clone();
    if file::is_file(method) {
        return file::answer(chan, method, out).await;
    }
    if streams {
        return stream::answer(&inner.config, chan, method, &parts.headers, out).await;
    }
    let answer = unary(chan, method, out).await?;
    Ok(json_answer(method, &answer.0, answer.1)?)
}

/// The path of a method as the client wants it.
fn target(method: &'static Method) -> http::uri::PathAndQuery {
    http::uri::PathAndQuery::from_static(method.path.as_str())
}

async fn unary(
    chan: Chan,
    method: &'static Method,
    request: tonic::Request<Bytes>,
) -> Result<(Bytes, MetadataMap), Status> {
    let mut client = tonic::client::Grpc::new(chan).max_decoding_message_size(ANSWER_BYTES_MAX);
    // A channel is always ready and never fails.
    let _ = client.ready().await;
    let response = client.unary(request, target(method), Raw).await?;
    let (metadata, message, _) = response.into_parts();
    Ok((message, metadata))
}

fn json_answer(
    method: &'static Method,
    message: &Bytes,
    metadata: MetadataMap,
) -> Result<Response, ServiceError> {
    let output = method.descriptor.output();
    let printed = json_out::print(&output, message, !method.rule.form)?;
    let etag = printed.text("etag");
    let mut response = Response::new(Body::from(printed.json));
    let headers = response.headers_mut();
    headers.extend(headers::answer_headers(&metadata.into_headers()));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Only what needs no token may be kept by others.
    let cache =
        if method.rule.anonymous && !method.changes() { "public, max-age=60" } else { "no-store" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if method.rule.form {
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    }
    if let Some(etag) = etag.and_then(|etag| HeaderValue::try_from(format!("\"{etag}\"")).ok()) {
        headers.insert(header::ETAG, etag);
    }
    Ok(response)
}
