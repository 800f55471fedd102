//! Traces leave the processes: one call is one trace through every hop, as a collector of
//! OpenTelemetry sees it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use e2e::{Shape, World, patiently};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value::Value,
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// Names of the services that took part, by trace id in hexadecimal.
type Seen = Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>;

struct Collector(Seen);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for of_one_process in request.into_inner().resource_spans {
            let attributes = of_one_process.resource.unwrap_or_default().attributes;
            let service = attributes.into_iter().find(|a| a.key == "service.name");
            let service = match service.and_then(|a| a.value).and_then(|v| v.value) {
                Some(Value::StringValue(name)) => name,
                other => panic!("a process without a name: {other:?}"),
            };
            let mut seen = self.0.lock().unwrap();
            for span in of_one_process.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                let id: String = span.trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
                seen.entry(id).or_default().insert(service.clone());
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

async fn collector(seen: Seen) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tonic::transport::Server::builder()
        .add_service(TraceServiceServer::new(Collector(seen)))
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(server);
    format!("http://127.0.0.1:{port}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_sees_one_trace_from_the_gateway_to_the_service() {
    let seen = Seen::default();
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector(seen.clone()).await),
        ("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned()),
    ];
    let world = World::start_with(Shape::ManyOnSqlite, &settings).await;
    let org = world.organisation().await;

    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let answer = org
        .rest
        .request(reqwest::Method::GET, "/v1/devices")
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);

    patiently("the collector to have the trace of both processes", || async {
        let seen = seen.lock().unwrap();
        let services = seen.get(trace)?;
        ["manyi-gateway", "manyi-device"].iter().all(|name| services.contains(*name)).then_some(())
    })
    .await;
    // Whoever names no trace gets one of its own.
    assert!(seen.lock().unwrap().len() > 1);
    world.stop().await;
}
