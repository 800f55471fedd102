//! The one error type that leaves a service: a gRPC code, a reason of the contract and a
//! sentence. What went wrong inside is logged here, once, and never shown to the caller.

use std::{fmt, time::Duration};

use proto::{common::v1::Reason, validate::Violation};
use sea_orm::{DbErr, RuntimeErr, SqlErr};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use uuid::Uuid;

/// Result with [`ServiceError`].
pub type Result<T> = std::result::Result<T, ServiceError>;

/// `google.rpc.ErrorInfo.domain` of every error of the suite.
pub const DOMAIN: &str = "manyi";

/// An error as the caller sees it.
#[derive(Debug, Clone)]
pub struct ServiceError {
    code: Code,
    reason: Reason,
    message: String,
    violations: Vec<Violation>,
    retry_after: Option<Duration>,
    metadata: Vec<(String, String)>,
}

impl ServiceError {
    /// Any error.
    pub fn new(code: Code, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            violations: Vec::new(),
            retry_after: None,
            metadata: Vec::new(),
        }
    }

    /// INVALID_ARGUMENT for one field; `field` is its JSON path.
    pub fn invalid(field: impl Into<String>, description: impl Into<String>) -> Self {
        let violation = Violation { field: field.into(), description: description.into() };
        Self::invalid_fields(vec![violation])
    }

    /// INVALID_ARGUMENT for several fields.
    pub fn invalid_fields(violations: Vec<Violation>) -> Self {
        let sentence = match violations.first() {
            Some(first) => format!("{} {}", first.field, first.description),
            None => "the request is not valid".to_owned(),
        };
        let mut error = Self::new(Code::InvalidArgument, Reason::InvalidField, sentence);
        error.violations = violations;
        error
    }

    /// NOT_FOUND; also for what the caller may not know of.
    pub fn not_found(what: impl fmt::Display) -> Self {
        Self::new(Code::NotFound, Reason::NotFound, format!("no such {what}"))
    }

    /// PERMISSION_DENIED for an object that the caller may see.
    pub fn denied() -> Self {
        Self::new(Code::PermissionDenied, Reason::PermissionDenied, "you may not do this here")
    }

    /// ALREADY_EXISTS.
    pub fn already_exists(message: impl Into<String>) -> Self {
        Self::new(Code::AlreadyExists, Reason::AlreadyExists, message)
    }

    /// ABORTED because the object changed since it was read.
    pub fn stale() -> Self {
        Self::new(Code::Aborted, Reason::StaleVersion, "it was changed meanwhile; read it again")
    }

    /// FAILED_PRECONDITION.
    pub fn wrong_state(message: impl Into<String>) -> Self {
        Self::new(Code::FailedPrecondition, Reason::WrongState, message)
    }

    /// UNAVAILABLE with a hint to try again in a second.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, Reason::Unavailable, message)
            .with_retry_after(Duration::from_secs(1))
    }

    /// RESOURCE_EXHAUSTED with the time after which trying again makes sense.
    pub fn exhausted(reason: Reason, message: impl Into<String>, retry_after: Duration) -> Self {
        Self::new(Code::ResourceExhausted, reason, message).with_retry_after(retry_after)
    }

    /// UNAUTHENTICATED.
    pub fn unauthenticated(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(Code::Unauthenticated, reason, message)
    }

    /// INTERNAL: a defect of ours. Logs `source` with an incident id and shows only that id.
    pub fn internal(source: impl fmt::Display) -> Self {
        let incident = Uuid::now_v7().simple().to_string();
        tracing::error!(%incident, error = %source, "internal error");
        Self::new(Code::Internal, Reason::Internal, "something went wrong on our side")
            .with_metadata("incident", incident)
    }

    /// Adds an entry to `ErrorInfo.metadata`.
    pub fn with_metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.push((key.into(), value.into()));
        self
    }

    /// Adds `RetryInfo`.
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// gRPC code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Reason of the contract.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The sentence for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Fields that are wrong.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// When to try again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the same request can succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self.code, Code::Unavailable | Code::ResourceExhausted | Code::Aborted)
    }
}

/// The reason as it travels, such as `NOT_FOUND`.
pub fn reason_name(reason: Reason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("REASON_").unwrap_or(name)
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, reason_name(self.reason))
    }
}

impl std::error::Error for ServiceError {}

impl From<ServiceError> for Status {
    fn from(error: ServiceError) -> Self {
        let mut details = ErrorDetails::new();
        let metadata: std::collections::HashMap<_, _> = error.metadata.into_iter().collect();
        details.set_error_info(reason_name(error.reason), DOMAIN, metadata);
        for violation in error.violations {
            details.add_bad_request_violation(violation.field, violation.description);
        }
        if let Some(delay) = error.retry_after {
            details.set_retry_info(Some(delay));
        }
        Status::with_error_details(error.code, error.message, details)
    }
}

/// Reads an error of another service of the suite. Its reason is kept when it is known.
impl From<Status> for ServiceError {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info();
        let reason = info
            .and_then(|i| Reason::from_str_name(&format!("REASON_{}", i.reason)))
            .unwrap_or_else(|| reason_of(status.code()));
        let mut error = Self::new(status.code(), reason, status.message());
        error.metadata = info
            .map(|i| i.metadata.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
            .unwrap_or_default();
        if let Some(bad) = details.bad_request() {
            let violations = bad.field_violations.iter();
            error.violations = violations
                .map(|v| Violation { field: v.field.clone(), description: v.description.clone() })
                .collect();
        }
        error.retry_after = details.retry_info().and_then(|retry| retry.retry_delay);
        error
    }
}

/// The reason that stands for a bare gRPC code.
pub fn reason_of(code: Code) -> Reason {
    match code {
        Code::InvalidArgument | Code::OutOfRange => Reason::InvalidField,
        Code::NotFound => Reason::NotFound,
        Code::AlreadyExists => Reason::AlreadyExists,
        Code::PermissionDenied => Reason::PermissionDenied,
        Code::ResourceExhausted => Reason::Overloaded,
        Code::FailedPrecondition => Reason::WrongState,
        Code::Aborted => Reason::StaleVersion,
        Code::Unimplemented => Reason::UnknownMethod,
        Code::Unavailable => Reason::Unavailable,
        Code::Unauthenticated => Reason::TokenInvalid,
        Code::DeadlineExceeded => Reason::DeadlineExceeded,
        Code::Cancelled => Reason::Cancelled,
        Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => Reason::Internal,
    }
}

/// Whether a unique key was violated; the same answer on both databases.
pub fn is_unique_violation(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

impl From<DbErr> for ServiceError {
    fn from(error: DbErr) -> Self {
        match kind_of(&error) {
            DbKind::Away => {
                tracing::warn!(%error, "database unavailable");
                Self::unavailable("the database cannot be reached now")
            }
            DbKind::Ended => {
                tracing::warn!(%error, "statement ended by the database");
                Self::unavailable("the database took too long for this")
            }
            DbKind::Full => {
                tracing::error!(%error, "database disk full");
                Self::exhausted(
                    Reason::DiskFull,
                    "the disk of the database is full",
                    Duration::from_secs(30),
                )
            }
            DbKind::Contended => {
                tracing::debug!(%error, "transaction lost against another one");
                Self::new(Code::Aborted, Reason::StaleVersion, "another change came first")
                    .with_retry_after(Duration::from_millis(50))
            }
            DbKind::Defect => Self::internal(error),
        }
    }
}

enum DbKind {
    Away,
    Ended,
    Full,
    Contended,
    Defect,
}

fn kind_of(error: &DbErr) -> DbKind {
    let (DbErr::Conn(runtime) | DbErr::Exec(runtime) | DbErr::Query(runtime)) = error else {
        return match error {
            DbErr::ConnectionAcquire(_) => DbKind::Away,
            _ => DbKind::Defect,
        };
    };
    let RuntimeErr::SqlxError(source) = runtime else {
        return if matches!(error, DbErr::Conn(_)) { DbKind::Away } else { DbKind::Defect };
    };
    match &**source {
        sqlx::Error::Database(db) => kind_of_code(db.code().as_deref().unwrap_or_default()),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => DbKind::Away,
        _ if matches!(error, DbErr::Conn(_)) => DbKind::Away,
        _ => DbKind::Defect,
    }
}

/// SQLSTATE classes of PostgreSQL and primary result codes of SQLite.
fn kind_of_code(code: &str) -> DbKind {
    match code {
        "40001" | "40P01" | "55P03" => DbKind::Contended,
        "53100" | "13" => DbKind::Full,
        "5" | "6" | "261" | "262" | "517" => DbKind::Contended,
        "10" | "14" => DbKind::Away,
        // The timeout of statements, or somebody ended it by hand.
        "57014" => DbKind::Ended,
        // Administrator shutdown, crash, cannot connect.
        "57P01" | "57P02" | "57P03" | "53300" | "25006" => DbKind::Away,
        code if code.starts_with("08") => DbKind::Away,
        _ => DbKind::Defect,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_parts_over_the_wire() {
        let error = ServiceError::exhausted(Reason::QuotaExceeded, "slow", Duration::from_secs(3))
            .with_metadata("k", "v");
        let back = ServiceError::from(Status::from(error));
        assert_eq!(back.code(), Code::ResourceExhausted);
        assert_eq!(back.reason(), Reason::QuotaExceeded);
        assert_eq!(back.retry_after(), Some(Duration::from_secs(3)));
        assert_eq!(back.metadata, [("k".to_owned(), "v".to_owned())]);
        let back = ServiceError::from(Status::from(ServiceError::invalid("a.b", "is odd")));
        assert_eq!(back.violations()[0].field, "a.b");
    }

    #[test]
    fn an_internal_error_does_not_show_its_source() {
        let status = Status::from(ServiceError::internal("secret table name"));
        assert!(!format!("{status:?}").contains("secret"));
    }
}
