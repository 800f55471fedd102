//! A plan of measurements: nine steps, and a calendar that begins a round of them again.

pub mod calendar;
pub mod step;

use uuid::Uuid;

use crate::{campaign::finding, campaign::finding::Finding};
use calendar::Calendar;
use step::{Step, Steps};

/// What was computed from a round's data.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct Outcome {
    /// Cronbach's alpha.
    pub alpha: Option<f64>,
    /// Index, 0 to 100.
    pub index: Option<f64>,
    /// Run that computed it.
    pub index_run: Option<Uuid>,
    /// Publication of the report.
    pub publication: Option<Uuid>,
}

/// A round.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// Number, from 1.
    pub number: i32,
    /// First day of fieldwork.
    pub date: jiff::civil::Date,
    /// Its campaign.
    pub campaign: Option<Uuid>,
    /// Its steps.
    pub steps: Steps,
    /// What was computed.
    pub outcome: Outcome,
}

/// A plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Id.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Unit that measures.
    pub unit: Uuid,
    /// Name.
    pub display_name: String,
    /// When rounds begin.
    pub calendar: Calendar,
    /// What campaigns are made from.
    pub template: Option<crate::campaign::Settings>,
    /// Time zone of its unit.
    pub time_zone: String,
    /// The present round.
    pub round: Round,
    /// When it was made.
    pub create_us: i64,
    /// When it was ended.
    pub retire_us: Option<i64>,
    /// Grows with every change.
    pub version: i64,
}

impl Plan {
    /// Begins round `number`: owners, offsets and days are those of the round before, and nothing
    /// is done yet.
    pub fn begin(&mut self, number: i32, date: jiff::civil::Date) {
        self.round = Round {
            number,
            date,
            campaign: None,
            steps: self.round.steps.renewed(),
            outcome: Outcome::default(),
        };
    }
}

/// What a round lacks besides its campaign: results, owners, days.
pub fn findings(round: &Round, today: jiff::civil::Date) -> Vec<Finding> {
    let mut found = finding::of_result(round.outcome.alpha, round.outcome.index);
    let open = |step: &&Step| !step.state.is_finished();
    for step in round.steps.iter().filter(open) {
        if step.due(round.date) < today {
            found.push(Finding::of_step(finding::Kind::StepOverdue, step.kind));
        }
    }
    for step in round.steps.iter().filter(open).filter(|step| step.owner.is_none()) {
        found.push(Finding::of_step(finding::Kind::StepWithoutOwner, step.kind));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_round_names_open_steps_that_are_late_or_nobodys() {
        let mut steps = Steps::new();
        for kind in step::KINDS {
            steps.get_mut(kind).owner = Some(Uuid::from_u128(1));
        }
        steps.get_mut(step::Kind::Report).owner = None;
        let mut round = Round {
            number: 1,
            date: date(2026, 3, 1),
            campaign: None,
            steps,
            outcome: Outcome { alpha: Some(0.9), index: Some(80.0), ..Outcome::default() },
        };
        let early = findings(&round, date(2025, 12, 1));
        assert_eq!(early.len(), 1);
        assert_eq!(early[0].step, Some(step::Kind::Report));
        let late = findings(&round, date(2027, 1, 1));
        assert_eq!(late.len(), 10);
        for kind in step::KINDS {
            round.steps.get_mut(kind).state = step::State::Done;
        }
        assert_eq!(findings(&round, date(2027, 1, 1)), []);
    }
}
