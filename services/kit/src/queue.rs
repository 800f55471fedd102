//! The bounded queue before writers that commit in groups. A writer takes all that waits, so
//! that a group grows with the load and nobody lingers for it. Jobs may name lanes: what waits
//! for a lane that another writer is busy with stays, so that writers of one process never wait
//! for each other's locks and each lane's jobs are written in the order of their arrival.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;
use uuid::Uuid;

/// What waits to be written.
pub trait Job {
    /// How much it counts, against the limits of the queue and of a group.
    fn weight(&self) -> usize;

    /// Lanes that it needs, each once.
    fn lanes(&self) -> &[Uuid] {
        &[]
    }
}

/// How much a queue holds and hands out.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most jobs that wait.
    pub jobs: usize,
    /// Most weight that waits.
    pub weight: usize,
    /// Most weight that a writer takes at once, unless one job alone has more.
    pub group: usize,
}

/// The queue.
pub struct Queue<J> {
    limits: Limits,
    state: Mutex<State<J>>,
    arrived: Notify,
}

struct State<J> {
    waiting: VecDeque<J>,
    weight: usize,
    busy: HashSet<Uuid>,
    closed: bool,
}

impl<J: Job> Queue<J> {
    /// An empty queue.
    pub fn new(limits: Limits) -> Self {
        let state =
            State { waiting: VecDeque::new(), weight: 0, busy: HashSet::new(), closed: false };
        Self { limits, state: Mutex::new(state), arrived: Notify::new() }
    }

    /// Adds jobs, all or none; false when there is no room for them, or the queue is closed.
    #[must_use]
    pub fn push(&self, jobs: impl AsRef<[J]> + IntoIterator<Item = J>) -> bool {
        let count = jobs.as_ref().len();
        let weight: usize = jobs.as_ref().iter().map(Job::weight).sum();
        let mut state = self.state();
        let full = state.waiting.len() + count > self.limits.jobs
            || state.weight + weight > self.limits.weight;
        if state.closed || full {
            return false;
        }
        state.weight += weight;
        state.waiting.extend(jobs);
        drop(state);
        self.arrived.notify_one();
        true
    }

    /// How full it is, 0 to 100.
    pub fn fill_percent(&self) -> usize {
        let (state, limits) = (self.state(), self.limits);
        (state.weight * 100 / limits.weight).max(state.waiting.len() * 100 / limits.jobs)
    }

    /// No more jobs are taken in; writers end when what waits is written.
    pub fn close(&self) {
        self.state().closed = true;
        self.arrived.notify_waiters();
        self.arrived.notify_one();
    }

    /// What waits and may be written now, at most a group; waits for the first. Nothing once
    /// the queue is closed and empty. Give the lanes back with [`Queue::release`].
    pub async fn take(&self) -> Option<Vec<J>> {
        loop {
            let arrived = self.arrived.notified();
            {
                let mut state = self.state();
                let group = state.pick(self.limits.group);
                if !group.is_empty() {
                    let more = !state.waiting.is_empty();
                    drop(state);
                    if more {
                        self.arrived.notify_one();
                    }
                    return Some(group);
                }
                if state.closed && state.waiting.is_empty() {
                    // The next writer has to learn it too.
                    self.arrived.notify_one();
                    return None;
                }
            }
            arrived.await;
        }
    }

    /// The writer is done with these lanes.
    pub fn release<'a>(&self, lanes: impl IntoIterator<Item = &'a Uuid>) {
        let mut state = self.state();
        for lane in lanes {
            state.busy.remove(lane);
        }
        let more = !state.waiting.is_empty();
        drop(state);
        if more {
            self.arrived.notify_one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State<J>> {
        // No code panics while it holds the lock, and the state would be sound if it did.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J: Job> State<J> {
    fn pick(&mut self, most: usize) -> Vec<J> {
        let mut group: Vec<J> = Vec::new();
        let mut taken: HashSet<Uuid> = HashSet::new();
        let mut passed_by: HashSet<Uuid> = HashSet::new();
        let mut weight = 0;
        let mut index = 0;
        while index < self.waiting.len() && weight < most {
            let next = &self.waiting[index];
            let more = next.weight();
            let fits = group.is_empty() || weight + more <= most;
            // A later job must not overtake one of the same lane.
            let free = |lane: &Uuid| !self.busy.contains(lane) && !passed_by.contains(lane);
            if fits && next.lanes().iter().all(free) {
                weight += more;
                taken.extend(next.lanes());
                group.extend(self.waiting.remove(index));
            } else {
                passed_by.extend(next.lanes());
                index += 1;
            }
        }
        self.weight -= weight;
        self.busy.extend(taken);
        group
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { jobs: 200, weight: 32_768, group: 1_000 };

    struct Batch {
        lanes: Vec<Uuid>,
        weight: usize,
    }

    impl Job for Batch {
        fn weight(&self) -> usize {
            self.weight
        }

        fn lanes(&self) -> &[Uuid] {
            &self.lanes
        }
    }

    fn batch(lane: u128, weight: usize) -> [Batch; 1] {
        [Batch { lanes: vec![Uuid::from_u128(lane)], weight }]
    }

    fn sizes(group: &[Batch]) -> Vec<(u128, usize)> {
        group.iter().map(|batch| (batch.lanes[0].as_u128(), batch.weight)).collect()
    }

    #[tokio::test]
    async fn a_writer_takes_what_fits_and_leaves_busy_lanes_in_order() {
        let queue = Queue::new(LIMITS);
        for (lane, weight) in [(1, 200), (2, 300), (1, 250), (3, 600), (4, 10)] {
            assert!(queue.push(batch(lane, weight)));
        }
        let first = queue.take().await.unwrap();
        assert_eq!(sizes(&first), [(1, 200), (2, 300), (1, 250), (4, 10)]);
        assert!(queue.push(batch(1, 5)));
        let second = queue.take().await.unwrap();
        assert_eq!(sizes(&second), [(3, 600)]);
        queue.release(first.iter().flat_map(|batch| &batch.lanes));
        assert_eq!(sizes(&queue.take().await.unwrap()), [(1, 5)]);
    }

    #[tokio::test]
    async fn a_full_queue_takes_nothing_in_and_a_closed_one_runs_dry() {
        let queue = Queue::new(LIMITS);
        for _ in 0..LIMITS.weight / 256 {
            assert!(queue.push(batch(1, 256)));
        }
        assert_eq!(queue.fill_percent(), 100);
        assert!(!queue.push(batch(2, 1)));
        queue.close();
        let mut left = 0;
        while let Some(group) = queue.take().await {
            left += group.iter().map(Job::weight).sum::<usize>();
            queue.release(group.iter().flat_map(|batch| &batch.lanes));
        }
        assert_eq!(left, LIMITS.weight);
        assert!(queue.take().await.is_none());
        assert!(!queue.push(batch(1, 1)));
    }

    struct Light(usize);

    impl Job for Light {
        fn weight(&self) -> usize {
            1
        }
    }

    #[tokio::test]
    async fn jobs_without_lanes_come_in_order_and_all_or_none_of_a_push_are_taken_in() {
        let queue = Queue::new(Limits { group: 70, ..LIMITS });
        assert!(queue.push((0..150).map(Light).collect::<Vec<_>>()));
        assert!(!queue.push((150..201).map(Light).collect::<Vec<_>>()));
        assert!(queue.push((150..200).map(Light).collect::<Vec<_>>()));
        let mut found = Vec::new();
        for size in [70, 70, 60] {
            let group = queue.take().await.unwrap();
            assert_eq!(group.len(), size);
            found.extend(group.into_iter().map(|light| light.0));
        }
        assert!(found.into_iter().eq(0..200));
    }
}
