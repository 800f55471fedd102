//! From the six-construct template of the library to its indices, and from there to who stayed:
//! copied, published, asked by telephone, estimated, and joined with purchases, over REST.

use e2e::{
    Org, Shape, World, patiently,
    rest::{int, text},
};
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::authorization::place::post;

/// Customers: half of them satisfied, half of them not.
const CUSTOMERS: usize = 30;

fn is_satisfied(number: usize) -> bool {
    number.is_multiple_of(2)
}

fn days_ago(days: i64) -> String {
    let now = Timestamp::now();
    now.checked_sub((24 * days).hours()).expect("a moment of our time").to_string()
}

async fn customers(org: &Org) -> Vec<String> {
    let mut names = Vec::new();
    for number in 0..CUSTOMERS {
        let customer = json!({
            "unit": org.headquarters, "displayName": format!("顾客{number}"),
            "externalId": format!("K{number}"), "phone": format!("138001380{number:02}"),
        });
        let made = post(org, "/v1/customers", customer).await;
        let consent = json!({"purpose": "CONSENT_PURPOSE_SURVEY", "given": true, "source": "form"});
        org.rest.post(&format!("/v1/{}:setConsent", text(&made["name"])), consent).await;
        names.push(text(&made["name"]).to_owned());
    }
    names
}

/// Answers that hang together; one customer in five has complained, and only these are asked
/// how that was handled.
fn answers(form: &Value, number: usize) -> Value {
    let mut answers = Vec::new();
    let mood = if is_satisfied(number) { 8 } else { 3 };
    for (place, question) in form["sections"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|section| section["questions"].as_array().cloned().unwrap_or_default())
        .enumerate()
    {
        let id = text(&question["id"]).to_owned();
        let complained = number.is_multiple_of(5);
        match id.as_str() {
            "complained" => {
                let said = if complained { "yes" } else { "no" };
                answers.push(json!({"question": id, "options": {"ids": [said]}}));
            }
            "complaint_handling" if !complained => {}
            "satisfaction_overall" => answers.push(json!({"question": id, "grade": mood})),
            "complaint_cause" => {
                let grade = 10 - mood + number % 3;
                answers.push(json!({"question": id, "grade": grade}));
            }
            _ => {
                let grade = mood + (number * (place + 3) / 2 + place) % 3;
                answers.push(json!({"question": id, "grade": grade}));
            }
        }
    }
    answers.into()
}

async fn bought(org: &Org, customer: &str, days: i64) {
    let purchase = json!({
        "itemId": Uuid::now_v7(), "customer": customer, "time": days_ago(days),
        "amountCents": "1000",
    });
    let batch = json!({"purchases": [purchase]});
    let answer = org.rest.post("/v1/purchases:batchRecord", batch).await;
    assert_eq!(int(&answer["results"][0]["code"]), 0, "{answer}");
}

/// The questionnaire, answered forty days ago by everybody.
async fn answered(org: &Org) -> String {
    let copy = json!({"template": "acsi", "unit": org.headquarters});
    let made = post(org, "/v1/questionnaires:copy", copy).await;
    let questionnaire = text(&made["name"]).to_owned();
    org.rest.post(&format!("/v1/{questionnaire}:publish"), json!({"etag": made["etag"]})).await;
    let campaign = json!({
        "unit": org.headquarters, "displayName": "六变量", "questionnaire": questionnaire,
        "channels": ["RESPONSE_CHANNEL_PHONE"],
    });
    let campaign = text(&post(org, "/v1/campaigns", campaign).await["name"]).to_owned();
    let customers = customers(org).await;
    let invite = json!({"customers": customers, "channel": "RESPONSE_CHANNEL_PHONE"});
    let invited = org.rest.post(&format!("/v1/{campaign}/invitations"), invite).await;
    let invitations = invited["invitations"].as_array().cloned().unwrap_or_default();
    assert_eq!(invitations.len(), CUSTOMERS, "{invited}");
    org.rest.post(&format!("/v1/{campaign}:open"), json!({})).await;
    for (number, invitation) in invitations.iter().enumerate() {
        let form = json!({
            "submissionId": Uuid::now_v7(), "channel": "RESPONSE_CHANNEL_PHONE",
            "invitation": invitation["name"], "answers": answers(&made["definition"], number),
            "answerTime": days_ago(40),
        });
        org.rest.post(&format!("/v1/{campaign}/responses"), form).await;
        bought(org, &customers[number], 50).await;
        // Nine in ten of the satisfied come back, and one in five of the others.
        if is_satisfied(number) && number != 4 || number % 10 == 1 {
            bought(org, &customers[number], 30).await;
        }
    }
    questionnaire
}

/// What a figure says is behind it leads there.
async fn explained(org: &Org, from: &str, to: &str) {
    let ask = json!({
        "unit": org.headquarters, "from": from, "to": to,
        "source": "FIGURE_SOURCE_QUESTIONNAIRES", "filter": {"includeDistrusted": true},
    });
    let found = org.rest.post("/v1/figures:explain", ask).await;
    let list = &found["drillDown"][0];
    assert_eq!(list["allowed"], true, "{found}");
    let behind = org.rest.get(text(&list["path"])).await;
    assert_eq!(behind["responses"].as_array().map(Vec::len), Some(CUSTOMERS), "{list}");
}

async fn six_constructs_and_who_stayed(shape: Shape) {
    let world = World::start(shape).await;
    let org = world.organisation().await;
    let questionnaire = answered(&org).await;
    let day = |days: i64| days_ago(days)[..10].to_owned();
    let selection = json!({
        "questionnaire": questionnaire, "from": day(45), "to": day(35), "includeDistrusted": true,
    });
    let ask = json!({
        "unit": org.headquarters, "answers": selection, "bootstrapResamples": 50, "seed": "1",
    });
    let found = patiently("the answers to be counted", || async {
        let found = org.rest.post("/v1/latentIndices:estimate", ask.clone()).await;
        (int(&found["n"]) == CUSTOMERS as i64).then_some(found)
    })
    .await;
    assert_eq!(found["reason"].as_str().unwrap_or_default(), "", "{found}");
    let constructs = found["constructs"].as_array().cloned().unwrap_or_default();
    assert_eq!(constructs.len(), 6, "{found}");
    for construct in &constructs {
        let index = construct["index"].as_f64().expect("an index");
        assert!((20.0..=90.0).contains(&index), "{construct}");
        assert!(construct["low"].as_f64() <= Some(index), "{construct}");
    }
    let items = constructs[4]["items"].as_array().map(Vec::len);
    assert_eq!((text(&constructs[4]["construct"]), items), ("CONSTRUCT_COMPLAINTS", Some(1)));
    assert_eq!(found["paths"].as_array().map(Vec::len), Some(9));

    let ask = json!({
        "unit": org.headquarters, "answers": selection, "item": "satisfaction_overall",
        "followUpDays": 20,
    });
    let found = org.rest.post("/v1/retention:compute", ask).await;
    let row = |at: usize| &found["rows"][at];
    let retained = |at: usize| (int(&row(at)["grade"]), int(&row(at)["retained"]));
    assert_eq!((retained(0), retained(1)), ((3, 3), (8, 14)), "{found}");
    assert_eq!(int(&row(1)["earlierBuyers"]), 15, "{found}");
    assert!(found["link"]["rho"].as_f64() > Some(0.5), "{found}");
    assert!(found["link"]["oddsRatio"].as_f64() > Some(1.0), "{found}");
    explained(&org, &day(45), &day(35)).await;
    let ask = json!({"unit": org.headquarters, "answers": selection});
    let found = org.rest.post("/v1/reliability:retest", ask).await;
    assert_eq!(found["reason"], "no_data", "nobody answered twice: {found}");
    let ask = json!({"method": "descriptive.summary", "input": {"values": [1, 2, 3, 4]}});
    let found = org.rest.post("/v1/measures:compute", ask).await;
    assert_eq!(found["result"]["mean"], json!(2.5), "a method by its name: {found}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn six_constructs_and_who_stayed_in_one_process_on_sqlite() {
    six_constructs_and_who_stayed(Shape::OneOnSqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn six_constructs_and_who_stayed_in_separate_processes_on_postgres() {
    six_constructs_and_who_stayed(Shape::ManyOnPostgres).await;
}
