//! Answers that are files: the bytes of `google.api.HttpBody` as they are. What a service says
//! beside its file becomes trailer fields, announced by the first piece; a file that breaks off
//! breaks the connection, so that nobody takes a part for the whole.

use std::io;

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures::Stream;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_body::Frame;
use http_body_util::StreamBody;
use kit::rpc::Chan;
use prost::Message as _;
use prost_reflect::{DescriptorPool, MessageDescriptor};
use proto::{google::HttpBody, methods::Method};
use tonic::{Status, Streaming};

use super::{ANSWER_BYTES_MAX, target};
use crate::{
    Problem,
    transcode::{codec::Raw, json_out},
};

const FULL_NAME: &str = "google.api.HttpBody";
const TYPE_UNKNOWN: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Whether a method answers a file.
pub fn is_file(method: &Method) -> bool {
    method.descriptor.output().full_name() == FULL_NAME
}

/// Calls a method and answers its file.
///
/// # Errors
/// What the service answers before its first piece.
pub async fn answer(
    chan: Chan,
    method: &'static Method,
    request: tonic::Request<Bytes>,
) -> Result<Response, Problem> {
    let mut client = tonic::client::Grpc::new(chan).max_decoding_message_size(ANSWER_BYTES_MAX);
    // A channel is always ready and never fails.
    let _ = client.ready().await;
    let answer = client.server_streaming(request, target(method), Raw).await?;
    let (metadata, mut pieces, _) = answer.into_parts();
    let first = next(&mut pieces).await?.unwrap_or_default();
    let pool = method.descriptor.parent_pool().clone();
    let announced: Vec<HeaderName> = first
        .extensions
        .iter()
        .filter_map(|extension| message_of(&pool, &extension.type_url))
        .flat_map(|descriptor| fields_of(&descriptor).into_iter().map(|(name, _)| name))
        .collect();
    let kind = HeaderValue::try_from(first.content_type.as_str());
    let kind = kind.ok().filter(|kind| !kind.is_empty()).unwrap_or(TYPE_UNKNOWN);
    let names: Vec<&str> = announced.iter().map(HeaderName::as_str).collect();
    let trailer = HeaderValue::try_from(names.join(", ")).ok().filter(|text| !text.is_empty());
    let sending = Sending { pool, pieces, piece: Some(first), trailers: HeaderMap::new() };
    let mut response = Response::new(Body::new(StreamBody::new(frames(sending))));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(trailer) = trailer {
        headers.insert(header::TRAILER, trailer);
    }
    if let Some(value) = metadata.into_headers().remove(header::CONTENT_DISPOSITION) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

async fn next(pieces: &mut Streaming<Bytes>) -> Result<Option<HttpBody>, Status> {
    let Some(bytes) = pieces.message().await? else { return Ok(None) };
    HttpBody::decode(bytes).map(Some).map_err(|_| Status::internal("a piece cannot be read"))
}

struct Sending {
    pool: DescriptorPool,
    pieces: Streaming<Bytes>,
    /// The piece to be sent next; nothing before it is read.
    piece: Option<HttpBody>,
    trailers: HeaderMap,
}

fn frames(sending: Sending) -> impl Stream<Item = io::Result<Frame<Bytes>>> + Send {
    futures::stream::unfold(Some(sending), |sending| async move {
        let mut sending = sending?;
        loop {
            let piece = match sending.piece.take() {
                Some(piece) => Some(piece),
                None => match next(&mut sending.pieces).await {
                    Ok(piece) => piece,
                    Err(status) => {
                        tracing::warn!(code = ?status.code(), "a file broke off");
                        return Some((Err(io::Error::other("the file broke off")), None));
                    }
                },
            };
            let Some(piece) = piece else {
                let trailers = std::mem::take(&mut sending.trailers);
                return (!trailers.is_empty()).then(|| (Ok(Frame::trailers(trailers)), None));
            };
            if !piece.extensions.is_empty() {
                sending.trailers = trailers(&sending.pool, &piece);
            }
            if !piece.data.is_empty() {
                return Some((Ok(Frame::data(piece.data)), Some(sending)));
            }
        }
    })
}

fn message_of(pool: &DescriptorPool, type_url: &str) -> Option<MessageDescriptor> {
    pool.get_message_by_name(type_url.rsplit('/').next().unwrap_or_default())
}

/// Names of trailer fields: `row_count` is `x-row-count`. With the names of JSON.
fn fields_of(descriptor: &MessageDescriptor) -> Vec<(HeaderName, String)> {
    let fields = descriptor.fields().filter(|field| !field.is_list() && !field.is_map());
    fields
        .filter_map(|field| {
            let name = format!("x-{}", field.name().replace('_', "-"));
            Some((HeaderName::try_from(name).ok()?, field.json_name().to_owned()))
        })
        .collect()
}

fn trailers(pool: &DescriptorPool, piece: &HttpBody) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    for extension in &piece.extensions {
        let Some(descriptor) = message_of(pool, &extension.type_url) else { continue };
        let Ok(printed) = json_out::print(&descriptor, &extension.value, true) else { continue };
        let json: serde_json::Value = serde_json::from_slice(&printed.json).unwrap_or_default();
        for (name, key) in fields_of(&descriptor) {
            let text = match &json[key] {
                serde_json::Value::Null => continue,
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            if let Ok(value) = HeaderValue::try_from(text) {
                trailers.insert(name, value);
            }
        }
    }
    trailers
}
