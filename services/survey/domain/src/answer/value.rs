//! Whether one answer fits its question.

use std::collections::BTreeSet;

use super::{Answer, Rule, Value};
use crate::questionnaire::{
    Kind, Question, Scale,
    condition::{is_date, number_of},
};

/// Longest remark, and longest specification of an option, in characters.
const COMMENT_MAX: usize = 10_000;
const SPECIFIED_MAX: usize = 1_000;
/// Beyond this a binary fraction holds no cents any more.
const NUMBER_MAX: f64 = 1e15;

type Finding = (Rule, &'static str);

/// What is wrong with an answer to a question; nothing when it fits.
pub fn fits(question: &Question, scale: Option<&Scale>, answer: &Answer) -> Result<(), Finding> {
    match &answer.value {
        Value::None => {}
        Value::NotApplicable if !question.not_applicable => {
            return Err((Rule::NotOffered, "\"not applicable\" is not offered here"));
        }
        Value::Refused if !question.refusal => {
            return Err((Rule::NotOffered, "\"prefer not to say\" is not offered here"));
        }
        Value::NotApplicable | Value::Refused => {}
        value => content(question, scale, value)?,
    }
    beside(question, scale, answer)
}

fn content(question: &Question, scale: Option<&Scale>, value: &Value) -> Result<(), Finding> {
    match (question.kind, value) {
        (_, Value::Grade(grade)) => match scale {
            Some(scale) if scale.holds(*grade) => Ok(()),
            Some(_) => Err((Rule::OutOfRange, "is not on the scale")),
            None => Err((Rule::WrongKind, "is no grade")),
        },
        (_, Value::Options(ids)) if scale.is_none() && question.is_choice() => {
            choice(question, ids)
        }
        (Kind::Number, Value::Number(number)) => in_range(question, *number),
        (Kind::Date, Value::Date(date)) => date_in_range(question, date),
        (Kind::ShortText | Kind::LongText, Value::Text(text)) => plain(question, text),
        _ => Err((Rule::WrongKind, wanted(question, scale))),
    }
}

fn wanted(question: &Question, scale: Option<&Scale>) -> &'static str {
    match question.kind {
        _ if scale.is_some() => "must be a grade",
        Kind::Number => "must be a number",
        Kind::Date => "must be a date",
        Kind::ShortText | Kind::LongText => "must be a text",
        _ => "must be options",
    }
}

fn choice(question: &Question, ids: &[String]) -> Result<(), Finding> {
    let chosen: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    let known = |id: &&str| question.option(id).is_some();
    if !chosen.iter().all(known) {
        return Err((Rule::UnknownOption, "names an option that the question does not have"));
    }
    if chosen.len() < ids.len() {
        return Err((Rule::WrongChoice, "names an option twice"));
    }
    if ids.is_empty() {
        return Ok(());
    }
    let exclusive = |id: &&str| question.option(id).is_some_and(|option| option.exclusive);
    if chosen.len() > 1 && chosen.iter().any(exclusive) {
        return Err((Rule::WrongChoice, "names an option that excludes the others"));
    }
    let (min, max) = question.choices();
    if ids.len() > max {
        return Err((Rule::WrongChoice, "names too many options"));
    }
    // Who ranks or chooses too few has not answered; an exclusive option is enough alone.
    if ids.len() < min && !chosen.iter().any(exclusive) {
        return Err((Rule::WrongChoice, "names too few options"));
    }
    Ok(())
}

/// Options of a pair are those of the pair.
pub fn fits_pair(answer: &Answer) -> Result<(), Finding> {
    let Value::Options(ids) = &answer.value else { return Ok(()) };
    let in_pair = |id: &String| answer.part.split(':').any(|side| side == id);
    match ids.iter().all(in_pair) {
        true => Ok(()),
        false => Err((Rule::UnknownOption, "names an option that is not in this pair")),
    }
}

fn in_range(question: &Question, number: f64) -> Result<(), Finding> {
    let range = question.number.clone().unwrap_or_default();
    if !number.is_finite() || number.abs() > NUMBER_MAX {
        return Err((Rule::OutOfRange, "is no number that can be kept"));
    }
    let low = range.min.is_some_and(|min| number < min.value);
    let high = range.max.is_some_and(|max| number > max.value);
    if low || high {
        return Err((Rule::OutOfRange, "is outside of the limits"));
    }
    let factor = 10_f64.powi(range.decimals.clamp(0, 6));
    // As printed: 0.1 is one decimal although the binary fraction has more.
    let rounded = number_of(&format!("{:.*}", decimals(range.decimals), number));
    match rounded == Some(number) || (number * factor).fract() == 0.0 {
        true => Ok(()),
        false => Err((Rule::OutOfRange, "has too many decimal places")),
    }
}

fn decimals(given: i32) -> usize {
    usize::try_from(given.clamp(0, 6)).unwrap_or_default()
}

fn date_in_range(question: &Question, date: &str) -> Result<(), Finding> {
    if date.is_empty() {
        return Ok(());
    }
    if !is_date(date) {
        return Err((Rule::OutOfRange, "is no date such as 2026-01-31"));
    }
    let low = !question.date_min.is_empty() && date < question.date_min.as_str();
    let high = !question.date_max.is_empty() && date > question.date_max.as_str();
    if low || high { Err((Rule::OutOfRange, "is outside of the limits")) } else { Ok(()) }
}

fn plain(question: &Question, text: &str) -> Result<(), Finding> {
    text_within(text, question.text_limit())
}

fn text_within(text: &str, max: usize) -> Result<(), Finding> {
    if text.contains('\0') {
        return Err((Rule::BadText, "contains a NUL character"));
    }
    // Bytes bound characters from above, so most texts need no count.
    if text.len() > max && text.chars().count() > max {
        return Err((Rule::BadText, "is too long"));
    }
    Ok(())
}

/// Reasons, remarks and specifications.
fn beside(question: &Question, scale: Option<&Scale>, answer: &Answer) -> Result<(), Finding> {
    if !answer.comment.is_empty() {
        if !question.comment {
            return Err((Rule::NotOffered, "a remark is not offered here"));
        }
        text_within(&answer.comment, COMMENT_MAX)?;
    }
    for (id, text) in &answer.specified {
        let chosen = matches!(&answer.value, Value::Options(ids) if ids.contains(id));
        if !chosen || !question.option(id).is_some_and(|option| option.specify) {
            return Err((Rule::NotOffered, "specifies an option that does not ask for it"));
        }
        text_within(text, SPECIFIED_MAX)?;
    }
    reasons(scale, answer)
}

fn reasons(scale: Option<&Scale>, answer: &Answer) -> Result<(), Finding> {
    if answer.reasons.is_empty() {
        return Ok(());
    }
    let grade = match (&answer.value, scale) {
        (Value::Grade(grade), Some(scale)) => scale.grade(*grade),
        _ => None,
    };
    let offered = grade.map(|grade| grade.reasons.as_slice()).unwrap_or_default();
    let given: BTreeSet<&str> = answer.reasons.iter().map(String::as_str).collect();
    if given.len() < answer.reasons.len() {
        return Err((Rule::WrongChoice, "names a reason twice"));
    }
    match given.iter().all(|id| offered.iter().any(|reason| reason.id == *id)) {
        true => Ok(()),
        false => Err((Rule::UnknownOption, "names a reason that this grade does not have")),
    }
}
