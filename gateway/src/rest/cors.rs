//! Which pages of other origins may call. None by default; credentials of a browser, such as
//! cookies, are never part of it.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use proto::common::v1::Reason;

use crate::{Inner, Problem};

/// Answers preflights and marks answers for listed origins.
pub async fn layer(
    State(inner): State<Arc<Inner>>,
    request: Request<Body>,
    next: Next,
) -> Response {
    let Some(origin) = request.headers().get(header::ORIGIN).cloned() else {
        return next.run(request).await;
    };
    let listed = inner.config.cors_origins.iter().any(|known| origin == known.as_bytes());
    let preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match (preflight, listed) {
        (true, true) => allow(request.headers()),
        (true, false) => {
            let text = "pages of this origin may not call";
            Problem::new(StatusCode::FORBIDDEN, Reason::PermissionDenied, text).into_response()
        }
        (false, _) => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if listed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(
                "grpc-status, grpc-message, grpc-status-details-bin, etag, retry-after, \
                 manyi-consistency-token",
            ),
        );
    }
    response
}

fn allow(asked: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    let methods = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    if let Some(names) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    response
}
