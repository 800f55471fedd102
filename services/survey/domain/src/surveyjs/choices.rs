//! Options, rows and scales.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Importer, Known, Outcome, text::plain, unique};
use crate::questionnaire::{Grade, Question, QuestionOption, Row, Scale, Texts};

const OPTIONS_MAX: usize = 200;
const ROWS_MAX: usize = 100;

impl Importer {
    /// Values with their texts: `["a", {"value": "b", "text": "B"}]`.
    fn values(&mut self, list: Option<&Value>, pointer: &str, max: usize) -> Vec<(String, Texts)> {
        let mut found = Vec::new();
        for (i, entry) in list.and_then(Value::as_array).into_iter().flatten().enumerate() {
            let pointer = format!("{pointer}/{i}");
            if found.len() >= max {
                let text = format!("there are more than {max}");
                self.remark(&pointer, Outcome::LeftOut, text, "");
                break;
            }
            let (value, text) = match entry {
                Value::Object(fields) => {
                    let handled = ["value", "text"];
                    self.left_out(&pointer, fields, &handled, "");
                    (fields.get("value").and_then(plain), fields.get("text"))
                }
                other => (plain(other), None),
            };
            let Some(value) = value else {
                self.remark(&pointer, Outcome::LeftOut, "has no value", "");
                continue;
            };
            let own = Value::String(value.clone());
            let mut texts = self.texts(text, &pointer, 300);
            if texts.is_empty() {
                texts = self.texts(Some(&own), &pointer, 300);
            }
            if texts.is_empty() {
                self.remark(&pointer, Outcome::LeftOut, "has no text", "");
                continue;
            }
            found.push((value, texts));
        }
        found
    }

    /// Options of a choice, with "other", "none" and the like.
    pub(super) fn options(
        &mut self,
        pointer: &str,
        element: &Map<String, Value>,
        question: &mut Question,
        known: &mut Known,
    ) {
        let several =
            matches!(element.get("type").and_then(Value::as_str), Some("checkbox" | "tagbox"));
        let choices =
            self.values(element.get("choices"), &format!("{pointer}/choices"), OPTIONS_MAX);
        let mut taken = BTreeSet::new();
        for (value, text) in choices {
            let id = unique(&value, "o", |id| taken.contains(id));
            taken.insert(id.clone());
            known.options.entry(value).or_insert_with(|| id.clone());
            question.options.push(QuestionOption { id, text, ..QuestionOption::default() });
        }
        let flag =
            |keys: [&str; 2]| keys.iter().any(|k| element.get(*k) == Some(&Value::Bool(true)));
        if flag(["hasOther", "showOtherItem"]) {
            let text = self.label(element, "otherText", pointer, "Other", "其他");
            let option = QuestionOption { specify: true, fixed: true, text, ..Default::default() };
            self.special(question, known, &mut taken, "other", option);
        }
        if flag(["hasNone", "showNoneItem"]) {
            let text = self.label(element, "noneText", pointer, "None", "以上都不是");
            let option =
                QuestionOption { exclusive: several, fixed: true, text, ..Default::default() };
            self.special(question, known, &mut taken, "none", option);
        }
        if element.get("showDontKnowItem") == Some(&Value::Bool(true)) {
            let text = self.label(element, "dontKnowText", pointer, "Don't know", "不知道");
            let option =
                QuestionOption { exclusive: several, fixed: true, text, ..Default::default() };
            self.special(question, known, &mut taken, "dontknow", option);
        }
        question.refusal = element.get("showRefuseItem") == Some(&Value::Bool(true));
        question.shuffle_options =
            element.get("choicesOrder").and_then(Value::as_str) == Some("random");
    }

    fn special(
        &mut self,
        question: &mut Question,
        known: &mut Known,
        taken: &mut BTreeSet<String>,
        value: &str,
        option: QuestionOption,
    ) {
        let id = unique(value, "o", |id| taken.contains(id));
        taken.insert(id.clone());
        known.options.insert(value.to_owned(), id.clone());
        question.options.push(QuestionOption { id, ..option });
    }

    fn label(
        &mut self,
        element: &Map<String, Value>,
        key: &str,
        pointer: &str,
        en: &str,
        zh: &str,
    ) -> Texts {
        let given = self.texts(element.get(key), &format!("{pointer}/{key}"), 300);
        if !given.is_empty() {
            return given;
        }
        let word = if self.language.starts_with("zh") { zh } else { en };
        [(self.language.clone(), word.to_owned())].into()
    }

    /// Columns of a matrix as options, and its rows.
    pub(super) fn matrix(
        &mut self,
        pointer: &str,
        element: &Map<String, Value>,
        question: &mut Question,
        known: &mut Known,
    ) {
        let columns =
            self.values(element.get("columns"), &format!("{pointer}/columns"), OPTIONS_MAX);
        let rows = self.values(element.get("rows"), &format!("{pointer}/rows"), ROWS_MAX);
        let mut taken = BTreeSet::new();
        for (value, text) in columns {
            let id = unique(&value, "o", |id| taken.contains(id));
            taken.insert(id.clone());
            known.options.insert(value, id.clone());
            question.options.push(QuestionOption { id, text, ..QuestionOption::default() });
        }
        taken.clear();
        for (value, text) in rows {
            let id = unique(&value, "r", |id| taken.contains(id));
            taken.insert(id.clone());
            known.rows.insert(value, id.clone());
            question.rows.push(Row { id, text });
        }
    }

    /// The scale of a rating; `None` when it has a length that is not known here.
    pub(super) fn rating(&mut self, pointer: &str, element: &Map<String, Value>) -> Option<Scale> {
        let values =
            self.values(element.get("rateValues"), &format!("{pointer}/rateValues"), OPTIONS_MAX);
        let number = |key: &str| element.get(key).and_then(Value::as_i64);
        let small = |n: i64| i32::try_from(n).ok();
        let (min, max) = if values.is_empty() {
            let min = number("rateMin").unwrap_or(1);
            let counted = number("rateCount").map(|count| min.saturating_add(count) - 1);
            (small(min)?, small(number("rateMax").or(counted).unwrap_or(5))?)
        } else {
            let numbers: Option<Vec<i32>> =
                values.iter().map(|(value, _)| value.parse().ok()).collect();
            let numbers = numbers?;
            let (first, last) = (*numbers.first()?, *numbers.last()?);
            let counted = numbers.iter().copied().eq(first..=last);
            counted.then_some((first, last))?
        };
        let labelled = values.iter().any(|(value, text)| text.values().any(|t| t != value));
        let label = |(_, label): (String, Texts)| Grade { label, ..Grade::default() };
        let scale = Scale {
            min,
            max,
            grades: if labelled { values.into_iter().map(label).collect() } else { Vec::new() },
            low_label: self.ends(pointer, element, "minRateDescription"),
            high_label: self.ends(pointer, element, "maxRateDescription"),
            ..Scale::default()
        };
        let count = scale.count();
        let fits = match min {
            0 => count == 11 || count == 101,
            1 => [2, 3, 4, 5, 7, 10, 11].contains(&count),
            _ => false,
        };
        fits.then_some(scale)
    }

    fn ends(&mut self, pointer: &str, element: &Map<String, Value>, key: &str) -> Texts {
        self.texts(element.get(key), &format!("{pointer}/{key}"), 100)
    }

    /// The id of a scale, shared by all questions that have the same one.
    pub(super) fn shared(&mut self, scale: Scale) -> String {
        let same = |known: &&Scale| Scale { id: String::new(), ..(*known).clone() } == scale;
        if let Some(known) = self.scales.iter().find(same) {
            return known.id.clone();
        }
        let id = format!("scale_{}", self.scales.len() + 1);
        self.scales.push(Scale { id: id.clone(), ..scale });
        id
    }
}

/// Yes and no, as they are answered in the source.
pub(super) fn yes_and_no(known: &mut Known) -> BTreeMap<bool, String> {
    known.options = [("true", "yes"), ("false", "no")]
        .map(|(value, id)| (value.to_owned(), id.to_owned()))
        .into();
    [(true, "yes".to_owned()), (false, "no".to_owned())].into()
}
