//! Placeholders: `{{q1}}`, `{{q1/row}}`, `{{@attribute}}`, each with a fallback after a bar. What
//! is put in is plain text and is never read for placeholders again.

use super::Version;
use crate::answer::{Answer, Attributes, Lookup, Value};

/// Longest text that is put in for a placeholder, in characters.
pub const PIPED_MAX: usize = 200;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Plain text.
    Plain(&'a str),
    /// An earlier answer.
    Answer {
        /// Question.
        question: &'a str,
        /// Part, or empty.
        part: &'a str,
        /// What is shown without an answer.
        fallback: &'a str,
    },
    /// An attribute of the customer.
    Attribute {
        /// Its id.
        id: &'a str,
        /// What is shown when it is not known.
        fallback: &'a str,
    },
}

/// How what is rendered will be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// As plain text.
    Plain,
    /// Inside of HTML, also of attributes in quotes.
    Html,
}

/// Cuts a text into plain pieces and placeholders.
///
/// # Errors
/// Says what is wrong with a placeholder.
pub fn parse(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        if !before.is_empty() {
            pieces.push(Piece::Plain(before));
        }
        let Some((inner, tail)) = after.split_once("}}") else {
            return Err("has a placeholder without an end".to_owned());
        };
        pieces.push(placeholder(inner)?);
        rest = tail;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Plain(rest));
    }
    Ok(pieces)
}

fn placeholder(inner: &str) -> Result<Piece<'_>, String> {
    let (what, fallback) = inner.split_once('|').unwrap_or((inner, ""));
    let wrong =
        || "has a placeholder that is none of {{q1}}, {{q1/row}}, {{@attribute}}".to_owned();
    if fallback.contains(['{', '}']) {
        return Err(wrong());
    }
    if let Some(id) = what.strip_prefix('@') {
        return if is_attribute(id) { Ok(Piece::Attribute { id, fallback }) } else { Err(wrong()) };
    }
    let (question, part) = what.split_once('/').unwrap_or((what, ""));
    let named = is_id(question) && part.split(':').all(|id| part.is_empty() || is_id(id));
    if !named || what.ends_with('/') {
        return Err(wrong());
    }
    Ok(Piece::Answer { question, part, fallback })
}

/// Whether a text is an id: a lower-case letter, then letters, digits and underscores; 1 to 40.
pub fn is_id(text: &str) -> bool {
    let head = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    head && text.len() <= 40 && text.bytes().all(plain)
}

/// Whether a text is an id of an attribute: as of a question, with dots and hyphens, up to 64.
pub fn is_attribute(text: &str) -> bool {
    let head = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    head && text.len() <= 64 && text.bytes().all(plain)
}

/// What texts are filled from.
pub struct Filling<'a> {
    /// The version.
    pub version: &'a Version,
    /// Answers that count.
    pub answers: &'a Lookup<'a>,
    /// What is known of the customer.
    pub attributes: &'a Attributes,
    /// Language of labels.
    pub language: &'a str,
    /// How the result will be shown.
    pub escape: Escape,
}

impl Filling<'_> {
    /// The text with its placeholders filled, escaped as a whole.
    pub fn fill(&self, text: &str) -> String {
        let Ok(pieces) = parse(text) else { return self.escaped(text) };
        pieces.into_iter().map(|piece| self.piece(&piece)).collect()
    }

    fn piece(&self, piece: &Piece<'_>) -> String {
        let (found, fallback) = match piece {
            Piece::Plain(text) => return self.escaped(text),
            Piece::Answer { question, part, fallback } => {
                (self.answers.get(question, part).map(|a| self.words(a)), fallback)
            }
            Piece::Attribute { id, fallback } => (self.attributes.get(*id).cloned(), fallback),
        };
        let found = found.map(|text| tame(&text)).filter(|text| !text.is_empty());
        self.escaped(found.as_deref().unwrap_or(fallback))
    }

    /// An answer in words: labels of options and grades, other answers as they are.
    fn words(&self, answer: &Answer) -> String {
        let definition = self.version.definition();
        let Some(question) = self.version.question(&answer.question) else {
            return String::new();
        };
        let label = |id: &String| {
            let option = question.option(id);
            let text = option.map(|o| definition.text(&o.text, self.language)).unwrap_or_default();
            answer
                .specified
                .get(id)
                .filter(|s| !s.is_empty())
                .map_or(text, String::as_str)
                .to_owned()
        };
        match &answer.value {
            Value::Grade(grade) => {
                let scale = definition.scale_of(question);
                let known = scale.as_ref().and_then(|scale| scale.grade(*grade));
                let text = known.map(|g| definition.text(&g.label, self.language));
                text.filter(|t| !t.is_empty()).map_or_else(|| grade.to_string(), str::to_owned)
            }
            Value::Options(ids) => {
                let joint = if self.language.starts_with("zh") { "、" } else { ", " };
                ids.iter().map(label).collect::<Vec<_>>().join(joint)
            }
            Value::Number(number) => number.to_string(),
            Value::Date(text) | Value::Text(text) => text.clone(),
            Value::None | Value::NotApplicable | Value::Refused => String::new(),
        }
    }

    fn escaped(&self, text: &str) -> String {
        match self.escape {
            Escape::Plain => text.to_owned(),
            Escape::Html => html(text),
        }
    }
}

/// One line without control characters and changes of direction, cut to [`PIPED_MAX`].
fn tame(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let harmless = |c: &char| {
        !c.is_control() && !matches!(u32::from(*c), 0x202A..=0x202E | 0x2066..=0x2069 | 0xFEFF)
    };
    let plain: String = line.chars().filter(harmless).collect();
    if plain.chars().count() <= PIPED_MAX {
        return plain;
    }
    plain.chars().take(PIPED_MAX - 1).chain(['…']).collect()
}

/// A text escaped for HTML.
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_told_from_text() {
        let answer = |question, part, fallback| Piece::Answer { question, part, fallback };
        assert_eq!(
            parse("您选了{{q1|它}}，为什么？").unwrap(),
            [Piece::Plain("您选了"), answer("q1", "", "它"), Piece::Plain("，为什么？")]
        );
        assert_eq!(parse("{{q1/row}}").unwrap(), [answer("q1", "row", "")]);
        assert_eq!(parse("{{q1/a:b}}").unwrap(), [answer("q1", "a:b", "")]);
        assert_eq!(parse("{{@name}}").unwrap(), [Piece::Attribute { id: "name", fallback: "" }]);
        assert_eq!(parse("{ q1 }").unwrap(), [Piece::Plain("{ q1 }")]);
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn what_is_no_placeholder_is_refused() {
        for bad in [
            "{{7*7}}",
            "{{Q1}}",
            "{{q1",
            "{{}}",
            "{{q1/}}",
            "{{q1|{{q2}}",
            "{{@}}",
            "{{ q1 }}",
            "{{q1.a}}",
            "{{q1/a/b}}",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn html_is_escaped_once() {
        assert_eq!(html("<a href='x'>&\"</a>"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;&lt;/a&gt;");
    }

    #[test]
    fn what_is_put_in_is_one_short_tame_line() {
        assert_eq!(tame("a\u{202e}b\n\tc\u{0}d"), "ab cd");
        assert_eq!(tame(&"x".repeat(300)).chars().count(), PIPED_MAX);
    }
}
