//! A branch with one of everything that can be named in a request.

use std::collections::BTreeMap;

use e2e::{Org, TestDevice, World, patiently, rest::text};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{analytics, customers, fieldwork, questionnaires, responses};

/// Password of everyone whom this scene makes.
pub const PASSWORD: &str = "A good phrase";

/// A branch.
pub struct Place {
    /// Its objects by the words that stand for them in requests.
    pub words: BTreeMap<String, String>,
    /// The device at its first window.
    pub device: TestDevice,
}

/// Twelve characters that nobody used before.
pub fn fresh() -> String {
    let id = Uuid::now_v7().simple().to_string();
    format!("x{}", &id[20..])
}

/// Sends until the services that have to hear of an object have heard of it.
pub async fn post(org: &Org, path: &str, body: Value) -> Value {
    patiently(&format!("POST {path} {body}"), || async {
        let (status, answer) = org.rest.call(Method::POST, path, Some(&body)).await;
        let waiting = matches!(status.as_u16(), 403 | 404);
        assert!(waiting || status.is_success(), "POST {path} {body}: {status} {answer}");
        status.is_success().then_some(answer)
    })
    .await
}

fn name(answer: &Value) -> String {
    text(&answer["name"]).to_owned()
}

/// The session of an access token, as it may be named.
pub fn session_of(token: &str) -> String {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
    let claims = token.split('.').nth(1).unwrap_or_default();
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).expect("a token of three parts");
    let claims: Value = serde_json::from_slice(&claims).expect("claims are JSON");
    format!("sessions/{}", text(&claims["sid"]))
}

impl Place {
    /// Builds a branch below `region`.
    pub async fn build(world: &World, org: &Org, region: &str) -> Self {
        let mut words = BTreeMap::new();
        let mut put = |word: &str, value: String| words.insert(word.to_owned(), value);
        put("organisation", org.name.clone());
        let branch = org.unit(region, "BRANCH", &fresh()).await;
        put("branch", branch.clone());
        let window = org.unit(&branch, "WINDOW", &fresh()).await;
        put("window", window.clone());
        put("on_duty_window", window.clone());
        put("unit_to_retire", org.unit(&branch, "WINDOW", &fresh()).await);
        let department = org.unit(&branch, "DEPARTMENT", &fresh()).await;
        put("spare_window", org.unit(&department, "WINDOW", &fresh()).await);
        let number = fresh();
        put("staff", org.staff(&number, &branch).await);
        put("staff_number", number);
        put("staff_to_retire", org.staff(&fresh(), &branch).await);
        for (word, value) in people(org, &branch).await {
            put(word, value);
        }
        for word in ["client", "client_to_revoke"] {
            let client = json!({
                "displayName": fresh(), "kind": "KIND_PARTNER", "unit": branch,
                "scopes": ["PERMISSION_ORG_READ"],
            });
            put(word, name(&post(org, "/v1/clients", client).await["client"]));
        }
        let questionnaires = questionnaires::build(org, &branch).await;
        for (word, value) in fieldwork::build(org, &branch, &questionnaires[0].1).await {
            put(word, value);
        }
        for (word, value) in questionnaires {
            put(word, value);
        }
        let questionnaire = words["questionnaire"].clone();
        for (word, value) in responses::build(org, &branch, &questionnaire).await {
            words.insert(word.to_owned(), value);
        }
        let mut put = |word: &str, value: String| words.insert(word.to_owned(), value);
        for (word, value) in customers::build(org, &branch).await {
            put(word, value);
        }
        for (word, value) in analytics::build(org, &branch).await {
            put(word, value);
        }
        let device = devices(world, org, &branch, &window, &mut put).await;
        let mut place = Self { words, device };
        place.serve(org).await;
        place
    }

    /// An object of this branch.
    pub fn word(&self, word: &str) -> String {
        let found = self.words.get(word);
        found.unwrap_or_else(|| panic!("nothing stands for {{{word}}}")).clone()
    }

    /// A service with its rating, and a press that cannot be placed.
    async fn serve(&mut self, org: &Org) {
        let sign_in = json!({
            "eventId": Uuid::now_v7(), "window": self.word("window"),
            "staffNumber": self.word("staff_number"),
        });
        post(org, "/v1/shifts:signIn", sign_in).await;
        let id = Uuid::now_v7();
        let event = json!({
            "encounterId": id, "kind": "ENCOUNTER_EVENT_KIND_STARTED", "ticket": fresh(),
        });
        let batch = json!({"events": [event]});
        let answer = self.send("/v1/encounters:batchWrite", &batch).await;
        let encounter = text(&answer["results"][0]["encounter"]).to_owned();
        let press = json!({
            "ratingId": Uuid::now_v7(), "epoch": 1, "sequence": 1, "grade": 5,
            "encounter": encounter, "comment": fresh(),
        });
        self.words.insert("encounter".to_owned(), encounter);
        let answer = self.send("/v1/ratings:batchCreate", &json!({"ratings": [press]})).await;
        self.words.insert("rating".to_owned(), text(&answer["results"][0]["receipt"]).to_owned());
        let held = self.quarantined(org, 2).await;
        self.words.insert("new_quarantined".to_owned(), held);
    }

    /// Sends as the device, which may have been heard of at auth only.
    async fn send(&self, path: &str, body: &Value) -> Value {
        patiently("the device to be known", || async {
            let (status, answer) = self.device.rest.call(Method::POST, path, Some(body)).await;
            let waiting = matches!(status.as_u16(), 403 | 404);
            assert!(waiting || status.is_success(), "{path} {body}: {status} {answer}");
            status.is_success().then_some(answer)
        })
        .await
    }

    /// A press of an unknown template, by its name in quarantine.
    pub async fn quarantined(&self, org: &Org, sequence: u64) -> String {
        let press = json!({
            "ratingId": Uuid::now_v7(), "epoch": 1, "sequence": sequence.to_string(), "grade": 5,
            "template": format!("templates/t_{}", Uuid::now_v7().simple()),
        });
        let answer = self.send("/v1/ratings:batchCreate", &json!({"ratings": [press]})).await;
        assert_eq!(answer["results"][0]["code"], 9, "{answer}");
        let path = format!("/v1/quarantinedRatings?device={}&pageSize=1", self.device.name);
        name(&org.rest.get(&path).await["quarantinedRatings"][0])
    }
}

/// A colleague with an account, a grant and a sign-in.
async fn people(org: &Org, branch: &str) -> Vec<(&'static str, String)> {
    let login = fresh();
    let user = json!({
        "user": {"login": login, "displayName": fresh(), "unit": branch}, "password": PASSWORD,
    });
    let colleague = name(&post(org, "/v1/users", user).await);
    let grant = json!({"subject": colleague, "role": "roles/staff", "unit": branch});
    let grant = name(&post(org, "/v1/grants", grant).await);
    let signed_in = org.rest.sign_in(&org.sign_in.organisation, &login, PASSWORD).await;
    let session = session_of(signed_in.token().unwrap_or_default());
    vec![("colleague", colleague), ("new_grant", grant), ("own_session", session)]
}

async fn devices(
    world: &World,
    org: &Org,
    branch: &str,
    window: &str,
    put: &mut impl FnMut(&str, String) -> Option<String>,
) -> TestDevice {
    let make = |kind: &'static str, unit: String| async move {
        let kind = format!("DEVICE_KIND_{kind}");
        let device = json!({"displayName": fresh(), "kind": kind, "unit": unit});
        name(&post(org, "/v1/devices", device).await["device"])
    };
    // The first one waits until the device service knows the units.
    put("device_to_revoke", make("TABLET", window.to_owned()).await);
    put("device_to_retire", make("TABLET", branch.to_owned()).await);
    put("spare_device", make("TABLET", branch.to_owned()).await);
    put("import_device", make("IMPORT", branch.to_owned()).await);
    let device = world.device(org, window).await;
    put("device", device.name.clone());
    device
}
