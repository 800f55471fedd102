//! Order, repetition and grouping of events do not matter; what cannot be applied is parked.

use analytics_domain::fact::{Encounter, Fact, Rating};
use bytes::Bytes;
use kit::feed::{Consumer as _, Inbox};
use proto::common::v1::EventGroup;
use sea_orm::{ConnectionTrait, Statement, Value};

use super::{
    model::{Random, Story, change_event, counted, fact, group, groups},
    world::World,
};
use crate::{
    freshness::DEVICE,
    store::{parked, state},
};

#[tokio::test]
async fn any_order_repetition_and_grouping_leave_the_rows_that_counting_gives() {
    for seed in 1..=3 {
        for world in World::everywhere().await {
            let mut random = Random::new(seed);
            let story = Story::new(&world, &mut random, 120);
            let mut events = story.events.clone();
            random.shuffle(&mut events);
            let mut feed = groups(&events, &mut random);
            // Each group up to three times, in any order, in batches of any size.
            for group in feed.clone() {
                for _ in 0..random.below(3) {
                    feed.push(group.clone());
                }
            }
            random.shuffle(&mut feed);
            let mut rest = feed.as_slice();
            while !rest.is_empty() {
                let (batch, later) = rest.split_at(rest.len().min(1 + random.below(15)));
                world.apply(batch.to_vec()).await;
                rest = later;
            }
            let (found, expected) = (world.dump().await, counted(&world, &story.facts));
            assert_eq!(found, expected, "{} seed {seed}", world.name);
        }
    }
}

#[tokio::test]
async fn a_fact_that_is_taken_back_before_it_comes_leaves_no_row() {
    for world in World::everywhere().await {
        let mut random = Random::new(7);
        let gone = fact(&world, &mut random);
        let retract = change_event(&world, Some(&gone), None);
        let assert = change_event(&world, None, Some(&gone));
        world.apply(vec![group(1, &[retract])]).await;
        assert!(!world.dump().await.is_empty(), "{}: counts below zero wait", world.name);
        world.apply(vec![group(2, &[assert])]).await;
        assert_eq!(world.dump().await, Vec::<String>::new(), "{}", world.name);
        // Once all is there the cells are looked at again, and found settled.
        world.clock.advance(std::time::Duration::from_secs(61));
        world.apply(vec![group(3, &[])]).await;
        let tx = world.db.begin().await.unwrap();
        assert!(!state::lock(&tx, 1).await.unwrap().unsettled, "{}", world.name);
    }
}

#[tokio::test]
async fn a_broken_group_is_parked_and_counts_once_it_is_repaired() {
    for world in World::everywhere().await {
        let mut random = Random::new(11);
        let story = Story::new(&world, &mut random, 60);
        let feed = groups(&story.events, &mut random);
        let poisoned = feed.len() / 2;
        let mut sent = feed.clone();
        sent[poisoned].events = Bytes::from_static(b"\xff\xff\xff");
        world.apply(sent).await;
        let expected = counted(&world, &story.facts);
        assert_ne!(world.dump().await, expected, "{}", world.name);
        assert_eq!(parked::count(world.db.read(), DEVICE).await.unwrap(), 1);
        let cursor = Inbox::cursor(world.db.read(), DEVICE).await.unwrap();
        assert_eq!(cursor, feed.last().unwrap().position, "the others went on");

        assert_eq!(world.service.ratings.applier.replay_parked().await.unwrap(), 0, "still broken");
        repair(&world, &feed[poisoned]).await;
        assert_eq!(world.service.ratings.applier.replay_parked().await.unwrap(), 1);
        assert_eq!(world.dump().await, expected, "{}", world.name);
        assert_eq!(parked::count(world.db.read(), DEVICE).await.unwrap(), 0);
        world.apply(feed).await;
        assert_eq!(world.dump().await, expected, "{}: repeated afterwards", world.name);
    }
}

async fn repair(world: &World, group: &EventGroup) {
    let tx = world.db.begin().await.unwrap();
    let sql = "UPDATE parked_group SET events = $1";
    let backend = tx.conn().get_database_backend();
    let values = [Value::from(group.events.to_vec())];
    tx.conn().execute_raw(Statement::from_sql_and_values(backend, sql, values)).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_group_that_the_database_refuses_five_times_is_parked_and_the_others_go_on() {
    let world = World::in_memory().await;
    let mut random = Random::new(37);
    let mut story = Story::new(&world, &mut random, 40);
    for fact in &mut story.facts {
        let (Fact::Rating(Rating { place, .. }) | Fact::Encounter(Encounter { place, .. })) = fact;
        place.business_type = "plain".to_owned();
    }
    let Some(Fact::Rating(Rating { place, .. }) | Fact::Encounter(Encounter { place, .. })) =
        story.facts.get_mut(5)
    else {
        panic!("there are facts");
    };
    place.business_type = "cursed".to_owned();
    let feed: Vec<EventGroup> = (1..)
        .zip(&story.facts)
        .map(|(number, fact)| group(number, &[change_event(&world, None, Some(fact))]))
        .collect();
    let curse = "CREATE TRIGGER curse BEFORE INSERT ON cell_day WHEN NEW.business_type = 'cursed' \
                 BEGIN SELECT RAISE(ABORT, 'cursed'); END";
    world.db.read().execute_unprepared(curse).await.unwrap();
    let mut failures = 0;
    loop {
        let cursor = world.service.ratings.applier.cursor().await.unwrap();
        let after = feed.iter().filter(|group| {
            kit::feed::compare_positions(&group.position, &cursor).unwrap().is_gt()
        });
        match world.service.ratings.applier.apply(after.cloned().collect()).await {
            Ok(()) => break,
            Err(_) => failures += 1,
        }
    }
    assert_eq!(failures, 4, "the fifth failure parks it");
    assert_eq!(parked::count(world.db.read(), DEVICE).await.unwrap(), 1);
    assert!(world.service.ratings.applier.replay_parked().await.is_err(), "it fails still");
    world.db.read().execute_unprepared("DROP TRIGGER curse").await.unwrap();
    assert_eq!(world.service.ratings.applier.replay_parked().await.unwrap(), 1);
    assert_eq!(world.dump().await, counted(&world, &story.facts));
}

#[tokio::test]
async fn a_group_of_an_unknown_site_waits_for_the_directory() {
    let world = World::in_memory().await;
    let mut random = Random::new(5);
    let mut strange = fact(&world, &mut random);
    let site = uuid::Uuid::now_v7();
    match &mut strange {
        Fact::Rating(rating) => rating.place.site = site,
        Fact::Encounter(encounter) => encounter.place.site = site,
    }
    world.apply(vec![group(1, &[change_event(&world, None, Some(&strange))])]).await;
    assert_eq!(parked::count(world.db.read(), DEVICE).await.unwrap(), 1);
    let unit = proto::auth::v1::Unit {
        name: proto::names::print("units", site),
        parent: proto::names::print("units", world.org.region),
        ..Default::default()
    };
    let change = proto::auth::v1::event::Change::UnitChanged(unit);
    world.org.apply(vec![change]).await;
    assert_eq!(world.service.ratings.applier.replay_parked().await.unwrap(), 1);
    assert_eq!(world.dump().await, counted(&world, &[strange]));
}

#[tokio::test]
async fn a_rebuild_gives_the_same_bytes_and_no_batch_slips_in_before_it() {
    for world in World::everywhere().await {
        let mut random = Random::new(13);
        let story = Story::new(&world, &mut random, 80);
        let feed = groups(&story.events, &mut random);
        let (first, rest) = feed.split_at(feed.len() / 2);
        world.apply(feed.clone()).await;
        let before = world.dump().await;
        assert_eq!(before, counted(&world, &story.facts), "{}", world.name);

        let target = world.service.ratings.applier.rebuild(None).await.unwrap();
        assert_eq!(target, feed.last().unwrap().position);
        assert_eq!(world.dump().await, Vec::<String>::new());
        // A follower that does not know yet that it must begin again.
        assert!(
            world.service.ratings.applier.apply(rest.to_vec()).await.is_err(),
            "{}",
            world.name
        );
        assert_eq!(world.dump().await, Vec::<String>::new());
        world.apply(first.to_vec()).await;
        world.apply(rest.to_vec()).await;
        assert_eq!(world.dump().await, before, "{}", world.name);
    }
}

#[tokio::test]
async fn days_stay_where_they_are_when_a_site_changes_its_zone() {
    let world = World::in_memory().await;
    let mut random = Random::new(17);
    let story = Story::new(&world, &mut random, 40);
    let expected = counted(&world, &story.facts);
    let feed = groups(&story.events, &mut random);
    let (first, rest) = feed.split_at(feed.len() / 2);
    world.apply(first.to_vec()).await;
    for branch in world.org.branches {
        let unit = proto::auth::v1::Unit {
            name: proto::names::print("units", branch),
            parent: proto::names::print("units", world.org.region),
            kind: proto::auth::v1::UnitKind::Branch as i32,
            time_zone: "America/New_York".to_owned(),
            ..Default::default()
        };
        world.org.apply(vec![proto::auth::v1::event::Change::UnitChanged(unit)]).await;
    }
    world.apply(rest.to_vec()).await;
    assert_eq!(world.dump().await, expected);
}

#[tokio::test]
async fn a_long_batch_is_applied_in_transactions_of_twenty_thousand_events() {
    let world = World::in_memory().await;
    let mut random = Random::new(41);
    let facts: Vec<Fact> = (0..1000).map(|_| fact(&world, &mut random)).collect();
    let events: Vec<_> = facts.iter().map(|fact| change_event(&world, None, Some(fact))).collect();
    let feed = (1..=21).map(|number| group(number, &events)).collect();
    let watch = "CREATE TABLE moved (position TEXT); \
                 CREATE TRIGGER first AFTER INSERT ON feed_cursor WHEN NEW.source = 'device' \
                 BEGIN INSERT INTO moved VALUES (NEW.position); END; \
                 CREATE TRIGGER next AFTER UPDATE ON feed_cursor WHEN NEW.source = 'device' \
                 BEGIN INSERT INTO moved VALUES (NEW.position); END";
    world.db.read().execute_unprepared(watch).await.unwrap();
    world.apply(feed).await;
    let conn = world.db.read();
    let sql = "SELECT position FROM moved";
    let statement = Statement::from_string(conn.get_database_backend(), sql);
    let moved = conn.query_all_raw(statement).await.unwrap().len();
    assert_eq!(moved, 2, "twenty groups, then one");
    let all: Vec<Fact> = (0..21).flat_map(|_| facts.iter().cloned()).collect();
    assert_eq!(world.dump().await, counted(&world, &all));
}
