//! Requests that no client library would send.

use std::time::Duration;

use gateway::Config;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::fake::{Answer, World};

/// Sends text; returns what comes back within two seconds of silence or the end.
async fn talk(world: &World, text: &str) -> String {
    let mut socket = TcpStream::connect(world.listen().await).await.unwrap();
    socket.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let reading = socket.read_to_end(&mut answer);
    let _ = tokio::time::timeout(Duration::from_secs(2), reading).await;
    String::from_utf8_lossy(&answer).into_owned()
}

const HEAD: &str = "POST /v1/units HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n\
    Content-Type: application/json\r\n";

#[tokio::test]
async fn ambiguous_framing_never_reaches_a_service_as_two_requests() {
    let hidden = "GET /v1/staff HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n\r\n";
    let cases = [
        format!("{HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}"),
        format!("{HEAD}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{HEAD}Content-Length : 2\r\n\r\n{{}}"),
        format!("{HEAD}Content-Length: -1\r\n\r\n{{}}"),
        format!("{HEAD}Content-Length: 0x2\r\n\r\n{{}}"),
        "GET /v1/units HTTP/0.9\r\n\r\n".to_owned(),
        "GET /v1/units\r\n\r\n".to_owned(),
        format!("{HEAD}Folded: a\r\n b\r\nContent-Length: 2\r\n\r\n{{}}"),
    ];
    for text in cases {
        let world = World::new().await;
        let answer = talk(&world, &text).await;
        let first = answer.lines().next().unwrap_or_default();
        assert!(first.is_empty() || first.contains(" 400 "), "{text}\n{answer}");
        assert!(world.calls().is_empty(), "{text}");
    }
}

#[tokio::test]
async fn a_length_beside_chunks_is_not_believed() {
    let world = World::new().await;
    let text = format!(
        "{HEAD}Content-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
         13\r\n{{\"displayName\":\"AB\"}}\r\n0\r\n\r\n"
    );
    let answer = talk(&world, &text).await;
    let first = answer.lines().next().unwrap_or_default().to_owned();
    // Refused, or read by its chunks; never cut at the wrong length.
    assert!(first.contains(" 400 ") || first.is_empty() || world.calls().len() == 1, "{answer}");
}

#[tokio::test]
async fn hosts_must_be_clear() {
    let token = "Authorization: Bearer t\r\nConnection: close\r\n\r\n";
    for head in [
        "GET /v1/units HTTP/1.1\r\n",
        "GET /v1/units HTTP/1.0\r\n",
        "GET /v1/units HTTP/1.1\r\nHost: a\r\nHost: b\r\n",
        "GET http://other/v1/units HTTP/1.1\r\nHost: x\r\n",
    ] {
        let world = World::new().await;
        let answer = talk(&world, &format!("{head}{token}")).await;
        assert!(answer.contains(" 400 "), "{head}\n{answer}");
        assert!(world.calls().is_empty(), "{head}");
    }
}

#[tokio::test]
async fn an_upgrade_to_http_2_is_not_taken() {
    let world = World::new().await;
    let text = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\n\
        Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n";
    let answer = talk(&world, text).await;
    assert!(!answer.contains(" 101 "), "{answer}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let config = Config { body_time: Duration::from_millis(200), ..Config::default() };
    let world = World::with(config, |_| Answer::Message(json!({}))).await;
    for extra in ["Expect: 100-continue\r\n", ""] {
        let answer = talk(&world, &format!("{HEAD}{extra}Content-Length: 20\r\n\r\n")).await;
        assert!(answer.contains(" 408 "), "{extra}{answer}");
        assert!(answer.contains("DEADLINE_EXCEEDED"), "{answer}");
    }
    assert!(world.calls().is_empty());
}

#[tokio::test]
async fn a_huge_header_is_refused_without_harm() {
    let world = World::new().await;
    let text =
        format!("GET /v1/units HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "a".repeat(100_000));
    let answer = talk(&world, &text).await;
    assert!(answer.is_empty() || answer.contains(" 431 "), "{answer:.200}");
}
