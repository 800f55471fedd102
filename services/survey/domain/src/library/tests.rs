//! What holds for every questionnaire of the library.

use std::collections::BTreeSet;

use super::*;
use crate::{
    lint::Severity,
    questionnaire::{Kind, check::check, item::items},
};

#[test]
fn every_template_is_sound_complete_in_both_languages_and_finds_no_fault_with_the_lint() {
    assert_eq!(templates().len(), SOURCES.len());
    for template in templates() {
        assert_eq!(check(&template.definition), [], "{}", template.key);
    }
    for template in templates() {
        assert_eq!(template.definition.languages(), ["zh-CN", "en"], "{}", template.key);
        for language in ["zh-CN", "en"] {
            let findings = lint::lint(&template.definition, language);
            let grave: Vec<_> = findings.iter().filter(|f| f.severity > Severity::Hint).collect();
            assert_eq!(grave, Vec::<&lint::Finding>::new(), "{}", template.key);
            let untranslated = findings.iter().any(|f| f.rule == lint::Rule::MissingTranslation);
            assert!(!untranslated, "{}", template.key);
        }
        assert!(template.minutes > 0.0 && template.minutes < 12.0, "{}", template.key);
        assert!(!items(&template.definition).is_empty());
    }
}

#[test]
fn the_library_has_what_is_asked_of_it() {
    let keys: Vec<&str> = templates().iter().map(|template| template.key).collect();
    let wanted = [
        "technical_service",
        "research_project",
        "retail",
        "bank_window",
        "government_window",
        "employee",
        "internal_customer",
        "nps",
        "acsi",
        "expectation_gap",
    ];
    assert_eq!(keys, wanted);
    for template in templates() {
        let definition = &template.definition;
        let kinds: BTreeSet<Kind> = definition.questions().map(|(_, q)| q.kind).collect();
        let graded = kinds.contains(&Kind::Scale)
            || kinds.contains(&Kind::Smileys)
            || kinds.contains(&Kind::Matrix)
            || kinds.contains(&Kind::Nps);
        assert!(graded, "{} measures nothing", template.key);
        assert!(!definition.endings.is_empty(), "{} ends without thanks", template.key);
    }
    let pairs = &template("expectation_gap").unwrap().definition;
    let paired = pairs.questions().filter(|(_, q)| q.expectation_pair).count();
    assert!(paired >= 5, "{paired}");
    let four = template("research_project").unwrap();
    assert!(four.definition.scales.iter().any(|scale| scale.count() == 4));
    let recommended = template("nps").unwrap();
    let first = recommended.definition.questions().next().unwrap().1;
    assert_eq!(first.kind, Kind::Nps);
}

/// Every text anywhere in a template, by the languages that it is in.
fn texts_of(value: &serde_json::Value, place: &str, found: &mut Vec<(String, Vec<String>)>) {
    match value {
        serde_json::Value::Object(fields) => {
            if fields.contains_key("zh-CN") || fields.contains_key("en") {
                found.push((place.to_owned(), fields.keys().cloned().collect()));
                return;
            }
            for (name, inner) in fields {
                texts_of(inner, &format!("{place}.{name}"), found);
            }
        }
        serde_json::Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                texts_of(inner, &format!("{place}[{index}]"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_text_of_the_library_is_in_chinese_and_in_english() {
    for source in &SOURCES {
        assert!(!source.zh.is_empty() && !source.en.is_empty(), "{}", source.key);
        let document: serde_json::Value = serde_json::from_str(source.json).unwrap();
        let mut texts = Vec::new();
        texts_of(&document, source.key, &mut texts);
        assert!(texts.len() > 10, "{}", source.key);
        for (place, mut languages) in texts {
            languages.sort_unstable();
            assert_eq!(languages, ["en", "zh-CN"], "{place}");
        }
    }
}

fn scale_of_first(key: &str, question: &str) -> crate::questionnaire::Scale {
    let definition = &template(key).unwrap().definition;
    let (_, question) = definition.questions().find(|(_, q)| q.id == question).unwrap();
    definition.scale_of(question).unwrap()
}

#[test]
fn technical_service_asks_the_five_items_on_four_grades() {
    let definition = &template("technical_service").unwrap().definition;
    let asked: Vec<&str> = definition.sections[0].questions.iter().map(|q| &*q.id).collect();
    assert_eq!(asked, ["conformity", "schedule", "competence", "response_speed", "quality"]);
    for question in asked {
        assert_eq!(scale_of_first("technical_service", question).count(), 4);
    }
}

#[test]
fn government_window_has_its_items_five_grades_reasons_and_dates() {
    let definition = &template("government_window").unwrap().definition;
    let of = |section: &str| -> Vec<String> {
        let found = definition.sections.iter().find(|s| s.id == section).unwrap();
        found.questions.iter().map(|q| q.id.clone()).collect()
    };
    let with = |prefix: &str, items: &[&str]| -> Vec<String> {
        items.iter().map(|item| format!("{prefix}_{item}")).collect()
    };
    assert_eq!(of("on_site"), with("on_site", &["overall", "efficiency", "skill", "attitude"]));
    let on_line = ["overall", "efficiency", "guide", "convenience", "usability"];
    assert_eq!(of("on_line"), with("on_line", &on_line));
    for question in ["on_site_overall", "on_line_overall"] {
        let scale = scale_of_first("government_window", question);
        assert_eq!(scale.count(), 5);
        assert_eq!((scale.satisfied(), scale.bad()), (vec![3, 4, 5], vec![1, 2]));
        assert!(scale.grades.iter().all(|grade| !grade.reasons.is_empty()));
    }
    assert!(!definition.valid_from.is_empty() && !definition.valid_to.is_empty());
}

#[test]
fn the_index_model_has_six_constructs_on_scales_from_1_to_10() {
    let definition = &template("acsi").unwrap().definition;
    let constructs: Vec<&str> = definition.sections.iter().map(|s| &*s.id).collect();
    let wanted = ["expectations", "quality", "value", "satisfaction", "complaints", "loyalty"];
    assert_eq!(constructs, wanted);
    let graded: Vec<_> =
        items(definition).into_iter().filter(|item| item.kind == Kind::Scale).collect();
    assert!(graded.iter().all(|item| item.grades == Some((1, 10))));
    let tagged: BTreeSet<&str> = graded.iter().map(|item| &*item.section).collect();
    assert_eq!(tagged, wanted.into_iter().collect());
}
