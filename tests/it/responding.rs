//! A questionnaire is answered over REST as a browser would do it, in the shapes that the suite
//! is deployed in: the link is all that the respondent has.

use e2e::{
    Org, Rest, Shape, World, patiently,
    rest::{int, text},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

/// An open campaign.
pub struct Fieldwork {
    /// `campaigns/ca_…`.
    pub campaign: String,
    /// Code of an open link without bounds that matter here.
    pub link: String,
}

fn texts(text: &str) -> Value {
    json!({"zh-CN": text, "en": text})
}

/// A campaign of a branch that can be answered on every channel.
pub async fn fieldwork(org: &Org, branch: &str) -> Fieldwork {
    let questions = json!([
        {"id": "recommend", "kind": "QUESTION_TYPE_NPS", "text": texts("推荐？"), "required": true},
        {"id": "words", "kind": "QUESTION_TYPE_LONG_TEXT", "text": texts("为什么？")},
    ]);
    let sections = json!([{"id": "all", "title": texts("全部"), "questions": questions}]);
    let draft =
        json!({"unit": branch, "definition": {"title": texts("调查"), "sections": sections}});
    let questionnaire = made(org, "/v1/questionnaires", draft).await;
    let etag = json!({"etag": questionnaire["etag"]});
    let name = text(&questionnaire["name"]);
    org.rest.post(&format!("/v1/{name}:publish"), etag).await;
    let channels = ["OPEN_LINK", "QR_CODE", "PERSONAL_LINK", "PHONE", "IMPORT", "PAPER"];
    let channels = channels.map(|channel| format!("RESPONSE_CHANNEL_{channel}"));
    let campaign = json!({
        "unit": branch, "displayName": "满意度", "questionnaire": name, "channels": channels,
    });
    let campaign = text(&made(org, "/v1/campaigns", campaign).await["name"]).to_owned();
    org.rest.post(&format!("/v1/{campaign}:open"), json!({})).await;
    let link = json!({
        "channel": "RESPONSE_CHANNEL_OPEN_LINK", "minuteMax": 10_000, "browserMax": -1,
    });
    let link = org.rest.post(&format!("/v1/{campaign}/links"), link).await;
    Fieldwork { link: code_of(text(&link["link"])), campaign }
}

/// The code at the end of a link.
pub fn code_of(link: &str) -> String {
    link.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Creates something as soon as the survey service knows the unit.
async fn made(org: &Org, path: &str, body: Value) -> Value {
    patiently("the survey service to know the branch", || async {
        let (status, answer) = org.rest.call(Method::POST, path, Some(&body)).await;
        let waiting = matches!(status.as_u16(), 403 | 404);
        assert!(waiting || status.is_success(), "{path}: {status} {answer}");
        status.is_success().then_some(answer)
    })
    .await
}

/// A grade on the scale of recommendation.
pub fn grade(grade: i32) -> Value {
    json!([{"question": "recommend", "grade": grade}])
}

async fn refused(rest: &Rest, path: &str, body: Value) -> (StatusCode, String) {
    let (status, answer) = rest.call(Method::POST, path, Some(&body)).await;
    (status, answer["reason"].as_str().unwrap_or_default().to_owned())
}

async fn answer_by_link(world: &World, fieldwork: &Fieldwork) -> String {
    let rest = &world.rest;
    let link = &fieldwork.link;
    let opened = rest.post("/v1/respond:open", json!({"link": link, "language": "en"})).await;
    assert_eq!(opened["state"], "FORM_STATE_OPEN");
    let shown = opened["form"]["sections"][0]["questions"].as_array().unwrap().len();
    assert_eq!(shown, 2);
    let started = rest.post("/v1/respond:start", json!({"link": link})).await;
    let session = text(&started["session"]);
    let save = json!({"link": link, "session": session, "answers": grade(3)});
    rest.post("/v1/respond:save", save).await;
    let again = rest.post("/v1/respond:open", json!({"link": link, "session": session})).await;
    assert_eq!(again["answers"][0]["grade"], json!(3));
    let id = Uuid::now_v7();
    let submit = json!({
        "link": link, "session": session, "submissionId": id, "answers": grade(9),
        "browserToken": started["browserToken"],
    });
    let receipt = rest.post("/v1/respond:submit", submit.clone()).await;
    let repeated = rest.post("/v1/respond:submit", submit.clone()).await;
    assert_eq!(receipt["receipt"], repeated["receipt"]);
    let mut other = submit;
    other["answers"] = grade(1);
    let (status, reason) = refused(rest, "/v1/respond:submit", other).await;
    assert_eq!((status, reason.as_str()), (StatusCode::CONFLICT, "ALREADY_EXISTS"));
    let asked = json!({"link": link, "submissionId": id});
    let found = rest.post("/v1/respond:receipt", asked).await;
    assert_eq!(found["receipt"], receipt["receipt"]);
    text(&receipt["receipt"]).to_owned()
}

async fn answer_by_invitation(world: &World, org: &Org, fieldwork: &Fieldwork) {
    let invite = json!({"unnamed": 1, "channel": "RESPONSE_CHANNEL_PERSONAL_LINK"});
    let path = format!("/v1/{}/invitations", fieldwork.campaign);
    let invited = org.rest.post(&path, invite).await;
    let link = code_of(text(&invited["links"][0]));
    let submit = |id: Uuid| json!({"link": link, "submissionId": id, "answers": grade(10)});
    let rest = &world.rest;
    rest.post("/v1/respond:submit", submit(Uuid::now_v7())).await;
    let (status, reason) = refused(rest, "/v1/respond:submit", submit(Uuid::now_v7())).await;
    assert_eq!((status, reason.as_str()), (StatusCode::CONFLICT, "LINK_USED"));
    let opened = rest.post("/v1/respond:open", json!({"link": link})).await;
    assert_eq!(opened["state"], "FORM_STATE_ANSWERED");
}

async fn import_and_export(org: &Org, fieldwork: &Fieldwork) {
    let import = json!({
        "mapping": {
            "rowIdColumn": "no",
            "columns": [{"column": "nps", "target": "recommend"}],
        },
        "csv": "no,nps\n1,9\n2,eleven\n3,4\n",
    });
    let path = format!("/v1/{}/responses:import", fieldwork.campaign);
    let done = org.rest.post(&path, import).await;
    assert_eq!((int(&done["storedCount"]), int(&done["failedCount"])), (2, 1), "{done}");
    let path = format!("/v1/{}/responses:export", fieldwork.campaign);
    let request = org.rest.request(Method::GET, &path).header("accept", "application/x-ndjson");
    let lines = request.send().await.unwrap().text().await.unwrap();
    let pieces: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let trailer = &pieces.last().unwrap()["result"]["trailer"];
    assert_eq!(int(&trailer["rowCount"]), 4, "{trailer}");
    let file: String = pieces.iter().map(|piece| text(&piece["result"]["lines"])).collect();
    assert_eq!(file.lines().count(), 5, "{file}");
}

async fn a_survey_is_answered(shape: Shape) {
    let world = World::start(shape).await;
    let org = world.organisation().await;
    let branch = org.unit(&org.headquarters, "BRANCH", "人民路支行").await;
    let fieldwork = fieldwork(&org, &branch).await;
    let receipt = answer_by_link(&world, &fieldwork).await;
    let stored = org.rest.get(&format!("/v1/{receipt}")).await;
    assert_eq!(stored["answers"][0]["grade"], json!(9));
    assert_eq!(text(&stored["unit"]), branch);
    answer_by_invitation(&world, &org, &fieldwork).await;
    import_and_export(&org, &fieldwork).await;
    let (status, _) = world.rest.call(Method::GET, &format!("/v1/{receipt}"), None).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let with_link = world.rest.with_token(&fieldwork.link);
    let (status, _) = with_link.call(Method::GET, "/v1/responses", None).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "a link is no token");
    org.rest.post(&format!("/v1/{}:close", fieldwork.campaign), json!({})).await;
    let late = json!({
        "link": fieldwork.link, "submissionId": Uuid::now_v7(), "answers": grade(9),
    });
    let (status, reason) = refused(&world.rest, "/v1/respond:submit", late).await;
    assert_eq!((status, reason.as_str()), (StatusCode::BAD_REQUEST, "SURVEY_CLOSED"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_survey_is_answered_by_link_on_one_process() {
    a_survey_is_answered(Shape::OneOnSqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_survey_is_answered_by_link_on_several_processes_and_postgres() {
    a_survey_is_answered(Shape::ManyOnPostgres).await;
}
