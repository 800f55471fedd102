//! The gateway over gRPC-Web, as a program in a browser speaks it: frames in bodies over
//! HTTP/1.1, and the status in a last frame of its own.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use e2e::Rest;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue};
use proto::methods::Method;
use serde_json::Value;
use tonic::{Code, Status};

use super::{
    target::{Target, speaking_as},
    wire::{Answer, PATIENCE, encode},
};

const CONTENT_TYPE: &str = "application/grpc-web+proto";
/// Marks the frame with the status.
const TRAILERS: u8 = 0x80;

/// The gateway over gRPC-Web.
pub struct Web(pub Rest);

impl Target for Web {
    fn name(&self) -> &'static str {
        "grpc-web"
    }

    fn call<'a>(
        &'a self,
        method: &'a Method,
        token: Option<&'a str>,
        request: &'a Value,
    ) -> BoxFuture<'a, Answer> {
        let rest = speaking_as(&self.0, token);
        Box::pin(async move {
            let answer = tokio::time::timeout(PATIENCE, send(rest, method, request)).await;
            answer.unwrap_or_else(|_| unknown("nothing came back"))
        })
    }
}

fn unknown(text: &str) -> Answer {
    Answer::refused(Status::unknown(text))
}

async fn send(rest: Rest, method: &Method, request: &Value) -> Answer {
    let message = encode(&method.descriptor.input(), request);
    let mut body = BytesMut::new();
    body.put_u8(0);
    body.put_u32(u32::try_from(message.len()).expect("a small message"));
    body.put(message);
    let sent = rest.request(reqwest::Method::POST, &method.path);
    let sent = sent.header("content-type", CONTENT_TYPE).header("x-grpc-web", "1");
    let mut answer = sent.body(body.freeze()).send().await.expect("the gateway answers");
    if answer.status() != 200 || answer.headers()["content-type"] != CONTENT_TYPE {
        return unknown(&format!("{answer:?}"));
    }
    // A refusal without messages may stand in the head.
    if let Some(status) = Status::from_header_map(answer.headers()) {
        return Answer::refused(status);
    }
    let (mut bytes, mut first) = (BytesMut::new(), None);
    loop {
        while let Some((kind, frame)) = take_frame(&mut bytes) {
            if kind & TRAILERS != 0 {
                return ended(first, &frame);
            }
            // The first message says that it was allowed; a stream may go on for ever.
            if method.descriptor.is_server_streaming() {
                return Answer::ok(frame);
            }
            if first.replace(frame).is_some() {
                return unknown("two answers to one call");
            }
        }
        match answer.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            _ => return unknown("the answer ends without a status"),
        }
    }
}

fn take_frame(bytes: &mut BytesMut) -> Option<(u8, Bytes)> {
    let mut head = bytes.get(..5)?;
    let (kind, length) = (head.get_u8(), head.get_u32() as usize);
    if bytes.len() < 5 + length {
        return None;
    }
    bytes.advance(5);
    Some((kind, bytes.split_to(length).freeze()))
}

/// What a call gave that ended with these trailers.
fn ended(message: Option<Bytes>, trailers: &[u8]) -> Answer {
    let mut headers = HeaderMap::new();
    for line in String::from_utf8_lossy(trailers).lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let name = HeaderName::try_from(name.trim()).expect("the name of a trailer");
        let value = HeaderValue::try_from(value.trim()).expect("the value of a trailer");
        headers.append(name, value);
    }
    match (Status::from_header_map(&headers), message) {
        (Some(status), Some(message)) if status.code() == Code::Ok => Answer::ok(message),
        (Some(status), _) if status.code() != Code::Ok => Answer::refused(status),
        _ => unknown("neither an answer nor a refusal"),
    }
}
