//! Tests of the check of answers.

use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    library,
    questionnaire::{
        Definition, Kind, Version,
        check::check as check_definition,
        form::{Wanted, form},
        item::items,
        pipe::Escape,
    },
};

fn text() -> serde_json::Value {
    json!({"en": "t"})
}

fn option(id: &str) -> serde_json::Value {
    json!({"id": id, "text": text()})
}

/// One question of a kind, and a rating that hides or shows it.
fn version(kind: &str, more: serde_json::Value) -> Version {
    let mut question = json!({"id": "q", "kind": format!("QUESTION_TYPE_{kind}"), "text": text()});
    question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let reasons = json!([{"reasons": [option("slow")]}, {}, {}]);
    let source = json!({
        "title": text(),
        "scales": [{"id": "three", "min": 1, "max": 3, "grades": reasons}],
        "sections": [{"id": "s", "questions": [
            {"id": "first", "kind": "QUESTION_TYPE_SCALE", "text": text(), "scale": "three"},
            question,
        ]}],
    });
    let definition: Definition = serde_json::from_value(source).unwrap();
    assert_eq!(check_definition(&definition), []);
    Version::new(Uuid::nil(), 1, String::new(), definition)
}

fn rules(version: &Version, answers: &[Answer], extent: Extent) -> Vec<(Rule, Option<usize>)> {
    let answers = Answers(answers.to_vec());
    match check(version, &answers, &Attributes::new(), extent) {
        Ok(_) => Vec::new(),
        Err(found) => found.into_iter().map(|p| (p.rule, p.index)).collect(),
    }
}

#[track_caller]
fn one(version: &Version, part: &str, value: Value, rule: Option<Rule>) {
    let found = rules(version, &[Answer::new("q", part, value.clone())], Extent::Partial);
    let wanted: Vec<_> = rule.into_iter().map(|rule| (rule, Some(0))).collect();
    assert_eq!(found, wanted, "{value:?}");
}

fn ids(ids: &[&str]) -> Value {
    Value::Options(ids.iter().map(|id| (*id).to_owned()).collect())
}

#[test]
fn grades_stay_on_their_scale() {
    let nps = version("NPS", json!({}));
    one(&nps, "", Value::Grade(0), None);
    one(&nps, "", Value::Grade(10), None);
    one(&nps, "", Value::Grade(11), Some(Rule::OutOfRange));
    one(&nps, "", Value::Grade(-1), Some(Rule::OutOfRange));
    one(&nps, "", Value::Number(9.5), Some(Rule::WrongKind));
    one(&nps, "", Value::Text("9".into()), Some(Rule::WrongKind));
    one(&nps, "", Value::NotApplicable, Some(Rule::NotOffered));
    one(&nps, "", Value::Refused, Some(Rule::NotOffered));
    one(&nps, "row", Value::Grade(5), Some(Rule::UnknownPart));
    let offered = version("NPS", json!({"notApplicable": true, "refusal": true}));
    one(&offered, "", Value::NotApplicable, None);
    one(&offered, "", Value::Refused, None);
}

/// What a question of each kind needs besides its text, the part that is answered, and an
/// answer that fits.
fn kinds() -> Vec<(Kind, serde_json::Value, &'static str, Value)> {
    let options = json!({"options": [option("a"), option("b")]});
    let graded = json!({"scale": "three"});
    let rows = json!({"rows": [option("r")], "scale": "three"});
    vec![
        (Kind::Scale, graded.clone(), "", Value::Grade(3)),
        (Kind::Smileys, graded, "", Value::Grade(1)),
        (Kind::SingleChoice, options.clone(), "", ids(&["a"])),
        (Kind::MultipleChoice, options.clone(), "", ids(&["b", "a"])),
        (Kind::Matrix, rows, "r", Value::Grade(2)),
        (Kind::Ranking, options.clone(), "", ids(&["b", "a"])),
        (Kind::PairedComparison, options, "a:b", ids(&["b"])),
        (Kind::Nps, json!({}), "", Value::Grade(0)),
        (Kind::Ces, json!({}), "", Value::Grade(7)),
        (Kind::Number, json!({}), "", Value::Number(-3.0)),
        (Kind::Date, json!({}), "", Value::Date("2026-02-28".into())),
        (Kind::ShortText, json!({}), "", Value::Text("x".into())),
        (Kind::LongText, json!({}), "", Value::Text("x\ny".into())),
    ]
}

#[test]
fn each_type_of_question_takes_its_own_kind_of_answer_and_no_other() {
    let all = kinds();
    let covered: Vec<Kind> = all.iter().map(|(kind, ..)| *kind).collect();
    assert_eq!(covered, Kind::ALL[1..], "every type of question is here");
    let values = [
        Value::Grade(1),
        ids(&["a"]),
        Value::Number(1.0),
        Value::Date("2026-01-01".into()),
        Value::Text("x".into()),
    ];
    for (kind, more, part, good) in all {
        let name = serde_json::to_value(kind).unwrap();
        let version = version(name.as_str().unwrap().trim_start_matches("QUESTION_TYPE_"), more);
        one(&version, part, good.clone(), None);
        let answers = Answers(vec![Answer::new("q", part, good.clone())]);
        let kept = check(&version, &answers, &Attributes::new(), Extent::Complete).unwrap();
        assert_eq!(kept.answers, answers, "{kind:?}");
        let other = values
            .iter()
            .filter(|value| std::mem::discriminant(*value) != std::mem::discriminant(&good));
        for wrong in other {
            one(&version, part, wrong.clone(), Some(Rule::WrongKind));
        }
        let elsewhere = if part.is_empty() { "r" } else { "" };
        one(&version, elsewhere, good, Some(Rule::UnknownPart));
    }
}

#[test]
fn every_length_of_scale_takes_its_grades_and_nothing_beyond_them() {
    for (low, high) in [(1, 2), (1, 3), (1, 4), (1, 5), (1, 7), (1, 10), (0, 10), (0, 100)] {
        let source = json!({
            "title": text(),
            "scales": [{"id": "s", "min": low, "max": high}],
            "sections": [{"id": "a", "questions": [
                {"id": "q", "kind": "QUESTION_TYPE_SCALE", "text": text(), "scale": "s"},
            ]}],
        });
        let definition: Definition = serde_json::from_value(source).unwrap();
        assert_eq!(check_definition(&definition), []);
        let version = Version::new(Uuid::nil(), 1, String::new(), definition);
        for grade in low..=high {
            one(&version, "", Value::Grade(grade), None);
        }
        for grade in [low - 1, high + 1, i32::MIN, i32::MAX] {
            one(&version, "", Value::Grade(grade), Some(Rule::OutOfRange));
        }
    }
}

#[test]
fn parts_of_pairs_and_comparisons_are_answered_one_by_one() {
    let pair = version("SMILEYS", json!({"scale": "three", "expectationPair": true}));
    one(&pair, "expected", Value::Grade(3), None);
    one(&pair, "perceived", Value::Grade(1), None);
    one(&pair, "", Value::Grade(1), Some(Rule::UnknownPart));
    one(&pair, "expected", Value::Grade(4), Some(Rule::OutOfRange));
    let options = json!([option("a"), option("b"), option("c")]);
    let strict = version("PAIRED_COMPARISON", json!({"options": options}));
    one(&strict, "a:c", ids(&["c"]), None);
    one(&strict, "a:c", ids(&["a", "c"]), Some(Rule::WrongChoice));
    let some = json!({"options": options, "pairs": [{"left": "c", "right": "a"}]});
    let some = version("PAIRED_COMPARISON", some);
    one(&some, "c:a", ids(&["a"]), None);
    one(&some, "a:b", ids(&["a"]), Some(Rule::UnknownPart));
    let rows = json!([option("r1"), option("r2")]);
    let choices = json!({"rows": rows, "options": options, "choicesMax": 2});
    let choices = version("MATRIX", choices);
    one(&choices, "r1", ids(&["a", "b"]), None);
    one(&choices, "r1", ids(&["a", "b", "c"]), Some(Rule::WrongChoice));
    one(&choices, "r1", Value::Grade(1), Some(Rule::WrongKind));
    one(&choices, "r3", ids(&["a"]), Some(Rule::UnknownPart));
}

#[test]
fn choices_are_the_questions_own_and_not_too_many() {
    let options = json!([option("a"), option("b"), option("c")]);
    let single = version("SINGLE_CHOICE", json!({"options": options}));
    one(&single, "", ids(&["a"]), None);
    one(&single, "", ids(&["a", "b"]), Some(Rule::WrongChoice));
    one(&single, "", ids(&["z"]), Some(Rule::UnknownOption));
    one(&single, "", Value::Grade(1), Some(Rule::WrongKind));
    let exclusive = json!({"id": "none", "text": text(), "exclusive": true});
    let options = json!([option("a"), option("b"), option("c"), exclusive]);
    let several = json!({"options": options, "choicesMin": 2, "choicesMax": 2});
    let several = version("MULTIPLE_CHOICE", several);
    one(&several, "", ids(&["a", "b"]), None);
    one(&several, "", ids(&["none"]), None);
    one(&several, "", ids(&["a"]), Some(Rule::WrongChoice));
    one(&several, "", ids(&["a", "b", "c"]), Some(Rule::WrongChoice));
    one(&several, "", ids(&["a", "none"]), Some(Rule::WrongChoice));
    one(&several, "", ids(&["a", "a"]), Some(Rule::WrongChoice));
    let options = json!([option("a"), option("b"), option("c")]);
    let ranking = version("RANKING", json!({"options": options}));
    one(&ranking, "", ids(&["c", "a", "b"]), None);
    one(&ranking, "", ids(&["c", "a"]), Some(Rule::WrongChoice));
    let pairs = version("PAIRED_COMPARISON", json!({"options": options, "ties": true}));
    one(&pairs, "a:b", ids(&["b"]), None);
    one(&pairs, "a:b", ids(&["a", "b"]), None);
    one(&pairs, "a:b", ids(&["c"]), Some(Rule::UnknownOption));
    one(&pairs, "b:a", ids(&["a"]), Some(Rule::UnknownPart));
}

#[test]
fn numbers_dates_and_texts_keep_their_limits() {
    let number = json!({"number": {"min": {"value": 0}, "max": {"value": 10}, "decimals": 1}});
    let number = version("NUMBER", number);
    one(&number, "", Value::Number(0.1), None);
    one(&number, "", Value::Number(10.0), None);
    one(&number, "", Value::Number(0.15), Some(Rule::OutOfRange));
    one(&number, "", Value::Number(10.1), Some(Rule::OutOfRange));
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let answers = Answers(vec![Answer::new("q", "", Value::Number(bad))]);
        let found = check(&number, &answers, &Attributes::new(), Extent::Partial).unwrap_err();
        assert_eq!(found[0].rule, Rule::OutOfRange, "{bad}");
    }
    one(&version("NUMBER", json!({})), "", Value::Number(1e300), Some(Rule::OutOfRange));
    let date = version("DATE", json!({"dateMin": "2026-01-01", "dateMax": "2026-12-31"}));
    one(&date, "", Value::Date("2026-02-28".into()), None);
    one(&date, "", Value::Date("2026-02-30".into()), Some(Rule::OutOfRange));
    one(&date, "", Value::Date("2025-12-31".into()), Some(Rule::OutOfRange));
    one(&date, "", Value::Date("20260228".into()), Some(Rule::OutOfRange));
    let long = version("LONG_TEXT", json!({}));
    one(&long, "", Value::Text("\n".repeat(10_000) + "x"), Some(Rule::BadText));
    one(&long, "", Value::Text("\n".repeat(9_999) + "x"), None);
    one(&long, "", Value::Text("a\0b".into()), Some(Rule::BadText));
    one(&long, "", Value::Text("文".repeat(10_000)), None);
    one(&long, "", Value::Text("x".repeat(100_000)), Some(Rule::BadText));
}

#[test]
fn texts_are_kept_as_they_were_written() {
    let long = version("LONG_TEXT", json!({}));
    let nasty = [
        "<script>alert(1)</script>",
        "{{7*7}}",
        "${jndi:ldap://x}",
        "=cmd|'/c calc'!A1",
        "%s%n",
        "\u{202e}abc",
        "{{first}}",
        " \t两行\n",
    ];
    for text in nasty {
        let answers = Answers(vec![Answer::new("q", "", Value::Text(text.into()))]);
        let checked = check(&long, &answers, &Attributes::new(), Extent::Complete).unwrap();
        assert_eq!(checked.answers, answers, "{text}");
    }
}

#[test]
fn required_questions_need_every_part_but_only_where_they_are_shown() {
    let rows = json!([option("r1"), option("r2")]);
    let matrix = json!({"required": true, "scale": "three", "rows": rows, "notApplicable": true});
    let matrix = version("MATRIX", matrix);
    let some = [Answer::new("q", "r1", Value::Grade(1))];
    assert_eq!(rules(&matrix, &some, Extent::Complete), [(Rule::Required, None)]);
    assert_eq!(rules(&matrix, &some, Extent::Partial), []);
    let declined =
        [Answer::new("q", "r1", Value::Grade(1)), Answer::new("q", "r2", Value::NotApplicable)];
    assert_eq!(rules(&matrix, &declined, Extent::Complete), []);
    let term =
        json!({"question": "first", "operator": "CONDITION_OPERATOR_AT_MOST", "values": ["1"]});
    let show = json!({"anyOf": [{"allOf": [term]}]});
    let hidden = version("SHORT_TEXT", json!({"required": true, "showIf": show}));
    assert_eq!(rules(&hidden, &[Answer::new("first", "", Value::Grade(3))], Extent::Complete), []);
    let shown =
        [Answer::new("first", "", Value::Grade(1)), Answer::new("q", "", Value::Text(" ".into()))];
    assert_eq!(rules(&hidden, &shown, Extent::Complete), [(Rule::Required, None)]);
    // An answer to what is hidden is dropped by a named rule, whatever it says.
    let answers = Answers(vec![
        Answer::new("q", "", Value::Grade(7)),
        Answer::new("first", "", Value::Grade(2)),
    ]);
    let checked = check(&hidden, &answers, &Attributes::new(), Extent::Complete).unwrap();
    assert_eq!(checked.dropped.len(), 1);
    assert_eq!((checked.dropped[0].rule, checked.dropped[0].index), (Rule::Hidden, Some(0)));
    assert_eq!(checked.answers.0.len(), 1);
    assert_eq!(checked.visible, ["first"]);
}

#[test]
fn what_stands_beside_an_answer_must_be_offered() {
    let options = json!([option("a"), {"id": "other", "text": text(), "specify": true}]);
    let choice = version("SINGLE_CHOICE", json!({"options": options, "comment": true}));
    let mut answer = Answer::new("q", "", ids(&["other"]));
    answer.specified.insert("other".into(), "this".into());
    answer.comment = "well".into();
    assert_eq!(rules(&choice, &[answer.clone()], Extent::Complete), []);
    answer.value = ids(&["a"]);
    assert_eq!(rules(&choice, &[answer], Extent::Complete), [(Rule::NotOffered, Some(0))]);
    let scale = version("SCALE", json!({"scale": "three"}));
    let reason = |grade: i32, reasons: &[&str]| Answer {
        reasons: reasons.iter().map(|id| (*id).to_owned()).collect(),
        ..Answer::new("q", "", Value::Grade(grade))
    };
    assert_eq!(rules(&scale, &[reason(1, &["slow"])], Extent::Complete), []);
    let check = |answer, rule| {
        assert_eq!(rules(&scale, &[answer], Extent::Complete), [(rule, Some(0))]);
    };
    check(reason(3, &["slow"]), Rule::UnknownOption);
    check(reason(1, &["slow", "slow"]), Rule::WrongChoice);
    check(Answer { comment: "x".into(), ..reason(1, &[]) }, Rule::NotOffered);
    let twice = [reason(1, &[]), reason(2, &[])];
    assert_eq!(rules(&scale, &twice, Extent::Complete), [(Rule::AnsweredTwice, Some(1))]);
    let nobody = [Answer::new("nobody", "", Value::Grade(1))];
    assert_eq!(rules(&scale, &nobody, Extent::Complete), [(Rule::UnknownQuestion, Some(0))]);
}

#[test]
fn what_is_counted_has_an_item_of_the_version() {
    let scale = version("SCALE", json!({"scale": "three", "expectationPair": true}));
    let mut answer = Answer::new("q", "perceived", Value::Grade(1));
    answer.reasons = vec!["slow".into()];
    let found = countable(&scale, &Answers(vec![answer]));
    let ids: Vec<&str> = found.iter().map(|c| c.item.as_str()).collect();
    assert_eq!(ids, ["q/perceived", "q/perceived/reasons"]);
    let known = items(scale.definition());
    assert!(ids.iter().all(|id| known.iter().any(|item| item.id == *id)));
    let text = version("LONG_TEXT", json!({}));
    let said = Answers(vec![Answer::new("q", "", Value::Text("x".into()))]);
    assert_eq!(countable(&text, &said), []);
}

/// Any value, fitting or not.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::None),
        (-2..13).prop_map(Value::Grade),
        proptest::collection::vec("[a-z_]{1,9}|yes|no|on_site|on_line|never|daily", 0..4)
            .prop_map(Value::Options),
        any::<f64>().prop_map(Value::Number),
        "(2026-[01][0-9]-[0-3][0-9]|.{0,9})".prop_map(Value::Date),
        ".{0,30}".prop_map(Value::Text),
        Just(Value::NotApplicable),
        Just(Value::Refused),
    ]
}

/// Answers to a template of the library: to its questions and to others.
fn answered() -> impl Strategy<Value = (usize, Vec<(usize, usize, Value)>)> {
    let answer = (0_usize..40, 0_usize..9, value());
    (0..library::templates().len(), proptest::collection::vec(answer, 0..40))
}

fn given(template: usize, chosen: Vec<(usize, usize, Value)>) -> (Version, Answers) {
    let definition = library::templates()[template].definition.clone();
    let version = Version::new(Uuid::nil(), 1, String::new(), definition);
    let answer = |(question, part, value): (usize, usize, Value)| {
        if question >= version.len() {
            return Answer::new("nobody", "", value);
        }
        let question = version.at(question).1;
        let parts = question.parts();
        Answer::new(&question.id, parts.get(part).map_or("", |p| p), value)
    };
    let answers = chosen.into_iter().map(answer).collect();
    (version, answers)
}

proptest! {
    #[test]
    fn whatever_is_sent_the_check_is_stable_and_keeps_only_what_fits(
        (template, chosen) in answered(), partial: bool
    ) {
        let (version, answers) = given(template, chosen);
        let extent = if partial { Extent::Partial } else { Extent::Complete };
        let attributes = Attributes::new();
        let checked = check(&version, &answers, &attributes, extent);
        if let Ok(checked) = checked {
            // What was kept is found to fit again, with nothing dropped.
            let again = check(&version, &checked.answers, &attributes, extent).unwrap();
            prop_assert_eq!(&again.answers, &checked.answers);
            prop_assert!(again.dropped.is_empty());
            prop_assert_eq!(&again.visible, &checked.visible);
            prop_assert!((0.0..=1.0).contains(&checked.progress));
            let known = items(version.definition());
            for counted in countable(&version, &checked.answers) {
                prop_assert!(known.iter().any(|item| item.id == counted.item));
            }
            let kept = checked.answers.0.iter();
            prop_assert!(kept.clone().all(|a| checked.visible.contains(&a.question)));
        }
    }

    #[test]
    fn the_form_shows_just_the_visible_questions_in_any_order(
        (template, chosen) in answered(), seed: u32
    ) {
        let (version, answers) = given(template, chosen);
        let attributes = Attributes::new();
        let wanted = Wanted { language: "en", seed, escape: Escape::Html };
        let drawn = form(&version, &answers, &attributes, wanted);
        prop_assert_eq!(&form(&version, &answers, &attributes, wanted), &drawn);
        let mut shown: Vec<String> =
            drawn.sections.iter().flat_map(|s| &s.questions).map(|q| q.source.id.clone()).collect();
        let way = crate::questionnaire::flow::walk(&version, &answers, &attributes);
        let mut visible: Vec<String> =
            way.shown.iter().map(|p| version.at(*p).1.id.clone()).collect();
        shown.sort_unstable();
        visible.sort_unstable();
        prop_assert_eq!(shown, visible);
        for question in drawn.sections.iter().flat_map(|s| &s.questions) {
            prop_assert!(!question.text.contains('<') && !question.text.contains("{{"));
            prop_assert_eq!(question.options.len(), question.source.options.len());
            let matrix = question.source.kind == Kind::Matrix;
            prop_assert!(!matrix || question.parts.len() == question.source.rows.len());
        }
    }
}
