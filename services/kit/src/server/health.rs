//! `grpc.health.v1`: whether a process can do its work, answered by asking it.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use futures::{StreamExt as _, stream::BoxStream};
use http::{Request, Response};
use tonic::{Status, body::Body, service::Routes};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse,
    health_check_response::ServingStatus,
    health_client::HealthClient,
    health_server::{Health, HealthServer},
};
use tower::Service;

use crate::error::ServiceError;

/// Says whether the process is ready.
pub type Probe = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

const WATCH_EVERY: Duration = Duration::from_secs(1);

/// A process that is ready as soon as it answers.
pub fn always() -> Probe {
    Arc::new(|| Box::pin(std::future::ready(true)))
}

/// The health service, for all services of the process as one.
pub fn routes(ready: Probe) -> Routes {
    Routes::new(HealthServer::new(Overall { ready }))
}

/// Whether the peer behind `channel` says that it serves; also false when it cannot be
/// reached. Bound it by a timeout.
pub async fn check<S>(channel: S) -> bool
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
    S::Future: Send,
{
    let mut client = HealthClient::new(channel);
    let answer = client.check(HealthCheckRequest { service: String::new() }).await;
    answer.is_ok_and(|a| a.into_inner().status() == ServingStatus::Serving)
}

struct Overall {
    ready: Probe,
}

fn is_known(service: &str) -> bool {
    service.is_empty() || proto::methods::pool().get_service_by_name(service).is_some()
}

fn answer(ready: bool) -> HealthCheckResponse {
    let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
    HealthCheckResponse { status: status.into() }
}

#[tonic::async_trait]
impl Health for Overall {
    async fn check(
        &self,
        request: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<HealthCheckResponse>, Status> {
        if !is_known(&request.get_ref().service) {
            return Err(ServiceError::not_found("service").into());
        }
        Ok(tonic::Response::new(answer((self.ready)().await)))
    }

    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        request: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<Self::WatchStream>, Status> {
        if !is_known(&request.get_ref().service) {
            return Err(ServiceError::not_found("service").into());
        }
        let ready = self.ready.clone();
        let changes = futures::stream::unfold(None, move |before: Option<bool>| {
            let ready = ready.clone();
            async move {
                loop {
                    let now = ready().await;
                    if before != Some(now) {
                        return Some((Ok(answer(now)), Some(now)));
                    }
                    tokio::time::sleep(WATCH_EVERY).await;
                }
            }
        });
        Ok(tonic::Response::new(changes.boxed()))
    }
}
