//! JSON schemas of messages, with the limits that their fields declare.

use std::collections::BTreeMap;

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use proto::names;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::comments::Comments;
use crate::rules;

/// Schemas that operations refer to.
pub struct Schemas<'a> {
    comments: &'a Comments,
    done: BTreeMap<String, Value>,
}

impl<'a> Schemas<'a> {
    pub fn new(comments: &'a Comments) -> Self {
        Self { comments, done: BTreeMap::new() }
    }

    /// All schemas, with `fixed` ones first.
    pub fn finish(self, fixed: Value) -> Value {
        let mut all = fixed.as_object().cloned().unwrap_or_default();
        all.extend(self.done);
        Value::Object(all)
    }

    /// A reference to the schema of a message, which is made if need be.
    pub fn reference(&mut self, message: &MessageDescriptor) -> Value {
        if let Some(inline) = well_known(message) {
            return inline;
        }
        let name = message.full_name().to_owned();
        if !self.done.contains_key(&name) {
            // Stands in while messages that contain each other are made.
            self.done.insert(name.clone(), json!({}));
            let schema = self.object(message, &[]);
            self.done.insert(name.clone(), schema);
        }
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    /// The schema of a message without the fields named in `without`.
    pub fn object(&mut self, message: &MessageDescriptor, without: &[&str]) -> Value {
        let text = self.comments.of(&message.parent_file(), message.path()).to_owned();
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for field in message.fields().filter(|field| !without.contains(&field.name())) {
            if rules::of(&field).required {
                required.push(json!(field.json_name()));
            }
            properties.insert(field.json_name().to_owned(), self.field(&field));
        }
        let mut schema = json!({"type": "object", "properties": properties});
        if !text.is_empty() {
            schema["description"] = json!(text);
        }
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }

    /// The schema of a field.
    pub fn field(&mut self, field: &FieldDescriptor) -> Value {
        let rule = rules::of(field);
        let mut schema =
            if field.is_map() { self.map(field) } else { self.single(&field.kind(), &rule) };
        if field.is_list() {
            schema = json!({"type": "array", "items": schema});
            if rule.max_items > 0 {
                schema["maxItems"] = json!(rule.max_items);
            }
        }
        if field.name() == "page_size" {
            schema["minimum"] = json!(0);
        }
        let mut text = self.comments.of(&field.parent_message().parent_file(), field.path());
        let enum_text;
        if let (true, Kind::Enum(values)) = (text.is_empty(), field.kind()) {
            enum_text = self.comments.of(&values.parent_file(), values.path()).to_owned();
            text = &enum_text;
        }
        if !text.is_empty() {
            schema["description"] = json!(text);
        }
        if rule.output_only {
            schema["readOnly"] = json!(true);
        }
        schema
    }

    fn map(&mut self, field: &FieldDescriptor) -> Value {
        let rule = rules::of(field);
        let kind = field.kind();
        let entry = kind.as_message().map(|entry| entry.map_entry_value_field().kind());
        let values = entry.map_or(json!({}), |kind| self.single(&kind, &rule));
        let mut schema = json!({"type": "object", "additionalProperties": values});
        if rule.max_items > 0 {
            schema["maxProperties"] = json!(rule.max_items);
        }
        schema
    }

    fn single(&mut self, kind: &Kind, rule: &proto::common::v1::FieldRule) -> Value {
        match kind {
            Kind::String => text(rule),
            Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Kind::Bool => json!({"type": "boolean"}),
            Kind::Double | Kind::Float => json!({"type": "number"}),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                json!({"type": "integer", "format": "int32"})
            }
            Kind::Uint32 | Kind::Fixed32 => {
                json!({"type": "integer", "format": "int32", "minimum": 0})
            }
            // Beyond 2^53 a JSON number is not exact for every reader.
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                json!({"type": "string", "format": "int64", "pattern": "^-?[0-9]{1,19}$"})
            }
            Kind::Uint64 | Kind::Fixed64 => {
                json!({"type": "string", "format": "uint64", "pattern": "^[0-9]{1,20}$"})
            }
            Kind::Enum(values) => self.enumeration(values),
            Kind::Message(message) => self.reference(message),
        }
    }

    fn enumeration(&mut self, values: &EnumDescriptor) -> Value {
        let name = values.full_name().to_owned();
        if !self.done.contains_key(&name) {
            let file = values.parent_file();
            let names: Vec<String> = values.values().map(|v| v.name().to_owned()).collect();
            let mut lines = vec![self.comments.of(&file, values.path()).to_owned()];
            lines.extend(values.values().map(|value| {
                format!("- `{}`: {}", value.name(), self.comments.of(&file, value.path()))
            }));
            let schema = json!({"type": "string", "enum": names, "description": lines.join("\n")});
            self.done.insert(name.clone(), schema);
        }
        json!({"$ref": format!("#/components/schemas/{name}")})
    }
}

/// What the last part of the names of a collection looks like.
pub fn id_pattern(collection: &str) -> String {
    let sample = names::print(collection, Uuid::nil());
    let id = sample.rsplit('/').next().unwrap_or_default();
    match id.split('_').next().filter(|prefix| !prefix.is_empty()) {
        // Built-in roles are called by words.
        Some(prefix) if collection == "roles" => format!("{prefix}_[0-9a-f]{{32}}|[a-z-]{{1,40}}"),
        Some(prefix) => format!("{prefix}_[0-9a-f]{{32}}"),
        None => "[0-9A-Za-z_.-]+".to_owned(),
    }
}

fn text(rule: &proto::common::v1::FieldRule) -> Value {
    let mut schema = json!({"type": "string"});
    if rule.max_len > 0 {
        schema["maxLength"] = json!(rule.max_len);
    }
    if !rule.resource.is_empty() {
        // An empty text is the same as no text, which only required fields refuse.
        let empty = if rule.required { "" } else { "?" };
        let ids: Vec<String> = rule.resource.split('|').map(id_pattern).collect();
        let (resource, ids) = (&rule.resource, ids.join("|"));
        schema["pattern"] = json!(format!("^(({resource})/({ids})){empty}$"));
    }
    schema
}

/// Google's own messages, which have forms of their own in JSON.
fn well_known(message: &MessageDescriptor) -> Option<Value> {
    Some(match message.full_name() {
        "google.protobuf.Timestamp" => json!({"type": "string", "format": "date-time"}),
        "google.protobuf.Duration" => {
            json!({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"})
        }
        "google.protobuf.FieldMask" => {
            json!({"type": "string", "examples": ["displayName,code"]})
        }
        "google.protobuf.Struct" => json!({"type": "object", "additionalProperties": true}),
        "google.protobuf.ListValue" => json!({"type": "array", "items": {}}),
        "google.protobuf.Value" => json!({}),
        "google.protobuf.Empty" => json!({"type": "object"}),
        _ => return None,
    })
}
