//! The message that a REST request stands for: from body, query, path and headers. Each field
//! has one source; what does not fit is named.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use kit::error::ServiceError;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use proto::common::v1::Reason;
use sha2::{Digest as _, Sha256};

use super::routes::Route;
use crate::{
    Problem, rules,
    transcode::{
        fields,
        json_in::{self, Findings},
        json_tree, percent,
    },
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const KEY_LEN_MAX: usize = 255;

/// All that a request consists of.
pub struct Input<'a> {
    /// Where its path leads.
    pub route: &'static Route,
    /// Text of each variable of the path.
    pub captures: Vec<String>,
    /// Pairs of the query, decoded.
    pub query: Vec<(String, String)>,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// Decodes pairs of a query or form.
///
/// # Errors
/// The end of a sentence when an escape is broken or the text is no UTF-8.
pub fn parse_pairs(text: &str) -> Result<Vec<(String, String)>, &'static str> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((percent::decode(key, true)?, percent::decode(value, true)?))
    });
    pairs.collect::<Option<_>>().ok_or("has a broken percent escape")
}

/// The request message.
///
/// # Errors
/// 400 with all fields that do not fit, 415 for another content type than JSON.
pub fn message(input: Input<'_>) -> Result<DynamicMessage, Problem> {
    let descriptor = input.route.method.descriptor.input();
    let mut found = Findings::default();
    let mut message = from_body(&input, &descriptor, &mut found)?;
    from_query(&input, &mut message, &mut found);
    from_path(&input, &mut message, &mut found);
    from_headers(&input, &mut message, &mut found);
    let violations = found.into_violations();
    if violations.is_empty() {
        Ok(message)
    } else {
        Err(ServiceError::invalid_fields(violations).into())
    }
}

fn from_body(
    input: &Input<'_>,
    descriptor: &MessageDescriptor,
    found: &mut Findings,
) -> Result<DynamicMessage, Problem> {
    let mut message = DynamicMessage::new(descriptor.clone());
    let place = input.route.binding.body.as_str();
    if place.is_empty() {
        return if input.body.is_empty() {
            Ok(message)
        } else {
            Err(Problem::malformed("this call takes no body"))
        };
    }
    let kind = input.headers.get(header::CONTENT_TYPE);
    if input.body.is_empty() && kind.is_none() {
        return Ok(message);
    }
    if !kind.is_some_and(is_json) {
        let text = "the body has to be application/json";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Problem::new(status, Reason::UnsupportedTransport, text));
    }
    let json = json_tree::parse(&input.body)
        .map_err(|text| Problem::malformed(format!("the body {text}")))?;
    if place == "*" {
        return Ok(json_in::message(descriptor, &json, "", found).unwrap_or(message));
    }
    let field = descriptor.get_field_by_name(place);
    if let Some(field) = field
        && let Kind::Message(inner) = field.kind()
        && let Some(value) = json_in::message(&inner, &json, field.json_name(), found)
    {
        message.set_field(&field, Value::Message(value));
    }
    Ok(message)
}

fn is_json(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
    parts.next().as_deref() == Some("application/json")
        && parts.all(|parameter| match parameter.strip_prefix("charset=") {
            Some(charset) => matches!(charset.trim_matches('"'), "utf-8" | "utf8"),
            None => true,
        })
}

fn from_query(input: &Input<'_>, message: &mut DynamicMessage, found: &mut Findings) {
    let root = message.descriptor_of();
    let body = input.route.binding.body.as_str();
    let variables = &input.route.template.variables;
    let mut given: Vec<(Vec<FieldDescriptor>, Vec<String>)> = Vec::new();
    for (key, value) in &input.query {
        let path: Vec<&str> = key.split('.').collect();
        let Some(way) = fields::resolve(&root, &path) else {
            found.add(&shown(key), "is no parameter of this call");
            continue;
        };
        let names: Vec<&str> = way.iter().map(FieldDescriptor::name).collect();
        if body == "*" || names[0] == body {
            found.add(&shown(key), "is no parameter of this call; it belongs into the body");
        } else if variables.iter().any(|variable| variable.field == names) {
            found.add(&shown(key), "is given by the path already");
        } else if let Some((_, values)) = given.iter_mut().find(|(known, _)| *known == way) {
            values.push(value.clone());
        } else {
            given.push((way, vec![value.clone()]));
        }
    }
    for (way, texts) in given {
        let Some(last) = way.last() else { continue };
        match fields::read(last, &texts) {
            Ok(value) => fields::set(message, &way, value),
            Err(misfit) => found.add(&fields::json_path(&way), misfit),
        }
    }
}

fn shown(key: &str) -> String {
    key.chars().take(60).collect()
}

fn from_path(input: &Input<'_>, message: &mut DynamicMessage, found: &mut Findings) {
    for (variable, text) in input.route.template.variables.iter().zip(&input.captures) {
        let names: Vec<&str> = variable.field.iter().map(String::as_str).collect();
        fill(message, &names, text, "is not what the path says", found);
    }
}

fn from_headers(input: &Input<'_>, message: &mut DynamicMessage, found: &mut Findings) {
    if input.headers.contains_key(&IDEMPOTENCY_KEY) {
        match idempotency_key(input.headers) {
            Some(key) => request_id(message, key, found),
            None => found.add("Idempotency-Key", "is not one value of 1 to 255 ASCII characters"),
        }
    }
    if let Some(value) = input.headers.get(header::IF_MATCH) {
        match etag(value) {
            Ok(Some(etag)) => {
                let body = input.route.binding.body.as_str();
                let differs = "is not what If-Match says";
                fill(message, &["etag"], etag, differs, found);
                fill(message, &[body, "etag"], etag, differs, found);
            }
            Ok(None) => {}
            Err(text) => found.add("If-Match", text),
        }
    }
    if input.route.method.descriptor.is_server_streaming()
        && let Some(value) = input.headers.get(&LAST_EVENT_ID)
    {
        match value.to_str() {
            // The browser repeats the query of the first request; its header is newer.
            Ok(token) => set_text(message, "resume_token", token),
            Err(_) => found.add("Last-Event-ID", "is not ASCII text"),
        }
    }
}

fn idempotency_key(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(&IDEMPOTENCY_KEY).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    value.to_str().ok().filter(|key| (1..=KEY_LEN_MAX).contains(&key.len()))
}

fn request_id(message: &mut DynamicMessage, key: &str, found: &mut Findings) {
    let Some(field) = message.descriptor_of().get_field_by_name("request_id") else { return };
    let longest = usize::try_from(rules::of(&field).max_len).unwrap_or(KEY_LEN_MAX);
    // A digest of a long key is as unique as the key.
    let id = if key.len() <= longest { key.to_owned() } else { digest(key) };
    fill(message, &["request_id"], &id, "is not what Idempotency-Key says", found);
}

fn digest(key: &str) -> String {
    Sha256::digest(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The version that a change is made for; nothing for `*`.
fn etag(value: &HeaderValue) -> Result<Option<&str>, &'static str> {
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    if text.starts_with("W/") {
        return Err("names a weak version; changes need the strong one");
    }
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.filter(|tag| !tag.is_empty() && !tag.contains('"')).map(Some).ok_or("is no entity tag")
}

/// Sets a field that may be given elsewhere too, if it says the same there.
fn fill(
    message: &mut DynamicMessage,
    path: &[&str],
    text: &str,
    differs: &str,
    found: &mut Findings,
) {
    let Some(way) = fields::resolve(&message.descriptor_of(), path) else { return };
    let Some(last) = way.last() else { return };
    match fields::read(last, &[text.to_owned()]) {
        Ok(value) => match fields::get(message, &way) {
            Some(other) if other != value => found.add(&fields::json_path(&way), differs),
            _ => fields::set(message, &way, value),
        },
        Err(misfit) => found.add(&fields::json_path(&way), misfit),
    }
}

fn set_text(message: &mut DynamicMessage, name: &str, text: &str) {
    let field = message.descriptor_of().get_field_by_name(name);
    if let Some(field) = field.filter(|field| matches!(field.kind(), Kind::String)) {
        message.set_field(&field, Value::String(text.to_owned()));
    }
}

/// The descriptor, owned, so that the message can be changed meanwhile.
trait DescriptorOf {
    fn descriptor_of(&self) -> MessageDescriptor;
}

impl DescriptorOf for DynamicMessage {
    fn descriptor_of(&self) -> MessageDescriptor {
        prost_reflect::ReflectMessage::descriptor(self)
    }
}
