//! gRPC and gRPC-Web through the gateway.

use axum::body::Body;
use http_body_util::BodyExt as _;
use kit::{
    error::ServiceError,
    rpc::{bearer, connect},
};
use proto::{
    analytics::v1::{WatchFiguresRequest, figure_service_client::FigureServiceClient},
    auth::v1::{
        GetUnitRequest, event_service_client::EventServiceClient,
        unit_service_client::UnitServiceClient,
    },
    common::v1::ListEventsRequest,
    device::v1::{BatchCreateRatingsRequest, rating_service_client::RatingServiceClient},
};
use serde_json::json;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::fake::{Answer, World, frame, request};

fn unit() -> tonic::Request<GetUnitRequest> {
    bearer(GetUnitRequest { name: "units/u_1".to_owned() }, "token")
}

async fn chan(world: &World) -> kit::rpc::Chan {
    connect(&format!("http://{}", world.listen().await)).unwrap()
}

#[tokio::test]
async fn calls_and_errors_pass_unchanged() {
    let world = World::scripted(|call| {
        let name = call.messages[0]["name"].clone();
        if name == "units/u_1" {
            Answer::Message(json!({"name": name, "displayName": "大厅"}))
        } else {
            Answer::Error(ServiceError::not_found("unit").into())
        }
    })
    .await;
    let mut client = UnitServiceClient::new(chan(&world).await);
    let mut request = unit();
    request.metadata_mut().insert("x-manyi-principal", "admin".parse().unwrap());
    request.metadata_mut().insert("x-own", "kept".parse().unwrap());
    let answer = client.get_unit(request).await.unwrap().into_inner();
    assert_eq!(answer.display_name, "大厅");
    let headers = world.calls().remove(0).headers;
    assert!(!headers.contains_key("x-manyi-principal"));
    assert_eq!(headers["x-own"], "kept");
    assert_eq!(headers["x-manyi-client-address"], "127.0.0.1");
    assert!(headers.contains_key("grpc-timeout"), "a hanging service cannot hold the call");

    let other = bearer(GetUnitRequest { name: "units/u_2".to_owned() }, "token");
    let status = client.get_unit(other).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "NOT_FOUND");
}

#[tokio::test]
async fn streams_pass_in_both_directions() {
    let world = World::scripted(|call| {
        if call.path.ends_with("WatchFigures") {
            Answer::Messages(vec![json!({"resumeToken": "a"}), json!({"resumeToken": "b"})])
        } else {
            Answer::Messages(call.messages.iter().map(|_| json!({"slowDownMs": 5})).collect())
        }
    })
    .await;
    let chan = chan(&world).await;
    let mut figures = FigureServiceClient::new(chan.clone());
    let watch = WatchFiguresRequest { unit: "units/u_1".to_owned(), ..Default::default() };
    let mut stream = figures.watch_figures(bearer(watch, "token")).await.unwrap().into_inner();
    let mut tokens = Vec::new();
    while let Some(message) = stream.message().await.unwrap() {
        tokens.push(message.resume_token);
    }
    assert_eq!(tokens, ["a", "b"]);

    let mut ratings = RatingServiceClient::new(chan);
    let batches = futures::stream::iter(vec![BatchCreateRatingsRequest::default(); 3]);
    let mut stream = ratings.upload_ratings(bearer(batches, "token")).await.unwrap().into_inner();
    let mut answers = 0;
    while let Some(message) = stream.message().await.unwrap() {
        assert_eq!(message.slow_down_ms, 5);
        answers += 1;
    }
    assert_eq!(answers, 3);
}

#[tokio::test]
async fn what_only_services_call_does_not_exist_here() {
    let world = World::new().await;
    let mut client = EventServiceClient::new(chan(&world).await);
    let status =
        client.list_events(bearer(ListEventsRequest::default(), "token")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "UNKNOWN_METHOD");
    assert!(world.calls().is_empty());
}

#[tokio::test]
async fn a_call_without_token_goes_nowhere() {
    let world = World::new().await;
    let mut client = UnitServiceClient::new(chan(&world).await);
    let status = client.get_unit(GetUnitRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert!(world.calls().is_empty());
}

#[tokio::test]
async fn health_and_reflection_answer_without_token() {
    let world = World::new().await;
    let chan = chan(&world).await;
    assert!(kit::server::health::check(chan.clone()).await);

    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(chan);
    let mut stream =
        client.server_reflection_info(futures::stream::iter([ask])).await.unwrap().into_inner();
    let answer = stream.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(list) = answer else { panic!("{answer:?}") };
    let names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
    assert!(names.contains(&"manyi.auth.v1.UnitService".to_owned()), "{names:?}");
    assert!(names.contains(&"manyi.analytics.v1.FigureService".to_owned()), "{names:?}");
}

#[tokio::test]
async fn grpc_web_works_over_http_1() {
    let world = World::scripted(|_| Answer::Message(json!({"displayName": "web"}))).await;
    let message = prost::Message::encode_to_vec(unit().get_ref());
    let sent = request("POST", "/manyi.auth.v1.UnitService/GetUnit")
        .header("content-type", "application/grpc-web+proto")
        .header("x-grpc-web", "1")
        .body(Body::from(frame(&message)))
        .unwrap();
    let response = world.send(sent).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/grpc-web+proto");
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("web") && text.contains("grpc-status:0"), "{text:?}");
}

#[tokio::test]
async fn grpc_over_http_1_is_told_what_to_use() {
    let world = World::new().await;
    let sent = request("POST", "/manyi.auth.v1.UnitService/GetUnit")
        .header("content-type", "application/grpc")
        .body(Body::empty())
        .unwrap();
    assert_eq!(world.send(sent).await.status(), 505);
}

#[tokio::test]
async fn a_service_that_is_away_is_unavailable_and_not_an_error_of_transport() {
    let dead = connect("http://127.0.0.1:1").unwrap();
    let peers = gateway::Peers {
        auth: dead.clone(),
        device: dead.clone(),
        survey: dead.clone(),
        analytics: dead,
    };
    let gateway = gateway::build(gateway::Config::default(), peers).await.unwrap();
    let mut client = UnitServiceClient::new(kit::rpc::in_process(gateway.router()));
    let status = client.get_unit(unit()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.get_error_details().retry_info().is_some());
}
