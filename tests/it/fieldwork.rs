//! A campaign from its plan to its result, over REST: plan, sample, invitations, a partner who
//! hands them over, answers by personal and open links, closing.

use e2e::{
    Org, Shape, World, patiently,
    rest::{int, text},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::authorization::{place::post, questionnaires};

const CUSTOMERS: usize = 12;

async fn customers(org: &Org) {
    for n in 0..CUSTOMERS {
        let customer = json!({
            "unit": org.headquarters, "displayName": format!("顾客{n}"),
            "email": format!("c{n}@example.com"), "importance": 1,
        });
        let made = post(org, "/v1/customers", customer).await;
        let consent = json!({"purpose": "CONSENT_PURPOSE_SURVEY", "given": true, "source": "form"});
        let path = format!("/v1/{}:setConsent", text(&made["name"]));
        org.rest.post(&path, consent).await;
    }
}

/// A campaign by e-mail and QR code that everybody is sampled for, not open yet.
async fn drafted(org: &Org) -> String {
    let made = post(org, "/v1/questionnaires", questionnaires::draft(&org.headquarters)).await;
    let path = format!("/v1/{}:publish", text(&made["name"]));
    org.rest.post(&path, json!({"etag": made["etag"]})).await;
    let campaign = json!({
        "unit": org.headquarters, "displayName": "Spring", "questionnaire": made["name"],
        "channels": ["RESPONSE_CHANNEL_EMAIL", "RESPONSE_CHANNEL_QR_CODE"],
        "sampling": {"method": "SAMPLING_METHOD_SIMPLE_RANDOM", "size": 10, "seed": "7"},
        "linkBase": "https://survey.example.com/s/",
    });
    let campaign = text(&post(org, "/v1/campaigns", campaign).await["name"]).to_owned();
    let sample = org.rest.post(&format!("/v1/{campaign}:drawSample"), json!({})).await;
    assert_eq!((int(&sample["frameSize"]), int(&sample["sampleSize"])), (12, 10), "{sample}");
    let again = org.rest.post(&format!("/v1/{campaign}:drawSample"), json!({})).await;
    assert_eq!(again["frameHash"], sample["frameHash"]);
    campaign
}

fn code(link: &Value) -> &str {
    text(link).rsplit('/').next().unwrap_or_default()
}

async fn answer(org: &Org, link: &str, submission: &str) -> (u16, Value) {
    let body = json!({
        "link": link, "submissionId": submission,
        "answers": [{"question": "recommend", "grade": 9}],
    });
    let (status, answer) = org.rest.call(Method::POST, "/v1/respond:submit", Some(&body)).await;
    (status.as_u16(), answer)
}

async fn a_campaign_runs_from_sample_to_result(shape: Shape) {
    let world = World::start(shape).await;
    let org = world.organisation().await;
    customers(&org).await;
    let campaign = drafted(&org).await;
    let early = org.rest.get(&format!("/v1/{campaign}/dueInvitations")).await;
    assert_eq!(early["invitations"], json!([]));
    org.rest.post(&format!("/v1/{campaign}:open"), json!({})).await;

    let due = patiently("invitations to be due", || async {
        let due = org.rest.get(&format!("/v1/{campaign}/dueInvitations")).await;
        let due = due["invitations"].as_array().cloned().unwrap_or_default();
        (due.len() == 10).then_some(due)
    })
    .await;
    assert!(due.iter().all(|d| text(&d["email"]).ends_with("@example.com")), "{due:?}");
    let reports: Vec<Value> = due
        .iter()
        .map(|d| {
            json!({
                "invitation": d["invitation"]["name"], "state": "INVITATION_STATE_HANDED_OVER",
            })
        })
        .collect();
    let results = org.rest.post("/v1/invitations:report", json!({"reports": reports})).await;
    let results = results["results"].as_array().cloned().unwrap_or_default();
    assert!(results.len() == 10 && results.iter().all(|r| r["reason"] == ""), "{results:?}");

    for contact in &due[..7] {
        let link = code(&contact["link"]);
        let submission = uuid::Uuid::now_v7().to_string();
        let (status, first) = answer(&org, link, &submission).await;
        assert_eq!(status, 200, "{first}");
        let (status, again) = answer(&org, link, &submission).await;
        assert_eq!((status, &again["receipt"]), (200, &first["receipt"]));
        let (status, used) = answer(&org, link, &uuid::Uuid::now_v7().to_string()).await;
        assert_eq!((status, &used["reason"]), (409, &json!("LINK_USED")));
    }
    let link = json!({"channel": "RESPONSE_CHANNEL_QR_CODE", "browserMax": -1});
    let link = org.rest.post(&format!("/v1/{campaign}/links"), link).await;
    for _ in 0..3 {
        let submission = uuid::Uuid::now_v7().to_string();
        let (status, stored) = answer(&org, code(&link["link"]), &submission).await;
        assert_eq!(status, 200, "{stored}");
    }
    let picture =
        org.rest.get(&format!("/v1/{}/qrCode?format=QR_FORMAT_PNG", text(&link["name"]))).await;
    assert_eq!(picture["link"], link["link"], "{picture}");

    let decline = json!({"link": code(&due[9]["link"]), "leaveAlone": true, "language": "en"});
    let declined = world.rest.post("/v1/respond:decline", decline).await;
    assert_eq!(declined["leaveAlone"], true, "{declined}");
    let customer = org.rest.get(&format!("/v1/{}", text(&due[9]["invitation"]["customer"]))).await;
    assert!(customer["consents"].as_array().is_none_or(Vec::is_empty), "{customer}");

    let closed = org.rest.post(&format!("/v1/{campaign}:close"), json!({})).await;
    assert_eq!(closed["state"], "CAMPAIGN_STATE_CLOSED");
    let (status, late) =
        answer(&org, code(&due[8]["link"]), &uuid::Uuid::now_v7().to_string()).await;
    assert_eq!((status, &late["reason"]), (400, &json!("SURVEY_CLOSED")));
    let status = patiently("what was not answered to expire", || async {
        let status = org.rest.get(&format!("/v1/{campaign}/fieldwork")).await;
        (int(&status["total"]["expired"]) == 2).then_some(status)
    })
    .await;
    assert_eq!(int(&status["total"]["refused"]), 1, "who said no is not an expired one");
    let rates = &status["rates"];
    assert_eq!((int(&status["total"]["answered"]), int(&status["openResponses"])), (7, 3));
    assert_eq!((rates["rr1"].as_f64(), rates["returnRate"].as_f64()), (Some(0.7), Some(0.7)));
    assert_eq!(rates["meetsTarget"], true, "{status}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_runs_from_sample_to_result_in_one_process_on_sqlite() {
    a_campaign_runs_from_sample_to_result(Shape::OneOnSqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_runs_from_sample_to_result_in_separate_processes_on_postgres() {
    a_campaign_runs_from_sample_to_result(Shape::ManyOnPostgres).await;
}
