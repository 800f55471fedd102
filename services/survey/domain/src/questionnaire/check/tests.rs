//! Tests of the check of definitions.

use serde_json::{Value, json};

use super::check;
use crate::questionnaire::Definition;

/// Two sections, branching, a scale, two endings; sound.
fn sound() -> Value {
    json!({
        "title": {"en": "T", "zh-CN": "调查"},
        "scales": [{"id": "five", "min": 1, "max": 5}],
        "sections": [
            {"id": "a", "questions": [
                {"id": "q1", "kind": "QUESTION_TYPE_SCALE", "text": text(), "scale": "five"},
                {"id": "q2", "kind": "QUESTION_TYPE_SINGLE_CHOICE", "text": text(),
                 "options": [{"id": "x", "text": text()}, {"id": "y", "text": text()}],
                 "jumps": [{"when": when("q2", "IS", &["x"]), "to": "sorry"}]},
            ]},
            {"id": "b", "questions": [
                {"id": "q3", "kind": "QUESTION_TYPE_LONG_TEXT", "text": text(),
                 "showIf": when("q1", "AT_MOST", &["2"])},
                {"id": "q4", "kind": "QUESTION_TYPE_NPS", "text": text()},
            ]},
        ],
        "endings": [{"id": "end", "text": text()}, {"id": "sorry", "text": text()}],
    })
}

fn text() -> Value {
    json!({"en": "t", "zh-CN": "文"})
}

fn when(question: &str, operator: &str, values: &[&str]) -> Value {
    let operator = format!("CONDITION_OPERATOR_{operator}");
    let term = json!({"question": question, "operator": operator, "values": values});
    json!({"anyOf": [{"allOf": [term]}]})
}

fn problems(source: &Value) -> Vec<String> {
    let definition: Definition = serde_json::from_value(source.clone()).unwrap();
    check(&definition).into_iter().map(|problem| problem.place).collect()
}

/// With something put in at a JSON pointer, there is just this problem.
#[track_caller]
fn refused(pointer: &str, value: Value, place: &str) {
    let mut source = sound();
    put(&mut source, pointer, value);
    assert_eq!(problems(&source), [place], "{pointer}");
}

#[track_caller]
fn put(source: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match source.pointer_mut(parent).unwrap() {
        Value::Array(items) => items.push(value),
        Value::Object(fields) => {
            fields.insert(key.to_owned(), value);
        }
        other => panic!("{other}"),
    }
}

const Q1: &str = "/sections/0/questions/0";
const Q2: &str = "/sections/0/questions/1";
const Q3: &str = "/sections/1/questions/0";

fn at(question: &str, field: &str) -> String {
    format!("{question}/{field}")
}

#[test]
fn a_sound_definition_has_no_problem() {
    assert_eq!(problems(&sound()), Vec::<String>::new());
}

#[test]
fn titles_languages_and_ids_must_be_there_and_once() {
    refused("/defaultLanguage", json!("fr"), "defaultLanguage");
    refused("/validFrom", json!("2026-02-30"), "validFrom");
    refused("/introduction", json!({"en": "i", "zh-CN": " "}), "introduction[zh-CN]");
    refused("/introduction", json!({"zh-CN": "i", "fr": "i"}), "introduction[fr]");
    let mut source = sound();
    source["title"] = json!({});
    assert_eq!(problems(&source)[0], "title");
    refused(&at(Q1, "id"), json!("Q1"), "sections[0].questions[0].id");
    refused(&at(Q3, "id"), json!("a"), "sections[1].questions[0].id");
    refused(&at(Q3, "id"), json!(""), "sections[1].questions[0].id");
    let mut source = sound();
    source["sections"] = json!([]);
    source["endings"] = json!([]);
    assert_eq!(problems(&source)[0], "sections");
}

#[test]
fn branching_never_goes_in_circles_or_nowhere() {
    let show = at(Q1, "showIf");
    let place = "sections[0].questions[0].showIf.anyOf[0].allOf[0].question";
    refused(&show, when("q4", "ANSWERED", &[]), place);
    refused(&show, when("q1", "ANSWERED", &[]), place);
    refused(&show, when("q9", "ANSWERED", &[]), place);
    let jump = |to: &str| json!([{"to": to, "when": when("q2", "IS", &["x"])}]);
    let place = "sections[0].questions[1].jumps[0].to";
    for to in ["q1", "q2", "a", "nothing", ""] {
        let mut source = sound();
        put(&mut source, &at(Q2, "jumps"), jump(to));
        assert_eq!(problems(&source), [place], "{to}");
    }
    // An ending or a question that no way leads to.
    refused(&at(Q2, "jumps"), jump("q4"), "endings[1]");
    let always = json!([{"to": "sorry"}]);
    let mut source = sound();
    put(&mut source, &at(Q2, "jumps"), always);
    let lost = ["sections[1].questions[0]", "sections[1].questions[1]", "endings[0]"];
    assert_eq!(problems(&source), lost);
    let late = json!([{"to": "sorry"}, {"to": "q4"}]);
    refused(&at(Q2, "jumps"), late, "sections[0].questions[1].jumps[1]");
}

#[test]
fn conditions_compare_with_what_can_be_answered() {
    let place = |field: &str| format!("sections[1].questions[0].showIf.anyOf[0].allOf[0].{field}");
    let check =
        |condition: Value, field: &str| refused(&at(Q3, "showIf"), condition, &place(field));
    check(when("q1", "IS", &["6"]), "values");
    check(when("q1", "IS", &["good"]), "values");
    check(when("q2", "IS", &["z"]), "values");
    check(when("q1", "IS", &[]), "values");
    check(when("q1", "AT_LEAST", &["1", "2"]), "values");
    check(when("q2", "AT_LEAST", &["x"]), "operator");
    check(when("q1", "INCLUDES_ALL", &["1"]), "operator");
    check(when("q1", "NOT_APPLICABLE", &[]), "operator");
    check(when("q1", "UNSPECIFIED", &[]), "operator");
    check(when("", "ANSWERED", &[]), "question");
    refused(&at(Q3, "showIf"), json!({}), "sections[1].questions[0].showIf.anyOf");
    let attribute = |operator: &str, name: &str| {
        let operator = format!("CONDITION_OPERATOR_{operator}");
        let term = json!({"attribute": name, "operator": operator, "values": ["a"]});
        json!({"anyOf": [{"allOf": [term]}]})
    };
    let mut source = sound();
    put(&mut source, &at(Q3, "showIf"), attribute("IS", "class"));
    assert_eq!(problems(&source), Vec::<String>::new());
    check(attribute("IS", "a b"), "attribute");
    check(attribute("INCLUDES_ALL", "class"), "operator");
}

#[test]
fn placeholders_refer_to_what_was_asked_before() {
    let place = "sections[1].questions[0].text[en]";
    let check = |text: &str, place: &str| {
        refused(&at(Q3, "text"), json!({"zh-CN": "文", "en": text}), place);
    };
    check("{{7*7}}", place);
    check("{{q3}}", place);
    check("{{q4}}", place);
    check("{{q9}}", place);
    check("{{q1/row}}", place);
    refused("/introduction", json!({"zh-CN": "{{q1}}"}), "introduction[zh-CN]");
    let label = json!([{"id": "five", "min": 1, "max": 5, "lowLabel": {"zh-CN": "{{q1}}"}}]);
    refused("/scales", label, "scales[0].lowLabel[zh-CN]");
    let mut source = sound();
    let good = json!({"zh-CN": "{{q1}} {{@name|您}}", "en": "{{q2|x}}"});
    put(&mut source, &at(Q3, "text"), good);
    assert_eq!(problems(&source), Vec::<String>::new());
}

#[test]
fn scales_have_a_known_length_and_rising_scores() {
    let check = |scale: Value, place: &str| refused("/scales", json!([scale]), place);
    let grades = |scores: &[f64]| -> Value {
        scores.iter().map(|score| json!({"score0100": score})).collect()
    };
    check(json!({"id": "five", "min": 1, "max": 6}), "scales[0].max");
    check(json!({"id": "five", "min": 0, "max": 5}), "scales[0].max");
    check(json!({"id": "five", "min": 5, "max": 1}), "scales[0].max");
    check(json!({"id": "five", "min": i32::MIN, "max": i32::MAX}), "scales[0].max");
    let with = |scores: &[f64]| json!({"id": "five", "min": 1, "max": 3, "grades": grades(scores)});
    check(with(&[0.0, 50.0]), "scales[0].grades");
    check(with(&[0.0, 60.0, 50.0]), "scales[0].grades[2].score0100");
    check(with(&[0.0, 60.0, 101.0]), "scales[0].grades[2].score0100");
    let bounds = |satisfied: i32, bad: i32| {
        let (from, to) = (satisfied, bad);
        json!({"id": "five", "min": 1, "max": 5, "satisfiedFrom": from, "badTo": to})
    };
    check(bounds(9, 0), "scales[0].satisfiedFrom");
    check(bounds(2, 3), "scales[0].badTo");
    check(bounds(2, 0), "scales[0].badTo");
    let mut source = sound();
    source["scales"][0]["id"] = json!("other");
    assert_eq!(problems(&source), ["scales[0].id", "sections[0].questions[0].scale"]);
}

#[test]
fn each_type_of_question_has_what_it_needs_and_nothing_else() {
    let kind = |kind: &str, more: Value| {
        let mut question =
            json!({"id": "q3", "kind": format!("QUESTION_TYPE_{kind}"), "text": text()});
        let fields = more.as_object().unwrap().clone();
        question.as_object_mut().unwrap().extend(fields);
        let mut source = sound();
        source["sections"][1]["questions"][0] = question;
        problems(&source)
    };
    let options = |ids: &[&str]| -> Value {
        ids.iter().map(|id| json!({"id": id, "text": text()})).collect()
    };
    let none: [&str; 0] = [];
    let rows = json!([{"id": "r", "text": text()}]);
    assert_eq!(kind("MATRIX", json!({"rows": rows, "scale": "five"})), none);
    assert_eq!(kind("MATRIX", json!({"rows": rows, "options": options(&["a", "b"])})), none);
    assert_eq!(kind("RANKING", json!({"options": options(&["a", "b"]), "choicesMax": 1})), none);
    assert_eq!(kind("NUMBER", json!({"number": {"min": {}, "max": {"value": 5}}})), none);
    assert_eq!(kind("DATE", json!({"dateMin": "2026-01-01"})), none);
    assert_eq!(kind("CES", json!({})), none);
    let place = |field: &str| format!("sections[1].questions[0].{field}");
    let cases = [
        ("SCALE", json!({}), "scale"),
        ("NPS", json!({"scale": "five"}), "scale"),
        ("DATE", json!({"scale": "five"}), "scale"),
        ("SINGLE_CHOICE", json!({"options": options(&["a"])}), "options"),
        ("SINGLE_CHOICE", json!({"options": options(&["a", "a"])}), "options[1].id"),
        ("NUMBER", json!({"options": options(&["a", "b"])}), "options"),
        ("MATRIX", json!({"scale": "five"}), "rows"),
        (
            "MATRIX",
            json!({"rows": [{"id": "reasons", "text": text()}], "scale": "five"}),
            "rows[0].id",
        ),
        ("RANKING", json!({"options": options(&["a", "b"]), "choicesMax": 3}), "choicesMax"),
        ("SINGLE_CHOICE", json!({"options": options(&["a", "b"]), "choicesMax": 2}), "choicesMax"),
        ("NUMBER", json!({"number": {"min": {"value": 9}, "max": {"value": 5}}}), "number.max"),
        ("NUMBER", json!({"number": {"decimals": 7}}), "number.decimals"),
        ("DATE", json!({"dateMin": "1.1.2026"}), "dateMin"),
        ("LONG_TEXT", json!({"textMax": 20_001}), "textMax"),
        ("LONG_TEXT", json!({"comment": true}), "comment"),
        ("NPS", json!({"expectationPair": true}), "expectationPair"),
        ("NPS", json!({"ties": true}), "ties"),
        ("UNSPECIFIED", json!({}), "kind"),
    ];
    for (name, more, field) in cases {
        assert_eq!(kind(name, more.clone()), [place(field)], "{name} {more}");
    }
    let pairs = |pairs: Value| json!({"options": options(&["a", "b", "c"]), "pairs": pairs});
    let pair = |left: &str, right: &str| json!({"left": left, "right": right});
    assert_eq!(kind("PAIRED_COMPARISON", pairs(json!([pair("a", "b")]))), none);
    let twice = json!([pair("a", "b"), pair("b", "a")]);
    assert_eq!(kind("PAIRED_COMPARISON", pairs(twice)), [place("pairs[1]")]);
    assert_eq!(kind("PAIRED_COMPARISON", pairs(json!([pair("a", "z")]))), [place("pairs[0]")]);
    let empty = json!({"options": [{"id": "a", "text": text()}, {"id": "b", "text": {"en": "b"}}]});
    assert_eq!(kind("SINGLE_CHOICE", empty), [place("options[1].text")]);
}

#[test]
fn questions_of_a_shuffled_section_do_not_depend_on_each_other() {
    let mut source = sound();
    source["sections"][0]["shuffleQuestions"] = json!(true);
    assert_eq!(problems(&source), ["sections[0].questions[1].jumps"]);
    source["sections"][0]["questions"][1]["jumps"] = json!([]);
    source["sections"][0]["questions"][1]["showIf"] = when("q1", "ANSWERED", &[]);
    source["endings"] = json!([]);
    let place = "sections[0].questions[1].showIf.anyOf[0].allOf[0].question";
    assert_eq!(problems(&source), [place]);
}

#[test]
fn five_hundred_questions_are_enough() {
    let question =
        |n: usize| json!({"id": format!("n{n}"), "kind": "QUESTION_TYPE_NPS", "text": text()});
    let many = |count: usize| {
        let questions: Value = (0..count).map(question).collect();
        json!({"title": text(), "sections": [{"id": "s", "questions": questions}]})
    };
    assert_eq!(problems(&many(500)), Vec::<String>::new());
    assert_eq!(problems(&many(501)), ["sections"]);
}
