//! From a button press to the manager's figure, over REST as curl would do it, in every shape
//! that the suite is deployed in.

use e2e::{
    Org, Shape, TestDevice, World, patiently,
    rest::{int, text},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// A branch with a window, a staff member who is signed in, and a device.
struct Hall {
    region: String,
    branch: String,
    window: String,
    staff: String,
    device: TestDevice,
}

async fn hall(world: &World, org: &Org) -> Hall {
    org.five_grades().await;
    let region = org.unit(&org.headquarters, "REGION", "东区").await;
    let branch = org.unit(&region, "BRANCH", "人民路支行").await;
    let window = org.unit(&branch, "WINDOW", "1 号窗口").await;
    let staff = org.staff("1001", &branch).await;
    let device = world.device(org, &window).await;
    let sign_in = json!({"eventId": Uuid::now_v7(), "staffNumber": "1001"});
    let shift = device.rest.post("/v1/shifts:signIn", sign_in).await;
    assert_eq!(text(&shift["staff"]), staff);
    assert_eq!(text(&shift["window"]), window);
    Hall { region, branch, window, staff, device }
}

/// Reports a whole service and gives the encounter's name.
async fn serve_customer(hall: &Hall) -> String {
    let id = Uuid::now_v7();
    let kinds = ["CALLED", "STARTED", "FINISHED", "PROMPTED", "SHOWN"];
    let events = kinds.map(|kind| {
        json!({
            "encounterId": id,
            "kind": format!("ENCOUNTER_EVENT_KIND_{kind}"),
            "ticket": "A001",
            "businessType": "deposit",
        })
    });
    let answer =
        hall.device.rest.post("/v1/encounters:batchWrite", json!({"events": events})).await;
    let results = answer["results"].as_array().expect("results").clone();
    assert_eq!(results.len(), kinds.len());
    for result in &results {
        assert_eq!(int(&result["code"]), 0, "{result}");
    }
    text(&results[0]["encounter"]).to_owned()
}

fn press(encounter: &str, sequence: i64, grade: i32) -> Value {
    json!({
        "ratingId": Uuid::now_v7(),
        "epoch": 1,
        "sequence": sequence,
        "grade": grade,
        "encounter": encounter,
        "deviceTime": jiff::Timestamp::now().to_string(),
        "responseMs": 2500,
    })
}

async fn a_press_becomes_a_figure(shape: Shape) {
    let world = World::start(shape).await;
    let org = world.organisation().await;
    let hall = hall(&world, &org).await;
    let encounter = serve_customer(&hall).await;

    let batch = json!({"ratings": [press(&encounter, 1, 5)]});
    let first = hall.device.rest.post("/v1/ratings:batchCreate", batch.clone()).await;
    let result = &first["results"][0];
    assert_eq!(int(&result["code"]), 0, "{first}");
    let receipt = text(&result["receipt"]).to_owned();
    assert_eq!(int(&first["acknowledgements"][0]["contiguousSequence"]), 1, "{first}");

    let again = hall.device.rest.post("/v1/ratings:batchCreate", batch).await;
    assert_eq!(text(&again["results"][0]["receipt"]), receipt);
    assert_eq!(again["results"][0]["duplicate"], json!(true), "{again}");

    let rating = org.rest.get(&format!("/v1/{receipt}")).await;
    assert_eq!(text(&rating["window"]), hall.window);
    assert_eq!(text(&rating["site"]), hall.branch);
    assert_eq!(text(&rating["staff"]), hall.staff);
    assert_eq!(text(&rating["encounter"]), encounter);
    assert_eq!(int(&rating["grade"]), 5);
    assert!(rating["trustMarks"].as_array().is_none_or(Vec::is_empty), "{rating}");

    check_figures(&org, &hall).await;
    world.stop().await;
}

async fn check_figures(org: &Org, hall: &Hall) {
    let figures = patiently("the rating to be counted", || async {
        let figures = org.figures(&hall.branch, json!({"groupBy": ["GROUP_BY_WINDOW"]})).await;
        let total = &figures["total"];
        (int(&total["n"]) == 1 && int(&total["ratedEncounters"]) == 1).then_some(figures)
    })
    .await;
    let row = &figures["rows"][0];
    assert_eq!(text(&row["key"]["window"]), hall.window, "{figures}");
    assert_eq!(int(&row["served"]), 1, "{figures}");
    assert_eq!(int(&row["prompted"]), 1, "{figures}");
    assert_eq!(row["coverage"]["value"], json!(1.0), "{figures}");
    assert_eq!(row["score0100"]["value"], json!(100.0), "{figures}");
    assert_eq!(int(&row["csat"]["numerator"]), 1, "{figures}");
    assert_eq!(figures["timeZone"], json!("Asia/Shanghai"));
    // The same rating, seen from the units above.
    for unit in [&hall.region, &org.headquarters] {
        let figures = org.figures(unit, json!({})).await;
        assert_eq!(int(&figures["total"]["n"]), 1, "{figures}");
    }
    let by_staff = org.figures(&hall.branch, json!({"groupBy": ["GROUP_BY_STAFF"]})).await;
    assert_eq!(text(&by_staff["rows"][0]["key"]["staff"]), hall.staff, "{by_staff}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_becomes_a_figure_in_one_process_on_sqlite() {
    a_press_becomes_a_figure(Shape::OneOnSqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_becomes_a_figure_in_one_process_on_postgres() {
    a_press_becomes_a_figure(Shape::OneOnPostgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_becomes_a_figure_in_separate_processes_on_postgres() {
    a_press_becomes_a_figure(Shape::ManyOnPostgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_becomes_a_figure_with_two_replicas_of_each_service() {
    a_press_becomes_a_figure(Shape::TwiceOnPostgres).await;
}

/// Each figure is asked for once, right after the press: the caller's token makes it wait for
/// just that press.
async fn a_press_is_in_the_next_figure(shape: Shape) {
    let world = World::start(shape).await;
    let org = world.organisation().await;
    let hall = hall(&world, &org).await;
    for pressed in 1..=20 {
        let encounter = serve_customer(&hall).await;
        let batch = json!({"ratings": [press(&encounter, pressed, 5)]});
        hall.device.rest.post("/v1/ratings:batchCreate", batch).await;
        // So many presses in a row are suspicious, and counted all the same.
        let all = json!({"filter": {"includeDistrusted": true}});
        let figures = org.figures(&hall.branch, all).await;
        let total = &figures["total"];
        assert_eq!(int(&total["n"]), pressed, "{figures}");
        assert_eq!(int(&total["ratedEncounters"]), pressed, "{figures}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_read_their_own_writes_in_one_process_on_sqlite() {
    a_press_is_in_the_next_figure(Shape::OneOnSqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_read_their_own_writes_in_separate_processes_on_postgres() {
    a_press_is_in_the_next_figure(Shape::ManyOnPostgres).await;
}

/// The lists behind a figure have as many ratings and services as it counts.
async fn follow_what_is_behind(org: &Org, unit: &str, tree: &str, n: i64) {
    let now = jiff::Timestamp::now();
    let day = |hours: i64| (now + jiff::Span::new().hours(hours)).to_string()[..10].to_owned();
    let ask = json!({
        "unit": unit, "from": day(-48), "to": day(48), "tree": tree,
        "filter": {"includeDistrusted": true},
    });
    let found = org.rest.post("/v1/figures:explain", ask).await;
    assert_eq!(int(&found["n"]), n, "{found}");
    for (title, items) in [("ratings", "ratings"), ("services", "encounters")] {
        let lists = found["drillDown"].as_array().cloned().unwrap_or_default();
        let list = lists.iter().find(|list| text(&list["title"]) == title).expect("the list");
        assert_eq!(list["allowed"], json!(true), "{found}");
        let behind = org.rest.get(text(&list["path"])).await;
        let count = behind[items].as_array().map_or(0, Vec::len);
        assert_eq!(i64::try_from(count), Ok(n), "{tree} {list}: {behind}");
    }
}

/// A rating before the branch goes to another region, and one after it.
async fn a_moved_branch_leaves_its_past_behind(shape: Shape) {
    let world = World::start(shape).await;
    let org = world.organisation().await;
    let hall = hall(&world, &org).await;
    let west = org.unit(&org.headquarters, "REGION", "西区").await;
    let rate = async |sequence: i64, grade: i32| {
        let encounter = serve_customer(&hall).await;
        let batch = json!({"ratings": [press(&encounter, sequence, grade)]});
        let answer = hall.device.rest.post("/v1/ratings:batchCreate", batch).await;
        assert_eq!(int(&answer["results"][0]["code"]), 0, "{answer}");
    };
    let counted = async |unit: &str, tree: &str, n: i64| {
        patiently("the ratings to be counted where they belong", || async {
            let extra = json!({"tree": tree, "filter": {"includeDistrusted": true}});
            let figures = org.figures(unit, extra).await;
            (int(&figures["total"]["n"]) == n).then_some(())
        })
        .await;
        follow_what_is_behind(&org, unit, tree, n).await;
    };
    rate(1, 5).await;
    counted(&hall.region, "TREE_AS_OF_SERVICE", 1).await;
    let path = format!("/v1/{}:move", hall.branch);
    org.rest.post(&path, json!({"parent": west})).await;
    // The device service knows of it once the list of the region has the branch's rating.
    patiently("the device service to hear of the move", || async {
        let list = org.rest.get(&format!("/v1/ratings?unit={west}")).await;
        list["ratings"].as_array().is_some_and(|found| found.len() == 1).then_some(())
    })
    .await;
    rate(2, 1).await;
    counted(&west, "TREE_AS_OF_SERVICE", 1).await;
    counted(&hall.region, "TREE_AS_OF_SERVICE", 1).await;
    counted(&hall.branch, "TREE_AS_OF_SERVICE", 2).await;
    counted(&org.headquarters, "TREE_AS_OF_SERVICE", 2).await;
    counted(&west, "TREE_PRESENT", 2).await;
    counted(&hall.region, "TREE_PRESENT", 0).await;
    crate::load::reconcile(&world, &org).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_branch_leaves_its_past_behind_in_one_process_on_sqlite() {
    a_moved_branch_leaves_its_past_behind(Shape::OneOnSqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_branch_leaves_its_past_behind_in_separate_processes_on_postgres() {
    a_moved_branch_leaves_its_past_behind(Shape::ManyOnPostgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_the_death_of_every_process() {
    let mut world = World::start(Shape::ManyOnPostgres).await;
    let org = world.organisation().await;
    let hall = hall(&world, &org).await;
    let encounter = serve_customer(&hall).await;
    let batch = json!({"ratings": [press(&encounter, 1, 4)]});
    let first = hall.device.rest.post("/v1/ratings:batchCreate", batch.clone()).await;
    let receipt = text(&first["results"][0]["receipt"]).to_owned();

    for part in e2e::processes::Part::ALL {
        world.processes().restart(part).await;
    }
    world.wait_until_ready().await;
    let again = patiently("the device service to take ratings again", || async {
        let post = reqwest::Method::POST;
        let answer = hall.device.rest.call(post, "/v1/ratings:batchCreate", Some(&batch)).await;
        answer.0.is_success().then_some(answer.1)
    })
    .await;
    assert_eq!(text(&again["results"][0]["receipt"]), receipt);
    assert_eq!(again["results"][0]["duplicate"], json!(true), "{again}");
    patiently("the rating to be counted once", || async {
        let figures = org.figures_if_any(&hall.branch, json!({})).await?;
        (int(&figures["total"]["n"]) == 1).then_some(())
    })
    .await;
    world.stop().await;
}
