//! What of the answers can be counted, item by item.

use super::{Answers, Value};
use crate::questionnaire::{Version, definition::REASONS};

/// A countable answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Countable {
    /// Item, as [`crate::questionnaire::item::items`] names it.
    pub item: String,
    /// What was answered.
    pub value: CountedValue,
}

/// A countable value.
#[derive(Debug, Clone, PartialEq)]
pub enum CountedValue {
    /// Grade on the item's scale.
    Grade(i32),
    /// Chosen options; of a ranking in order.
    Options(Vec<String>),
    /// Number.
    Number(f64),
    /// Does not apply.
    NotApplicable,
    /// Prefers not to say.
    Refused,
}

/// The countable ones of answers that [`super::check`] kept, in their order: texts, dates,
/// remarks and specifications are left out, reasons are items of their own.
pub fn countable(version: &Version, answers: &Answers) -> Vec<Countable> {
    let mut found = Vec::new();
    for answer in &answers.0 {
        let Some(question) = version.question(&answer.question) else { continue };
        if question.kind.is_text() || question.kind == crate::questionnaire::Kind::Date {
            continue;
        }
        let value = match &answer.value {
            Value::Grade(grade) => CountedValue::Grade(*grade),
            Value::Options(ids) if !ids.is_empty() => CountedValue::Options(ids.clone()),
            Value::Number(number) => CountedValue::Number(*number),
            Value::NotApplicable => CountedValue::NotApplicable,
            Value::Refused => CountedValue::Refused,
            Value::None | Value::Options(_) | Value::Date(_) | Value::Text(_) => continue,
        };
        let item = question.item(&answer.part);
        let reasons = (!answer.reasons.is_empty()).then(|| Countable {
            item: format!("{item}/{REASONS}"),
            value: CountedValue::Options(answer.reasons.clone()),
        });
        found.push(Countable { item, value });
        found.extend(reasons);
    }
    found
}
