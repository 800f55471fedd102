//! Responses as lines of a file: comma-separated values, one column for each item of the
//! questionnaire and what goes with it, or JSON.

use std::{borrow::Cow, collections::HashMap, fmt::Write as _};

use kit::error::{Result, ServiceError};
use proto::names;
use serde::Serialize;
use survey_domain::{
    answer::{StoredAnswer, StoredValue, Word, stored},
    csv_export::{Cell, end_line, push_line, push_text},
    questionnaire::{Definition, Question},
    response::{Decision, Mark},
    response_import::{NOT_APPLICABLE, REFUSED},
};
use uuid::Uuid;

use crate::store::response::ExportRow;

/// Between the options of one cell.
const SEPARATOR: &str = ";";

/// Columns before those of the questionnaire.
const FIXED: [&str; 15] = [
    "response",
    "questionnaire",
    "version",
    "unit",
    "staff",
    "customer",
    "customer_class",
    "channel",
    "language",
    "submit_time",
    "duration_s",
    "suspect",
    "marks",
    "decision",
    "row_id",
];

/// Lays responses to one questionnaire out as lines. What is the same for all of them is found out
/// once, and what a line needs while it is made is used again for the next one.
pub struct Lines {
    names: Names,
    parts: Vec<Part>,
    /// Places in `parts` by question.
    places: HashMap<String, Vec<usize>>,
    /// For each of `parts` the number of the answer to it, from 1; 0 for none.
    found: Vec<usize>,
}

/// What is answered by one answer: a question, or a part of it.
struct Part {
    question: String,
    part: String,
    columns: Vec<(What, String)>,
}

#[derive(Clone, Copy)]
enum What {
    Answer,
    Reasons,
    Specified,
    Comment,
}

impl Lines {
    /// The columns of a questionnaire, in its order.
    pub fn new(definition: &Definition) -> Self {
        let mut parts = Vec::new();
        let mut places: HashMap<String, Vec<usize>> = HashMap::new();
        for (_, question) in definition.questions() {
            for part in question.parts() {
                places.entry(question.id.clone()).or_default().push(parts.len());
                let columns = columns_of(definition, question, &part);
                parts.push(Part { question: question.id.clone(), part, columns });
            }
        }
        Self { names: Names::new(), found: vec![0; parts.len()], parts, places }
    }

    /// Adds the header.
    pub fn push_header(&self, out: &mut String) {
        let fixed = FIXED.into_iter().map(Cell::Plain);
        let columns = self.parts.iter().flat_map(|part| &part.columns);
        push_line(out, fixed.chain(columns.map(|(_, name)| Cell::Text(name))));
    }

    /// Adds a response.
    ///
    /// # Errors
    /// INTERNAL when its answers cannot be read.
    pub fn push(&mut self, out: &mut String, row: &ExportRow) -> Result<()> {
        let answers = stored(&row.answers).map_err(ServiceError::internal)?;
        self.find(&answers);
        self.names.push_fixed(out, row);
        for (part, found) in self.parts.iter().zip(&self.found) {
            let answer = found.checked_sub(1).and_then(|number| answers.get(number));
            for (what, _) in &part.columns {
                out.push(',');
                if let Some(answer) = answer {
                    push_cell(out, *what, answer);
                }
            }
        }
        end_line(out);
        Ok(())
    }

    /// Finds the answer to each part; of two the first counts. Answers stand in the order of the
    /// questionnaire, so the next one mostly is about the next part.
    fn find(&mut self, answers: &[StoredAnswer<'_>]) {
        self.found.fill(0);
        let mut next = 0;
        for (number, answer) in answers.iter().enumerate() {
            let is_it = |place: &usize| {
                self.parts.get(*place).is_some_and(|part| {
                    part.question == answer.question && part.part == answer.part
                })
            };
            let searched = || {
                let places = self.places.get(answer.question.as_ref())?;
                places.iter().copied().find(is_it)
            };
            let Some(place) = Some(next).filter(is_it).or_else(searched) else { continue };
            if self.found[place] == 0 {
                self.found[place] = number + 1;
            }
            next = place + 1;
        }
    }
}

fn columns_of(definition: &Definition, question: &Question, part: &str) -> Vec<(What, String)> {
    let item = question.item(part);
    let mut columns = vec![(What::Answer, item.clone())];
    if has_reasons(definition, question) {
        columns.push((What::Reasons, format!("{item}#reasons")));
    }
    if question.options.iter().any(|option| option.specify) {
        columns.push((What::Specified, format!("{item}#specified")));
    }
    if question.comment {
        columns.push((What::Comment, format!("{item}#comment")));
    }
    columns
}

fn has_reasons(definition: &Definition, question: &Question) -> bool {
    let scale = definition.scale_of(question);
    scale.is_some_and(|scale| scale.grades.iter().any(|grade| !grade.reasons.is_empty()))
}

/// Beginnings of names, which end with the id.
struct Names {
    response: String,
    questionnaire: String,
    unit: String,
    staff: String,
    customer: String,
    class: String,
}

impl Names {
    fn new() -> Self {
        let digits = Uuid::nil().simple().to_string();
        let beginning = |collection: &str| {
            let name = names::print(collection, Uuid::nil());
            name.strip_suffix(&digits).unwrap_or_default().to_owned()
        };
        Self {
            response: beginning("responses"),
            questionnaire: beginning("questionnaires"),
            unit: beginning("units"),
            staff: beginning("staff"),
            customer: beginning("customers"),
            class: beginning("customerClasses"),
        }
    }

    /// Adds the cells before those of the questionnaire. Names, numbers and times need no care.
    fn push_fixed(&self, out: &mut String, row: &ExportRow) {
        push_name(out, &self.response, Some(row.id));
        push_name(out, &self.questionnaire, Some(row.questionnaire));
        // Writing to a text cannot fail.
        let _ = write!(out, "{},", row.version);
        push_name(out, &self.unit, Some(row.unit));
        push_name(out, &self.staff, row.staff);
        push_name(out, &self.customer, row.customer);
        push_name(out, &self.class, row.class);
        out.push_str(channel_name(row));
        out.push(',');
        push_text(out, &row.language);
        let time = jiff::Timestamp::from_microsecond(row.submit_us).unwrap_or_default();
        let _ = write!(out, ",{time},");
        if let Some(ms) = row.duration_ms {
            let _ = write!(out, "{}", ms / 1_000);
        }
        out.push_str(if row.is_suspect() { ",true," } else { ",false," });
        for (place, mark) in row.marks.list().into_iter().enumerate() {
            out.push_str(if place > 0 { SEPARATOR } else { "" });
            out.push_str(mark_name(mark));
        }
        out.push(',');
        out.push_str(decision_name(row.decision));
        out.push(',');
        push_text(out, row.row_id.as_deref().unwrap_or_default());
    }
}

/// Adds the cell of a name, and the comma after it.
fn push_name(out: &mut String, beginning: &str, id: Option<Uuid>) {
    if let Some(id) = id {
        out.push_str(beginning);
        out.push_str(id.simple().encode_lower(&mut [0; 32]));
    }
    out.push(',');
}

/// Adds the cell of an answer. Whatever begins like a formula is guarded but for numbers: a
/// negative one has to stay a number.
fn push_cell(out: &mut String, what: What, answer: &StoredAnswer<'_>) {
    match what {
        What::Answer => match &answer.value {
            StoredValue::None => {}
            StoredValue::Grade(grade) => {
                let _ = write!(out, "{grade}");
            }
            StoredValue::Options(ids) => push_text(out, &joined(ids)),
            StoredValue::Number(number) => {
                let _ = write!(out, "{number}");
            }
            StoredValue::Date(text) | StoredValue::Text(text) => push_text(out, &text.0),
            StoredValue::NotApplicable => push_text(out, NOT_APPLICABLE),
            StoredValue::Refused => push_text(out, REFUSED),
        },
        What::Reasons => push_text(out, &joined(&answer.reasons)),
        What::Specified => {
            let texts = answer.specified.iter().map(|(id, text)| format!("{}={}", id.0, text.0));
            push_text(out, &texts.collect::<Vec<_>>().join(SEPARATOR));
        }
        What::Comment => push_text(out, &answer.comment),
    }
}

fn joined<'a>(words: &'a [Word<'_>]) -> Cow<'a, str> {
    match words {
        [] => Cow::Borrowed(""),
        [word] => Cow::Borrowed(&word.0),
        words => {
            let words: Vec<&str> = words.iter().map(|word| word.0.as_ref()).collect();
            Cow::Owned(words.join(SEPARATOR))
        }
    }
}

fn mark_name(mark: Mark) -> &'static str {
    match mark {
        Mark::Honeypot => "HONEYPOT",
        Mark::TooFast => "TOO_FAST",
        Mark::NoPageView => "NO_PAGE_VIEW",
        Mark::StraightLining => "STRAIGHT_LINING",
        Mark::BrowserRepeated => "BROWSER_REPEATED",
        Mark::AddressBurst => "ADDRESS_BURST",
        Mark::Reviewer => "REVIEWER",
        Mark::ScreenedOut => "SCREENED_OUT",
    }
}

fn decision_name(decision: Decision) -> &'static str {
    match decision {
        Decision::Open => "",
        Decision::Released => "RELEASED",
        Decision::Confirmed => "CONFIRMED",
    }
}

fn channel_name(row: &ExportRow) -> &'static str {
    let channel = proto::survey::v1::ResponseChannel::try_from(row.channel as i32);
    let name = channel.map(|channel| channel.as_str_name()).unwrap_or_default();
    name.strip_prefix("RESPONSE_CHANNEL_").unwrap_or(name)
}

/// A line of JSON but for the answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    response: String,
    questionnaire: String,
    version: i32,
    unit: String,
    staff: String,
    customer: String,
    customer_class: String,
    channel: &'a str,
    language: &'a str,
    submit_time: String,
    duration_ms: Option<i64>,
    suspect: bool,
    marks: Vec<&'static str>,
    decision: &'static str,
    row_id: Option<&'a str>,
    anonymous: bool,
}

/// Adds a response as one line of JSON. Its answers are written as they are stored.
///
/// # Errors
/// INTERNAL when its answers cannot be read.
pub fn json_line(out: &mut String, row: &ExportRow) -> Result<()> {
    serde_json::from_str::<serde::de::IgnoredAny>(&row.answers).map_err(ServiceError::internal)?;
    let time = jiff::Timestamp::from_microsecond(row.submit_us).unwrap_or_default();
    let head = Head {
        response: names::print("responses", row.id),
        questionnaire: names::print("questionnaires", row.questionnaire),
        version: row.version,
        unit: names::print("units", row.unit),
        staff: names::print_opt("staff", row.staff),
        customer: names::print_opt("customers", row.customer),
        customer_class: names::print_opt("customerClasses", row.class),
        channel: channel_name(row),
        language: &row.language,
        submit_time: time.to_string(),
        duration_ms: row.duration_ms,
        suspect: row.is_suspect(),
        marks: row.marks.list().into_iter().map(mark_name).collect(),
        decision: decision_name(row.decision),
        row_id: row.row_id.as_deref(),
        anonymous: row.anonymous,
    };
    let head = serde_json::to_string(&head).map_err(ServiceError::internal)?;
    out.push_str(head.strip_suffix('}').unwrap_or(&head));
    out.push_str(",\"answers\":");
    out.push_str(&row.answers);
    out.push_str("}\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use survey_domain::{
        channel::Channel,
        questionnaire::{Kind, Section},
        response::Marks,
    };

    use super::*;

    fn row(answers: &str) -> ExportRow {
        let mut marks = Marks::default();
        marks.set(Mark::TooFast);
        ExportRow {
            id: Uuid::from_u128(1),
            questionnaire: Uuid::from_u128(2),
            version: 3,
            unit: Uuid::from_u128(4),
            staff: None,
            customer: Some(Uuid::from_u128(5)),
            class: None,
            channel: Channel::Phone,
            language: "en".to_owned(),
            submit_us: 1_700_000_000_500_000,
            duration_ms: Some(61_500),
            marks,
            decision: Decision::Open,
            row_id: Some("=7".to_owned()),
            anonymous: false,
            answers: answers.to_owned(),
            sealed: None,
        }
    }

    /// Two plain questions around an expectation pair.
    fn lines() -> Lines {
        let question = |id: &str, pair: bool| Question {
            id: id.to_owned(),
            kind: Kind::Scale,
            expectation_pair: pair,
            comment: id == "a",
            ..Question::default()
        };
        let questions = vec![question("a", false), question("b", true), question("c", false)];
        let section = Section { questions, ..Section::default() };
        Lines::new(&Definition { sections: vec![section], ..Definition::default() })
    }

    /// The cells of the questionnaire.
    fn cells(lines: &mut Lines, answers: &str) -> String {
        let mut out = String::new();
        lines.push(&mut out, &row(answers)).unwrap();
        let cells: Vec<&str> = out.trim_end().split(',').skip(FIXED.len()).collect();
        cells.join(",")
    }

    #[test]
    fn answers_are_found_in_any_order_and_of_two_the_first_counts() {
        let mut lines = lines();
        let answer = |question: &str, part: &str, grade: i32| {
            format!(r#"{{"question":"{question}","part":"{part}","value":{{"grade":{grade}}}}}"#)
        };
        let of = |answers: &[String]| format!("[{}]", answers.join(","));
        let (a, c) = (answer("a", "", 1), answer("c", "", 4));
        let (expected, perceived) = (answer("b", "expected", 2), answer("b", "perceived", 3));
        let in_order = [a.clone(), expected.clone(), perceived.clone(), c.clone()];
        assert_eq!(cells(&mut lines, &of(&in_order)), "1,,2,3,4");
        let mixed = [c, answer("gone", "", 9), perceived, answer("b", "", 8), expected, a];
        assert_eq!(cells(&mut lines, &of(&mixed)), "1,,2,3,4");
        assert_eq!(cells(&mut lines, "[]"), ",,,,", "nothing is left of the row before");
        let twice = [answer("c", "", 1), answer("c", "", 2), answer("a", "", 3)];
        assert_eq!(cells(&mut lines, &of(&twice)), "3,,,,1");
        let words = r#"[{"question":"a","value":"notApplicable","comment":"=1"}]"#;
        assert_eq!(cells(&mut lines, words), format!("\"'{NOT_APPLICABLE}\",\"'=1\",,,"));
        assert!(lines.push(&mut String::new(), &row("{}")).is_err());
    }

    #[test]
    fn the_cells_before_them_are_names_numbers_and_times() {
        let mut lines = lines();
        let mut out = String::new();
        lines.push_header(&mut out);
        assert!(out.ends_with("row_id,a,a#comment,b/expected,b/perceived,c\r\n"), "{out}");
        out.clear();
        lines.push(&mut out, &row("[]")).unwrap();
        let name = |collection: &str, id: u128| names::print(collection, Uuid::from_u128(id));
        let expected = format!(
            "{},{},3,{},,{},,PHONE,en,2023-11-14T22:13:20.5Z,61,true,TOO_FAST,,\"'=7\",,,,,\r\n",
            name("responses", 1),
            name("questionnaires", 2),
            name("units", 4),
            name("customers", 5),
        );
        assert_eq!(out, expected);
    }

    #[test]
    fn a_line_of_json_has_the_answers_as_they_are_stored() {
        let answers = r#"[{"question":"a","value":{"number":0.1}}]"#;
        let mut out = String::new();
        json_line(&mut out, &row(answers)).unwrap();
        assert!(out.ends_with(&format!("\"answers\":{answers}}}\n")), "{out}");
        let line: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(line["customer"], names::print("customers", Uuid::from_u128(5)));
        assert_eq!((&line["rowId"], &line["durationMs"]), (&"=7".into(), &61_500.into()));
        assert_eq!(line["answers"][0]["value"]["number"], 0.1);
        assert!(json_line(&mut out, &row("[")).is_err());
    }
}
