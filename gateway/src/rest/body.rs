//! Reads a body within its limits of size and time.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body::Body as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kit::memory::{self, Held};
use proto::common::v1::Reason;

use crate::{Config, Problem};

/// Room for a body, before any of it is read.
///
/// # Errors
/// 429 when the bodies that are being read fill what is set aside for them.
pub fn room(config: &Config, body: &Body) -> Result<Held, Problem> {
    let most = config.body_bytes_max as u64;
    Ok(memory::hold(body.size_hint().upper().map_or(most, |upper| upper.min(most)))?)
}

/// All of a body.
///
/// # Errors
/// 413 when it is longer than allowed, 408 when it takes too long, 400 when it breaks off.
pub async fn read(config: &Config, headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let too_large = || {
        let text = format!("the body is larger than {} bytes", config.body_bytes_max);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, Reason::TooLarge, text)
    };
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: usize| length > config.body_bytes_max) {
        return Err(too_large());
    }
    if headers.get(header::CONTENT_ENCODING).is_some_and(|value| value != "identity") {
        let text = "bodies are taken without content encoding";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Problem::new(status, Reason::UnsupportedTransport, text));
    }
    let whole = Limited::new(body, config.body_bytes_max).collect();
    match tokio::time::timeout(config.body_time, whole).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Problem::malformed("the body broke off")),
        Err(_) => {
            let text = "the body took too long to arrive";
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, Reason::DeadlineExceeded, text))
        }
    }
}
