//! The power fails at any moment, and what was acknowledged is on the disk (guarantee R2). The
//! first test shows that the rig can tell: a database that does not flush loses rows in it.

use std::{collections::HashSet, time::Duration};

use all_in_one::suite::Databases;
use e2e::{
    World,
    cluster::Cluster,
    disk::{Disk, Image},
    patiently,
    processes::Part,
};
use kit::{
    db::plain,
    testing::{postgres_url, postgres_url_at, sqlite_file_url},
};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use tokio::{runtime::Handle, task::JoinSet};

use super::load::{Load, devices};

/// Cuts of one run, on each database.
const CUTS: u64 = 200;
/// Copies that are looked at while the load goes on.
const AT_ONCE: usize = 2;

/// Whether this machine does without these tests, because nobody may mount a disk.
fn left_out() -> bool {
    let left_out = std::env::var_os("MANYI_TEST_NO_POWER_CUT").is_some();
    if left_out {
        eprintln!("MANYI_TEST_NO_POWER_CUT is set: the power is not cut");
    }
    left_out
}

async fn open(url: &str) -> DatabaseConnection {
    Database::connect(plain(url)).await.unwrap()
}

async fn texts(conn: &DatabaseConnection, sql: &str) -> Vec<String> {
    let statement = Statement::from_string(conn.get_database_backend(), sql);
    let rows = conn.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

/// Rows of a table that a database in `mode` has written, and those that a cut leaves.
async fn left_by_a_cut(mode: &str) -> (usize, usize) {
    let disk = Disk::new(32);
    let url = |disk: &Disk| format!("sqlite://{}?mode=rwc", disk.path().join("x.db").display());
    let conn = open(&url(&disk)).await;
    let setup = format!("PRAGMA journal_mode=WAL; PRAGMA synchronous={mode}; CREATE TABLE t (x)");
    conn.execute_unprepared(&setup).await.unwrap();
    let rows = 100;
    for row in 0..rows {
        let insert = format!("INSERT INTO t VALUES ('{row}')");
        conn.execute_unprepared(&insert).await.unwrap();
    }
    let copy = disk.cut().mounted();
    let left = open(&url(&copy)).await;
    let tables = texts(&left, "SELECT name FROM sqlite_master WHERE name = 't'").await;
    let found = if tables.is_empty() { 0 } else { texts(&left, "SELECT x FROM t").await.len() };
    left.close().await.unwrap();
    conn.close().await.unwrap();
    (rows, found)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rig_can_tell_a_database_that_does_not_flush() {
    if left_out() {
        return;
    }
    let (written, left) = left_by_a_cut("NORMAL").await;
    assert!(left < written, "{left} of {written} were on the disk without a flush");
    let (written, left) = left_by_a_cut("FULL").await;
    assert_eq!(left, written);
}

/// Names of ratings by their ids in hexadecimal.
fn receipts(ids: Vec<String>) -> HashSet<String> {
    ids.into_iter().map(|id| format!("ratings/rt_{}", id.to_lowercase())).collect()
}

/// A random moment, the same in every run.
async fn moment(cut: u64) {
    tokio::time::sleep(Duration::from_millis(5 + cut * 7_919 % 70)).await;
}

/// Cuts the power again and again while devices send, and looks at what each cut left behind.
/// `still` has whoever writes stand still or go on, so that a copy is of one moment; `stored`
/// starts a machine with the copy and reads the ids that it has.
async fn cut(
    load: &Load,
    disk: &Disk,
    still: impl Fn(bool),
    stored: impl Fn(u64, Image) -> Vec<String> + Clone + Send + 'static,
) {
    begun(load).await;
    let mut looking = JoinSet::new();
    for number in 0..CUTS {
        moment(number).await;
        still(true);
        let acknowledged = load.history.receipts();
        let image = disk.cut();
        still(false);
        if looking.len() == AT_ONCE
            && let Some(looked) = looking.join_next().await
        {
            looked.unwrap();
        }
        let stored = stored.clone();
        looking.spawn_blocking(move || {
            let stored = receipts(stored(number, image));
            let lost = acknowledged.iter().filter(|receipt| !stored.contains(*receipt)).count();
            let all = acknowledged.len();
            assert_eq!(lost, 0, "cut {number}: {lost} of {all} acknowledged ratings are lost");
        });
    }
    while let Some(looked) = looking.join_next().await {
        looked.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_on_the_disk_when_the_power_fails_on_sqlite() {
    if left_out() {
        return;
    }
    let disk = Disk::new(256);
    let device = disk.path().join("device.db");
    let databases = Databases {
        auth: sqlite_file_url(),
        device: format!("sqlite://{}", device.display()),
        survey: sqlite_file_url(),
        analytics: sqlite_file_url(),
    };
    let mut world = World::apart_on(databases).await;
    let org = world.organisation().await;
    let (_, devices) = devices(&world, &org).await;
    let load = Load::start(&devices);
    let service = world.processes();
    let runtime = Handle::current();
    cut(
        &load,
        &disk,
        |still| service.freeze(Part::Device, still),
        move |number, image| {
            let copy = image.mounted();
            let url = format!("sqlite://{}", copy.path().join("device.db").display());
            runtime.block_on(async {
                let left = open(&url).await;
                assert_eq!(texts(&left, "PRAGMA integrity_check").await, ["ok"], "cut {number}");
                let ids = texts(&left, "SELECT hex(id) FROM rating").await;
                left.close().await.unwrap();
                ids
            })
        },
    )
    .await;
    load.finish().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_on_the_disk_when_the_power_fails_on_postgres() {
    if left_out() {
        return;
    }
    let disk = Disk::new(1_024);
    let cluster = Cluster::start_in(disk.path());
    let device = postgres_url_at(cluster.url()).await;
    // Little to copy, and cuts in the middle of checkpoints.
    let conn = open(cluster.url()).await;
    for setting in ["max_wal_size = '64MB'", "min_wal_size = '32MB'"] {
        conn.execute_unprepared(&format!("ALTER SYSTEM SET {setting}")).await.unwrap();
    }
    conn.execute_unprepared("SELECT pg_reload_conf()").await.unwrap();
    conn.close().await.unwrap();
    // The configuration of the server was written long ago.
    disk.settle();
    let databases = Databases {
        auth: postgres_url().await,
        device: device.clone(),
        survey: postgres_url().await,
        analytics: postgres_url().await,
    };
    let (_, name) = device.rsplit_once('/').unwrap();
    let (name, folder) = (name.to_owned(), cluster.folder().file_name().unwrap().to_owned());
    let world = World::apart_on(databases).await;
    let org = world.organisation().await;
    let (_, devices) = devices(&world, &org).await;
    let load = Load::start(&devices);
    cut(
        &load,
        &disk,
        |still| cluster.freeze(still),
        move |_, image| {
            let copy = image.mounted();
            let ids = "SELECT replace(id::text, '-', '') FROM rating";
            Cluster::rows_after_a_reboot(&copy.path().join(&folder), &name, ids)
        },
    )
    .await;
    load.finish().await;
    world.stop().await;
}

async fn begun(load: &Load) {
    patiently("ratings to be taken", || async {
        (load.history.acknowledged() > 100).then_some(())
    })
    .await;
}
