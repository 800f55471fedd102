//! Single values: from JSON, and from the text of a path, query or form.

use base64::{Engine as _, alphabet, engine};
use prost_reflect::{DynamicMessage, EnumDescriptor, Kind, MessageDescriptor, Value};
use serde::de::{IntoDeserializer as _, value::Error as PlainError};

use super::json_tree::Json;

/// Why a value does not fit, as the end of a sentence that begins with the field's name.
pub type Misfit = String;

/// Integers that a binary fraction holds exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;
const FRACTION_DIGITS_MAX: usize = 9;

/// A JSON value as a value of `kind`, which is no message.
pub fn from_json(kind: &Kind, json: &Json) -> Result<Value, Misfit> {
    match kind {
        Kind::Double => double(json).map(Value::F64),
        Kind::Float => {
            let wide = double(json)?;
            let narrow = wide as f32;
            if narrow.is_finite() { Ok(Value::F32(narrow)) } else { Err("is out of range".into()) }
        }
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            i32::try_from(integer(json, true)?).map(Value::I32).map_err(|_| out_of(32))
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            i64::try_from(integer(json, true)?).map(Value::I64).map_err(|_| out_of(64))
        }
        Kind::Uint32 | Kind::Fixed32 => {
            u32::try_from(integer(json, false)?).map(Value::U32).map_err(|_| out_of(32))
        }
        Kind::Uint64 | Kind::Fixed64 => {
            u64::try_from(integer(json, false)?).map(Value::U64).map_err(|_| out_of(64))
        }
        Kind::Bool => match json {
            Json::Bool(value) => Ok(Value::Bool(*value)),
            other => Err(not("true or false", other)),
        },
        Kind::String => match json {
            Json::Text(text) => Ok(Value::String(text.clone())),
            other => Err(not("a string", other)),
        },
        Kind::Bytes => match json {
            Json::Text(text) => bytes(text),
            other => Err(not("a base64 string", other)),
        },
        Kind::Enum(descriptor) => match json {
            Json::Text(name) => match descriptor.get_value_by_name(name) {
                Some(value) => Ok(Value::EnumNumber(value.number())),
                None => Err(unknown_value(descriptor)),
            },
            Json::Int(number) => {
                i32::try_from(*number).map(Value::EnumNumber).map_err(|_| out_of(32))
            }
            other => Err(not("the name of a value", other)),
        },
        Kind::Message(_) => Err("cannot be given as a single value".into()),
    }
}

/// The text of a path, query or form as a value of `kind`. Messages with a text form, such as
/// timestamps, are values too.
pub fn from_text(kind: &Kind, text: &str) -> Result<Value, Misfit> {
    match kind {
        Kind::Bool => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err("is not true or false".into()),
        },
        Kind::Message(descriptor) if has_text_form(descriptor) => {
            well_known(descriptor, text).map(Value::Message).map_err(|misfit| {
                // An offset such as +08:00 loses its sign when it is not encoded.
                if text.contains(' ') {
                    format!("{misfit}; write a plus sign as %2B")
                } else {
                    misfit
                }
            })
        }
        Kind::Enum(_) => match text.parse::<i32>() {
            Ok(number) => Ok(Value::EnumNumber(number)),
            Err(_) => from_json(kind, &Json::Text(text.to_owned())),
        },
        _ => from_json(kind, &Json::Text(text.to_owned())),
    }
}

/// Whether messages of this type are single strings in JSON.
pub fn has_text_form(descriptor: &MessageDescriptor) -> bool {
    matches!(
        descriptor.full_name(),
        "google.protobuf.Timestamp" | "google.protobuf.Duration" | "google.protobuf.FieldMask"
    )
}

/// A message that is a string in JSON.
pub fn well_known(descriptor: &MessageDescriptor, text: &str) -> Result<DynamicMessage, Misfit> {
    let what = match descriptor.full_name() {
        "google.protobuf.Timestamp" => "an RFC 3339 time such as 2026-11-01T09:00:00Z",
        "google.protobuf.Duration" => "a duration such as 1.5s",
        _ => "a list of fields such as displayName,code",
    };
    let fraction = text.split_once('.').map(|(_, rest)| rest).unwrap_or_default();
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let parsed = DynamicMessage::deserialize(
        descriptor.clone(),
        text.into_deserializer() as serde::de::value::StrDeserializer<'_, PlainError>,
    );
    match parsed {
        Ok(message) if digits <= FRACTION_DIGITS_MAX => Ok(message),
        _ => Err(format!("is not {what}")),
    }
}

fn double(json: &Json) -> Result<f64, Misfit> {
    let value = match json {
        Json::Float(value) => *value,
        Json::Int(value) => *value as f64,
        Json::Text(text) => text.parse().map_err(|_| "is not a number".to_owned())?,
        other => return Err(not("a number", other)),
    };
    if value.is_finite() { Ok(value) } else { Err("is not a finite number".into()) }
}

fn integer(json: &Json, signed: bool) -> Result<i128, Misfit> {
    match json {
        Json::Int(value) => Ok(*value),
        Json::Float(value) if value.fract() != 0.0 => Err("is not a whole number".into()),
        Json::Float(value) if value.abs() > EXACT => Err("is not an exact whole number".into()),
        // Minus zero is a sign that an unsigned number cannot have.
        Json::Float(value) if !signed && value.is_sign_negative() => Err("is negative".into()),
        Json::Float(value) => Ok(*value as i128),
        Json::Text(text) => {
            let digits = if signed { text.strip_prefix('-').unwrap_or(text) } else { text };
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            let parsed = text.parse().ok().filter(|_| plain);
            parsed.ok_or_else(|| "is not a whole number".to_owned())
        }
        other => Err(not("a number", other)),
    }
}

fn bytes(text: &str) -> Result<Value, Misfit> {
    const CONFIG: engine::GeneralPurposeConfig = engine::GeneralPurposeConfig::new()
        .with_decode_padding_mode(engine::DecodePaddingMode::Indifferent);
    let standard = engine::GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
    let url_safe = engine::GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);
    let decoded = standard.decode(text).or_else(|_| url_safe.decode(text));
    decoded.map(|bytes| Value::Bytes(bytes.into())).map_err(|_| "is not base64".into())
}

/// Names the values that there are, but for the one that means none.
fn unknown_value(descriptor: &EnumDescriptor) -> Misfit {
    let names = descriptor.values().filter(|value| value.number() != 0);
    let names: Vec<String> = names.map(|value| value.name().to_owned()).collect();
    format!("is no value of {}; values are {}", descriptor.name(), listed(&names))
}

/// Names in a sentence, the first dozen of them.
pub fn listed(names: &[String]) -> String {
    const SHOWN_MAX: usize = 12;
    let shown = names[..names.len().min(SHOWN_MAX)].join(", ");
    if names.len() > SHOWN_MAX { format!("{shown} and more") } else { shown }
}

fn out_of(bits: u32) -> Misfit {
    format!("does not fit into {bits} bits")
}

/// `is an array, not a string`.
pub fn not(wanted: &str, got: &Json) -> Misfit {
    format!("is {}, not {wanted}", got.kind())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcode::json_tree::parse;

    fn check(kind: Kind, json: &str) -> Result<Value, Misfit> {
        from_json(&kind, &parse(json.as_bytes()).unwrap())
    }

    #[test]
    fn integers_are_exact_or_refused() {
        let exact = Ok(Value::I64(9_007_199_254_740_993));
        assert_eq!(check(Kind::Int64, "9007199254740993"), exact);
        assert_eq!(check(Kind::Int64, "\"9007199254740993\""), exact);
        assert_eq!(check(Kind::Int64, "-9223372036854775808"), Ok(Value::I64(i64::MIN)));
        assert_eq!(check(Kind::Int32, "1.0"), Ok(Value::I32(1)));
        assert_eq!(check(Kind::Int32, "1e3"), Ok(Value::I32(1_000)));
        assert_eq!(check(Kind::Uint32, "0"), Ok(Value::U32(0)));
        for (kind, bad) in [
            (Kind::Int64, "9223372036854775808"),
            (Kind::Int64, "9223372036854775808.0"),
            (Kind::Int64, "1e300"),
            (Kind::Int32, "2147483648"),
            (Kind::Int32, "1.5"),
            (Kind::Int32, "\"12abc\""),
            (Kind::Int32, "\"\""),
            (Kind::Int32, "\" 1\""),
            (Kind::Int32, "\"+1\""),
            (Kind::Int32, "true"),
            (Kind::Int32, "[]"),
            (Kind::Uint32, "-1"),
            (Kind::Uint32, "-0"),
            (Kind::Double, "\"NaN\""),
            (Kind::Double, "\"Infinity\""),
            (Kind::Double, "\"1e400\""),
            (Kind::Bool, "\"true\""),
            (Kind::Bool, "1"),
            (Kind::String, "1"),
            (Kind::Bytes, "\"***\""),
        ] {
            assert!(check(kind.clone(), bad).is_err(), "{kind:?} {bad}");
        }
    }

    #[test]
    fn both_alphabets_of_base64_are_read() {
        for text in ["\"-_8=\"", "\"-_8\"", "\"+/8=\""] {
            assert_eq!(
                check(Kind::Bytes, text),
                Ok(Value::Bytes(vec![0xfb, 0xff].into())),
                "{text}"
            );
        }
    }

    #[test]
    fn times_are_strict() {
        let timestamp = proto::methods::pool().get_message_by_name("google.protobuf.Timestamp");
        let timestamp = timestamp.unwrap();
        for good in [
            "2026-11-01T09:00:00Z",
            "2026-11-01T09:00:00.123456789Z",
            "2026-11-01T09:00:00+08:00",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999999Z",
        ] {
            assert!(well_known(&timestamp, good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "now",
            "2026-02-30T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-01T09:00:00",
            "2026-11-01 09:00:00Z",
            "2026-11-01",
            "2026-11-01T25:00:00Z",
            "2026-11-01T09:00:00.1234567890Z",
            "10000-01-01T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "2026-11-01T09:00:00+99:00",
        ] {
            assert!(well_known(&timestamp, bad).is_err(), "{bad}");
        }
    }
}
