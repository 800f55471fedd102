//! The canonical form of a definition, whose SHA-256 is the definition's hash.
//!
//! It is JSON (RFC 8259) in UTF-8 without white space: objects with their keys in the order of
//! Unicode code points, lists in the order of the definition, numbers as the shortest text that
//! reads back as the same double (`1.0`, `0.25`, whole numbers of counts without a point),
//! texts escaped only where JSON demands it. Ids are hyphenated UUIDs in lower case. Titles,
//! evidence and everything else that a person can read in a definition are part of it; what is
//! computed from it (normalised weights, ratios of consistency) is not.

use serde_json::Value;

use super::definition::Definition;

/// The canonical text of a definition.
pub fn text(definition: &Definition) -> String {
    let value = serde_json::to_value(definition).expect("a definition has text keys only");
    let mut text = String::new();
    write(&value, &mut text);
    text
}

/// Reads a stored canonical text.
///
/// # Errors
/// If it is none.
pub fn read(text: &str) -> Result<Definition, serde_json::Error> {
    serde_json::from_str(text)
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort();
            text.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write(&fields[key], text);
            }
            text.push('}');
        }
        Value::Array(values) => {
            text.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write(value, text);
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}
