//! The handlers: read the message, check the caller, let the domain decide, answer. Knows
//! nothing of tables.

pub mod audit;
pub mod clients;
pub mod events;
mod founding;
pub mod grants;
pub mod organisations;
mod roles;
mod scan;
pub mod sessions;
pub mod staff;
mod token;
pub mod tokens;
pub mod units;
pub mod users;

use std::time::Duration;

use auth_domain::{Error, permission::PermissionSet};
use kit::{
    auth::{CONSISTENCY_HEADER, Caller},
    error::{Result, ServiceError},
    name::{id as id_of, id_opt as optional_id},
};
use proto::common::v1::Reason;
use tonic::{Code, Response, Status};
use uuid::Uuid;

pub use founding::{Founding, align_roles, found};

/// What a handler answers.
type Answer<T> = std::result::Result<Response<T>, Status>;

/// A refusal of the domain as the caller sees it.
fn refusal(error: Error) -> ServiceError {
    let text = error.to_string();
    match error {
        Error::Invalid { field, problem } => ServiceError::invalid(field, problem),
        Error::WeakPassword { field, .. } => {
            ServiceError::new(Code::InvalidArgument, Reason::WeakPassword, text)
                .with_metadata("field", field)
        }
        Error::Cycle(_) => ServiceError::new(Code::FailedPrecondition, Reason::Cycle, text),
        Error::AlreadyExists(_) => ServiceError::already_exists(text),
        Error::LimitReached(_) => {
            ServiceError::new(Code::ResourceExhausted, Reason::LimitReached, text)
        }
        Error::InUse(_) => ServiceError::new(Code::FailedPrecondition, Reason::InUse, text),
        Error::WrongState(_) => ServiceError::wrong_state(text),
        Error::LastOwner => ServiceError::new(Code::FailedPrecondition, Reason::LastOwner, text),
        Error::AboveOwn => {
            ServiceError::new(Code::PermissionDenied, Reason::PermissionDenied, text)
        }
        Error::Stale => ServiceError::stale(),
        Error::InvalidScope => ServiceError::invalid("scope", text),
    }
}

/// Refuses a change of something that changed since the caller read it.
fn check_etag(given: &str, version: i64) -> Result<()> {
    if given.is_empty() || given == crate::events::etag(version) {
        Ok(())
    } else {
        Err(ServiceError::stale())
    }
}

/// What a caller holds on a unit.
fn held_on(caller: &Caller, unit: Uuid) -> Result<PermissionSet> {
    let numbers: Vec<i32> = caller.permissions_on(unit)?.iter().map(|p| p as i32).collect();
    Ok(PermissionSet::from_numbers(&numbers))
}

/// An answer with the position from which on every service knows of the change.
fn answered<T>(message: T, position: &str) -> Response<T> {
    let mut response = Response::new(message);
    if let Ok(value) = position.parse()
        && !position.is_empty()
    {
        response.metadata_mut().insert(CONSISTENCY_HEADER, value);
    }
    response
}

/// Microseconds as a duration, rounded up to whole seconds.
fn seconds_up(us: i64) -> Duration {
    Duration::from_secs(u64::try_from(us).unwrap_or_default().div_ceil(1_000_000))
}
