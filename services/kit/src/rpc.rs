//! Reaching services: one channel type for a service in this process and one over the network,
//! and the stack of layers that every service stands behind.

mod balance;
mod remote;
mod sending;

use std::convert::Infallible;

use http::{Request, Response};
use tonic::{body::Body, service::Routes};
use tower::{Layer, Service, ServiceExt, util::BoxCloneSyncService};

use crate::{
    deadline,
    error::{Result, ServiceError},
    layers,
    server::health::{self, Probe},
    telemetry::context,
};

pub use sending::{Answers, Sending, sending};

/// A way to reach a service, in this process or over the network. Cheap to clone. It never
/// fails: a peer that cannot be reached is an answer with UNAVAILABLE and its reason.
pub type Chan = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// A channel to a service of this process; `router` comes from [`service_stack`].
pub fn in_process(router: axum::Router) -> Chan {
    BoxCloneSyncService::new(
        router
            .map_request(adorned)
            .map_response(|response: Response<axum::body::Body>| response.map(Body::new)),
    )
}

/// A channel to `uris`: one endpoint such as `http://10.0.0.7:7101`, or several separated by
/// commas, which share the calls. Connects at the first call and again whenever needed. Over
/// `https` the certificate has to name the host and to be signed by an authority of the file in
/// SSL_CERT_FILE, or of the system where that is not set.
///
/// # Errors
/// INVALID_ARGUMENT when a URI cannot be read, or `https` is asked for and there is no authority
/// to trust.
pub fn connect(uris: &str) -> Result<Chan> {
    let mut ends = Vec::new();
    for uri in uris.split(',').map(str::trim).filter(|uri| !uri.is_empty()) {
        ends.push(remote::Remote::new(uri)?);
    }
    match ends.len() {
        0 => Err(ServiceError::invalid("uri", "names no endpoint")),
        1 => Ok(BoxCloneSyncService::new(ends.remove(0).map_request(adorned))),
        _ => Ok(BoxCloneSyncService::new(balance::Balanced::new(ends).map_request(adorned))),
    }
}

/// The same for one endpoint, with another way to find out whom to trust.
#[cfg(test)]
pub(crate) fn connect_trusting(
    uri: &str,
    trust: impl Fn() -> Result<tokio_rustls::TlsConnector>,
) -> Result<Chan> {
    Ok(BoxCloneSyncService::new(remote::Remote::with(uri, trust)?.map_request(adorned)))
}

/// Hands deadline and trace of the present call on to an outgoing one.
fn adorned(mut request: Request<Body>) -> Request<Body> {
    deadline::hand_on(request.headers_mut());
    context::hand_on(request.headers_mut());
    request
}

/// A request that carries an access token. A token that cannot stand in a header is left out,
/// and the call is refused as one without credential.
pub fn bearer<T>(message: T, token: &str) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    if let Ok(value) = format!("Bearer {token}").parse() {
        request.metadata_mut().insert("authorization", value);
    }
    request
}

/// The services of one process behind everything that stands before a handler. `auth` checks
/// the token and the rule of the method.
pub fn service_stack<L>(routes: Routes, auth: L) -> axum::Router
where
    L: Layer<Routes> + layers::Acquainted + Clone + Send + Sync + 'static,
    L::Service: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    <L::Service as Service<Request<Body>>>::Future: Send + 'static,
{
    service_stack_with(routes, auth, health::always())
}

/// As [`service_stack`], with `ready` as the answer of the health service.
pub fn service_stack_with<L>(routes: Routes, auth: L, ready: Probe) -> axum::Router
where
    L: Layer<Routes> + layers::Acquainted + Clone + Send + Sync + 'static,
    L::Service: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    <L::Service as Service<Request<Body>>>::Future: Send + 'static,
{
    // Before the token is checked: what is refused under load has to be cheap to refuse.
    let admission = layers::AdmissionLayer::new(auth.clone());
    let business = admission.layer(auth.layer(routes.prepare()));
    let health = health::routes(ready).prepare();
    // Health stands beside authentication, not behind it: probes carry no token.
    let split = layers::Split::new(health, business);
    // A deadline includes reading the request and checking the token.
    let timed = layers::DeadlineLayer.layer(split);
    // What is no well-formed call of a known method never costs more than this look.
    let gated = layers::GatekeeperLayer::before_handlers().layer(timed);
    // Outermost, so that every answer is counted, has a reason, and no panic gets past it.
    let guarded = layers::GuardLayer::new("service").layer(gated);
    axum::Router::new().fallback_service(
        guarded.map_request(|request: Request<axum::body::Body>| request.map(Body::new)),
    )
}

#[cfg(test)]
#[path = "rpc/tests.rs"]
mod tests;
