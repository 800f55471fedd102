//! Segments: a small filter language over customers. A filter is read into a tree, checked
//! against the attributes of the organisation and evaluated in Rust; no part of it ever becomes
//! SQL or code. The grammar:
//!
//! ```text
//! filter  = or
//! or      = and { "or" and }
//! and     = not { "and" not }
//! not     = "not" not | "(" or ")" | test
//! test    = field ( "=" | "!=" | "<" | "<=" | ">" | ">=" | "contains" ) value
//!         | field "in" "(" value { "," value } ")"
//!         | field "is" [ "not" ] "empty"
//! field   = one of FIELDS | "attr." code
//! value   = 'text' | "text" | number | date | "true" | "false"
//! ```
//!
//! In a text a quote is written twice. A value that is not known fulfils no test but `is empty`;
//! `not` turns every test around.

mod eval;
mod lex;
mod parse;
mod print;
#[cfg(test)]
mod tests;

use jiff::civil::Date;

use crate::attribute::{Attribute, Type};

pub use eval::Subject;

/// Longest filter in characters.
pub const CHARS_MAX: usize = 4_000;
/// Most tests of a filter.
pub const TESTS_MAX: usize = 200;
/// Deepest nesting.
pub const DEPTH_MAX: usize = 32;
/// Most values of an `in`.
pub const VALUES_MAX: usize = 200;

/// Why a filter cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {at}: {text}")]
pub struct Fault {
    /// Place in characters, from 1.
    pub at: usize,
    /// What is wrong there.
    pub text: String,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Number.
    Number,
    /// Date.
    Date,
    /// True or false.
    Truth,
}

/// A field that every customer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Code of the class.
    Class,
    /// Name of the competitor.
    Competitor,
    /// Language tag.
    Language,
    /// Importance.
    Importance,
    /// Purchases with us.
    PurchaseCount,
    /// Their amount in the organisation's currency, not hundredths.
    PurchaseAmount,
    /// Complaints.
    ComplaintCount,
    /// Referrals.
    ReferralCount,
    /// Whole days since the last purchase.
    DaysSincePurchase,
    /// Whole days since the last contact.
    DaysSinceContact,
    /// Days between regular contacts.
    ContactEveryDays,
    /// Customer since.
    Since,
    /// Day of creation.
    Created,
    /// Consent to surveys.
    ConsentSurvey,
    /// Consent to care.
    ConsentCare,
    /// Consent to offers.
    ConsentMarketing,
    /// Wants no contact.
    DoNotContact,
}

/// Names and kinds of the fields.
pub const FIELDS: [(&str, Field, Kind); 17] = [
    ("class", Field::Class, Kind::Text),
    ("competitor", Field::Competitor, Kind::Text),
    ("language", Field::Language, Kind::Text),
    ("importance", Field::Importance, Kind::Number),
    ("purchase_count", Field::PurchaseCount, Kind::Number),
    ("purchase_amount", Field::PurchaseAmount, Kind::Number),
    ("complaint_count", Field::ComplaintCount, Kind::Number),
    ("referral_count", Field::ReferralCount, Kind::Number),
    ("days_since_purchase", Field::DaysSincePurchase, Kind::Number),
    ("days_since_contact", Field::DaysSinceContact, Kind::Number),
    ("contact_every_days", Field::ContactEveryDays, Kind::Number),
    ("since", Field::Since, Kind::Date),
    ("created", Field::Created, Kind::Date),
    ("consent_survey", Field::ConsentSurvey, Kind::Truth),
    ("consent_care", Field::ConsentCare, Kind::Truth),
    ("consent_marketing", Field::ConsentMarketing, Kind::Truth),
    ("do_not_contact", Field::DoNotContact, Kind::Truth),
];

/// A value of a test.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text.
    Text(String),
    /// Number.
    Number(f64),
    /// Date.
    Date(Date),
    /// True or false.
    Truth(bool),
}

impl Value {
    fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Number(_) => Kind::Number,
            Self::Date(_) => Kind::Date,
            Self::Truth(_) => Kind::Truth,
        }
    }
}

/// What is tested.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Operand {
    Field(Field),
    /// Attribute by code, with the kind of its values.
    Attribute(String, Kind),
}

impl Operand {
    fn kind(&self) -> Kind {
        match self {
            Self::Field(field) => FIELDS
                .iter()
                .find(|(_, known, _)| known == field)
                .map_or(Kind::Text, |(.., kind)| *kind),
            Self::Attribute(_, kind) => *kind,
        }
    }
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Or(Vec<Node>),
    And(Vec<Node>),
    Not(Box<Node>),
    Compare(Operand, Comparison, Value),
    In(Operand, Vec<Value>),
    Empty(Operand),
}

/// A filter that was read and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    root: Node,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// The first place that cannot be read: longer, deeper or with more tests than allowed, an
    /// unknown field, a retired or personal attribute, a value of another type.
    pub fn parse(text: &str, attributes: &[Attribute]) -> Result<Self, Fault> {
        parse::parse(text, attributes)
    }

    /// Whether a customer fulfils it.
    pub fn matches(&self, subject: &impl Subject) -> bool {
        eval::matches(&self.root, subject)
    }

    /// The filter in its canonical form, which is read as the same filter.
    pub fn canonical(&self) -> String {
        print::print(&self.root)
    }
}

/// What values of an attribute are compared as.
fn kind_of(attribute: &Attribute) -> Kind {
    match attribute.kind {
        Type::Text | Type::Choice => Kind::Text,
        Type::Number | Type::Integer => Kind::Number,
        Type::Boolean => Kind::Truth,
        Type::Date => Kind::Date,
    }
}
