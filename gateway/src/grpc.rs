//! gRPC and gRPC-Web: bytes go to the service that owns the package, undecoded.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{body::Body as AxumBody, response::Response as AxumResponse};
use http::{Request, Response, Uri, Version};
use kit::{
    deadline,
    error::{Result, ServiceError},
    layers::{GatekeeperLayer, GuardLayer, Split},
    rpc::Chan,
    server::{Draining, health},
};
use proto::common::v1::Reason;
use tonic::{Code, Status, body::Body, service::Routes};
use tonic_web::GrpcWebLayer;
use tower::{Layer as _, Service, ServiceExt as _, util::BoxCloneSyncService};

use crate::{Inner, client_address, headers, identity, is_public, probes};

/// The way in for gRPC calls.
#[derive(Clone)]
pub struct Door {
    calls: Chan,
    web: Chan,
}

impl Door {
    pub fn new(inner: &Arc<Inner>) -> Self {
        let split = Split::new(infrastructure(inner), Forward { inner: inner.clone() });
        let gated = GatekeeperLayer::before_forwarding().layer(split);
        let calls = BoxCloneSyncService::new(GuardLayer::new("gateway").layer(gated));
        let web = BoxCloneSyncService::new(GrpcWebLayer::new().layer(calls.clone()));
        Self { calls, web }
    }

    /// Answers a gRPC call.
    pub async fn call(&self, request: Request<AxumBody>) -> AxumResponse {
        through(self.calls.clone(), request).await
    }

    /// Answers a gRPC-Web call.
    pub async fn web(&self, request: Request<AxumBody>) -> AxumResponse {
        through(self.web.clone(), request).await
    }
}

async fn through(door: Chan, request: Request<AxumBody>) -> AxumResponse {
    let answer = door.oneshot(request.map(Body::new)).await;
    answer.unwrap_or_else(|never| match never {}).map(AxumBody::new)
}

/// Health of the whole installation, and reflection.
fn infrastructure(inner: &Arc<Inner>) -> Routes {
    let probed = Arc::downgrade(inner);
    let ready: health::Probe = Arc::new(move || {
        let inner = probed.upgrade();
        Box::pin(async move {
            match inner {
                Some(inner) => probes::ready(inner).await,
                None => false,
            }
        })
    });
    let routes = health::routes(ready);
    if !inner.config.reflection {
        return routes.prepare();
    }
    // Common clients still ask for the older version only.
    let contract = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let routes = match contract().build_v1() {
        Ok(service) => routes.add_service(service),
        Err(_) => routes,
    };
    let routes = match contract().build_v1alpha() {
        Ok(service) => routes.add_service(service),
        Err(_) => routes,
    };
    routes.prepare()
}

/// Passes calls on.
#[derive(Clone)]
struct Forward {
    inner: Arc<Inner>,
}

impl Service<Request<Body>> for Forward {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future =
        Pin<Box<dyn Future<Output = std::result::Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let inner = self.inner.clone();
        Box::pin(async move {
            match route(&inner, request).await {
                Ok((peer, request)) => peer.oneshot(request).await,
                Err(error) => Ok(Status::from(error).into_http()),
            }
        })
    }
}

/// The service that a call goes to, and the call as it gets it.
async fn route(inner: &Inner, mut request: Request<Body>) -> Result<(Chan, Request<Body>)> {
    let unknown =
        || ServiceError::new(Code::Unimplemented, Reason::UnknownMethod, "no such method");
    let method = proto::methods::table().get(request.uri().path()).ok_or_else(unknown)?;
    // What only services call must not even seem to exist here.
    let peer = inner.peers.of_package(&method.package).filter(|_| is_public(method));
    let peer = peer.ok_or_else(unknown)?.clone();
    let address = client_address(&inner.config, request.headers(), request.extensions());
    let caller =
        identity::identify(inner.config.verifier.as_ref(), request.headers(), method).await?;
    inner.limiter.admit(&caller, method, address)?;

    let path = Uri::from_static(method.path.as_str());
    let streams = request.extensions().get::<Draining>().cloned();
    headers::forward_grpc(request.headers_mut(), address);
    let asked = deadline::parse(request.headers()).unwrap_or_default();
    if let (None, Some(class)) = (asked, deadline::default_of(method)) {
        // Bounds the wait for a service that hangs.
        request.headers_mut().insert(deadline::HEADER, deadline::format(class));
    }
    *request.uri_mut() = path;
    *request.version_mut() = Version::HTTP_2;
    // Extensions are those of the outer connection; only the shutdown signal goes on.
    request.extensions_mut().clear();
    if let Some(draining) = streams {
        request.extensions_mut().insert(draining);
    }
    Ok((peer, request))
}
