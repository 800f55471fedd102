//! Responses as lines of a file: comma-separated values, one column for each item of the
//! questionnaire and what goes with it, or JSON.

use proto::{names, time};
use serde_json::json;
use survey_domain::{
    answer::{Answer, Lookup, Value},
    csv_export::{Cell, push_line},
    questionnaire::{Definition, Question},
    response::{Decision, Mark, Response},
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
        let fixed = fixed(response);
        let answers = Lookup::of(&response.answers);
        let cells: Vec<(String, bool)> = self
            .columns
            .iter()
            .map(|column| match answers.get(&column.question, &column.part) {
                Some(answer) => cell(&column.what, answer),
                None => (String::new(), false),
            })
            .collect();
        let answered = cells.iter().map(|(text, free)| match free {
            true => Cell::Text(text),
            false => Cell::Plain(text),
        });
        push_line(out, fixed.iter().map(|text| Cell::Text(text)).chain(answered));
    }
}

fn has_reasons(definition: &Definition, question: &Question) -> bool {
    let scale = definition.scale_of(question);
    scale.is_some_and(|scale| scale.grades.iter().any(|grade| !grade.reasons.is_empty()))
}

fn fixed(response: &Response) -> [String; FIXED.len()] {
    let marks: Vec<&str> = response.marks.list().into_iter().map(mark_name).collect();
    let time = jiff::Timestamp::from_microsecond(response.submit_us).unwrap_or_default();
    [
        names::print("responses", response.id),
        names::print("questionnaires", response.questionnaire),
        response.version.to_string(),
        names::print("units", response.unit),
        names::print_opt("staff", response.staff),
        names::print_opt("customers", response.customer),
        names::print_opt("customerClasses", response.class),
        channel_name(response).to_owned(),
        response.language.clone(),
        time.to_string(),
        response.duration_ms.map(|ms| (ms / 1_000).to_string()).unwrap_or_default(),
        response.is_suspect().to_string(),
        marks.join(SEPARATOR),
        decision_name(response.decision).to_owned(),
        response.row_id.clone().unwrap_or_default(),
    ]
}

/// The text of a cell, and whether somebody wrote it freely.
fn cell(what: &What, answer: &Answer) -> (String, bool) {
    match what {
        What::Answer => match &answer.value {
            Value::None => (String::new(), false),
            Value::Grade(grade) => (grade.to_string(), false),
            Value::Options(ids) => (ids.join(SEPARATOR), false),
            Value::Number(number) => (number.to_string(), false),
            Value::Date(date) => (date.clone(), false),
            Value::Text(text) => (text.clone(), true),
            Value::NotApplicable => ("@na".to_owned(), false),
            Value::Refused => ("@refused".to_owned(), false),
        },
        What::Reasons => (answer.reasons.join(SEPARATOR), false),
        What::Specified => {
            let texts = answer.specified.iter().map(|(id, text)| format!("{id}={text}"));
            (texts.collect::<Vec<_>>().join(SEPARATOR), true)
        }
        What::Comment => (answer.comment.clone(), true),
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
