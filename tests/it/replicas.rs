//! Two processes of each service on shared databases: any of them may die, and no change of
//! rights stays unheard by one of them.

use std::time::Duration;

use e2e::{
    Shape, World, patiently,
    processes::Part,
    rest::{int, text},
};
use serde_json::json;

use super::load::{Load, damage, devices, reconcile};

const SERVICES: [Part; 4] = [Part::Auth, Part::Device, Part::Survey, Part::Analytics];

#[tokio::test(flavor = "multi_thread")]
async fn of_two_replicas_either_may_die_and_nothing_is_lost_or_counted_twice() {
    let mut world = World::start(Shape::TwiceOnPostgres).await;
    let org = world.organisation().await;
    let (branch, devices) = devices(&world, &org).await;
    let load = Load::start(&devices);
    let taken = |least: usize| {
        let history = load.history.clone();
        patiently("ratings to be taken", move || {
            let enough = history.acknowledged() > least;
            async move { enough.then_some(()) }
        })
    };
    taken(100).await;
    for replica in [0, 1] {
        for part in SERVICES {
            world.processes().kill_replica(part, replica);
        }
        // The others go on alone, for longer than a lease lasts, and count what comes.
        let before = load.history.acknowledged();
        taken(before + 200).await;
        let acknowledged = i64::try_from(load.history.acknowledged()).unwrap();
        e2e::wait::until("the other replica to count", Duration::from_secs(60), || async {
            let all = json!({"filter": {"includeDistrusted": true}});
            let figures = org.figures_if_any(&branch, all).await?;
            (int(&figures["total"]["n"]) >= acknowledged).then_some(())
        })
        .await;
        for part in SERVICES {
            world.processes().start_replica(part, replica).await;
        }
        let before = load.history.acknowledged();
        taken(before + 100).await;
    }
    let history = load.finish().await;
    let problems = damage(&world, &org, &branch, &history).await;
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    // Whichever replica is asked: it gets the feeds to stand still.
    for _ in 0..6 {
        reconcile(&world, &org).await;
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_rights_is_heard_by_every_replica_within_five_seconds() {
    let world = World::start(Shape::TwiceOnPostgres).await;
    let org = world.organisation().await;
    let branch = org.unit(&org.headquarters, "BRANCH", "支行").await;
    let password = tools::client::credentials::random_password();
    let user = json!({
        "user": {"login": "li", "displayName": "李", "unit": branch}, "password": password,
    });
    let user = text(&org.rest.post("/v1/users", user).await["name"]).to_owned();
    let grant = json!({"subject": user, "role": "roles/branch-manager", "unit": branch});
    let grant = text(&org.rest.post("/v1/grants", grant).await["name"]).to_owned();
    let manager = org.rest.sign_in(&org.sign_in.organisation, "li", &password).await;
    // Callers without a consistency token: nothing makes a replica wait for the change.
    let asks = async |path: &str, times: usize| {
        let mut codes = Vec::new();
        for _ in 0..times {
            let request = world.rest.request(reqwest::Method::GET, path);
            let token = manager.token().unwrap();
            codes.push(request.bearer_auth(token).send().await.unwrap().status().as_u16());
        }
        codes
    };
    for path in ["/v1/units", "/v1/devices"] {
        assert_eq!(asks(path, 8).await, [200; 8], "{path}");
    }
    let path = format!("/v1/{grant}");
    let (status, answer) = org.rest.call(reqwest::Method::DELETE, &path, None).await;
    assert!(status.is_success(), "{answer}");
    tokio::time::sleep(Duration::from_secs(5)).await;
    for path in ["/v1/units", "/v1/devices"] {
        assert_eq!(asks(path, 8).await, [403; 8], "{path}");
    }

    // Suspended: everybody of it, everywhere, with a reason; then all is as before.
    let operator = world.rest.with_token(&world.operator_token());
    operator.post(&format!("/v1/{}:suspend", org.name), json!({})).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    for path in ["/v1/units", "/v1/devices", "/v1/ratings", "/v1/measures"] {
        for _ in 0..4 {
            let (status, problem) = org.rest.call(reqwest::Method::GET, path, None).await;
            assert_eq!(status.as_u16(), 400, "{path} {problem}");
            assert_eq!(problem["reason"], json!("ORGANISATION_SUSPENDED"), "{problem}");
        }
    }
    let operator = world.rest.with_token(&world.operator_token());
    operator.post(&format!("/v1/{}:resume", org.name), json!({})).await;
    patiently("everything to be as before", || async {
        let (status, _) = org.rest.call(reqwest::Method::GET, "/v1/devices", None).await;
        status.is_success().then_some(())
    })
    .await;
    world.stop().await;
}
