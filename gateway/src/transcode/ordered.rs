//! Messages with maps in JSON: the keys of a map come in order, so that the same answer has the
//! same bytes. prost-reflect prints them in the order of a hash table, another one each time.

use std::{collections::HashSet, sync::LazyLock};

use base64::{display::Base64Display, prelude::BASE64_STANDARD};
use prost_reflect::{
    DynamicMessage, Kind, MapKey, MessageDescriptor, ReflectMessage as _, SerializeOptions, Value,
};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// Messages of the contract that hold maps, themselves or further down.
static WITH_MAPS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    // Well-known types have forms of their own in JSON, in order already.
    let ours = |message: &MessageDescriptor| !message.full_name().starts_with("google.protobuf.");
    let messages: Vec<_> = proto::methods::pool().all_messages().filter(ours).collect();
    let mut found = HashSet::new();
    loop {
        let before = found.len();
        for message in &messages {
            let holds = message.fields().any(|field| match field.kind() {
                _ if field.is_map() => true,
                Kind::Message(below) => found.contains(below.full_name()),
                _ => false,
            });
            if holds {
                found.insert(message.full_name().to_owned());
            }
        }
        if found.len() == before {
            return found;
        }
    }
});

/// How messages are printed.
pub struct Style {
    options: SerializeOptions,
    defaults: bool,
}

impl Style {
    /// Canonical JSON; with `defaults`, fields without presence are printed even when they hold
    /// their default.
    pub fn new(defaults: bool) -> Self {
        Self { options: SerializeOptions::new().skip_default_fields(!defaults), defaults }
    }
}

/// A message to be printed. One without maps is left to prost-reflect.
pub struct Ordered<'a>(pub &'a DynamicMessage, pub &'a Style);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(message, style) = self;
        let descriptor = message.descriptor();
        if !WITH_MAPS.contains(descriptor.full_name()) {
            return message.serialize_with_options(serializer, &style.options);
        }
        let mut map = serializer.serialize_map(None)?;
        for field in descriptor.fields() {
            if message.has_field(&field) || (style.defaults && !field.supports_presence()) {
                let (value, kind) = (message.get_field(&field), field.kind());
                let item = Item { value: &value, kind: &kind, style };
                map.serialize_entry(field.json_name(), &item)?;
            }
        }
        map.end()
    }
}

/// A value of a field, or within it.
struct Item<'a> {
    value: &'a Value,
    kind: &'a Kind,
    style: &'a Style,
}

impl<'a> Item<'a> {
    fn of(&self, value: &'a Value, kind: &'a Kind) -> Self {
        Self { value, kind, style: self.style }
    }
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::I32(value) => serializer.serialize_i32(*value),
            Value::U32(value) => serializer.serialize_u32(*value),
            // Numbers of 64 bits are texts: many programs read numbers as doubles.
            Value::I64(value) => serializer.collect_str(value),
            Value::U64(value) => serializer.collect_str(value),
            Value::F32(value) if value.is_finite() => serializer.serialize_f32(*value),
            Value::F32(value) => serializer.serialize_str(unusual(f64::from(*value))),
            Value::F64(value) if value.is_finite() => serializer.serialize_f64(*value),
            Value::F64(value) => serializer.serialize_str(unusual(*value)),
            Value::String(value) => serializer.serialize_str(value),
            Value::Bytes(value) => {
                serializer.collect_str(&Base64Display::new(value, &BASE64_STANDARD))
            }
            Value::EnumNumber(number) => match self.kind {
                Kind::Enum(known) => match known.get_value(*number) {
                    Some(value) => serializer.serialize_str(value.name()),
                    None => serializer.serialize_i32(*number),
                },
                _ => serializer.serialize_i32(*number),
            },
            Value::Message(message) => Ordered(message, self.style).serialize(serializer),
            Value::List(values) => {
                serializer.collect_seq(values.iter().map(|value| self.of(value, self.kind)))
            }
            Value::Map(values) => {
                let mut entries: Vec<(&MapKey, &Value)> = values.iter().collect();
                entries.sort_unstable_by_key(|(key, _)| *key);
                let kind = match self.kind {
                    Kind::Message(entry) => entry.map_entry_value_field().kind(),
                    other => other.clone(),
                };
                let entries = entries.into_iter().map(|(key, value)| (text(key), value));
                serializer.collect_map(entries.map(|(key, value)| (key, self.of(value, &kind))))
            }
        }
    }
}

/// What stands for a number that JSON does not have.
fn unusual(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

fn text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use proto::survey::v1::{Definition, Item, ItemOption, Questionnaire};

    use super::*;

    /// Languages in their order.
    fn languages() -> Vec<String> {
        ('a'..='t').map(|letter| format!("{letter}{letter}")).collect()
    }

    fn sample() -> DynamicMessage {
        let texts = || languages().into_iter().map(|tag| (tag.clone(), tag)).collect();
        let section =
            proto::survey::v1::Section { id: "s".to_owned(), title: texts(), ..Default::default() };
        let questionnaire = Questionnaire {
            name: "questionnaires/q".to_owned(),
            definition: Some(Definition {
                title: texts(),
                sections: vec![section],
                ..Default::default()
            }),
            state: 77,
            create_time: Some(proto::time::from_us(1_500_000)),
            ..Default::default()
        };
        decoded("manyi.survey.v1.Questionnaire", &questionnaire.encode_to_vec())
    }

    fn decoded(name: &str, bytes: &[u8]) -> DynamicMessage {
        let descriptor = proto::methods::pool().get_message_by_name(name).unwrap();
        DynamicMessage::decode(descriptor, bytes).unwrap()
    }

    fn printed(message: &DynamicMessage, defaults: bool) -> String {
        serde_json::to_string(&Ordered(message, &Style::new(defaults))).unwrap()
    }

    /// As prost-reflect prints it.
    fn unordered(message: &DynamicMessage, defaults: bool) -> String {
        let mut json = serde_json::Serializer::new(Vec::new());
        let options = SerializeOptions::new().skip_default_fields(!defaults);
        message.serialize_with_options(&mut json, &options).unwrap();
        String::from_utf8(json.into_inner()).unwrap()
    }

    #[test]
    fn keys_come_in_order_at_any_depth() {
        let texts: Vec<String> =
            languages().iter().map(|tag| format!("\"{tag}\":\"{tag}\"")).collect();
        let texts = format!("\"title\":{{{}}}", texts.join(","));
        let sample = sample();
        assert_eq!(printed(&sample, false).matches(&texts).count(), 2);
        assert_eq!(unordered(&sample, false).matches(&texts).count(), 0, "the control");
    }

    #[test]
    fn everything_else_is_printed_as_ever() {
        let sample = sample();
        for defaults in [true, false] {
            let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            let (ours, theirs) = (printed(&sample, defaults), unordered(&sample, defaults));
            assert_eq!(read(&ours), read(&theirs));
            assert_eq!(ours.len(), theirs.len());
        }
    }

    #[test]
    fn values_of_every_kind_look_as_prost_reflect_prints_them() {
        // One key: its order is no matter.
        let version = proto::survey::v1::VersionItems {
            version: -3,
            items: vec![Item {
                grade_min: -1,
                scores_0_100: vec![0.5, 1e300, -0.0],
                options: vec![ItemOption {
                    text: [("en".to_owned(), "\"\u{7}é".to_owned())].into(),
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        let sample = decoded("manyi.survey.v1.VersionItems", &version.encode_to_vec());
        for defaults in [true, false] {
            assert_eq!(printed(&sample, defaults), unordered(&sample, defaults));
        }
    }

    #[test]
    fn only_messages_that_can_hold_maps_are_printed_by_us() {
        for (name, ours) in [
            ("manyi.survey.v1.Questionnaire", true),
            ("manyi.survey.v1.ListQuestionnairesResponse", true),
            ("manyi.analytics.v1.QueryFiguresResponse", false),
            ("google.protobuf.Struct", false),
        ] {
            assert_eq!(WITH_MAPS.contains(name), ours, "{name}");
        }
    }
}
