//! A service that answers every method of the contract from a script, and records its calls.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::body::Body;
use bytes::{BufMut as _, Bytes, BytesMut};
use futures::{StreamExt as _, stream};
use gateway::{Config, Peers};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, StreamBody};
use kit::rpc::{Chan, in_process, service_stack};
use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use serde_json::Value;
use tonic::{Status, service::Routes};
use tower::{ServiceExt as _, layer::util::Identity};

/// What reached a service.
#[derive(Debug, Clone)]
pub struct Call {
    pub path: String,
    pub headers: HeaderMap,
    /// The request messages in JSON, without defaults.
    pub messages: Vec<Value>,
}

/// What a service answers.
pub enum Answer {
    Message(Value),
    Messages(Vec<Value>),
    /// Messages, then nothing for ever.
    Open(Vec<Value>),
    Broken(Vec<Value>, Status),
    Error(Status),
}

type Script = Arc<dyn Fn(&Call) -> Answer + Send + Sync>;

/// A gateway before one recording service.
pub struct World {
    pub router: axum::Router,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl World {
    /// Answers every call with an empty message.
    pub async fn new() -> Self {
        Self::with(Config::default(), |_| Answer::Message(Value::Object(Default::default()))).await
    }

    /// Answers calls from a script.
    pub async fn scripted(script: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> Self {
        Self::with(Config::default(), script).await
    }

    pub async fn with(
        config: Config,
        script: impl Fn(&Call) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let calls = Arc::<Mutex<Vec<Call>>>::default();
        let chan = fake(calls.clone(), Arc::new(script));
        let peers = Peers {
            auth: chan.clone(),
            device: chan.clone(),
            survey: chan.clone(),
            analytics: chan,
        };
        let router = gateway::build(config, peers).await.unwrap().router();
        Self { router, calls }
    }

    /// What reached services so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// The only message of the last call.
    pub fn last_message(&self) -> Value {
        let call = self.calls().pop().expect("a call reached a service");
        assert_eq!(call.messages.len(), 1);
        call.messages[0].clone()
    }

    pub async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Sends a request with a token and reads the whole answer.
    pub async fn ask(&self, verb: &str, target: &str, body: Option<&str>) -> Answered {
        let mut request = request(verb, target);
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Body::empty, |text| Body::from(text.to_owned()));
        read(self.send(request.body(body).unwrap()).await).await
    }

    /// Serves on a port of its own.
    pub async fn listen(&self) -> std::net::SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = tokio_util::sync::CancellationToken::new();
        let limits = kit::server::ServerLimits::default();
        tokio::spawn(kit::server::serve(listener, self.router.clone(), limits, stop));
        address
    }
}

/// A whole answer.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

pub async fn read(response: Response<Body>) -> Answered {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    Answered { status: parts.status.as_u16(), headers: parts.headers, body }
}

/// A request with host and token.
pub fn request(verb: &str, target: &str) -> http::request::Builder {
    Request::builder()
        .method(verb)
        .uri(target)
        .header("host", "manyi.test")
        .header("authorization", "Bearer token")
}

fn fake(calls: Arc<Mutex<Vec<Call>>>, script: Script) -> Chan {
    let service = tower::service_fn(move |request: Request<Body>| {
        let (calls, script) = (calls.clone(), script.clone());
        async move { Ok::<_, Infallible>(serve(calls, script, request).await) }
    });
    let routes = Routes::from(axum::Router::new().fallback_service(service));
    in_process(service_stack(routes, Identity::new()))
}

async fn serve(
    calls: Arc<Mutex<Vec<Call>>>,
    script: Script,
    request: Request<Body>,
) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let descriptor = proto::methods::table()[&path].descriptor.clone();
    let (parts, body) = request.into_parts();
    let bytes = match body.collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) => {
            return Status::from_error(Box::new(error))
                .into_http::<tonic::body::Body>()
                .map(Body::new);
        }
    };
    let messages = unframe(&bytes).iter().map(|b| to_json(descriptor.input(), b)).collect();
    let call = Call { path, headers: parts.headers, messages };
    let answer = script(&call);
    calls.lock().unwrap().push(call);
    respond(&descriptor.output(), answer)
}

fn respond(output: &MessageDescriptor, answer: Answer) -> Response<Body> {
    let (messages, end) = match answer {
        Answer::Message(message) => (vec![message], Some(Status::ok(""))),
        Answer::Messages(messages) => (messages, Some(Status::ok(""))),
        Answer::Open(messages) => (messages, None),
        Answer::Broken(messages, status) => (messages, Some(status)),
        Answer::Error(status) => return status.into_http::<tonic::body::Body>().map(Body::new),
    };
    let frames: Vec<Bytes> = messages.iter().map(|json| frame(&from_json(output, json))).collect();
    let data = stream::iter(frames).then(|bytes| async {
        // Each message on its own, as a real stream would send it.
        tokio::time::sleep(Duration::from_millis(2)).await;
        Ok::<_, Infallible>(http_body::Frame::data(bytes))
    });
    let last = async move {
        let Some(status) = end else { return std::future::pending().await };
        let mut trailers = HeaderMap::new();
        status.add_header(&mut trailers).unwrap();
        Ok(http_body::Frame::trailers(trailers))
    };
    Response::builder()
        .header("content-type", "application/grpc")
        .body(Body::new(StreamBody::new(data.chain(stream::once(last)))))
        .unwrap()
}

/// A message in protobuf bytes.
pub fn from_json(descriptor: &MessageDescriptor, json: &Value) -> Vec<u8> {
    DynamicMessage::deserialize(descriptor.clone(), json).unwrap().encode_to_vec()
}

fn to_json(descriptor: MessageDescriptor, bytes: &[u8]) -> Value {
    serde_json::to_value(DynamicMessage::decode(descriptor, bytes).unwrap()).unwrap()
}

/// A message with its gRPC prefix.
pub fn frame(message: &[u8]) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(message.len()).unwrap());
    bytes.put_slice(message);
    bytes.freeze()
}

fn unframe(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(5) {
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        messages.push(rest[..length].to_vec());
        bytes = &rest[length..];
    }
    messages
}
