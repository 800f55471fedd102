//! Devices and what they send.

use std::collections::BTreeMap;

use e2e::{Rest, TestDevice, patiently, rest::text};
use prost::Message as _;
use prost_types::Timestamp;
use proto::{
    device::v1::{BatchCreateRatingsRequest, BatchCreateRatingsResponse, RatingMessage, SendClock},
    methods::table,
};
use reqwest::Method;
use serde_json::{Value, json};
use tonic::Code;
use uuid::Uuid;

use super::{Verdict, ensure, expect};
use crate::authorization::{
    place::{fresh, post},
    scene::Scene,
    wire,
};

async fn sequence(scene: &Scene) -> String {
    scene.here("sequence", scene.principal("owner")).await
}

async fn press(scene: &Scene) -> Value {
    json!({
        "ratingId": Uuid::now_v7(), "epoch": 1, "sequence": sequence(scene).await, "grade": 5,
    })
}

async fn send(rest: &Rest, ratings: &[Value]) -> Result<Value, String> {
    let body = json!({"ratings": ratings});
    let (status, answer) = rest.call(Method::POST, "/v1/ratings:batchCreate", Some(&body)).await;
    if status.is_success() { Ok(answer) } else { Err(format!("{status} {answer}")) }
}

pub async fn rating_twice(scene: &Scene) -> Verdict {
    let press = press(scene).await;
    let answer = send(&scene.own().device.rest, &[press.clone(), press]).await?;
    let (one, two) = (&answer["results"][0], &answer["results"][1]);
    ensure(one["code"] == 0 && two["code"] == 0, || format!("{answer}"))?;
    ensure(one["receipt"] == two["receipt"], || format!("two receipts: {answer}"))?;
    ensure(two["duplicate"] == true, || format!("no duplicate: {answer}"))
}

pub async fn id_of_another_device(scene: &Scene) -> Verdict {
    let press = press(scene).await;
    let first = send(&scene.own().device.rest, std::slice::from_ref(&press)).await?;
    let second = send(&scene.sibling().device.rest, &[press]).await?;
    let (one, two) = (&first["results"][0], &second["results"][0]);
    ensure(one["code"] == 0 && two["code"] == 0, || format!("{first} {second}"))?;
    ensure(one["receipt"] != two["receipt"], || format!("one receipt: {first}"))?;
    ensure(two["duplicate"] == false, || format!("taken for the other's: {second}"))
}

pub async fn impossible_times(scene: &Scene) -> Verdict {
    let times = [(0, -1), (0, 1_000_000_000), (253_402_300_800, 0), (i64::MIN, 0), (i64::MAX, 0)];
    for (seconds, nanos) in times {
        let time = Some(Timestamp { seconds, nanos });
        let rating = RatingMessage {
            rating_id: Uuid::now_v7().to_string(),
            epoch: 1,
            sequence: sequence(scene).await.parse().expect("a number"),
            grade: 5,
            device_time: time,
            ..Default::default()
        };
        let whole = BatchCreateRatingsRequest { ratings: vec![rating], clock: None };
        let answer = batch(scene, whole.clone()).await?;
        let result = &answer.results[0];
        let named = result.code == Code::InvalidArgument as i32 && result.field == "deviceTime";
        ensure(named && !result.retryable, || format!("{seconds}.{nanos}: {result:?}"))?;
        let clock = Some(SendClock { device_time: time, ..Default::default() });
        let refused = batch(scene, BatchCreateRatingsRequest { clock, ..whole }).await;
        ensure(refused.is_err(), || format!("{seconds}.{nanos} as clock: {refused:?}"))?;
    }
    Ok(())
}

async fn batch(
    scene: &Scene,
    request: BatchCreateRatingsRequest,
) -> Result<BatchCreateRatingsResponse, String> {
    let method = &table()["/manyi.device.v1.RatingService/BatchCreateRatings"];
    let token = scene.token(scene.principal("device"));
    let messages = vec![request.encode_to_vec().into()];
    let headers = BTreeMap::new();
    let answer =
        wire::call(&scene.doors.gateway, method, token.as_deref(), messages, &headers).await;
    if answer.code != Code::Ok {
        return Err(format!("{:?} {}", answer.code, answer.text));
    }
    BatchCreateRatingsResponse::decode(answer.body).map_err(|error| error.to_string())
}

async fn stored(scene: &Scene, answer: &Value) -> Value {
    let receipt = text(&answer["results"][0]["receipt"]);
    scene.org().rest.get(&format!("/v1/{receipt}")).await
}

pub async fn staff_by_device(scene: &Scene) -> Verdict {
    let mut press = press(scene).await;
    let claimed = scene.sibling().word("staff");
    press["staff"] = json!(claimed);
    let answer = send(&scene.own().device.rest, &[press]).await?;
    ensure(answer["results"][0]["code"] == 0, || format!("{answer}"))?;
    let rating = stored(scene, &answer).await;
    ensure(rating["staff"] != json!(claimed), || format!("it was believed: {rating}"))
}

/// A window that nobody used, known to the device service.
async fn window(scene: &Scene) -> String {
    let org = scene.org();
    org.unit(&scene.own().word("branch"), "WINDOW", &fresh()).await
}

async fn staff(scene: &Scene) -> String {
    let number = fresh();
    scene.org().staff(&number, &scene.own().word("branch")).await;
    number
}

pub async fn second_sign_in(scene: &Scene) -> Verdict {
    let (org, window) = (scene.org(), window(scene).await);
    let mut last = Value::Null;
    for number in [staff(scene).await, staff(scene).await] {
        let event = json!({"eventId": Uuid::now_v7(), "window": window, "staffNumber": number});
        last = post(org, "/v1/shifts:signIn", event).await;
    }
    let path = format!("/v1/shifts?unit={window}");
    let shifts = org.rest.get(&path).await["shifts"].as_array().cloned().unwrap_or_default();
    let open: Vec<_> = shifts.iter().filter(|s| s["state"] != "SHIFT_STATE_ENDED").collect();
    ensure(shifts.len() == 2 && open.len() == 1, || format!("{shifts:?}"))?;
    ensure(open[0]["staff"] == last["staff"], || format!("{shifts:?}"))
}

pub async fn sign_out_before(scene: &Scene) -> Verdict {
    let (org, window) = (scene.org(), window(scene).await);
    let now = jiff::Timestamp::now();
    let at = |seconds_ago: i64| {
        let then = jiff::Timestamp::from_second(now.as_second() - seconds_ago);
        then.expect("a time").to_string()
    };
    let event = json!({
        "eventId": Uuid::now_v7(), "window": window, "staffNumber": staff(scene).await,
        "eventTime": at(60),
    });
    post(org, "/v1/shifts:signIn", event).await;
    let event = json!({"eventId": Uuid::now_v7(), "window": window, "eventTime": at(120)});
    let (status, body) = org.rest.call(Method::POST, "/v1/shifts:signOut", Some(&event)).await;
    expect("the sign-out", &(status.as_u16(), body), 400, "INVALID_FIELD")
}

pub async fn odd_comment(scene: &Scene) -> Verdict {
    let comment = format!("\u{202e}很好\u{200b}\u{2066}e{}", "\u{301}".repeat(500));
    let mut press = press(scene).await;
    press["comment"] = json!(comment);
    let answer = send(&scene.own().device.rest, &[press]).await?;
    ensure(answer["results"][0]["code"] == 0, || format!("{answer}"))?;
    let rating = stored(scene, &answer).await;
    ensure(rating["comment"] == json!(comment), || format!("{rating}"))
}

/// Registers and enrols a further device, which every service knows then.
async fn device(scene: &Scene) -> TestDevice {
    let org = scene.org();
    let unit = scene.own().word("spare_window");
    let device = scene.world.device(org, &unit).await;
    let path = format!("/v1/{}:heartbeat", device.name);
    patiently("the device to be known", || async {
        let answer = device.rest.call(Method::POST, &path, Some(&json!({}))).await;
        answer.0.is_success().then_some(())
    })
    .await;
    device
}

pub async fn revoked_device(scene: &Scene) -> Verdict {
    let device = device(scene).await;
    scene.org().rest.post(&format!("/v1/{}:revoke", device.name), json!({})).await;
    let mut press = press(scene).await;
    let began = std::time::Instant::now();
    loop {
        let body = json!({"ratings": [press]});
        let path = "/v1/ratings:batchCreate";
        let (status, answer) = device.rest.call(Method::POST, path, Some(&body)).await;
        if status.as_u16() == 401 {
            expect("the device", &(401, answer), 401, "REVOKED")?;
            break;
        }
        // Until its credential has ended it is known to be revoked all the same.
        let held = answer["results"][0]["code"] == 9;
        ensure(held, || format!("counted after its revocation: {status} {answer}"))?;
        ensure(began.elapsed().as_secs() < 5, || "its token lives on".to_owned())?;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    // A bridge that still holds ratings of it loses none: they are kept apart.
    let partner = scene.token(scene.principal("partner")).unwrap_or_default();
    press = self::press(scene).await;
    press["device"] = json!(device.name);
    let answer = send(&scene.world.rest.with_token(&partner), &[press]).await?;
    ensure(answer["results"][0]["code"] == 9, || format!("{answer}"))?;
    ensure(answer["results"][0]["retryable"] == false, || format!("{answer}"))
}

pub async fn third_stream(scene: &Scene) -> Verdict {
    let device = device(scene).await;
    let token = device.rest.token().unwrap_or_default().to_owned();
    let mut held = Vec::new();
    for number in 1..=3 {
        let mut request = tonic::Request::new(futures::stream::pending::<bytes::Bytes>());
        let value = format!("Bearer {token}").parse().expect("a header value");
        request.metadata_mut().insert("authorization", value);
        let mut client = tonic::client::Grpc::new(scene.doors.gateway.clone());
        client.ready().await.expect("a channel is always ready");
        let path = "/manyi.device.v1.RatingService/UploadRatings".parse().expect("a path");
        let answer = client.streaming(request, path, wire::Raw).await;
        match (number, answer) {
            (1 | 2, Ok(stream)) => held.push(stream),
            (1 | 2, Err(status)) => return Err(format!("stream {number}: {status}")),
            (_, Ok(_)) => return Err("a third stream was opened".to_owned()),
            (_, Err(status)) => {
                let answer = wire::Answer::refused(status);
                ensure(answer.code == Code::ResourceExhausted, || format!("{answer:?}"))?;
                ensure(answer.reason == "LIMIT_REACHED", || format!("{answer:?}"))?;
            }
        }
    }
    Ok(())
}

pub async fn duplicate_identity(scene: &Scene) -> Verdict {
    let first = press(scene).await;
    let mut second = first.clone();
    second["ratingId"] = json!(Uuid::now_v7());
    let rest = &scene.own().device.rest;
    send(rest, &[first]).await?;
    let answer = send(rest, &[second]).await?;
    let result = &answer["results"][0];
    let told = result["code"] == 9 && result["reason"] == "DUPLICATE_IDENTITY";
    ensure(told && result["retryable"] == false, || format!("{answer}"))
}

pub async fn pairing(scene: &Scene) -> Verdict {
    let device = json!({
        "displayName": fresh(), "kind": "DEVICE_KIND_TABLET", "unit": scene.own().word("branch"),
    });
    let created = post(scene.org(), "/v1/devices", device).await;
    let code = json!({"pairingCode": text(&created["pairingCode"]["code"])});
    let anonymous = &scene.world.rest;
    let enroll = async |code: &Value| {
        let (status, body) = anonymous.call(Method::POST, "/v1/devices:enroll", Some(code)).await;
        (status.as_u16(), body)
    };
    expect("the first use", &enroll(&code).await, 200, "")?;
    expect("the second use", &enroll(&code).await, 400, "PAIRING_CODE_INVALID")?;
    let wrong = json!({"pairingCode": "2222-2222"});
    for guess in 0..6 {
        let answer = enroll(&wrong).await;
        if answer.0 == 429 {
            expect("too many guesses", &answer, 429, "TOO_MANY_ATTEMPTS")?;
            return ensure(guess >= 1, || "refused too early".to_owned());
        }
        expect("a wrong guess", &answer, 400, "PAIRING_CODE_INVALID")?;
    }
    expect("one guess too many", &enroll(&wrong).await, 429, "TOO_MANY_ATTEMPTS")
}

pub async fn exact_numbers(scene: &Scene) -> Verdict {
    // 2^53 + 1, as text and as a number.
    for (epoch, sequence) in [(5, json!("9007199254740993")), (6, json!(9_007_199_254_740_993_i64))]
    {
        let mut press = press(scene).await;
        press["epoch"] = json!(epoch);
        press["sequence"] = sequence;
        let answer = send(&scene.own().device.rest, &[press]).await?;
        ensure(answer["results"][0]["code"] == 0, || format!("{answer}"))?;
        let rating = stored(scene, &answer).await;
        ensure(rating["sequence"] == "9007199254740993", || format!("{rating}"))?;
    }
    Ok(())
}

pub async fn moved_meanwhile(scene: &Scene) -> Verdict {
    let device = device(scene).await;
    let (before, after) = (scene.own().word("spare_window"), window(scene).await);
    let pressed = jiff::Timestamp::now();
    let path = format!("/v1/{}:assign", device.name);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    post(scene.org(), &path, json!({"window": after})).await;
    let mut press = press(scene).await;
    press["deviceTime"] = json!(pressed.to_string());
    let answer = send(&device.rest, &[press]).await?;
    ensure(answer["results"][0]["code"] == 0, || format!("{answer}"))?;
    let rating = stored(scene, &answer).await;
    ensure(rating["window"] == json!(before), || format!("it stood at {before}: {rating}"))
}
