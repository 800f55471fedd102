//! Where the matrix is run against: the services' own ports, the gateway over gRPC, the gateway
//! over REST; over gRPC-Web in [`super::web`].

use std::collections::BTreeMap;

use bytes::Bytes;
use e2e::Rest;
use futures::future::BoxFuture;
use proto::{common::v1::Kind, methods::Method};
use serde_json::Value;
use tonic::Code;

use super::{
    scene::Doors,
    wire::{Answer, call, encode},
};

/// Something that answers calls.
pub trait Target: Sync {
    /// For reports.
    fn name(&self) -> &'static str;

    /// Whether it has a method at all; the gateway has those for callers outside.
    fn has(&self, method: &Method) -> bool {
        is_public(method)
    }

    /// Whether it can be called there: REST has no streams from the client.
    fn can(&self, _: &Method) -> bool {
        true
    }

    /// Calls with a request in its JSON form.
    fn call<'a>(
        &'a self,
        method: &'a Method,
        token: Option<&'a str>,
        request: &'a Value,
    ) -> BoxFuture<'a, Answer>;
}

/// The services' own ports.
pub struct Services<'a>(pub &'a Doors);

impl Target for Services<'_> {
    fn name(&self) -> &'static str {
        "service"
    }

    fn has(&self, _: &Method) -> bool {
        true
    }

    fn call<'a>(
        &'a self,
        method: &'a Method,
        token: Option<&'a str>,
        request: &'a Value,
    ) -> BoxFuture<'a, Answer> {
        let chan = self.0.of_package(&method.package);
        let message = encode(&method.descriptor.input(), request);
        Box::pin(async move { call(chan, method, token, vec![message], &BTreeMap::new()).await })
    }
}

/// Whether a method is there for callers outside of the installation.
fn is_public(method: &Method) -> bool {
    method.rule.anonymous || method.rule.kinds.iter().any(|kind| *kind != Kind::Internal as i32)
}

/// The gateway over gRPC.
pub struct Gateway<'a>(pub &'a Doors);

impl Target for Gateway<'_> {
    fn name(&self) -> &'static str {
        "gateway"
    }

    fn call<'a>(
        &'a self,
        method: &'a Method,
        token: Option<&'a str>,
        request: &'a Value,
    ) -> BoxFuture<'a, Answer> {
        let message = encode(&method.descriptor.input(), request);
        Box::pin(async move {
            call(&self.0.gateway, method, token, vec![message], &BTreeMap::new()).await
        })
    }
}

/// A client over HTTP with the token of a call, or with none.
pub fn speaking_as(rest: &Rest, token: Option<&str>) -> Rest {
    token.map_or_else(|| rest.clone(), |token| rest.with_token(token))
}

/// The gateway over REST.
pub struct RestDoor(pub Rest);

impl Target for RestDoor {
    fn name(&self) -> &'static str {
        "rest"
    }

    fn can(&self, method: &Method) -> bool {
        !method.descriptor.is_client_streaming()
    }

    fn call<'a>(
        &'a self,
        method: &'a Method,
        token: Option<&'a str>,
        request: &'a Value,
    ) -> BoxFuture<'a, Answer> {
        let rest = speaking_as(&self.0, token);
        Box::pin(send(rest, method, request))
    }
}

async fn send(rest: Rest, method: &Method, request: &Value) -> Answer {
    let binding = &method.http[0];
    let mut left = request.clone();
    let mut path = fill_path(&binding.template, &mut left);
    let verb = binding.verb.parse().expect("a verb");
    let body = match binding.body.as_str() {
        "" => None,
        "*" => Some(std::mem::take(&mut left)),
        field => Some(take(&mut left, &camel(field))),
    };
    let query = pairs(&left);
    if !query.is_empty() {
        path = format!("{path}?{}", query.join("&"));
    }
    let mut builder = rest.request(verb, &path);
    if let Some(body) = body {
        builder = if method.rule.form {
            let kind = "application/x-www-form-urlencoded";
            builder.header("content-type", kind).body(pairs(&body).join("&"))
        } else {
            builder.json(&body)
        };
    }
    let answer = builder.send().await.expect("the gateway answers");
    let http = answer.status().as_u16();
    // The head of a stream says whether it was allowed; the stream itself may go on for ever.
    let streams = method.descriptor.is_server_streaming() && http == 200;
    let body = if streams { Bytes::new() } else { answer.bytes().await.expect("a body") };
    read(http, body)
}

/// An answer over HTTP with the code that it stands for.
pub fn read(http: u16, body: Bytes) -> Answer {
    if (200..300).contains(&http) {
        return Answer { http, ..Answer::ok(body) };
    }
    let document: Value = serde_json::from_slice(&body).unwrap_or_default();
    let reason = document["reason"].as_str().unwrap_or_default();
    // The token endpoint answers in the form of RFC 6749.
    let oauth = document["error"].as_str().unwrap_or_default();
    let code = match (http, reason) {
        (_, "UNKNOWN_METHOD") => Code::Unimplemented,
        (401, _) => Code::Unauthenticated,
        (403, _) => Code::PermissionDenied,
        (404, _) => Code::NotFound,
        (409, "ALREADY_EXISTS" | "IDEMPOTENCY_CONFLICT") => Code::AlreadyExists,
        (409, _) => Code::Aborted,
        (413 | 429, _) => Code::ResourceExhausted,
        (400, "WRONG_STATE" | "IN_USE" | "LAST_OWNER" | "CYCLE") => Code::FailedPrecondition,
        (400..500, _) => Code::InvalidArgument,
        (503, _) => Code::Unavailable,
        (504, _) => Code::DeadlineExceeded,
        _ => Code::Internal,
    };
    let violations = document["violations"].as_array().cloned().unwrap_or_default();
    let fields = violations.iter().filter_map(|v| v["field"].as_str().map(str::to_owned));
    Answer {
        code,
        reason: if reason.is_empty() { oauth } else { reason }.to_owned(),
        text: document["detail"].as_str().unwrap_or_default().to_owned(),
        fields: fields.collect(),
        visible: [http.to_string().as_bytes(), &body].concat(),
        body,
        http,
    }
}

/// Puts fields into a path template and takes them out of the request.
fn fill_path(template: &str, request: &mut Value) -> String {
    let Some((before, rest)) = template.split_once('{') else { return template.to_owned() };
    let (variable, after) = rest.split_once('}').expect("a closed variable");
    let field = variable.split('=').next().unwrap_or_default();
    let steps: Vec<String> = field.split('.').map(camel).collect();
    let mut at = &mut *request;
    for step in &steps[..steps.len() - 1] {
        at = &mut at[step];
    }
    let value = match take(at, &steps[steps.len() - 1]) {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    // A path may name more than one field.
    format!("{before}{value}{}", fill_path(after, request))
}

fn take(request: &mut Value, field: &str) -> Value {
    request.as_object_mut().and_then(|fields| fields.remove(field)).unwrap_or_default()
}

/// `page_size` as JSON spells it.
fn camel(field: &str) -> String {
    let mut words = field.split('_');
    let mut text = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        text.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        text.push_str(letters.as_str());
    }
    text
}

/// Parameters of a query or form; fixtures hold nothing there that has to be escaped but
/// blanks.
fn pairs(fields: &Value) -> Vec<String> {
    let Some(fields) = fields.as_object() else { return Vec::new() };
    let text = |value: &Value| match value {
        Value::String(text) => text.replace(' ', "%20"),
        other => other.to_string(),
    };
    fields.iter().map(|(key, value)| format!("{key}={}", text(value))).collect()
}
