//! Leases: one replica at a time, on every database.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use kit::{
    db::{Db, Dialect, migrations},
    lease::Lease,
    testing::databases,
};
use sea_orm::{ConnectionTrait, Statement};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(20);

async fn shared() -> Option<Db> {
    let all = databases(migrations).await;
    all.into_iter().map(|(_, db)| db).find(|db| db.dialect() == Dialect::Postgres)
}

fn keep(lease: &Lease) -> CancellationToken {
    let stop = CancellationToken::new();
    let (lease, stopped) = (lease.clone(), stop.clone());
    tokio::spawn(async move { lease.keep(stopped).await });
    stop
}

#[tokio::test]
async fn the_only_process_on_sqlite_always_holds_it() {
    for (name, db) in databases(migrations).await {
        let lease = Lease::new(db.clone(), "test");
        assert_eq!(lease.is_held(), db.dialect() == Dialect::Sqlite, "{name}");
        let pinned = timeout(SOON, lease.claim(SOON)).await.unwrap().unwrap();
        assert!(lease.is_held(), "{name}");
        drop(pinned);
    }
}

#[tokio::test]
async fn of_two_replicas_one_holds_it_until_it_stops_or_dies() {
    let db = shared().await.unwrap();
    let (one, two) = (Lease::new(db.clone(), "test"), Lease::new(db.clone(), "test"));
    let first = keep(&one);
    timeout(SOON, one.held()).await.unwrap();
    let second = keep(&two);
    sleep(Duration::from_secs(1)).await;
    assert!(one.is_held() && !two.is_held());
    // Stopped in order: the other one takes over at once.
    first.cancel();
    timeout(Duration::from_secs(3), two.held()).await.unwrap();
    assert!(!one.is_held());
    second.cancel();
    timeout(SOON, two.lost()).await.unwrap();

    // A holder that died leaves a row that runs out.
    let dead = "UPDATE lease SET holder = gen_random_uuid(), wanted = NULL, \
                until_us = (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint + 2000000";
    let statement = Statement::from_string(db.read().get_database_backend(), dead);
    db.read().execute_raw(statement).await.unwrap();
    let third = keep(&one);
    sleep(Duration::from_secs(1)).await;
    assert!(!one.is_held());
    timeout(SOON, one.held()).await.unwrap();
    third.cancel();
}

#[tokio::test]
async fn whoever_claims_it_gets_it_unless_it_is_needed() {
    let db = shared().await.unwrap();
    let (one, two) = (Lease::new(db.clone(), "test"), Lease::new(db, "test"));
    let (first, second) = (keep(&one), keep(&two));
    timeout(SOON, one.held()).await.ok();
    for (claiming, other) in [(&two, &one), (&one, &two)] {
        let pinned = claiming.claim(SOON).await.unwrap();
        assert!(claiming.is_held() && !other.is_held());
        let busy = other.claim(Duration::from_millis(800)).await;
        assert!(busy.is_err() && claiming.is_held());
        drop(pinned);
    }
    first.cancel();
    second.cancel();
}
