//! Requests in the form of RFC 6749: URL-encoded parameters, client credentials in the body or
//! as Basic.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use kit::error::ServiceError;
use prost_reflect::DynamicMessage;
use proto::common::v1::Reason;

use super::request::{Input, parse_pairs};
use crate::{
    Problem,
    transcode::{fields, json_in::field_of, percent},
};

/// A client's id and secret.
pub type Basic = (String, String);

/// Takes client credentials out of the headers. Other credentials mean nothing to a token
/// endpoint and go no further.
///
/// # Errors
/// `invalid_client` when the header says Basic and cannot be read.
pub fn take_basic(headers: &mut HeaderMap) -> Result<Option<Basic>, Problem> {
    let Some(value) = headers.remove(header::AUTHORIZATION) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let Some((scheme, encoded)) = text.split_once(' ') else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case("basic") {
        return Ok(None);
    }
    read_basic(encoded).map(Some).ok_or_else(|| {
        let text = "the Basic credentials cannot be read";
        ServiceError::unauthenticated(Reason::BadCredentials, text)
            .with_metadata("oauth_error", "invalid_client")
            .into()
    })
}

fn read_basic(encoded: &str) -> Option<Basic> {
    let plain = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = plain.split_once(':')?;
    Some((percent::decode(id, true)?, percent::decode(secret, true)?))
}

/// The request message. Unknown parameters are ignored, as the standard demands; repeated ones
/// are refused.
///
/// # Errors
/// `invalid_request`, or 415 for another content type.
pub fn message(input: Input<'_>, basic: Option<Basic>) -> Result<DynamicMessage, Problem> {
    if !input.headers.get(header::CONTENT_TYPE).is_some_and(is_form) {
        let text = "the body has to be application/x-www-form-urlencoded";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Problem::new(status, Reason::UnsupportedTransport, text));
    }
    if !input.query.is_empty() {
        // Credentials in a URL end up in logs.
        return Err(Problem::malformed("parameters belong into the body"));
    }
    let broken = || Problem::malformed("the form cannot be decoded");
    let text = std::str::from_utf8(&input.body).map_err(|_| broken())?;
    let mut pairs = parse_pairs(text).map_err(|_| broken())?;
    if let Some((id, secret)) = basic {
        if pairs.iter().any(|(key, _)| key == "client_secret") {
            let text = "client credentials are given twice, as Basic and in the body";
            return Err(Problem::malformed(text));
        }
        pairs.retain(|(key, value)| !(key == "client_id" && *value == id));
        pairs.push(("client_id".to_owned(), id));
        pairs.push(("client_secret".to_owned(), secret));
    }
    fill(&input, &pairs)
}

fn fill(input: &Input<'_>, pairs: &[(String, String)]) -> Result<DynamicMessage, Problem> {
    let descriptor = input.route.method.descriptor.input();
    let mut message = DynamicMessage::new(descriptor.clone());
    let mut given = Vec::new();
    for (key, value) in pairs {
        let Some(field) = field_of(&descriptor, key) else { continue };
        if given.contains(&field.number()) {
            return Err(Problem::invalid(field.name(), "is given more than once"));
        }
        given.push(field.number());
        match fields::read(&field, std::slice::from_ref(value)) {
            Ok(value) => message.set_field(&field, value),
            Err(misfit) => return Err(Problem::invalid(field.name(), misfit)),
        }
    }
    Ok(message)
}

fn is_form(value: &HeaderValue) -> bool {
    let text = value.to_str().unwrap_or_default();
    let kind = text.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
