//! Server streams over HTTP: server-sent events, or JSON lines for programs.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::Body,
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use kit::rpc::Chan;
use prost_reflect::MessageDescriptor;
use proto::{common::v1::Reason, methods::Method};
use tonic::{Status, Streaming};

use super::{ANSWER_BYTES_MAX, target};
use crate::{
    Config, Problem,
    transcode::{codec::Raw, json_out},
};

/// Time after which a browser connects again.
const RETRY: Duration = Duration::from_secs(2);
const RESUME_FIELD: &str = "resume_token";

/// Takes an access token out of the query (RFC 6750 section 2.3): the event source of browsers
/// cannot set headers. Only for streams, and only when there is no header.
pub fn take_token(query: &mut Vec<(String, String)>, headers: &mut HeaderMap) {
    if headers.contains_key(header::AUTHORIZATION) {
        return;
    }
    let Some(at) = query.iter().position(|(key, _)| key == "access_token") else { return };
    let (_, token) = query.remove(at);
    if let Ok(value) = HeaderValue::try_from(format!("Bearer {token}")) {
        headers.insert(header::AUTHORIZATION, value);
    }
}

enum Form {
    Events,
    Lines,
}

fn form(headers: &HeaderMap) -> Result<Form, Problem> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let Some(accept) = accept else { return Ok(Form::Events) };
    let accept = accept.to_ascii_lowercase();
    let kinds = accept.split(',').map(|part| part.split(';').next().unwrap_or_default().trim());
    let mut form = None;
    for kind in kinds {
        match kind {
            "text/event-stream" | "text/*" | "*/*" => form = form.or(Some(Form::Events)),
            "application/x-ndjson" | "application/jsonl" => form = form.or(Some(Form::Lines)),
            _ => {}
        }
    }
    form.ok_or_else(|| {
        let text = "this call answers text/event-stream or application/x-ndjson";
        Problem::new(StatusCode::NOT_ACCEPTABLE, Reason::UnsupportedTransport, text)
    })
}

/// Calls a streaming method and answers message by message.
///
/// # Errors
/// What the service answers before its first message.
pub async fn answer(
    config: &Config,
    chan: Chan,
    method: &'static Method,
    headers: &HeaderMap,
    request: tonic::Request<Bytes>,
) -> Result<Response, Problem> {
    let form = form(headers)?;
    let mut client = tonic::client::Grpc::new(chan).max_decoding_message_size(ANSWER_BYTES_MAX);
    // A channel is always ready and never fails.
    let _ = client.ready().await;
    let response = client.server_streaming(request, target(method), Raw).await?;
    let messages = response.into_inner();
    let output = method.descriptor.output();
    let mut response = match form {
        Form::Events => {
            let alive = KeepAlive::new().interval(config.keep_alive).text("alive");
            Sse::new(events(messages, output)).keep_alive(alive).into_response()
        }
        Form::Lines => {
            let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
            (kind, Body::from_stream(lines(messages, output))).into_response()
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that buffer would hold events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// Messages as JSON; the first error is the last item.
fn printed(
    messages: Streaming<Bytes>,
    output: MessageDescriptor,
) -> impl Stream<Item = Result<(String, Option<String>), Problem>> + Send {
    futures::stream::unfold(Some(messages), move |messages| {
        let output = output.clone();
        async move {
            let mut messages = messages?;
            match messages.message().await {
                Ok(None) => None,
                Ok(Some(bytes)) => match print(&output, &bytes) {
                    Ok(item) => Some((Ok(item), Some(messages))),
                    Err(problem) => Some((Err(problem), None)),
                },
                Err(status) => Some((Err(problem_of(status)), None)),
            }
        }
    })
}

fn print(output: &MessageDescriptor, bytes: &Bytes) -> Result<(String, Option<String>), Problem> {
    let printed = json_out::print(output, bytes, true)?;
    let token = printed.text(RESUME_FIELD);
    // JSON is UTF-8 by construction.
    Ok((String::from_utf8(printed.json).unwrap_or_default(), token))
}

fn problem_of(status: Status) -> Problem {
    status.into()
}

fn events(
    messages: Streaming<Bytes>,
    output: MessageDescriptor,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    // The first line says that the stream is open, before anything has happened.
    let opening = futures::stream::once(async { Event::default().retry(RETRY).comment("open") });
    let events = printed(messages, output).map(|item| match item {
        Ok((json, token)) => {
            let event = Event::default().data(json);
            match token.filter(|token| !token.contains(['\r', '\n', '\0'])) {
                Some(token) => event.id(token),
                None => event,
            }
        }
        Err(problem) => Event::default().event("error").data(problem.document().to_string()),
    });
    opening.chain(events).map(Ok)
}

/// One JSON object a line: `{"result": …}`, or `{"error": …}` at the end.
fn lines(
    messages: Streaming<Bytes>,
    output: MessageDescriptor,
) -> impl Stream<Item = Result<String, Infallible>> + Send {
    printed(messages, output).map(|item| {
        Ok(match item {
            Ok((json, _)) => format!("{{\"result\":{json}}}\n"),
            Err(problem) => format!("{{\"error\":{}}}\n", problem.document()),
        })
    })
}
