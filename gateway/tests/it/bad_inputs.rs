//! The catalogue of bad inputs over REST, as data: `bad_inputs.toml`.

use axum::body::Body;
use serde::Deserialize;

use crate::fake::{World, read};

#[derive(Deserialize)]
struct Catalogue {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    name: String,
    request: String,
    #[serde(default)]
    headers: Vec<String>,
    #[serde(default)]
    body: String,
    /// Body of this text repeated.
    repeat: Option<(String, usize)>,
    /// No token.
    #[serde(default)]
    anonymous: bool,
    /// The body is sent in pieces without length.
    #[serde(default)]
    chunked: bool,
    status: u16,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    field: String,
    /// JSON of the message that reaches the service.
    sent: Option<String>,
}

async fn check(case: &Case) {
    let label = format!("{} {}", case.id, case.name);
    let world = World::new().await;
    let (verb, target) = case.request.split_once(' ').unwrap();
    let target = target.replace("{long}", &"x".repeat(20_000));
    let mut request = axum::http::Request::builder().method(verb).uri(target);
    if !case.headers.iter().any(|line| line.starts_with("host:")) {
        request = request.header("host", "manyi.test");
    }
    if !case.anonymous {
        request = request.header("authorization", "Bearer token");
    }
    for line in &case.headers {
        let (name, value) = line.split_once(": ").unwrap();
        let value = value.replace("{255}", &"k".repeat(255)).replace("{256}", &"k".repeat(256));
        request = request.header(name, value.as_bytes());
    }
    let text = match &case.repeat {
        Some((text, times)) => text.repeat(*times),
        None => case.body.clone(),
    };
    let body = if case.chunked {
        let pieces: Vec<_> = text
            .as_bytes()
            .chunks(1_000)
            .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
            .collect();
        Body::from_stream(futures::stream::iter(pieces))
    } else {
        if !text.is_empty() {
            request = request.header("content-length", text.len());
        }
        Body::from(text)
    };
    let answer = read(world.send(request.body(body).unwrap()).await).await;
    assert_eq!(answer.status, case.status, "{label}: {}", answer.body);
    assert!(answer.status < 500 || answer.status == 501, "{label}");
    if !case.reason.is_empty() {
        assert_eq!(answer.body["reason"], case.reason.as_str(), "{label}: {}", answer.body);
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{label}");
    }
    if !case.field.is_empty() {
        let violations = answer.body["violations"].as_array().unwrap();
        let named = violations.iter().any(|violation| violation["field"] == case.field.as_str());
        assert!(named, "{label}: {}", answer.body);
    }
    match &case.sent {
        Some(json) => {
            let want: serde_json::Value = serde_json::from_str(json).unwrap();
            assert_eq!(world.last_message(), want, "{label}");
        }
        None => assert!(world.calls().is_empty(), "{label}: a service was called"),
    }
}

#[tokio::test]
async fn every_bad_input_of_the_catalogue_has_its_answer() {
    let catalogue: Catalogue = toml::from_str(include_str!("bad_inputs.toml")).unwrap();
    for case in &catalogue.case {
        check(case).await;
    }
    println!("{} inputs were checked", catalogue.case.len());
    assert!(catalogue.case.len() >= 80);
}
