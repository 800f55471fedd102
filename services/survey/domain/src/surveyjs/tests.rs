//! Tests of the import of SurveyJS documents.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::questionnaire::{Operator, check::check};

fn imported(source: &Value) -> Imported {
    let imported = import(&source.to_string()).unwrap();
    assert_eq!(check(&imported.definition), [], "{source}");
    imported
}

fn pointers(imported: &Imported) -> Vec<(&str, Outcome)> {
    imported.remarks.iter().map(|r| (r.pointer.as_str(), r.outcome)).collect()
}

fn elements(elements: Value) -> Value {
    json!({"title": "T", "pages": [{"name": "p", "elements": elements}]})
}

#[test]
fn what_both_can_say_is_taken_over() {
    let source = json!({
        "locale": "zh-cn",
        "title": {"default": "满意度调查", "en": "Satisfaction"},
        "description": "请填写",
        "completedHtml": "谢谢",
        "pages": [{"name": "Page 1", "title": "第一页", "elements": [
            {"type": "rating", "name": "overall", "title": "总体", "rateMin": 1, "rateMax": 5,
             "isRequired": true, "minRateDescription": "差", "maxRateDescription": "好"},
            {"type": "rating", "name": "speed", "title": "速度", "rateCount": 5,
             "minRateDescription": "差", "maxRateDescription": "好"},
            {"type": "rating", "name": "nps_score", "title": "推荐？", "rateMin": 0, "rateMax": 10},
            {"type": "radiogroup", "name": "channel", "title": "渠道",
             "choices": ["窗口", {"value": "web", "text": "网上"}], "showOtherItem": true},
            {"type": "checkbox", "name": "why", "title": "原因", "choices": ["a", "b"],
             "showNoneItem": true, "maxSelectedChoices": 2, "choicesOrder": "random",
             "visibleIf": "{overall} <= 2 and {channel} = 'web'"},
            {"type": "matrix", "name": "items", "title": "各项", "columns": ["好", "差"],
             "rows": [{"value": "staff", "text": "人员"}, "price"], "rowsOrder": "random"},
            {"type": "ranking", "name": "order", "title": "排序", "choices": ["x", "y", "z"]},
            {"type": "boolean", "name": "again", "title": "再来吗"},
            {"type": "text", "name": "age", "title": "年龄", "inputType": "number", "min": 0},
            {"type": "text", "name": "day", "title": "日期", "inputType": "date"},
            {"type": "text", "name": "line", "title": "您选了{channel}", "maxLength": 50},
            {"type": "comment", "name": "more", "title": "其他"},
        ]}],
    });
    let imported = imported(&source);
    let definition = &imported.definition;
    assert_eq!(definition.languages(), ["zh-CN", "en"]);
    assert_eq!(definition.scales.len(), 1, "equal scales are one");
    let kinds: Vec<Kind> = definition.questions().map(|(_, q)| q.kind).collect();
    assert_eq!(
        kinds,
        [
            Kind::Scale,
            Kind::Scale,
            Kind::Nps,
            Kind::SingleChoice,
            Kind::MultipleChoice,
            Kind::Matrix,
            Kind::Ranking,
            Kind::SingleChoice,
            Kind::Number,
            Kind::Date,
            Kind::ShortText,
            Kind::LongText,
        ]
    );
    assert_eq!(pointers(&imported), [("/pages/0/elements/2", Outcome::Changed)]);
    let question = |id: &str| definition.questions().find(|(_, q)| q.id == id).unwrap().1;
    assert!(question("overall").required && question("why").shuffle_options);
    let terms = &question("why").show_if.as_ref().unwrap().any_of[0].all_of;
    assert_eq!(
        (terms[0].operator, terms[1].values.as_slice()),
        (Operator::AtMost, &["web".to_owned()][..])
    );
    assert_eq!(question("line").text["zh-CN"], "您选了{{channel}}");
    assert_eq!(question("channel").options.last().unwrap().id, "other");
    assert_eq!(definition.endings[0].text["zh-CN"], "谢谢");
}

#[test]
fn what_cannot_be_taken_over_is_reported_with_its_place() {
    let source = elements(json!([
        {"type": "file", "name": "photo"},
        {"type": "rating", "name": "six", "rateMax": 6},
        {"type": "text", "name": "First Name", "inputType": "email", "validators": [], "x/y": 1},
        {"type": "panel", "name": "box", "visibleIf": "{First Name} notempty", "elements": [
            {"type": "comment", "name": "inner", "title": "I", "visibleIf": "{later} = 1"},
        ]},
        {"type": "comment", "name": "later", "title": "{{raw}}", "visibleIf": "age({x}) > 3"},
    ]));
    let imported = imported(&source);
    let at = |rest: &str| format!("/pages/0/elements/{rest}");
    let found: Vec<(String, Outcome)> =
        pointers(&imported).into_iter().map(|(p, o)| (p.to_owned(), o)).collect();
    let wanted = [
        (at("0"), Outcome::LeftOut),
        (at("1"), Outcome::LeftOut),
        (at("2/inputType"), Outcome::Changed),
        (at("2/name"), Outcome::Changed),
        (at("2/validators"), Outcome::LeftOut),
        (at("2/x~1y"), Outcome::LeftOut),
        (at("3"), Outcome::Changed),
        (at("3/elements/0/visibleIf"), Outcome::LeftOut),
        (at("4/visibleIf"), Outcome::LeftOut),
        (at("4/title"), Outcome::Changed),
    ];
    assert_eq!(found, wanted);
    let inner = imported.definition.questions().find(|(_, q)| q.id == "inner").unwrap().1;
    let term = &inner.show_if.as_ref().unwrap().any_of[0].all_of[0];
    assert_eq!((term.question.as_str(), term.operator), ("first_name", Operator::Answered));
}

#[test]
fn conditions_become_groups_of_terms() {
    let check = |text: &str| -> Option<Vec<usize>> {
        let source = elements(json!([
            {"type": "rating", "name": "g", "title": "g"},
            {"type": "radiogroup", "name": "c", "title": "c", "choices": ["a", "b"]},
            {"type": "matrix", "name": "m", "title": "m", "columns": ["x", "y"], "rows": ["r"]},
            {"type": "comment", "name": "t", "title": "t", "visibleIf": text},
        ]));
        let imported = imported(&source);
        let (_, question) = imported.definition.questions().nth(3).unwrap();
        let condition = question.show_if.clone()?;
        Some(condition.any_of.iter().map(|group| group.all_of.len()).collect())
    };
    assert_eq!(check("{g} > 2"), Some(vec![1]));
    assert_eq!(check("{g} >= 2 and {c} = 'a'"), Some(vec![2]));
    assert_eq!(check("{g} = 1 or {g} = 2 and {c} anyof ['a', 'b']"), Some(vec![1, 2]));
    assert_eq!(check("({g} = 1 or {g} = 2) and {c} = a"), Some(vec![2, 2]));
    assert_eq!(check("{c} <> 'a'"), Some(vec![1, 1]));
    assert_eq!(check("{m.r} = 'x'"), Some(vec![1]));
    assert_eq!(check("{g} notempty"), Some(vec![1]));
    for broken in [
        "",
        "{g}",
        "{g} =",
        "({g} = 1",
        "{g} = 1 {c}",
        "{m} = 'x'",
        "{g} ~ 3",
        "{t} = 1",
        "{g} = {c}",
        "not ({g} = 1)",
        "{c} > 1",
        "'",
        "iif({g} > 1, 'a', 'b')",
    ] {
        assert_eq!(check(broken), None, "{broken}");
    }
    let deep = format!("{}{{g}} = 1{}", "(".repeat(300), ")".repeat(300));
    assert_eq!(check(&deep), None);
}

#[test]
fn a_condition_that_can_never_hold_is_named_by_the_check() {
    // The constant is no option: the document is taken as it is, and its problem is told.
    let source = elements(json!([
        {"type": "radiogroup", "name": "c", "title": "c", "choices": ["a", "b"]},
        {"type": "comment", "name": "t", "title": "t", "visibleIf": "{c} = 'z'"},
    ]));
    let imported = import(&source.to_string()).unwrap();
    assert_eq!(check(&imported.definition).len(), 1);
}

#[test]
fn what_is_no_document_is_refused() {
    for bad in ["", "[]", "7", "{}", r#"{"pages": 1}"#, r#"{"pages": []}"#, r#"{"elements": [1]}"#]
    {
        assert!(import(bad).is_err(), "{bad}");
    }
    let deep = "[".repeat(100_000);
    assert!(import(&deep).is_err());
    let nested = (0..50).fold(
        json!({"type": "comment", "name": "q"}),
        |inner, _| json!({"type": "panel", "elements": [inner]}),
    );
    assert!(import(&elements(json!([nested])).to_string()).is_err());
}

fn element() -> impl Strategy<Value = Value> {
    let kinds = [
        "text",
        "comment",
        "radiogroup",
        "checkbox",
        "rating",
        "matrix",
        "ranking",
        "boolean",
        "panel",
        "html",
    ];
    let names = ["a", "b", "第一", "reasons", "p", "A b", ""];
    let conditions = ["{a} = 1", "{b} notempty", "{a} > 2 or {b} = 'x'", "{a", "{a.x} = y"];
    (
        proptest::sample::select(kinds.to_vec()),
        proptest::sample::select(names.to_vec()),
        proptest::sample::select(conditions.to_vec()),
        ".{0,20}",
        0_i64..12,
        any::<bool>(),
    )
        .prop_map(|(kind, name, condition, title, number, flag)| {
            json!({
                "type": kind, "name": name, "title": title, "rateMax": number, "min": number,
                "choices": ["x", "y", "x", title, number], "columns": ["x", "y", ""],
                "rows": ["x", title], "showOtherItem": flag, "showNoneItem": flag,
                "maxSelectedChoices": number, "visibleIf": if flag { condition } else { "" },
                "maxLength": number * 10_000, "isRequired": flag,
            })
        })
}

proptest! {
    #[test]
    fn whatever_is_imported_is_sound_but_for_conditions_that_never_hold(
        list in proptest::collection::vec(element(), 0..8), text in ".{0,60}"
    ) {
        let _ = import(&text);
        let source = json!({"title": text, "elements": list});
        if let Ok(imported) = import(&source.to_string()) {
            for problem in check(&imported.definition) {
                prop_assert!(problem.place.contains(".showIf."), "{problem:?}");
            }
        }
    }
}
