//! Plans, campaigns and invitations of a branch.

use e2e::{Org, rest::text};
use serde_json::{Value, json};

use super::place::{fresh, post};

/// A new draft of a campaign that can be drawn and opened.
pub fn draft(unit: &str, questionnaire: &str) -> Value {
    json!({
        "unit": unit, "displayName": fresh(), "questionnaire": questionnaire,
        "channels": ["RESPONSE_CHANNEL_PHONE", "RESPONSE_CHANNEL_QR_CODE"],
        "sampling": {"method": "SAMPLING_METHOD_CENSUS"},
    })
}

fn name(answer: &Value) -> String {
    text(&answer["name"]).to_owned()
}

async fn opened(org: &Org, unit: &str, questionnaire: &str) -> String {
    let campaign = name(&post(org, "/v1/campaigns", draft(unit, questionnaire)).await);
    org.rest.post(&format!("/v1/{campaign}:drawSample"), json!({})).await;
    org.rest.post(&format!("/v1/{campaign}:open"), json!({})).await;
    campaign
}

/// Two plans; open campaigns and a draft; an invitation and two links.
pub async fn build(org: &Org, unit: &str, questionnaire: &str) -> Vec<(&'static str, String)> {
    let mut words = Vec::new();
    for word in ["plan", "plan_to_retire"] {
        let calendar = json!({"cadence": "CADENCE_YEARLY", "firstDate": "2027-05-10"});
        let plan = json!({"unit": unit, "displayName": fresh(), "calendar": calendar});
        words.push((word, name(&post(org, "/v1/plans", plan).await)));
    }
    let campaign = opened(org, unit, questionnaire).await;
    let one = json!({"unnamed": 1, "channel": "RESPONSE_CHANNEL_PHONE"});
    let made = org.rest.post(&format!("/v1/{campaign}/invitations"), one).await;
    words.push(("invitation", name(&made["invitations"][0])));
    for word in ["link", "link_to_revoke"] {
        let link = json!({"channel": "RESPONSE_CHANNEL_QR_CODE", "displayName": fresh()});
        let link = org.rest.post(&format!("/v1/{campaign}/links"), link).await;
        words.push((word, name(&link)));
    }
    words.push(("campaign", campaign));
    words.push(("campaign_to_close", opened(org, unit, questionnaire).await));
    let spare = post(org, "/v1/campaigns", draft(unit, questionnaire)).await;
    words.push(("new_campaign", name(&spare)));
    words
}
