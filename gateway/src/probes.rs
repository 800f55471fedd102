//! `/healthz`, `/readyz` and `/metrics`.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use futures::future::join_all;
use http::{StatusCode, header};
use kit::server::health;
use serde_json::{Map, Value, json};

use crate::{Inner, Shared};

const PROBE_TIME: Duration = Duration::from_secs(1);

/// The process lives.
pub async fn healthz() -> Response {
    Json(json!({"status": "ok"})).into_response()
}

/// The process and all services behind it can work.
pub async fn readyz(State(inner): Shared) -> Response {
    let states = peers(&inner).await;
    let ready = states.iter().all(|(_, up)| *up);
    let word = |up: bool| if up { "up" } else { "down" };
    let services: Map<String, Value> =
        states.iter().map(|(name, up)| ((*name).to_owned(), json!(word(*up)))).collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let text = if ready { "ready" } else { "not ready" };
    (status, Json(json!({"status": text, "services": services}))).into_response()
}

/// Whether all services answer that they serve.
pub async fn ready(inner: Arc<Inner>) -> bool {
    peers(&inner).await.iter().all(|(_, up)| *up)
}

async fn peers(inner: &Inner) -> Vec<(&'static str, bool)> {
    let probes = inner.peers.all().map(|(name, chan)| {
        let chan = chan.clone();
        async move {
            let answer = tokio::time::timeout(PROBE_TIME, health::check(chan)).await;
            (name, answer.unwrap_or(false))
        }
    });
    join_all(probes).await
}

/// Metrics in the Prometheus text form.
pub async fn metrics() -> Response {
    match kit::telemetry::metrics_text() {
        Some(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
            .into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
