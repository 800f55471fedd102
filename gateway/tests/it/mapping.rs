//! How REST and messages map onto each other.

use gateway::{Config, Quota, Quotas};
use http::header;
use kit::error::ServiceError;
use proto::common::v1::Reason;
use serde_json::json;
use tonic::{Code, Status};

use crate::fake::{Answer, World, read, request};

#[tokio::test]
async fn an_answer_is_canonical_json_with_zeros_and_text_for_64_bits() {
    let world = World::scripted(|_| {
        Answer::Message(json!({
            "rows": [{"key": {"unit": "units/u_1"}, "served": "9007199254740993",
                "csat": {"numerator": 0, "denominator": 4}}],
            "asOf": "2026-11-01T09:00:00.5Z",
        }))
    })
    .await;
    let answer =
        world.ask("POST", "/v1/figures:query", Some(r#"{"groupBy":["GROUP_BY_UNIT"]}"#)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let row = &answer.body["rows"][0];
    assert_eq!(row["served"], "9007199254740993");
    assert_eq!(row["prompted"], "0", "defaults are shown");
    assert_eq!(row["suppressed"], false);
    assert_eq!(row["grades"], json!([]));
    assert_eq!(row["csat"]["numerator"], "0");
    assert!(row["csat"].get("value").is_none(), "absent is not zero");
    assert!(row.get("mean").is_none());
    assert_eq!(answer.body["asOf"], "2026-11-01T09:00:00.500Z");
    assert_eq!(world.last_message(), json!({"groupBy": ["GROUP_BY_UNIT"]}));
}

#[tokio::test]
async fn the_same_answer_has_the_same_bytes_whatever_maps_it_holds() {
    let keys: Vec<String> = (0..20).map(|n| format!("k{n:02}")).collect();
    let texts: serde_json::Map<String, serde_json::Value> =
        keys.iter().map(|key| (key.clone(), json!(key))).collect();
    let questionnaire = json!({"name": "questionnaires/q_1", "definition": {"title": texts}});
    let world = World::scripted(move |_| Answer::Message(questionnaire.clone())).await;
    let in_order: Vec<String> = keys.iter().map(|key| format!("\"{key}\":\"{key}\"")).collect();
    let in_order = format!("\"title\":{{{}}}", in_order.join(","));
    for _ in 0..5 {
        let sent = request("GET", "/v1/questionnaires/q_1").body(axum::body::Body::empty());
        let answer = world.send(sent.unwrap()).await;
        let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(text.contains(&in_order), "{text}");
    }
}

#[tokio::test]
async fn the_version_of_an_object_is_its_entity_tag() {
    let world = World::scripted(|_| Answer::Message(json!({"etag": "v7"}))).await;
    let answer = world.ask("GET", "/v1/units/u_1", None).await;
    assert_eq!(answer.headers[header::ETAG], "\"v7\"");
}

#[tokio::test]
async fn only_named_headers_reach_services() {
    let world = World::new().await;
    let mut sent = request("GET", "/v1/units");
    for (name, value) in [
        ("x-manyi-principal", "admin"),
        ("X-Manyi-Client-Address", "1.2.3.4"),
        ("x-forwarded-user", "admin"),
        ("x-envoy-internal", "true"),
        ("grpc-metadata-authorization", "Bearer other"),
        ("grpc-timeout", "1n"),
        ("grpc-encoding", "gzip"),
        ("te", "gzip"),
        ("connection", "x-manyi-principal"),
        ("cookie", "a=b"),
        ("manyi-consistency-token", "c1"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ] {
        sent = sent.header(name, value);
    }
    let answer = read(world.send(sent.body(axum::body::Body::empty()).unwrap()).await).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let headers = world.calls().remove(0).headers;
    for gone in [
        "x-manyi-principal",
        "x-forwarded-user",
        "x-envoy-internal",
        "cookie",
        "grpc-metadata-authorization",
        "grpc-encoding",
        "x-manyi-client-address",
    ] {
        assert!(!headers.contains_key(gone), "{gone}");
    }
    assert_ne!(headers["grpc-timeout"], "1n");
    assert_eq!(headers["authorization"], "Bearer token");
    assert_eq!(headers["manyi-consistency-token"], "c1");
    assert!(headers["traceparent"].to_str().unwrap().contains("4bf92f3577b34da6a3ce929d0e0e4736"));
}

#[tokio::test]
async fn errors_become_problem_documents() {
    let cases: Vec<(Status, u16, &str)> = vec![
        (ServiceError::not_found("unit").into(), 404, "NOT_FOUND"),
        (ServiceError::denied().into(), 403, "PERMISSION_DENIED"),
        (ServiceError::stale().into(), 409, "STALE_VERSION"),
        (ServiceError::wrong_state("no").into(), 400, "WRONG_STATE"),
        (ServiceError::unavailable("away").into(), 503, "UNAVAILABLE"),
        (ServiceError::unauthenticated(Reason::TokenExpired, "late").into(), 401, "TOKEN_EXPIRED"),
        (
            ServiceError::new(Code::ResourceExhausted, Reason::TooLarge, "x").into(),
            413,
            "TOO_LARGE",
        ),
        (Status::unknown("SELECT secret"), 500, "INTERNAL"),
        (Status::unimplemented(""), 501, "UNKNOWN_METHOD"),
    ];
    for (status, http, reason) in cases {
        let copy = status.clone();
        let world = World::scripted(move |_| Answer::Error(copy.clone())).await;
        let answer = world.ask("GET", "/v1/units/u_1", None).await;
        assert_eq!(answer.status, http, "{status}");
        assert_eq!(answer.body["reason"], reason, "{status}");
        assert_eq!(answer.body["status"], http, "{status}");
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
        assert!(!answer.body.to_string().contains("SELECT"));
        assert_eq!(answer.headers.contains_key(header::RETRY_AFTER), http == 503, "{status}");
        assert_eq!(answer.headers.contains_key(header::WWW_AUTHENTICATE), http == 401);
        assert_eq!(answer.body.get("incident").is_some(), http == 500, "{status}");
    }
    let violation = ServiceError::invalid("unit.displayName", "is required");
    let world = World::scripted(move |_| Answer::Error(violation.clone().into())).await;
    let answer = world.ask("POST", "/v1/units", Some("{}")).await;
    let want = json!([{"field": "unit.displayName", "description": "is required"}]);
    assert_eq!(answer.body["violations"], want);
}

#[tokio::test]
async fn a_panic_of_a_service_is_a_500_with_an_incident() {
    let world = World::scripted(|_| panic!("on purpose")).await;
    let answer = world.ask("GET", "/v1/units/u_1", None).await;
    assert_eq!(answer.status, 500);
    assert!(answer.body["incident"].is_string());
}

#[tokio::test]
async fn a_wrong_verb_is_told_the_right_ones() {
    let world = World::new().await;
    let answer = world.ask("DELETE", "/v1/units", None).await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.headers[header::ALLOW], "GET, POST");
}

#[tokio::test]
async fn callers_without_token_are_limited_by_address_and_told_when_to_come_back() {
    let quotas = Quotas { address: Quota::new(1, 16), ..Quotas::default() };
    let config = Config { quotas, trust_forwarded_for: true, ..Config::default() };
    let world = World::with(config, |_| Answer::Message(json!({}))).await;
    let enrol = |address: &str| {
        let body = axum::body::Body::from("{}");
        let sent = request("POST", "/v1/devices:enroll").header("content-type", "application/json");
        sent.header("x-forwarded-for", address).body(body).unwrap()
    };
    for _ in 0..16 {
        assert_eq!(world.send(enrol("10.0.0.1")).await.status(), 200);
    }
    let refused = read(world.send(enrol("10.0.0.1")).await).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.body["reason"], "QUOTA_EXCEEDED");
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
    assert_eq!(world.send(enrol("10.0.0.2")).await.status(), 200, "another address");
}

#[tokio::test]
async fn pages_and_probes_answer_with_safe_headers() {
    let world = World::new().await;
    for page in ["/", "/docs", "/docs/docs.js", "/docs/style.css"] {
        let answer = world.ask("GET", page, None).await;
        assert_eq!(answer.status, 200, "{page}");
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{page}");
        assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{page}");
        let text = answer.body.as_str().unwrap();
        assert!(!text.contains("http://") && !text.contains("https://"), "{page} loads from afar");
        assert!(!text.contains("style=\"") && !text.contains("onclick"), "{page} has inline code");
    }
    assert_eq!(world.ask("GET", "/healthz", None).await.body["status"], "ok");
    let ready = world.ask("GET", "/readyz", None).await;
    assert_eq!((ready.status, &ready.body["services"]["auth"]), (200, &json!("up")));
    let metrics = world.ask("GET", "/metrics", None).await;
    assert_eq!(metrics.status, 200);
}

#[tokio::test]
async fn readiness_names_the_service_that_is_away() {
    let dead = kit::rpc::connect("http://127.0.0.1:1").unwrap();
    let peers = gateway::Peers {
        auth: dead.clone(),
        device: dead.clone(),
        survey: dead.clone(),
        analytics: dead,
    };
    let gateway = gateway::build(Config::default(), peers).await.unwrap();
    let request = request("GET", "/readyz").body(axum::body::Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(gateway.router(), request).await.unwrap();
    let answer = read(response).await;
    assert_eq!((answer.status, &answer.body["services"]["device"]), (503, &json!("down")));
}

#[tokio::test]
async fn only_listed_origins_may_call() {
    let config =
        Config { cors_origins: vec!["https://console.example".to_owned()], ..Config::default() };
    let world = World::with(config, |_| Answer::Message(json!({}))).await;
    let preflight = |origin: &str| {
        request("OPTIONS", "/v1/units")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization")
            .body(axum::body::Body::empty())
            .unwrap()
    };
    let answer = read(world.send(preflight("https://console.example")).await).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.headers["access-control-allow-origin"], "https://console.example");
    assert_eq!(answer.headers["access-control-allow-headers"], "authorization");
    for origin in [
        "https://evil.example",
        "null",
        "https://console.example.evil.com",
        "http://console.example",
        "https://console.example:8443",
    ] {
        let answer = read(world.send(preflight(origin)).await).await;
        assert_eq!(answer.status, 403, "{origin}");
        let allows = |name: &str| name.starts_with("access-control-");
        assert!(!answer.headers.keys().any(|name| allows(name.as_str())), "{origin}");
    }
}

struct NoKeys;

#[async_trait::async_trait]
impl kit::auth::KeySource for NoKeys {
    async fn keys(&self) -> kit::error::Result<Vec<proto::auth::v1::Jwk>> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn a_bad_token_is_refused_before_the_request_is_read() {
    let clock = std::sync::Arc::new(kit::clock::SystemClock);
    let verifier = kit::auth::Verifier::new(std::sync::Arc::new(NoKeys), &[1; 32], clock);
    let config = Config { verifier: Some(verifier), ..Config::default() };
    let world = World::with(config, |_| Answer::Message(json!({}))).await;
    let ask = |token: &str| {
        let sent = axum::http::Request::post("/v1/organisations").header("host", "manyi.test");
        let sent = sent.header("authorization", format!("Bearer {token}"));
        let sent = sent.header("content-type", "application/json");
        world.send(sent.body(axum::body::Body::from("{")).unwrap())
    };
    let refused = read(ask("a.b.c").await).await;
    assert_eq!((refused.status, &refused.body["reason"]), (401, &json!("TOKEN_INVALID")));
    assert_eq!(
        refused.headers[header::WWW_AUTHENTICATE],
        "Bearer realm=\"manyi\", error=\"invalid_token\""
    );
    let good = kit::auth::InternalTokens::new(&[1; 32]).operator();
    let read_further = read(ask(&good).await).await;
    assert_eq!(
        (read_further.status, &read_further.body["reason"]),
        (400, &json!("MALFORMED_MESSAGE"))
    );
}
