//! Answers that are files: the bytes themselves, with trailer fields for those who take them.

use axum::body::Body;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http_body_util::BodyExt as _;
use kit::error::ServiceError;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::fake::{Answer, World, read, request};

const DOWNLOAD: &str = "/v1/campaigns/ca_1/responses:download";
const TRAILER: &str = "type.googleapis.com/manyi.survey.v1.ResponseExportTrailer";

fn pieces() -> Vec<Value> {
    let announced = json!({"@type": TRAILER});
    let filled = json!({"@type": TRAILER, "rowCount": "2", "sha256": "abc"});
    vec![
        json!({
            "contentType": "text/csv; charset=utf-8",
            "data": BASE64_STANDARD.encode("a,b\r\n"),
            "extensions": [announced],
        }),
        json!({"data": BASE64_STANDARD.encode("1,\"满意\"\r\n")}),
        json!({"data": BASE64_STANDARD.encode("2,x\r\n"), "extensions": [filled]}),
    ]
}

const FILE: &str = "a,b\r\n1,\"满意\"\r\n2,x\r\n";

#[tokio::test]
async fn a_file_is_answered_as_it_is() {
    let world = World::scripted(|_| Answer::Messages(pieces())).await;
    let target = format!("{DOWNLOAD}?offsetBytes=3&byteOrderMark=true");
    let sent = request("GET", &target).body(Body::empty()).unwrap();
    let response = world.send(sent).await;
    assert_eq!(response.status(), 200);
    let headers = response.headers().clone();
    assert_eq!(headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["trailer"], "x-row-count, x-sha256, x-read-time");
    let collected = response.into_body().collect().await.unwrap();
    let trailers = collected.trailers().unwrap().clone();
    assert_eq!(
        (&trailers["x-row-count"], &trailers["x-sha256"]),
        (&"2".parse().unwrap(), &"abc".parse().unwrap())
    );
    assert_eq!(collected.to_bytes(), FILE.as_bytes());
    let asked = world.last_message();
    assert_eq!(
        asked,
        json!({"campaign": "campaigns/ca_1", "offsetBytes": "3", "byteOrderMark": true})
    );
}

#[tokio::test]
async fn an_error_before_the_first_piece_is_an_ordinary_problem() {
    let error = ServiceError::invalid("offsetBytes", "is beyond the end of the file");
    let world = World::scripted(move |_| Answer::Broken(Vec::new(), error.clone().into())).await;
    let sent = request("GET", DOWNLOAD).body(Body::empty()).unwrap();
    let answer = read(world.send(sent).await).await;
    assert_eq!((answer.status, &answer.body["reason"]), (400, &json!("INVALID_FIELD")));
}

#[tokio::test]
async fn a_file_that_breaks_off_is_no_whole_file() {
    let broken = || ServiceError::unavailable("going away").into();
    let world = World::scripted(move |_| Answer::Broken(pieces(), broken())).await;
    let sent = request("GET", DOWNLOAD).body(Body::empty()).unwrap();
    assert!(world.send(sent).await.into_body().collect().await.is_err());
}

/// The whole answer on a connection of its own, as it is on the wire.
async fn on_the_wire(world: &World, more: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(world.listen().await).await.unwrap();
    let head = format!(
        "GET {DOWNLOAD} HTTP/1.1\r\nhost: manyi.test\r\nauthorization: Bearer token\r\n\
         connection: close\r\n{more}\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn trailer_fields_reach_those_who_say_that_they_take_them() {
    let world = World::scripted(|_| Answer::Messages(pieces())).await;
    let text = on_the_wire(&world, "te: trailers\r\n").await;
    let (_, end) = text.rsplit_once("\r\n0\r\n").expect("the last chunk");
    assert!(end.contains("x-row-count: 2\r\n") && end.contains("x-sha256: abc\r\n"), "{text}");
    let text = on_the_wire(&world, "").await;
    assert!(text.ends_with("\r\n0\r\n\r\n"), "{text}");
}
