//! JSON text to a tree, strictly: no key twice, nothing after the end, bounded depth, and
//! integers kept exactly.

use std::{collections::HashSet, fmt};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without fraction or exponent that fits into 64 bits.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object, in the order written.
    Map(Vec<(String, Json)>),
}

impl Json {
    /// What kind of value it is, for error texts.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "an array",
            Self::Map(_) => "an object",
        }
    }
}

/// Reads JSON text. Arrays and objects may be nested 127 deep.
///
/// # Errors
/// A sentence with line and column; it repeats no values.
pub fn parse(bytes: &[u8]) -> Result<Json, String> {
    // Checks UTF-8 once, and names what is wrong better than a parser would.
    let text = std::str::from_utf8(bytes).map_err(|_| "is no UTF-8".to_owned())?;
    if text.trim().is_empty() {
        return Err("is empty; send {} for a message without fields".to_owned());
    }
    serde_json::from_str(text).map_err(|error| format!("is no valid JSON: {error}"))
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Tree)
    }
}

struct Tree;

impl<'de> Visitor<'de> for Tree {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Int(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Int(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element()? {
            list.push(value);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut seen = HashSet::new();
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                let shown: String = key.chars().take(40).collect();
                return Err(A::Error::custom(format!("the key `{shown}` stands twice")));
            }
            entries.push((key, map.next_value()?));
        }
        Ok(Json::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_kept_exactly() {
        assert_eq!(parse(b"9007199254740993"), Ok(Json::Int(9_007_199_254_740_993)));
        assert_eq!(parse(b"18446744073709551615"), Ok(Json::Int(u64::MAX.into())));
        assert_eq!(parse(b"1.5"), Ok(Json::Float(1.5)));
    }

    #[test]
    fn sloppy_text_is_refused() {
        let deep = "[".repeat(10_000);
        let nested = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for bad in [
            "",
            "  ",
            "{",
            "{\"a\":1",
            "{} x",
            "{}{}",
            "{'a':1}",
            "{a:1}",
            "[1,]",
            "01",
            "+1",
            "NaN",
            "Infinity",
            "1e400",
            "{\"a\":1,\"a\":1}",
            "\"\\ud800\"",
            "\u{feff}{}",
            "// c\n{}",
            &deep,
            &nested,
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:.40}");
        }
        assert!(parse(b"\"\xff\"").is_err());
    }
}
