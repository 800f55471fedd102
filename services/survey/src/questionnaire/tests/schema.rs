//! The published JSON schema is what the contract says, and what is stored and hashed is the
//! JSON form of the contract.

use std::{collections::BTreeSet, path::Path};

use prost::Message as _;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, SerializeOptions,
};
use serde_json::{Map, Value, json};
use survey_domain::{
    library,
    questionnaire::{Definition, canonical},
};

use super::sample;
use crate::questionnaire::{SCHEMA_1, SCHEMA_1_NAME, convert, convert_back};

const DOCUMENT: &str = "manyi.survey.v1.QuestionnaireDocument";
const DEFINITION: &str = "manyi.survey.v1.Definition";

fn pool() -> DescriptorPool {
    DescriptorPool::decode(proto::DESCRIPTORS).unwrap()
}

fn limit(field: &FieldDescriptor, name: &str) -> u64 {
    let options = field.options();
    let rule = options.extensions().find(|(e, _)| e.full_name() == "manyi.common.v1.field");
    let value = rule.and_then(|(_, rule)| {
        rule.as_message().and_then(|rule| rule.get_field_by_name(name)?.as_u32())
    });
    u64::from(value.unwrap_or_default())
}

fn comment(message: &MessageDescriptor, path: &[i32]) -> Option<String> {
    let file = message.parent_file();
    let info = file.file_descriptor_proto().source_code_info.clone()?;
    let found = info.location.iter().find(|location| location.path == path)?;
    let text = found.leading_comments();
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    (!lines.is_empty()).then(|| lines.join(" "))
}

fn value(field: &FieldDescriptor) -> Value {
    let max_len = limit(field, "max_len");
    let single = match field.kind() {
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Int32 => json!({"type": "integer", "minimum": i32::MIN, "maximum": i32::MAX}),
        Kind::Double => json!({"type": "number"}),
        Kind::String if field.full_name() == format!("{DOCUMENT}.schema") => {
            json!({"const": SCHEMA_1_NAME})
        }
        Kind::String if field.name() == "id" => {
            json!({"type": "string", "pattern": "^[a-z][a-z0-9_]{0,39}$"})
        }
        Kind::String => json!({"type": "string", "maxLength": max_len}),
        Kind::Enum(values) => {
            let names: Vec<String> = values.values().map(|v| v.name().to_owned()).collect();
            json!({"type": "string", "enum": names})
        }
        Kind::Message(inner) => json!({"$ref": format!("#/$defs/{}", inner.name())}),
        other => panic!("{other:?} has no place in the document"),
    };
    let items = limit(field, "max_items");
    if field.is_map() {
        let texts = json!({"type": "string", "maxLength": max_len});
        json!({"type": "object", "maxProperties": items, "additionalProperties": texts})
    } else if field.is_list() {
        json!({"type": "array", "maxItems": items, "items": single})
    } else {
        single
    }
}

fn object(message: &MessageDescriptor) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in message.fields() {
        let mut value = value(&field);
        if let Some(text) = comment(message, field.path())
            && let Some(fields) = value.as_object_mut()
        {
            fields.insert("description".to_owned(), text.into());
        }
        let rule = field.options();
        let rule = rule.extensions().find(|(e, _)| e.full_name() == "manyi.common.v1.field");
        let needed = rule.is_some_and(|(_, rule)| {
            let flag = rule.as_message().and_then(|r| r.get_field_by_name("required")?.as_bool());
            flag.unwrap_or_default()
        });
        if needed {
            required.push(field.json_name().to_owned());
        }
        properties.insert(field.json_name().to_owned(), value);
    }
    let mut object = json!({
        "type": "object", "properties": properties, "additionalProperties": false,
    });
    if let Some(fields) = object.as_object_mut() {
        if let Some(text) = comment(message, message.path()) {
            fields.insert("description".to_owned(), text.into());
        }
        if !required.is_empty() {
            fields.insert("required".to_owned(), required.into());
        }
    }
    object
}

fn generated() -> String {
    let root = pool().get_message_by_name(DOCUMENT).unwrap();
    let (mut todo, mut seen, mut defs) = (vec![root], BTreeSet::new(), Map::new());
    while let Some(message) = todo.pop() {
        if !seen.insert(message.full_name().to_owned()) {
            continue;
        }
        for field in message.fields().filter(|field| !field.is_map()) {
            if let Kind::Message(inner) = field.kind() {
                todo.push(inner);
            }
        }
        defs.insert(message.name().to_owned(), object(&message));
    }
    let mut sorted: Vec<_> = defs.into_iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:manyi:questionnaire:1",
        "title": SCHEMA_1_NAME,
        "$ref": "#/$defs/QuestionnaireDocument",
        "$defs": Value::Object(sorted.into_iter().collect()),
    });
    serde_json::to_string_pretty(&schema).unwrap() + "\n"
}

#[test]
fn the_published_schema_is_the_contracts() {
    let generated = generated();
    if std::env::var_os("MANYI_WRITE_SCHEMA").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"));
        std::fs::write(path.join("schema/questionnaire-1.schema.json"), &generated).unwrap();
        return;
    }
    let hint = "run this test with MANYI_WRITE_SCHEMA=1; a change that old documents do not \
                meet needs a version of its own";
    assert!(generated == SCHEMA_1, "{hint}");
}

/// JSON of the contract, as the gateway writes it.
fn json_of(message: &proto::survey::v1::Definition) -> Value {
    let descriptor = pool().get_message_by_name(DEFINITION).unwrap();
    let bytes = message.encode_to_vec();
    let dynamic = DynamicMessage::decode(descriptor, bytes.as_slice()).unwrap();
    let options = SerializeOptions::new();
    dynamic.serialize_with_options(serde_json::value::Serializer, &options).unwrap()
}

fn check(definition: &Definition) {
    let message = convert_back::definition(definition);
    assert_eq!(convert::definition(message.clone()), *definition);
    let json = json_of(&message);
    // What the contract writes, the domain reads as the same.
    let read: Definition = serde_json::from_value(json).unwrap();
    assert_eq!(read, *definition);
    // What the domain stores, the contract reads as the same.
    let descriptor = pool().get_message_by_name(DEFINITION).unwrap();
    let stored: Value = serde_json::from_str(&canonical::form(definition)).unwrap();
    let dynamic = DynamicMessage::deserialize(descriptor, stored).unwrap();
    let again = proto::survey::v1::Definition::decode(dynamic.encode_to_vec().as_slice()).unwrap();
    assert_eq!(again, message);
    assert_eq!(canonical::hash(&convert::definition(again)), canonical::hash(definition));
}

#[test]
fn what_is_stored_and_hashed_is_the_json_form_of_the_contract() {
    check(&convert::definition(sample::definition()));
    for template in library::templates() {
        check(&template.definition);
    }
}
