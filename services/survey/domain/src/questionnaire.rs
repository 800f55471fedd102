//! Questionnaires as they are written: sections, questions, scales, branching. The JSON form of
//! these types is the JSON form of the contract's messages, so that what is stored, hashed,
//! exported and shipped as a library is one and the same text.

pub mod canonical;
pub mod check;
pub mod condition;
pub mod definition;
pub mod flow;
pub mod form;
pub mod item;
pub mod join;
pub mod order;
pub mod pipe;
pub mod record;
pub mod scale;
mod version;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use condition::{Condition, Group, Operator, Term};
pub use scale::{Grade, Scale};
pub use version::{Place, Version};

/// A text by language tag.
pub type Texts = BTreeMap<String, String>;

/// Most questions of a questionnaire.
pub const QUESTIONS_MAX: usize = 500;
/// Largest encoded definition in bytes.
pub const DEFINITION_BYTES_MAX: usize = 512 * 1024;

/// What is wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path in the definition, such as `sections[0].questions[2].options[1].id`.
    pub place: String,
    /// What is wrong, without repeating long values.
    pub description: String,
}

impl Problem {
    /// A problem at a path.
    pub fn new(place: impl Into<String>, description: impl Into<String>) -> Self {
        Self { place: place.into(), description: description.into() }
    }
}

/// How a question is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// Not set.
    #[default]
    #[serde(rename = "QUESTION_TYPE_UNSPECIFIED")]
    Unspecified,
    /// A grade on a scale.
    #[serde(rename = "QUESTION_TYPE_SCALE")]
    Scale,
    /// The same, shown as faces.
    #[serde(rename = "QUESTION_TYPE_SMILEYS")]
    Smileys,
    /// One of several options.
    #[serde(rename = "QUESTION_TYPE_SINGLE_CHOICE")]
    SingleChoice,
    /// Several of several options.
    #[serde(rename = "QUESTION_TYPE_MULTIPLE_CHOICE")]
    MultipleChoice,
    /// Rows on one scale, or with the same options.
    #[serde(rename = "QUESTION_TYPE_MATRIX")]
    Matrix,
    /// Options put in order.
    #[serde(rename = "QUESTION_TYPE_RANKING")]
    Ranking,
    /// Options compared two by two.
    #[serde(rename = "QUESTION_TYPE_PAIRED_COMPARISON")]
    PairedComparison,
    /// Likelihood to recommend, 0 to 10.
    #[serde(rename = "QUESTION_TYPE_NPS")]
    Nps,
    /// Effort.
    #[serde(rename = "QUESTION_TYPE_CES")]
    Ces,
    /// Number.
    #[serde(rename = "QUESTION_TYPE_NUMBER")]
    Number,
    /// Date.
    #[serde(rename = "QUESTION_TYPE_DATE")]
    Date,
    /// One line of text.
    #[serde(rename = "QUESTION_TYPE_SHORT_TEXT")]
    ShortText,
    /// Several lines of text.
    #[serde(rename = "QUESTION_TYPE_LONG_TEXT")]
    LongText,
}

impl Kind {
    /// All kinds in the order of their numbers in the contract.
    pub const ALL: [Self; 14] = [
        Self::Unspecified,
        Self::Scale,
        Self::Smileys,
        Self::SingleChoice,
        Self::MultipleChoice,
        Self::Matrix,
        Self::Ranking,
        Self::PairedComparison,
        Self::Nps,
        Self::Ces,
        Self::Number,
        Self::Date,
        Self::ShortText,
        Self::LongText,
    ];

    /// Number in the contract.
    pub fn number(self) -> i32 {
        self as i32
    }

    /// By its number; unknown ones are unspecified.
    pub fn from_number(number: i32) -> Self {
        let index = usize::try_from(number).unwrap_or(0);
        Self::ALL.get(index).copied().unwrap_or_default()
    }

    /// Whether a line or more of text is the answer.
    pub fn is_text(self) -> bool {
        matches!(self, Self::ShortText | Self::LongText)
    }

    /// Whether options are the answer, of a matrix only without a scale.
    pub fn has_options(self) -> bool {
        matches!(
            self,
            Self::SingleChoice | Self::MultipleChoice | Self::Ranking | Self::PairedComparison
        )
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Everything that a questionnaire asks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Definition {
    /// Title; its languages are the questionnaire's.
    #[serde(skip_serializing_if = "is_default")]
    pub title: Texts,
    /// Introduction.
    #[serde(skip_serializing_if = "is_default")]
    pub introduction: Texts,
    /// Language for texts that are missing in another one.
    #[serde(skip_serializing_if = "is_default")]
    pub default_language: String,
    /// Scales that questions share.
    #[serde(skip_serializing_if = "is_default")]
    pub scales: Vec<Scale>,
    /// Sections in order.
    #[serde(skip_serializing_if = "is_default")]
    pub sections: Vec<Section>,
    /// Endings, the plain one first.
    #[serde(skip_serializing_if = "is_default")]
    pub endings: Vec<Ending>,
    /// First day, `2026-01-01`, or empty.
    #[serde(skip_serializing_if = "is_default")]
    pub valid_from: String,
    /// Last day, or empty.
    #[serde(skip_serializing_if = "is_default")]
    pub valid_to: String,
}

/// A part of a questionnaire.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Section {
    /// Id.
    #[serde(skip_serializing_if = "is_default")]
    pub id: String,
    /// Title.
    #[serde(skip_serializing_if = "is_default")]
    pub title: Texts,
    /// Words below the title.
    #[serde(skip_serializing_if = "is_default")]
    pub description: Texts,
    /// Shown only when this holds.
    #[serde(skip_serializing_if = "is_default")]
    pub show_if: Option<Condition>,
    /// Questions in order.
    #[serde(skip_serializing_if = "is_default")]
    pub questions: Vec<Question>,
    /// Asked in an order of chance.
    #[serde(skip_serializing_if = "is_default")]
    pub shuffle_questions: bool,
}

/// A question.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Question {
    /// Id.
    #[serde(skip_serializing_if = "is_default")]
    pub id: String,
    /// How it is asked.
    #[serde(skip_serializing_if = "is_default")]
    pub kind: Kind,
    /// The question.
    #[serde(skip_serializing_if = "is_default")]
    pub text: Texts,
    /// Words that help.
    #[serde(skip_serializing_if = "is_default")]
    pub help: Texts,
    /// Must be answered.
    #[serde(skip_serializing_if = "is_default")]
    pub required: bool,
    /// Offers "not applicable".
    #[serde(skip_serializing_if = "is_default")]
    pub not_applicable: bool,
    /// Offers "prefer not to say".
    #[serde(skip_serializing_if = "is_default")]
    pub refusal: bool,
    /// Id of the scale.
    #[serde(skip_serializing_if = "is_default")]
    pub scale: String,
    /// Options.
    #[serde(skip_serializing_if = "is_default")]
    pub options: Vec<QuestionOption>,
    /// Rows of a matrix.
    #[serde(skip_serializing_if = "is_default")]
    pub rows: Vec<Row>,
    /// Asks for what was expected and what was perceived.
    #[serde(skip_serializing_if = "is_default")]
    pub expectation_pair: bool,
    /// Pairs of a comparison; empty for every two.
    #[serde(skip_serializing_if = "is_default")]
    pub pairs: Vec<Pair>,
    /// "Both alike" is an answer of a comparison.
    #[serde(skip_serializing_if = "is_default")]
    pub ties: bool,
    /// Fewest options; 0 for the default.
    #[serde(skip_serializing_if = "is_default")]
    pub choices_min: i32,
    /// Most options; 0 for the default.
    #[serde(skip_serializing_if = "is_default")]
    pub choices_max: i32,
    /// Limits of a number.
    #[serde(skip_serializing_if = "is_default")]
    pub number: Option<NumberRange>,
    /// First date or empty.
    #[serde(skip_serializing_if = "is_default")]
    pub date_min: String,
    /// Last date or empty.
    #[serde(skip_serializing_if = "is_default")]
    pub date_max: String,
    /// Longest text; 0 for the default.
    #[serde(skip_serializing_if = "is_default")]
    pub text_max: i32,
    /// Offers a remark.
    #[serde(skip_serializing_if = "is_default")]
    pub comment: bool,
    /// Options in an order of chance.
    #[serde(skip_serializing_if = "is_default")]
    pub shuffle_options: bool,
    /// Rows in an order of chance.
    #[serde(skip_serializing_if = "is_default")]
    pub shuffle_rows: bool,
    /// Shown only when this holds.
    #[serde(skip_serializing_if = "is_default")]
    pub show_if: Option<Condition>,
    /// Where to go on; the first that holds counts.
    #[serde(skip_serializing_if = "is_default")]
    pub jumps: Vec<Jump>,
}

/// An option, or a reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct QuestionOption {
    /// Id.
    #[serde(skip_serializing_if = "is_default")]
    pub id: String,
    /// Text.
    #[serde(skip_serializing_if = "is_default")]
    pub text: Texts,
    /// Excludes all others.
    #[serde(skip_serializing_if = "is_default")]
    pub exclusive: bool,
    /// Asks to be specified.
    #[serde(skip_serializing_if = "is_default")]
    pub specify: bool,
    /// Keeps its place when options are shuffled.
    #[serde(skip_serializing_if = "is_default")]
    pub fixed: bool,
}

/// A row of a matrix.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Row {
    /// Id.
    #[serde(skip_serializing_if = "is_default")]
    pub id: String,
    /// Text.
    #[serde(skip_serializing_if = "is_default")]
    pub text: Texts,
}

/// Two options to compare.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Pair {
    /// One option.
    #[serde(skip_serializing_if = "is_default")]
    pub left: String,
    /// The other.
    #[serde(skip_serializing_if = "is_default")]
    pub right: String,
}

impl Pair {
    /// The part of an answer that stands for it.
    pub fn part(&self) -> String {
        format!("{}:{}", self.left, self.right)
    }
}

/// Limits of a number.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct NumberRange {
    /// Lowest.
    #[serde(skip_serializing_if = "is_default")]
    pub min: Option<NumberBound>,
    /// Highest.
    #[serde(skip_serializing_if = "is_default")]
    pub max: Option<NumberBound>,
    /// Decimal places, 0 to 6.
    #[serde(skip_serializing_if = "is_default")]
    pub decimals: i32,
    /// Unit.
    #[serde(skip_serializing_if = "is_default")]
    pub unit: Texts,
}

/// A limit that is itself allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct NumberBound {
    /// The limit.
    #[serde(skip_serializing_if = "is_default")]
    pub value: f64,
}

/// Where a questionnaire ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Ending {
    /// Id.
    #[serde(skip_serializing_if = "is_default")]
    pub id: String,
    /// What is said there.
    #[serde(skip_serializing_if = "is_default")]
    pub text: Texts,
    /// The respondent is not among those who are asked.
    #[serde(skip_serializing_if = "is_default")]
    pub screened_out: bool,
}

/// A place to go on at.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Jump {
    /// When; absent for always.
    #[serde(skip_serializing_if = "is_default")]
    pub when: Option<Condition>,
    /// A later question or section, or an ending.
    #[serde(skip_serializing_if = "is_default")]
    pub to: String,
}
