//! Who lost a right is refused by a call that carries the token of that change (guarantee T5),
//! by another service, in another process, whose clock is wrong. Controls see what a service
//! would do that decides on rights which it remembers.

mod held;
mod lane;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use e2e::{Org, Shape, World, processes::Part};
use futures::future::join_all;
use held::Gate;
use kit::{
    clock::{Clock, SystemClock},
    rpc::{Chan, connect, in_process},
    testing::sqlite_file_url,
};
use lane::{Lane, Taking, Verdict};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// People who lose their rights at the same time.
const LANES: usize = 8;
/// Rounds of each.
const ROUNDS: usize = 125;
/// One round of so many moves a branch; the others take a grant.
const MOVE_EVERY: usize = 10;
/// How wrong the clock of the service is in the first half of the rounds, and in the second: a
/// clock that is further behind refuses tokens that were made just now.
const WRONG_BY_S: [i64; 2] = [-8, 120];

/// The machine's clock, and by how many seconds it is wrong.
#[derive(Debug, Default)]
struct WrongClock(AtomicI64);

impl Clock for WrongClock {
    fn now_us(&self) -> i64 {
        SystemClock.now_us() + self.0.load(Ordering::Relaxed) * 1_000_000
    }
}

/// Auth in a process of its own, and a device service here, which follows it through a gate.
struct Scene {
    world: World,
    org: Org,
    auth: Chan,
    device: Chan,
    gate: Gate,
    clock: Arc<WrongClock>,
    stop: CancellationToken,
    background: JoinHandle<()>,
}

impl Scene {
    async fn start() -> Self {
        let mut world = World::start(Shape::ManyOnSqlite).await;
        let org = world.organisation().await;
        let auth = connect(&world.processes().address_of(Part::Auth)).expect("an address");
        let (gate, clock) = (Gate::default(), Arc::new(WrongClock::default()));
        let config = device::Config {
            database_url: sqlite_file_url(),
            seed: world.seed.0,
            clock: clock.clone(),
            writers: device::WRITERS_DEFAULT,
        };
        let peers = device::Peers { auth: gate.before(auth.clone()) };
        let service = device::build(config, peers).await.expect("the service is built");
        let device = in_process(service.router());
        let stop = CancellationToken::new();
        let background = tokio::spawn(service.background(stop.clone()));
        Self { world, org, auth, device, gate, clock, stop, background }
    }

    async fn lane(&self) -> Lane {
        Lane::new(&self.org, &self.auth, &self.device, &self.gate).await
    }

    async fn stop(self) {
        self.stop.cancel();
        self.background.await.expect("the service ends well");
        self.world.stop().await;
    }
}

/// How often each verdict was given.
fn counted(verdicts: impl IntoIterator<Item = Verdict>) -> BTreeMap<Verdict, usize> {
    let mut counts = BTreeMap::new();
    for verdict in verdicts {
        *counts.entry(verdict).or_default() += 1;
    }
    counts
}

fn taking(round: usize) -> Taking {
    if round.is_multiple_of(MOVE_EVERY) { Taking::Move } else { Taking::Grant }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_was_taken_is_refused_a_thousand_times_whatever_the_clock_says() {
    let scene = Scene::start().await;
    let lanes = join_all((0..LANES).map(|_| scene.lane())).await;
    let mut verdicts = Vec::new();
    for (half, wrong_by_s) in WRONG_BY_S.into_iter().enumerate() {
        scene.clock.0.store(wrong_by_s, Ordering::Relaxed);
        let rounds = ROUNDS * half / WRONG_BY_S.len()..ROUNDS * (half + 1) / WRONG_BY_S.len();
        let tasks = lanes.iter().map(|lane| {
            let (lane, rounds) = (lane.clone(), rounds.clone());
            tokio::spawn(async move {
                let mut verdicts = Vec::new();
                for round in rounds {
                    verdicts.push(lane.round(taking(round)).await);
                }
                verdicts
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            verdicts.extend(task.await.expect("a lane runs to its end"));
        }
    }
    scene.stop().await;
    assert_eq!(counted(verdicts), BTreeMap::from([(Verdict::Refused, LANES * ROUNDS)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_decides_on_remembered_rights_is_found_out() {
    const TRIES: usize = 20;
    let scene = Scene::start().await;
    let lane = scene.lane().await;
    let mut remembered = Vec::new();
    for round in 0..TRIES {
        // Without the token nothing tells the service that its rights are old.
        remembered.push(lane.round_behind(taking(round), false).await);
    }
    // With it the service answers nothing rather than what it remembers.
    let told = lane.round_behind(Taking::Grant, true).await;
    let after = lane.round(Taking::Grant).await;
    scene.stop().await;
    assert_eq!(counted(remembered), BTreeMap::from([(Verdict::Stale, TRIES)]));
    assert_eq!((told, after), (Verdict::Unavailable, Verdict::Refused));
}
