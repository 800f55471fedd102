//! One question.

use serde_json::{Map, Value};

use super::{Importer, Known, Outcome, choices::yes_and_no, text::plain};
use crate::questionnaire::{
    Kind, NumberBound, NumberRange, Question, QuestionOption, condition::is_date,
};

/// Properties of every element that are taken over, or are only about looks.
const COMMON: &[&str] = &[
    "type",
    "name",
    "title",
    "description",
    "isRequired",
    "visibleIf",
    "showCommentArea",
    "hasComment",
    "titleLocation",
    "startWithNewLine",
    "width",
    "minWidth",
    "maxWidth",
    "indent",
    "hideNumber",
    "colCount",
    "placeholder",
    "placeHolder",
    "commentPlaceholder",
];
const CHOICE: &[&str] = &[
    "choices",
    "hasOther",
    "showOtherItem",
    "otherText",
    "hasNone",
    "showNoneItem",
    "noneText",
    "showDontKnowItem",
    "dontKnowText",
    "showRefuseItem",
    "choicesOrder",
    "minSelectedChoices",
    "maxSelectedChoices",
];
const RATING: &[&str] = &[
    "rateValues",
    "rateMin",
    "rateMax",
    "rateCount",
    "rateType",
    "rateDisplayMode",
    "minRateDescription",
    "maxRateDescription",
    "autoGenerate",
];

impl Importer {
    /// A question; `None` when there is nothing like it here.
    pub(super) fn question(
        &mut self,
        pointer: &str,
        element: &Map<String, Value>,
    ) -> Option<Question> {
        let kind = element.get("type").and_then(Value::as_str).unwrap_or_default();
        let name = element.get("name").and_then(Value::as_str).unwrap_or_default();
        let mut question = Question::default();
        let mut known = Known::default();
        let handled = match self.content(pointer, kind, element, &mut question, &mut known) {
            Some(handled) => handled,
            None => {
                let shown: String = kind.chars().take(40).collect();
                let text = format!("the element of type {shown} cannot be taken over");
                self.remark(pointer, Outcome::LeftOut, text, "");
                return None;
            }
        };
        question.text = self.texts(element.get("title"), &format!("{pointer}/title"), 1_000);
        if question.text.is_empty() {
            let own = Value::String(name.to_owned());
            question.text = self.texts(Some(&own), &format!("{pointer}/name"), 1_000);
        }
        if question.text.is_empty() {
            self.remark(pointer, Outcome::LeftOut, "the question has neither title nor name", "");
            return None;
        }
        let place = format!("{pointer}/description");
        question.help = self.texts(element.get("description"), &place, 1_000);
        question.id = self.id(name, "q");
        if question.id != name {
            let text = format!("has the id {} here", question.id);
            self.remark(&format!("{pointer}/name"), Outcome::Changed, text, &question.id);
        }
        let yes = |key: &str| element.get(key) == Some(&Value::Bool(true));
        question.required = yes("isRequired");
        question.comment =
            (yes("hasComment") || yes("showCommentArea")) && !question.kind.is_text();
        let all: Vec<&str> = COMMON.iter().chain(handled).copied().collect();
        self.left_out(pointer, element, &all, &question.id);
        known.id.clone_from(&question.id);
        known.kind = question.kind;
        known.scale.clone_from(&question.scale);
        self.known.insert(name.to_owned(), known);
        Some(question)
    }

    /// What depends on the type; tells the properties that were taken over.
    fn content(
        &mut self,
        pointer: &str,
        kind: &str,
        element: &Map<String, Value>,
        question: &mut Question,
        known: &mut Known,
    ) -> Option<&'static [&'static str]> {
        match kind {
            "text" => Some(self.line(pointer, element, question)),
            "comment" => {
                question.kind = Kind::LongText;
                question.text_max = text_max(element);
                Some(&["maxLength", "rows", "autoGrow"])
            }
            "radiogroup" | "dropdown" | "imagepicker" | "buttongroup" | "checkbox" | "tagbox" => {
                let several = matches!(kind, "checkbox" | "tagbox");
                question.kind = if several { Kind::MultipleChoice } else { Kind::SingleChoice };
                self.options(pointer, element, question, known);
                if several {
                    self.choice_counts(element, question);
                }
                (question.options.len() >= 2).then_some(CHOICE)
            }
            "ranking" => {
                question.kind = Kind::Ranking;
                self.options(pointer, element, question, known);
                question.options.iter_mut().for_each(|o| {
                    o.exclusive = false;
                    o.specify = false;
                });
                (question.options.len() >= 2).then_some(CHOICE)
            }
            "rating" => self.graded(pointer, element, question),
            "boolean" => {
                question.kind = Kind::SingleChoice;
                self.boolean(pointer, element, question, known);
                Some(&["labelTrue", "labelFalse", "renderAs", "displayMode"])
            }
            "matrix" => {
                question.kind = Kind::Matrix;
                self.matrix(pointer, element, question, known);
                let some = question.options.len() >= 2 && !question.rows.is_empty();
                let random = element.get("rowsOrder").and_then(Value::as_str) == Some("random");
                question.shuffle_rows = random;
                some.then_some(&["columns", "rows", "rowsOrder", "alternateRows"] as &[&str])
            }
            _ => None,
        }
    }

    fn choice_counts(&mut self, element: &Map<String, Value>, question: &mut Question) {
        let count = |key: &str| element.get(key).and_then(Value::as_i64).unwrap_or(0);
        let options = i64::try_from(question.options.len()).unwrap_or(i64::MAX);
        let max = count("maxSelectedChoices").clamp(0, options);
        let min = count("minSelectedChoices").clamp(0, if max == 0 { options } else { max });
        question.choices_min = i32::try_from(min).unwrap_or_default();
        question.choices_max = i32::try_from(max).unwrap_or_default();
        if max == 1 {
            question.options.iter_mut().for_each(|option| option.exclusive = false);
        }
    }

    fn line(
        &mut self,
        pointer: &str,
        element: &Map<String, Value>,
        question: &mut Question,
    ) -> &'static [&'static str] {
        let date = |key: &str| {
            let text = element.get(key).and_then(Value::as_str).unwrap_or_default();
            if is_date(text) { text.to_owned() } else { String::new() }
        };
        match element.get("inputType").and_then(Value::as_str).unwrap_or("text") {
            "number" | "range" => {
                question.kind = Kind::Number;
                let bound = |key: &str| {
                    let text = element.get(key).and_then(plain)?;
                    let value = crate::questionnaire::condition::number_of(&text)?;
                    (value.abs() <= 1e15).then_some(NumberBound { value })
                };
                // Nothing says how exact a number may be, so the finest is allowed.
                let (min, max) = (bound("min"), bound("max"));
                let apart = min.zip(max).is_none_or(|(min, max)| min.value <= max.value);
                let (min, max) = if apart { (min, max) } else { (None, None) };
                question.number =
                    Some(NumberRange { min, max, decimals: 6, ..NumberRange::default() });
            }
            "date" => {
                question.kind = Kind::Date;
                question.date_min = date("min");
                question.date_max = date("max");
                if !question.date_min.is_empty() && question.date_max < question.date_min {
                    question.date_max.clear();
                }
            }
            "text" => {
                question.kind = Kind::ShortText;
                question.text_max = text_max(element);
            }
            other => {
                question.kind = Kind::ShortText;
                let shown: String = other.chars().take(20).collect();
                let text = format!("an input of type {shown} is a line of text here");
                self.remark(&format!("{pointer}/inputType"), Outcome::Changed, text, "");
            }
        }
        &["inputType", "min", "max", "maxLength", "step"]
    }

    fn graded(
        &mut self,
        pointer: &str,
        element: &Map<String, Value>,
        question: &mut Question,
    ) -> Option<&'static [&'static str]> {
        let scale = self.rating(pointer, element)?;
        let smileys = ["rateType", "rateDisplayMode"]
            .iter()
            .any(|key| element.get(*key).and_then(Value::as_str) == Some("smileys"));
        let name = element.get("name").and_then(Value::as_str).unwrap_or_default();
        let recommends = name.to_ascii_lowercase().contains("nps");
        if (scale.min, scale.max) == (0, 10) && recommends {
            question.kind = Kind::Nps;
            let text = "a rating from 0 to 10 with this name is a net promoter question";
            self.remark(pointer, Outcome::Changed, text, "");
            return Some(RATING);
        }
        question.kind = if smileys && scale.count() <= 11 { Kind::Smileys } else { Kind::Scale };
        question.scale = self.shared(scale);
        Some(RATING)
    }

    fn boolean(
        &mut self,
        pointer: &str,
        element: &Map<String, Value>,
        question: &mut Question,
        known: &mut Known,
    ) {
        let chinese = self.language.starts_with("zh");
        for (value, id) in yes_and_no(known).into_iter().rev() {
            let key = if value { "labelTrue" } else { "labelFalse" };
            let mut text = self.texts(element.get(key), &format!("{pointer}/{key}"), 300);
            if text.is_empty() {
                let word = match (value, chinese) {
                    (true, true) => "是",
                    (false, true) => "否",
                    (true, false) => "Yes",
                    (false, false) => "No",
                };
                text = [(self.language.clone(), word.to_owned())].into();
            }
            question.options.push(QuestionOption { id, text, ..QuestionOption::default() });
        }
    }
}

fn text_max(element: &Map<String, Value>) -> i32 {
    let given = element.get("maxLength").and_then(Value::as_i64).unwrap_or(0);
    i32::try_from(given.clamp(0, 20_000)).unwrap_or_default()
}
