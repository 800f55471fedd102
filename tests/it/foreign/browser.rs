//! A page of another origin reads the live figures with the event source of a real browser.

use std::{
    path::Path,
    process::{Output, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    response::Html,
    routing::{get, post},
};
use e2e::{
    TestDevice, World,
    rest::{int, text},
};
use kit::testing::sqlite_file_url;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    process::Command,
    sync::mpsc,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Place, STAFF_NUMBER, foreign_file, installed, not_around_midnight, relay::Relay};

/// Longest time from acknowledgement to the page.
const FRESH_MS: i64 = 1_000;
/// The middle one of so many presses counts, in the best of so many rounds: the browser shares
/// few processors with other tests.
const PRESSES: i64 = 3;
const ROUNDS: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(60);

/// Serves the page, hears from it what it wrote, and says when it is loaded.
struct Site {
    port: u16,
    seen: mpsc::UnboundedReceiver<Value>,
    lines: Vec<Value>,
    finished: CancellationToken,
}

impl Site {
    async fn start(listener: TcpListener) -> Self {
        let port = listener.local_addr().expect("a bound port").port();
        let page = std::fs::read_to_string(foreign_file("live.html")).expect("the page is there");
        let (report, seen) = mpsc::unbounded_channel();
        let finished = CancellationToken::new();
        let until = finished.clone();
        let routes = Router::new()
            .route("/live.html", get(|| async move { Html(page) }))
            .route("/finished", get(|| async move { until.cancelled().await }))
            .route(
                "/seen",
                post(|body: String| async move {
                    let line = serde_json::from_str(&body).expect("the page writes JSON");
                    let _ = report.send(line);
                }),
            );
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { port, seen, lines: Vec::new(), finished }
    }

    /// Waits for a line that the page writes.
    async fn until(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let line = timeout_at(end, self.seen.recv()).await;
            let Ok(Some(line)) = line else {
                panic!("the page never wrote {what}, but: {:?}", self.lines)
            };
            self.lines.push(line.clone());
            if wanted(&line) {
                return line;
            }
        }
    }
}

/// Opens a page; it is printed as it stands when it is loaded.
fn browse(chromium: &Path, profile: &Path, url: &str) -> tokio::task::JoinHandle<Output> {
    let mut command = Command::new(chromium);
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"])
        .args(["--no-first-run", "--disable-background-networking", "--disable-sync"])
        .args(["--disable-component-update", "--disable-dev-shm-usage", "--no-proxy-server"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(["--dump-dom", url])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let child = command.spawn().expect("Chromium starts");
    tokio::spawn(async move { child.wait_with_output().await.expect("Chromium ends") })
}

/// The lines of the page that was printed.
async fn lines(browser: tokio::task::JoinHandle<Output>) -> Vec<Value> {
    let output = timeout(PATIENCE, browser).await.expect("Chromium ends in time");
    let output = output.expect("nothing panicked");
    let (page, log) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert!(output.status.success(), "Chromium ended with {}:\n{log}", output.status);
    let items = page.split("<li>").skip(1);
    let lines = items.map(|item| {
        let (line, _) = item.split_once("</li>").expect("an item ends");
        let line = line.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"))
    });
    let lines: Vec<Value> = lines.collect();
    assert!(!lines.is_empty(), "the page is empty:\n{page}\n{log}");
    lines
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    i64::try_from(now.as_millis()).expect("milliseconds fit")
}

/// Serves a customer who presses a button; gives the time of the acknowledgement.
async fn press(device: &TestDevice, sequence: i64) -> i64 {
    let id = Uuid::now_v7();
    let kinds = ["CALLED", "STARTED", "FINISHED", "PROMPTED", "SHOWN"];
    let events = kinds
        .map(|kind| json!({"encounterId": id, "kind": format!("ENCOUNTER_EVENT_KIND_{kind}")}));
    let path = "/v1/encounters:batchWrite";
    let served = device.rest.post(path, json!({"events": events})).await;
    let rating = json!({
        "ratingId": Uuid::now_v7(),
        "epoch": 1,
        "sequence": sequence,
        "grade": 5,
        "encounter": served["results"][0]["encounter"],
        "deviceTime": jiff::Timestamp::now().to_string(),
        "responseMs": 2500,
    });
    let answer = device.rest.post("/v1/ratings:batchCreate", json!({"ratings": [rating]})).await;
    let acknowledged = now_ms();
    assert_eq!(int(&answer["results"][0]["code"]), 0, "{answer}");
    acknowledged
}

/// A device at a window of its own, with somebody signed in.
async fn window(place: &Place, number: u32) -> TestDevice {
    let name = format!("{number} 号柜台");
    let window = place.org.unit(&place.branch, "WINDOW", &name).await;
    let staff = format!("{STAFF_NUMBER}{number}");
    place.org.staff(&staff, &place.branch).await;
    let device = place.world.device(&place.org, &window).await;
    let sign_in = json!({"eventId": Uuid::now_v7(), "staffNumber": staff});
    device.rest.post("/v1/shifts:signIn", sign_in).await;
    device
}

/// A suite whose gateway lets pages of one origin call.
async fn place_for(origin: String) -> Place {
    let databases = all_in_one::suite::Databases {
        auth: sqlite_file_url(),
        device: sqlite_file_url(),
        survey: sqlite_file_url(),
        analytics: sqlite_file_url(),
    };
    let seed = kit::config::Seed::random();
    let mut config = all_in_one::suite::SuiteConfig::new(databases, seed.0);
    config.gateway.cors_origins = vec![origin];
    Place::within(World::one_process(config).await).await
}

fn page_url(host: &str, site: &Site, relay: &Relay, place: &Place) -> String {
    let token = place.org.rest.token().expect("the owner has one");
    let (port, gateway) = (site.port, &relay.address);
    let unit = &place.branch;
    format!("http://{host}:{port}/live.html#gateway={gateway}&unit={unit}&token={token}")
}

/// Whether a line says that there are so many ratings, and so many services rated.
fn shows(line: &Value, n: i64) -> bool {
    line["kind"] == "message" && int(&line["n"]) == n && int(&line["rated"]) == n
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_shows_a_rating_within_a_second_and_goes_on_after_a_break() {
    let chromium = installed("chromium");
    not_around_midnight().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let mut site = Site::start(listener).await;
    let place = place_for(format!("http://127.0.0.1:{}", site.port)).await;
    let relay = Relay::to(&place.world.address).await;

    let profile = tempfile::tempdir().expect("a folder");
    let url = page_url("127.0.0.1", &site, &relay, &place);
    let browser = browse(&chromium, profile.path(), &url);
    site.until("the first message", |line| shows(line, 0)).await;
    let shown = prompt_rounds(&mut site, &place).await;
    relay.cut();
    site.until("that the stream broke", |line| line["kind"] == "error").await;
    let again = |line: &Value| line["kind"] == "message" && int(&line["connection"]) == 2;
    site.until("that the stream goes on", again).await;
    press(&window(&place, 0).await, 1).await;
    site.until("the rating after the break", |line| shows(line, shown + 1)).await;
    site.finished.cancel();

    let printed = lines(browser).await;
    for line in &site.lines {
        assert!(printed.contains(line), "{line} is not on the page: {printed:?}");
    }
    check_break(&printed, &relay.said());
    place.world.stop().await;
}

/// Presses in rounds until the page shows them in time; gives the number of ratings then.
async fn prompt_rounds(site: &mut Site, place: &Place) -> i64 {
    let mut shown = 0;
    let mut all = Vec::new();
    for round in 1..=ROUNDS {
        // Three presses in a row on one device would be a burst, which live figures leave out.
        let devices = [window(place, 2 * round).await, window(place, 2 * round + 1).await];
        let mut delays = Vec::new();
        for number in 1..=PRESSES {
            let acknowledged = press(&devices[usize::from(number == 2)], number).await;
            shown += 1;
            let line = site.until("the new rating", |line| shows(line, shown)).await;
            delays.push(int(&line["at"]) - acknowledged);
        }
        delays.sort_unstable();
        all.push(delays.clone());
        if delays[delays.len() / 2] <= FRESH_MS {
            println!("from acknowledgement to the page: {all:?} ms");
            return shown;
        }
    }
    panic!("ratings were shown {all:?} ms after their acknowledgement");
}

/// The browser went on from the last message it had, and lost and repeated nothing.
fn check_break(lines: &[Value], said: &str) {
    let at = lines.iter().position(|line| line["kind"] == "error").expect("there was a break");
    let (before, after) = lines.split_at(at);
    assert_eq!(after[0]["closed"], json!(false), "the browser gave up: {lines:?}");
    let last = before.iter().rfind(|line| line["kind"] == "message").expect("there was one");
    let header = format!("Last-Event-ID: {}\r\n", text(&last["id"])).to_lowercase();
    assert!(said.to_lowercase().contains(&header), "no {header} in {said}");

    let messages: Vec<&Value> = lines.iter().filter(|line| line["kind"] == "message").collect();
    for (index, message) in messages.iter().enumerate() {
        let snapshot = message["snapshot"] == json!(true);
        assert_eq!(snapshot, index == 0, "only the first one is a snapshot: {messages:?}");
    }
    let counts: Vec<i64> = messages.iter().map(|message| int(&message["n"])).collect();
    assert!(counts.is_sorted(), "figures went back: {counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_an_unlisted_origin_reads_nothing() {
    let chromium = installed("chromium");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let mut site = Site::start(listener).await;
    let place = place_for(format!("http://127.0.0.1:{}", site.port)).await;
    let relay = Relay::to(&place.world.address).await;

    let profile = tempfile::tempdir().expect("a folder");
    // The same machine by another name is another origin.
    let browser = browse(&chromium, profile.path(), &page_url("localhost", &site, &relay, &place));
    site.until("that it may not", |line| line["kind"] == "error").await;
    site.finished.cancel();
    let lines = lines(browser).await;
    assert!(lines.iter().all(|line| line["kind"] == "error"), "{lines:?}");
    assert!(relay.said().contains("GET /v1/figures:watch"), "it never asked");
    place.world.stop().await;
}
