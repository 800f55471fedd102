//! Processes die at any moment, and nothing that was acknowledged is lost or counted twice
//! (guarantees R1, R3, E1). The last test plants the bug that this must catch.

use std::time::Duration;

use e2e::{Shape, World, patiently, processes::Part};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::load::{Load, damage, devices, reconcile};

/// Kills of one run.
const ROUNDS: usize = 30;

/// Who may die at random.
const MORTAL: [Part; 4] = [Part::Gateway, Part::Auth, Part::Device, Part::Analytics];

async fn kill_at_random(shape: Shape, seed: u64) {
    let mut world = World::start(shape).await;
    let org = world.organisation().await;
    let (branch, devices) = devices(&world, &org).await;
    let load = Load::start(&devices);
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..ROUNDS {
        let part = MORTAL[random.random_range(0..MORTAL.len())];
        tokio::time::sleep(Duration::from_millis(random.random_range(20..250))).await;
        world.processes().restart(part).await;
    }
    world.wait_until_ready().await;
    let before = load.history.acknowledged();
    patiently("ratings to be taken after the last death", || async {
        (load.history.acknowledged() > before).then_some(())
    })
    .await;
    let history = load.finish().await;
    let problems = damage(&world, &org, &branch, &history).await;
    let taken = history.acknowledged();
    assert!(problems.is_empty(), "seed {seed}, {taken} acknowledged:\n{}", problems.join("\n"));
    assert!(taken > 200, "only {taken} ratings were acknowledged: the load proves nothing");
    reconcile(&world, &org).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_deaths_lose_and_double_nothing_on_sqlite() {
    kill_at_random(Shape::ManyOnSqlite, 20_261_122).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_deaths_lose_and_double_nothing_on_postgres() {
    kill_at_random(Shape::ManyOnPostgres, 20_261_123).await;
}

/// Starts a service so that it dies at `point`, waits until it is dead under load, and starts
/// it again as it was.
async fn die_at(world: &mut World, part: Part, point: &str, control: bool) {
    let processes = world.processes();
    processes.set(part, "MANYI_CRASH_POINT", &format!("{point}:3"));
    if control {
        processes.set(part, "MANYI_TEST_ACK_BEFORE_COMMIT", "1");
    }
    processes.restart(part).await;
    processes.wait_until_dead(part).await;
    processes.unset(part, "MANYI_CRASH_POINT");
    processes.unset(part, "MANYI_TEST_ACK_BEFORE_COMMIT");
    processes.restart(part).await;
}

async fn die_at_every_point(shape: Shape) {
    let mut world = World::start(shape).await;
    let org = world.organisation().await;
    let (branch, devices) = devices(&world, &org).await;
    let load = Load::start(&devices);
    for point in device::CRASH_POINTS {
        die_at(&mut world, Part::Device, point, false).await;
    }
    for point in analytics::CRASH_POINTS {
        die_at(&mut world, Part::Analytics, point, false).await;
    }
    world.wait_until_ready().await;
    let history = load.finish().await;
    let problems = damage(&world, &org, &branch, &history).await;
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    reconcile(&world, &org).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_at_each_step_of_a_commit_loses_nothing_on_sqlite() {
    die_at_every_point(Shape::ManyOnSqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_at_each_step_of_a_commit_loses_nothing_on_postgres() {
    die_at_every_point(Shape::ManyOnPostgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_catches_a_service_that_acknowledges_before_it_commits() {
    let mut world = World::start(Shape::ManyOnSqlite).await;
    let org = world.organisation().await;
    let (branch, devices) = devices(&world, &org).await;
    let load = Load::start(&devices);
    die_at(&mut world, Part::Device, "device.before_commit", true).await;
    let history = load.finish().await;
    let problems = damage(&world, &org, &branch, &history).await;
    assert!(problems.iter().any(|p| p.contains("lost")), "the planted bug was not found");
    world.stop().await;
}
