//! Errors as REST callers see them: problem documents of RFC 9457, or the form of RFC 6749 at
//! the token endpoints. The reason is the same as over gRPC.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use kit::error::{ServiceError, reason_name};
use proto::{common::v1::Reason, validate::Violation};
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// An error of the REST form. Boxed, since results carry it through many hands.
#[derive(Debug, Clone)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    status: StatusCode,
    reason: Reason,
    detail: String,
    violations: Vec<Violation>,
    retry_after: Option<Duration>,
    incident: Option<String>,
    oauth_error: Option<String>,
    allow: Option<String>,
    /// Answer in the form of RFC 6749.
    as_oauth: bool,
    /// Nothing more is read from the connection.
    close: bool,
}

impl Problem {
    /// Any problem.
    pub fn new(status: StatusCode, reason: Reason, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            status,
            reason,
            detail: detail.into(),
            violations: Vec::new(),
            retry_after: None,
            incident: None,
            oauth_error: None,
            allow: None,
            as_oauth: false,
            close: false,
        }))
    }

    /// 404 for a path that leads nowhere.
    pub fn no_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, Reason::UnknownMethod, "there is nothing at this path")
    }

    /// 405 with what is allowed instead.
    pub fn wrong_verb(allow: &[&str]) -> Self {
        let text = format!("this path answers to {} only", allow.join(", "));
        let mut problem =
            Self::new(StatusCode::METHOD_NOT_ALLOWED, Reason::UnsupportedTransport, text);
        problem.0.allow = Some(allow.join(", "));
        problem
    }

    /// 400 for a body or query that cannot be read at all.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Reason::MalformedMessage, detail)
    }

    /// 400 for a request that two readers could understand differently; the connection is
    /// closed, since where the next request begins is not certain either.
    pub fn ambiguous(detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::BAD_REQUEST, Reason::UnsupportedTransport, detail);
        problem.0.close = true;
        problem
    }

    /// 400 for one field or parameter.
    pub fn invalid(field: impl Into<String>, description: impl Into<String>) -> Self {
        ServiceError::invalid(field, description).into()
    }

    /// The same in the form of RFC 6749.
    pub fn into_oauth(mut self) -> Self {
        self.0.as_oauth = true;
        self
    }

    /// HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The document.
    pub fn document(&self) -> Value {
        let reason = reason_name(self.0.reason);
        let mut document = json!({
            "type": format!("urn:manyi:error:{reason}"),
            "title": title(reason),
            "status": self.0.status.as_u16(),
            "detail": self.0.detail,
            "reason": reason,
        });
        if !self.0.violations.is_empty() {
            let violations = self.0.violations.iter();
            document["violations"] = violations
                .map(|v| json!({"field": v.field, "description": v.description}))
                .collect();
        }
        if let Some(delay) = self.0.retry_after {
            document["retryAfterMs"] = json!(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
        }
        if let Some(incident) = &self.0.incident {
            document["incident"] = json!(incident);
        }
        document
    }

    fn oauth_document(&self) -> Value {
        let fallback = match self.0.status {
            StatusCode::UNAUTHORIZED => "invalid_client",
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                "temporarily_unavailable"
            }
            status if status.is_server_error() => "server_error",
            _ => "invalid_request",
        };
        let error = self.0.oauth_error.as_deref().unwrap_or(fallback);
        let detail = match self.0.violations.first() {
            // The parameters of a form are spelt as the standard does: grant_type.
            Some(first) => format!("{} {}", snake_case(&first.field), first.description),
            None => self.0.detail.clone(),
        };
        let mut document = json!({"error": error, "error_description": detail});
        if let Some(incident) = &self.0.incident {
            document["incident"] = json!(incident);
        }
        document
    }

    /// RFC 6749 knows 400 and 401 only; overload and outage keep their own status.
    fn oauth_status(&self) -> StatusCode {
        match self.0.oauth_error.as_deref() {
            Some("invalid_client") => StatusCode::UNAUTHORIZED,
            Some(_)
                if self.0.status.is_client_error()
                    && self.0.status != StatusCode::TOO_MANY_REQUESTS =>
            {
                StatusCode::BAD_REQUEST
            }
            _ => self.0.status,
        }
    }
}

/// `INVALID_FIELD` becomes `Invalid field`.
fn title(reason: &str) -> String {
    let words = reason.replace('_', " ").to_lowercase();
    let mut letters = words.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// `grantType` becomes `grant_type`.
fn snake_case(name: &str) -> String {
    let mut made = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            made.push('_');
        }
        made.push(c.to_ascii_lowercase());
    }
    made
}

/// HTTP status of a gRPC code.
fn status_of(code: Code, reason: Reason) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => {
            StatusCode::BAD_REQUEST
        }
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::ResourceExhausted if reason == Reason::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        // nginx's code for a client that went away; there is no standard one.
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        Status::from(error).into()
    }
}

impl From<Status> for Problem {
    fn from(status: Status) -> Self {
        let status = kit::layers::normalise(status);
        let details = status.get_error_details();
        let metadata = |key: &str| details.error_info()?.metadata.get(key).cloned();
        let (incident, oauth_error) = (metadata("incident"), metadata("oauth_error"));
        let error = ServiceError::from(status);
        let http = status_of(error.code(), error.reason());
        let mut problem = Self::new(http, error.reason(), error.message());
        problem.0.violations = error.violations().to_vec();
        problem.0.retry_after = error.retry_after();
        problem.0.incident = incident;
        problem.0.oauth_error = oauth_error;
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, kind, document) = if self.0.as_oauth {
            (self.oauth_status(), "application/json", self.oauth_document())
        } else {
            (self.0.status, "application/problem+json", self.document())
        };
        let mut response = Response::new(axum::body::Body::from(document.to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.0.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(allow) = self.0.allow.and_then(|allow| HeaderValue::try_from(allow).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        let waits = matches!(
            status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS | StatusCode::CONFLICT
        );
        let delay = match self.0.retry_after {
            // Whole seconds, rounded up: coming early would only be refused again.
            Some(delay) => Some(delay.as_millis().div_ceil(1_000).max(1)),
            None => (status == StatusCode::SERVICE_UNAVAILABLE).then_some(1),
        };
        if let Some(seconds) = delay.filter(|_| waits)
            && let Ok(value) = HeaderValue::try_from(seconds.to_string())
        {
            headers.insert(header::RETRY_AFTER, value);
        }
        if status == StatusCode::UNAUTHORIZED {
            let challenge = match (self.0.as_oauth, self.0.reason) {
                (true, _) => "Basic realm=\"manyi\"",
                (_, Reason::NoCredential) => "Bearer realm=\"manyi\"",
                _ => "Bearer realm=\"manyi\", error=\"invalid_token\"",
            };
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_promised_http_status() {
        let table = [
            (Code::InvalidArgument, 400),
            (Code::NotFound, 404),
            (Code::AlreadyExists, 409),
            (Code::PermissionDenied, 403),
            (Code::ResourceExhausted, 429),
            (Code::FailedPrecondition, 400),
            (Code::Aborted, 409),
            (Code::OutOfRange, 400),
            (Code::Unimplemented, 501),
            (Code::Internal, 500),
            (Code::Unavailable, 503),
            (Code::Unauthenticated, 401),
            (Code::DeadlineExceeded, 504),
            (Code::Cancelled, 499),
        ];
        for (code, http) in table {
            assert_eq!(Problem::from(Status::new(code, "text")).status().as_u16(), http, "{code}");
        }
        let long = ServiceError::new(Code::ResourceExhausted, Reason::TooLarge, "");
        assert_eq!(Problem::from(long).status().as_u16(), 413);
    }

    #[test]
    fn a_problem_names_reason_fields_and_delay() {
        let error = ServiceError::invalid("unit.displayName", "is required");
        let document = Problem::from(error).document();
        assert_eq!(document["reason"], "INVALID_FIELD");
        assert_eq!(document["title"], "Invalid field");
        assert_eq!(document["violations"][0]["field"], "unit.displayName");

        let delay = Duration::from_millis(1_200);
        let error = ServiceError::exhausted(Reason::QuotaExceeded, "slow down", delay);
        let response = Problem::from(error).into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
    }

    #[test]
    fn a_token_endpoint_names_parameters_as_they_are_sent() {
        let error = ServiceError::invalid("grantType", "is required");
        let document = Problem::from(error).into_oauth().oauth_document();
        assert_eq!(document["error_description"], "grant_type is required");
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        let document = Problem::wrong_verb(&["GET", "PATCH"]).document();
        assert_eq!(document["detail"], "this path answers to GET, PATCH only");
    }
}
