//! Indices, score cards and alert rules of a branch.

use e2e::{Org, rest::text};
use serde_json::{Value, json};

use super::place::{fresh, post};

/// The share of satisfied grades.
fn satisfied() -> Value {
    json!({"rating": {"statistic": "LEAF_STATISTIC_SATISFIED"}})
}

/// A small index of ratings.
pub fn definition() -> Value {
    json!({
        "title": {"en": fresh()},
        "nodes": [{"id": "index"}, {"id": "satisfied", "parent": "index", "leaf": satisfied()}],
        "weightings": [{"id": "all", "method": "WEIGHT_METHOD_EQUAL"}],
    })
}

/// A rule that watches a branch.
pub fn alert_rule(unit: &str) -> Value {
    json!({"alertRule": {"unit": unit, "title": fresh(), "measure": satisfied()}})
}

/// A published questionnaire with a graded item for each construct of the latent index.
async fn six_constructs(org: &Org, unit: &str) -> String {
    let text = json!({"zh-CN": "几分？", "en": "How much?"});
    let kind = "QUESTION_TYPE_NPS";
    let question = |number: i32| json!({"id": format!("e{number}"), "kind": kind, "text": text});
    let questions: Vec<Value> = (1..=6).map(question).collect();
    let sections = json!([{"id": "all", "title": text, "questions": questions}]);
    let draft = json!({"unit": unit, "definition": {"title": text, "sections": sections}});
    let made = post(org, "/v1/questionnaires", draft).await;
    let path = format!("/v1/{}:publish", name(&made));
    org.rest.post(&path, json!({"etag": made["etag"]})).await;
    name(&made)
}

fn name(answer: &Value) -> String {
    text(&answer["name"]).to_owned()
}

/// An index with a run and a signed publication of it; a score card and alert rules.
pub async fn build(org: &Org, unit: &str) -> Vec<(&'static str, String)> {
    let index = json!({"unit": unit, "definition": definition()});
    let index = name(&post(org, "/v1/indices", index).await);
    let question = json!({"units": [unit], "from": "2026-01-01", "to": "2026-01-31"});
    let run = post(org, &format!("/v1/{index}:run"), json!({"question": question})).await;
    let hash = text(&run["resultHash"]).to_owned();
    let mut publications = Vec::new();
    for _ in 0..2 {
        let publication = json!({"run": name(&run), "title": fresh()});
        publications.push(name(&post(org, "/v1/publications", publication).await));
    }
    let signed = publications.remove(1);
    org.rest.post(&format!("/v1/{signed}:sign"), json!({"resultHash": hash})).await;
    let measures = json!([{"id": "satisfied", "measure": satisfied(), "weight": 1}]);
    let card = json!({"scoreCard": {"unit": unit, "title": fresh(), "measures": measures}});
    let card = name(&post(org, "/v1/scoreCards", card).await);
    let rule = name(&post(org, "/v1/alertRules", alert_rule(unit)).await);
    vec![
        ("index", index),
        ("index_run", name(&run)),
        ("result_hash", hash),
        ("publication", publications.remove(0)),
        ("publication_to_correct", signed),
        ("six_constructs", six_constructs(org, unit).await),
        ("score_card", card),
        ("new_alert_rule", rule),
    ]
}
