//! Tests of the way through a questionnaire.

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::*;
use crate::{
    answer::{Answer, Value},
    questionnaire::{Definition, check::check},
};

fn text() -> Json {
    json!({"en": "t"})
}

fn when(question: &str, operator: &str, values: &[&str]) -> Json {
    let operator = format!("CONDITION_OPERATOR_{operator}");
    let term = json!({"question": question, "operator": operator, "values": values});
    json!({"anyOf": [{"allOf": [term]}]})
}

fn nps(id: &str) -> Json {
    json!({"id": id, "kind": "QUESTION_TYPE_NPS", "text": text()})
}

fn with(mut question: Json, field: &str, value: Json) -> Json {
    question[field] = value;
    question
}

/// `a` decides on `b`, `b` decides on `c`; a very low `a` ends it, a high one leaps to the last
/// section, which is for those alone who have an attribute.
fn version() -> Version {
    let jumps = json!([
        {"when": when("a", "AT_MOST", &["0"]), "to": "sorry"},
        {"when": when("a", "AT_LEAST", &["9"]), "to": "last"},
    ]);
    let b = with(nps("b"), "showIf", when("a", "AT_MOST", &["6"]));
    let c = with(nps("c"), "showIf", when("b", "ANSWERED", &[]));
    let known = json!({"attribute": "since", "operator": "CONDITION_OPERATOR_ANSWERED"});
    let source = json!({
        "title": text(),
        "sections": [
            {"id": "first", "questions": [with(nps("a"), "jumps", jumps), b, c]},
            {"id": "middle", "questions": [nps("d")]},
            {"id": "last", "questions": [nps("e")],
             "showIf": {"anyOf": [{"allOf": [known]}]}},
        ],
        "endings": [{"id": "thanks", "text": text()}, {"id": "sorry", "text": text()}],
    });
    let definition: Definition = serde_json::from_value(source).unwrap();
    assert_eq!(check(&definition), []);
    Version::new(Uuid::nil(), 1, String::new(), definition)
}

/// What is shown after these answers, and the ending.
fn way(answers: &[(&str, i32)], known: bool) -> (String, String) {
    let answers: Answers =
        answers.iter().map(|(id, grade)| Answer::new(id, "", Value::Grade(*grade))).collect();
    let mut attributes = Attributes::new();
    if known {
        attributes.insert("since".to_owned(), "2020".to_owned());
    }
    let version = version();
    let way = walk(&version, &answers, &attributes);
    let shown = way.shown.iter().map(|p| version.at(*p).1.id.as_str()).collect();
    (shown, way.ending_of(&version).unwrap().id.clone())
}

#[track_caller]
fn leads(answers: &[(&str, i32)], known: bool, shown: &str, ending: &str) {
    assert_eq!(way(answers, known), (shown.to_owned(), ending.to_owned()));
}

#[test]
fn what_is_shown_follows_the_answers() {
    leads(&[], false, "ad", "thanks");
    leads(&[("a", 8)], false, "ad", "thanks");
    leads(&[("a", 5)], false, "abd", "thanks");
    leads(&[("a", 5), ("b", 1)], false, "abcd", "thanks");
    leads(&[("a", 5), ("b", 1)], true, "abcde", "thanks");
}

#[test]
fn jumps_leave_out_what_lies_between_and_may_end_it() {
    leads(&[("a", 9)], true, "ae", "thanks");
    leads(&[("a", 9)], false, "a", "thanks");
    leads(&[("a", 0), ("b", 1), ("d", 1)], true, "a", "sorry");
}

#[test]
fn an_answer_to_what_is_hidden_decides_nothing() {
    // `b` was answered before `a` was changed: then `c` is not asked either.
    leads(&[("a", 8), ("b", 1)], false, "ad", "thanks");
}

proptest! {
    #[test]
    fn whatever_was_answered_the_way_leads_on_to_an_ending(
        answers in proptest::collection::vec(("[a-f]", -1_i32..12), 0..8), known: bool
    ) {
        let given: Vec<(&str, i32)> = answers.iter().map(|(id, g)| (id.as_str(), *g)).collect();
        let (shown, ending) = way(&given, known);
        prop_assert!(shown.starts_with('a'));
        let mut sorted: Vec<char> = shown.chars().collect();
        sorted.dedup();
        prop_assert!(sorted.is_sorted() && sorted.len() == shown.len(), "{shown}");
        prop_assert!(ending == "thanks" || ending == "sorry");
    }
}
