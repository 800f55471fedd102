//! Every behaviour is checked in one process and over the network: they must not differ.

use std::{result::Result, time::Duration};

use futures::StreamExt as _;
use http::Request;
use http_body_util::BodyExt as _;
use proto::{
    analytics::v1::{
        QueryFiguresRequest, QueryFiguresResponse, WatchFiguresRequest, WatchFiguresResponse,
        figure_service_client::FigureServiceClient,
        figure_service_server::{FigureService, FigureServiceServer},
    },
    auth::v1::unit_service_client::UnitServiceClient,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, body::Body, service::Routes};
use tonic_types::StatusExt as _;
use tower::{ServiceExt as _, layer::util::Identity};

use super::*;
use crate::server::{ServerLimits, serve};

/// Does what the `unit` of a request says.
struct Fake;

#[tonic::async_trait]
impl FigureService for Fake {
    async fn query_figures(
        &self,
        request: tonic::Request<QueryFiguresRequest>,
    ) -> Result<tonic::Response<QueryFiguresResponse>, Status> {
        let left = request.metadata().get("grpc-timeout").map(|v| v.to_str().unwrap().to_owned());
        let trace = request.metadata().get("traceparent").map(|v| v.to_str().unwrap().to_owned());
        match request.get_ref().unit.as_str() {
            "panic" => panic!("on purpose"),
            "slow" => tokio::time::sleep(Duration::from_secs(30)).await,
            "unknown" => return Err(Status::unknown("SELECT 1")),
            "long" => {
                return Ok(tonic::Response::new(QueryFiguresResponse {
                    watermark: "x".repeat(5_000_000),
                    ..Default::default()
                }));
            }
            _ => {}
        }
        Ok(tonic::Response::new(QueryFiguresResponse {
            time_zone: left.unwrap_or_default(),
            watermark: trace.unwrap_or_default(),
            definition_hash: deadline::remaining()
                .map(|d| d.as_millis().to_string())
                .unwrap_or_default(),
            ..Default::default()
        }))
    }

    type WatchFiguresStream =
        futures::stream::BoxStream<'static, Result<WatchFiguresResponse, Status>>;

    async fn watch_figures(
        &self,
        request: tonic::Request<WatchFiguresRequest>,
    ) -> Result<tonic::Response<Self::WatchFiguresStream>, Status> {
        let unit = request.into_inner().unit;
        let first = futures::stream::once(async { Ok(WatchFiguresResponse::default()) });
        let rest = futures::stream::once(async move {
            // Lets the first message out.
            tokio::time::sleep(Duration::from_millis(5)).await;
            match unit.as_str() {
                "panic" => panic!("on purpose, later"),
                "fail" => Err(Status::unknown("oops")),
                _ => futures::future::pending().await,
            }
        });
        Ok(tonic::Response::new(first.chain(rest).boxed()))
    }
}

fn stack() -> axum::Router {
    let service = FigureServiceServer::new(Fake).max_decoding_message_size(1_000);
    service_stack(Routes::new(service), Identity::new())
}

/// The same service reached in both ways.
async fn ways() -> [(&'static str, Chan); 2] {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(serve(listener, stack(), ServerLimits::default(), stop));
    let remote = connect(&format!("http://{address}")).unwrap();
    [("in process", in_process(stack())), ("remote", remote)]
}

fn query(unit: &str) -> QueryFiguresRequest {
    QueryFiguresRequest { unit: unit.to_owned(), ..Default::default() }
}

fn watch(unit: &str) -> WatchFiguresRequest {
    WatchFiguresRequest { unit: unit.to_owned(), ..Default::default() }
}

#[track_caller]
fn assert_status(way: &str, status: &Status, code: Code, reason: &str) {
    assert_eq!(status.code(), code, "{way}: {status}");
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("{way}: no reason: {status}"));
    assert_eq!(info.reason, reason, "{way}: {status}");
}

#[tokio::test]
async fn a_panic_is_an_internal_error_with_an_incident_and_harms_no_other_call() {
    for (way, chan) in ways().await {
        let mut client = FigureServiceClient::new(chan);
        let status = client.query_figures(query("panic")).await.unwrap_err();
        assert_status(way, &status, Code::Internal, "INTERNAL");
        let details = status.get_error_details();
        assert!(details.error_info().unwrap().metadata.contains_key("incident"), "{way}");
        assert!(!status.message().contains("on purpose"), "{way}");

        let mut stream = client.watch_figures(watch("panic")).await.unwrap().into_inner();
        assert!(stream.message().await.unwrap().is_some(), "{way}");
        assert_status(way, &stream.message().await.unwrap_err(), Code::Internal, "INTERNAL");

        client.query_figures(query("fine")).await.unwrap();
    }
}

#[tokio::test]
async fn deadlines_hold_in_one_process_too() {
    for (way, chan) in ways().await {
        let mut client = FigureServiceClient::new(chan);
        let mut request = tonic::Request::new(query("slow"));
        request.set_timeout(Duration::from_millis(80));
        let began = std::time::Instant::now();
        let status = client.query_figures(request).await.unwrap_err();
        assert_status(way, &status, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
        assert!(began.elapsed() < Duration::from_secs(5), "{way}");

        let mut request = tonic::Request::new(watch("for ever"));
        request.set_timeout(Duration::from_millis(200));
        let mut stream = client.watch_figures(request).await.unwrap().into_inner();
        assert!(stream.message().await.unwrap().is_some(), "{way}");
        let status = stream.message().await.unwrap_err();
        assert_status(way, &status, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    }
}

#[tokio::test]
async fn a_deadline_shrinks_from_hop_to_hop() {
    let end = tokio::time::Instant::now() + Duration::from_secs(3);
    for (way, chan) in ways().await {
        let mut client = FigureServiceClient::new(chan);
        let answer = deadline::within(end, client.query_figures(query("fine"))).await.unwrap();
        let answer = answer.unwrap().into_inner();
        let headers =
            http::HeaderMap::from_iter([(deadline::HEADER, answer.time_zone.parse().unwrap())]);
        let asked = deadline::parse(&headers).unwrap().unwrap();
        assert!(asked <= Duration::from_secs(3), "{way}");
        let left: u64 = answer.definition_hash.parse().unwrap();
        assert!(left <= 3_000, "{way}: the handler sees {left} ms");
    }
}

#[tokio::test]
async fn a_call_without_deadline_gets_that_of_its_class() {
    let mut client = FigureServiceClient::new(in_process(stack()));
    let answer = client.query_figures(query("fine")).await.unwrap().into_inner();
    let left: u64 = answer.definition_hash.parse().unwrap();
    assert!((14_000..=15_000).contains(&left), "{left}");
}

#[tokio::test]
async fn the_trace_goes_on() {
    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let headers = http::HeaderMap::from_iter([(context::TRACEPARENT, TRACE.parse().unwrap())]);
    for (way, chan) in ways().await {
        let mut client = FigureServiceClient::new(chan);
        let trace = context::TraceContext::of(&headers);
        let answer = context::scope(trace, client.query_figures(query("fine"))).await.unwrap();
        assert_eq!(answer.into_inner().watermark, TRACE, "{way}");
    }
}

#[tokio::test]
async fn what_tonic_calls_otherwise_gets_the_promised_code() {
    for (way, chan) in ways().await {
        let mut client = FigureServiceClient::new(chan.clone());
        let status = client.query_figures(query(&"x".repeat(2_000))).await.unwrap_err();
        assert_status(way, &status, Code::ResourceExhausted, "TOO_LARGE");
        let status = client.query_figures(query("unknown")).await.unwrap_err();
        assert_status(way, &status, Code::Internal, "INTERNAL");
        let mut stream = client.watch_figures(watch("fail")).await.unwrap().into_inner();
        stream.message().await.unwrap();
        let status = stream.message().await.unwrap_err();
        assert_status(way, &status, Code::Internal, "INTERNAL");
        // A service that is in the contract, but not here.
        let mut units = UnitServiceClient::new(chan);
        let request = proto::auth::v1::GetUnitRequest { name: "units/u_1".to_owned() };
        let status = units.get_unit(request).await.unwrap_err();
        assert_status(way, &status, Code::Unimplemented, "UNKNOWN_METHOD");
    }
}

const QUERY: &str = "/manyi.analytics.v1.FigureService/QueryFigures";
const EMPTY: &[u8] = &[0, 0, 0, 0, 0];

/// Sends bytes and returns HTTP status, gRPC code (-1 for none) and reason.
async fn raw(chan: Chan, request: http::request::Builder, body: &[u8]) -> (u16, i32, String) {
    let body = http_body_util::Full::new(bytes::Bytes::copy_from_slice(body));
    let response = chan.oneshot(request.body(Body::new(body)).unwrap()).await.unwrap();
    let http = response.status().as_u16();
    let (parts, body) = response.into_parts();
    let trailers = body.collect().await.unwrap().trailers().cloned().unwrap_or_default();
    let status =
        Status::from_header_map(&parts.headers).or_else(|| Status::from_header_map(&trailers));
    let Some(status) = status else { return (http, -1, String::new()) };
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| info.reason.clone()).unwrap_or_default();
    (http, status.code() as i32, reason)
}

/// Name, request, body, and the HTTP status, gRPC code and reason that must come of it.
type Case<'a> = (&'a str, http::request::Builder, &'a [u8], (u16, i32, &'a str));

#[tokio::test]
async fn what_is_no_grpc_call_is_refused_before_its_body() {
    let call = |path: &str| {
        Request::builder()
            .method("POST")
            .uri(path)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
    };
    let two = [EMPTY, EMPTY].concat();
    let long = [&[0, 0xff, 0xff, 0xff, 0xff][..], &[0; 64]].concat();
    let garbage = [0, 0, 0, 0, 3, 0xff, 0xff, 0xff];
    let bad_text = [0, 0, 0, 0, 3, 0x0a, 1, 0xff];
    for (way, chan) in ways().await {
        let cases: Vec<Case<'_>> = vec![
            ("fine", call(QUERY), EMPTY, (200, 0, "")),
            ("plus", call(QUERY).header("grpc-timeout", "5S"), EMPTY, (200, 0, "")),
            ("get", call(QUERY).method("GET"), b"", (405, -1, "")),
            (
                "text",
                Request::post(QUERY).header("content-type", "text/plain"),
                EMPTY,
                (415, -1, ""),
            ),
            ("no type", Request::post(QUERY), EMPTY, (415, -1, "")),
            (
                "unknown method",
                call("/manyi.analytics.v1.FigureService/X"),
                EMPTY,
                (200, 12, "UNKNOWN_METHOD"),
            ),
            ("unknown service", call("/a.B/C"), EMPTY, (200, 12, "UNKNOWN_METHOD")),
            ("root", call("/"), EMPTY, (200, 12, "UNKNOWN_METHOD")),
            ("two messages", call(QUERY), &two, (200, 3, "MALFORMED_MESSAGE")),
            ("no message", call(QUERY), b"", (200, 3, "MALFORMED_MESSAGE")),
            ("cut off", call(QUERY), &[0, 0, 0], (200, 3, "MALFORMED_MESSAGE")),
            ("too long", call(QUERY), &long, (200, 8, "TOO_LARGE")),
            ("garbage", call(QUERY), &garbage, (200, 3, "MALFORMED_MESSAGE")),
            ("bad utf-8", call(QUERY), &bad_text, (200, 3, "MALFORMED_MESSAGE")),
            ("flag 2", call(QUERY), &[2, 0, 0, 0, 0], (200, 3, "MALFORMED_MESSAGE")),
            (
                "snappy",
                call(QUERY).header("grpc-encoding", "snappy"),
                EMPTY,
                (200, 12, "UNSUPPORTED_TRANSPORT"),
            ),
            (
                "timeout",
                call(QUERY).header("grpc-timeout", "abc"),
                EMPTY,
                (200, 3, "UNSUPPORTED_TRANSPORT"),
            ),
            (
                "binary",
                call(QUERY).header("x-bin", "***"),
                EMPTY,
                (200, 3, "UNSUPPORTED_TRANSPORT"),
            ),
        ];
        for (name, request, body, want) in cases {
            if way == "remote" && request.uri_ref().is_some_and(|uri| uri.path() == "/") {
                continue;
            }
            let got = raw(chan.clone(), request, body).await;
            assert_eq!(got, (want.0, want.1, want.2.to_owned()), "{way}: {name}");
        }
    }
}

#[tokio::test]
async fn a_peer_that_is_away_is_an_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut client = FigureServiceClient::new(connect(&format!("http://{address}")).unwrap());
    let status = client.query_figures(query("fine")).await.unwrap_err();
    assert_status("away", &status, Code::Unavailable, "UNAVAILABLE");
    assert!(status.get_error_details().retry_info().is_some());

    // It comes back, and the same channel finds it.
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(serve(listener, stack(), ServerLimits::default(), CancellationToken::new()));
    client.query_figures(query("fine")).await.unwrap();
}

#[tokio::test]
async fn calls_avoid_an_endpoint_that_is_away() {
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let live = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uris =
        format!("http://{}, http://{}", dead.local_addr().unwrap(), live.local_addr().unwrap());
    drop(dead);
    tokio::spawn(serve(live, stack(), ServerLimits::default(), CancellationToken::new()));
    let mut client = FigureServiceClient::new(connect(&uris).unwrap());
    let mut failed = 0;
    for _ in 0..20 {
        failed += usize::from(client.query_figures(query("fine")).await.is_err());
    }
    assert!(failed <= 1, "{failed} calls went to the dead endpoint");
}

#[tokio::test]
async fn health_needs_no_token_and_knows_the_services_of_the_contract() {
    for (way, chan) in ways().await {
        assert!(health::check(chan).await, "{way}");
    }
    let never: Probe = std::sync::Arc::new(|| Box::pin(std::future::ready(false)));
    let router = service_stack_with(Routes::default(), Identity::new(), never);
    assert!(!health::check(in_process(router)).await);
}

#[tokio::test]
async fn unusable_endpoints_are_refused_at_once() {
    for bad in ["", " , ", "no scheme or host ", "http://", "::"] {
        assert!(connect(bad).is_err(), "{bad:?}");
    }
}

#[tokio::test]
async fn a_shutdown_ends_streams_with_a_status_that_says_go_on_elsewhere() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = tokio::spawn(serve(listener, stack(), ServerLimits::default(), stop.clone()));
    let mut client = FigureServiceClient::new(connect(&format!("http://{address}")).unwrap());
    let mut stream = client.watch_figures(watch("for ever")).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    stop.cancel();
    let status = stream.message().await.unwrap_err();
    assert_status("remote", &status, Code::Unavailable, "UNAVAILABLE");
    tokio::time::timeout(Duration::from_secs(5), server).await.expect("it ends").unwrap();
}
