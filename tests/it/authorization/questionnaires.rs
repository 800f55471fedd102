//! Questionnaires of a branch.

use e2e::{Org, rest::text};
use serde_json::{Value, json};

use super::place::post;

/// A SurveyJS document.
pub const SURVEYJS: &str =
    r#"{"title":"Visit","elements":[{"type":"rating","name":"grade","title":"Grade"}]}"#;

/// A new draft of a unit. What it asks is always the same, and so is its first etag.
pub fn draft(unit: &str) -> Value {
    let text = |text: &str| json!({"zh-CN": text, "en": text});
    let option = |id: &str| json!({"id": id, "text": text(id)});
    let questions = json!([
        {"id": "recommend", "kind": "QUESTION_TYPE_NPS", "text": text("推荐？"), "required": true},
        {"id": "choice", "kind": "QUESTION_TYPE_SINGLE_CHOICE", "text": text("哪个？"),
         "options": [option("a"), option("b")]},
        {"id": "words", "kind": "QUESTION_TYPE_LONG_TEXT", "text": text("为什么？")},
        {"id": "more", "kind": "QUESTION_TYPE_SHORT_TEXT", "text": text("您说：{{words}}")},
    ]);
    let sections = json!([{"id": "all", "title": text("全部"), "questions": questions}]);
    json!({"unit": unit, "definition": {"title": text("调查"), "sections": sections}})
}

/// A questionnaire with a published version, a draft, and the etag that every new draft has.
pub async fn build(org: &Org, unit: &str) -> Vec<(&'static str, String)> {
    let made = post(org, "/v1/questionnaires", draft(unit)).await;
    let (name, etag) = (text(&made["name"]).to_owned(), text(&made["etag"]).to_owned());
    let path = format!("/v1/{name}:publish");
    org.rest.post(&path, json!({"etag": etag})).await;
    let spare = post(org, "/v1/questionnaires", draft(unit)).await;
    vec![
        ("questionnaire", name),
        ("new_questionnaire", text(&spare["name"]).to_owned()),
        ("questionnaire_etag", etag),
    ]
}
