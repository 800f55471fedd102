//! Customers of a branch and what belongs to them, and what an organisation says of customers.

use std::collections::BTreeMap;

use e2e::{Org, rest::text};
use serde_json::{Value, json};

use super::place::{fresh, post};

/// A file of one customer, as base64, and its SHA-256.
const FILE: &str = "cGhvbmUKMTM4MDAxMzgwMDAK";
const FILE_SHA256: &str = "bae9c67930ef4c4112b3bb9179eea159e20746953421dfd59a9c246c24cc1f2c";

fn name(answer: &Value) -> String {
    text(&answer["name"]).to_owned()
}

/// A new customer of a branch.
pub fn draft(unit: &str) -> Value {
    json!({"unit": unit, "displayName": fresh()})
}

/// Customers, segments, a trigger, a referral, an import and an erasure.
pub async fn build(org: &Org, unit: &str) -> Vec<(&'static str, String)> {
    let mut words = Vec::new();
    for word in
        ["customer", "customer_to_retire", "new_customer", "other_customer", "erasable_customer"]
    {
        let draft = draft(unit);
        if word == "other_customer" {
            words.push(("customer_name", text(&draft["displayName"]).to_owned()));
        }
        words.push((word, name(&post(org, "/v1/customers", draft).await)));
    }
    let customer = words[0].1.clone();
    for word in ["segment", "segment_to_retire"] {
        let segment = json!({"unit": unit, "displayName": fresh(), "filter": "importance > 0"});
        words.push((word, name(&post(org, "/v1/segments", segment).await)));
    }
    let trigger = json!({
        "unit": unit, "displayName": fresh(), "kind": "INTERACTION_KIND_COMPLAINT",
        "action": "TRIGGER_ACTION_CALL_BACK",
    });
    words.push(("trigger_to_retire", name(&post(org, "/v1/triggers", trigger).await)));
    let referral = org.rest.post(&format!("/v1/{customer}/referrals"), json!({})).await;
    words.push(("referral", name(&referral)));
    let import = json!({
        "unit": unit, "kind": "IMPORT_KIND_CUSTOMERS", "lengthBytes": "18",
        "contentSha256": FILE_SHA256,
    });
    let import = name(&org.rest.post("/v1/customerImports", import).await);
    let part = json!({"contentBase64": FILE});
    org.rest.post(&format!("/v1/{import}:upload"), part).await;
    org.rest.post(&format!("/v1/{import}:run"), json!({})).await;
    words.push(("customer_import", import));
    let gone = name(&org.rest.post("/v1/customers", draft(unit)).await);
    let erasure = org.rest.post(&format!("/v1/{gone}:erase"), json!({})).await;
    words.push(("erasure", name(&erasure)));
    words
}

/// Attribute, classes and competitors.
pub async fn common(org: &Org, words: &mut BTreeMap<String, String>) {
    let attribute = json!({"code": fresh(), "valueType": "ATTRIBUTE_TYPE_TEXT"});
    let attribute = post(org, "/v1/customerAttributes", attribute).await;
    words.insert("customer_attribute".to_owned(), name(&attribute));
    for word in ["customer_class", "class_to_retire"] {
        let class = json!({"code": fresh(), "weight": 1});
        words.insert(word.to_owned(), name(&post(org, "/v1/customerClasses", class).await));
    }
    for word in ["competitor", "competitor_to_retire"] {
        let competitor = json!({"displayName": fresh()});
        let made = post(org, "/v1/competitors", competitor).await;
        words.insert(word.to_owned(), name(&made));
    }
}
