//! The lists behind a figure hold exactly what it counts, whatever it is narrowed to.

use e2e::{
    Org, Shape, World, patiently,
    rest::{int, text},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::responding;

/// Where ratings come from, and of whom.
struct Bank {
    east: String,
    branches: [String; 2],
    windows: [String; 3],
    staff: [String; 2],
    /// A template of two items: `overall` and `speed`.
    two_items: String,
}

async fn bank(org: &Org) -> Bank {
    org.five_grades().await;
    let east = org.unit(&org.headquarters, "REGION", "东区").await;
    let branches = [org.unit(&east, "BRANCH", "一").await, org.unit(&east, "BRANCH", "二").await];
    let windows = [
        org.unit(&branches[0], "WINDOW", "1").await,
        org.unit(&branches[0], "WINDOW", "2").await,
        org.unit(&branches[1], "WINDOW", "3").await,
    ];
    let staff = [org.staff("1001", &branches[0]).await, org.staff("1002", &branches[1]).await];
    let grades: Vec<Value> = (1..=5)
        .map(|value| json!({"value": value, "satisfied": value >= 4, "bad": value <= 2}))
        .collect();
    let template = json!({
        "displayName": "两项", "items": [{"code": "overall"}, {"code": "speed"}],
        "grades": grades, "scaleMin": 1, "scaleMax": 5,
    });
    let template = org.rest.post("/v1/templates", template).await;
    Bank { east, branches, windows, staff, two_items: text(&template["name"]).to_owned() }
}

/// Ratings of every kind: at three windows, of two members of staff and nobody, of several
/// business types, some with a grade for speed, and presses of a terminal besides.
async fn rate(world: &World, org: &Org, bank: &Bank) {
    let source =
        json!({"displayName": "旧", "kind": "DEVICE_KIND_IMPORT", "unit": org.headquarters});
    let source = org.rest.post("/v1/devices", source).await;
    let yesterday = jiff::Timestamp::now() - jiff::Span::new().hours(24);
    let ratings: Vec<Value> = (0..24)
        .map(|i| {
            let template = if i % 4 == 0 { bank.two_items.as_str() } else { "" };
            let speed = if i % 8 == 0 { json!([{"item": "speed", "grade": 2}]) } else { json!([]) };
            let staff = ["", &bank.staff[0], &bank.staff[1], &bank.staff[0]][i % 4];
            json!({
                "message": {
                    "ratingId": Uuid::now_v7(), "device": source["device"]["name"],
                    "template": template, "grade": 1 + i % 5, "itemGrades": speed,
                },
                "unit": bank.windows[i % 3],
                "staff": staff,
                "businessType": (["存 款&x=1", "loan", ""][i / 3 % 3]),
                "pressTime": yesterday.to_string(),
            })
        })
        .collect();
    let answer = org.rest.post("/v1/ratings:batchImport", json!({"ratings": ratings})).await;
    for result in answer["results"].as_array().unwrap() {
        assert_eq!(int(&result["code"]), 0, "{answer}");
    }
    let device = world.device(org, &bank.windows[1]).await;
    for sequence in 1..=6 {
        let encounter = Uuid::now_v7();
        let events = ["STARTED", "PROMPTED"].map(|kind| {
            json!({"encounterId": encounter, "kind": format!("ENCOUNTER_EVENT_KIND_{kind}"),
                "businessType": "loan"})
        });
        let events = if sequence == 6 { &events[1..] } else { &events };
        let events = device.rest.post("/v1/encounters:batchWrite", json!({"events": events})).await;
        let press = json!({
            "ratingId": Uuid::now_v7(), "epoch": 1, "sequence": sequence, "grade": 5,
            "encounter": events["results"][0]["encounter"],
            "deviceTime": jiff::Timestamp::now().to_string(),
        });
        device.rest.post("/v1/ratings:batchCreate", json!({"ratings": [press]})).await;
    }
}

/// A question about a whole week, with more fields.
fn question(unit: &str, extra: &Value) -> Value {
    let now = jiff::Timestamp::now();
    let day = |hours: i64| (now + jiff::Span::new().hours(hours)).to_string()[..10].to_owned();
    let mut question = json!({"unit": unit, "from": day(-96), "to": day(48)});
    let fields = question.as_object_mut().unwrap();
    fields.extend(extra.as_object().unwrap().clone());
    question
}

/// How many rows a list has.
async fn count(org: &Org, path: &str) -> i64 {
    let page = org.rest.get(&format!("{path}&pageSize=1000")).await;
    let rows = page.as_object().unwrap().values().find_map(Value::as_array).unwrap();
    i64::try_from(rows.len()).unwrap()
}

/// The list of a title, and whether its path is there exactly when nothing is missing.
fn list_of(explained: &Value, title: &str) -> Value {
    let lists = explained["drillDown"].as_array().unwrap();
    let list = lists.iter().find(|list| text(&list["title"]) == title).unwrap();
    let missing = list["notListed"].as_array().unwrap();
    assert_eq!(text(&list["path"]).is_empty(), !missing.is_empty(), "{list}");
    list.clone()
}

/// Without the filters of the figure: unit, time and tree alone.
fn unfiltered(path: &str) -> String {
    path.split('&').take(4).collect::<Vec<_>>().join("&")
}

async fn lists_of_ratings(org: &Org, bank: &Bank) {
    let total = async |extra: &Value| {
        let figures = org.rest.post("/v1/figures:query", question(&bank.east, extra)).await;
        figures["total"].clone()
    };
    let all = json!({"filter": {"includeDistrusted": true}});
    patiently("all ratings to be counted", || async {
        let total = total(&all).await;
        (int(&total["n"]) == 30 && int(&total["ratedEncounters"]) == 6).then_some(())
    })
    .await;
    let [first, _] = &bank.staff;
    let filters = [
        json!({}),
        json!({"windows": [bank.windows[0]]}),
        json!({"windows": [bank.windows[1], bank.windows[2]]}),
        json!({"staff": [first]}),
        json!({"staff": bank.staff}),
        json!({"businessTypes": ["存 款&x=1"]}),
        json!({"businessTypes": ["loan", "存 款&x=1"]}),
        json!({"channels": ["CHANNEL_TERMINAL"], "includeDistrusted": true}),
        json!({"channels": ["CHANNEL_IMPORT"]}),
        json!({"templates": [bank.two_items]}),
        json!({"item": "speed"}),
        json!({"item": "overall", "templates": [bank.two_items]}),
        json!({"windows": [bank.windows[0], bank.windows[1]], "staff": [first],
            "businessTypes": ["loan"], "channels": ["CHANNEL_IMPORT"]}),
    ];
    for filter in filters {
        let ask = json!({"filter": filter});
        let total = total(&ask).await;
        let found = org.rest.post("/v1/figures:explain", question(&bank.east, &ask)).await;
        let path = |title: &str| text(&list_of(&found, title)["path"]).to_owned();
        let n = int(&total["n"]);
        assert!(n > 0 && int(&found["n"]) == n, "{filter}: {total}");
        let behind = path("ratings");
        assert_eq!(count(org, &behind).await, n, "{filter}: {behind}");
        assert_ne!(count(org, &unfiltered(&behind)).await, n, "{filter}: the control");
        let marked = path("ratings with trust marks");
        assert_eq!(count(org, &marked).await, int(&total["distrusted"]), "{filter}: {marked}");
        // Lists have no bad grades of one item, and services have no channel.
        let bad = path("bad ratings");
        assert_eq!(bad.is_empty(), filter.get("item").is_some(), "{filter}");
        if !bad.is_empty() {
            let want = int(&total["badShare"]["numerator"]);
            assert_eq!(count(org, &bad).await, want, "{filter}: {bad}");
        }
        let services = path("services");
        assert_eq!(services.is_empty(), filter.get("channels").is_some(), "{filter}");
        if !services.is_empty() {
            let served = int(&total["served"]);
            assert_eq!(count(org, &services).await, served, "{filter}: {services}");
        }
    }
    let named: Vec<String> = (0..51).map(|n| format!("type {n}")).collect();
    let many = json!({"filter": {"businessTypes": named}});
    let found = org.rest.post("/v1/figures:explain", question(&bank.east, &many)).await;
    assert_eq!(list_of(&found, "ratings")["notListed"], json!(["businessTypes"]), "{found}");
}

async fn answer(org: &Org, campaign: &str, channel: &str, unit: &str, staff: &str) {
    let response = json!({
        "submissionId": Uuid::now_v7(), "channel": format!("RESPONSE_CHANNEL_{channel}"),
        "unit": unit, "staff": staff, "answers": responding::grade(9),
    });
    org.rest.post(&format!("/v1/{campaign}/responses"), response).await;
}

const ANSWERS: &str = "FIGURE_SOURCE_QUESTIONNAIRES";

/// Waits until `unit` counts `n` responses, and follows the list behind.
async fn follow_responses(org: &Org, unit: &str, extra: &Value, n: i64) -> String {
    let ask = question(unit, extra);
    patiently("the responses to be counted", || async {
        let figures = org.rest.post("/v1/figures:query", ask.clone()).await;
        (int(&figures["total"]["responses"]) == n).then_some(())
    })
    .await;
    let found = org.rest.post("/v1/figures:explain", ask).await;
    let path = text(&list_of(&found, "responses")["path"]).to_owned();
    assert_eq!(count(org, &path).await, n, "{extra}: {path}");
    path
}

async fn lists_of_responses(org: &Org, bank: &Bank) {
    let mut campaigns = Vec::new();
    for branch in &bank.branches {
        campaigns.push(responding::fieldwork(org, branch).await.campaign);
    }
    let [one, two] = &bank.branches;
    let [first, second] = &bank.staff;
    for (campaign, channel, unit, staff) in [
        (0, "PHONE", one, first.as_str()),
        (0, "PHONE", one, ""),
        (0, "PAPER", one, first.as_str()),
        (1, "PHONE", two, second.as_str()),
        (1, "PAPER", two, ""),
    ] {
        answer(org, &campaigns[campaign], channel, unit, staff).await;
    }
    let campaign = org.rest.get(&format!("/v1/{}", campaigns[1])).await;
    let questionnaire = &campaign["questionnaire"];
    follow_responses(org, &bank.east, &json!({"source": ANSWERS}), 5).await;
    for (filter, n) in [
        (json!({"channels": ["RESPONSE_CHANNEL_PHONE"]}), 3),
        (json!({"staff": [first]}), 2),
        (json!({"staff": bank.staff}), 3),
        (json!({"campaigns": [campaigns[0]]}), 3),
        (json!({"questionnaires": [questionnaire]}), 2),
        (json!({"questionnaires": [questionnaire], "versions": [1]}), 2),
        (
            json!({"campaigns": [campaigns[0]], "staff": [first],
            "channels": ["RESPONSE_CHANNEL_PAPER"]}),
            1,
        ),
    ] {
        let extra = json!({"source": ANSWERS, "filter": filter});
        let path = follow_responses(org, &bank.east, &extra, n).await;
        assert_eq!(count(org, &unfiltered(&path)).await, 5, "{filter}: the control");
    }
    let item = json!({"source": ANSWERS, "filter": {"item": "recommend"}});
    let found = org.rest.post("/v1/figures:explain", question(&bank.east, &item)).await;
    assert_eq!(list_of(&found, "responses")["notListed"], json!(["item"]), "{found}");
    after_a_move(org, bank, &campaigns[0]).await;
}

/// The first branch goes to another region, and is answered about once more.
async fn after_a_move(org: &Org, bank: &Bank, campaign: &str) {
    let west = org.unit(&org.headquarters, "REGION", "西区").await;
    let path = format!("/v1/{}:move", bank.branches[0]);
    org.rest.post(&path, json!({"parent": west})).await;
    patiently("the survey service to hear of the move", || async {
        let get = reqwest::Method::GET;
        let list = org.rest.call(get, &format!("/v1/responses?unit={west}"), None).await.1;
        list["responses"].as_array().is_some_and(|found| found.len() == 3).then_some(())
    })
    .await;
    answer(org, campaign, "PHONE", &bank.branches[0], "").await;
    let by = |tree: &str| json!({"source": ANSWERS, "tree": tree});
    follow_responses(org, &west, &by("TREE_AS_OF_SERVICE"), 1).await;
    let path = follow_responses(org, &bank.east, &by("TREE_AS_OF_SERVICE"), 5).await;
    let present = path.replace("TREE_AS_OF_SERVICE", "TREE_PRESENT");
    assert_eq!(count(org, &present).await, 2, "the control");
    follow_responses(org, &west, &by("TREE_PRESENT"), 4).await;
    follow_responses(org, &bank.east, &by("TREE_PRESENT"), 2).await;
}

async fn lists_hold_what_figures_count(shape: Shape) {
    let world = World::start(shape).await;
    let org = world.organisation().await;
    let bank = bank(&org).await;
    rate(&world, &org, &bank).await;
    lists_of_ratings(&org, &bank).await;
    lists_of_responses(&org, &bank).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_hold_what_figures_count_in_one_process_on_sqlite() {
    lists_hold_what_figures_count(Shape::OneOnSqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_hold_what_figures_count_in_one_process_on_postgres() {
    lists_hold_what_figures_count(Shape::OneOnPostgres).await;
}
