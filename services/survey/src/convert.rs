//! Between the contract's messages and the domain's types: what all resources share.

use kit::error::{Result, ServiceError};
use survey_domain::Error;
use uuid::Uuid;

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

/// Id of a name that must be there.
pub fn id(collection: &str, field: &str, name: &str) -> Result<Uuid> {
    let parsed = proto::names::parse(collection, name);
    parsed.ok_or_else(|| ServiceError::invalid(field, format!("is no name of {collection}")))
}

/// Id of a name that may be empty.
pub fn id_opt(collection: &str, field: &str, name: &str) -> Result<Option<Uuid>> {
    if name.is_empty() { Ok(None) } else { id(collection, field, name).map(Some) }
}

/// Place in a list that is ordered by time and id, as it stands in page tokens.
pub fn print_place(us: i64, id: Uuid) -> String {
    format!("{us}.{}", id.simple())
}

/// Reads [`print_place`]; the token was checked, so anything else is a defect.
pub fn parse_place(text: &str) -> Result<(i64, Uuid)> {
    let parsed = text
        .split_once('.')
        .and_then(|(us, id)| Some((us.parse().ok()?, Uuid::try_parse(id).ok()?)));
    parsed.ok_or_else(|| ServiceError::internal("a page token holds no place"))
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
