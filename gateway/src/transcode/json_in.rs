//! A JSON tree to a protobuf message. Everything that does not fit is named by its path.

use std::collections::HashMap;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use prost_types::{ListValue, Struct, value::Kind as Any};
use proto::validate::Violation;

use super::{
    json_tree::Json,
    scalars::{self, Misfit, not},
};

/// Findings beyond this number are not collected; they would only swell the answer.
const FOUND_MAX: usize = 20;

/// Collects what does not fit.
#[derive(Debug, Default)]
pub struct Findings(Vec<Violation>);

impl Findings {
    /// Notes that the value at `path` does not fit.
    pub fn add(&mut self, path: &str, misfit: impl Into<String>) {
        if self.0.len() < FOUND_MAX {
            self.0.push(Violation { field: path.to_owned(), description: misfit.into() });
        }
    }

    /// What was found; empty when all is well.
    pub fn into_violations(self) -> Vec<Violation> {
        self.0
    }
}

/// The message that `json` stands for; `path` is where it stands.
pub fn message(
    descriptor: &MessageDescriptor,
    json: &Json,
    path: &str,
    found: &mut Findings,
) -> Option<DynamicMessage> {
    if descriptor.full_name().starts_with("google.protobuf.") {
        return well_known(descriptor, json, path, found);
    }
    let Json::Map(entries) = json else {
        found.add(path, not("an object", json));
        return None;
    };
    let mut message = DynamicMessage::new(descriptor.clone());
    let mut given = HashMap::new();
    for (key, value) in entries {
        let at = join(path, key);
        let Some(field) = field_of(descriptor, key) else {
            found.add(&at, unknown_field(descriptor));
            continue;
        };
        if given.insert(field.number(), ()).is_some() {
            found.add(&at, "is given twice, in both of its spellings");
            continue;
        }
        let Some(value) = field_value(&field, value, &at, found) else { continue };
        let other = field.containing_oneof().and_then(|oneof| {
            oneof.fields().find(|member| *member != field && message.has_field(member))
        });
        if let Some(other) = other {
            found.add(&at, format!("cannot be given together with {}", other.json_name()));
            continue;
        }
        message.set_field(&field, value);
    }
    Some(message)
}

/// Names the fields that there are, so that a body of the wrong shape is seen for what it is.
fn unknown_field(descriptor: &MessageDescriptor) -> Misfit {
    let names: Vec<String> = descriptor.fields().map(|f| f.json_name().to_owned()).collect();
    if names.is_empty() {
        return "is no field here; there are none".to_owned();
    }
    format!("is no field here; fields are {}", scalars::listed(&names))
}

/// The field that a JSON key names, in either spelling.
pub fn field_of(descriptor: &MessageDescriptor, key: &str) -> Option<FieldDescriptor> {
    descriptor.get_field_by_json_name(key).or_else(|| descriptor.get_field_by_name(key))
}

fn join(path: &str, key: &str) -> String {
    let key: String = key.chars().take(60).collect();
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

fn field_value(
    field: &FieldDescriptor,
    json: &Json,
    path: &str,
    found: &mut Findings,
) -> Option<Value> {
    let kind = field.kind();
    // Null means absent, except where null is a value.
    let null_is_value =
        matches!(&kind, Kind::Message(m) if m.full_name() == "google.protobuf.Value");
    if *json == Json::Null && (field.is_list() || !null_is_value) {
        return None;
    }
    if field.is_map() {
        return map_value(&kind, json, path, found);
    }
    if !field.is_list() {
        return single(&kind, json, path, found);
    }
    let Json::List(items) = json else {
        found.add(path, not("an array", json));
        return None;
    };
    let mut values = Vec::with_capacity(items.len().min(1_024));
    for (index, item) in items.iter().enumerate() {
        values.extend(single(&kind, item, &format!("{path}[{index}]"), found));
    }
    Some(Value::List(values))
}

fn map_value(kind: &Kind, json: &Json, path: &str, found: &mut Findings) -> Option<Value> {
    let (Kind::Message(entry), Json::Map(entries)) = (kind, json) else {
        found.add(path, not("an object", json));
        return None;
    };
    let (key_kind, value_kind) =
        (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
    let mut values = HashMap::new();
    for (key, value) in entries {
        let at = join(path, key);
        let key = match scalars::from_text(&key_kind, key).map(Value::into_map_key) {
            Ok(Some(key)) => key,
            _ => {
                found.add(&at, "is no key of this map");
                continue;
            }
        };
        if let Some(value) = single(&value_kind, value, &at, found)
            && values.insert(key, value).is_some()
        {
            found.add(&at, "is given twice");
        }
    }
    Some(Value::Map(values))
}

fn single(kind: &Kind, json: &Json, path: &str, found: &mut Findings) -> Option<Value> {
    if let Kind::Message(descriptor) = kind {
        return message(descriptor, json, path, found).map(Value::Message);
    }
    match scalars::from_json(kind, json) {
        Ok(value) => Some(value),
        Err(misfit) => {
            found.add(path, misfit);
            None
        }
    }
}

/// Google's own messages, which have forms of their own in JSON.
fn well_known(
    descriptor: &MessageDescriptor,
    json: &Json,
    path: &str,
    found: &mut Findings,
) -> Option<DynamicMessage> {
    let made = match (descriptor.full_name(), json) {
        (_, Json::Text(text)) if scalars::has_text_form(descriptor) => {
            scalars::well_known(descriptor, text)
        }
        ("google.protobuf.Struct", Json::Map(entries)) => made(descriptor, &structure(entries)),
        ("google.protobuf.ListValue", Json::List(items)) => {
            made(descriptor, &ListValue { values: items.iter().map(any).collect() })
        }
        ("google.protobuf.Value", value) => made(descriptor, &any(value)),
        ("google.protobuf.Empty", Json::Map(entries)) if entries.is_empty() => {
            Ok(DynamicMessage::new(descriptor.clone()))
        }
        ("google.protobuf.Struct" | "google.protobuf.Empty", other) => Err(not("an object", other)),
        (_, other) if scalars::has_text_form(descriptor) => Err(not("a string", other)),
        _ => wrapped(descriptor, json),
    };
    made.map_err(|misfit| found.add(path, misfit)).ok()
}

/// Wrapper messages hold one field, `value`.
fn wrapped(descriptor: &MessageDescriptor, json: &Json) -> Result<DynamicMessage, Misfit> {
    let field = descriptor.get_field_by_name("value");
    let Some(field) = field.filter(|_| descriptor.full_name().ends_with("Value")) else {
        return Err("cannot be given over REST".into());
    };
    let mut message = DynamicMessage::new(descriptor.clone());
    message.set_field(&field, scalars::from_json(&field.kind(), json)?);
    Ok(message)
}

fn made(
    descriptor: &MessageDescriptor,
    message: &impl prost::Message,
) -> Result<DynamicMessage, Misfit> {
    let mut dynamic = DynamicMessage::new(descriptor.clone());
    dynamic.transcode_from(message).map_err(|_| "cannot be read".to_owned())?;
    Ok(dynamic)
}

fn structure(entries: &[(String, Json)]) -> Struct {
    Struct { fields: entries.iter().map(|(key, value)| (key.clone(), any(value))).collect() }
}

fn any(json: &Json) -> prost_types::Value {
    let kind = match json {
        Json::Null => Any::NullValue(0),
        Json::Bool(value) => Any::BoolValue(*value),
        Json::Int(value) => Any::NumberValue(*value as f64),
        Json::Float(value) => Any::NumberValue(*value),
        Json::Text(text) => Any::StringValue(text.clone()),
        Json::List(items) => Any::ListValue(ListValue { values: items.iter().map(any).collect() }),
        Json::Map(entries) => Any::StructValue(structure(entries)),
    };
    prost_types::Value { kind: Some(kind) }
}
