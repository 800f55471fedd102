//! gRPC and HTTP/2 beneath what a client library would send.

use std::time::{Duration, Instant};

use bytes::Bytes;
use e2e::processes::Part;
use http::Request;
use http_body_util::Full;
use serde_json::json;
use tokio::{io::AsyncReadExt as _, net::TcpStream};
use tonic::{Code, body::Body};

use super::{Verdict, ensure};
use crate::{
    authorization::{scene::Scene, wire::Answer},
    bad_inputs::{
        h2::{
            Connection, DATA, END_STREAM, Frame, GOAWAY, HEADERS, RST_STREAM, WINDOW_UPDATE, block,
            call,
        },
        send::{framed, through},
    },
};

const SELF: &str = "/manyi.auth.v1.TokenService/GetSelf";
const UPLOAD: &str = "/manyi.device.v1.RatingService/UploadRatings";
const PATIENCE: Duration = Duration::from_secs(10);
const CONTINUATION: u8 = 9;
/// Error codes of RFC 9113.
const PROTOCOL_ERROR: u32 = 1;
const CANCEL: [u8; 4] = [0, 0, 0, 8];
const ENHANCE_YOUR_CALM: u32 = 11;

async fn unary(scene: &Scene, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let token = scene.token(scene.principal("owner")).unwrap_or_default();
    let mut request = Request::builder()
        .method("POST")
        .uri(path)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {token}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::new(Full::new(Bytes::from(body)))).expect("a request");
    through(&scene.world.address, request).await.answer
}

/// The server is well: another call on another connection is answered.
async fn is_well(scene: &Scene) -> Verdict {
    let answer = unary(scene, SELF, &[], framed(&[])).await;
    ensure(answer.code == Code::Ok, || format!("the server is not well: {answer:?}"))
}

pub async fn nested_messages(scene: &Scene) -> Verdict {
    // google.protobuf.Value { list_value { values { … } } }
    let mut value = vec![0x08, 0];
    for _ in 0..100 {
        let list = field(0x0a, &value);
        value = field(0x32, &list);
    }
    let entry = [field(0x0a, b"values"), field(0x12, &value)].concat();
    let input = field(0x0a, &entry);
    let message = [field(0x0a, b"nps.score"), field(0x12, &input)].concat();
    let path = "/manyi.analytics.v1.MeasureService/ComputeMeasure";
    let answer = unary(scene, path, &[], framed(&message)).await;
    let told = answer.code == Code::InvalidArgument && answer.reason == "MALFORMED_MESSAGE";
    ensure(told, || format!("{answer:?}"))
}

/// A field of bytes.
fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let mut length = bytes.len();
    while length >= 128 {
        out.push(u8::try_from(length % 128).expect("below 128") | 128);
        length /= 128;
    }
    out.push(u8::try_from(length).expect("below 128"));
    out.extend_from_slice(bytes);
    out
}

pub async fn gzip_bomb(scene: &Scene) -> Verdict {
    let bomb = bomb(64 << 20);
    let length = u32::try_from(bomb.len()).expect("short").to_be_bytes();
    let frame = [&[1], length.as_slice(), &bomb].concat();
    for part in [Part::Gateway, Part::Auth] {
        let token = scene.token(scene.principal("owner")).unwrap_or_default();
        let request = Request::builder()
            .method("POST")
            .uri("/manyi.auth.v1.UnitService/GetUnit")
            .header("content-type", "application/grpc")
            .header("grpc-encoding", "gzip")
            .header("authorization", format!("Bearer {token}"))
            .body(Body::new(Full::new(Bytes::from(frame.clone()))))
            .expect("a request");
        let answer = through(&scene.address_of(part), request).await.answer;
        let refused = matches!(answer.code, Code::ResourceExhausted | Code::Unimplemented);
        ensure(refused && !answer.reason.is_empty(), || format!("{part:?}: {answer:?}"))?;
    }
    is_well(scene).await
}

/// gzip of `size` zeros: one literal, then matches of 258 bytes at distance 1, in the fixed
/// codes of RFC 1951. The check sums at the end are wrong; nobody should get that far.
fn bomb(size: usize) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let (mut bits, mut count) = (0_u64, 0_u32);
    // Huffman codes go in from their first bit.
    let mut put = |code: u64, length: u32, out: &mut Vec<u8>| {
        for at in (0..length).rev() {
            bits |= ((code >> at) & 1) << count;
            count += 1;
            if count == 8 {
                out.push(u8::try_from(bits).expect("eight bits"));
                (bits, count) = (0, 0);
            }
        }
    };
    put(0b110, 3, &mut out);
    put(0b0011_0000, 8, &mut out);
    for _ in 0..size / 258 {
        put(0b1100_0101, 8, &mut out);
        put(0, 5, &mut out);
    }
    put(0, 7, &mut out);
    put(0, 8, &mut out);
    out.extend_from_slice(&[0; 8]);
    out
}

/// The first frame that ends or answers something.
async fn end_of(connection: &mut Connection) -> Option<Frame> {
    let kinds = [HEADERS, RST_STREAM, GOAWAY];
    let frames = connection.until(&kinds, PATIENCE).await;
    frames.into_iter().next_back().filter(|frame| kinds.contains(&frame.kind))
}

pub async fn long_headers(scene: &Scene) -> Verdict {
    for size in [20_000, 100_000] {
        let mut connection = Connection::open(&scene.world.address).await;
        let long = "a".repeat(size);
        let block = block(&call(SELF, &[("x-long", &long)]));
        let (first, rest) = block.split_at(16_000);
        connection.send(HEADERS, END_STREAM, 1, first).await;
        let pieces: Vec<&[u8]> = rest.chunks(16_000).collect();
        for (at, piece) in pieces.iter().enumerate() {
            // END_HEADERS on the last one.
            let flags = if at + 1 == pieces.len() { 4 } else { 0 };
            connection.send(CONTINUATION, flags, 1, piece).await;
        }
        let end = end_of(&mut connection).await;
        // The status 431, a reset, the end of the connection: anything but a service's answer.
        let refused = end.as_ref().is_none_or(|frame| frame.status().is_none_or(|s| s == 431));
        ensure(refused, || format!("{size} bytes of headers: {end:?}"))?;
    }
    is_well(scene).await
}

/// Sends headers with one stream and expects PROTOCOL_ERROR; with a good token, so that nothing
/// but the transport can be to blame.
async fn refused(scene: &Scene, what: &str, headers: &[(&str, &str)], data: &[u8]) -> Verdict {
    let token = scene.token(scene.principal("owner")).unwrap_or_default();
    let token = format!("Bearer {token}");
    let headers = [headers, &[("authorization", &*token)]].concat();
    let mut connection = Connection::open(&scene.world.address).await;
    connection.headers(1, data.is_empty(), &headers).await;
    if !data.is_empty() {
        connection.send(DATA, END_STREAM, 1, data).await;
    }
    let end = end_of(&mut connection).await;
    let told = end.as_ref().is_some_and(|frame| {
        matches!(frame.kind, RST_STREAM | GOAWAY) && frame.error() == PROTOCOL_ERROR
    });
    // Some are answered with the status 400 instead, which is as good.
    let answered = end.as_ref().is_some_and(|frame| frame.status() == Some(400));
    ensure(told || answered, || format!("{what}: {end:?}"))
}

pub async fn hop_headers(scene: &Scene) -> Verdict {
    for header in [("connection", "close"), ("transfer-encoding", "chunked"), ("upgrade", "h2c")] {
        refused(scene, header.0, &call(SELF, &[header]), &[]).await?;
    }
    is_well(scene).await
}

pub async fn broken_pseudo_headers(scene: &Scene) -> Verdict {
    let whole = call(SELF, &[]);
    let no_path: Vec<_> = whole.iter().copied().filter(|(name, _)| *name != ":path").collect();
    refused(scene, "no path", &no_path, &[]).await?;
    let mut two_paths = whole.clone();
    two_paths.insert(1, (":path", "/manyi.auth.v1.TokenService/GetJwks"));
    refused(scene, "two paths", &two_paths, &[]).await?;
    let mut late = whole.clone();
    late.push((":method", "POST"));
    refused(scene, "a late pseudo header", &late, &[]).await?;
    let upper = call(SELF, &[("X-Upper", "1")]);
    refused(scene, "capital letters", &upper, &[]).await?;
    let length = call(SELF, &[("content-length", "3")]);
    refused(scene, "a length that does not fit", &length, &[0; 5]).await?;
    is_well(scene).await
}

pub async fn forbidden_frames(scene: &Scene) -> Verdict {
    let frames: [(&str, u8, u32, &[u8]); 4] = [
        ("an even stream", HEADERS, 2, &block(&call(SELF, &[]))),
        ("data on no stream", DATA, 1, b"x"),
        ("a window update of nothing", WINDOW_UPDATE, 0, &[0, 0, 0, 0]),
        ("the end of no stream", RST_STREAM, 1, &CANCEL),
    ];
    for (what, kind, stream, payload) in frames {
        let mut connection = Connection::open(&scene.world.address).await;
        connection.send(kind, 5, stream, payload).await;
        let seen = connection.until(&[GOAWAY], PATIENCE).await;
        let told = seen.last().is_some_and(|f| f.kind == GOAWAY && f.error() == PROTOCOL_ERROR);
        ensure(told, || format!("{what}: {:?}", seen.last()))?;
    }
    is_well(scene).await
}

/// Whether the server ends a connection because it asks for too much.
async fn calmed(connection: &mut Connection) -> Verdict {
    let seen = connection.until(&[GOAWAY], PATIENCE).await;
    let last = seen.last();
    let told = last.is_some_and(|f| f.kind == GOAWAY && f.error() == ENHANCE_YOUR_CALM);
    ensure(told, || format!("{last:?}"))
}

pub async fn rapid_reset(scene: &Scene) -> Verdict {
    let mut connection = Connection::open(&scene.world.address).await;
    let headers = call(SELF, &[]);
    for number in 0..5_000 {
        let stream = 1 + 2 * number;
        let open = connection.headers(stream, false, &headers).await;
        if !open || !connection.send(RST_STREAM, 0, stream, &CANCEL).await {
            break;
        }
    }
    calmed(&mut connection).await?;
    is_well(scene).await
}

pub async fn empty_frames(scene: &Scene) -> Verdict {
    let token = scene.token(scene.principal("device")).unwrap_or_default();
    let token = format!("Bearer {token}");
    let mut connection = Connection::open(&scene.world.address).await;
    connection.headers(1, false, &call(UPLOAD, &[("authorization", &token)])).await;
    for _ in 0..5_000 {
        if !connection.send(DATA, 0, 1, &[]).await {
            break;
        }
    }
    calmed(&mut connection).await?;
    is_well(scene).await
}

pub async fn silent_connection(scene: &Scene) -> Verdict {
    for part in [Part::Gateway, Part::Auth] {
        let address = scene.address_of(part);
        let began = Instant::now();
        let socket = TcpStream::connect(address.trim_start_matches("http://")).await;
        let mut socket = socket.expect("the port is open");
        let closed = tokio::time::timeout(PATIENCE, socket.read(&mut [0])).await;
        let took = began.elapsed();
        ensure(matches!(closed, Ok(Ok(0) | Err(_))), || format!("{part:?} still waits"))?;
        ensure(took < Duration::from_secs(8), || format!("{part:?} waited {took:?}"))?;
    }
    Ok(())
}

pub async fn dripping_call(scene: &Scene) -> Verdict {
    let token = scene.token(scene.principal("owner")).unwrap_or_default();
    let token = format!("Bearer {token}");
    let mut connection = Connection::open(&scene.world.address).await;
    let headers = call(SELF, &[("authorization", &token), ("grpc-timeout", "2S")]);
    connection.headers(1, false, &headers).await;
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        connection.send(DATA, 0, 1, &[0]).await;
        let seen = connection.until(&[HEADERS, RST_STREAM], Duration::from_millis(500)).await;
        if seen.iter().any(|frame| matches!(frame.kind, HEADERS | RST_STREAM)) {
            let took = began.elapsed();
            let in_time = (Duration::from_millis(1_500)..Duration::from_secs(5)).contains(&took);
            return ensure(in_time, || format!("it was ended after {took:?}"));
        }
        if began.elapsed() > Duration::from_secs(1) {
            // The message is never complete: five bytes of prefix would be one.
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
    Err("the call was never ended".to_owned())
}

pub async fn health(scene: &Scene) -> Verdict {
    let path = "/grpc.health.v1.Health/Check";
    let request = Request::builder()
        .method("POST")
        .uri(path)
        .header("content-type", "application/grpc")
        .body(Body::new(Full::new(Bytes::from(framed(&[])))))
        .expect("a request");
    let answer = through(&scene.world.address, request).await.answer;
    // HealthCheckResponse { status: SERVING }
    ensure(answer.code == Code::Ok && *answer.body == [8, 1], || format!("{answer:?}"))
}

pub async fn many_questions(scene: &Scene) -> Verdict {
    let (unit, owner) = (scene.own().word("branch"), &scene.org().rest);
    let groups = ["GROUP_BY_DAY", "GROUP_BY_STAFF", "GROUP_BY_BUSINESS_TYPE"];
    let question = json!({
        "unit": unit, "from": "2020-01-01", "to": "2026-12-31", "groupBy": groups,
        "rowLimit": 10_000,
    });
    let asked =
        (0..100).map(|_| owner.call(reqwest::Method::POST, "/v1/figures:query", Some(&question)));
    for (status, body) in futures::future::join_all(asked).await {
        // Answered, or told to come back.
        let fine = matches!(status.as_u16(), 200 | 429);
        ensure(fine, || format!("{status} {body}"))?;
    }
    is_well(scene).await
}

pub async fn stalled_calls(scene: &Scene) -> Verdict {
    let token = scene.token(scene.principal("owner")).unwrap_or_default();
    let token = format!("Bearer {token}");
    let mut connection = Connection::open(&scene.world.address).await;
    let headers = call(SELF, &[("authorization", &token), ("grpc-timeout", "2S")]);
    for number in 0..100 {
        let stream = 1 + 2 * number;
        connection.headers(stream, false, &headers).await;
        // Nearly 4 MiB are to come.
        connection.send(DATA, 0, stream, &[0, 0, 0x3f, 0xff, 0xff]).await;
    }
    let began = Instant::now();
    let mut ended = 0;
    while ended < 100 && began.elapsed() < PATIENCE {
        let seen = connection.until(&[HEADERS, RST_STREAM], PATIENCE).await;
        ended += seen.iter().filter(|f| f.flags & END_STREAM != 0 && f.kind == HEADERS).count();
    }
    ensure(ended == 100, || format!("only {ended} of 100 were ended"))?;
    is_well(scene).await
}

pub async fn server_made_resets(scene: &Scene) -> Verdict {
    let token = scene.token(scene.principal("owner")).unwrap_or_default();
    let token = format!("Bearer {token}");
    let mut connection = Connection::open(&scene.world.address).await;
    let headers = call(SELF, &[("authorization", &token)]);
    for number in 0..3_000 {
        let stream = 1 + 2 * number;
        let open = connection.headers(stream, false, &headers).await;
        // A window beyond 2^31 - 1 is an error of the stream.
        if !open || !connection.send(WINDOW_UPDATE, 0, stream, &[0x7f, 255, 255, 255]).await {
            break;
        }
    }
    calmed(&mut connection).await?;
    is_well(scene).await
}

pub async fn ping_flood(scene: &Scene) -> Verdict {
    const PING: u8 = 6;
    let mut connection = Connection::open(&scene.world.address).await;
    for _ in 0..100 {
        for _ in 0..100 {
            connection.send(PING, 0, 0, &[0; 8]).await;
        }
        is_alive(connection.until(&[PING], PATIENCE).await.last(), PING)?;
    }
    is_well(scene).await
}

fn is_alive(last: Option<&Frame>, kind: u8) -> Verdict {
    ensure(last.is_some_and(|frame| frame.kind == kind), || format!("{last:?}"))
}
