//! The simulated town: an endless, reproducible stream of what happens at its windows. Pure:
//! knows no clock, no network, and nothing of the suite; the same seed and shape give the
//! same stream.

mod window;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use super::{people::Temper, rng::Dice};
use window::Window;

/// Microseconds of a second.
pub const SECOND_US: i64 = 1_000_000;
const MINUTE_US: i64 = 60 * SECOND_US;
const HOUR_US: i64 = 60 * MINUTE_US;

/// Who and what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Each branch has one bridge.
    pub branches: Vec<BranchShape>,
}

/// One branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BranchShape {
    /// Windows.
    pub windows: usize,
    /// Staff who take turns at the windows.
    pub staff: usize,
}

/// How lively it is.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Seed of everything.
    pub seed: u64,
    /// Customers per minute over all windows, averaged over a day; above 0.
    pub rate: f64,
    /// Local hour of day, 0 to 24, at which the stream begins.
    pub start_hour: f64,
    /// Mean time between two outages of one bridge in minutes; 0 for none.
    pub outage_every_min: f64,
}

/// A window by branch and place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Index of the branch.
    pub branch: usize,
    /// Index of the window in its branch.
    pub window: usize,
}

/// What makes an id: when the thing came to be, and random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Microseconds since the start of the stream.
    pub at_us: i64,
    /// Random.
    pub entropy: [u8; 10],
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Microseconds since the start of the stream; never decreases.
    pub at_us: i64,
    /// Where.
    pub place: Place,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A staff member signed in.
    SignIn {
        /// Id of the event.
        key: Key,
        /// Index of the staff member in the branch.
        staff: usize,
    },
    /// The staff member signed out.
    SignOut {
        /// Id of the event.
        key: Key,
    },
    /// Service is paused.
    Pause {
        /// Id of the event.
        key: Key,
    },
    /// Service goes on.
    Resume {
        /// Id of the event.
        key: Key,
    },
    /// A step of an encounter.
    Encounter {
        /// Id of the encounter.
        key: Key,
        /// Which step.
        step: Step,
        /// Ticket number of the window and day.
        ticket: u32,
        /// Index into [`super::people::BUSINESS_TYPES`].
        business: usize,
        /// When the ticket was drawn.
        queued_us: i64,
    },
    /// A press.
    Rating {
        /// Id of the rating.
        key: Key,
        /// Id of the encounter.
        encounter: Key,
        /// 0 to 100; the sender maps it to the scale.
        satisfaction: u8,
        /// Chooses reasons where the grade has some.
        reason: usize,
        /// Words.
        comment: Option<&'static str>,
        /// From the question to the press.
        response_ms: u32,
    },
    /// The bridge of the branch lost its connection.
    BridgeDown,
    /// The bridge of the branch has its connection back.
    BridgeUp,
}

/// Steps of an encounter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Ticket called.
    Called,
    /// Nobody came.
    NoShow,
    /// Service began.
    Started,
    /// Service ended.
    Finished,
    /// The customer was asked.
    Prompted,
    /// The terminal showed the question.
    Shown,
    /// The customer declined.
    Skipped,
    /// The question timed out.
    TimedOut,
}

/// Something that the generator has to do at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    Arrive(usize),
    ShiftBegin(usize),
    ShiftEnd(usize),
    PauseBegin(usize),
    PauseEnd(usize),
    /// Goes on with the customer at the window.
    Serve(usize),
    Outage(usize),
    OutageEnd(usize),
}

/// An endless stream of events in the order of time.
#[derive(Debug)]
pub struct Generator {
    options: Options,
    windows: Vec<Window>,
    branches: Vec<Branch>,
    tasks: BinaryHeap<Reverse<(i64, u64, Task)>>,
    order: u64,
    ready: VecDeque<Event>,
}

#[derive(Debug)]
struct Branch {
    staff: Vec<Temper>,
    /// Staff who are at no window, longest rested first.
    resting: VecDeque<usize>,
    dice: Dice,
    first_window: usize,
}

impl Generator {
    /// The stream of this town. A town without windows has none.
    pub fn new(shape: &Shape, options: Options) -> Self {
        let mut this = Self {
            options,
            windows: Vec::new(),
            branches: Vec::new(),
            tasks: BinaryHeap::new(),
            order: 0,
            ready: VecDeque::new(),
        };
        for (b, branch) in shape.branches.iter().enumerate() {
            this.add_branch(b, branch);
        }
        this
    }

    fn add_branch(&mut self, index: usize, shape: &BranchShape) {
        let stream = (index as u64) << 20;
        let mut dice = Dice::new(self.options.seed, stream + 1);
        let staff: Vec<Temper> = (0..shape.staff).map(|_| Temper::new(&mut dice)).collect();
        if self.options.outage_every_min > 0.0 && shape.windows > 0 {
            let wait = dice.exponential(self.options.outage_every_min);
            self.plan(minutes(wait), Task::Outage(index));
        }
        self.branches.push(Branch {
            resting: (0..staff.len()).collect(),
            staff,
            dice,
            first_window: self.windows.len(),
        });
        for window in 0..shape.windows {
            let number = self.windows.len();
            let dice = Dice::new(self.options.seed, stream + 2 + window as u64);
            self.windows.push(Window::new(Place { branch: index, window }, dice));
            // The doors open one after the other, so that the first seconds show something.
            let opens = seconds(self.windows[number].dice.between(0.0, 5.0));
            self.plan(opens, Task::ShiftBegin(number));
            self.plan(opens, Task::Arrive(number));
        }
    }

    fn plan(&mut self, at_us: i64, task: Task) {
        self.order += 1;
        self.tasks.push(Reverse((at_us, self.order, task)));
    }

    /// Mean seconds between two customers of one window at ordinary load.
    fn arrival_mean_s(&self) -> f64 {
        60.0 * self.windows.len() as f64 / self.options.rate
    }

    /// Mean seconds of a service: long enough that windows queue up at the day's peaks.
    fn service_mean_s(&self) -> f64 {
        self.arrival_mean_s() * 0.42
    }

    /// By how much walking and answering are shortened, so that any rate can be reached.
    fn haste(&self) -> f64 {
        (self.arrival_mean_s() / 90.0).clamp(0.01, 1.0)
    }

    fn hour(&self, at_us: i64) -> f64 {
        (self.options.start_hour + at_us as f64 / HOUR_US as f64).rem_euclid(24.0)
    }

    fn emit(&mut self, at_us: i64, place: Place, what: What) {
        self.ready.push_back(Event { at_us, place, what });
    }

    fn run(&mut self, at_us: i64, task: Task) {
        match task {
            Task::Arrive(w) => self.arrive(at_us, w),
            Task::ShiftBegin(w) => self.shift_begin(at_us, w),
            Task::ShiftEnd(w) => self.shift_end(at_us, w),
            Task::PauseBegin(w) => self.pause_begin(at_us, w),
            Task::PauseEnd(w) => self.pause_end(at_us, w),
            Task::Serve(w) => self.serve(at_us, w),
            Task::Outage(b) => self.outage(at_us, b, true),
            Task::OutageEnd(b) => self.outage(at_us, b, false),
        }
    }

    fn outage(&mut self, at_us: i64, branch: usize, begins: bool) {
        let mean = self.options.outage_every_min;
        let dice = &mut self.branches[branch].dice;
        let (what, wait_min, next) = if begins {
            let lasts = dice.between(0.02, 0.1) * mean;
            (What::BridgeDown, lasts, Task::OutageEnd(branch))
        } else {
            (What::BridgeUp, dice.exponential(mean), Task::Outage(branch))
        };
        let place = self.windows[self.branches[branch].first_window].place;
        self.emit(at_us, place, what);
        self.plan(at_us + minutes(wait_min), next);
    }
}

impl Iterator for Generator {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let Reverse((at_us, _, task)) = self.tasks.pop()?;
            self.run(at_us, task);
        }
    }
}

fn seconds(s: f64) -> i64 {
    (s * SECOND_US as f64) as i64
}

fn minutes(min: f64) -> i64 {
    (min * MINUTE_US as f64) as i64
}

#[cfg(test)]
mod tests;
