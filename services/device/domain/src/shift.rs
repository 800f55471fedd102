//! Who was signed in where. Shifts are derived from the events that were reported, so late
//! events lead to the same history as timely ones.

use uuid::Uuid;

/// Kind of a reported event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Somebody signs in.
    SignIn = 1,
    /// Whoever is there signs out.
    SignOut = 2,
    /// Service is paused.
    Pause = 3,
    /// A pause ends.
    Resume = 4,
}

impl Kind {
    /// By its number.
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::SignIn, Self::SignOut, Self::Pause, Self::Resume]
            .into_iter()
            .find(|kind| *kind as i32 == number)
    }
}

/// A reported event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The sender's id.
    pub id: Uuid,
    /// Kind.
    pub kind: Kind,
    /// Window.
    pub window: Uuid,
    /// Who, for a sign-in.
    pub staff: Option<Uuid>,
    /// When it happened.
    pub event_us: i64,
    /// When policy ends a shift that begins here; fixed when the event arrived, so that a
    /// change of policy rewrites no history.
    pub cap_us: i64,
}

/// State of a shift; the numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// At the window.
    OnDuty = 1,
    /// Service paused.
    Paused = 2,
    /// Over.
    Ended = 3,
}

impl State {
    /// By its number.
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::OnDuty, Self::Paused, Self::Ended].into_iter().find(|s| *s as i32 == number)
    }
}

/// A pause; open while `to_us` is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// Since when.
    pub from_us: i64,
    /// Until when.
    pub to_us: Option<i64>,
}

/// Interval in which one staff member is signed in at one window (登录时段).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// Id of the sign-in event.
    pub id: Uuid,
    /// Window.
    pub window: Uuid,
    /// Who.
    pub staff: Uuid,
    /// Since when.
    pub start_us: i64,
    /// Until when, itself not included.
    pub end_us: Option<i64>,
    /// When policy ends it at the latest.
    pub cap_us: i64,
    /// State.
    pub state: State,
    /// Pauses in order.
    pub pauses: Vec<Pause>,
    /// Whether policy ended it.
    pub ended_by_policy: bool,
}

impl Shift {
    /// End, or the end that policy sets while it is open.
    pub fn limit_us(&self) -> i64 {
        self.end_us.unwrap_or(self.cap_us)
    }

    /// Whether it holds at that instant.
    pub fn covers(&self, us: i64) -> bool {
        self.start_us <= us && us < self.limit_us()
    }

    /// Time paused until `now_us`.
    pub fn paused_us(&self, now_us: i64) -> i64 {
        let end = now_us.min(self.limit_us());
        let length = |p: &Pause| p.to_us.unwrap_or(end).saturating_sub(p.from_us).max(0);
        self.pauses.iter().map(length).sum()
    }
}

/// The shift that begins with a sign-in. `at_window` holds the events of its window and
/// `sign_ins` those of its staff member anywhere, both at least from its start to its cap;
/// more does no harm. `now_us` decides only whether policy has ended it.
pub fn derive(sign_in: &Event, at_window: &[Event], sign_ins: &[Event], now_us: i64) -> Shift {
    let start_us = sign_in.event_us;
    let staff = sign_in.staff.unwrap_or_default();
    let left = at_window.iter().filter(|e| e.window == sign_in.window);
    let left = left.filter(|e| matches!(e.kind, Kind::SignIn | Kind::SignOut));
    let moved = sign_ins.iter().filter(|e| e.kind == Kind::SignIn && e.staff == sign_in.staff);
    let end = left.chain(moved).map(|e| e.event_us).filter(|us| *us > start_us).min();
    // An event at the very instant of the cap finds the shift already over.
    let end = end.filter(|us| *us < sign_in.cap_us);
    let ended_by_policy = end.is_none() && now_us >= sign_in.cap_us;
    let end_us = end.or(ended_by_policy.then_some(sign_in.cap_us));
    let limit_us = end_us.unwrap_or(sign_in.cap_us);
    let pauses = pauses(sign_in, at_window, limit_us, end_us);
    let state = match (end_us, pauses.last()) {
        (Some(_), _) => State::Ended,
        (None, Some(Pause { to_us: None, .. })) => State::Paused,
        _ => State::OnDuty,
    };
    Shift {
        id: sign_in.id,
        window: sign_in.window,
        staff,
        start_us,
        end_us,
        cap_us: sign_in.cap_us,
        state,
        pauses,
        ended_by_policy,
    }
}

fn pauses(sign_in: &Event, events: &[Event], limit_us: i64, end_us: Option<i64>) -> Vec<Pause> {
    let mut inside: Vec<&Event> = events
        .iter()
        .filter(|e| e.window == sign_in.window && matches!(e.kind, Kind::Pause | Kind::Resume))
        .filter(|e| (sign_in.event_us..limit_us).contains(&e.event_us))
        .collect();
    inside.sort_by_key(|e| (e.event_us, e.kind, e.id));
    let mut pauses: Vec<Pause> = Vec::new();
    for event in inside {
        let open = pauses.last_mut().filter(|p| p.to_us.is_none());
        match (event.kind, open) {
            (Kind::Pause, None) => pauses.push(Pause { from_us: event.event_us, to_us: None }),
            (Kind::Resume, Some(pause)) => pause.to_us = Some(event.event_us),
            _ => {}
        }
    }
    if let Some(open) = pauses.last_mut().filter(|p| p.to_us.is_none()) {
        open.to_us = end_us;
    }
    pauses
}

/// Whether a new event can change that shift, so that it must be derived anew.
pub fn touches(event: &Event, shift: &Shift) -> bool {
    let here = event.window == shift.window;
    let same_person = event.kind == Kind::SignIn && event.staff == Some(shift.staff);
    (here || same_person) && shift.covers(event.event_us)
}

/// Who was signed in at that instant, given the shifts of one window. Nobody when no shift
/// holds, or when shifts of different people do: a guess would credit the wrong person.
pub fn staff_at(shifts: &[Shift], us: i64) -> Option<Uuid> {
    let mut covering = shifts.iter().filter(|shift| shift.covers(us)).map(|shift| shift.staff);
    let first = covering.next()?;
    covering.all(|staff| staff == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CAP: i64 = 1_000;

    fn event(id: u128, kind: Kind, window: u128, staff: u128, event_us: i64) -> Event {
        Event {
            id: Uuid::from_u128(id),
            kind,
            window: Uuid::from_u128(window),
            staff: (kind == Kind::SignIn).then(|| Uuid::from_u128(staff)),
            event_us,
            cap_us: event_us + CAP,
        }
    }

    fn derive_all(log: &[Event], now_us: i64) -> Vec<Shift> {
        let sign_ins = log.iter().filter(|e| e.kind == Kind::SignIn);
        let mut shifts: Vec<Shift> =
            sign_ins.map(|sign_in| derive(sign_in, log, log, now_us)).collect();
        shifts.sort_by_key(|shift| shift.id);
        shifts
    }

    #[test]
    fn the_next_sign_in_ends_the_shift_here_and_elsewhere() {
        let log = [
            event(1, Kind::SignIn, 1, 7, 100),
            event(2, Kind::SignIn, 1, 8, 200),
            event(3, Kind::SignIn, 2, 8, 300),
            event(4, Kind::SignOut, 2, 0, 400),
        ];
        let ends: Vec<_> = derive_all(&log, 500).iter().map(|s| s.end_us).collect();
        assert_eq!(ends, [Some(200), Some(300), Some(400)]);
    }

    #[test]
    fn a_forgotten_sign_out_is_ended_by_policy() {
        let log = [event(1, Kind::SignIn, 1, 7, 100)];
        let open = &derive_all(&log, 1_099)[0];
        assert_eq!((open.state, open.end_us), (State::OnDuty, None));
        // Even before the sweep has written the end nobody is credited after it.
        assert!(open.covers(1_099) && !open.covers(1_100));
        let ended = &derive_all(&log, 1_100)[0];
        assert_eq!((ended.end_us, ended.ended_by_policy), (Some(1_100), true));
    }

    #[test]
    fn an_event_at_the_instant_of_the_policy_end_changes_nothing() {
        let log = [event(1, Kind::SignIn, 1, 7, 100), event(2, Kind::SignIn, 1, 7, 1_100)];
        let alone = derive(&log[0], &log[..1], &log[..1], 2_000);
        assert_eq!(derive(&log[0], &log, &log, 2_000), alone);
        assert!(alone.ended_by_policy && !touches(&log[1], &alone));
    }

    #[test]
    fn pauses_open_and_close_and_end_with_the_shift() {
        let log = [
            event(1, Kind::SignIn, 1, 7, 100),
            event(2, Kind::Resume, 1, 0, 110),
            event(3, Kind::Pause, 1, 0, 120),
            event(4, Kind::Pause, 1, 0, 125),
            event(5, Kind::Resume, 1, 0, 150),
            event(6, Kind::Pause, 1, 0, 180),
        ];
        let shift = &derive_all(&log, 190)[0];
        assert_eq!((shift.state, shift.paused_us(190)), (State::Paused, 40));
        let log = [&log[..], &[event(7, Kind::SignOut, 1, 0, 200)]].concat();
        let shift = &derive_all(&log, 500)[0];
        assert_eq!((shift.state, shift.paused_us(500)), (State::Ended, 50));
    }

    #[test]
    fn two_people_at_once_are_nobody() {
        let both = [event(1, Kind::SignIn, 1, 7, 100), event(2, Kind::SignIn, 1, 8, 100)];
        assert_eq!(staff_at(&derive_all(&both, 150), 120), None);
        let same = [event(1, Kind::SignIn, 1, 7, 100), event(2, Kind::SignIn, 1, 7, 100)];
        assert_eq!(staff_at(&derive_all(&same, 150), 120), Some(Uuid::from_u128(7)));
        assert_eq!(staff_at(&derive_all(&same, 150), 99), None);
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let one = (0..4_usize, 1..4_u128, 1..4_u128, 0..3_000_i64);
        proptest::collection::vec(one, 1..25).prop_map(|all| {
            let kinds = [Kind::SignIn, Kind::SignOut, Kind::Pause, Kind::Resume];
            let event = |(i, (kind, window, staff, us)): (usize, (usize, u128, u128, i64))| {
                event(i as u128 + 1, kinds[kind], window, staff, us)
            };
            all.into_iter().enumerate().map(event).collect()
        })
    }

    proptest! {
        /// Deriving only what an event touches gives the history that deriving everything
        /// from the whole log gives, whatever order the events arrive in.
        #[test]
        fn late_events_lead_to_the_same_history(log in events()) {
            let now_us = 10_000;
            let mut known: Vec<Event> = Vec::new();
            let mut shifts: Vec<Shift> = Vec::new();
            for event in &log {
                known.push(event.clone());
                for shift in shifts.iter_mut().filter(|shift| touches(event, shift)) {
                    let sign_in = known.iter().find(|e| e.id == shift.id).unwrap();
                    *shift = derive(sign_in, &known, &known, now_us);
                }
                if event.kind == Kind::SignIn {
                    shifts.push(derive(event, &known, &known, now_us));
                }
            }
            shifts.sort_by_key(|shift| shift.id);
            prop_assert_eq!(shifts, derive_all(&log, now_us));
        }

        /// Nobody is at two windows at once, and at most one person at one window, except
        /// where two sign-ins carry the same instant.
        #[test]
        fn shifts_overlap_only_when_they_begin_together(log in events()) {
            let shifts = derive_all(&log, 10_000);
            for a in &shifts {
                for b in shifts.iter().filter(|b| b.start_us > a.start_us) {
                    if a.window == b.window || a.staff == b.staff {
                        prop_assert!(a.limit_us() <= b.start_us);
                    }
                }
            }
        }
    }
}
