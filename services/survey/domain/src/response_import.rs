//! Files of answers: which column means what, and what a row says.

use std::collections::BTreeMap;

use crate::{
    answer::{Answer, Answers, Value},
    csv_export::unguarded,
    error::{Error, Result},
    questionnaire::{Kind, Question, Version},
};

/// Longest id of a row.
pub const ROW_ID_MAX: usize = 100;
/// Says that a question does not apply.
pub const NOT_APPLICABLE: &str = "@na";
/// Says that somebody prefers not to say.
pub const REFUSED: &str = "@refused";

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// An answer.
    Answer {
        /// Question.
        question: String,
        /// Part, or empty.
        part: String,
    },
    /// A remark beside an answer.
    Comment {
        /// Question.
        question: String,
        /// Part, or empty.
        part: String,
    },
    /// Reasons that go with a grade.
    Reasons {
        /// Question.
        question: String,
        /// Part, or empty.
        part: String,
    },
    /// Name of a unit.
    Unit,
    /// Code of a unit.
    UnitCode,
    /// Number of a staff member.
    StaffNumber,
    /// When it was answered.
    SubmitTime,
    /// Seconds that it took.
    Duration,
    /// Language of the form.
    Language,
}

impl Target {
    /// Reads a target as the contract writes it.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(word) = text.strip_prefix('@') {
            return match word {
                "unit" => Some(Self::Unit),
                "unit_code" => Some(Self::UnitCode),
                "staff_number" => Some(Self::StaffNumber),
                "submit_time" => Some(Self::SubmitTime),
                "duration_s" => Some(Self::Duration),
                "language" => Some(Self::Language),
                _ => None,
            };
        }
        let (item, what) = text.split_once('#').unwrap_or((text, ""));
        let (question, part) = item.split_once('/').unwrap_or((item, ""));
        let (question, part) = (question.to_owned(), part.to_owned());
        match what {
            "" => Some(Self::Answer { question, part }),
            "comment" => Some(Self::Comment { question, part }),
            "reasons" => Some(Self::Reasons { question, part }),
            _ => None,
        }
    }

    /// Question and part that it belongs to.
    fn item(&self) -> Option<(&str, &str)> {
        match self {
            Self::Answer { question, part }
            | Self::Comment { question, part }
            | Self::Reasons { question, part } => Some((question, part)),
            _ => None,
        }
    }
}

/// A column as the sender names it.
#[derive(Debug, Clone, Default)]
pub struct Named {
    /// Name in the header.
    pub column: String,
    /// What it holds.
    pub target: String,
    /// What its texts stand for.
    pub values: BTreeMap<String, String>,
}

/// Columns as they stand in a file.
#[derive(Debug, Clone)]
pub struct Mapping {
    row_id: usize,
    columns: Vec<Column>,
    separator: char,
}

#[derive(Debug, Clone)]
struct Column {
    index: usize,
    name: String,
    target: Target,
    values: BTreeMap<String, String>,
}

/// What a row says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// Its id.
    pub row_id: String,
    /// Answers, not checked against each other yet.
    pub answers: Answers,
    /// The other columns as they stand there, without those that are empty.
    pub others: BTreeMap<Target, String>,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Id of the row, shortened.
    pub row_id: String,
    /// Column at fault, or empty.
    pub column: String,
    /// What is wrong, without repeating the value.
    pub description: String,
}

impl Mapping {
    /// Finds the named columns in a header and their questions in a version.
    ///
    /// # Errors
    /// Invalid, with the field of the mapping.
    pub fn new(
        version: &Version,
        header: &[String],
        row_id_column: &str,
        named: &[Named],
        separator: Option<char>,
    ) -> Result<Self> {
        let find = |name: &str| header.iter().position(|column| column.trim() == name.trim());
        let row_id = find(row_id_column)
            .ok_or_else(|| Error::invalid("rowIdColumn", "is no column of the file"))?;
        let mut columns: Vec<Column> = Vec::with_capacity(named.len());
        for (i, one) in named.iter().enumerate() {
            let field = |name: &str| format!("columns[{i}].{name}");
            let index = find(&one.column)
                .ok_or_else(|| Error::invalid(field("column"), "is no column of the file"))?;
            let target = Target::parse(&one.target).ok_or_else(|| {
                Error::invalid(field("target"), "is nothing that can be imported")
            })?;
            let has = |(question, part): (&str, &str)| {
                version.question(question).is_some_and(|question| question.has_part(part))
            };
            if !target.item().is_none_or(has) {
                return Err(Error::invalid(field("target"), "is no item of this version"));
            }
            if columns.iter().any(|other| other.target == target) {
                return Err(Error::invalid(field("target"), "is named twice"));
            }
            let name = one.column.clone();
            columns.push(Column { index, name, target, values: one.values.clone() });
        }
        Ok(Self { row_id, columns, separator: separator.unwrap_or(';') })
    }

    /// Reads a row.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(&self, version: &Version, cells: &[String]) -> std::result::Result<Row, Fault> {
        let row_id = cells.get(self.row_id).map(|id| id.trim()).unwrap_or_default();
        let fault = |column: &str, description: &str| Fault {
            row_id: row_id.chars().take(ROW_ID_MAX).collect(),
            column: column.to_owned(),
            description: description.to_owned(),
        };
        if row_id.is_empty() || row_id.chars().count() > ROW_ID_MAX {
            return Err(fault("", "the row has no id of 1 to 100 characters"));
        }
        let mut row = Row { row_id: row_id.to_owned(), ..Row::default() };
        for column in &self.columns {
            let cell = cells.get(column.index).map(|cell| cell.trim()).unwrap_or_default();
            let text = column.values.get(cell).map_or(cell, String::as_str);
            if text.is_empty() {
                continue;
            }
            match &column.target {
                Target::Answer { question, part } => {
                    // The mapping was made with this version.
                    let Some(asked) = version.question(question) else { continue };
                    let value = self
                        .value(asked, text, &column.values)
                        .map_err(|text| fault(&column.name, text))?;
                    answer(&mut row.answers, question, part).value = value;
                }
                Target::Comment { question, part } => {
                    answer(&mut row.answers, question, part).comment = text.to_owned();
                }
                Target::Reasons { question, part } => {
                    answer(&mut row.answers, question, part).reasons =
                        self.list(text, &column.values);
                }
                other => {
                    row.others.insert(other.clone(), text.to_owned());
                }
            }
        }
        Ok(row)
    }

    fn value(
        &self,
        question: &Question,
        text: &str,
        values: &BTreeMap<String, String>,
    ) -> std::result::Result<Value, &'static str> {
        // An export guards these words, since they begin like a formula.
        match unguarded(text) {
            NOT_APPLICABLE => return Ok(Value::NotApplicable),
            REFUSED => return Ok(Value::Refused),
            _ => {}
        }
        let options = || Value::Options(self.list(text, values));
        match question.kind {
            Kind::Number => number(text).map(Value::Number),
            Kind::Date => Ok(Value::Date(text.to_owned())),
            Kind::ShortText | Kind::LongText => Ok(Value::Text(text.to_owned())),
            Kind::SingleChoice => Ok(Value::Options(vec![text.to_owned()])),
            Kind::MultipleChoice | Kind::Ranking | Kind::PairedComparison => Ok(options()),
            Kind::Matrix if question.scale.is_empty() => Ok(options()),
            _ => text.parse().map(Value::Grade).map_err(|_| "is no grade"),
        }
    }

    /// The parts of a cell that holds several ids.
    fn list(&self, text: &str, values: &BTreeMap<String, String>) -> Vec<String> {
        let parts = text.split(self.separator).map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| values.get(part).map_or(part, String::as_str).to_owned()).collect()
    }
}

fn number(text: &str) -> std::result::Result<f64, &'static str> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    let number = text.parse::<f64>().ok().filter(|number| plain && number.is_finite());
    number.ok_or("is no number")
}

/// The answer to a part; a new one if there is none yet.
fn answer<'a>(answers: &'a mut Answers, question: &str, part: &str) -> &'a mut Answer {
    let known = answers.0.iter().position(|a| a.question == question && a.part == part);
    let index = known.unwrap_or_else(|| {
        answers.0.push(Answer::new(question, part, Value::None));
        answers.0.len() - 1
    });
    &mut answers.0[index]
}

#[cfg(test)]
mod tests;
