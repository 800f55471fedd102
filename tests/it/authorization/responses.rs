//! An open campaign of a branch, with a link and a response.

use e2e::{Org, rest::text};
use serde_json::{Value, json};
use uuid::Uuid;

use super::place::{fresh, post};

/// What requests on responses name.
pub async fn build(org: &Org, unit: &str, questionnaire: &str) -> Vec<(&'static str, String)> {
    let campaign = campaign(org, unit, questionnaire, json!({})).await;
    let link = link(org, &campaign, -1).await;
    let started = org.rest.post("/v1/respond:start", json!({"link": link})).await;
    let submission = Uuid::now_v7().to_string();
    let submit = |link: &str, submission: &str| {
        let answers = json!([{"question": "recommend", "grade": 7}]);
        json!({
            "link": link, "submissionId": submission, "answers": answers,
            "browserToken": "the same",
        })
    };
    let receipt = org.rest.post("/v1/respond:submit", submit(&link, &submission)).await;
    let browser_link = self::link(org, &campaign, 1).await;
    let invite = json!({"unnamed": 1, "channel": "RESPONSE_CHANNEL_PERSONAL_LINK"});
    let invited = org.rest.post(&format!("/v1/{campaign}/invitations"), invite).await;
    let used_link = code_of(text(&invited["links"][0]));
    for link in [&browser_link, &used_link] {
        let submission = Uuid::now_v7().to_string();
        org.rest.post("/v1/respond:submit", submit(link, &submission)).await;
    }
    let closed = self::campaign(org, unit, questionnaire, json!({})).await;
    let closed_link = self::link(org, &closed, -1).await;
    org.rest.post(&format!("/v1/{closed}:close"), json!({})).await;
    let later = json!({"openTime": "2099-01-01T00:00:00Z"});
    let later = self::campaign(org, unit, questionnaire, later).await;
    vec![
        ("response_campaign", campaign),
        ("respond_link", link),
        ("respond_session", text(&started["session"]).to_owned()),
        ("respond_submission", submission),
        ("response", text(&receipt["receipt"]).to_owned()),
        ("browser_link", browser_link),
        ("used_link", used_link),
        ("closed_link", closed_link),
        ("later_link", self::link(org, &later, -1).await),
    ]
}

/// A campaign that is open.
async fn campaign(org: &Org, unit: &str, questionnaire: &str, more: Value) -> String {
    let channels = ["OPEN_LINK", "PHONE", "IMPORT", "PERSONAL_LINK"];
    let channels = channels.map(|channel| format!("RESPONSE_CHANNEL_{channel}"));
    let mut campaign = json!({
        "unit": unit, "displayName": fresh(), "questionnaire": questionnaire,
        "channels": channels,
    });
    if let (Value::Object(campaign), Value::Object(more)) = (&mut campaign, more) {
        campaign.extend(more);
    }
    let name = text(&post(org, "/v1/campaigns", campaign).await["name"]).to_owned();
    org.rest.post(&format!("/v1/{name}:open"), json!({})).await;
    name
}

/// The code of a new link.
async fn link(org: &Org, campaign: &str, browser_max: i32) -> String {
    let link = json!({
        "channel": "RESPONSE_CHANNEL_OPEN_LINK", "minuteMax": 10_000, "browserMax": browser_max,
    });
    let link = org.rest.post(&format!("/v1/{campaign}/links"), link).await;
    code_of(text(&link["link"]))
}

fn code_of(link: &str) -> String {
    link.rsplit('/').next().unwrap_or_default().to_owned()
}
