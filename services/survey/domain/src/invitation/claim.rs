//! One operator has an invitation alone for a while, so that two do not call the same customer.

use super::{Invitation, Outcome, State};

/// Minutes for which an invitation is taken when the campaign says nothing.
pub const MINUTES_DEFAULT: i32 = 30;
/// Most minutes: a day.
pub const MINUTES_MAX: i32 = 1_440;

const MINUTE_US: i64 = 60_000_000;

/// Who has taken an invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Name of the user or client.
    pub by: String,
    /// Until when, microseconds; not at that moment any more.
    pub until_us: i64,
}

/// Why an invitation cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimError {
    /// It waits for no call or visit.
    NotWaiting,
    /// Somebody else has it until then, microseconds.
    Taken(i64),
}

impl State {
    /// Whether an operator may still call or visit.
    pub fn waits_for_operator(self) -> bool {
        self == Self::Queued || self == Self::Bounced || self.is_waiting()
    }
}

impl Invitation {
    /// Who has it now.
    pub fn holder(&self, now_us: i64) -> Option<&Claim> {
        self.claim.as_ref().filter(|claim| now_us < claim.until_us)
    }

    /// Takes it for so many minutes from now on. Whoever has it already has it for longer.
    ///
    /// # Errors
    /// [`ClaimError`]; nothing was changed then.
    pub fn take(&mut self, by: &str, minutes: i32, now_us: i64) -> Result<(), ClaimError> {
        if !self.channel.is_by_operator() || !self.state.waits_for_operator() {
            return Err(ClaimError::NotWaiting);
        }
        if let Some(other) = self.holder(now_us).filter(|claim| claim.by != by) {
            return Err(ClaimError::Taken(other.until_us));
        }
        let until_us = now_us.saturating_add(i64::from(minutes) * MINUTE_US);
        self.claim = Some(Claim { by: by.to_owned(), until_us });
        Ok(())
    }

    /// Gives it back; whether `by` had it.
    pub fn give_back(&mut self, by: &str) -> bool {
        let had = self.claim.as_ref().is_some_and(|claim| claim.by == by);
        if had {
            self.claim = None;
        }
        had
    }

    /// Ends the claim of `by` after an attempt, unless the customer is being asked now.
    pub fn give_back_after(&mut self, by: &str, outcome: Outcome) {
        if outcome != Outcome::Started {
            self.give_back(by);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{channel::Channel, invitation::STATES};

    fn queued() -> Invitation {
        Invitation {
            id: Uuid::nil(),
            campaign: Uuid::nil(),
            customer: None,
            unit: Uuid::nil(),
            class: None,
            segments: Vec::new(),
            channel: Channel::Phone,
            state: State::Queued,
            reached: State::Queued,
            tried: false,
            attempt: 1,
            handed: 0,
            due_us: Some(0),
            remind_us: None,
            queue_us: Some(0),
            sampled: false,
            stratum: None,
            design_weight: 1.0,
            note: String::new(),
            create_us: 0,
            version: 1,
            occasion: Uuid::nil(),
            claim: None,
        }
    }

    #[test]
    fn one_has_it_alone_until_the_time_is_over() {
        let mut i = queued();
        assert_eq!(i.take("users/a", 1, 0), Ok(()));
        assert_eq!(i.take("users/b", 1, MINUTE_US - 1), Err(ClaimError::Taken(MINUTE_US)));
        assert_eq!(i.holder(MINUTE_US - 1).map(|claim| &*claim.by), Some("users/a"));
        assert_eq!(i.holder(MINUTE_US), None);
        assert_eq!(i.take("users/b", 1, MINUTE_US), Ok(()));
        assert_eq!(i.take("users/b", 2, MINUTE_US), Ok(()), "again, and for longer");
        assert_eq!(i.claim, Some(Claim { by: "users/b".to_owned(), until_us: 3 * MINUTE_US }));
        assert!(!i.give_back("users/a") && i.claim.is_some());
        assert!(i.give_back("users/b") && i.claim.is_none());
    }

    #[test]
    fn only_what_an_operator_shall_do_can_be_taken() {
        for state in STATES {
            let open =
                [State::Queued, State::HandedOver, State::Opened, State::Started, State::Bounced];
            let mut i = Invitation { state, ..queued() };
            let want = if open.contains(&state) { Ok(()) } else { Err(ClaimError::NotWaiting) };
            assert_eq!(i.take("users/a", 30, 0), want, "{state:?}");
        }
        let mut sent = Invitation { channel: Channel::Email, ..queued() };
        assert_eq!(sent.take("users/a", 30, 0), Err(ClaimError::NotWaiting));
    }

    #[test]
    fn an_outcome_or_the_end_gives_it_back_but_an_interview_keeps_it() {
        let taken = || {
            let mut i = queued();
            i.take("users/a", 30, 0).unwrap();
            i
        };
        let mut i = taken();
        i.give_back_after("users/b", Outcome::Busy);
        assert!(i.claim.is_some(), "somebody else reported");
        i.give_back_after("users/a", Outcome::Started);
        i.hear(State::Started);
        assert!(i.claim.is_some(), "the customer is being asked");
        i.give_back_after("users/a", Outcome::Busy);
        assert!(i.claim.is_none());
        for end in [State::Answered, State::Refused, State::Bounced, State::Expired] {
            let mut i = taken();
            assert!(i.hear(end) && i.claim.is_none(), "{end:?}");
        }
    }
}
