//! Between the contract's messages and the domain's types: what all resources share.

use kit::error::{Result, ServiceError};
use survey_domain::Error;

pub use kit::name::{id, id_opt, ids};

/// The error that the caller sees; `prefix` is the JSON path of the object that was checked,
/// empty or ending in a dot.
pub fn error(refused: Error, prefix: &str) -> ServiceError {
    match refused {
        Error::Invalid { field, description } => {
            ServiceError::invalid(format!("{prefix}{field}"), description)
        }
        Error::WrongState(text) => ServiceError::wrong_state(text),
    }
}

/// A version as it is shown.
pub fn etag(version: i64) -> String {
    version.to_string()
}

/// Refuses a change that was made from another version than the present one.
///
/// # Errors
/// ABORTED when `given` is not empty and not the present version.
pub fn must_be_current(given: &str, version: i64) -> Result<()> {
    if given.is_empty() || given == etag(version) { Ok(()) } else { Err(ServiceError::stale()) }
}
