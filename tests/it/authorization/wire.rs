//! Calls of any method as bytes, and answers as a client without stubs sees them.

use std::{collections::BTreeMap, time::Duration};

use bytes::{Buf as _, BufMut as _, Bytes};
use kit::{
    error::{ServiceError, reason_name},
    rpc::Chan,
};
use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use proto::methods::Method;
use serde_json::Value;
use tonic::{
    Code, Request, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::{MetadataKey, MetadataMap},
};

/// How long a call may take; long enough for a password hash on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A codec that leaves messages as bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(length)))
    }
}

/// What came back, over whichever protocol.
#[derive(Debug, Clone)]
pub struct Answer {
    /// gRPC code, for REST the one that the problem document stands for.
    pub code: Code,
    /// Reason as the contract spells it; empty when the answer names none.
    pub reason: String,
    /// For people.
    pub text: String,
    /// Fields that are wrong.
    pub fields: Vec<String>,
    /// First message, or the JSON body.
    pub body: Bytes,
    /// What a caller can see of an error apart from its incident id.
    pub visible: Vec<u8>,
    /// HTTP status; 200 for gRPC.
    pub http: u16,
}

impl Answer {
    /// A success.
    pub fn ok(body: Bytes) -> Self {
        Self {
            code: Code::Ok,
            reason: String::new(),
            text: String::new(),
            fields: Vec::new(),
            body,
            visible: Vec::new(),
            http: 200,
        }
    }

    /// A refusal over gRPC.
    pub fn refused(status: Status) -> Self {
        let named = !status.details().is_empty();
        let code = status.code();
        let mut visible = format!("{} {}\n", code as i32, status.message()).into_bytes();
        visible.extend_from_slice(status.details());
        let error = ServiceError::from(status);
        Self {
            code,
            reason: if named { reason_name(error.reason()).to_owned() } else { String::new() },
            text: error.message().to_owned(),
            fields: error.violations().iter().map(|v| v.field.clone()).collect(),
            body: Bytes::new(),
            visible,
            http: 200,
        }
    }

    /// The code of the first item of a batch, or of the call when the call was refused.
    pub fn of_first_item(&self, output: &MessageDescriptor) -> Code {
        if self.code != Code::Ok {
            return self.code;
        }
        let results = if self.body.first() == Some(&b'{') {
            serde_json::from_slice::<Value>(&self.body).ok()
        } else {
            let message = DynamicMessage::decode(output.clone(), self.body.clone()).ok();
            message.and_then(|message| serde_json::to_value(message).ok())
        };
        let code = results.and_then(|json| json["results"][0]["code"].as_i64());
        Code::from_i32(i32::try_from(code.unwrap_or_default()).unwrap_or_default())
    }
}

/// The message of `descriptor` that `json` stands for.
///
/// # Panics
/// When it does not fit: the fixture is wrong.
pub fn encode(descriptor: &MessageDescriptor, json: &Value) -> Bytes {
    let message = DynamicMessage::deserialize(descriptor.clone(), json)
        .unwrap_or_else(|error| panic!("{} from {json}: {error}", descriptor.full_name()));
    Bytes::from(message.encode_to_vec())
}

/// Calls a method with these messages and gives the first answer, or the refusal.
pub async fn call(
    chan: &Chan,
    method: &Method,
    token: Option<&str>,
    messages: Vec<Bytes>,
    headers: &BTreeMap<String, String>,
) -> Answer {
    let mut request = Request::new(futures::stream::iter(messages));
    request.set_timeout(PATIENCE);
    if let Some(token) = token {
        insert(request.metadata_mut(), "authorization", &format!("Bearer {token}"));
    }
    for (name, value) in headers {
        insert(request.metadata_mut(), name, value);
    }
    let mut client = tonic::client::Grpc::new(chan.clone());
    client.ready().await.expect("a channel is always ready");
    let path = method.path.parse().expect("a path of the contract");
    let work = async {
        let mut answers = client.streaming(request, path, Raw).await?.into_inner();
        let first = answers.message().await?;
        // A unary call ends with its status; a stream may go on for ever.
        if !method.descriptor.is_server_streaming() && answers.message().await?.is_some() {
            return Err(Status::unknown("two answers to one call"));
        }
        first.ok_or_else(|| Status::unknown("neither an answer nor a refusal"))
    };
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(Ok(body)) => Answer::ok(body),
        Ok(Err(status)) => Answer::refused(status),
        Err(_) => Answer::refused(Status::unknown("nothing came back")),
    }
}

/// Adds a header, binary ones from text as they would stand on the wire.
fn insert(metadata: &mut MetadataMap, name: &str, value: &str) {
    let key = MetadataKey::from_bytes(name.as_bytes()).expect("a metadata key");
    metadata.append(key, value.parse().expect("a metadata value"));
}
