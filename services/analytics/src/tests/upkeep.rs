//! The running service: following, comparing with the source, rebuilding.

use std::time::Duration;

use analytics_domain::fact::Fact;
use kit::{auth::InternalTokens, rpc::bearer, testing::SEED};
use proto::{
    analytics::v1::{
        GetFreshnessRequest, RebuildRequest, freshness_service_client::FreshnessServiceClient,
        maintenance_service_client::MaintenanceServiceClient,
    },
    common::v1::Permission,
};
use tonic::Code;

use super::{
    model::{Random, Story, change_event, counted, group, groups},
    service::rating,
    world::World,
};

/// Waits until the cells are those of `facts`.
async fn settled(world: &World, facts: &[Fact]) {
    let expected = counted(world, facts);
    let settled = async {
        while world.dump().await != expected {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), settled).await;
    in_time.unwrap_or_else(|_| panic!("{}: the cells are not those of the facts", world.name));
}

#[tokio::test]
async fn the_service_follows_the_feed_and_agrees_with_the_source() {
    for world in World::everywhere().await {
        let mut random = Random::new(31);
        let mut story = Story::new(&world, &mut random, 100);
        world.device.commit(groups(&story.events, &mut random), &story.facts);
        let running = world.start();
        let (world, device) = (&running.world, &running.world.device);
        let report = running.reconcile().await;
        assert!(report.equal, "{}: {:?}", world.name, report.mismatches);
        let ratings = story.facts.iter().filter(|f| matches!(f, Fact::Rating(_))).count();
        assert_eq!(report.source_ratings, i64::try_from(ratings).unwrap());
        assert_eq!(report.counted_ratings, report.source_ratings);
        let encounters = i64::try_from(story.facts.len() - ratings).unwrap();
        assert_eq!((report.source_encounters, report.counted_encounters), (encounters, encounters));
        assert_eq!(report.watermark, device.end());
        settled(world, &story.facts).await;

        // A source that holds one more than it told is found out.
        story.facts.push(rating(world, 0, 5));
        device.commit([], &story.facts);
        let report = running.reconcile().await;
        assert!(!report.equal && report.mismatches.len() == 5, "{:?}", report.mismatches);

        let token = InternalTokens::new(&SEED).operator();
        let mut client = FreshnessServiceClient::new(running.channel.clone());
        let sources = client.get_freshness(bearer(GetFreshnessRequest {}, &token)).await;
        let sources = sources.unwrap().into_inner().sources;
        assert_eq!((sources[0].source.as_str(), sources[0].parked), ("device", 0));
        assert_eq!(sources[0].position, device.end());
        running.end().await;
    }
}

#[tokio::test]
async fn a_comparison_is_exact_while_events_come() {
    for world in World::everywhere().await {
        let running = world.start();
        let world = &running.world;
        let mut facts = Vec::new();
        let mut commit_one = |number: usize| {
            let fact = rating(world, number % 4, 1 + i32::try_from(number % 5).unwrap());
            facts.push(fact.clone());
            let event = change_event(world, None, Some(&fact));
            world.device.commit([group(number, &[event])], &facts);
        };
        let mut comparing = Box::pin(running.reconcile());
        let mut number = 0;
        let report = loop {
            number += 1;
            commit_one(number);
            tokio::select! {
                report = &mut comparing => break report,
                () = tokio::time::sleep(Duration::from_millis(1)) => {}
            }
        };
        assert!(report.equal, "{}: {:?}", world.name, report.mismatches);
        settled(world, &facts).await;
        drop(comparing);
        running.end().await;
    }
}

#[tokio::test]
async fn figures_go_on_while_a_source_counts() {
    for world in World::everywhere().await {
        let gate = world.device.count_slowly();
        let mut facts = vec![rating(&world, 0, 5)];
        let event = change_event(&world, None, facts.first());
        world.device.commit([group(1, &[event])], &facts);
        let running = world.start();
        let world = &running.world;
        let mut comparing = Box::pin(running.reconcile());
        tokio::select! {
            _ = &mut comparing => panic!("the source has not counted"),
            () = gate.reached.notified() => {}
        }
        facts.push(rating(world, 1, 1));
        let event = change_event(world, None, facts.last());
        world.device.commit([group(2, &[event])], &facts);
        tokio::select! {
            _ = &mut comparing => panic!("the source still counts"),
            () = settled(world, &facts) => {}
        }
        gate.open.notify_one();
        let report = comparing.await;
        assert!(report.equal, "{}: {:?}", world.name, report.mismatches);
        assert_eq!((report.source_ratings, report.counted_ratings), (1, 1), "of its own moment");
        running.end().await;
    }
}

#[tokio::test]
async fn a_rebuild_ends_where_it_began() {
    for world in World::everywhere().await {
        let mut random = Random::new(41);
        let story = Story::new(&world, &mut random, 100);
        world.device.commit(groups(&story.events, &mut random), &story.facts);
        let running = world.start();
        let world = &running.world;
        settled(world, &story.facts).await;
        let tenant = world.org.user(world.org.root, &[Permission::AnalyticsRead]).await;
        let mut client = MaintenanceServiceClient::new(running.channel.clone());
        let refused = client.rebuild(bearer(RebuildRequest {}, &tenant)).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
        let token = InternalTokens::new(&SEED).operator();
        let rebuilt = client.rebuild(bearer(RebuildRequest {}, &token)).await.unwrap();
        assert_eq!(rebuilt.into_inner().target, world.device.end());
        settled(world, &story.facts).await;
        running.end().await;
    }
}
