//! Devices that send ratings while something happens to the suite, and the check of what came of
//! them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use e2e::{
    Org, TestDevice, World,
    history::History,
    rest::{int, text},
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use uuid::Uuid;

const DEVICES: usize = 4;
const BATCH: i64 = 20;

/// Devices that send, and what they know.
pub struct Load {
    /// What was sent and acknowledged.
    pub history: History,
    stop: Arc<AtomicBool>,
    senders: Vec<JoinHandle<()>>,
}

impl Load {
    /// Every device sends batch after batch, and each batch until it is acknowledged.
    pub fn start(devices: &[TestDevice]) -> Self {
        let (history, stop) = (History::default(), Arc::new(AtomicBool::new(false)));
        let senders = devices
            .iter()
            .map(|device| {
                let (device, history, stop) = (device.clone(), history.clone(), stop.clone());
                tokio::spawn(send(device, history, stop))
            })
            .collect();
        Self { history, stop, senders }
    }

    /// Ends it; what the senders know.
    pub async fn finish(self) -> History {
        self.stop.store(true, Ordering::SeqCst);
        for sender in self.senders {
            sender.await.unwrap();
        }
        self.history
    }
}

async fn send(device: TestDevice, history: History, stop: Arc<AtomicBool>) {
    let mut next = 1;
    while !stop.load(Ordering::SeqCst) {
        let batch: Vec<Value> = (next..next + BATCH).map(press).collect();
        for sequence in next..next + BATCH {
            history.attempt((device.name.clone(), sequence));
        }
        next += BATCH;
        let batch = json!({"ratings": batch});
        let mut given_up = false;
        while !deliver(&device, &batch, &history).await && !given_up {
            tokio::time::sleep(Duration::from_millis(20)).await;
            // The last batch may stay without an answer: it counts as unknown.
            given_up = stop.load(Ordering::SeqCst);
        }
    }
}

fn press(sequence: i64) -> Value {
    json!({
        "ratingId": Uuid::now_v7(), "epoch": 1, "sequence": sequence,
        "grade": 1 + sequence % 5, "deviceTime": jiff::Timestamp::now().to_string(),
    })
}

/// One try; true when every rating of the batch has its receipt.
async fn deliver(device: &TestDevice, batch: &Value, history: &History) -> bool {
    let post = device.rest.request(reqwest::Method::POST, "/v1/ratings:batchCreate");
    let Ok(answer) = post.json(batch).timeout(Duration::from_secs(5)).send().await else {
        return false;
    };
    if !answer.status().is_success() {
        return false;
    }
    let Ok(answer) = answer.json::<Value>().await else { return false };
    let sent = batch["ratings"].as_array().unwrap();
    let results = answer["results"].as_array().unwrap();
    let mut complete = true;
    for (rating, result) in sent.iter().zip(results) {
        if int(&result["code"]) == 0 {
            let message = (device.name.clone(), int(&rating["sequence"]));
            history.acknowledge(message, text(&result["receipt"]).to_owned());
        } else {
            complete = false;
        }
    }
    complete
}

/// A branch with so many windows, and a device at each.
pub async fn devices(world: &World, org: &Org) -> (String, Vec<TestDevice>) {
    org.five_grades().await;
    let branch = org.unit(&org.headquarters, "BRANCH", "支行").await;
    let mut devices = Vec::new();
    for number in 0..DEVICES {
        let window = org.unit(&branch, "WINDOW", &format!("{number} 号窗口")).await;
        devices.push(world.device(org, &window).await);
    }
    (branch, devices)
}

/// All stored ratings of the organisation, page by page.
pub async fn stored(org: &Org) -> Vec<((String, i64), String)> {
    let (mut rows, mut token) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/ratings?pageSize=1000&pageToken={token}");
        let page = org.rest.get(&path).await;
        for rating in page["ratings"].as_array().unwrap_or(&Vec::new()) {
            let message = (text(&rating["device"]).to_owned(), int(&rating["sequence"]));
            rows.push((message, text(&rating["name"]).to_owned()));
        }
        token = page["nextPageToken"].as_str().unwrap_or_default().to_owned();
        if token.is_empty() {
            return rows;
        }
    }
}

/// Waits until analytics has counted what is stored, then looks for damage.
pub async fn damage(world: &World, org: &Org, branch: &str, history: &History) -> Vec<String> {
    world.wait_until_ready().await;
    let stored = stored(org).await;
    let want = i64::try_from(stored.len()).unwrap();
    let everything = json!({"filter": {"includeDistrusted": true}});
    let counted = e2e::wait::until("figures to come to rest", Duration::from_secs(60), || async {
        let figures = org.figures_if_any(branch, everything.clone()).await?;
        let counted = int(&figures["total"]["n"]);
        (counted >= want).then_some(counted)
    })
    .await;
    history.problems(&stored, counted)
}

/// Has analytics compare its counts with the source.
pub async fn reconcile(world: &World, org: &Org) {
    let operator = world.rest.with_token(&world.operator_token());
    let body = json!({"organisation": org.name});
    let events = operator.post("/v1/analytics:reconcile", body).await;
    // Those before the last one tell how far it has come.
    let last = text(&events).lines().rev().find_map(|line| line.strip_prefix("data: "));
    let report: Value = serde_json::from_str(last.unwrap_or_default()).expect("a last event");
    assert_eq!(report["done"], json!(true), "{report}");
    assert_eq!(report["equal"], json!(true), "{report}");
    assert_eq!(report["sourceRatings"], report["countedRatings"], "{report}");
}
