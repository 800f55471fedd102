//! The token endpoints, in the form of RFC 6749.

use axum::body::Body;
use kit::error::ServiceError;
use proto::common::v1::Reason;
use serde_json::json;
use tonic::Code;

use crate::fake::{Answer, Answered, World, read, request};

type Headers<'a> = &'a [(&'a str, &'a str)];

async fn post(world: &World, body: &str, headers: Headers<'_>) -> Answered {
    let mut sent = request("POST", "/v1/token");
    sent.headers_mut().unwrap().remove("authorization");
    for (name, value) in headers {
        sent = sent.header(*name, *value);
    }
    read(world.send(sent.body(Body::from(body.to_owned())).unwrap()).await).await
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn a_form_becomes_a_message_and_the_answer_has_the_standards_names() {
    let world = World::scripted(|_| {
        Answer::Message(json!({"access_token": "a.b.c", "token_type": "Bearer", "expires_in": 600}))
    })
    .await;
    let form = "grant_type=password&username=%E5%BC%A0%E4%B8%89&password=a+b%2B%26%3D&unknown=1";
    let answer = post(&world, form, &[FORM]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let want = json!({"access_token": "a.b.c", "token_type": "Bearer", "expires_in": 600});
    assert_eq!(answer.body, want, "no empty members");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["pragma"], "no-cache");
    let sent = json!({"grantType": "password", "username": "张三", "password": "a b+&="});
    assert_eq!(world.last_message(), sent);
}

#[tokio::test]
async fn client_credentials_may_come_as_basic() {
    let world = World::new().await;
    // c_1:s%3Acret
    let basic = ("authorization", "Basic Y18xOnMlM0FjcmV0");
    let answer = post(&world, "grant_type=client_credentials", &[FORM, basic]).await;
    assert_eq!(answer.status, 200);
    let sent =
        json!({"grantType": "client_credentials", "clientId": "c_1", "clientSecret": "s:cret"});
    assert_eq!(world.last_message(), sent);
    assert!(!world.calls()[0].headers.contains_key("authorization"), "it goes no further");

    let twice = "grant_type=client_credentials&client_secret=x";
    assert_eq!(post(&world, twice, &[FORM, basic]).await.body["error"], "invalid_request");
    let broken = post(&world, "grant_type=x", &[FORM, ("authorization", "Basic ***")]).await;
    assert_eq!((broken.status, &broken.body["error"]), (401, &json!("invalid_client")));
    assert!(broken.headers.contains_key("www-authenticate"));
}

#[tokio::test]
async fn bad_forms_are_refused_in_the_standards_form() {
    let world = World::new().await;
    let json_type = ("content-type", "application/json");
    let cases: [(&str, Headers<'_>, u16); 5] = [
        ("{}", &[json_type], 415),
        ("grant_type=password", &[], 415),
        ("grant_type=password&grant_type=password", &[FORM], 400),
        ("grant_type=%zz", &[FORM], 400),
        ("grant_type=%ff", &[FORM], 400),
    ];
    for (body, headers, status) in cases {
        let answer = post(&world, body, headers).await;
        assert_eq!(answer.status, status, "{body}");
        assert_eq!(answer.body["error"], "invalid_request", "{body}");
        assert!(answer.body["error_description"].is_string(), "{body}");
        assert_eq!(answer.headers["content-type"], "application/json");
    }
    let sent = request("POST", "/v1/token?grant_type=password").header(FORM.0, FORM.1);
    let answer = read(world.send(sent.body(Body::empty()).unwrap()).await).await;
    assert_eq!(answer.status, 400, "credentials do not belong into a URL");
    assert!(world.calls().is_empty());
}

#[tokio::test]
async fn errors_keep_what_the_standard_allows() {
    let invalid = |code, reason, oauth: &str| {
        ServiceError::new(code, reason, "no").with_metadata("oauth_error", oauth)
    };
    let soon = std::time::Duration::from_secs(3);
    let cases = [
        (
            invalid(Code::Unauthenticated, Reason::BadCredentials, "invalid_grant"),
            400,
            "invalid_grant",
        ),
        (
            invalid(Code::Unauthenticated, Reason::BadCredentials, "invalid_client"),
            401,
            "invalid_client",
        ),
        (
            invalid(Code::InvalidArgument, Reason::InvalidField, "invalid_scope"),
            400,
            "invalid_scope",
        ),
        (ServiceError::invalid("grantType", "is required"), 400, "invalid_request"),
        (
            ServiceError::exhausted(Reason::TooManyAttempts, "wait", soon)
                .with_metadata("oauth_error", "invalid_grant"),
            429,
            "invalid_grant",
        ),
        (ServiceError::unavailable("away"), 503, "temporarily_unavailable"),
        (ServiceError::internal("x"), 500, "server_error"),
    ];
    for (error, status, name) in cases {
        let copy = error.clone();
        let world = World::scripted(move |_| Answer::Error(copy.clone().into())).await;
        let answer = post(&world, "grant_type=password", &[FORM]).await;
        assert_eq!((answer.status, &answer.body["error"]), (status, &json!(name)), "{error}");
        let waits = matches!(status, 429 | 503);
        assert_eq!(answer.headers.contains_key("retry-after"), waits, "{error}");
    }
}
