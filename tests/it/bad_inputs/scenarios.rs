//! Inputs that are wrong only in what came before them.

mod devices;
mod sign_in;
mod transport;

use futures::future::BoxFuture;
use reqwest::Response;
use serde_json::Value;

use crate::authorization::scene::Scene;

/// What is wrong with the answers.
pub type Verdict = Result<(), String>;

/// Runs a scenario by its name in the catalogue.
pub fn run<'a>(name: &str, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    match name {
        "odd_password" => Box::pin(sign_in::odd_password(scene)),
        "too_many_failures" => Box::pin(sign_in::too_many_failures(scene)),
        "disabled_user" => Box::pin(sign_in::disabled_user(scene)),
        "ended_session" => Box::pin(sign_in::ended_session(scene)),
        "revoked_client" => Box::pin(sign_in::revoked_client(scene)),
        "missing_scope" => Box::pin(sign_in::missing_scope(scene)),
        "refresh_twice" => Box::pin(sign_in::refresh_twice(scene)),
        "refresh_by_client" => Box::pin(sign_in::refresh_by_client(scene)),
        "order_of_refusals" => Box::pin(sign_in::order_of_refusals(scene)),
        "idempotency_conflict" => Box::pin(sign_in::idempotency_conflict(scene)),
        "rating_twice" => Box::pin(devices::rating_twice(scene)),
        "id_of_another_device" => Box::pin(devices::id_of_another_device(scene)),
        "impossible_times" => Box::pin(devices::impossible_times(scene)),
        "staff_by_device" => Box::pin(devices::staff_by_device(scene)),
        "second_sign_in" => Box::pin(devices::second_sign_in(scene)),
        "sign_out_before" => Box::pin(devices::sign_out_before(scene)),
        "odd_comment" => Box::pin(devices::odd_comment(scene)),
        "pairing" => Box::pin(devices::pairing(scene)),
        "revoked_device" => Box::pin(devices::revoked_device(scene)),
        "third_stream" => Box::pin(devices::third_stream(scene)),
        "exact_numbers" => Box::pin(devices::exact_numbers(scene)),
        "moved_meanwhile" => Box::pin(devices::moved_meanwhile(scene)),
        "many_questions" => Box::pin(transport::many_questions(scene)),
        "stalled_calls" => Box::pin(transport::stalled_calls(scene)),
        "server_made_resets" => Box::pin(transport::server_made_resets(scene)),
        "ping_flood" => Box::pin(transport::ping_flood(scene)),
        "duplicate_identity" => Box::pin(devices::duplicate_identity(scene)),
        "nested_messages" => Box::pin(transport::nested_messages(scene)),
        "gzip_bomb" => Box::pin(transport::gzip_bomb(scene)),
        "long_headers" => Box::pin(transport::long_headers(scene)),
        "hop_headers" => Box::pin(transport::hop_headers(scene)),
        "broken_pseudo_headers" => Box::pin(transport::broken_pseudo_headers(scene)),
        "forbidden_frames" => Box::pin(transport::forbidden_frames(scene)),
        "rapid_reset" => Box::pin(transport::rapid_reset(scene)),
        "empty_frames" => Box::pin(transport::empty_frames(scene)),
        "silent_connection" => Box::pin(transport::silent_connection(scene)),
        "dripping_call" => Box::pin(transport::dripping_call(scene)),
        "health" => Box::pin(transport::health(scene)),
        other => panic!("nothing is called {other}"),
    }
}

/// Status and body of an answer.
async fn read(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("the body arrives");
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// An error unless the answer has this status and, if given, reason.
fn expect(what: &str, answer: &(u16, Value), status: u16, reason: &str) -> Verdict {
    let (got, body) = answer;
    let named = body["reason"].as_str().or_else(|| body["error"].as_str()).unwrap_or_default();
    if *got == status && (reason.is_empty() || named == reason) {
        return Ok(());
    }
    Err(format!("{what}: {status} {reason} was expected, not {got} {body}"))
}

/// An error unless it holds.
fn ensure(holds: bool, text: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(text()) }
}
