//! Encounters through the contract.

use proto::{
    common::v1::{Permission, Reason},
    device::v1::{self, EncounterEventKind as Kind, EncounterState as State, event::Change},
    names, time,
};
use tonic::Code;
use uuid::Uuid;

use super::world::{NOW_US, S, World, bearer, refusal, worlds};

fn event(id: Uuid, kind: Kind, second: i64) -> v1::EncounterEvent {
    v1::EncounterEvent {
        encounter_id: id.to_string(),
        kind: kind as i32,
        event_time: Some(time::from_us(NOW_US + second * S)),
        ..Default::default()
    }
}

async fn write(
    world: &World,
    token: &str,
    events: Vec<v1::EncounterEvent>,
) -> Vec<v1::EncounterEventResult> {
    let request = v1::BatchWriteEncounterEventsRequest { events };
    let answer = world.encounters().batch_write_encounter_events(bearer(request, token)).await;
    answer.unwrap().into_inner().results
}

async fn get(world: &World, id: Uuid) -> v1::Encounter {
    let request = v1::GetEncounterRequest { name: names::print("encounters", id) };
    world.encounters().get_encounter(world.as_admin(request)).await.unwrap().into_inner()
}

fn told(changes: &[Change]) -> Vec<v1::EncounterChange> {
    let of = |c: &Change| if let Change::Encounter(e) = c { Some(e.clone()) } else { None };
    changes.iter().filter_map(of).collect()
}

#[tokio::test]
async fn an_encounter_is_a_record_from_call_to_rating() {
    for world in worlds().await {
        let (_, token) = world.device_at(world.org.windows[0]).await;
        world.pass(600);
        let id = Uuid::now_v7();
        let mut called = event(id, Kind::Called, 60);
        called.ticket = "A017".into();
        called.business_type = "存款".into();
        called.queue_time = Some(time::from_us(NOW_US));
        let events = vec![
            event(id, Kind::Finished, 300),
            called,
            event(id, Kind::Started, 65),
            event(id, Kind::Prompted, 301),
        ];
        let results = write(&world, &token, events).await;
        assert!(results.iter().all(|r| r.code == 0), "{}: {results:?}", world.name);
        assert_eq!(results[0].encounter, names::print("encounters", id));
        let found = get(&world, id).await;
        assert_eq!(found.state(), State::Prompted, "{}", world.name);
        assert_eq!((found.ticket.as_str(), found.business_type.as_str()), ("A017", "存款"));
        assert_eq!(found.window, names::print("units", world.org.windows[0]));

        let told = told(&world.events().await);
        assert_eq!(told.len(), 1);
        let facts = told[0].assert.clone().unwrap();
        assert_eq!((facts.service_ms, facts.waiting_ms), (235_000, 60_000), "{}", world.name);
        assert!(facts.served && facts.prompted && !facts.shown);
        assert_eq!(facts.site, names::print("units", world.org.branches[0]));

        // Repeated reports change nothing and tell nothing.
        write(&world, &token, vec![event(id, Kind::Started, 65)]).await;
        assert_eq!(self::told(&world.events().await).len(), 1, "{}", world.name);
    }
}

#[tokio::test]
async fn a_bad_event_harms_no_other_one() {
    for world in worlds().await {
        let (_, token) = world.device_at(world.org.windows[0]).await;
        world.pass(60);
        let good = Uuid::now_v7();
        let bad = |change: fn(&mut v1::EncounterEvent)| {
            let mut event = event(Uuid::now_v7(), Kind::Started, 10);
            change(&mut event);
            event
        };
        let events = vec![
            bad(|e| e.encounter_id = "x".into()),
            bad(|e| e.encounter_id = Uuid::nil().to_string()),
            bad(|e| e.encounter_id.clear()),
            bad(|e| e.kind = 0),
            bad(|e| e.kind = 99),
            bad(|e| e.event_time = Some(time::from_us(NOW_US + 3_600 * S))),
            bad(|e| e.event_time = Some(prost_types::Timestamp { seconds: 1, nanos: -1 })),
            bad(|e| e.queue_time = Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 })),
            bad(|e| e.ticket = "x".repeat(65)),
            bad(|e| e.window = "units/nonsense".into()),
            event(good, Kind::Started, 10),
        ];
        let count = events.len();
        let results = write(&world, &token, events).await;
        assert_eq!(results.len(), count);
        for (i, result) in results[..count - 1].iter().enumerate() {
            assert_eq!(result.code, Code::InvalidArgument as i32, "{i}: {result:?}");
            assert!(!result.field.is_empty() && !result.retryable, "{i}: {result:?}");
        }
        assert_eq!(results[count - 1].code, 0, "{}", world.name);
        assert_eq!(get(&world, good).await.state(), State::Started);
    }
}

#[tokio::test]
async fn an_empty_or_too_large_batch_is_refused_as_a_whole() {
    let world = worlds().await.remove(0);
    let (_, token) = world.device_at(world.org.windows[0]).await;
    for count in [0, 257] {
        let events = vec![event(Uuid::now_v7(), Kind::Started, 0); count];
        let request = v1::BatchWriteEncounterEventsRequest { events };
        let answer = world.encounters().batch_write_encounter_events(bearer(request, &token)).await;
        assert_eq!(refusal(answer), (Code::InvalidArgument, Reason::InvalidField), "{count}");
    }
}

#[tokio::test]
async fn an_encounter_stays_at_its_window_and_windows_in_their_units() {
    for world in worlds().await {
        let permissions = [Permission::EncounterWrite, Permission::EncounterRead];
        let partner = world.org.client(world.org.branches[0], &permissions, None).await;
        let id = Uuid::now_v7();
        let at = |window: Uuid| v1::EncounterEvent {
            window: names::print("units", window),
            ..event(id, Kind::Called, 0)
        };
        let events = vec![
            at(world.org.windows[0]),
            at(world.org.windows[1]),
            at(world.org.windows[2]),
            at(world.org.branches[0]),
            event(Uuid::now_v7(), Kind::Called, 0),
        ];
        let codes: Vec<i32> =
            write(&world, &partner, events).await.into_iter().map(|r| r.code).collect();
        assert_eq!(codes, [0, 9, 5, 3, 3], "{}", world.name);
        let foreign = world.org.user(world.org.branches[1], &[Permission::EncounterRead]).await;
        let request = v1::GetEncounterRequest { name: names::print("encounters", id) };
        let hidden = world.encounters().get_encounter(bearer(request, &foreign)).await;
        assert_eq!(refusal(hidden), (Code::NotFound, Reason::NotFound), "{}", world.name);
    }
}

#[tokio::test]
async fn two_organisations_may_use_the_same_id() {
    for world in worlds().await {
        let other = kit::testing::TestOrg::new(
            &world.app.directory,
            &world.keys,
            std::sync::Arc::new(kit::clock::SystemClock),
        )
        .await;
        let permissions = [Permission::EncounterWrite, Permission::EncounterRead];
        let id = Uuid::now_v7();
        for org in [&world.org, &other] {
            let partner = org.client(org.root, &permissions, None).await;
            let mut called = event(id, Kind::Called, 0);
            called.window = names::print("units", org.windows[0]);
            assert_eq!(write(&world, &partner, vec![called]).await[0].code, 0, "{}", world.name);
        }
    }
}

#[tokio::test]
async fn batches_that_meet_lose_nothing() {
    for world in worlds().await {
        let (_, token) = world.device_at(world.org.windows[0]).await;
        world.pass(60);
        let ids: Vec<Uuid> = (0..4).map(|_| Uuid::now_v7()).collect();
        let kinds = [Kind::Called, Kind::Started, Kind::Finished, Kind::Prompted, Kind::Shown];
        let calls = kinds.iter().enumerate().map(|(i, kind)| {
            let (world, token) = (&world, &token);
            let mut events: Vec<_> =
                ids.iter().map(|id| event(*id, *kind, i64::try_from(i).unwrap())).collect();
            if i % 2 == 1 {
                events.reverse();
            }
            async move { write(world, token, events).await }
        });
        for results in futures::future::join_all(calls).await {
            assert!(results.iter().all(|r| r.code == 0), "{}: {results:?}", world.name);
        }
        for id in &ids {
            let found = get(&world, *id).await;
            assert_eq!(found.state(), State::Shown, "{}", world.name);
            assert!(found.call_time.is_some() && found.finish_time.is_some());
        }
        // What was told sums up to what is there, in whatever order: each fact but the last is
        // taken back exactly once. (The feed orders by transaction, not by commit.)
        let mut sums = std::collections::HashMap::new();
        for change in told(&world.events().await) {
            let told = [(change.assert, 1), (change.retract, -1)];
            for (facts, count) in told.into_iter().filter_map(|(facts, n)| Some((facts?, n))) {
                *sums.entry((change.encounter.clone(), format!("{facts:?}"))).or_insert(0) += count;
            }
        }
        sums.retain(|_, sum| *sum != 0);
        assert!(sums.values().all(|sum| *sum == 1), "{}: {sums:?}", world.name);
        let standing: std::collections::HashSet<_> = sums.keys().map(|(id, _)| id).collect();
        assert_eq!((standing.len(), sums.len()), (ids.len(), ids.len()), "{}", world.name);
    }
}

#[tokio::test]
async fn silence_is_counted_after_working_days_and_never_over_an_answer() {
    for world in worlds().await {
        let (_, token) = world.device_at(world.org.windows[0]).await;
        let policy = v1::RatingPolicy {
            default_after_working_days: 2,
            holidays: vec!["2026-11-03".into()],
            ..Default::default()
        };
        let request = v1::UpdateRatingPolicyRequest { policy: Some(policy) };
        world.policies().update_rating_policy(world.as_admin(request)).await.unwrap();
        world.pass(100);
        let (silent, skipped, open) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
        let mut events = Vec::new();
        for id in [silent, skipped] {
            events.push(event(id, Kind::Started, 0));
            events.push(event(id, Kind::Finished, 10));
            events.push(event(id, Kind::Prompted, 11));
        }
        events.push(event(skipped, Kind::Skipped, 12));
        events.push(event(open, Kind::Prompted, 11));
        write(&world, &token, events).await;

        // Monday 09:00; Tuesday is a holiday, so two working days end on Thursday at midnight.
        world.pass(2 * 86_400 + 14 * 3_600);
        crate::sweep::turn(&world.app).await;
        assert_eq!(get(&world, silent).await.state(), State::Prompted, "{}", world.name);
        world.pass(86_400 + 3_600);
        crate::sweep::turn(&world.app).await;
        crate::sweep::turn(&world.app).await;
        assert_eq!(get(&world, silent).await.state(), State::Defaulted, "{}", world.name);
        assert_eq!(get(&world, skipped).await.state(), State::Skipped);
        assert_eq!(get(&world, open).await.state(), State::Prompted);
        let counted: Vec<_> = told(&world.events().await)
            .into_iter()
            .filter(|c| c.assert.as_ref().is_some_and(|f| f.state() == State::Defaulted))
            .collect();
        assert_eq!(counted.len(), 1, "{}", world.name);
    }
}

#[tokio::test]
async fn encounters_are_listed_newest_first_within_what_may_be_seen() {
    for world in worlds().await {
        world.pass(100);
        let permissions = [Permission::EncounterWrite, Permission::EncounterRead];
        let partner = world.org.client(world.org.root, &permissions, None).await;
        let mut events = Vec::new();
        for i in 0..6_usize {
            let second = i64::try_from(i).unwrap();
            let mut started = event(Uuid::now_v7(), Kind::Started, second);
            started.window = names::print("units", world.org.windows[i % 4]);
            started.ticket = i.to_string();
            events.push(started);
        }
        write(&world, &partner, events).await;
        let branch = world.org.user(world.org.branches[0], &[Permission::EncounterRead]).await;
        let all = async |token: &str, request: v1::ListEncountersRequest| {
            let (mut seen, mut request) = (Vec::new(), request);
            loop {
                let page = world.encounters().list_encounters(bearer(request.clone(), token)).await;
                let page = page.unwrap().into_inner();
                seen.extend(page.encounters.into_iter().map(|e| e.ticket));
                if page.next_page_token.is_empty() {
                    return seen.concat();
                }
                request.page_token = page.next_page_token;
            }
        };
        let two = v1::ListEncountersRequest { page_size: 2, ..Default::default() };
        assert_eq!(all(&partner, two.clone()).await, "543210", "{}", world.name);
        assert_eq!(all(&branch, two.clone()).await, "5410", "{}", world.name);
        let range = v1::ListEncountersRequest {
            from: Some(time::from_us(NOW_US + S)),
            to: Some(time::from_us(NOW_US + 4 * S)),
            ..two
        };
        assert_eq!(all(&partner, range).await, "321", "{}", world.name);
    }
}

#[tokio::test]
async fn encounters_are_listed_by_the_tree_of_their_time_or_of_now() {
    for world in worlds().await {
        world.pass(100);
        let west = world.org.move_branch(NOW_US + 30 * S).await;
        let permissions = [Permission::EncounterWrite, Permission::EncounterRead];
        let partner = world.org.client(world.org.root, &permissions, None).await;
        let started = |window: usize, second: i64| v1::EncounterEvent {
            window: names::print("units", world.org.windows[window]),
            ..event(Uuid::now_v7(), Kind::Started, second)
        };
        let events = vec![started(0, 10), started(1, 29), started(0, 30), started(2, 50)];
        let results = write(&world, &partner, events).await;
        assert!(results.iter().all(|r| r.code == 0), "{}: {results:?}", world.name);
        for (unit, tree, wanted) in [
            (world.org.region, v1::Tree::AsOfService, 3),
            (world.org.region, v1::Tree::Present, 1),
            (world.org.region, v1::Tree::Unspecified, 1),
            (west, v1::Tree::AsOfService, 1),
            (west, v1::Tree::Present, 3),
        ] {
            let unit = names::print("units", unit);
            let request =
                v1::ListEncountersRequest { unit, tree: tree as i32, ..Default::default() };
            let found = world.encounters().list_encounters(world.as_admin(request)).await;
            let found = found.unwrap().into_inner().encounters;
            assert_eq!(found.len(), wanted, "{}: {tree:?}", world.name);
        }
    }
}

/// Signs the first member of staff in at the first window.
async fn sign_in(world: &World) {
    let sign_in = v1::SignInRequest {
        event_id: Uuid::now_v7().to_string(),
        window: names::print("units", world.org.windows[0]),
        staff_number: "1001".to_owned(),
        event_time: Some(time::from_us(NOW_US)),
    };
    world.shifts().sign_in(world.as_admin(sign_in)).await.unwrap();
}

/// Rates some of the encounters `ids`, each three quarters of a minute after its number.
async fn rate(world: &World, token: &str, ids: &[Uuid], grades: &[(usize, i32)]) {
    let message = |(number, grade): &(usize, i32)| {
        let at = i64::try_from(*number).unwrap();
        v1::RatingMessage {
            rating_id: Uuid::now_v7().to_string(),
            epoch: 1,
            sequence: at + 1,
            grade: *grade,
            encounter: names::print("encounters", ids[*number]),
            device_time: Some(time::from_us(NOW_US + (at * 60 + 45) * S)),
            ..Default::default()
        }
    };
    let ratings = grades.iter().map(message).collect();
    let request = v1::BatchCreateRatingsRequest { ratings, clock: None };
    let mut client = v1::rating_service_client::RatingServiceClient::new(world.chan.clone());
    let stored = client.batch_create_ratings(bearer(request, token)).await.unwrap();
    assert!(stored.into_inner().results.iter().all(|result| result.code == 0));
}

#[tokio::test]
async fn services_whose_customer_was_not_asked_are_counted_and_listed() {
    for world in worlds().await {
        let (_, token) = world.device_at(world.org.windows[0]).await;
        world.pass(2_000);
        sign_in(&world).await;
        // Ten services a minute apart, of half a minute; every other customer is asked, the
        // third one is rated badly.
        let ids: Vec<Uuid> = (0..10).map(|_| Uuid::now_v7()).collect();
        let mut events = Vec::new();
        for (number, id) in ids.iter().enumerate() {
            let second = i64::try_from(number).unwrap() * 60 + 10;
            let length = if number < 5 { 30 } else { 59 };
            events.push(event(*id, Kind::Started, second));
            events.push(event(*id, Kind::Finished, second + length));
            if number % 2 == 0 {
                events.push(event(*id, Kind::Prompted, second + length));
            }
        }
        let results = write(&world, &token, events).await;
        assert!(results.iter().all(|r| r.code == 0), "{}: {results:?}", world.name);
        rate(&world, &token, &ids, &[(2, 1), (4, 5)]).await;
        let staff = names::print("staff", world.org.staff[0]);
        let list = v1::ListEncountersRequest {
            staff: staff.clone(),
            unprompted_only: true,
            ..Default::default()
        };
        let found = world.encounters().list_encounters(world.as_admin(list.clone())).await;
        let found = found.unwrap().into_inner().encounters;
        let mut wanted: Vec<String> =
            ids.iter().skip(1).step_by(2).map(|id| names::print("encounters", *id)).collect();
        wanted.reverse();
        let listed: Vec<String> = found.into_iter().map(|e| e.name).collect();
        assert_eq!(listed, wanted, "{}", world.name);
        let other = names::print("staff", world.org.staff[1]);
        let list = v1::ListEncountersRequest { staff: other, ..list };
        let none = world.encounters().list_encounters(world.as_admin(list)).await.unwrap();
        assert!(none.into_inner().encounters.is_empty());

        let request = v1::CountPromptingRequest {
            organisation: names::print("organisations", world.org.org),
            unit: names::print("units", world.org.branches[0]),
            ..Default::default()
        };
        let found = world.prompting().count_prompting(world.as_service(request.clone())).await;
        let found = found.unwrap().into_inner().counts;
        let sums = found.iter().fold((0, 0), |sum, c| (sum.0 + c.served, sum.1 + c.prompted));
        assert_eq!(sums, (10, 5), "{}", world.name);
        assert!(found.iter().all(|c| c.staff == staff && c.length_class == 1));
        let after_bad: i64 = found.iter().filter(|c| c.after_bad).map(|c| c.served).sum();
        assert_eq!(after_bad, 2, "until the next rating: {found:?}");
        let elsewhere = v1::CountPromptingRequest {
            unit: names::print("units", world.org.branches[1]),
            ..request.clone()
        };
        let none = world.prompting().count_prompting(world.as_service(elsewhere)).await.unwrap();
        assert!(none.into_inner().counts.is_empty());
        let denied = world.prompting().count_prompting(world.as_admin(request)).await;
        assert_eq!(refusal(denied).0, Code::PermissionDenied);
    }
}
