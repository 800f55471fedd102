//! What goes on at one window: customers queue, staff come and go, services are given.

use std::collections::VecDeque;

use super::{Generator, Key, Place, Step, Task, What, minutes, seconds};
use crate::simulate::{
    people::{self, Answer, BUSINESS_TYPES},
    rng::Dice,
};

/// Longest queue; whoever comes later goes away again.
const QUEUE_MAX: usize = 30;
/// Seconds that the question stays.
const PROMPT_S: f64 = 20.0;

/// One window.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) place: Place,
    pub(super) dice: Dice,
    staff: Option<usize>,
    paused: bool,
    /// The shift or service shall end as soon as the present customer has gone.
    leaving: bool,
    pausing: bool,
    queue: VecDeque<i64>,
    customer: Option<Customer>,
    tickets: u32,
}

/// The customer at the window.
#[derive(Debug, Clone, Copy)]
struct Customer {
    key: Key,
    ticket: u32,
    business: usize,
    queued_us: i64,
    started_us: i64,
    satisfaction: u8,
    stage: Stage,
}

/// What comes next for the customer.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Start,
    GiveUp,
    Finish,
    Ask,
    Show,
    Press(u32),
    Decline,
    TimeOut,
}

impl Window {
    pub(super) fn new(place: Place, dice: Dice) -> Self {
        Self {
            place,
            dice,
            staff: None,
            paused: false,
            leaving: false,
            pausing: false,
            queue: VecDeque::new(),
            customer: None,
            tickets: 0,
        }
    }

    fn key(&mut self, at_us: i64) -> Key {
        Key { at_us, entropy: self.dice.entropy() }
    }
}

impl Generator {
    pub(super) fn arrive(&mut self, at_us: i64, w: usize) {
        let mean = self.arrival_mean_s() / people::load(self.hour(at_us));
        let window = &mut self.windows[w];
        let next = at_us + seconds(window.dice.exponential(mean).max(0.001));
        if window.queue.len() < QUEUE_MAX {
            window.queue.push_back(at_us);
        }
        self.plan(next, Task::Arrive(w));
        self.call_next(at_us, w);
    }

    pub(super) fn shift_begin(&mut self, at_us: i64, w: usize) {
        let place = self.windows[w].place;
        let Some(staff) = self.branches[place.branch].resting.pop_front() else {
            // Nobody is free; the window stays closed for a while.
            self.plan(at_us + minutes(15.0), Task::ShiftBegin(w));
            return;
        };
        let window = &mut self.windows[w];
        window.staff = Some(staff);
        let key = window.key(at_us);
        let ends = at_us + minutes(window.dice.between(150.0, 300.0));
        let pauses = at_us + minutes(window.dice.exponential(90.0));
        self.emit(at_us, place, What::SignIn { key, staff });
        self.plan(ends, Task::ShiftEnd(w));
        if pauses < ends {
            self.plan(pauses, Task::PauseBegin(w));
        }
        self.call_next(at_us, w);
    }

    pub(super) fn shift_end(&mut self, at_us: i64, w: usize) {
        let window = &mut self.windows[w];
        if window.customer.is_some() {
            window.leaving = true;
            return;
        }
        window.leaving = false;
        window.pausing = false;
        window.paused = false;
        let Some(staff) = window.staff.take() else { return };
        let (key, place) = (window.key(at_us), window.place);
        let back = at_us + seconds(window.dice.between(20.0, 240.0));
        self.branches[place.branch].resting.push_back(staff);
        self.emit(at_us, place, What::SignOut { key });
        self.plan(back, Task::ShiftBegin(w));
    }

    pub(super) fn pause_begin(&mut self, at_us: i64, w: usize) {
        let window = &mut self.windows[w];
        if window.staff.is_none() || window.paused {
            return;
        }
        if window.customer.is_some() {
            window.pausing = true;
            return;
        }
        window.pausing = false;
        window.paused = true;
        let (key, place) = (window.key(at_us), window.place);
        let ends = at_us + minutes(window.dice.between(3.0, 15.0));
        self.emit(at_us, place, What::Pause { key });
        self.plan(ends, Task::PauseEnd(w));
    }

    pub(super) fn pause_end(&mut self, at_us: i64, w: usize) {
        let window = &mut self.windows[w];
        // The shift may have ended, and with it the pause.
        if !window.paused {
            return;
        }
        window.paused = false;
        let (key, place) = (window.key(at_us), window.place);
        self.emit(at_us, place, What::Resume { key });
        self.call_next(at_us, w);
    }

    /// Calls the next customer if the window is free and there is one.
    fn call_next(&mut self, at_us: i64, w: usize) {
        let haste = self.haste();
        let window = &mut self.windows[w];
        let open = window.staff.is_some() && !window.paused && window.customer.is_none();
        if !open {
            return;
        }
        let Some(queued_us) = window.queue.pop_front() else { return };
        window.tickets += 1;
        let comes = !window.dice.chance(0.04);
        let walk = seconds(window.dice.between(2.0, 9.0) * haste);
        window.customer = Some(Customer {
            key: window.key(at_us),
            ticket: window.tickets,
            business: window.dice.pick(BUSINESS_TYPES.len()),
            queued_us,
            started_us: at_us,
            satisfaction: 0,
            stage: if comes { Stage::Start } else { Stage::GiveUp },
        });
        self.step(at_us, w, Step::Called);
        self.plan(at_us + if comes { walk } else { walk * 3 }, Task::Serve(w));
    }

    fn step(&mut self, at_us: i64, w: usize, step: Step) {
        let window = &self.windows[w];
        let Some(customer) = window.customer else { return };
        let Customer { key, ticket, business, queued_us, .. } = customer;
        let what = What::Encounter { key, step, ticket, business, queued_us };
        self.emit(at_us, window.place, what);
    }

    /// Does what comes next for the customer at the window.
    pub(super) fn serve(&mut self, at_us: i64, w: usize) {
        let Some(customer) = self.windows[w].customer else { return };
        match customer.stage {
            Stage::Start => self.start(at_us, w),
            Stage::GiveUp => {
                self.step(at_us, w, Step::NoShow);
                self.farewell(at_us, w);
            }
            Stage::Finish => self.finish(at_us, w),
            Stage::Ask => {
                self.step(at_us, w, Step::Prompted);
                let wait = self.windows[w].dice.between(0.2, 1.5);
                self.soon(at_us, wait, w, Stage::Show);
            }
            Stage::Show => self.show(at_us, w),
            Stage::Press(response_ms) => self.press(at_us, w, customer, response_ms),
            Stage::Decline => {
                self.step(at_us, w, Step::Skipped);
                self.farewell(at_us, w);
            }
            Stage::TimeOut => {
                self.step(at_us, w, Step::TimedOut);
                self.farewell(at_us, w);
            }
        }
    }

    /// As `later`, for what people do with hands and feet.
    fn soon(&mut self, at_us: i64, wait_s: f64, w: usize, stage: Stage) {
        self.later(at_us, wait_s * self.haste(), w, stage);
    }

    fn later(&mut self, at_us: i64, wait_s: f64, w: usize, stage: Stage) {
        if let Some(customer) = self.windows[w].customer.as_mut() {
            customer.stage = stage;
        }
        self.plan(at_us + seconds(wait_s), Task::Serve(w));
    }

    fn start(&mut self, at_us: i64, w: usize) {
        self.step(at_us, w, Step::Started);
        let mean_s = self.service_mean_s();
        let hour = self.hour(at_us);
        let window = &mut self.windows[w];
        let (Some(staff), Some(customer)) = (window.staff, window.customer.as_mut()) else {
            return;
        };
        let temper = self.branches[window.place.branch].staff[staff];
        customer.started_us = at_us;
        let waiting = (at_us - customer.queued_us) as f64 / (mean_s * super::SECOND_US as f64);
        customer.satisfaction = temper.satisfaction(waiting, hour, &mut window.dice);
        let lasts = temper.service_s(mean_s, &mut window.dice);
        self.later(at_us, lasts, w, Stage::Finish);
    }

    fn finish(&mut self, at_us: i64, w: usize) {
        self.step(at_us, w, Step::Finished);
        let mean_s = self.service_mean_s();
        let window = &mut self.windows[w];
        let (Some(staff), Some(customer)) = (window.staff, window.customer) else { return };
        let temper = self.branches[window.place.branch].staff[staff];
        let lasted_s = (at_us - customer.started_us) as f64 / super::SECOND_US as f64;
        if temper.prompts(lasted_s, mean_s, &mut window.dice) {
            let wait = window.dice.between(0.2, 2.0);
            self.soon(at_us, wait, w, Stage::Ask);
        } else {
            self.farewell(at_us, w);
        }
    }

    fn show(&mut self, at_us: i64, w: usize) {
        self.step(at_us, w, Step::Shown);
        let window = &mut self.windows[w];
        let Some(customer) = window.customer else { return };
        let (wait_s, stage) = match people::answer(customer.satisfaction, &mut window.dice) {
            Answer::Presses(ms) => (f64::from(ms) / 1e3, Stage::Press(ms)),
            Answer::Declines(ms) => (f64::from(ms) / 1e3, Stage::Decline),
            Answer::Silent => (PROMPT_S, Stage::TimeOut),
        };
        self.soon(at_us, wait_s, w, stage);
    }

    fn press(&mut self, at_us: i64, w: usize, customer: Customer, response_ms: u32) {
        let window = &mut self.windows[w];
        let satisfaction = customer.satisfaction;
        let what = What::Rating {
            key: window.key(at_us),
            encounter: customer.key,
            satisfaction,
            reason: window.dice.pick(100),
            comment: people::comment(satisfaction, &mut window.dice),
            response_ms,
        };
        let place = window.place;
        self.emit(at_us, place, what);
        self.farewell(at_us, w);
    }

    /// The customer goes; then the staff member may go too.
    fn farewell(&mut self, at_us: i64, w: usize) {
        let window = &mut self.windows[w];
        window.customer = None;
        if window.leaving {
            self.shift_end(at_us, w);
        } else if window.pausing {
            self.pause_begin(at_us, w);
        } else {
            self.call_next(at_us, w);
        }
    }
}
