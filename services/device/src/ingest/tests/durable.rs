//! Stored exactly once, whatever is repeated, mixed up or spoilt.

use std::collections::HashSet;

use futures::future::join_all;
use kit::db::Dialect;
use proptest::prelude::*;
use proto::device::v1::{RatingMessage, SequenceRange};
use sea_orm::{ConnectionTrait, Statement};

use super::*;

#[tokio::test]
async fn a_batch_is_stored_answered_and_acknowledged() {
    for world in worlds().await {
        let (device, token) = world.sender().await;
        let answer = world.send(&token, messages(1..=3)).await;
        assert_eq!(short(&answer.results), [NEW; 3], "{}", world.name);
        let ack = &answer.acknowledgements[0];
        assert_eq!(ack.device, names::print("devices", device));
        assert_eq!((ack.epoch, ack.contiguous_sequence, ack.missing.len()), (1, 3, 0));
        let rating = world.rating(&answer.results[0].receipt).await;
        assert_eq!(rating.window, Some(world.org.windows[0]));
        assert_eq!(rating.site, world.org.branches[0]);
        assert_eq!((rating.device, rating.grade, rating.sequence), (device, 5, 1));
        assert_eq!(world.stored().await.len(), 3);
        world.check_feed().await;
    }
}

#[tokio::test]
async fn a_resend_gives_the_first_receipt_and_changes_nothing() {
    for world in worlds().await {
        let (device, token) = world.sender().await;
        let sent = messages(1..=4);
        let mut twice = sent[..2].to_vec();
        twice.push(sent[0].clone());
        let first = world.send(&token, twice).await;
        assert_eq!(short(&first.results), [NEW, NEW, AGAIN]);
        assert_eq!(first.results[0].receipt, first.results[2].receipt);
        let mut all = sent.clone();
        all.reverse();
        let second = world.send(&token, all).await;
        assert_eq!(short(&second.results), [NEW, NEW, AGAIN, AGAIN]);
        assert_eq!(second.results[3].receipt, first.results[0].receipt);
        world.clock.advance(Duration::from_secs(400 * 86_400));
        let unit = world.org.windows[0];
        let token = world.org.client(unit, &[Permission::RatingSubmit], Some(device)).await;
        let late = world.send(&token, sent).await;
        assert_eq!(short(&late.results), [AGAIN; 4]);
        assert_eq!(late.results[0].receipt, first.results[0].receipt);
        assert_eq!(world.stored().await.len(), 4, "{}", world.name);
        world.check_feed().await;
    }
}

#[tokio::test]
async fn other_content_under_a_known_id_is_refused_and_counted() {
    for world in worlds().await {
        let (device, token) = world.sender().await;
        let first = message(1);
        let twice = RatingMessage { grade: 4, ..first.clone() };
        let answer = world.send(&token, vec![first.clone(), twice.clone()]).await;
        assert_eq!(short(&answer.results), [NEW, (6, "ALREADY_EXISTS", false)]);
        assert!(!answer.results[1].retryable);
        let moved = RatingMessage { sequence: 2, ..first.clone() };
        let taken = message(1);
        let answer = world.send(&token, vec![twice, moved, taken, message(3)]).await;
        let want = [
            (6, "ALREADY_EXISTS", false),
            (6, "ALREADY_EXISTS", false),
            (9, "DUPLICATE_IDENTITY", false),
            NEW,
        ];
        assert_eq!(short(&answer.results), want, "{}", world.name);
        let found = store::device::find(world.db().read(), world.org.org, device).await.unwrap();
        assert_eq!(found.unwrap().conflict_count, 4);
        let kept = world.stored().await;
        assert_eq!(kept.iter().map(|r| r.grade).collect::<Vec<_>>(), [5, 5]);
        world.check_feed().await;
    }
}

#[tokio::test]
async fn gaps_are_reported_until_they_close() {
    for world in worlds().await {
        let (device, token) = world.sender().await;
        let answer = world.send(&token, messages([1, 2, 5, 9])).await;
        let range = |first, last| SequenceRange { first, last };
        let ack = &answer.acknowledgements[0];
        assert_eq!(ack.contiguous_sequence, 2);
        assert_eq!(ack.missing, [range(3, 4), range(6, 8)]);
        world.send(&token, messages([4, 3, 7])).await;
        let mut other = message(1);
        other.epoch = 2;
        let answer = world.send(&token, vec![other]).await;
        assert_eq!(answer.acknowledgements.len(), 1);
        let read = world.db().read();
        let known = crate::ingest::acknowledgements(read, world.org.org, device).await.unwrap();
        let short: Vec<_> = known.iter().map(|a| (a.epoch, a.contiguous_sequence)).collect();
        assert_eq!(short, [(2, 1), (1, 5)], "{}", world.name);
        assert_eq!(known[1].missing, [range(6, 6), range(8, 8)]);
    }
}

#[tokio::test]
async fn one_spoilt_row_harms_only_itself() {
    for world in worlds().await {
        let (_, token) = world.sender().await;
        poison(&world).await;
        let mut sent = messages(1..=40);
        sent[17].comment = "poison".to_owned();
        let answer = world.send(&token, sent.clone()).await;
        let stored = answer.results.iter().filter(|r| r.code == 0).count();
        assert_eq!(stored, 39, "{}", world.name);
        let spoilt = &answer.results[17];
        assert_eq!((spoilt.code, spoilt.retryable), (14, true));
        assert_eq!(world.stored().await.len(), 39);
        let answer = world.send(&token, sent).await;
        assert_eq!(answer.results.iter().filter(|r| r.duplicate).count(), 39);
        world.check_feed().await;
    }
}

/// Makes the database refuse a certain comment, as a defect that no check of ours foresees.
async fn poison(world: &World) {
    let statements = match world.db().dialect() {
        kit::db::Dialect::Postgres => vec![
            "ALTER TABLE rating ADD CONSTRAINT poison \
             CHECK (comment IS NULL OR comment <> 'poison')",
        ],
        kit::db::Dialect::Sqlite => vec![
            "CREATE TRIGGER poison BEFORE INSERT ON rating WHEN NEW.comment = 'poison' \
             BEGIN SELECT RAISE(ABORT, 'poison'); END",
        ],
    };
    for statement in statements {
        let tx = world.db().begin().await.unwrap();
        tx.conn().execute_unprepared(statement).await.unwrap();
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_database_that_fails_acknowledges_nothing() {
    let world = small_world().await;
    let (_, token) = world.sender().await;
    let sent = messages(1..=3);
    let tx = world.db().begin().await.unwrap();
    let broken = "CREATE TRIGGER full BEFORE INSERT ON outbox \
                  BEGIN SELECT RAISE(ABORT, 'no outbox'); END";
    tx.conn().execute_unprepared(broken).await.unwrap();
    tx.commit().await.unwrap();
    let answer = world.send(&token, sent.clone()).await;
    assert!(answer.results.iter().all(|r| r.code == 14 && r.retryable && r.receipt.is_empty()));
    assert!(world.stored().await.is_empty());
    let tx = world.db().begin().await.unwrap();
    tx.conn().execute_unprepared("DROP TRIGGER full").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(short(&world.send(&token, sent).await.results), [NEW; 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_senders_of_the_same_messages_store_each_once() {
    for world in worlds().await {
        let mut senders = Vec::new();
        for window in 0..4 {
            let (_, token) = world.sender_at(window).await;
            senders.push((token, messages(1..=120)));
        }
        let tasks = (0..8).map(|task| {
            let (token, sent) = senders[task % 4].clone();
            let world = &world;
            async move {
                let mut fresh = 0;
                for step in 0..12 {
                    let start = (task * 7 + step * 11) % 90;
                    let part = sent[start..start + 30].to_vec();
                    let answer = world.send(&token, part).await;
                    assert!(answer.results.iter().all(|r| r.code == 0), "{answer:?}");
                    fresh += answer.results.iter().filter(|r| !r.duplicate).count();
                }
                fresh
            }
        });
        let fresh: usize = join_all(tasks).await.into_iter().sum();
        let stored = world.stored().await;
        assert_eq!(stored.len(), fresh, "{}", world.name);
        let receipts: HashSet<Uuid> = stored.iter().map(|r| r.rating_id).collect();
        assert_eq!(receipts.len(), fresh);
        world.check_feed().await;
    }
}

#[tokio::test]
async fn a_refused_message_does_not_hold_up_the_others() {
    for world in worlds().await {
        let (device, token) = world.sender().await;
        let mut sent = messages(1..=8);
        sent[0].rating_id = "no uuid".into();
        sent[1].grade = 6;
        sent[2].template = names::print("templates", Uuid::now_v7());
        sent[3].device_time = Some(prost_types::Timestamp { seconds: 1, nanos: 1_000_000_000 });
        sent[4].comment = "x".repeat(2_001);
        sent[5].device_time = Some(time::from_us(NOW - 401 * DAY));
        sent[6].device = names::print("devices", device);
        let answer = world.send(&token, sent).await;
        let want = [
            (3, "INVALID_FIELD", false),
            (3, "INVALID_FIELD", false),
            (9, "UNKNOWN_TEMPLATE", false),
            (3, "INVALID_FIELD", false),
            (3, "INVALID_FIELD", false),
            (9, "QUARANTINED", false),
            NEW,
            NEW,
        ];
        assert_eq!(short(&answer.results), want, "{}", world.name);
        let fields: Vec<&str> = answer.results.iter().map(|r| r.field.as_str()).collect();
        assert_eq!(fields, ["ratingId", "grade", "", "deviceTime", "comment", "", "", ""]);
        // What is in quarantine is acknowledged; what was refused stays a gap.
        let missing: Vec<_> =
            answer.acknowledgements[0].missing.iter().map(|r| (r.first, r.last)).collect();
        assert_eq!(missing, [(1, 2), (4, 5)]);
    }
}

#[tokio::test]
async fn a_batch_must_have_one_to_256_messages_and_be_of_its_sender() {
    let world = small_world().await;
    let (_, token) = world.sender().await;
    let (other, _) = world.sender_at(1).await;
    let code = |sent: Vec<RatingMessage>| {
        let (world, token) = (&world, &token);
        async move { world.try_send(token, sent, None).await.unwrap_err().code() }
    };
    assert_eq!(code(vec![]).await, tonic::Code::InvalidArgument);
    assert_eq!(code(messages(1..=257)).await, tonic::Code::InvalidArgument);
    let mut foreign = message(1);
    foreign.device = names::print("devices", other);
    assert_eq!(code(vec![message(2), foreign]).await, tonic::Code::PermissionDenied);
    assert!(world.stored().await.is_empty());
}

/// What is sent when: batches of positions in a fixed set of messages.
fn schedules() -> impl Strategy<Value = Vec<(usize, Vec<usize>)>> {
    let batch = (0..2_usize, proptest::collection::vec(0..24_usize, 1..12));
    proptest::collection::vec(batch, 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Any mixture and repetition of a set of messages, over two devices at a time, stores
    /// what was sent exactly once, and the feed says what is stored.
    #[test]
    fn any_mixture_stores_the_set_exactly_once(schedule in schedules()) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let world = small_world().await;
            mixture(&world, &schedule).await;
        });
    }
}

#[tokio::test]
async fn a_mixture_on_every_database_stores_the_set_exactly_once() {
    let schedule: Vec<(usize, Vec<usize>)> = (0..20)
        .map(|step| (step % 2, (0..10).map(|i| (step * 5 + i * 7 + step / 3) % 24).collect()))
        .collect();
    for world in worlds().await {
        mixture(&world, &schedule).await;
    }
}

async fn mixture(world: &World, schedule: &[(usize, Vec<usize>)]) {
    let mut senders = Vec::new();
    for window in 0..2 {
        let (_, token) = world.sender_at(window).await;
        // Close together, so that bursts are found in hindsight too.
        let mut sent = messages(1..=24);
        for (index, message) in sent.iter_mut().enumerate() {
            let us = NOW - HOUR + index as i64 * 4 * SECOND;
            message.device_time = Some(time::from_us(us));
        }
        senders.push((token, sent));
    }
    let calls = schedule.iter().map(|(sender, picks)| {
        let (token, sent) = &senders[*sender];
        let part: Vec<RatingMessage> = picks.iter().map(|i| sent[*i].clone()).collect();
        async move { world.send(token, part).await }
    });
    let answers = join_all(calls).await;
    let mut receipts: HashMap<String, String> = HashMap::new();
    let mut fresh = 0;
    for result in answers.into_iter().flat_map(|answer| answer.results) {
        assert_eq!(result.code, 0, "{result:?}");
        fresh += usize::from(!result.duplicate);
        let known = receipts.entry(result.rating_id).or_insert(result.receipt.clone());
        assert_eq!(*known, result.receipt);
    }
    let stored = world.stored().await;
    assert_eq!(stored.len(), receipts.len(), "{}", world.name);
    assert_eq!(fresh, receipts.len());
    world.check_feed().await;
    // Marks do not depend on the order of arrival.
    for device in stored.iter().map(|r| r.device).collect::<HashSet<_>>() {
        let mut presses: Vec<_> = stored.iter().filter(|r| r.device == device).collect();
        presses.sort_by_key(|r| r.press_us);
        let times: Vec<i64> = presses.iter().map(|r| r.press_us).collect();
        let want = device_domain::trust::bursts(&times, &Default::default());
        let found: Vec<bool> =
            presses.iter().map(|r| r.marks.has(device_domain::trust::Mark::Burst)).collect();
        assert_eq!(found, want, "{}", world.name);
    }
}

/// How PostgreSQL is told to plan within a transaction: once or anew, and whether it may read
/// whole tables.
async fn planning(conn: &impl ConnectionTrait) -> (String, String) {
    let ask = "SELECT current_setting('plan_cache_mode') AS mode, \
               current_setting('enable_seqscan') AS whole";
    let ask = Statement::from_string(conn.get_database_backend(), ask);
    let row = conn.query_one_raw(ask).await.unwrap().unwrap();
    (row.try_get("", "mode").unwrap(), row.try_get("", "whole").unwrap())
}

#[tokio::test]
async fn a_group_is_planned_once_as_look_ups_and_leaves_no_setting_behind() {
    for world in worlds().await {
        if world.db().dialect() == Dialect::Sqlite {
            continue;
        }
        let tx = world.db().begin().await.unwrap();
        store::shift::lock_shared(tx.conn(), &[world.org.org]).await.unwrap();
        let within = planning(tx.conn()).await;
        assert_eq!(within, ("force_generic_plan".to_owned(), "off".to_owned()));
        tx.commit().await.unwrap();
        let after = planning(world.db().read()).await;
        assert_eq!(after, ("force_custom_plan".to_owned(), "on".to_owned()), "{}", world.name);
    }
}
