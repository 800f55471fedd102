//! Rules on the words of questions.

use super::{At, Linter, Rule, Severity, holds, is_graded, words};
use crate::questionnaire::Kind;

const ZH_CHARS_MAX: usize = 45;
const EN_WORDS_MAX: usize = 25;
const ROW_ZH_CHARS_MAX: usize = 20;
const ROW_EN_WORDS_MAX: usize = 12;

pub(super) fn question(linter: &mut Linter<'_>, at: &At<'_>) {
    let question = at.question;
    for (language, text) in &question.text {
        let place = format!("{}.text[{language}]", at.place);
        one(linter, at, language, text, &place);
    }
    for (r, row) in question.rows.iter().enumerate() {
        for (language, text) in &row.text {
            let place = format!("{}.rows[{r}].text[{language}]", at.place);
            joints(linter, at, language, text, &place);
            let long = length(language, text) > limit(language, true);
            if long {
                let what = (Rule::LongText, Severity::Hint);
                let detail = length(language, text).to_string();
                linter.add(what, place, &question.id, language, &detail);
            }
        }
    }
}

fn one(linter: &mut Linter<'_>, at: &At<'_>, language: &str, text: &str, place: &str) {
    let id = &at.question.id;
    // What is put in for a placeholder is the respondent's own.
    let text = &without_placeholders(text);
    joints(linter, at, language, text, place);
    let characters = length(language, text);
    if characters > limit(language, false) {
        let what = (Rule::LongText, Severity::Warning);
        linter.add(what, place, id, language, &characters.to_string());
    }
    let rules = [
        (Rule::Leading, Severity::Serious, &words::LEADING),
        (Rule::Loaded, Severity::Warning, &words::LOADED),
        (Rule::Negation, Severity::Warning, &words::DOUBLE_NEGATIONS),
        (Rule::Jargon, Severity::Hint, &words::JARGON),
    ];
    for (rule, severity, list) in rules {
        if let Some(word) = list.find(language, text) {
            linter.add((rule, severity), place, id, language, word);
        }
    }
    let closed = !at.question.kind.is_text();
    if closed && let Some(word) = words::VAGUE.find(language, text) {
        linter.add((Rule::Vague, Severity::Hint), place, id, language, word);
    }
    let twice = words::DOUBLE_NEGATIONS.find(language, text).is_some();
    if is_graded(at.question)
        && !twice
        && let Some(word) = words::NEGATIONS.find(language, text)
    {
        linter.add((Rule::Negation, Severity::Hint), place, id, language, word);
    }
    if let Some(word) = words::abbreviation(text) {
        linter.add((Rule::Jargon, Severity::Hint), place, id, language, &word);
    }
}

/// Two things in one graded question: nobody knows which one the grade is for.
fn joints(linter: &mut Linter<'_>, at: &At<'_>, language: &str, text: &str, place: &str) {
    if is_graded(at.question)
        && let Some(word) = words::JOINTS.find(language, text)
    {
        let what = (Rule::DoubleBarrelled, Severity::Warning);
        linter.add(what, place, &at.question.id, language, word);
    }
}

fn without_placeholders(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        rest = after.split_once("}}").map(|(_, tail)| tail).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Characters of Chinese, Japanese and Korean texts, words of others.
fn length(language: &str, text: &str) -> usize {
    if is_wide(language) { text.chars().count() } else { text.split_whitespace().count() }
}

fn limit(language: &str, row: bool) -> usize {
    match (is_wide(language), row) {
        (true, false) => ZH_CHARS_MAX,
        (true, true) => ROW_ZH_CHARS_MAX,
        (false, false) => EN_WORDS_MAX,
        (false, true) => ROW_EN_WORDS_MAX,
    }
}

fn is_wide(language: &str) -> bool {
    ["zh", "ja", "ko"].iter().any(|wide| language.starts_with(wide))
}

/// Whether a question asks about the whole.
pub(super) fn is_overall(at: &At<'_>) -> bool {
    at.question.kind == Kind::Nps || holds(&at.question.text, &words::OVERALL)
}

/// Whether a question is personal.
pub(super) fn is_personal(question: &crate::questionnaire::Question) -> bool {
    holds(&question.text, &words::PERSONAL)
}
