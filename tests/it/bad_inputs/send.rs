//! Sends one input of the catalogue and gives what came back.

use std::collections::BTreeMap;

use bytes::Bytes;
use e2e::processes::Part;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body_util::BodyExt as _;
use proto::methods::table;
use tonic::{Status, body::Body};

use super::{
    data::Case,
    http1,
    words::{bytes, text, unhex},
};
use crate::authorization::{scene::Scene, target, wire::Answer, wire::encode};

/// An answer with what the transport says about it.
pub struct Outcome {
    /// What it means.
    pub answer: Answer,
    /// Headers.
    pub headers: BTreeMap<String, String>,
    /// The connection ended.
    pub closed: bool,
}

/// Sends an input.
pub async fn send(scene: &Scene, case: &Case) -> Outcome {
    if let Some(raw) = &case.raw {
        let raw = bytes(scene, raw).await;
        return over_http1(scene, &raw, !case.want.close).await;
    }
    match &case.request {
        Some(request) => rest(scene, case, request).await,
        None => grpc(scene, case).await,
    }
}

async fn over_http1(scene: &Scene, raw: &[u8], first: bool) -> Outcome {
    let reply = http1::talk(&scene.world.address, raw, first).await;
    let mut answer = target::read(reply.status, Bytes::from(reply.body.clone()));
    answer.http = reply.status;
    let headers = reply.headers.into_iter().collect();
    Outcome { answer, headers, closed: reply.closed }
}

/// Headers of an input and of its caller. A header `name: -` is left out.
async fn headers(scene: &Scene, case: &Case) -> Vec<(String, Vec<u8>)> {
    let mut headers = Vec::new();
    for line in &case.headers {
        let (name, value) = line.split_once(':').expect("name: value");
        let value = bytes(scene, value.strip_prefix(' ').unwrap_or(value)).await;
        headers.push((name.to_owned(), value));
    }
    if !case.caller.is_empty()
        && let Some(token) = scene.token(scene.principal(&case.caller))
    {
        headers.push(("authorization".to_owned(), format!("Bearer {token}").into_bytes()));
    }
    headers
}

fn has(headers: &[(String, Vec<u8>)], name: &str) -> bool {
    headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
}

async fn rest(scene: &Scene, case: &Case, request: &str) -> Outcome {
    let mut headers = headers(scene, case).await;
    let mut body = bytes(scene, &case.body).await;
    if !case.form.is_empty() {
        let mut pairs = Vec::new();
        for (key, value) in &case.form {
            let value = text(scene, value).await.replace(' ', "%20");
            pairs.push(format!("{key}={value}"));
        }
        body = pairs.join("&").into_bytes();
        let kind = b"application/x-www-form-urlencoded".to_vec();
        headers.push(("content-type".to_owned(), kind));
    }
    if !body.is_empty() && !has(&headers, "content-type") {
        headers.push(("content-type".to_owned(), b"application/json".to_vec()));
    }
    let verb = request.split(' ').next().unwrap_or_default();
    if !has(&headers, "content-length") && (verb != "GET" || !body.is_empty()) {
        headers.push(("content-length".to_owned(), body.len().to_string().into_bytes()));
    }
    let mut raw = text(scene, request).await.into_bytes();
    raw.extend_from_slice(b" HTTP/1.1\r\nHost: manyi.test\r\n");
    for (name, value) in headers.iter().filter(|(_, value)| value != b"-") {
        raw.extend_from_slice(format!("{name}: ").as_bytes());
        raw.extend_from_slice(value);
        raw.extend_from_slice(b"\r\n");
    }
    raw.extend_from_slice(b"\r\n");
    raw.extend_from_slice(&body);
    over_http1(scene, &raw, true).await
}

/// A message with its length before it.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a short message").to_be_bytes();
    [&[0], length.as_slice(), message].concat()
}

async fn grpc(scene: &Scene, case: &Case) -> Outcome {
    let method = case.method.as_deref().expect("a request, a method or raw bytes");
    let path = format!("/{method}");
    let body = if let Some(frame) = &case.frame {
        unhex(&text(scene, frame).await)
    } else if let Some(message) = &case.message {
        framed(&unhex(&text(scene, message).await))
    } else {
        let known = &table()[&path];
        let json = bytes(scene, &case.body).await;
        let json = serde_json::from_slice(&json).expect("JSON of a message");
        framed(&encode(&known.descriptor.input(), &json))
    };
    let mut map = HeaderMap::new();
    for (name, value) in [("content-type", "application/grpc"), ("te", "trailers")] {
        map.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in headers(scene, case).await {
        let name: HeaderName = name.parse().expect("a header name");
        match value.as_slice() {
            b"-" => drop(map.remove(name)),
            _ if map.contains_key(&name) && name.as_str().starts_with("content") => {
                map.insert(name, HeaderValue::from_bytes(&value).expect("a header value"));
            }
            _ => drop(map.append(name, HeaderValue::from_bytes(&value).expect("a value"))),
        }
    }
    let verb = if case.verb.is_empty() { "POST" } else { &case.verb };
    let mut request = Request::builder().method(verb).uri(&path);
    *request.headers_mut().expect("a sound request") = map;
    let body = Body::new(http_body_util::Full::new(Bytes::from(body)));
    let request = request.body(body).expect("a sound request");
    let part = match method {
        _ if !case.at_service => Part::Gateway,
        _ if method.starts_with("manyi.auth") => Part::Auth,
        _ if method.starts_with("manyi.device") => Part::Device,
        _ => Part::Analytics,
    };
    through(&scene.address_of(part), request).await
}

/// Sends a call over a connection of its own.
pub async fn through(address: &str, request: Request<Body>) -> Outcome {
    use tower::ServiceExt as _;
    let chan = kit::rpc::connect(address).expect("an address");
    let response = chan.oneshot(request).await.unwrap_or_else(|never| match never {});
    let (parts, body) = response.into_parts();
    let (mut trailers, mut message, mut broken) = (HeaderMap::new(), Bytes::new(), None);
    match body.collect().await {
        Ok(collected) => {
            trailers = collected.trailers().cloned().unwrap_or_default();
            message = collected.to_bytes();
        }
        Err(status) => broken = Some(status),
    }
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = parts.headers.iter().map(|(k, v)| (k.to_string(), text(v))).collect();
    let status = Status::from_header_map(&trailers)
        .or_else(|| Status::from_header_map(&parts.headers))
        .or(broken);
    let mut answer = match status {
        Some(status) if status.code() != tonic::Code::Ok => Answer::refused(status),
        Some(_) => Answer::ok(message.slice(message.len().min(5)..)),
        // Not gRPC at all: the status of HTTP says it.
        None => target::read(parts.status.as_u16(), message),
    };
    answer.http = parts.status.as_u16();
    Outcome { answer, headers, closed: false }
}
