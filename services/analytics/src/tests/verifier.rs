//! The verifier's loop: what it finds, what it counts, and that it stays within its budget.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use analytics_domain::fact::Fact;
use async_trait::async_trait;
use kit::error::{Result, ServiceError};
use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use uuid::Uuid;

use super::{
    model::{Random, Story, groups},
    service::rating,
    world::World,
};
use crate::{
    reconcile::Report,
    verifier::{Compare, PARTS, PAUSE_MIN, Pace, found, watch},
};

/// Time as the test tells it: it goes on by what is rested and by what comparing takes.
#[derive(Clone)]
struct Scripted(Arc<Mutex<Script>>);

struct Script {
    now: Duration,
    rests: Vec<Duration>,
    turns: usize,
}

impl Scripted {
    fn turns(turns: usize) -> Self {
        Self(Arc::new(Mutex::new(Script { now: Duration::ZERO, rests: Vec::new(), turns })))
    }

    fn go_on(&self, by: Duration) {
        self.0.lock().unwrap().now += by;
    }
}

#[async_trait]
impl Pace for Scripted {
    fn now(&self) -> Duration {
        self.0.lock().unwrap().now
    }

    async fn rest(&self, pause: Duration) -> bool {
        let mut script = self.0.lock().unwrap();
        script.now += pause;
        script.rests.push(pause);
        script.rests.len() <= script.turns
    }
}

/// A comparison that takes as long as it is told, and fails now and then.
struct Slow {
    pace: Scripted,
    seconds: Vec<u64>,
    done: Mutex<Vec<Uuid>>,
}

#[async_trait]
impl Compare for Slow {
    async fn compare(&self, org: Uuid) -> Result<Report> {
        let mut done = self.done.lock().unwrap();
        self.pace.go_on(Duration::from_secs(self.seconds[done.len()]));
        done.push(org);
        if done.len().is_multiple_of(3) {
            return Err(ServiceError::unavailable("not now"));
        }
        Ok(Report { equal: true, ..Report::default() })
    }
}

#[async_trait]
impl Compare for Arc<Slow> {
    async fn compare(&self, org: Uuid) -> Result<Report> {
        Compare::compare(&**self, org).await
    }
}

#[tokio::test]
async fn comparing_takes_no_more_than_its_part_of_the_time_however_slow_it_is() {
    let world = World::in_memory().await;
    let seconds = vec![0, 1, 9, 600, 9, 0, 90, 30, 2];
    let spent = Duration::from_secs(seconds.iter().sum());
    let pace = Scripted::turns(seconds.len());
    let slow = Slow { pace: pace.clone(), seconds: seconds.clone(), done: Mutex::default() };
    let slow = Arc::new(slow);
    let (directory, clock) = (world.service.directory.clone(), world.clock.clone());
    watch(world.db.clone(), slow.clone(), directory, clock, pace.clone()).await;
    let done = slow.done.lock().unwrap().clone();
    assert_eq!(done.len(), seconds.len(), "one comparison a turn, and each rest is a turn");
    let mut orgs = [world.org.org, world.other.org];
    orgs.sort_unstable();
    assert!(done.iter().zip(orgs.iter().cycle()).all(|(a, b)| a == b), "each in its turn");
    assert!(spent * PARTS <= pace.now(), "{spent:?} of {:?}", pace.now());
    let rests = pace.0.lock().unwrap().rests.clone();
    assert!(rests.iter().all(|rest| *rest >= PAUSE_MIN));
    // The control: the same pause after each would have cost more than the budget.
    let turns = u32::try_from(rests.len()).unwrap();
    assert!(spent * PARTS > PAUSE_MIN * turns + spent);
}

/// Counters by name.
#[derive(Default)]
struct Counters(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

impl Counters {
    fn get(&self, name: &str) -> u64 {
        let counters = self.0.lock().unwrap();
        counters.get(name).map_or(0, |counter| counter.load(Ordering::SeqCst))
    }
}

struct Add(Arc<AtomicU64>);

impl CounterFn for Add {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::SeqCst);
    }

    fn absolute(&self, value: u64) {
        self.0.store(value, Ordering::SeqCst);
    }
}

impl Recorder for Counters {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let mut counters = self.0.lock().unwrap();
        let counter = counters.entry(key.name().to_owned()).or_default();
        Counter::from_arc(Arc::new(Add(counter.clone())))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[tokio::test]
async fn the_loop_finds_a_planted_difference_counts_it_and_keeps_it_for_whoever_asks() {
    for world in World::everywhere().await {
        let counters = Counters::default();
        let _recording = metrics::set_default_local_recorder(&counters);
        let mut random = Random::new(37);
        let mut story = Story::new(&world, &mut random, 40);
        world.device.commit(groups(&story.events, &mut random), &story.facts);
        let reconciler = world.service.reconciler.clone();
        let running = world.start();
        let world = &running.world;
        let (org, directory) = (world.org.org, &world.service.directory);
        let pass = |turns: usize| {
            let (db, clock) = (world.db.clone(), world.clock.clone());
            watch(db, reconciler.clone(), directory.clone(), clock, Scripted::turns(turns))
        };
        // Both organisations in turn.
        pass(2).await;
        let sound = found(world.db.read(), org).await.unwrap();
        assert!(sound.equal && sound.runs == 1 && sound.last.is_empty(), "{}", world.name);
        assert_eq!(counters.get("analytics_verifications_total"), 2);
        assert_eq!(counters.get("analytics_mismatches_total"), 0);

        // The source holds one rating more than it ever told.
        let planted: Fact = rating(world, 0, 5);
        story.facts.push(planted);
        world.device.commit([], &story.facts);
        pass(2).await;
        let report = found(world.db.read(), org).await.unwrap();
        assert_eq!((report.equal, report.runs, report.mismatches), (false, 2, 5), "{}", world.name);
        assert_eq!(report.last.len(), 5, "one in each kind of roll-up");
        assert!(report.last.iter().all(|m| m.source == m.counted + 1), "{:?}", report.last);
        assert_eq!(counters.get("analytics_mismatches_total"), 5);
        let other = found(world.db.read(), world.other.org).await.unwrap();
        assert!(other.equal && other.mismatches == 0, "{}: another's", world.name);
        running.end().await;
    }
}
