//! Conditions of branching: any of groups, each of which needs all of its terms.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::is_default;
use crate::answer::{Attributes, Lookup, Value};

/// Holds when one of its groups holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Condition {
    /// Groups.
    #[serde(skip_serializing_if = "is_default")]
    pub any_of: Vec<Group>,
}

/// Holds when all of its terms hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Group {
    /// Terms.
    #[serde(skip_serializing_if = "is_default")]
    pub all_of: Vec<Term>,
}

/// How a term compares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    /// Not set.
    #[default]
    #[serde(rename = "CONDITION_OPERATOR_UNSPECIFIED")]
    Unspecified,
    /// There is an answer.
    #[serde(rename = "CONDITION_OPERATOR_ANSWERED")]
    Answered,
    /// There is none.
    #[serde(rename = "CONDITION_OPERATOR_NOT_ANSWERED")]
    NotAnswered,
    /// It is one of the values.
    #[serde(rename = "CONDITION_OPERATOR_IS")]
    Is,
    /// There is an answer and it is none of the values.
    #[serde(rename = "CONDITION_OPERATOR_IS_NOT")]
    IsNot,
    /// At least the value.
    #[serde(rename = "CONDITION_OPERATOR_AT_LEAST")]
    AtLeast,
    /// At most the value.
    #[serde(rename = "CONDITION_OPERATOR_AT_MOST")]
    AtMost,
    /// All values are chosen.
    #[serde(rename = "CONDITION_OPERATOR_INCLUDES_ALL")]
    IncludesAll,
    /// "Not applicable" was said.
    #[serde(rename = "CONDITION_OPERATOR_NOT_APPLICABLE")]
    NotApplicable,
    /// "Prefer not to say" was said.
    #[serde(rename = "CONDITION_OPERATOR_REFUSED")]
    Refused,
}

impl Operator {
    /// All operators in the order of their numbers in the contract.
    pub const ALL: [Self; 10] = [
        Self::Unspecified,
        Self::Answered,
        Self::NotAnswered,
        Self::Is,
        Self::IsNot,
        Self::AtLeast,
        Self::AtMost,
        Self::IncludesAll,
        Self::NotApplicable,
        Self::Refused,
    ];

    /// By its number; unknown ones are unspecified.
    pub fn from_number(number: i32) -> Self {
        let index = usize::try_from(number).unwrap_or(0);
        Self::ALL.get(index).copied().unwrap_or_default()
    }

    /// Fewest and most values that it compares with.
    pub fn values(self) -> (usize, usize) {
        match self {
            Self::Is | Self::IsNot | Self::IncludesAll => (1, 50),
            Self::AtLeast | Self::AtMost => (1, 1),
            _ => (0, 0),
        }
    }
}

/// A comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Term {
    /// An earlier question, or empty.
    #[serde(skip_serializing_if = "is_default")]
    pub question: String,
    /// Part of it.
    #[serde(skip_serializing_if = "is_default")]
    pub part: String,
    /// Attribute of the customer, instead.
    #[serde(skip_serializing_if = "is_default")]
    pub attribute: String,
    /// How.
    #[serde(skip_serializing_if = "is_default")]
    pub operator: Operator,
    /// With what.
    #[serde(skip_serializing_if = "is_default")]
    pub values: Vec<String>,
}

impl Condition {
    /// Whether it holds. Whatever is not among `answers` was not answered.
    pub fn holds(&self, answers: &Lookup<'_>, attributes: &Attributes) -> bool {
        let all = |group: &Group| group.all_of.iter().all(|term| term.holds(answers, attributes));
        self.any_of.iter().any(all)
    }

    /// All of its terms, with the numbers of their group and of themselves.
    pub fn terms(&self) -> impl Iterator<Item = (usize, usize, &Term)> {
        self.any_of.iter().enumerate().flat_map(|(g, group)| {
            group.all_of.iter().enumerate().map(move |(t, term)| (g, t, term))
        })
    }
}

/// What a term is held against.
enum Found<'a> {
    Nothing,
    Value(&'a Value),
    Text(&'a str),
}

impl Term {
    fn holds(&self, answers: &Lookup<'_>, attributes: &Attributes) -> bool {
        let found = if self.attribute.is_empty() {
            let answer = answers.get(&self.question, &self.part);
            answer
                .filter(|a| !a.value.is_empty())
                .map_or(Found::Nothing, |a| Found::Value(&a.value))
        } else {
            let text = attributes.get(&self.attribute).map(String::as_str);
            text.filter(|text| !text.is_empty()).map_or(Found::Nothing, Found::Text)
        };
        let said = match &found {
            Found::Nothing => false,
            Found::Value(value) => !value.is_declined(),
            Found::Text(_) => true,
        };
        match self.operator {
            Operator::Unspecified => false,
            Operator::Answered => said,
            Operator::NotAnswered => !said,
            Operator::Is => said && self.values.iter().any(|value| found.is(value)),
            Operator::IsNot => said && !self.values.iter().any(|value| found.is(value)),
            Operator::AtLeast => said && self.compares(&found, std::cmp::Ordering::is_ge),
            Operator::AtMost => said && self.compares(&found, std::cmp::Ordering::is_le),
            Operator::IncludesAll => said && self.values.iter().all(|value| found.is(value)),
            Operator::NotApplicable => matches!(found, Found::Value(Value::NotApplicable)),
            Operator::Refused => matches!(found, Found::Value(Value::Refused)),
        }
    }

    fn compares(&self, found: &Found<'_>, wanted: fn(std::cmp::Ordering) -> bool) -> bool {
        let bound = self.values.first().map(String::as_str).unwrap_or_default();
        let ordering = match found {
            Found::Value(Value::Grade(grade)) => {
                number_of(bound).and_then(|bound| f64::from(*grade).partial_cmp(&bound))
            }
            Found::Value(Value::Number(number)) => {
                number_of(bound).and_then(|bound| number.partial_cmp(&bound))
            }
            Found::Value(Value::Date(date)) => Some(date.as_str().cmp(bound)),
            Found::Text(text) => match (number_of(text), number_of(bound)) {
                (Some(number), Some(bound)) => number.partial_cmp(&bound),
                // Dates of the usual form sort as texts; other texts have no order.
                _ if is_date(text) && is_date(bound) => Some((*text).cmp(bound)),
                _ => None,
            },
            _ => None,
        };
        ordering.is_some_and(wanted)
    }
}

impl Found<'_> {
    fn is(&self, wanted: &str) -> bool {
        match self {
            Self::Value(Value::Grade(grade)) => wanted.parse() == Ok(*grade),
            Self::Value(Value::Options(ids)) => ids.iter().any(|id| id == wanted),
            Self::Value(Value::Number(number)) => number_of(wanted) == Some(*number),
            Self::Value(Value::Date(text)) => text == wanted,
            Self::Value(Value::Text(text)) => text.trim() == wanted.trim(),
            Self::Text(text) => *text == wanted,
            _ => false,
        }
    }
}

/// A finite decimal number.
pub fn number_of(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// Whether a text is a date such as `2026-01-31`.
pub fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}
