//! When, where and whether a press was really given.

use device_domain::{clock_correction::ClockSource, trust::Mark};
use proto::{
    auth::v1::{OpeningHours, Unit, UnitKind, event::Change as AuthChange},
    device::v1::{
        BatchWriteEncounterEventsRequest, EncounterEvent, EncounterEventKind,
        encounter_service_client::EncounterServiceClient,
    },
};

use super::*;

fn clock(device_us: i64, monotonic_ms: i64, boot_id: &str) -> Option<SendClock> {
    let device_time = Some(time::from_us(device_us));
    Some(SendClock { device_time, monotonic_ms, boot_id: boot_id.to_owned() })
}

#[tokio::test]
async fn a_clock_wrong_by_ten_years_is_corrected_and_flagged() {
    for world in worlds().await {
        let (_, token) = world.sender().await;
        for (sequence, years) in [(1, -10), (2, 10), (3, 0)] {
            let error = years * 365 * DAY;
            let mut sent = message(sequence);
            sent.device_time = Some(time::from_us(NOW - 90 * SECOND + error));
            sent.monotonic_ms = 10_000;
            sent.boot_id = "boot".into();
            let at_sending = clock(NOW + error, 100_000, "boot");
            let answer = world.try_send(&token, vec![sent], at_sending).await.unwrap();
            let rating = world.rating(&answer.results[0].receipt).await;
            assert_eq!(rating.press_us, NOW - 90 * SECOND, "{}", world.name);
            assert_eq!(rating.clock_source, ClockSource::Monotonic);
            assert_eq!(rating.clock_suspect, years != 0);
            assert_eq!(rating.device_us, Some(NOW - 90 * SECOND + error));
            assert_eq!(rating.receive_us, NOW);
        }
    }
}

#[tokio::test]
async fn a_press_of_an_earlier_boot_uses_the_offset_measured_then() {
    for world in worlds().await {
        let (_, token) = world.sender().await;
        let wrong = NOW - 5 * 365 * DAY;
        let answer =
            world.try_send(&token, messages([1]), clock(wrong, 60_000, "a")).await.unwrap();
        assert_eq!(answer.results[0].code, 0);
        world.clock.advance(Duration::from_secs(600));
        let mut late = message(2);
        late.boot_id = "a".into();
        late.device_time = Some(time::from_us(wrong + 60 * SECOND));
        late.monotonic_ms = 120_000;
        let mut wall = message(3);
        wall.boot_id = "a".into();
        wall.device_time = Some(time::from_us(wrong + 90 * SECOND));
        let next_boot = clock(NOW + 600 * SECOND, 5_000, "b");
        let answer = world.try_send(&token, vec![late, wall], next_boot).await.unwrap();
        for (result, age) in answer.results.iter().zip([60, 90]) {
            let rating = world.rating(&result.receipt).await;
            assert_eq!(rating.clock_source, ClockSource::BootOffset, "{}", world.name);
            assert_eq!(rating.press_us, NOW + age * SECOND);
            assert!(rating.clock_suspect);
        }
    }
}

#[tokio::test]
async fn an_impossible_time_is_replaced_by_the_arrival() {
    let world = small_world().await;
    let (_, token) = world.sender().await;
    let mut sent = messages(1..=3);
    sent[0].device_time = Some(time::from_us(NOW + DAY));
    sent[1].device_time = Some(time::from_us(0));
    sent[2].device_time = None;
    let answer = world.send(&token, sent).await;
    for (result, suspect) in answer.results.iter().zip([true, true, false]) {
        let rating = world.rating(&result.receipt).await;
        assert_eq!((rating.press_us, rating.clock_source), (NOW, ClockSource::Arrival));
        assert_eq!(rating.clock_suspect, suspect);
    }
}

#[tokio::test]
async fn a_press_belongs_to_the_window_where_its_device_stood_then() {
    for world in worlds().await {
        let (device, token) = world.sender().await;
        let tx = world.db().begin().await.unwrap();
        let org = world.org.org;
        store::device::leave(tx.conn(), org, device, NOW - 30 * MINUTE).await.unwrap();
        let place = Assignment {
            id: Uuid::now_v7(),
            device,
            window: world.org.windows[2],
            from_us: NOW - 20 * MINUTE,
            to_us: None,
        };
        store::device::stand(tx.conn(), org, &place).await.unwrap();
        tx.commit().await.unwrap();
        // Pressed 59, 25 and 10 minutes ago.
        let answer = world.send(&token, messages([1, 35, 50])).await;
        assert_eq!(short(&answer.results), [NEW, (9, "QUARANTINED", false), NEW], "{}", world.name);
        let first = world.rating(&answer.results[0].receipt).await;
        let last = world.rating(&answer.results[2].receipt).await;
        assert_eq!(first.window, Some(world.org.windows[0]));
        assert_eq!((last.window, last.site), (Some(world.org.windows[2]), world.org.branches[1]));
    }
}

#[tokio::test]
async fn a_burst_is_marked_over_batches_in_any_order() {
    for world in worlds().await {
        let (_, token) = world.sender().await;
        let mut sent = messages(1..=6);
        for (message, second) in sent.iter_mut().zip([0, 60, 63, 66, 120, 180]) {
            message.device_time = Some(time::from_us(NOW - HOUR + second * SECOND));
        }
        sent[4].response_ms = 120;
        for index in [3, 0, 2, 5, 1, 4] {
            let answer = world.send(&token, vec![sent[index].clone()]).await;
            assert_eq!(short(&answer.results), [NEW]);
        }
        let mut stored = world.stored().await;
        stored.sort_by_key(|rating| rating.sequence);
        let marks: Vec<Vec<i32>> = stored.iter().map(|r| r.marks.numbers()).collect();
        let burst = vec![Mark::Burst as i32];
        let want =
            [vec![], burst.clone(), burst.clone(), burst, vec![Mark::TooFast as i32], vec![]];
        assert_eq!(marks, want, "{}", world.name);
        world.check_feed().await;
    }
}

#[tokio::test]
async fn a_press_outside_of_opening_hours_is_marked() {
    let world = small_world().await;
    let (_, token) = world.sender().await;
    let hours = (1..=7)
        .map(|weekday| OpeningHours { weekday, open_minute: 540, close_minute: 1020 })
        .collect();
    world
        .org
        .apply(vec![AuthChange::UnitChanged(Unit {
            name: names::print("units", world.org.branches[0]),
            parent: names::print("units", world.org.region),
            kind: UnitKind::Branch as i32,
            opening_hours: hours,
            ..Default::default()
        })])
        .await;
    // It is ten o'clock; opened at nine, less half an hour of grace.
    let mut early = message(1);
    early.device_time = Some(time::from_us(NOW - 91 * MINUTE));
    let mut grace = message(2);
    grace.device_time = Some(time::from_us(NOW - 89 * MINUTE));
    let answer = world.send(&token, vec![early, grace]).await;
    let early = world.rating(&answer.results[0].receipt).await;
    let grace = world.rating(&answer.results[1].receipt).await;
    assert_eq!(early.marks.numbers(), [Mark::OutsideHours as i32]);
    assert!(grace.marks.is_empty());
}

#[tokio::test]
async fn a_press_before_a_move_stays_with_the_branch_it_was_given_in() {
    for world in worlds().await {
        let (_, token) = world.sender().await;
        let [old, new] = world.org.branches;
        // Moved half an hour ago; the buffer holds presses of before and after.
        world.org.move_window(0, 1, NOW - 30 * MINUTE).await;
        let (mut before, mut after) = (message(1), message(2));
        before.device_time = Some(time::from_us(NOW - 31 * MINUTE));
        after.device_time = Some(time::from_us(NOW - 30 * MINUTE));
        let answer = world.send(&token, vec![before, after]).await;
        for (result, site) in answer.results.iter().zip([old, new]) {
            let rating = world.rating(&result.receipt).await;
            let place = (rating.window, rating.site);
            assert_eq!(place, (Some(world.org.windows[0]), site), "{}", world.name);
        }
        let late = Uuid::now_v7();
        report(&world, &[(late, EncounterEventKind::Finished, NOW - 29 * MINUTE)]).await;
        assert_eq!(encounter(&world, late).await.site, new, "{}", world.name);
        report(&world, &[(late, EncounterEventKind::Started, NOW - 40 * MINUTE)]).await;
        assert_eq!(encounter(&world, late).await.site, old, "{}", world.name);
        world.check_feed().await;
    }
}

/// Reports events of encounters at the first window.
async fn report(world: &World, events: &[(Uuid, EncounterEventKind, i64)]) {
    let unit = world.org.windows[0];
    let token = world.org.client(unit, &[Permission::EncounterWrite], None).await;
    let events = events
        .iter()
        .map(|(id, kind, us)| EncounterEvent {
            encounter_id: id.to_string(),
            kind: *kind as i32,
            event_time: Some(time::from_us(*us)),
            window: names::print("units", unit),
            business_type: "loan".into(),
            ..Default::default()
        })
        .collect();
    let request = BatchWriteEncounterEventsRequest { events };
    let mut client = EncounterServiceClient::new(world.chan.clone());
    let answer = client.batch_write_encounter_events(bearer(request, &token)).await.unwrap();
    assert!(answer.get_ref().results.iter().all(|r| r.code == 0), "{answer:?}");
}

async fn encounter(world: &World, id: Uuid) -> device_domain::encounter::Encounter {
    let org = world.org.org;
    let found = store::encounter::find(world.db().read(), org, &[id]).await.unwrap();
    found.into_iter().next().unwrap()
}

#[tokio::test]
async fn a_press_is_credited_to_the_service_that_was_open() {
    use EncounterEventKind::{Finished, Prompted, Started};
    for world in worlds().await {
        let (_, token) = world.sender().await;
        let (a, b) = (Uuid::now_v7(), Uuid::now_v7());
        report(
            &world,
            &[
                (a, Started, NOW - 50 * MINUTE),
                (a, Finished, NOW - 40 * MINUTE),
                (a, Prompted, NOW - 40 * MINUTE),
                (b, Started, NOW - 10 * MINUTE),
            ],
        )
        .await;
        // Pressed 39 minutes ago, 38 minutes ago (the same customer again), 20 minutes ago
        // (nobody served) and 5 minutes ago.
        let answer = world.send(&token, messages([21, 22, 40, 55])).await;
        assert_eq!(short(&answer.results), [NEW; 4]);
        let mut found = Vec::new();
        for result in &answer.results {
            let rating = world.rating(&result.receipt).await;
            found.push((rating.encounter, rating.business_type, rating.marks.numbers()));
        }
        let loan = || "loan".to_owned();
        let want = [
            (Some(a), loan(), vec![]),
            (Some(a), loan(), vec![Mark::SecondChannel as i32]),
            (None, String::new(), vec![Mark::NoEncounter as i32]),
            (Some(b), loan(), vec![]),
        ];
        assert_eq!(found, want, "{}", world.name);
        let rated = encounter(&world, a).await;
        assert_eq!(rated.state(), device_domain::encounter::State::Rated);
        let first = names::parse("ratings", &answer.results[0].receipt);
        assert_eq!(rated.rating, first);
        world.check_feed().await;
    }
}

#[tokio::test]
async fn the_earliest_press_counts_for_a_service_though_it_comes_last() {
    for world in worlds().await {
        let (_, token) = world.sender().await;
        let a = Uuid::now_v7();
        report(&world, &[(a, EncounterEventKind::Started, NOW - 50 * MINUTE)]).await;
        let late = world.send(&token, messages([30])).await;
        let early = world.send(&token, messages([20])).await;
        let late = world.rating(&late.results[0].receipt).await;
        let early = world.rating(&early.results[0].receipt).await;
        assert_eq!(late.marks.numbers(), [Mark::SecondChannel as i32], "{}", world.name);
        assert!(early.marks.is_empty());
        assert_eq!(encounter(&world, a).await.rating, Some(early.id));
        world.check_feed().await;
    }
}

#[tokio::test]
async fn a_service_may_be_rated_before_it_is_reported() {
    for world in worlds().await {
        let (_, token) = world.sender().await;
        let a = Uuid::now_v7();
        let mut named = message(30);
        named.encounter = names::print("encounters", a);
        let answer = world.send(&token, vec![named]).await;
        let rating = world.rating(&answer.results[0].receipt).await;
        assert_eq!((rating.encounter, rating.marks.is_empty()), (Some(a), true));
        report(&world, &[(a, EncounterEventKind::Started, NOW - 45 * MINUTE)]).await;
        let known = encounter(&world, a).await;
        assert_eq!((known.rating, known.business_type.as_str()), (Some(rating.id), "loan"));
        let rating = world.rating(&answer.results[0].receipt).await;
        assert_eq!(rating.business_type, "loan", "{}", world.name);
        world.check_feed().await;
    }
}

#[tokio::test]
async fn a_service_that_is_reported_late_takes_its_rating_back() {
    for world in worlds().await {
        let (_, token) = world.sender().await;
        report(&world, &[(Uuid::now_v7(), EncounterEventKind::Called, NOW - 5 * HOUR)]).await;
        let answer = world.send(&token, messages([30])).await;
        let lonely = world.rating(&answer.results[0].receipt).await;
        let a = Uuid::now_v7();
        report(
            &world,
            &[
                (a, EncounterEventKind::Started, NOW - 40 * MINUTE),
                (a, EncounterEventKind::Finished, NOW - 31 * MINUTE),
            ],
        )
        .await;
        let linked = world.rating(&answer.results[0].receipt).await;
        assert_eq!((lonely.encounter, linked.encounter), (None, Some(a)), "{}", world.name);
        assert!(linked.marks.is_empty());
        assert_eq!(encounter(&world, a).await.rating, Some(linked.id));
        world.check_feed().await;
    }
}
