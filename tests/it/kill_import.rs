//! The survey service dies at every step of taking customers in and of inviting those whom a
//! trigger called for: each customer is there once, the report of the import is right, and each
//! interaction has invited once.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use e2e::{
    Org, Shape, World, patiently,
    processes::Part,
    rest::{int, text},
    wait,
};
use kit::{auth::InternalTokens, rpc::bearer};
use prost::Message as _;
use proto::{
    common::v1::ListEventsRequest,
    survey::v1::{Events, event::Change, event_service_client::EventServiceClient},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::responding::fieldwork;

/// Several groups of rows, the last one not full.
const CUSTOMERS: usize = 6_400;
/// Every so many rows one is refused, and another repeats a customer of an earlier group.
const BAD: usize = 400;
/// More than one batch of invitations.
const DELIVERIES: usize = 450;
const PART: usize = 64 << 10;
/// An import stays with a process that died until its lease ends.
const DONE_MAX: Duration = Duration::from_secs(90);

/// The file, and how many of its rows are new, known and refused.
fn customers() -> (String, [i64; 3]) {
    let mut csv = "external_id,display_name,phone,consent_survey\n".to_owned();
    let (mut created, mut known, mut refused) = (0, 0, 0);
    for i in 0..CUSTOMERS {
        let (number, phone) = match i % BAD {
            7 => (i, "1".to_owned()),
            9 if i > BAD => (0, format!("+86138{:08}", 0)),
            _ => (i, format!("+86138{i:08}")),
        };
        match i % BAD {
            7 => refused += 1,
            9 if i > BAD => known += 1,
            _ => created += 1,
        }
        let _ = writeln!(csv, "C{number},Customer {number},{phone},true");
    }
    (csv, [created, known, refused])
}

fn deliveries() -> String {
    let mut csv = "item_id,external_id,kind,time,node\n".to_owned();
    let now = jiff::Timestamp::now();
    for i in 0..DELIVERIES {
        // Numbers that were not refused.
        let number = 10 + i + i / (BAD - 20) * 20;
        let _ = writeln!(csv, "D{i},C{number},delivery,{now},installed");
    }
    csv
}

/// Declares and sends a file; its name.
async fn sent(org: &Org, kind: &str, csv: &str) -> String {
    let sum = Sha256::digest(csv.as_bytes());
    let import = json!({
        "unit": org.headquarters,
        "kind": kind,
        "lengthBytes": csv.len().to_string(),
        "contentSha256": sum.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
    });
    let made = org.rest.post("/v1/customerImports", import).await;
    let name = text(&made["name"]).to_owned();
    for (index, part) in csv.as_bytes().chunks(PART).enumerate() {
        let part = json!({
            "offsetBytes": (index * PART).to_string(),
            "contentBase64": BASE64_STANDARD.encode(part),
        });
        org.rest.post(&format!("/v1/{name}:upload"), part).await;
    }
    name
}

/// Starts the service so that it dies there, waits until it did, and starts it again.
async fn die_at(world: &mut World, point: &str, time: u32) {
    let processes = world.processes();
    processes.set(Part::Survey, "MANYI_CRASH_POINT", &format!("{point}:{time}"));
    processes.restart(Part::Survey).await;
    processes.wait_until_dead(Part::Survey).await;
    processes.unset(Part::Survey, "MANYI_CRASH_POINT");
}

async fn ended(org: &Org, name: &str) -> Value {
    wait::until("the end of the import", DONE_MAX, || async {
        let (status, now) = org.rest.call(reqwest::Method::GET, &format!("/v1/{name}"), None).await;
        (status.is_success() && now["state"] == "IMPORT_STATE_DONE").then_some(now)
    })
    .await
}

/// All items of a list, page by page.
async fn all(org: &Org, path: &str, key: &str) -> Vec<Value> {
    let (mut items, mut token) = (Vec::new(), String::new());
    loop {
        let page = org.rest.get(&format!("{path}pageSize=1000&pageToken={token}")).await;
        items.extend(page[key].as_array().cloned().unwrap_or_default());
        token = page["nextPageToken"].as_str().unwrap_or_default().to_owned();
        if token.is_empty() {
            return items;
        }
    }
}

fn counted(items: &[Value], key: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(text(&item[key]).to_owned()).or_default() += 1;
    }
    counts
}

async fn take_customers_in(world: &mut World, org: &Org) {
    let (csv, [created, known, refused]) = customers();
    let name = sent(org, "IMPORT_KIND_CUSTOMERS", &csv).await;
    org.rest.post(&format!("/v1/{name}:run"), json!({})).await;
    for (number, point) in survey::IMPORT_CRASH_POINTS.into_iter().enumerate() {
        // Once in the first group, then in later ones; the last point comes but once.
        let last = number + 1 == survey::IMPORT_CRASH_POINTS.len();
        die_at(world, point, if last || number == 0 { 1 } else { 2 }).await;
    }
    world.processes().restart(Part::Survey).await;
    world.wait_until_ready().await;
    let done = ended(org, &name).await;
    let counts = ["rowCount", "createdCount", "errorCount"].map(|key| int(&done[key]));
    let rows = i64::try_from(CUSTOMERS).unwrap();
    assert_eq!(counts, [rows, created, refused], "{done}");
    let others = int(&done["updatedCount"]) + int(&done["unchangedCount"]);
    assert_eq!(others, known, "{done}");
    let customers = all(org, "/v1/customers?", "customers").await;
    let numbers = counted(&customers, "externalId");
    assert!(numbers.values().all(|count| *count == 1), "a customer is there twice");
    assert_eq!(i64::try_from(numbers.len()).unwrap(), created);
    let errors = all(org, &format!("/v1/{name}/errors?"), "errors").await;
    let lines = counted(&errors, "line");
    assert_eq!(i64::try_from(lines.len()).unwrap(), refused, "{errors:?}");
    assert!(lines.values().all(|count| *count == 1), "{errors:?}");
}

/// How often the feed tells that each invitation is due.
async fn told(world: &mut World) -> BTreeMap<String, usize> {
    let address = world.processes().address_of(Part::Survey);
    let tokens = InternalTokens::new(&world.seed.0);
    let mut client = EventServiceClient::new(kit::rpc::connect(&address).unwrap());
    let (mut after, mut told) = (String::new(), BTreeMap::new());
    loop {
        let ask = ListEventsRequest { after: after.clone(), page_size: 500 };
        let page = client.list_events(bearer(ask, &tokens.internal())).await.unwrap().into_inner();
        for group in page.groups {
            for event in Events::decode(group.events).unwrap().items {
                if let Some(Change::InvitationDue(due)) = event.change {
                    *told.entry(due.invitation).or_default() += 1;
                }
            }
        }
        if page.at_end {
            return told;
        }
        after = page.next;
    }
}

async fn invite(world: &mut World, org: &Org) {
    let campaign = fieldwork(org, &org.headquarters).await.campaign;
    let trigger = json!({
        "unit": org.headquarters, "displayName": "安装后", "kind": "INTERACTION_KIND_DELIVERY",
        "node": "installed", "action": "TRIGGER_ACTION_SURVEY", "campaign": campaign,
    });
    org.rest.post("/v1/triggers", trigger).await;
    let name = sent(org, "IMPORT_KIND_INTERACTIONS", &deliveries()).await;
    let [first, rest @ ..] = survey::TRIGGER_CRASH_POINTS;
    let processes = world.processes();
    processes.set(Part::Survey, "MANYI_CRASH_POINT", &format!("{first}:1"));
    processes.restart(Part::Survey).await;
    world.wait_until_ready().await;
    patiently("the import to start", || async {
        let path = format!("/v1/{name}:run");
        let (status, _) = org.rest.call(reqwest::Method::POST, &path, Some(&json!({}))).await;
        status.is_success().then_some(())
    })
    .await;
    world.processes().wait_until_dead(Part::Survey).await;
    for point in rest {
        die_at(world, point, 1).await;
    }
    world.processes().restart(Part::Survey).await;
    world.wait_until_ready().await;
    let done = ended(org, &name).await;
    let wanted = i64::try_from(DELIVERIES).unwrap();
    assert_eq!([int(&done["createdCount"]), int(&done["errorCount"])], [wanted, 0], "{done}");
    let path = "/v1/triggers:due?showDone=true&";
    let due = wait::until("all to be invited", DONE_MAX, || async {
        let due = all(org, path, "dueTriggers").await;
        due.iter().all(|due| due["outcome"] == "TRIGGER_OUTCOME_INVITED").then_some(due)
    })
    .await;
    assert_eq!(due.len(), DELIVERIES);
    let invited = all(org, &format!("/v1/{campaign}/invitations?"), "invitations").await;
    assert_eq!(invited.len(), DELIVERIES);
    let customers = counted(&invited, "customer");
    assert!(customers.values().all(|count| *count == 1), "somebody is invited twice");
    let told = told(world).await;
    assert_eq!(told.len(), DELIVERIES);
    assert!(told.values().all(|count| *count == 1), "an invitation is due twice");
}

async fn die_at_every_point(shape: Shape) {
    let mut world = World::start(shape).await;
    let org = world.organisation().await;
    patiently("the survey service to know the organisation", || async {
        let (status, _) = org.rest.call(reqwest::Method::GET, "/v1/customers", None).await;
        status.is_success().then_some(())
    })
    .await;
    take_customers_in(&mut world, &org).await;
    invite(&mut world, &org).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_at_each_step_of_an_import_loses_and_doubles_nothing_on_sqlite() {
    die_at_every_point(Shape::ManyOnSqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_at_each_step_of_an_import_loses_and_doubles_nothing_on_postgres() {
    die_at_every_point(Shape::ManyOnPostgres).await;
}
