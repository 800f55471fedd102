//! The gateway: gRPC, gRPC-Web, REST/JSON and documentation from the contract alone. It keeps
//! no state, knows no RPC by name and decides nothing that a service decides.

mod address;
mod config;
mod grpc;
mod headers;
mod identity;
mod openapi;
mod pages;
mod probes;
mod problem;
mod quota;
mod rest;
mod rules;
mod transcode;

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::Body,
    extract::{ConnectInfo, State},
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::{HeaderMap, Method, Request, Version, header};
use kit::{error::Result, rpc::Chan};
use proto::common::v1::{Kind, Reason};

pub use config::{Config, Quota, Quotas, Settings};
pub use problem::Problem;

use rest::routes::Routes;

/// The services behind the gateway.
#[derive(Clone)]
pub struct Peers {
    /// Package `manyi.auth`.
    pub auth: Chan,
    /// Package `manyi.device`.
    pub device: Chan,
    /// Package `manyi.survey`.
    pub survey: Chan,
    /// Package `manyi.analytics`.
    pub analytics: Chan,
}

impl Peers {
    /// The service that owns a package such as `manyi.auth.v1`.
    fn of_package(&self, package: &str) -> Option<&Chan> {
        match package.split('.').nth(1)? {
            "auth" => Some(&self.auth),
            "device" => Some(&self.device),
            "survey" => Some(&self.survey),
            "analytics" => Some(&self.analytics),
            _ => None,
        }
    }

    fn all(&self) -> [(&'static str, &Chan); 4] {
        [
            ("auth", &self.auth),
            ("device", &self.device),
            ("survey", &self.survey),
            ("analytics", &self.analytics),
        ]
    }
}

/// What all requests share.
struct Inner {
    config: Config,
    peers: Peers,
    routes: Routes,
    limiter: quota::Limiter,
    openapi: bytes::Bytes,
}

/// A gateway, ready to serve.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

/// Reads the contract and prepares all routes.
///
/// # Errors
/// INTERNAL when a route of the contract cannot be served; the tests of the contract prevent
/// that.
pub async fn build(config: Config, peers: Peers) -> Result<Gateway> {
    let routes = Routes::of_contract()?;
    let limiter = quota::Limiter::new(&config.quotas);
    let openapi = openapi::document(&routes);
    let inner = Arc::new(Inner { config, peers, routes, limiter, openapi });
    quota::tidy_up(&inner);
    Ok(Gateway { inner })
}

impl Gateway {
    /// Everything that the gateway serves, on one port.
    pub fn router(&self) -> axum::Router {
        let grpc = grpc::Door::new(&self.inner);
        let grpc_again = grpc.clone();
        let api = tower::service_fn({
            let inner = self.inner.clone();
            move |request: Request<Body>| {
                let (inner, grpc) = (inner.clone(), grpc.clone());
                async move { Ok::<_, Infallible>(answer(inner, grpc, request).await) }
            }
        });
        axum::Router::new()
            .route("/healthz", get(probes::healthz))
            .route("/readyz", get(probes::readyz))
            .route("/metrics", get(probes::metrics))
            .route("/openapi.json", get(openapi::serve))
            .with_state(self.inner.clone())
            .merge(pages::router())
            .method_not_allowed_fallback({
                let inner = self.inner.clone();
                move |request| only_to_look_at(inner, grpc_again, request)
            })
            .fallback_service(api)
            .layer(axum::middleware::from_fn_with_state(self.inner.clone(), rest::cors::layer))
    }
}

/// Answers what is sent to a page or probe that can only be looked at. A gRPC call may have
/// such a path too, and gets the answer of a gRPC call.
async fn only_to_look_at(inner: Arc<Inner>, grpc: grpc::Door, request: Request<Body>) -> Response {
    if is_grpc(request.headers()) {
        return answer(inner, grpc, request).await;
    }
    Problem::wrong_verb(&["GET", "HEAD"]).into_response()
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// Answers what is neither page nor probe.
async fn answer(inner: Arc<Inner>, grpc: grpc::Door, mut request: Request<Body>) -> Response {
    headers::strip(request.headers_mut());
    if !is_grpc(request.headers()) {
        return rest::answer(inner, request).await;
    }
    let kind = request.headers().get(header::CONTENT_TYPE).map(|v| v.as_bytes());
    let is_web = kind.is_some_and(|kind| kind.starts_with(b"application/grpc-web"));
    if !is_web && request.version() != Version::HTTP_2 && request.method() == Method::POST {
        let text = "gRPC needs HTTP/2; use gRPC-Web or REST over HTTP/1.1";
        let status = http::StatusCode::HTTP_VERSION_NOT_SUPPORTED;
        return Problem::new(status, Reason::UnsupportedTransport, text).into_response();
    }
    if is_web { grpc.web(request).await } else { grpc.call(request).await }
}

/// Whether a method may be called from outside of the installation.
fn is_public(method: &proto::methods::Method) -> bool {
    method.rule.anonymous || method.rule.kinds.iter().any(|kind| *kind != Kind::Internal as i32)
}

/// Address of the client, as far as known.
fn client_address(
    config: &Config,
    headers: &HeaderMap,
    extensions: &http::Extensions,
) -> Option<std::net::IpAddr> {
    let peer = extensions.get::<ConnectInfo<std::net::SocketAddr>>().map(|info| info.0.ip());
    if !config.trust_forwarded_for {
        return peer;
    }
    address::forwarded(headers).or(peer)
}

/// Shared state as axum hands it to handlers.
type Shared = State<Arc<Inner>>;
