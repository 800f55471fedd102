//! Ids in the resource names that callers send.

use proto::names;
use uuid::Uuid;

use crate::error::{Result, ServiceError};

/// Id of a name that must be there.
///
/// # Errors
/// INVALID_ARGUMENT for `field` when it is no name of the collection.
pub fn id(collection: &str, field: &str, name: &str) -> Result<Uuid> {
    names::parse(collection, name)
        .ok_or_else(|| ServiceError::invalid(field, format!("is no name {collection}/…")))
}

/// Id of a name that may be empty.
///
/// # Errors
/// As [`id`].
pub fn id_opt(collection: &str, field: &str, name: &str) -> Result<Option<Uuid>> {
    if name.is_empty() { Ok(None) } else { id(collection, field, name).map(Some) }
}

/// Ids of names; the field of an error has the place of the name.
///
/// # Errors
/// As [`id`].
pub fn ids(collection: &str, field: &str, names: &[String]) -> Result<Vec<Uuid>> {
    let one = |(place, name): (usize, &String)| id(collection, &format!("{field}[{place}]"), name);
    names.iter().enumerate().map(one).collect()
}
