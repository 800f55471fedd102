//! The survey service dies at every step of submitting and of importing (crash points V1–V3),
//! and every answer that was acknowledged is stored once, told to the feed once and counted
//! once, and no personal link is used up without an answer (guarantees S1, S2).

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use e2e::{
    Org, Rest, Shape, World,
    processes::Part,
    rest::{int, text},
};
use kit::{auth::InternalTokens, rpc::bearer};
use prost::Message as _;
use proto::{
    common::v1::ListEventsRequest,
    survey::v1::{Events, event::Change, event_service_client::EventServiceClient},
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::responding::{Fieldwork, code_of, fieldwork, grade};

const RESPONDENTS: usize = 3;
const INVITATIONS: i32 = 400;
/// A run with fewer acknowledged answers would prove nothing.
const ACKNOWLEDGED_MIN: usize = 100;
/// Rows of each imported piece.
const ROWS: i64 = 30;

/// What the senders know.
#[derive(Clone, Default)]
struct Known {
    attempted: Arc<Mutex<usize>>,
    acknowledged: Arc<Mutex<BTreeSet<String>>>,
    imported: Arc<Mutex<i64>>,
}

struct Load {
    known: Known,
    stop: Arc<AtomicBool>,
    senders: Vec<JoinHandle<()>>,
}

impl Load {
    async fn start(world: &World, org: &Org, fieldwork: &Fieldwork) -> Self {
        let (known, stop) = (Known::default(), Arc::new(AtomicBool::new(false)));
        let mut senders = Vec::new();
        for _ in 0..RESPONDENTS {
            let links = std::iter::repeat(fieldwork.link.clone());
            senders.push(tokio::spawn(answer(
                world.rest.clone(),
                Box::new(links),
                known.clone(),
                stop.clone(),
            )));
        }
        let invite = json!({
            "unnamed": INVITATIONS, "channel": "RESPONSE_CHANNEL_PERSONAL_LINK",
        });
        let invited =
            org.rest.post(&format!("/v1/{}/invitations", fieldwork.campaign), invite).await;
        let links: Vec<String> =
            invited["links"].as_array().unwrap().iter().map(|l| code_of(text(l))).collect();
        assert_eq!(links.len(), usize::try_from(INVITATIONS).unwrap());
        let links = Box::new(links.into_iter());
        senders.push(tokio::spawn(answer(world.rest.clone(), links, known.clone(), stop.clone())));
        let path = format!("/v1/{}/responses:import", fieldwork.campaign);
        senders.push(tokio::spawn(import(org.rest.clone(), path, known.clone(), stop.clone())));
        Self { known, stop, senders }
    }

    async fn finish(self) -> Known {
        self.stop.store(true, Ordering::SeqCst);
        for sender in self.senders {
            sender.await.unwrap();
        }
        self.known
    }
}

/// A body of which nobody knows whether it arrived is sent until it is known.
async fn deliver(rest: &Rest, path: &str, body: &Value, stop: &AtomicBool) -> Option<Value> {
    loop {
        let post = rest.request(reqwest::Method::POST, path).json(body);
        if let Ok(answer) = post.timeout(Duration::from_secs(5)).send().await {
            let status = answer.status();
            let answer = answer.json::<Value>().await.unwrap_or_default();
            if status.is_success() {
                return Some(answer);
            }
            let retryable = matches!(status.as_u16(), 429 | 503 | 504);
            assert!(retryable, "{path}: {status} {answer}");
        }
        if stop.load(Ordering::SeqCst) {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn answer(
    rest: Rest,
    links: Box<dyn Iterator<Item = String> + Send>,
    known: Known,
    stop: Arc<AtomicBool>,
) {
    for (number, link) in links.enumerate() {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let answers = grade(i32::try_from(number % 11).unwrap());
        let body = json!({"link": link, "submissionId": Uuid::now_v7(), "answers": answers});
        *known.attempted.lock().unwrap() += 1;
        if let Some(receipt) = deliver(&rest, "/v1/respond:submit", &body, &stop).await {
            let receipt = text(&receipt["receipt"]).to_owned();
            assert!(known.acknowledged.lock().unwrap().insert(receipt), "a receipt given twice");
        }
    }
}

async fn import(rest: Rest, path: String, known: Known, stop: Arc<AtomicBool>) {
    let mut first = 1;
    while !stop.load(Ordering::SeqCst) {
        let rows = (first..first + ROWS).map(|row| format!("{row},{}\n", row % 11));
        let csv: String = std::iter::once("no,nps\n".to_owned()).chain(rows).collect();
        let mapping = json!({
            "rowIdColumn": "no", "columns": [{"column": "nps", "target": "recommend"}],
        });
        let body = json!({"mapping": mapping, "csv": csv, "firstRow": first});
        *known.attempted.lock().unwrap() += usize::try_from(ROWS).unwrap();
        if let Some(done) = deliver(&rest, &path, &body, &stop).await {
            let count = |key: &str| done[key].as_i64().unwrap_or_default();
            assert_eq!(count("failedCount"), 0, "{done}");
            assert_eq!(count("storedCount") + count("duplicateCount"), ROWS, "{done}");
            *known.imported.lock().unwrap() += ROWS;
        }
        first += ROWS;
    }
}

/// Names of all stored responses, and how many of them were imported.
async fn stored(org: &Org) -> (Vec<String>, i64) {
    let (mut names, mut imported, mut token) = (Vec::new(), 0, String::new());
    loop {
        let page = org.rest.get(&format!("/v1/responses?pageSize=1000&pageToken={token}")).await;
        for response in page["responses"].as_array().unwrap_or(&Vec::new()) {
            names.push(text(&response["name"]).to_owned());
            imported += i64::from(response["channel"] == "RESPONSE_CHANNEL_IMPORT");
        }
        token = page["nextPageToken"].as_str().unwrap_or_default().to_owned();
        if token.is_empty() {
            return (names, imported);
        }
    }
}

/// Names of the responses that the feed tells of, one for each time.
async fn told(world: &mut World) -> Vec<String> {
    let address = world.processes().address_of(Part::Survey);
    let tokens = InternalTokens::new(&world.seed.0);
    let mut client = EventServiceClient::new(kit::rpc::connect(&address).unwrap());
    let (mut after, mut told) = (String::new(), Vec::new());
    loop {
        let ask = ListEventsRequest { after: after.clone(), page_size: 500 };
        let page = client.list_events(bearer(ask, &tokens.internal())).await.unwrap().into_inner();
        for group in page.groups {
            let events = Events::decode(group.events).unwrap().items;
            told.extend(events.into_iter().filter_map(|event| match event.change {
                Some(Change::Response(change)) => Some(change.response),
                _ => None,
            }));
        }
        if page.at_end {
            return told;
        }
        after = page.next;
    }
}

async fn check(world: &mut World, org: &Org, fieldwork: &Fieldwork, known: Known) {
    let (names, imported) = stored(org).await;
    let distinct: BTreeSet<&String> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "a response is listed twice");
    let acknowledged = known.acknowledged.lock().unwrap().clone();
    let lost: Vec<&String> = acknowledged.iter().filter(|name| !distinct.contains(name)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert!(names.len() <= *known.attempted.lock().unwrap(), "more is stored than was sent");
    let rows = *known.imported.lock().unwrap();
    assert!(rows <= imported, "{rows} rows were acknowledged and {imported} are stored");
    let mut told = told(world).await;
    told.sort_unstable();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(told, sorted, "the feed tells of each response once");
    let status = org.rest.get(&format!("/v1/{}/fieldwork", fieldwork.campaign)).await;
    let answered = int(&status["total"]["answered"]);
    let open = int(&status["openResponses"]);
    let stored = i64::try_from(names.len()).unwrap();
    assert_eq!(answered + open, stored, "each is counted once: {status}");
    assert!(acknowledged.len() > ACKNOWLEDGED_MIN);
    let path = format!("/v1/{}/invitations?state=INVITATION_STATE_ANSWERED", fieldwork.campaign);
    let used = org.rest.get(&format!("{path}&pageSize=1000")).await;
    let used = used["invitations"].as_array().map_or(0, Vec::len);
    assert_eq!(i64::try_from(used).unwrap(), answered, "no link is used up without an answer");
}

async fn die_at_every_point(shape: Shape) {
    let mut world = World::start(shape).await;
    let org = world.organisation().await;
    let branch = org.unit(&org.headquarters, "BRANCH", "支行").await;
    let fieldwork = fieldwork(&org, &branch).await;
    let load = Load::start(&world, &org, &fieldwork).await;
    for point in survey::CRASH_POINTS {
        let processes = world.processes();
        processes.set(Part::Survey, "MANYI_CRASH_POINT", &format!("{point}:3"));
        processes.restart(Part::Survey).await;
        processes.wait_until_dead(Part::Survey).await;
        processes.unset(Part::Survey, "MANYI_CRASH_POINT");
        processes.restart(Part::Survey).await;
    }
    world.wait_until_ready().await;
    e2e::wait::until("answers after the last death", Duration::from_secs(60), || async {
        (load.known.acknowledged.lock().unwrap().len() > ACKNOWLEDGED_MIN).then_some(())
    })
    .await;
    let known = load.finish().await;
    check(&mut world, &org, &fieldwork, known).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_at_each_step_of_an_answer_loses_nothing_on_sqlite() {
    die_at_every_point(Shape::ManyOnSqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_at_each_step_of_an_answer_loses_nothing_on_postgres() {
    die_at_every_point(Shape::ManyOnPostgres).await;
}
