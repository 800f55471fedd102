//! Texts: plain ones, and those with one text per locale.

use serde_json::{Map, Value};

use super::{Importer, Outcome};
use crate::questionnaire::{Texts, check::is_language};

/// The language that a document is written in.
pub(super) fn language_of(root: &Map<String, Value>) -> String {
    let locale = root.get("locale").and_then(Value::as_str).unwrap_or_default();
    tag(locale).unwrap_or_else(|| "en".to_owned())
}

/// A language tag of a locale such as `zh-cn`.
fn tag(locale: &str) -> Option<String> {
    let mut parts = locale.split(['-', '_']);
    let first = parts.next()?.to_ascii_lowercase();
    let rest = parts.map(|part| match part.len() {
        2 => part.to_ascii_uppercase(),
        _ => part.to_owned(),
    });
    let tag = std::iter::once(first).chain(rest).collect::<Vec<_>>().join("-");
    is_language(&tag).then_some(tag)
}

impl Importer {
    /// Texts of a property, cut to `max` characters.
    pub(super) fn texts(&mut self, value: Option<&Value>, pointer: &str, max: usize) -> Texts {
        let mut texts = Texts::new();
        match value {
            None | Some(Value::Null) => {}
            Some(Value::Object(locales)) => {
                for (locale, text) in locales {
                    let language =
                        if locale == "default" { Some(self.language.clone()) } else { tag(locale) };
                    match (language, plain(text)) {
                        (Some(language), Some(text)) => {
                            self.put(&mut texts, language, &text, pointer, max);
                        }
                        _ => {
                            let shown: String = locale.chars().take(20).collect();
                            let text = format!("{shown} is no language, or has no text");
                            self.remark(pointer, Outcome::LeftOut, text, "");
                        }
                    }
                }
                // Something has to be shown in the default language.
                if !texts.contains_key(&self.language)
                    && let Some(text) = texts.values().next().cloned()
                {
                    texts.insert(self.language.clone(), text);
                }
            }
            Some(other) => {
                if let Some(text) = plain(other) {
                    let language = self.language.clone();
                    self.put(&mut texts, language, &text, pointer, max);
                }
            }
        }
        texts
    }

    fn put(&mut self, texts: &mut Texts, language: String, text: &str, at: &str, max: usize) {
        let filled = self.placeholders(&text.replace('\0', ""), at);
        let clipped: String = filled.chars().take(max).collect();
        if clipped.trim().is_empty() {
            return;
        }
        if clipped.len() < filled.len() {
            let text = format!("the text is longer than {max} characters and was cut");
            self.remark(at, Outcome::Changed, text, "");
        }
        self.languages.insert(language.clone());
        texts.insert(language, clipped);
    }

    /// `{name}` of a question so far becomes a placeholder; other braces stay text.
    fn placeholders(&mut self, text: &str, at: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let known = after.split_once('}').and_then(|(name, tail)| {
                let known = self.known.get(name.trim())?;
                known.rows.is_empty().then(|| (known.id.clone(), tail))
            });
            match known {
                Some((id, tail)) => {
                    out.push_str(&format!("{{{{{id}}}}}"));
                    rest = tail;
                }
                None => {
                    if out.ends_with('{') {
                        out.push(' ');
                        let text = "two opening braces in a text mean a placeholder here";
                        self.remark(at, Outcome::Changed, text, "");
                    }
                    out.push('{');
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        out
    }
}

/// A text, number or truth value as text.
pub(super) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}
