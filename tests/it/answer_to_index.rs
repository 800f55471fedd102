//! From an answer behind a link to a figure, an index and its publication, over REST.

use e2e::{
    Org, Shape, World, patiently,
    rest::{int, text},
};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// Answers that are given.
const ANSWERS: i64 = 20;

fn texts(text: &str) -> Value {
    json!({"zh-CN": text, "en": text})
}

/// Sends until the services that have to hear of an object have heard of it.
async fn made(org: &Org, path: &str, body: Value) -> Value {
    patiently(&format!("POST {path}"), || async {
        let (status, answer) = org.rest.call(Method::POST, path, Some(&body)).await;
        let waiting = matches!(status.as_u16(), 403 | 404);
        assert!(waiting || status.is_success(), "{path}: {status} {answer}");
        status.is_success().then_some(answer)
    })
    .await
}

/// A questionnaire of two questions, answered behind an open link.
async fn answered(world: &World, org: &Org, branch: &str) -> String {
    let kind = "QUESTION_TYPE_NPS";
    let question = |id: &str| json!({"id": id, "kind": kind, "text": texts(id), "required": true});
    let questions = json!([question("recommend"), question("again")]);
    let sections = json!([{"id": "all", "title": texts("全部"), "questions": questions}]);
    let draft =
        json!({"unit": branch, "definition": {"title": texts("调查"), "sections": sections}});
    let questionnaire = made(org, "/v1/questionnaires", draft).await;
    let name = text(&questionnaire["name"]).to_owned();
    let etag = json!({"etag": questionnaire["etag"]});
    org.rest.post(&format!("/v1/{name}:publish"), etag).await;
    let channels = ["RESPONSE_CHANNEL_OPEN_LINK"];
    let campaign = json!({
        "unit": branch, "displayName": "满意度", "questionnaire": name, "channels": channels,
    });
    let campaign = text(&made(org, "/v1/campaigns", campaign).await["name"]).to_owned();
    org.rest.post(&format!("/v1/{campaign}:open"), json!({})).await;
    let link = json!({
        "channel": "RESPONSE_CHANNEL_OPEN_LINK", "minuteMax": 10_000, "browserMax": -1,
    });
    let link = org.rest.post(&format!("/v1/{campaign}/links"), link).await;
    let code = text(&link["link"]).rsplit('/').next().unwrap_or_default().to_owned();
    for number in 0..ANSWERS {
        let grade = |id: &str, shift: i64| json!({"question": id, "grade": (number + shift) % 11});
        let answers = json!([grade("recommend", 0), grade("again", 0)]);
        let submit = json!({"link": code, "submissionId": Uuid::now_v7(), "answers": answers});
        world.rest.post("/v1/respond:submit", submit).await;
    }
    name
}

async fn an_answer_becomes_an_index(shape: Shape) {
    let world = World::start(shape).await;
    let org = world.organisation().await;
    let branch = org.unit(&org.headquarters, "BRANCH", "人民路支行").await;
    let questionnaire = answered(&world, &org, &branch).await;
    let asked = json!({
        "source": "FIGURE_SOURCE_QUESTIONNAIRES", "groupBy": ["GROUP_BY_ITEM"],
        "filter": {"includeDistrusted": true},
    });
    let figures = patiently("the answers to be counted", || async {
        let figures = org.figures(&branch, asked.clone()).await;
        (int(&figures["total"]["responses"]) == ANSWERS).then_some(figures)
    })
    .await;
    let row = &figures["rows"][0];
    assert_eq!((text(&row["key"]["item"]), int(&row["n"])), ("again", ANSWERS), "{figures}");
    assert!(row["nps"]["value"].is_number(), "{figures}");
    assert_eq!(figures["joinedVersions"][0]["sameItems"], json!(true), "{figures}");

    let leaf = |item: &str| json!({"question": {"questionnaire": questionnaire, "item": item}});
    let node = |id: &str| json!({"id": id, "parent": "index", "leaf": leaf(id)});
    let definition = json!({
        "title": texts("满意度指数"),
        "nodes": [{"id": "index"}, node("recommend"), node("again")],
        "weightings": [
            {"id": "board", "method": "WEIGHT_METHOD_DIRECT", "weights": [
                {"node": "recommend", "weight": 3}, {"node": "again", "weight": 1},
            ]},
            {"id": "equal", "method": "WEIGHT_METHOD_EQUAL"},
        ],
        "filter": {"includeDistrusted": true},
    });
    let index = made(&org, "/v1/indices", json!({"unit": branch, "definition": definition})).await;
    let index = text(&index["name"]).to_owned();
    let today = jiff::Zoned::now().date();
    let first = today.checked_sub(jiff::Span::new().days(2)).expect("a date");
    let last = today.checked_add(jiff::Span::new().days(2)).expect("a date");
    let question = json!({
        "units": [branch], "from": first.to_string(), "to": last.to_string(), "nodes": true,
    });
    let path = format!("/v1/{index}:run");
    let run = org.rest.post(&path, json!({"question": question})).await;
    let again = org.rest.post(&path, json!({"question": question})).await;
    assert_eq!(run["resultHash"], again["resultHash"], "the same bytes");
    assert!(run["rows"][0]["value"].is_number(), "{run}");
    assert_eq!(run["reliability"][0]["passes"], json!(true), "{run}");

    let publication = json!({"run": run["name"], "title": "十一月"});
    let publication = org.rest.post("/v1/publications", publication).await;
    let name = text(&publication["name"]);
    let sign = json!({"resultHash": run["resultHash"]});
    let signed = org.rest.post(&format!("/v1/{name}:sign"), sign).await;
    assert_eq!(signed["state"], "PUBLICATION_STATE_PUBLISHED");
    let shown = org.rest.get(&format!("/v1/{name}?knownNow=true")).await;
    assert!(shown["changes"].as_array().is_none_or(Vec::is_empty), "{shown}");
    let path = format!("/v1/{index}:compareWeightings");
    let side = org.rest.post(&path, json!({"question": question})).await;
    assert_eq!(side["rows"][0]["values"].as_array().map(Vec::len), Some(2), "{side}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_becomes_an_index_in_one_process_on_sqlite() {
    an_answer_becomes_an_index(Shape::OneOnSqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_becomes_an_index_in_separate_processes_on_postgres() {
    an_answer_becomes_an_index(Shape::ManyOnPostgres).await;
}
