//! The canonical form of a definition, and its hash. The form is JSON: fields at their default
//! are left out, keys are sorted by code point, there is no white space, numbers are printed in
//! their shortest form, and only `"`, `\` and control characters are escaped.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Definition;

/// The canonical form.
pub fn form(definition: &Definition) -> String {
    let mut out = String::new();
    // Maps with text keys and finite numbers always have a JSON form.
    if let Ok(value) = serde_json::to_value(definition) {
        write(&value, &mut out);
    }
    out
}

/// SHA-256 of the canonical form, in lower-case hexadecimal.
pub fn hash(definition: &Definition) -> String {
    hex(&Sha256::digest(form(definition).as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (i, (key, item)) in sorted.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_text(key, out);
                out.push(':');
                write(item, out);
            }
            out.push('}');
        }
    }
}

fn write_number(number: &serde_json::Number, out: &mut String) {
    let text = match (number.as_i64(), number.as_f64()) {
        (Some(whole), _) => whole.to_string(),
        // 80.0 and 80 are one number; the shortest form has no fraction of nothing.
        (None, Some(fraction)) if fraction.fract() == 0.0 && fraction.abs() < 1e15 => {
            format!("{fraction:.0}").replace("-0", "0")
        }
        (None, Some(fraction)) => fraction.to_string(),
        (None, None) => number.to_string(),
    };
    out.push_str(&text);
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_does_not_depend_on_how_the_document_was_written() {
        let one = r#"{"title":{"zh-CN":"满意度","en":"A \"b\""},"sections":[{"id":"a"}],
            "scales":[{"id":"s","min":1,"max":2,"grades":[{},{"score0100":80}]}]}"#;
        let two = r#"{"scales":[{"grades":[{},{"score0100":80.0}],"max":2,"min":1,"id":"s",
            "satisfiedFrom":0}],"sections":[{"id":"a","questions":[]}],"validTo":"",
            "title":{"en":"A \u0022b\u0022","zh-CN":"\u6ee1\u610f\u5ea6"}}"#;
        let read = |text: &str| serde_json::from_str::<Definition>(text).unwrap();
        let wanted = r#"{"scales":[{"grades":[{},{"score0100":80}],"id":"s","max":2,"min":1}],"#
            .to_owned()
            + r#""sections":[{"id":"a"}],"title":{"en":"A \"b\"","zh-CN":"满意度"}}"#;
        assert_eq!(form(&read(one)), wanted);
        assert_eq!(form(&read(two)), wanted);
        assert_eq!(hash(&read(one)), hash(&read(two)));
        assert_eq!(hash(&read(one)).len(), 64);
    }

    #[test]
    fn every_change_of_content_changes_the_hash() {
        let mut definition: Definition = serde_json::from_str(r#"{"title":{"en":"A"}}"#).unwrap();
        let before = hash(&definition);
        definition.title.insert("en".into(), "a".into());
        assert_ne!(hash(&definition), before);
    }
}
