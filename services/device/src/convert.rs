//! Between the contract's messages and the domain's types.

pub mod device;
pub mod encounter;
pub mod policy;
pub mod shift;
pub mod template;

use std::collections::BTreeMap;

use device_domain::Error;
use kit::error::{Result, ServiceError};
use proto::device::v1::LocalizedText;
use uuid::Uuid;

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

/// Id that the sender of an item made: a UUID in any usual spelling, not nil.
pub fn sender_id(field: &str, text: &str) -> Result<Uuid> {
    match Uuid::try_parse(text) {
        Ok(id) if !id.is_nil() => Ok(id),
        _ => Err(ServiceError::invalid(field, "is no UUID")),
    }
}

fn texts_to(texts: &BTreeMap<String, String>) -> Option<LocalizedText> {
    (!texts.is_empty()).then(|| LocalizedText { texts: texts.clone() })
}

fn texts_of(text: Option<LocalizedText>) -> BTreeMap<String, String> {
    text.map(|text| text.texts).unwrap_or_default()
}
