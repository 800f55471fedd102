//! The power fails at any moment, and what was acknowledged is on the disk (guarantee R2). The
//! first test shows that the rig can tell: a database that does not flush loses rows in it.

use std::{collections::HashSet, time::Duration};

use all_in_one::suite::Databases;
use e2e::{World, cluster::Cluster, disk::Disk, patiently, processes::Part};
use kit::{
    db::plain,
    testing::{postgres_url, postgres_url_at, sqlite_file_url},
};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};

use super::load::{Load, devices};

/// Cuts of one run.
const CUTS: u64 = 25;

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
    let copy = disk.after_a_cut();
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

/// Receipts in a database that a cut left behind.
async fn receipts(conn: &DatabaseConnection, id: &str) -> HashSet<String> {
    let ids = texts(conn, &format!("SELECT {id} FROM rating")).await;
    ids.into_iter().map(|id| format!("ratings/rt_{}", id.to_lowercase())).collect()
}

fn check(cut: u64, acknowledged: &[String], stored: &HashSet<String>) {
    let lost: Vec<_> = acknowledged.iter().filter(|receipt| !stored.contains(*receipt)).collect();
    let (lost, all) = (lost.len(), acknowledged.len());
    assert_eq!(lost, 0, "cut {cut}: {lost} of {all} acknowledged ratings are lost");
}

/// A random moment, the same in every run.
async fn moment(cut: u64) {
    tokio::time::sleep(Duration::from_millis(20 + cut * 7_919 % 180)).await;
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
    begun(&load).await;
    for cut in 0..CUTS {
        moment(cut).await;
        world.processes().freeze(Part::Device, true);
        let acknowledged = load.history.receipts();
        let copy = disk.after_a_cut();
        world.processes().freeze(Part::Device, false);
        let left = open(&format!("sqlite://{}", copy.path().join("device.db").display())).await;
        assert_eq!(texts(&left, "PRAGMA integrity_check").await, ["ok"], "cut {cut}");
        check(cut, &acknowledged, &receipts(&left, "hex(id)").await);
        left.close().await.unwrap();
    }
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
    // The configuration of the server was written long ago.
    disk.settle();
    let databases = Databases {
        auth: postgres_url().await,
        device: device.clone(),
        survey: postgres_url().await,
        analytics: postgres_url().await,
    };
    let (_, name) = device.rsplit_once('/').unwrap();
    let world = World::apart_on(databases).await;
    let org = world.organisation().await;
    let (_, devices) = devices(&world, &org).await;
    let load = Load::start(&devices);
    begun(&load).await;
    for cut in 0..CUTS / 3 {
        moment(cut).await;
        cluster.freeze(true);
        let acknowledged = load.history.receipts();
        let copy = disk.after_a_cut();
        cluster.freeze(false);
        let folder = copy.path().join(cluster.folder().file_name().unwrap());
        let rebooted = cluster.copy_in(folder);
        let (base, _) = rebooted.url().rsplit_once('/').unwrap();
        let left = open(&format!("{base}/{name}")).await;
        check(cut, &acknowledged, &receipts(&left, "replace(id::text, '-', '')").await);
        left.close().await.unwrap();
    }
    load.finish().await;
    world.stop().await;
}

async fn begun(load: &Load) {
    patiently("ratings to be taken", || async {
        (load.history.acknowledged() > 100).then_some(())
    })
    .await;
}
