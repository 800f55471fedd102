//! What is held on one person, everywhere: after an erasure no file of any database, no log of
//! pages and no log of a program holds a name, a number or a word of that person (guarantee P1),
//! and figures stay as they were (H18).

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use e2e::{
    Org, Shape, World, patiently,
    processes::Part,
    rest::{int, text},
};
use reqwest::Method;
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    authorization::place::post,
    responding::{code_of, fieldwork},
};

/// What would tell of the person, each unlike anything else on this machine.
struct Canary {
    name: String,
    phone: String,
    email: String,
    /// Address, note, remarks, and what was written in answers.
    words: Vec<String>,
}

impl Canary {
    fn new() -> Self {
        let word = |what: &str| format!("{what}-{}", Uuid::new_v4().simple());
        let digits = Uuid::new_v4().as_u128() % 100_000_000;
        Self {
            name: word("Kanari"),
            phone: format!("137{digits:08}"),
            email: format!("{}@example.org", Uuid::new_v4().simple()),
            words: ["street", "note", "consent", "order", "draft", "text", "refused"]
                .map(word)
                .into(),
        }
    }

    fn all(&self) -> Vec<&str> {
        let words = self.words.iter().map(String::as_str);
        [self.name.as_str(), &self.phone, &self.email].into_iter().chain(words).collect()
    }
}

/// A customer with everything that can be said of one.
async fn person(org: &Org, unit: &str, canary: &Canary) -> String {
    let customer = json!({
        "unit": unit, "displayName": canary.name, "phone": canary.phone, "email": canary.email,
        "address": canary.words[0], "note": canary.words[1],
    });
    let name = text(&post(org, "/v1/customers", customer).await["name"]).to_owned();
    let consent = json!({
        "purpose": "CONSENT_PURPOSE_SURVEY", "given": true, "source": canary.words[2],
    });
    org.rest.post(&format!("/v1/{name}:setConsent"), consent).await;
    let interaction = json!({
        "itemId": Uuid::now_v7(), "customer": name, "kind": "INTERACTION_KIND_ORDER",
        "time": "2026-01-05T02:00:00Z", "reference": canary.words[3], "note": canary.words[1],
    });
    let batch = json!({"interactions": [interaction]});
    org.rest.post("/v1/interactions:batchRecord", batch).await;
    name
}

/// The person saves a draft, then answers by a personal link.
async fn answered(
    world: &World,
    org: &Org,
    (branch, customer): (&str, &str),
    canary: &Canary,
) -> String {
    let fieldwork = fieldwork(org, branch).await;
    let invite = json!({"customers": [customer], "channel": "RESPONSE_CHANNEL_PERSONAL_LINK"});
    let path = format!("/v1/{}/invitations", fieldwork.campaign);
    let invited = org.rest.post(&path, invite).await;
    let invitation = text(&invited["invitations"][0]["name"]).to_owned();
    let contact = org.rest.get(&format!("/v1/{invitation}/contact")).await;
    assert_eq!(text(&contact["email"]), canary.email);
    let link = code_of(text(&contact["link"]));
    let started = world.rest.post("/v1/respond:start", json!({"link": link})).await;
    let grade = json!({"question": "recommend", "grade": 3});
    let answers = |words: &str| json!([grade, {"question": "words", "text": words}]);
    let mut body = json!({
        "link": link, "session": started["session"], "answers": answers(&canary.words[4]),
    });
    world.rest.post("/v1/respond:save", body.clone()).await;
    body["answers"] = answers(&canary.words[5]);
    body["submissionId"] = json!(Uuid::now_v7());
    let receipt = world.rest.post("/v1/respond:submit", body).await;
    // A wrong call says nothing of what was in it either.
    let wrong = json!({"link": link, "submissionId": "x", "answers": answers(&canary.words[6])});
    let (status, _) = world.rest.call(Method::POST, "/v1/respond:submit", Some(&wrong)).await;
    assert_eq!(status.as_u16(), 400);
    text(&receipt["receipt"]).to_owned()
}

async fn counted(org: &Org, unit: &str) -> Value {
    let ask = json!({
        "source": "FIGURE_SOURCE_QUESTIONNAIRES", "groupBy": ["GROUP_BY_ITEM"],
        "filter": {"includeDistrusted": true},
    });
    let figures = patiently("the answer to be counted", || async {
        let figures = org.figures(unit, ask.clone()).await;
        (int(&figures["total"]["responses"]) == 1).then_some(figures)
    })
    .await;
    figures["rows"].clone()
}

/// The folders in which the databases of the suite keep their files, logs of pages included.
async fn folders(world: &World) -> Vec<PathBuf> {
    let urls = &world.databases;
    let mut found = Vec::new();
    for url in [&urls.auth, &urls.device, &urls.survey, &urls.analytics] {
        if let Some(path) = url.strip_prefix("sqlite://") {
            found.push(Path::new(path).parent().expect("a folder").to_owned());
            continue;
        }
        let conn = Database::connect(url.as_str()).await.expect("the database answers");
        conn.execute_unprepared("CHECKPOINT").await.expect("pages are written");
        conn.close().await.expect("it ends");
        let folder = std::env::var("MANYI_TEST_POSTGRES_DIR")
            .expect("the folder that tests/scripts/postgres.sh start names");
        found = vec![Path::new(&folder).join("data")];
    }
    found
}

/// Files in these folders that hold one of these words.
///
/// # Panics
/// When they cannot be searched.
fn search(folders: &[PathBuf], words: &[&str]) -> Vec<String> {
    let mut grep = Command::new("grep");
    // As bytes, in every file; one that goes while it is looked at is no matter.
    grep.env("LC_ALL", "C").args(["-r", "-l", "-a", "-s", "-F"]);
    words.iter().for_each(|word| {
        grep.args(["-e", word]);
    });
    let output = grep.arg("--").args(folders).output().expect("grep can be run");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

async fn nothing_is_left_of_a_person(shape: Shape) {
    let mut world = World::start(shape).await;
    let org = world.organisation().await;
    let canary = Canary::new();
    let control = format!("control-{}", Uuid::new_v4().simple());
    let branch = org.unit(&org.headquarters, "BRANCH", &control).await;
    let customer = person(&org, &branch, &canary).await;
    let receipt = answered(&world, &org, (&branch, &customer), &canary).await;
    let before = counted(&org, &branch).await;
    let export = org.rest.post(&format!("/v1/{customer}:export"), json!({})).await;
    // Neither what a later answer took the place of, nor what was refused, is held.
    let not_held = [&canary.words[4], &canary.words[6]];
    for word in canary.all().into_iter().filter(|word| not_held.iter().all(|not| not != word)) {
        assert!(text(&export["csv"]).contains(word), "{word} is not in {export}");
    }
    assert_clean(&mut world, &canary, &control).await;
    org.rest.post(&format!("/v1/{customer}:erase"), json!({"reason": "asked for"})).await;
    let stored = org.rest.get(&format!("/v1/{receipt}")).await;
    assert_eq!((int(&stored["answers"][0]["grade"]), &stored["answers"][1]), (3, &Value::Null));
    assert_eq!(counted(&org, &branch).await, before, "no figure changed");
    assert_clean(&mut world, &canary, &control).await;
    world.stop().await;
}

async fn assert_clean(world: &mut World, canary: &Canary, control: &str) {
    let folders = folders(world).await;
    assert_eq!(search(&folders, &canary.all()), [""; 0], "files with words of the person");
    let found = search(&folders, &[control]);
    assert!(!found.is_empty(), "the control: a look that finds nothing proves nothing");
    for part in Part::ALL {
        let log = world.processes().log(part);
        assert!(!log.is_empty(), "{part:?} logs");
        let told: Vec<&str> = canary.all().into_iter().filter(|word| log.contains(word)).collect();
        assert_eq!(told, [""; 0], "words of the person in the log of {part:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_an_erased_person_in_any_file_on_sqlite() {
    nothing_is_left_of_a_person(Shape::ManyOnSqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_an_erased_person_in_any_file_on_postgres() {
    nothing_is_left_of_a_person(Shape::ManyOnPostgres).await;
}
