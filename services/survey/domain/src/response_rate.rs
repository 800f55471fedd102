//! Rates of response: the outcome rates of AAPOR's Standard Definitions, and the plain return
//! rate (回收率).

use crate::sampling::size;

/// How an invitation counts in the rates; numbers are kept in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i16)]
pub enum Disposition {
    /// Answered (I).
    Complete = 1,
    /// Begun and not finished (P).
    Partial = 2,
    /// Refused, or opened and not begun (R).
    Refused = 3,
    /// Not reached in spite of an attempt (NC).
    NonContact = 4,
    /// Nothing known (UH).
    Unknown = 5,
    /// Not deliverable (UO).
    Undeliverable = 6,
}

/// Counts of dispositions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcomes {
    /// Complete interviews (I).
    pub complete: u64,
    /// Partial interviews (P).
    pub partial: u64,
    /// Refusals and break-offs (R).
    pub refused: u64,
    /// Non-contacts (NC).
    pub non_contact: u64,
    /// Other eligible ones without an interview (O).
    pub other: u64,
    /// Unknown whether reached (UH).
    pub unknown: u64,
    /// Unknown, other: not deliverable (UO).
    pub undeliverable: u64,
}

impl Outcomes {
    /// Adds invitations of one disposition.
    pub fn add(&mut self, disposition: Disposition, count: u64) {
        let field = match disposition {
            Disposition::Complete => &mut self.complete,
            Disposition::Partial => &mut self.partial,
            Disposition::Refused => &mut self.refused,
            Disposition::NonContact => &mut self.non_contact,
            Disposition::Unknown => &mut self.unknown,
            Disposition::Undeliverable => &mut self.undeliverable,
        };
        *field += count;
    }

    fn reached(&self) -> u64 {
        self.complete + self.partial + self.refused + self.other
    }

    fn eligible(&self) -> u64 {
        self.reached() + self.non_contact
    }

    fn all(&self) -> u64 {
        self.eligible() + self.unknown + self.undeliverable
    }

    /// RR1: I / (I + P + R + NC + O + UH + UO).
    pub fn rr1(&self) -> Option<f64> {
        share(self.complete, self.all())
    }

    /// RR2: (I + P) over the same.
    pub fn rr2(&self) -> Option<f64> {
        share(self.complete + self.partial, self.all())
    }

    /// RR5: I / (I + P + R + NC + O).
    pub fn rr5(&self) -> Option<f64> {
        share(self.complete, self.eligible())
    }

    /// COOP1: I / (I + P + R + O).
    pub fn cooperation(&self) -> Option<f64> {
        share(self.complete, self.reached())
    }

    /// REF1: R over the base of RR1.
    pub fn refusal(&self) -> Option<f64> {
        share(self.refused, self.all())
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// What a campaign brought in.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Returned {
    /// Invitations that were handed over, delivered or not.
    pub sent: u64,
    /// Of these, not deliverable.
    pub undeliverable: u64,
    /// Answers to invitations.
    pub returned: u64,
    /// Of these, marked as suspect.
    pub suspect: u64,
    /// Answers without an invitation.
    pub open: u64,
    /// Of these, marked as suspect.
    pub open_suspect: u64,
}

/// What must be reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Goal {
    /// Return rate, above 0 up to 1.
    pub rate: f64,
    /// Valid answers.
    pub min_responses: u64,
    /// Customers that the sample stands for; `None` when they are not known.
    pub population: Option<u64>,
}

/// What was reached.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Reached {
    /// Answered / (handed over - undeliverable).
    pub return_rate: Option<f64>,
    /// Answered and not suspect over the same.
    pub valid_rate: Option<f64>,
    /// Whether the return rate reaches the goal; false when there is none.
    pub meets_rate: bool,
    /// Valid answers of all kinds.
    pub valid: u64,
    /// Whether they are enough.
    pub meets_minimum: bool,
    /// Margin of error of a share at 95 %.
    pub margin: Option<f64>,
}

/// Compares what came in with the goal. A rate that misses its goal by a rounding error meets it.
pub fn reached(returned: &Returned, goal: &Goal) -> Reached {
    let delivered = returned.sent.saturating_sub(returned.undeliverable);
    let good = returned.returned.saturating_sub(returned.suspect);
    let return_rate = share(returned.returned, delivered);
    let valid = good + returned.open.saturating_sub(returned.open_suspect);
    // Chance decides about answers to invitations only.
    let margin = goal.population.and_then(|all| size::margin(good.min(all), 0.5, Some(all), 0.95));
    Reached {
        return_rate,
        valid_rate: share(good, delivered),
        meets_rate: return_rate.is_some_and(|rate| rate >= goal.rate - 1e-12),
        valid,
        meets_minimum: valid >= goal.min_responses,
        margin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_of_the_reference() {
        let outcomes = Outcomes {
            complete: 420,
            partial: 35,
            refused: 180,
            non_contact: 220,
            other: 15,
            unknown: 90,
            undeliverable: 40,
        };
        let close = |actual: Option<f64>, expected: f64| {
            assert!((actual.unwrap() - expected).abs() < 1e-12, "{actual:?} {expected}");
        };
        close(outcomes.rr1(), 0.42);
        close(outcomes.rr2(), 0.455);
        close(outcomes.rr5(), 0.482_758_620_689_655_2);
        close(outcomes.cooperation(), 0.646_153_846_153_846_2);
        close(outcomes.refusal(), 0.18);
        assert_eq!(Outcomes::default().rr1(), None);
        assert_eq!(Outcomes::default().cooperation(), None);
    }

    #[test]
    fn exactly_seventy_per_cent_meets_the_target() {
        let goal = Goal { rate: 0.7, min_responses: 10, population: None };
        let returned = Returned { sent: 50, returned: 35, suspect: 2, ..Returned::default() };
        let reached = reached(&returned, &goal);
        assert_eq!(reached.return_rate, Some(0.7));
        assert_eq!(reached.valid_rate, Some(0.66));
        assert!(reached.meets_rate && reached.meets_minimum);
        let fewer = Returned { returned: 34, ..returned };
        assert!(!super::reached(&fewer, &goal).meets_rate);
    }

    #[test]
    fn nothing_sent_has_no_rate_and_too_few_answers() {
        let goal = Goal { rate: 0.7, min_responses: 10, population: Some(100) };
        let nothing = reached(&Returned::default(), &goal);
        assert_eq!((nothing.return_rate, nothing.meets_rate), (None, false));
        assert_eq!((nothing.meets_minimum, nothing.margin), (false, None));
    }
}
