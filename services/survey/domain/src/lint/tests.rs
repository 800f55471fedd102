//! Tests of the lint: for each rule a case that it finds and one that it leaves alone.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::questionnaire::check::check;

fn found(source: &Value, language: &str) -> Vec<Finding> {
    let definition: Definition = serde_json::from_value(source.clone()).unwrap();
    assert_eq!(check(&definition), [], "only sound questionnaires are looked at");
    lint(&definition, language)
}

/// A questionnaire of one question with these texts, and a question on the whole.
fn asked(kind: &str, zh: &str, en: &str, more: Value) -> Value {
    let mut question = json!({
        "id": "q", "kind": format!("QUESTION_TYPE_{kind}"), "text": {"zh-CN": zh, "en": en},
    });
    question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let label = json!({"zh-CN": "低", "en": "low"});
    let five = json!({"id": "five", "min": 1, "max": 5, "lowLabel": label, "highLabel": label});
    let whole = json!({
        "id": "all", "kind": "QUESTION_TYPE_SCALE", "scale": "five", "comment": true,
        "text": {"zh-CN": "总体如何？", "en": "How is it overall?"},
    });
    json!({
        "title": {"zh-CN": "调查", "en": "Survey"},
        "introduction": {"zh-CN": "一分钟。", "en": "One minute."},
        "scales": [five],
        "sections": [{"id": "s", "questions": [question, whole]}],
    })
}

fn rules(source: &Value) -> Vec<(Rule, Severity)> {
    found(source, "en").into_iter().map(|f| (f.rule, f.severity)).collect()
}

#[track_caller]
fn finds(source: &Value, rule: Rule, severity: Severity) {
    let all: BTreeSet<(Rule, Severity)> = rules(source).into_iter().collect();
    assert_eq!(all.into_iter().collect::<Vec<_>>(), [(rule, severity)]);
}

#[track_caller]
fn fine(source: &Value) {
    assert_eq!(found(source, "zh-CN"), []);
}

fn scale(zh: &str, en: &str) -> Value {
    asked("SCALE", zh, en, json!({"scale": "five"}))
}

#[test]
fn plain_questions_are_left_alone() {
    fine(&scale("您对答复的及时程度是否满意？", "How satisfied are you with our answer?"));
    fine(&scale("与您的期望相比如何？", "How is it, compared with what you expected?"));
    fine(&asked("LONG_TEXT", "态度和效率如何改进？", "Speed and quality?", json!({})));
}

#[test]
fn words_that_spoil_a_question_are_found_in_both_languages() {
    use Rule::{DoubleBarrelled, Jargon, Leading, Loaded, LongText, Negation, Vague};
    use Severity::{Hint, Serious, Warning};
    let zh = |text: &str| scale(text, "How is it?");
    let en = |text: &str| scale("如何？", text);
    finds(&zh("您对服务态度和效率是否满意？"), DoubleBarrelled, Warning);
    finds(&en("How satisfied are you with speed and quality?"), DoubleBarrelled, Warning);
    finds(&zh("难道您对服务还满意？"), Leading, Serious);
    finds(&en("Surely you are satisfied?"), Leading, Serious);
    finds(&zh("您如何评价我们一流的服务？"), Loaded, Warning);
    finds(&en("How do you rate our outstanding service?"), Loaded, Warning);
    finds(&zh("您不得不等候的程度如何？"), Negation, Warning);
    finds(&zh("您认为服务不好的程度如何？"), Negation, Hint);
    finds(&en("The service was not what I wanted."), Negation, Hint);
    finds(&en("Our answers were not unhelpful."), Negation, Warning);
    finds(&en("Was it not impossible to reach us?"), Negation, Warning);
    finds(&zh("您近期的体验如何？"), Vague, Hint);
    finds(&en("How did you recently find us?"), Vague, Hint);
    finds(&zh("您对 SLA 的评价如何？"), Jargon, Hint);
    finds(&en("How do you rate this touchpoint?"), Jargon, Hint);
    finds(&zh(&"长".repeat(46)), LongText, Warning);
    finds(&en(&"word ".repeat(26)), LongText, Warning);
}

#[test]
fn scales_are_balanced_labelled_and_alike() {
    let graded = |labels: &[(&str, &str)]| {
        let grades: Value =
            labels.iter().map(|(zh, en)| json!({"label": {"zh-CN": zh, "en": en}})).collect();
        let mut source = scale("如何？", "How is it?");
        source["scales"][0] =
            json!({"id": "five", "min": 1, "max": labels.len(), "grades": grades});
        source
    };
    let five = [
        ("非常不满意", "Very dissatisfied"),
        ("不满意", "Dissatisfied"),
        ("一般", "Neither satisfied nor dissatisfied"),
        ("满意", "Satisfied"),
        ("非常满意", "Very satisfied"),
    ];
    fine(&graded(&five));
    let good = [
        ("不满意", "Dissatisfied"),
        ("满意", "Satisfied"),
        ("很满意", "Very satisfied"),
        ("非常满意", "Extremely satisfied"),
    ];
    finds(&graded(&good), Rule::UnbalancedScale, Severity::Serious);
    let mut silent = scale("如何？", "How is it?");
    silent["scales"][0] = json!({"id": "five", "min": 1, "max": 5});
    finds(&silent, Rule::UnlabelledScale, Severity::Warning);
    let mut mixed = scale("如何？", "How is it?");
    let ends = json!({"zh-CN": "低", "en": "low"});
    for (id, max) in [("three", 3), ("seven", 7)] {
        let more = json!({"id": id, "min": 1, "max": max, "lowLabel": ends, "highLabel": ends});
        mixed["scales"].as_array_mut().unwrap().push(more);
        let question = json!({
            "id": id, "kind": "QUESTION_TYPE_SCALE", "scale": id,
            "text": {"zh-CN": format!("总体{id}"), "en": format!("overall {id}")},
        });
        mixed["sections"][0]["questions"].as_array_mut().unwrap().push(question);
    }
    assert!(rules(&mixed).contains(&(Rule::MixedScales, Severity::Hint)));
}

#[test]
fn respondents_must_have_a_way_out() {
    let required = json!({"scale": "five", "required": true});
    let source = asked("SCALE", "如何？", "How is it?", required);
    finds(&source, Rule::NoNotApplicable, Severity::Warning);
    let offered = json!({"scale": "five", "required": true, "notApplicable": true});
    fine(&asked("SCALE", "如何？", "How is it?", offered));
    let age = |more: Value| asked("NUMBER", "您的年龄？", "What is your age?", more);
    let asked_for = rules(&age(json!({"required": true})));
    assert!(asked_for.contains(&(Rule::NoRefusal, Severity::Warning)));
    let text = asked("LONG_TEXT", "为什么？", "Why?", json!({"required": true}));
    finds(&text, Rule::RequiredOpenQuestion, Severity::Warning);
    let option = |n: usize| json!({"id": format!("o{n}"), "text": {"zh-CN": "甲", "en": "x"}});
    let options: Value = (0..4).map(option).collect();
    let choice = asked("SINGLE_CHOICE", "哪个？", "Which?", json!({"options": options}));
    finds(&choice, Rule::NoOther, Severity::Hint);
    let options: Value = (0..12).map(option).collect();
    let more = json!({"options": options, "comment": true});
    finds(&asked("SINGLE_CHOICE", "哪个？", "Which?", more), Rule::ManyOptions, Severity::Hint);
}

#[test]
fn a_matrix_is_short_and_many_grades_need_one_on_the_whole() {
    let row = |n: usize| {
        let text = json!({"zh-CN": format!("第{n}项"), "en": format!("row {n}")});
        json!({"id": format!("r{n}"), "text": text})
    };
    let rows = |count: usize| -> Value { (0..count).map(row).collect() };
    let matrix = |count| {
        asked("MATRIX", "如何？", "How is it?", json!({"scale": "five", "rows": rows(count)}))
    };
    fine(&matrix(8));
    finds(&matrix(9), Rule::ManyRows, Severity::Hint);
    let mut silent = scale("如何？", "How is it?");
    let questions = silent["sections"][0]["questions"].as_array_mut().unwrap();
    questions[1]["text"] = json!({"zh-CN": "速度如何？", "en": "How is the speed?"});
    questions.push(json!({
        "id": "price", "kind": "QUESTION_TYPE_SCALE", "scale": "five",
        "text": {"zh-CN": "价格如何？", "en": "How is the price?"},
    }));
    finds(&silent, Rule::NoOverall, Severity::Hint);
    // A recommendation is a word on the whole.
    silent["sections"][0]["questions"].as_array_mut().unwrap().push(json!({
        "id": "nps", "kind": "QUESTION_TYPE_NPS",
        "text": {"zh-CN": "您会推荐我们吗？", "en": "Would you recommend us?"},
    }));
    fine(&silent);
}

#[test]
fn no_text_lacks_a_language_of_the_title() {
    let only = json!({"zh-CN": "仅中文"});
    let grade = |more: Value| {
        let mut grade = json!({"label": {"zh-CN": "低", "en": "low"}});
        grade.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut source = scale("如何？", "How is it?");
        source["scales"][0] = json!({"id": "five", "min": 1, "max": 2, "grades": [grade, {}]});
        source
    };
    let reason = json!({"reasons": [{"id": "slow", "text": only}]});
    let amount = json!({"number": {"unit": only}});
    let mut described = scale("如何？", "How is it?");
    described["sections"][0]["description"] = only.clone();
    for (source, place) in [
        (grade(reason), "scales[0].grades[0].reasons[0].text"),
        (asked("NUMBER", "多少？", "How much?", amount), "sections[0].questions[0].number.unit"),
        (described, "sections[0].description"),
    ] {
        let all = found(&source, "en");
        let lacking = all.iter().filter(|f| f.rule == Rule::MissingTranslation);
        let places: Vec<&str> = lacking.map(|f| f.place.as_str()).collect();
        assert_eq!(places, [place]);
    }
}

#[test]
fn ranges_neither_overlap_nor_leave_gaps() {
    let choice = |ranges: &[&str]| {
        let option = |(n, text): (usize, &&str)| {
            let texts = json!({"zh-CN": text, "en": text});
            json!({"id": format!("o{n}"), "text": texts})
        };
        let options: Value = ranges.iter().enumerate().map(option).collect();
        asked("SINGLE_CHOICE", "几次？", "How many?", json!({"options": options}))
    };
    fine(&choice(&["0", "1–4", "5–9", "10+"]));
    finds(&choice(&["1–5", "5–10"]), Rule::OverlappingOptions, Severity::Warning);
    finds(&choice(&["1-4", "6-10"]), Rule::OverlappingOptions, Severity::Warning);
}

#[test]
fn the_whole_is_short_complete_and_begins_harmlessly() {
    let mut source = scale("如何？", "How is it?");
    source["introduction"] = json!({});
    finds(&source, Rule::NoIntroduction, Severity::Hint);
    let mut source = scale("如何？", "How is it?");
    source["introduction"] = json!({"zh-CN": "一分钟"});
    finds(&source, Rule::MissingTranslation, Severity::Hint);
    let mut source = scale("如何？", "How is it?");
    source["sections"][0]["questions"][1]["comment"] = json!(false);
    finds(&source, Rule::NoReason, Severity::Hint);
    let mut source = scale("总体如何？", "How is it overall?");
    source["sections"][0]["questions"][1]["comment"] = json!(true);
    source["sections"][0]["questions"][0]["comment"] = json!(true);
    finds(&source, Rule::SameQuestion, Severity::Warning);
    let mut long = scale("如何？", "How is it?");
    let questions = long["sections"][0]["questions"].as_array_mut().unwrap();
    for n in 0..25 {
        questions.push(json!({
            "id": format!("n{n}"), "kind": "QUESTION_TYPE_LONG_TEXT", "required": true,
            "text": {"zh-CN": format!("原因{n}"), "en": format!("Reason {n}")},
        }));
    }
    let all = rules(&long);
    assert!(all.contains(&(Rule::LongQuestionnaire, Severity::Serious)));
    assert!(all.contains(&(Rule::ManyOpenQuestions, Severity::Hint)));
    let mut personal = asked("DATE", "出生日期？", "When were you born?", json!({}));
    let questions = personal["sections"][0]["questions"].as_array_mut().unwrap();
    questions.push(json!({
        "id": "end", "kind": "QUESTION_TYPE_NPS", "text": {"zh-CN": "推荐？", "en": "Recommend?"},
    }));
    finds(&personal, Rule::PersonalFirst, Severity::Hint);
}

#[test]
fn each_finding_says_where_why_and_what_to_do_in_the_wanted_language() {
    let source = scale("您对态度和效率是否满意？", "How is it?");
    for (language, words) in [("zh-CN", "两件事"), ("en", "two things"), ("fr", "两件事")] {
        let all = found(&source, language);
        let [finding] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!(finding.place, "sections[0].questions[0].text[zh-CN]");
        assert_eq!((finding.element.as_str(), finding.language.as_str()), ("q", "zh-CN"));
        assert!(finding.reason.contains(words) && finding.reason.contains('和'), "{language}");
        assert!(!finding.suggestion.is_empty() && !finding.reason.contains("{}"));
    }
}
