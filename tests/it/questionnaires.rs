//! A questionnaire from the library to its second version, over REST.

use e2e::{
    Org, Shape, World, patiently,
    rest::{int, text},
};
use reqwest::Method;
use serde_json::{Value, json};

/// POST until the survey service has heard of the organisation.
async fn post(org: &Org, path: &str, body: Value) -> Value {
    patiently(&format!("POST {path}"), || async {
        let (status, answer) = org.rest.call(Method::POST, path, Some(&body)).await;
        let waiting = matches!(status.as_u16(), 403 | 404);
        assert!(waiting || status.is_success(), "POST {path}: {status} {answer}");
        status.is_success().then_some(answer)
    })
    .await
}

fn ids(form: &Value) -> Vec<&str> {
    let sections = form["sections"].as_array().into_iter().flatten();
    let questions = sections.flat_map(|s| s["questions"].as_array().into_iter().flatten());
    questions.map(|question| text(&question["id"])).collect()
}

async fn a_template_becomes_a_published_questionnaire(shape: Shape) {
    let world = World::start(shape).await;
    let org = world.organisation().await;
    let copy = json!({"template": "government_window", "unit": org.headquarters});
    let draft = post(&org, "/v1/questionnaires:copy", copy).await;
    let name = text(&draft["name"]).to_owned();
    assert_eq!(draft["state"], "QUESTIONNAIRE_STATE_DRAFT", "{draft}");
    let lint = org.rest.post(&format!("/v1/{name}:lint"), json!({"language": "en"})).await;
    assert!(lint["minutes"].as_f64().is_some_and(|minutes| minutes > 0.0), "{lint}");
    let publish = format!("/v1/{name}:publish");
    let made = org.rest.post(&publish, json!({"etag": draft["etag"], "note": "first"})).await;
    assert_eq!(int(&made["version"]["version"]), 1, "{made}");

    let (on_site, bad) = (json!({"ids": ["on_site"]}), 1);
    let answers = json!([
        {"question": "channel", "options": on_site},
        {"question": "on_site_overall", "grade": bad, "reasons": ["queue"], "comment": "慢"},
    ]);
    let ask = json!({"version": 1, "language": "zh", "answers": answers});
    let form = org.rest.post(&format!("/v1/{name}:render"), ask).await;
    let wanted =
        ["channel", "on_site_overall", "on_site_efficiency", "on_site_skill", "on_site_attitude"];
    assert_eq!(ids(&form), wanted, "{form}");
    assert_eq!(form["language"], "zh-CN");
    let check = json!({"version": 1, "answers": answers});
    let checked = org.rest.post(&format!("/v1/{name}:checkAnswers"), check).await;
    assert_eq!(checked["visible"], json!(wanted), "{checked}");
    assert_eq!(checked["ending"], "thanks");

    let document = org.rest.get(&format!("/v1/{name}:export?version=1")).await;
    assert_eq!(document["hash"], made["version"]["hash"]);
    let import = json!({"unit": org.headquarters, "document": document});
    let twin = org.rest.post("/v1/questionnaires:import", import).await;
    assert_eq!(twin["definition"], document["definition"]);
    let schema = org.rest.get("/v1/questionnaires:schema").await;
    assert!(text(&schema["jsonSchema"]).contains("manyi-questionnaire/1"));

    second_version(&org, &name, &made).await;
    let (status, answer) = org.rest.call(Method::DELETE, &format!("/v1/{name}"), None).await;
    assert_eq!((status.as_u16(), &answer["reason"]), (400, &json!("IN_USE")), "{answer}");
    world.stop().await;
}

/// A change makes a new version, and what can be counted together is told.
async fn second_version(org: &Org, name: &str, made: &Value) {
    let mut definition = made["version"]["definition"].clone();
    definition["title"]["en"] = json!("Rating of services");
    definition["scales"][0]["satisfiedFrom"] = json!(4);
    let etag = &made["questionnaire"]["etag"];
    let body = json!({"definition": definition, "etag": etag});
    let path = format!("/v1/{name}");
    let (status, changed) = org.rest.call(Method::PATCH, &path, Some(&body)).await;
    assert!(status.is_success(), "{changed}");
    let (status, stale) = org.rest.call(Method::PATCH, &path, Some(&body)).await;
    assert_eq!((status.as_u16(), &stale["reason"]), (409, &json!("STALE_VERSION")));
    let publish = json!({"etag": changed["etag"]});
    let second = org.rest.post(&format!("{path}:publish"), publish).await;
    assert_eq!(int(&second["version"]["version"]), 2);
    let first = org.rest.get(&format!("{path}/versions/1")).await;
    assert_eq!(first["definition"], made["version"]["definition"]);
    let joined = org.rest.get(&format!("{path}:joinVersions")).await;
    let item = |id: &str| {
        let items = joined["items"].as_array().into_iter().flatten();
        items.clone().find(|item| item["item"] == id).cloned().unwrap_or_default()
    };
    let groups = |id: &str| item(id)["groups"].clone();
    assert_eq!(groups("on_site_overall"), json!([{"versions": [1, 2]}]), "{joined}");
    assert_eq!(groups("on_site_skill"), json!([{"versions": [1]}, {"versions": [2]}]));
    let change = &item("on_site_skill")["changes"][0];
    assert_eq!(change["kind"], "ITEM_CHANGE_KIND_SCORES", "{change}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_becomes_a_published_questionnaire_in_one_process_on_sqlite() {
    a_template_becomes_a_published_questionnaire(Shape::OneOnSqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_becomes_a_published_questionnaire_in_separate_processes_on_postgres() {
    a_template_becomes_a_published_questionnaire(Shape::ManyOnPostgres).await;
}
