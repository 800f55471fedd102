//! Server streams over HTTP.

use std::time::Duration;

use axum::body::Body;
use gateway::Config;
use http_body_util::BodyExt as _;
use kit::error::ServiceError;
use serde_json::{Value, json};

use crate::fake::{Answer, World, read, request};

const WATCH: &str = "/v1/figures:watch?unit=units/u_1";

fn messages() -> Vec<Value> {
    vec![json!({"snapshot": true, "resumeToken": "t1"}), json!({"resumeToken": "t2"})]
}

async fn text_of(world: &World, headers: &[(&str, &str)]) -> String {
    let mut sent = request("GET", WATCH);
    for (name, value) in headers {
        sent = sent.header(*name, *value);
    }
    let response = world.send(sent.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), 200);
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn a_stream_is_a_sequence_of_events_whose_ids_resume_it() {
    let world = World::scripted(|_| Answer::Messages(messages())).await;
    let text = text_of(&world, &[]).await;
    let events: Vec<&str> = text.split("\n\n").filter(|event| event.contains("data:")).collect();
    assert_eq!(events.len(), 2, "{text}");
    assert!(events[0].contains("id: t1") && events[0].contains("\"snapshot\":true"), "{text}");
    assert!(events[1].contains("id: t2") && events[1].contains("\"rows\":[]"), "{text}");
    assert!(text.contains("retry: 2000"), "{text}");

    text_of(&world, &[("last-event-id", "t1")]).await;
    assert_eq!(world.last_message(), json!({"unit": "units/u_1", "resumeToken": "t1"}));
}

#[tokio::test]
async fn programs_may_ask_for_lines() {
    let world = World::scripted(|_| Answer::Messages(messages())).await;
    let text = text_of(&world, &[("accept", "application/x-ndjson")]).await;
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["result"]["resumeToken"], "t2");
}

#[tokio::test]
async fn an_error_before_the_first_message_is_an_ordinary_problem() {
    let error = ServiceError::invalid("resumeToken", "is malformed");
    let world = World::scripted(move |_| Answer::Error(error.clone().into())).await;
    let sent = request("GET", WATCH).header("last-event-id", "nonsense");
    let answer = read(world.send(sent.body(Body::empty()).unwrap()).await).await;
    assert_eq!((answer.status, &answer.body["reason"]), (400, &json!("INVALID_FIELD")));
}

#[tokio::test]
async fn an_error_in_the_middle_is_the_last_event() {
    let broken = || ServiceError::unavailable("going away").into();
    let world = World::scripted(move |_| Answer::Broken(messages(), broken())).await;
    let text = text_of(&world, &[]).await;
    let last = text.trim_end().split("\n\n").last().unwrap();
    assert!(last.contains("event: error") && last.contains("\"reason\":\"UNAVAILABLE\""), "{text}");
    let text = text_of(&world, &[("accept", "application/x-ndjson")]).await;
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["error"]["status"], 503);
}

#[tokio::test]
async fn a_quiet_stream_is_kept_alive_by_comments() {
    let config = Config { keep_alive: Duration::from_millis(30), ..Config::default() };
    let world = World::with(config, |_| Answer::Open(messages())).await;
    let sent = request("GET", WATCH).header("accept", "text/event-stream");
    let response = world.send(sent.body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let mut body = response.into_body();
    let mut text = String::new();
    let reading = async {
        while !text.contains(": alive") {
            let frame = body.frame().await.unwrap().unwrap();
            text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(5), reading).await.expect("a comment comes");
    assert!(text.contains("id: t2"), "{text}");
}

#[tokio::test]
async fn an_event_source_may_send_its_token_in_the_query_of_streams_only() {
    let world = World::scripted(|_| Answer::Messages(messages())).await;
    let plain = |target: &str| {
        let sent = axum::http::Request::get(target).header("host", "manyi.test");
        sent.body(Body::empty()).unwrap()
    };
    let answer = world.send(plain(&format!("{WATCH}&access_token=abc"))).await;
    assert_eq!(answer.status(), 200);
    let call = world.calls().pop().unwrap();
    assert_eq!(call.headers["authorization"], "Bearer abc");
    assert_eq!(call.messages[0], json!({"unit": "units/u_1"}));
    assert_eq!(world.send(plain("/v1/units?access_token=abc")).await.status(), 401);
}
