//! Responses as lines of a file: comma-separated values, one column for each item of the
//! questionnaire and what goes with it, or JSON.

use std::fmt::Write as _;

use proto::{names, time};
use serde_json::json;
use survey_domain::{
    answer::{Answer, Lookup, Value},
    csv_export::{Cell, end_line, push_line, push_text},
    questionnaire::{Definition, Question},
    response::{Decision, Mark, Response},
    response_import::{NOT_APPLICABLE, REFUSED},
};

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

/// Lays responses to one questionnaire out as lines.
pub struct Lines {
    columns: Vec<Column>,
}

struct Column {
    question: String,
    part: String,
    what: What,
    name: String,
}

enum What {
    Answer,
    Reasons,
    Specified,
    Comment,
}

impl Lines {
    /// The columns of a questionnaire, in its order.
    pub fn new(definition: &Definition) -> Self {
        let mut columns = Vec::new();
        for (_, question) in definition.questions() {
            for part in question.parts() {
                let mut add = |what: What, suffix: &str| {
                    let item = question.item(&part);
                    let name = format!("{item}{suffix}");
                    let (question, part) = (question.id.clone(), part.clone());
                    columns.push(Column { question, part, what, name });
                };
                add(What::Answer, "");
                if has_reasons(definition, question) {
                    add(What::Reasons, "#reasons");
                }
                if question.options.iter().any(|option| option.specify) {
                    add(What::Specified, "#specified");
                }
                if question.comment {
                    add(What::Comment, "#comment");
                }
            }
        }
        Self { columns }
    }

    /// Adds the header.
    pub fn push_header(&self, out: &mut String) {
        let fixed = FIXED.into_iter().map(Cell::Plain);
        push_line(out, fixed.chain(self.columns.iter().map(|column| Cell::Text(&column.name))));
    }

    /// Adds a response.
    pub fn push(&self, out: &mut String, response: &Response) {
        push_fixed(out, response);
        let answers = Lookup::of(&response.answers);
        for column in &self.columns {
            out.push(',');
            if let Some(answer) = answers.get(&column.question, &column.part) {
                push_cell(out, &column.what, answer);
            }
        }
        end_line(out);
    }
}

fn has_reasons(definition: &Definition, question: &Question) -> bool {
    let scale = definition.scale_of(question);
    scale.is_some_and(|scale| scale.grades.iter().any(|grade| !grade.reasons.is_empty()))
}

/// Adds the cells before those of the questionnaire. Names, numbers and times need no care.
fn push_fixed(out: &mut String, response: &Response) {
    let mut cell = |text: &str| {
        out.push_str(text);
        out.push(',');
    };
    cell(&names::print("responses", response.id));
    cell(&names::print("questionnaires", response.questionnaire));
    cell(&response.version.to_string());
    cell(&names::print("units", response.unit));
    cell(&names::print_opt("staff", response.staff));
    cell(&names::print_opt("customers", response.customer));
    cell(&names::print_opt("customerClasses", response.class));
    cell(channel_name(response));
    push_text(out, &response.language);
    let time = jiff::Timestamp::from_microsecond(response.submit_us).unwrap_or_default();
    let seconds = response.duration_ms.map(|ms| (ms / 1_000).to_string()).unwrap_or_default();
    // Writing to a text cannot fail.
    let _ = write!(out, ",{time},{seconds},{},", response.is_suspect());
    for (place, mark) in response.marks.list().into_iter().enumerate() {
        out.push_str(if place > 0 { SEPARATOR } else { "" });
        out.push_str(mark_name(mark));
    }
    out.push(',');
    out.push_str(decision_name(response.decision));
    out.push(',');
    push_text(out, response.row_id.as_deref().unwrap_or_default());
}

/// Adds the cell of an answer. Whatever begins like a formula is guarded but for numbers: a
/// negative one has to stay a number.
fn push_cell(out: &mut String, what: &What, answer: &Answer) {
    match what {
        What::Answer => match &answer.value {
            Value::None => {}
            Value::Grade(grade) => {
                let _ = write!(out, "{grade}");
            }
            Value::Options(ids) => push_text(out, &ids.join(SEPARATOR)),
            Value::Number(number) => {
                let _ = write!(out, "{number}");
            }
            Value::Date(date) => push_text(out, date),
            Value::Text(text) => push_text(out, text),
            Value::NotApplicable => push_text(out, NOT_APPLICABLE),
            Value::Refused => push_text(out, REFUSED),
        },
        What::Reasons => push_text(out, &answer.reasons.join(SEPARATOR)),
        What::Specified => {
            let texts = answer.specified.iter().map(|(id, text)| format!("{id}={text}"));
            push_text(out, &texts.collect::<Vec<_>>().join(SEPARATOR));
        }
        What::Comment => push_text(out, &answer.comment),
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

fn channel_name(response: &Response) -> &'static str {
    let channel = proto::survey::v1::ResponseChannel::try_from(response.channel as i32);
    let name = channel.map(|channel| channel.as_str_name()).unwrap_or_default();
    name.strip_prefix("RESPONSE_CHANNEL_").unwrap_or(name)
}

/// Adds a response as one line of JSON.
pub fn json_line(out: &mut String, response: &Response) {
    let marks: Vec<&str> = response.marks.list().into_iter().map(mark_name).collect();
    let submit = time::from_us(response.submit_us);
    let submit = jiff::Timestamp::new(submit.seconds, submit.nanos).unwrap_or_default();
    let line = json!({
        "response": names::print("responses", response.id),
        "questionnaire": names::print("questionnaires", response.questionnaire),
        "version": response.version,
        "unit": names::print("units", response.unit),
        "staff": names::print_opt("staff", response.staff),
        "customer": names::print_opt("customers", response.customer),
        "customerClass": names::print_opt("customerClasses", response.class),
        "channel": channel_name(response),
        "language": response.language,
        "submitTime": submit.to_string(),
        "durationMs": response.duration_ms,
        "suspect": response.is_suspect(),
        "marks": marks,
        "decision": decision_name(response.decision),
        "rowId": response.row_id,
        "anonymous": response.anonymous,
        "answers": response.answers,
    });
    out.push_str(&line.to_string());
    out.push('\n');
}
