//! The simulator and the demonstration use the suite as customers' systems do, and what they
//! were told is stored is counted.

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use e2e::{Shape, World, rest::int, until};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tools::{
    client::{Client, lists},
    demo,
    simulate::{self, Options, Site, Tally},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_demonstration_is_made_once_and_its_simulated_ratings_are_counted() {
    let world = World::start(Shape::OneOnSqlite).await;
    let folder = tempfile::tempdir().expect("a folder");
    let credentials = folder.path().join("demo-credentials");
    let operator = Client::operator(&world.address, &world.seed.0).expect("an address");
    let demo = demo::prepare(&operator, &credentials).await.expect("the demonstration is made");
    let again = demo::prepare(&operator, &credentials).await.expect("it is found again");
    assert_eq!(demo.headquarters, again.headquarters);
    let units = lists::units(&demo.client, "").await.expect("units");
    assert_eq!(units.len(), 1 + 3 + 12 + 60);
    assert_eq!(lists::staff(&demo.client, "").await.expect("staff").len(), 80);

    // One branch, a few hundred customers in a few seconds, and a bridge that breaks off.
    let options = Options {
        unit: demo.branch.clone(),
        rate: 300.0,
        speed: 60.0,
        outage_every: 2.0,
        ..Options::default()
    };
    let site = Site::set_up(&demo.client, &options.unit).await.expect("the site is set up");
    let tally = Arc::new(Tally::default());
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (tally, stop) = (tally.clone(), stop.clone());
        async move { simulate::run(site, &options, tally, stop).await }
    });
    until("200 ratings to be stored", Duration::from_secs(90), || async {
        (tally.stored.load(Ordering::Relaxed) >= 200).then_some(())
    })
    .await;
    stop.cancel();
    running.await.expect("no panic").expect("the simulation ends well");
    assert_eq!(tally.refused.load(Ordering::Relaxed), 0, "{tally}");
    assert_eq!(tally.waiting.load(Ordering::Relaxed), 0, "{tally}");

    let stored = tally.stored.load(Ordering::Relaxed);
    let rest = world.rest.with_token(&demo.client.token().await.expect("a token"));
    until("all of them to be counted", Duration::from_secs(30), || async {
        let zone = jiff::tz::TimeZone::get("Asia/Shanghai").expect("a zone");
        let today = jiff::Timestamp::now().to_zoned(zone).date();
        let yesterday = today.yesterday().expect("a date");
        let query = json!({
            "unit": demo.headquarters, "from": yesterday.to_string(), "to": today.to_string(),
            "filter": {"includeDistrusted": true},
        });
        let figures = rest.post("/v1/figures:query", query).await;
        (int(&figures["total"]["n"]) == stored as i64).then_some(())
    })
    .await;
    world.stop().await;
}
