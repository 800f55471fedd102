//! A PostgreSQL server that stops and comes back while devices send (guarantee O4).

use std::time::{Duration, Instant};

use all_in_one::suite::Databases;
use e2e::{World, cluster::Cluster, patiently};
use kit::testing::postgres_url_at;
use serde_json::json;

use super::load::{Load, damage, devices, reconcile};

/// How long it may take after the server is back until ratings are taken again.
const RECOVERY: Duration = Duration::from_secs(5);

async fn databases(cluster: &Cluster) -> Databases {
    Databases {
        auth: postgres_url_at(cluster.url()).await,
        device: postgres_url_at(cluster.url()).await,
        survey: postgres_url_at(cluster.url()).await,
        analytics: postgres_url_at(cluster.url()).await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_postgres_is_unavailable_and_back_within_five_seconds() {
    let cluster = Cluster::start_in(&std::env::temp_dir());
    let world = World::apart_on(databases(&cluster).await).await;
    let org = world.organisation().await;
    let (branch, devices) = devices(&world, &org).await;
    let load = Load::start(&devices);
    let taken = async |least: usize| {
        patiently("ratings to be taken", || async {
            (load.history.acknowledged() > least).then_some(())
        })
        .await;
    };
    taken(100).await;
    for _ in 0..3 {
        cluster.kill();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let silent = load.history.acknowledged();
        // Reading and writing are refused with a hint, and nothing is acknowledged.
        let figures = json!({"unit": branch, "from": "2026-01-01", "to": "2026-01-02"});
        let unit = json!({"parent": branch, "kind": "UNIT_KIND_WINDOW", "displayName": "x"});
        for (path, body) in [
            ("/v1/devices", None),
            ("/v1/units", Some(&unit)),
            ("/v1/figures:query", Some(&figures)),
        ] {
            let method = if body.is_some() { reqwest::Method::POST } else { reqwest::Method::GET };
            let request = org.rest.request(method, path);
            let request = body.into_iter().fold(request, |request, body| request.json(body));
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status().as_u16(), 503, "{path}");
            assert!(answer.headers().contains_key("retry-after"), "{path} {answer:?}");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(load.history.acknowledged(), silent, "acknowledged without a database");

        cluster.resume();
        let back = Instant::now();
        taken(silent).await;
        assert!(back.elapsed() < RECOVERY, "it took {:?}", back.elapsed());
        taken(silent + 200).await;
    }
    let history = load.finish().await;
    let problems = damage(&world, &org, &branch, &history).await;
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    reconcile(&world, &org).await;
    world.stop().await;
}
