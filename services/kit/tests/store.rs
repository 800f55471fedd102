//! Kit's tables and feed on every database.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures::StreamExt;
use kit::{
    clock::SystemClock,
    db::{Db, Dialect, WriteTx, migrations, open},
    directory::{Directory, Subject},
    error::ServiceError,
    feed::{Consumer, Inbox, Outbox, compare_positions},
    testing::{TestKeys, TestOrg, databases, postgres_url, sqlite_file_url},
};
use prost::Message;
use proto::{
    auth::v1::{Event, Events, Unit, event::Change},
    common::v1::EventGroup,
    names,
};
use sea_orm::{ConnectionTrait, Statement};
use uuid::Uuid;

/// New SQLite files that several replicas open at once.
const FILES: usize = 100;

fn outbox(db: &Db) -> Outbox {
    Outbox::new(db.clone(), Arc::new(SystemClock))
}

async fn append(outbox: &Outbox, db: &Db, body: &str) {
    let tx = db.begin().await.unwrap();
    outbox.append(&tx, body.as_bytes().to_vec()).await.unwrap();
    tx.commit().await.unwrap();
    outbox.committed();
}

async fn read_all(outbox: &Outbox, page: usize) -> Vec<EventGroup> {
    let (mut after, mut found) = (String::new(), Vec::new());
    loop {
        let answer = outbox.list(&after, page).await.unwrap();
        found.extend(answer.groups);
        after = answer.next;
        if answer.at_end {
            return found;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_together_migrate_once() {
    // A new SQLite file changes to its log while others open it: a moment that one round
    // seldom meets.
    let files = (0..FILES).map(|_| sqlite_file_url());
    for url in files.chain([postgres_url().await]) {
        let starts = (0..5).map(|_| tokio::spawn(open_owned(url.clone())));
        for db in futures::future::join_all(starts).await {
            db.unwrap().unwrap().ping().await.unwrap();
        }
    }
}

async fn open_owned(url: String) -> kit::error::Result<Db> {
    open(&url, migrations).await
}

#[tokio::test]
async fn the_feed_pages_through_every_group_in_order() {
    for (name, db) in databases(migrations).await {
        let outbox = outbox(&db);
        assert_eq!(outbox.position().await.unwrap(), "", "{name}");
        for i in 0..25 {
            append(&outbox, &db, &format!("{i}")).await;
        }
        let groups = read_all(&outbox, 7).await;
        let bodies: Vec<_> = groups.iter().map(|g| g.events.as_ref().to_vec()).collect();
        let want: Vec<_> = (0..25).map(|i| i.to_string().into_bytes()).collect();
        assert_eq!(bodies, want, "{name}");
        assert_eq!(outbox.position().await.unwrap(), groups[24].position, "{name}");
        for pair in groups.windows(2) {
            let order = compare_positions(&pair[0].position, &pair[1].position).unwrap();
            assert!(order.is_lt(), "{name}");
        }
    }
}

#[tokio::test]
async fn a_watcher_gets_old_groups_first_and_then_new_ones_within_a_moment() {
    for (name, db) in databases(migrations).await {
        let outbox = outbox(&db);
        append(&outbox, &db, "old").await;
        let mut stream = std::pin::pin!(outbox.watch(String::new()));
        assert_eq!(stream.next().await.unwrap().unwrap().events.as_ref(), b"old", "{name}");
        append(&outbox, &db, "new").await;
        let next = tokio::time::timeout(Duration::from_secs(2), stream.next()).await;
        assert_eq!(next.unwrap().unwrap().unwrap().events.as_ref(), b"new", "{name}");
    }
}

/// The reader that everybody writes first: it remembers the largest id.
async fn naive_read(db: &Db, after: i64) -> Vec<i64> {
    let conn = db.read();
    let sql = format!("SELECT id FROM outbox WHERE id > {after} ORDER BY id");
    let statement = Statement::from_string(conn.get_database_backend(), sql);
    let rows = conn.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get("", "id").unwrap()).collect()
}

#[tokio::test]
async fn a_slow_transaction_is_never_passed_by_and_the_naive_reader_loses_it() {
    let db = open(&postgres_url().await, migrations).await.unwrap();
    assert_eq!(db.dialect(), Dialect::Postgres);
    let outbox = outbox(&db);
    let slow = db.begin().await.unwrap();
    outbox.append(&slow, b"slow".to_vec()).await.unwrap();
    append(&outbox, &db, "fast").await;

    let naive_first = naive_read(&db, 0).await;
    let ours_first = outbox.list("", 100).await.unwrap();
    slow.commit().await.unwrap();
    let naive_second = naive_read(&db, *naive_first.last().unwrap()).await;
    let ours_second = outbox.list(&ours_first.next, 100).await.unwrap();

    assert_eq!(naive_first.len() + naive_second.len(), 1, "the control must lose one group");
    let ours = ours_first.groups.len() + ours_second.groups.len();
    assert_eq!(ours, 2, "the fenced reader sees both groups");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_beside_eight_writers_misses_and_doubles_nothing() {
    for url in [sqlite_file_url(), postgres_url().await] {
        let db = open(&url, migrations).await.unwrap();
        let outbox = outbox(&db);
        let (writers, each) = (8, 40);
        let tasks: Vec<_> = (0..writers)
            .map(|writer| {
                let (db, outbox) = (db.clone(), outbox.clone());
                tokio::spawn(async move {
                    for i in 0..each {
                        let tx = db.begin().await.unwrap();
                        let body = format!("{writer}/{i}").into_bytes();
                        outbox.append(&tx, body).await.unwrap();
                        tokio::time::sleep(Duration::from_millis((writer * 7 + i) % 5)).await;
                        tx.commit().await.unwrap();
                        outbox.committed();
                    }
                })
            })
            .collect();
        let mut stream =
            std::pin::pin!(outbox.watch(String::new()).take((writers * each) as usize));
        let mut seen = HashSet::new();
        while let Some(group) = stream.next().await {
            assert!(seen.insert(group.unwrap().events.to_vec()), "a group came twice");
        }
        assert_eq!(seen.len(), (writers * each) as usize);
        futures::future::join_all(tasks).await;
    }
}

async fn is_new(tx: &WriteTx, id: &str) -> bool {
    Inbox::new_groups(tx, "device", &[id]).await.unwrap().contains(id)
}

#[tokio::test]
async fn the_inbox_tells_the_new_groups_of_a_batch() {
    for (name, db) in databases(migrations).await {
        let ids: Vec<String> = (0..1200).map(|_| Uuid::now_v7().to_string()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<HashSet<_>>();
        let tx = db.begin().await.unwrap();
        let first = Inbox::new_groups(&tx, "device", &ids[..573]).await.unwrap();
        assert_eq!(first, set(&ids[..573]), "{name}");
        tx.commit().await.unwrap();
        let tx = db.begin().await.unwrap();
        let twice = [&ids[100..], &ids[900..]].concat();
        let second = Inbox::new_groups(&tx, "device", &twice).await.unwrap();
        assert_eq!(second, set(&ids[573..]), "{name}");
        assert!(Inbox::new_groups(&tx, "device", &ids).await.unwrap().is_empty(), "{name}");
        assert!(Inbox::new_groups(&tx, "device", &[]).await.unwrap().is_empty(), "{name}");
        let other = Inbox::new_groups(&tx, "auth", &ids[..3]).await.unwrap();
        assert_eq!(other, set(&ids[..3]), "{name}: feeds do not know of each other");
        assert!(Inbox::new_groups(&tx, "auth", &["no id"]).await.is_err(), "{name}");
    }
}

#[tokio::test]
async fn the_inbox_knows_each_group_once_and_forgets_on_demand() {
    for (name, db) in databases(migrations).await {
        let id = Uuid::now_v7().to_string();
        for expected in [true, false] {
            let tx = db.begin().await.unwrap();
            assert_eq!(is_new(&tx, &id).await, expected, "{name}");
            Inbox::save_cursor(&tx, "device", "0.5", 77).await.unwrap();
            tx.commit().await.unwrap();
        }
        assert_eq!(Inbox::cursor(db.read(), "device").await.unwrap(), "0.5", "{name}");
        let tx = db.begin().await.unwrap();
        Inbox::forget(&tx, "device").await.unwrap();
        assert!(is_new(&tx, &id).await, "{name}");
        tx.commit().await.unwrap();
        assert_eq!(Inbox::cursor(db.read(), "device").await.unwrap(), "", "{name}");
    }
}

fn unit_event(org: Uuid, unit: Uuid, display_name: &str, version: i64) -> Event {
    let unit = Unit {
        name: names::print("units", unit),
        display_name: display_name.to_owned(),
        ..Default::default()
    };
    Event {
        organisation: names::print("organisations", org),
        version,
        change: Some(Change::UnitChanged(unit)),
    }
}

fn group(position: &str, events: Vec<Event>) -> EventGroup {
    EventGroup {
        position: position.to_owned(),
        group_id: Uuid::now_v7().to_string(),
        commit_time: None,
        events: Events { items: events }.encode_to_vec().into(),
    }
}

#[tokio::test]
async fn the_directory_keeps_the_newest_state_in_any_order_and_over_restarts() {
    for (name, db) in databases(migrations).await {
        let (org, unit) = (Uuid::now_v7(), Uuid::now_v7());
        let directory = Directory::open(db.clone()).await.unwrap();
        let newest = group("0.1", vec![unit_event(org, unit, "new", 2)]);
        let older = group("0.2", vec![unit_event(org, unit, "old", 1)]);
        for groups in [vec![newest.clone()], vec![older], vec![newest]] {
            directory.apply(groups).await.unwrap();
        }
        for directory in [directory, Directory::open(db.clone()).await.unwrap()] {
            let view = directory.organisation(org).unwrap();
            assert_eq!(view.unit(unit).unwrap().display_name, "new", "{name}");
        }
    }
}

#[tokio::test]
async fn a_view_answers_what_the_tree_says() {
    let db = open("sqlite::memory:", migrations).await.unwrap();
    let directory = Directory::open(db).await.unwrap();
    let org = TestOrg::new(&directory, &TestKeys::default(), Arc::new(SystemClock)).await;
    let view = directory.organisation(org.org).unwrap();
    let [a, b] = org.branches;
    assert_eq!(view.path(org.windows[0]), [org.root, org.region, a, org.windows[0]]);
    assert!(view.is_within(org.windows[3], b) && !view.is_within(org.windows[3], a));
    assert_eq!(view.site_of(org.windows[2]), b);
    assert_eq!(view.site_of(b), b);
    assert_eq!(view.subtree(org.region).len(), 7);
    assert_eq!(view.staff_by_number("1003").unwrap().id, org.staff[2]);
    assert_eq!(view.time_zone_name_of(org.windows[0]), "Asia/Shanghai");
    assert!(view.path(Uuid::now_v7()).is_empty());
}

#[tokio::test]
async fn waiting_for_a_position_ends_when_it_arrives_and_refuses_garbage() {
    let db = open("sqlite::memory:", migrations).await.unwrap();
    let directory = Directory::open(db).await.unwrap();
    let later = directory.clone();
    let waiting = tokio::spawn(async move { later.wait_for("0.9", Duration::from_secs(5)).await });
    directory.apply(vec![group("0.9", Vec::new())]).await.unwrap();
    waiting.await.unwrap().unwrap();
    assert!(directory.wait_for("nonsense", Duration::from_secs(1)).await.is_err());
    assert!(directory.wait_for("0.a", Duration::from_millis(20)).await.is_err());
}

#[tokio::test]
async fn a_moved_window_belongs_at_each_time_to_the_branch_it_had_then() {
    let db = open("sqlite::memory:", migrations).await.unwrap();
    let directory = Directory::open(db).await.unwrap();
    let org = TestOrg::new(&directory, &TestKeys::default(), Arc::new(SystemClock)).await;
    let [a, b] = org.branches;
    org.move_window(0, 1, 1_000).await;
    let view = directory.organisation(org.org).unwrap();
    let window = org.windows[0];
    assert_eq!((view.site_at(window, 999), view.site_at(window, 1_000)), (a, b));
    assert_eq!((view.site_of(window), view.sites_ever(window)), (b, vec![b, a]));
    assert_eq!(view.sites_ever(org.windows[1]), [a]);
    assert_eq!(view.site_at(a, 5), a);
}

fn revocation(org: Uuid, session: Uuid, us: i64) -> Event {
    let change = Change::SessionRevoked(names::print("sessions", session));
    let organisation = names::print("organisations", org);
    Event { organisation, version: us, change: Some(change) }
}

async fn sessions_kept(db: &Db) -> i64 {
    let text = "SELECT COUNT(*) AS n FROM directory WHERE object LIKE 'sessions/%'";
    let statement = Statement::from_string(db.read().get_database_backend(), text);
    db.read().query_one_raw(statement).await.unwrap().unwrap().try_get("", "n").unwrap()
}

#[tokio::test]
async fn ended_sessions_are_forgotten_when_their_tokens_are_dead() {
    const MINUTE: i64 = 60_000_000;
    for (name, db) in databases(migrations).await {
        let (org, user) = (Uuid::now_v7(), Subject::User(Uuid::now_v7()));
        let sessions: Vec<Uuid> = (0..100).map(|_| Uuid::now_v7()).collect();
        let directory = Directory::open(db.clone()).await.unwrap();
        for (i, session) in (1_i64..).zip(&sessions) {
            let ended = revocation(org, *session, i * 2 * MINUTE);
            directory.apply(vec![group(&format!("0.{i:x}"), vec![ended])]).await.unwrap();
        }
        for directory in [directory, Directory::open(db.clone()).await.unwrap()] {
            let view = directory.organisation(org).unwrap();
            let ended = |at: usize| view.is_revoked(user, Some(sessions[at]));
            // Each was ended two minutes after the one before; an hour is remembered.
            assert!(ended(99) && ended(75) && !ended(50) && !ended(0), "{name}");
        }
        assert_eq!(sessions_kept(&db).await, 31, "{name}");
    }
}

#[tokio::test]
async fn replicas_on_one_database_all_hear_of_every_change() {
    for (name, db) in databases(migrations).await {
        let (org, unit) = (Uuid::now_v7(), Uuid::now_v7());
        let one = Directory::open(db.clone()).await.unwrap();
        let two = Directory::open(db.clone()).await.unwrap();
        let groups: Vec<EventGroup> = (1..=6)
            .map(|v| group(&format!("0.{v}"), vec![unit_event(org, unit, &v.to_string(), v)]))
            .collect();
        // One runs ahead, the other comes after it and must not draw the cursor back.
        one.apply(groups[..4].to_vec()).await.unwrap();
        assert_eq!(two.cursor().await.unwrap(), "", "{name}: it holds nothing yet");
        two.apply(groups[..2].to_vec()).await.unwrap();
        let shown = |directory: &Directory| {
            let view = directory.organisation(org).unwrap();
            view.unit(unit).unwrap().display_name.clone()
        };
        assert_eq!((shown(&one).as_str(), shown(&two).as_str()), ("4", "2"), "{name}");
        assert_eq!(Inbox::cursor(db.read(), "auth").await.unwrap(), "0.4", "{name}");
        two.apply(groups[2..].to_vec()).await.unwrap();
        one.apply(groups[4..].to_vec()).await.unwrap();
        assert_eq!((shown(&one).as_str(), shown(&two).as_str()), ("6", "6"), "{name}");
        let third = Directory::open(db.clone()).await.unwrap();
        assert_eq!((shown(&third).as_str(), third.cursor().await.unwrap().as_str()), ("6", "0.6"));
    }
}

/// One value of one row.
async fn value(conn: &impl ConnectionTrait, sql: &str) -> Result<String, ServiceError> {
    let statement = Statement::from_string(conn.get_database_backend(), sql);
    let row = conn.query_one_raw(statement).await?.expect("a row");
    Ok(row.try_get_by_index(0)?)
}

/// A migration that takes half a second.
struct Slow;

impl sea_orm_migration::MigrationName for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }
}

#[async_trait::async_trait]
impl sea_orm_migration::MigrationTrait for Slow {
    async fn up(&self, manager: &sea_orm_migration::SchemaManager) -> Result<(), sea_orm::DbErr> {
        manager.get_connection().execute_unprepared("SELECT pg_sleep(0.5)").await.map(|_| ())
    }
}

fn slow() -> Vec<Box<dyn sea_orm_migration::MigrationTrait>> {
    let mut all = migrations();
    all.push(Box::new(Slow));
    all
}

#[tokio::test]
async fn the_server_ends_what_nobody_waits_for_and_upkeep_takes_its_time() {
    let url = postgres_url().await;
    let usual = open(&url, migrations).await.unwrap();
    for name in ["statement_timeout", "idle_in_transaction_session_timeout"] {
        assert_eq!(value(usual.read(), &format!("SHOW {name}")).await.unwrap(), "30s", "{name}");
    }
    // A limit of the URL's stands, so that nobody has to wait here for half a minute.
    let db = open(&format!("{url}?options[statement_timeout]=200ms"), slow).await.unwrap();
    assert_eq!(value(db.read(), "SHOW lock_timeout").await.unwrap(), "10s");
    let orphan = tokio::spawn({
        let db = db.clone();
        async move { value(db.read(), "SELECT pg_sleep(600)::text").await }
    });
    let sleeping = async |which: &str, wanted: &str| {
        let sql = format!(
            "SELECT count(*)::text FROM pg_stat_activity \
             WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep(600)%' {which}"
        );
        while value(usual.read(), &sql).await.unwrap() != wanted {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let ended = async {
        sleeping("", "1").await;
        orphan.abort();
        sleeping("AND state = 'active'", "0").await;
    };
    tokio::time::timeout(Duration::from_secs(60), ended).await.expect("the server ends it");
    // Who does wait is told to try again, and that it is no defect.
    let error = value(db.read(), "SELECT pg_sleep(600)::text").await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::Unavailable, "{error}");
    assert!(error.message().contains("too long"), "{error}");

    let tx = db.begin().await.unwrap();
    tx.take_time().await.unwrap();
    value(tx.conn(), "SELECT pg_sleep(0.5)::text").await.unwrap();
    tx.commit().await.unwrap();
    db.maintain("SELECT pg_sleep(0.5)").await.unwrap();
    db.maintain("VACUUM outbox").await.unwrap();
    assert_eq!(value(db.read(), "SHOW statement_timeout").await.unwrap(), "200ms");
}
