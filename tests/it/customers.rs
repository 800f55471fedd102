//! Customers from a file to their loyalty and their erasure, over REST.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use e2e::{
    Org, Shape, World, patiently,
    rest::{int, text},
};
use reqwest::Method;
use serde_json::{Value, json};

const FILE: &str = "number;name;phone;city\r\n\
    K1;李雷;13800138000;beijing\r\n\
    K2;韩梅梅;13900139000;shanghai\r\n\
    K3;Li Lei;+86 138 0013 8000;beijing\r\n\
    K4;错;1;beijing\r\n";

const FILE_SHA256: &str = "26b1bded790ed4e824cf5773b28d0a9077bb17730ff6897581fd4714474e399d";

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

async fn imported(org: &Org) -> Value {
    let column = |header: &str, field: &str| json!({"header": header, "field": field});
    let import = json!({
        "unit": org.headquarters, "kind": "IMPORT_KIND_CUSTOMERS", "separator": ";",
        "lengthBytes": FILE.len().to_string(), "contentSha256": FILE_SHA256,
        "columns": [
            column("number", "external_id"), column("name", "display_name"),
            column("phone", "phone"), column("city", "attr.city"),
        ],
    });
    let made = org.rest.post("/v1/customerImports", import.clone()).await;
    let name = text(&made["name"]).to_owned();
    for (index, part) in FILE.as_bytes().chunks(40).enumerate() {
        let part = json!({
            "offsetBytes": (index * 40).to_string(),
            "contentBase64": BASE64_STANDARD.encode(part),
        });
        org.rest.post(&format!("/v1/{name}:upload"), part).await;
    }
    org.rest.post(&format!("/v1/{name}:run"), json!({})).await;
    let done = patiently("the import", || async {
        let now = org.rest.get(&format!("/v1/{name}")).await;
        (now["state"] == "IMPORT_STATE_DONE").then_some(now)
    })
    .await;
    let again = org.rest.post("/v1/customerImports", import).await;
    assert_eq!(again, done, "the same file is the same import");
    done
}

async fn find(org: &Org, external_id: &str) -> Value {
    let found = org.rest.post("/v1/customers:find", json!({"externalId": external_id})).await;
    found["customers"][0].clone()
}

async fn customers_from_a_file_to_their_erasure(shape: Shape) {
    let world = World::start(shape).await;
    let org = world.organisation().await;
    let city = json!({"code": "city", "valueType": "ATTRIBUTE_TYPE_TEXT"});
    post(&org, "/v1/customerAttributes", city).await;
    let done = imported(&org).await;
    let counts = ["rowCount", "createdCount", "errorCount"].map(|count| int(&done[count]));
    assert_eq!(counts, [4, 3, 1], "{done}");
    let errors = org.rest.get(&format!("/v1/{}/errors", text(&done["name"]))).await;
    assert_eq!(int(&errors["errors"][0]["line"]), 5, "{errors}");
    assert_eq!(errors["errors"][0]["header"], "phone");

    let check = json!({"filter": "attr.city = 'beijing' and purchase_count = 0"});
    let found = org.rest.post("/v1/segments:check", check).await;
    assert_eq!((int(&found["count"]), int(&found["of"])), (2, 3), "{found}");
    let twins = org.rest.get("/v1/customers:duplicates").await;
    let (stay, other) = (&twins["groups"][0]["customers"][0], &twins["groups"][0]["customers"][1]);
    let path = format!("/v1/{}:merge", text(stay));
    org.rest.post(&path, json!({"other": other})).await;
    let li = find(&org, "K3").await;
    assert_eq!(&li["name"], stay, "the number of the merged one leads to the one that stayed");

    let purchase = |id: &str, number: &str| {
        json!({
            "itemId": id, "externalId": number, "time": "2026-01-05T02:00:00Z",
            "amountCents": "1250",
        })
    };
    let batch =
        json!({"purchases": [purchase("1", "K1"), purchase("2", "K3"), purchase("3", "no")]});
    for repeated in [false, true] {
        let answer = org.rest.post("/v1/purchases:batchRecord", batch.clone()).await;
        let result = |at: usize| answer["results"][at].clone();
        assert_eq!(result(0)["repeatedItem"].as_bool().unwrap_or(false), repeated, "{answer}");
        assert_eq!(result(2)["reason"], "NOT_FOUND");
    }
    let ask = json!({"from": "2026-01-01", "to": "2026-02-01"});
    let before = org.rest.post("/v1/loyalty:query", ask.clone()).await;
    assert_eq!((int(&before["purchaseCount"]), int(&before["amountCents"])), (2, 2500));

    let name = text(stay);
    let export = org.rest.post(&format!("/v1/{name}:export"), json!({})).await;
    assert!(["李雷", "Li Lei"].contains(&text(&export["data"]["customer"]["displayName"])));
    for part in ["13800138000", "+86 138 0013 8000", "K1", "K3"] {
        assert!(text(&export["csv"]).contains(part), "{part}: {export}");
    }
    let hold = json!({"hold": true, "reason": "court"});
    org.rest.post(&format!("/v1/{name}:setLegalHold"), hold).await;
    let erase = format!("/v1/{name}:erase");
    let (status, held) = org.rest.call(Method::POST, &erase, Some(&json!({}))).await;
    assert_eq!((status.as_u16(), &held["reason"]), (400, &json!("WRONG_STATE")));
    org.rest.post(&format!("/v1/{name}:setLegalHold"), json!({"hold": false})).await;
    let certificate = org.rest.post(&erase, json!({"reason": "asked for"})).await;
    let again = org.rest.post(&erase, json!({"reason": "asked for"})).await;
    assert_eq!(certificate, again);
    let (status, _) = org.rest.call(Method::GET, &format!("/v1/{name}"), None).await;
    assert_eq!(status.as_u16(), 404);
    let after = org.rest.post("/v1/loyalty:query", ask).await;
    assert_eq!(after["amountCents"], before["amountCents"], "totals stay");
    let late = org.rest.post("/v1/purchases:batchRecord", batch).await;
    assert_eq!(late["results"][0]["reason"], "WRONG_STATE", "{late}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_from_a_file_to_their_erasure_in_one_process_on_sqlite() {
    customers_from_a_file_to_their_erasure(Shape::OneOnSqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_from_a_file_to_their_erasure_in_separate_processes_on_postgres() {
    customers_from_a_file_to_their_erasure(Shape::ManyOnPostgres).await;
}
