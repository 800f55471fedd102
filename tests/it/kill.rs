//! Processes die at any moment, and nothing that was acknowledged is lost or counted twice
//! (guarantees R1, R3, E1). The last test plants the bug that this must catch.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use e2e::{
    Org, Shape, TestDevice, World, history::History, patiently, processes::Part, rest::int,
    rest::text,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Kills of one run.
const ROUNDS: usize = 30;
const DEVICES: usize = 4;
const BATCH: i64 = 20;

struct Load {
    history: History,
    stop: Arc<AtomicBool>,
    senders: Vec<JoinHandle<()>>,
}

impl Load {
    /// Every device sends batch after batch, and each batch until it is acknowledged.
    fn start(devices: &[TestDevice]) -> Self {
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

    async fn finish(self) -> History {
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

async fn devices(world: &World, org: &Org) -> (String, Vec<TestDevice>) {
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
async fn stored(org: &Org) -> Vec<((String, i64), String)> {
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
async fn damage(world: &World, org: &Org, branch: &str, history: &History) -> Vec<String> {
    world.wait_until_ready().await;
    let stored = stored(org).await;
    let want = i64::try_from(stored.len()).unwrap();
    let everything = json!({"filter": {"includeDistrusted": true}});
    let counted = e2e::wait::until("figures to come to rest", Duration::from_secs(60), || async {
        let figures = org.figures(branch, everything.clone()).await;
        let counted = int(&figures["total"]["n"]);
        (counted >= want).then_some(counted)
    })
    .await;
    history.problems(&stored, counted)
}

async fn kill_at_random(shape: Shape, seed: u64) {
    let mut world = World::start(shape).await;
    let org = world.organisation().await;
    let (branch, devices) = devices(&world, &org).await;
    let load = Load::start(&devices);
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..ROUNDS {
        let part = [Part::Gateway, Part::Device, Part::Analytics][random.random_range(0..3)];
        tokio::time::sleep(Duration::from_millis(random.random_range(20..250))).await;
        world.processes().restart(part).await;
    }
    world.wait_until_ready().await;
    let before = load.history.acknowledged();
    patiently("ratings to be taken after the last death", || async {
        (load.history.acknowledged() > before).then_some(())
    })
    .await;
    let history = load.finish().await;
    let problems = damage(&world, &org, &branch, &history).await;
    let taken = history.acknowledged();
    assert!(problems.is_empty(), "seed {seed}, {taken} acknowledged:\n{}", problems.join("\n"));
    assert!(taken > 200, "only {taken} ratings were acknowledged: the load proves nothing");
    reconcile(&world, &org).await;
    world.stop().await;
}

async fn reconcile(world: &World, org: &Org) {
    let operator = world.rest.with_token(&world.operator_token());
    let body = json!({"organisation": org.name});
    let report = operator.post("/v1/analytics:reconcile", body).await;
    assert_eq!(report["equal"], json!(true), "{report}");
    assert_eq!(report["sourceRatings"], report["countedRatings"], "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_deaths_lose_and_double_nothing_on_sqlite() {
    kill_at_random(Shape::ManyOnSqlite, 20_261_122).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_deaths_lose_and_double_nothing_on_postgres() {
    kill_at_random(Shape::ManyOnPostgres, 20_261_123).await;
}

/// Starts the device service so that it dies at `point`, waits until it is dead under load,
/// and starts it again as it was.
async fn die_at(world: &mut World, point: &str, control: bool) {
    let processes = world.processes();
    processes.set(Part::Device, "MANYI_CRASH_POINT", &format!("{point}:3"));
    if control {
        processes.set(Part::Device, "MANYI_TEST_ACK_BEFORE_COMMIT", "1");
    }
    processes.restart(Part::Device).await;
    processes.wait_until_dead(Part::Device).await;
    processes.unset(Part::Device, "MANYI_CRASH_POINT");
    processes.unset(Part::Device, "MANYI_TEST_ACK_BEFORE_COMMIT");
    processes.restart(Part::Device).await;
}

async fn die_at_every_point(shape: Shape) {
    let mut world = World::start(shape).await;
    let org = world.organisation().await;
    let (branch, devices) = devices(&world, &org).await;
    let load = Load::start(&devices);
    for point in device::CRASH_POINTS {
        die_at(&mut world, point, false).await;
    }
    world.wait_until_ready().await;
    let history = load.finish().await;
    let problems = damage(&world, &org, &branch, &history).await;
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_at_each_step_of_a_commit_loses_nothing_on_sqlite() {
    die_at_every_point(Shape::ManyOnSqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_at_each_step_of_a_commit_loses_nothing_on_postgres() {
    die_at_every_point(Shape::ManyOnPostgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_catches_a_service_that_acknowledges_before_it_commits() {
    let mut world = World::start(Shape::ManyOnSqlite).await;
    let org = world.organisation().await;
    let (branch, devices) = devices(&world, &org).await;
    let load = Load::start(&devices);
    die_at(&mut world, "device.before_commit", true).await;
    let history = load.finish().await;
    let problems = damage(&world, &org, &branch, &history).await;
    assert!(problems.iter().any(|p| p.contains("lost")), "the planted bug was not found");
    world.stop().await;
}
