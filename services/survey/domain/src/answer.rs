//! Answers as respondents give them, and their check against the version that was shown.

mod check;
mod countable;
#[cfg(test)]
mod real_tests;
mod stored;
#[cfg(test)]
mod tests;
mod value;

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

pub use check::{Checked, Extent, check};
pub use countable::{Countable, CountedValue, countable};
pub use stored::{StoredAnswer, StoredValue, Word, stored};

/// What is known of the customer, by attribute.
pub type Attributes = BTreeMap<String, String>;

/// What was answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Value {
    /// Nothing.
    #[default]
    None,
    /// A grade.
    Grade(i32),
    /// Chosen options; of a ranking in order, best first.
    Options(Vec<String>),
    /// A number.
    Number(f64),
    /// A date, `2026-01-31`.
    Date(String),
    /// A text.
    Text(String),
    /// Does not apply.
    NotApplicable,
    /// Prefers not to say.
    Refused,
}

impl Value {
    /// Whether it says nothing at all.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::None => true,
            Self::Options(ids) => ids.is_empty(),
            Self::Date(text) | Self::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }

    /// Whether it says that there is no answer.
    pub fn is_declined(&self) -> bool {
        matches!(self, Self::NotApplicable | Self::Refused)
    }
}

/// An answer to a question, or to one part of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Answer {
    /// Id of the question.
    pub question: String,
    /// Row, `expected` or `perceived`, a pair as `left:right`, or empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub part: String,
    /// The answer.
    pub value: Value,
    /// What was specified for chosen options.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub specified: BTreeMap<String, String>,
    /// Reasons that go with the grade.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// Remark.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

impl Answer {
    /// A plain answer.
    pub fn new(question: &str, part: &str, value: Value) -> Self {
        Self { question: question.to_owned(), part: part.to_owned(), value, ..Self::default() }
    }
}

/// Answers in the order in which they were sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Answers(pub Vec<Answer>);

impl FromIterator<Answer> for Answers {
    fn from_iter<I: IntoIterator<Item = Answer>>(answers: I) -> Self {
        Self(answers.into_iter().collect())
    }
}

/// What is wrong with an answer. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// A required answer is missing.
    Required = 1,
    /// No such question.
    UnknownQuestion = 2,
    /// No such part.
    UnknownPart = 3,
    /// Answered twice.
    AnsweredTwice = 4,
    /// Another kind of answer is wanted.
    WrongKind = 5,
    /// Not on the scale, or out of limits.
    OutOfRange = 6,
    /// Not one of the options or reasons.
    UnknownOption = 7,
    /// Too few, too many, twice, or beside an exclusive one.
    WrongChoice = 8,
    /// Too long, or with a NUL character.
    BadText = 9,
    /// Not offered here.
    NotOffered = 10,
    /// Hidden by the other answers, and dropped.
    Hidden = 11,
}

/// Something found in answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Index of the answer as sent; `None` for one that is missing.
    pub index: Option<usize>,
    /// Question.
    pub question: String,
    /// Part, or empty.
    pub part: String,
    /// What.
    pub rule: Rule,
    /// The same in words, without what was answered.
    pub description: String,
}

/// Answers by question and part.
#[derive(Debug, Clone, Default)]
pub struct Lookup<'a>(HashMap<(&'a str, &'a str), &'a Answer>);

impl<'a> Lookup<'a> {
    /// All answers; of two for one part the first counts.
    pub fn of(answers: &'a Answers) -> Self {
        let mut lookup = Self::default();
        for answer in &answers.0 {
            lookup.0.entry((&answer.question, &answer.part)).or_insert(answer);
        }
        lookup
    }

    /// The answer to a part, if there is one.
    pub fn get(&self, question: &str, part: &str) -> Option<&'a Answer> {
        self.0.get(&(question, part)).copied()
    }

    /// Adds an answer.
    pub fn insert(&mut self, answer: &'a Answer) {
        self.0.insert((&answer.question, &answer.part), answer);
    }
}
