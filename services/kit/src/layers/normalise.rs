//! Gives each error status the code and reason that the contract promises. tonic has its own
//! view on some: a too long message is OUT_OF_RANGE, an undecodable one INTERNAL.

use http::HeaderMap;
use proto::common::v1::Reason;
use tonic::{Code, Status};

use crate::{
    error::{ServiceError, reason_of},
    layers::deadline::expired,
};

/// What tonic says about requests that it cannot decode.
const UNDECODABLE: &[&str] = &[
    "failed to decode Protobuf message",
    "protocol error: received message with",
    "Missing request message",
    "Unexpected EOF decoding stream",
    "Error decompressing",
];

/// The status as the contract promises it. One that carries details was made on purpose and
/// stays as it is.
pub fn normalise(status: Status) -> Status {
    if status.code() == Code::Ok || (!status.details().is_empty() && is_settled(status.code())) {
        return status;
    }
    judge(status.code(), status.message()).into()
}

/// Does the same to the status in headers or trailers and returns the final code; `None` when
/// they hold no status.
pub(super) fn normalise_headers(headers: &mut HeaderMap) -> Option<Code> {
    let value = headers.get(Status::GRPC_STATUS)?;
    if value == "0" {
        return Some(Code::Ok);
    }
    let code = Code::from_bytes(value.as_bytes());
    if headers.contains_key(Status::GRPC_STATUS_DETAILS) && is_settled(code) {
        return Some(code);
    }
    let status = Status::from_header_map(headers)?;
    let better = normalise(status);
    let code = better.code();
    if better.add_header(headers).is_err() {
        tracing::error!("a status could not be written as headers");
    }
    Some(code)
}

/// UNKNOWN is never meant.
fn is_settled(code: Code) -> bool {
    code != Code::Unknown
}

/// What tonic says when the request ended before its end.
const BROKEN_OFF: &str = "error reading a body from connection";

fn judge(code: Code, message: &str) -> ServiceError {
    let too_large = || {
        ServiceError::new(
            Code::ResourceExhausted,
            Reason::TooLarge,
            "the message is larger than allowed",
        )
    };
    match code {
        Code::OutOfRange if message.starts_with("Error, ") => too_large(),
        Code::ResourceExhausted if message.starts_with("Error decompressing: size") => too_large(),
        Code::Cancelled if message.contains("Timeout expired") => expired(),
        Code::Internal if UNDECODABLE.iter().any(|text| message.starts_with(text)) => {
            ServiceError::new(
                Code::InvalidArgument,
                Reason::MalformedMessage,
                "the message cannot be decoded",
            )
        }
        // Whoever called went away; there is nothing to look for on our side.
        Code::Internal | Code::Unknown if message.contains(BROKEN_OFF) => {
            ServiceError::new(Code::Cancelled, Reason::Cancelled, "the request broke off")
        }
        Code::Unimplemented if message.starts_with("Content is compressed") => {
            ServiceError::new(code, Reason::UnsupportedTransport, "this compression is not known")
        }
        Code::Internal | Code::Unknown | Code::DataLoss => ServiceError::internal(message),
        Code::Unavailable => ServiceError::unavailable("a service cannot be reached now"),
        _ if message.is_empty() => ServiceError::new(code, reason_of(code), code.description()),
        _ => ServiceError::new(code, reason_of(code), message),
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt as _;

    use super::*;

    fn check(before: Status, code: Code, reason: &str) {
        let text = before.message().to_owned();
        let mut headers = HeaderMap::new();
        before.add_header(&mut headers).unwrap();
        assert_eq!(normalise_headers(&mut headers), Some(code), "{text}");
        let after = Status::from_header_map(&headers).unwrap();
        assert_eq!(after.code(), code, "{text}");
        let details = after.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, reason, "{text}");
    }

    #[test]
    fn every_error_ends_with_the_promised_code_and_reason() {
        let long = "Error, decoded message length too large: found 9 bytes, the limit is: 4 bytes";
        check(Status::out_of_range(long), Code::ResourceExhausted, "TOO_LARGE");
        check(Status::cancelled("Timeout expired"), Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
        let bad = "failed to decode Protobuf message: Unit.name: invalid wire type";
        check(Status::internal(bad), Code::InvalidArgument, "MALFORMED_MESSAGE");
        check(
            Status::internal("Missing request message."),
            Code::InvalidArgument,
            "MALFORMED_MESSAGE",
        );
        let gone = "h2 protocol error: error reading a body from connection";
        check(Status::internal(gone), Code::Cancelled, "CANCELLED");
        check(Status::unknown("h2 protocol error"), Code::Internal, "INTERNAL");
        check(Status::internal("oops"), Code::Internal, "INTERNAL");
        check(Status::not_found("no such unit"), Code::NotFound, "NOT_FOUND");
    }

    #[test]
    fn internal_texts_stay_inside() {
        let after = normalise(Status::internal("SELECT secret FROM t"));
        assert!(!after.message().contains("SELECT"));
        assert!(after.get_error_details().error_info().unwrap().metadata.contains_key("incident"));
    }

    #[test]
    fn an_error_with_a_reason_stays_as_it_is() {
        let status = Status::from(ServiceError::internal("x"));
        assert_eq!(normalise(status.clone()).details(), status.details());
        let mut none = HeaderMap::new();
        assert_eq!(normalise_headers(&mut none), None);
    }
}
