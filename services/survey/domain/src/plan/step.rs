//! The nine steps of a measurement.

use jiff::{ToSpan, civil::Date};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Error, Result};

/// Longest remark, in characters.
pub const NOTE_MAX: usize = 1_000;
/// Furthest day before and after the first day of fieldwork.
pub const OFFSET_MAX: i32 = 366;

/// A step; numbers are those of the contract and give the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(i16)]
pub enum Kind {
    /// Indicators and weights.
    Indicators = 1,
    /// Who is asked.
    Subjects = 2,
    /// How many and which.
    Sampling = 3,
    /// The questions.
    Questionnaire = 4,
    /// The asking.
    Fieldwork = 5,
    /// Checking the answers.
    Data = 6,
    /// Computing the index.
    Index = 7,
    /// The report.
    Report = 8,
    /// What is done about it.
    Improvement = 9,
}

/// The steps in order.
pub const KINDS: [Kind; 9] = [
    Kind::Indicators,
    Kind::Subjects,
    Kind::Sampling,
    Kind::Questionnaire,
    Kind::Fieldwork,
    Kind::Data,
    Kind::Index,
    Kind::Report,
    Kind::Improvement,
];

impl Kind {
    /// By its number.
    pub fn from_number(number: i32) -> Option<Self> {
        KINDS.into_iter().find(|kind| *kind as i32 == number)
    }

    /// Days from the first day of fieldwork to the day it is due when none is given.
    fn offset_default(self) -> i32 {
        match self {
            Self::Indicators => -42,
            Self::Subjects => -35,
            Self::Sampling => -21,
            Self::Questionnaire => -14,
            Self::Fieldwork => 14,
            Self::Data => 21,
            Self::Index => 28,
            Self::Report => 42,
            Self::Improvement => 90,
        }
    }
}

/// State; numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[repr(i16)]
pub enum State {
    /// Not begun.
    Pending = 1,
    /// Begun.
    Active = 2,
    /// Done.
    Done = 3,
    /// Left out.
    Skipped = 4,
}

impl State {
    /// By its number.
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::Pending, Self::Active, Self::Done, Self::Skipped]
            .into_iter()
            .find(|state| *state as i32 == number)
    }

    /// Whether nothing more is to be done.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Done | Self::Skipped)
    }
}

/// A step of a round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Which.
    pub kind: Kind,
    /// State.
    pub state: State,
    /// Staff member who answers for it.
    pub owner: Option<Uuid>,
    /// Days from the first day of fieldwork to its day.
    pub offset_days: i32,
    /// When it was begun.
    pub begin_us: Option<i64>,
    /// When it was finished.
    pub end_us: Option<i64>,
    /// Remark.
    pub note: String,
}

impl Step {
    /// The day by which it is due in a round that begins on `date`.
    pub fn due(&self, date: Date) -> Date {
        date.saturating_add(self.offset_days.days())
    }
}

/// A change of a step; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// State.
    pub state: Option<State>,
    /// Owner, or nobody.
    pub owner: Option<Option<Uuid>>,
    /// Offset.
    pub offset_days: Option<i32>,
    /// Remark.
    pub note: Option<String>,
}

/// The nine steps in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps(Vec<Step>);

impl Default for Steps {
    fn default() -> Self {
        Self::new()
    }
}

impl Steps {
    /// Nothing begun, nobody named.
    pub fn new() -> Self {
        let step = |kind: Kind| Step {
            kind,
            state: State::Pending,
            owner: None,
            offset_days: kind.offset_default(),
            begin_us: None,
            end_us: None,
            note: String::new(),
        };
        Self(KINDS.into_iter().map(step).collect())
    }

    /// The same people and days, nothing begun.
    #[must_use]
    pub fn renewed(&self) -> Self {
        let step = |step: &Step| Step {
            state: State::Pending,
            begin_us: None,
            end_us: None,
            note: String::new(),
            ..step.clone()
        };
        Self(self.0.iter().map(step).collect())
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = &Step> {
        self.0.iter()
    }

    /// One step, to be changed.
    pub fn get_mut(&mut self, kind: Kind) -> &mut Step {
        &mut self.0[kind as usize - 1]
    }

    /// One step.
    pub fn get(&self, kind: Kind) -> &Step {
        &self.0[kind as usize - 1]
    }

    /// Changes a step.
    ///
    /// # Errors
    /// Invalid for values out of range; WrongState when the order of the work is broken: a step is
    /// finished after those before it, and begun again before those after it are finished.
    pub fn change(&mut self, kind: Kind, change: Change, now_us: i64) -> Result<()> {
        if change.offset_days.is_some_and(|days| days.abs() > OFFSET_MAX) {
            return Err(Error::invalid("offsetDays", "is not between -366 and 366"));
        }
        let note = change.note.unwrap_or_else(|| self.get(kind).note.clone());
        if note.chars().count() > NOTE_MAX {
            return Err(Error::invalid("note", "is longer than 1000 characters"));
        }
        if change.state == Some(State::Skipped) && note.trim().is_empty() {
            return Err(Error::invalid("note", "says why the step is left out"));
        }
        if let Some(state) = change.state {
            self.check_order(kind, state)?;
        }
        let step = self.get_mut(kind);
        step.note = note;
        step.owner = change.owner.unwrap_or(step.owner);
        step.offset_days = change.offset_days.unwrap_or(step.offset_days);
        if let Some(state) = change.state.filter(|state| *state != step.state) {
            step.state = state;
            step.begin_us = match state {
                State::Pending => None,
                _ => Some(step.begin_us.unwrap_or(now_us)),
            };
            step.end_us = state.is_finished().then_some(now_us);
        }
        Ok(())
    }

    fn check_order(&self, kind: Kind, state: State) -> Result<()> {
        let (before, rest) = self.0.split_at(kind as usize - 1);
        let after = &rest[1..];
        if state.is_finished() && before.iter().any(|step| !step.state.is_finished()) {
            return Err(Error::WrongState("a step before it is not finished"));
        }
        let reopened = rest[0].state.is_finished() && !state.is_finished();
        if reopened && after.iter().any(|step| step.state.is_finished()) {
            return Err(Error::WrongState("a step after it is finished"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn to(state: State) -> Change {
        Change { state: Some(state), note: Some("because".to_owned()), ..Change::default() }
    }

    #[test]
    fn steps_are_finished_in_order_and_reopened_from_the_end() {
        let mut steps = Steps::new();
        assert!(steps.change(Kind::Subjects, to(State::Done), 5).is_err());
        steps.change(Kind::Subjects, to(State::Active), 5).unwrap();
        steps.change(Kind::Indicators, to(State::Skipped), 6).unwrap();
        steps.change(Kind::Subjects, to(State::Done), 7).unwrap();
        assert_eq!(steps.get(Kind::Subjects).begin_us, Some(5));
        assert_eq!(steps.get(Kind::Subjects).end_us, Some(7));
        assert!(steps.change(Kind::Indicators, to(State::Active), 8).is_err());
        steps.change(Kind::Subjects, to(State::Active), 8).unwrap();
        assert_eq!(steps.get(Kind::Subjects).end_us, None);
        steps.change(Kind::Indicators, to(State::Pending), 9).unwrap();
        assert_eq!(steps.get(Kind::Indicators).begin_us, None);
    }

    #[test]
    fn leaving_a_step_out_needs_a_reason() {
        let silent = Change { state: Some(State::Skipped), ..Change::default() };
        let refused = Steps::new().change(Kind::Indicators, silent, 0);
        assert!(matches!(refused, Err(Error::Invalid { field, .. }) if field == "note"));
    }

    #[test]
    fn a_new_round_keeps_people_and_days() {
        let mut steps = Steps::new();
        let owner = Uuid::from_u128(7);
        let change = Change {
            state: Some(State::Done),
            owner: Some(Some(owner)),
            offset_days: Some(-3),
            note: Some("done".to_owned()),
        };
        steps.change(Kind::Indicators, change, 5).unwrap();
        let renewed = steps.renewed();
        let first = renewed.get(Kind::Indicators);
        assert_eq!(
            (first.state, first.owner, first.offset_days),
            (State::Pending, Some(owner), -3)
        );
        assert_eq!((first.begin_us, first.end_us, first.note.as_str()), (None, None, ""));
    }

    proptest! {
        #[test]
        fn finished_steps_are_always_the_first_ones(
            changes in prop::collection::vec((1i32..=9, 1i32..=4), 0..80),
        ) {
            let mut steps = Steps::new();
            for (at, (kind, state)) in changes.into_iter().enumerate() {
                let kind = Kind::from_number(kind).unwrap();
                let _ = steps.change(kind, to(State::from_number(state).unwrap()), at as i64);
                let finished = steps.iter().take_while(|s| s.state.is_finished()).count();
                prop_assert!(steps.iter().skip(finished).all(|s| !s.state.is_finished()));
                prop_assert!(steps.iter().all(|s| s.state.is_finished() == s.end_us.is_some()));
            }
        }
    }
}
