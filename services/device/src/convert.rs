//! Between the contract's messages and the domain's types.

pub mod device;
pub mod encounter;
pub mod policy;
pub mod shift;
pub mod template;

use std::collections::{BTreeMap, HashMap};

use device_domain::Error;
use kit::error::{Result, ServiceError};
use proto::device::v1::LocalizedText;
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

/// Id that the sender of an item made: a UUID in any usual spelling, not nil.
pub fn sender_id(field: &str, text: &str) -> Result<Uuid> {
    match Uuid::try_parse(text) {
        Ok(id) if !id.is_nil() => Ok(id),
        _ => Err(ServiceError::invalid(field, "is no UUID")),
    }
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

fn texts_to(texts: &BTreeMap<String, String>) -> Option<LocalizedText> {
    let copy = |(language, text): (&String, &String)| (language.clone(), text.clone());
    (!texts.is_empty()).then(|| LocalizedText { texts: texts.iter().map(copy).collect() })
}

fn texts_of(text: Option<LocalizedText>) -> BTreeMap<String, String> {
    let texts: HashMap<String, String> = text.map(|text| text.texts).unwrap_or_default();
    texts.into_iter().collect()
}
