//! Protobuf to JSON: the canonical form, with defaults printed so that clients see zeros.

use kit::error::{Result, ServiceError};
use prost_reflect::{DynamicMessage, MessageDescriptor};
use serde::Serialize as _;

use super::ordered::{Ordered, Style};

/// A message in its canonical JSON form.
pub struct Printed {
    /// The text; UTF-8.
    pub json: Vec<u8>,
    message: DynamicMessage,
}

impl Printed {
    /// A text field of the message; `None` when there is none of this name or it is empty.
    pub fn text(&self, field: &str) -> Option<String> {
        let value = self.message.get_field_by_name(field)?;
        value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    }
}

/// Prints a message. With `defaults`, fields without presence are printed even when they hold
/// their default.
///
/// # Errors
/// INTERNAL when a service answered what is no message of this type.
pub fn print(descriptor: &MessageDescriptor, bytes: &[u8], defaults: bool) -> Result<Printed> {
    let message =
        DynamicMessage::decode(descriptor.clone(), bytes).map_err(ServiceError::internal)?;
    let mut json = serde_json::Serializer::new(Vec::with_capacity(bytes.len() * 3));
    let style = Style::new(defaults);
    Ordered(&message, &style).serialize(&mut json).map_err(ServiceError::internal)?;
    Ok(Printed { json: json.into_inner(), message })
}
