//! A valid request for each method: `tests/authorization/requests.toml`.

use std::{collections::BTreeMap, sync::Arc};

use proto::methods::{Method, table};
use serde::Deserialize;
use serde_json::Value;
use tonic::Code;

#[derive(Deserialize)]
struct File {
    request: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    method: String,
    request: String,
    #[serde(default)]
    objects: Vec<String>,
    #[serde(default)]
    elsewhere: BTreeMap<String, String>,
    #[serde(default)]
    also: bool,
    #[serde(default)]
    per_item: bool,
    #[serde(default)]
    tolerate: Vec<String>,
    #[serde(default)]
    why: String,
}

/// A request with words in place of its objects.
pub struct Fixture {
    /// The method.
    pub method: Arc<Method>,
    /// The request; its words in braces are to be replaced.
    pub request: Value,
    /// Words that name an object.
    pub objects: Vec<String>,
    /// Only for objects from elsewhere.
    pub also: bool,
    /// The refusal stands in the first result.
    pub per_item: bool,
    /// Refusals of an allowed call that are fine.
    pub tolerate: Vec<Code>,
    elsewhere: BTreeMap<String, Code>,
}

impl Fixture {
    /// Name of the method, as the matrix spells it.
    pub fn name(&self) -> &str {
        self.method.path.trim_start_matches('/')
    }

    /// Objects that are moved together: each alone, and all of them. What one alone would be
    /// refused for, such as an index that is asked for of a branch that it does not cover, may
    /// hide that nobody asked where it is.
    pub fn moves(&self) -> Vec<Vec<&str>> {
        let mut moves: Vec<Vec<&str>> = self.objects.iter().map(|o| vec![o.as_str()]).collect();
        if moves.len() > 1 {
            moves.push(moves.concat());
        }
        moves
    }

    /// What a caller of a column gets for an object that it may not know of.
    pub fn elsewhere(&self, column: &str) -> Code {
        self.elsewhere.get(column).copied().unwrap_or(Code::NotFound)
    }
}

/// All of them, in the order in which they are sent.
pub fn read() -> Vec<Fixture> {
    let text = include_str!("../../authorization/requests.toml");
    let file: File = toml::from_str(text).expect("the requests can be read");
    file.request.into_iter().map(fixture).collect()
}

fn fixture(entry: Entry) -> Fixture {
    let path = format!("/{}", entry.method);
    let method = table().get(&path).unwrap_or_else(|| panic!("{path} is no method")).clone();
    let explained = entry.tolerate.is_empty() || !entry.why.is_empty();
    assert!(explained, "{path} tolerates refusals without saying why");
    let request: Value = serde_json::from_str(&entry.request)
        .unwrap_or_else(|error| panic!("{path} {}: {error}", entry.request));
    for object in &entry.objects {
        assert!(entry.request.contains(&format!("{{{object}}}")), "{path} has no {object}");
    }
    Fixture {
        method,
        request,
        objects: entry.objects,
        also: entry.also,
        per_item: entry.per_item,
        tolerate: entry.tolerate.iter().map(|name| code(name)).collect(),
        elsewhere: entry.elsewhere.iter().map(|(k, v)| (k.clone(), code(v))).collect(),
    }
}

/// A code by the name that the gRPC documents give it.
pub fn code(name: &str) -> Code {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    let number = NAMES.iter().position(|known| *known == name);
    let number = number.unwrap_or_else(|| panic!("{name} is no code"));
    Code::from_i32(i32::try_from(number).expect("there are 17"))
}

/// The words in braces of a request.
pub fn words(request: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(request, &mut found);
    found.sort_unstable();
    found.dedup();
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let parts = text.split('{').skip(1).filter_map(|part| part.split_once('}'));
            found.extend(parts.map(|(word, _)| word.to_owned()));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(fields) => fields.values().for_each(|value| collect(value, found)),
        _ => {}
    }
}

/// The request with its words replaced.
pub fn filled(request: &Value, words: &BTreeMap<String, String>) -> Value {
    match request {
        Value::String(text) => {
            let mut text = text.clone();
            for (word, value) in words {
                text = text.replace(&format!("{{{word}}}"), value);
            }
            Value::String(text)
        }
        Value::Array(items) => items.iter().map(|item| filled(item, words)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter();
            Value::Object(fields.map(|(k, v)| (k.clone(), filled(v, words))).collect())
        }
        other => other.clone(),
    }
}
