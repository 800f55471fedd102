//! Who is left out of a sample, and why.

use uuid::Uuid;

use crate::{Error, Result};

const DAY_US: i64 = 86_400_000_000;
/// Days that count as a year for [`Fatigue::yearly_max`].
pub const YEAR_DAYS: i64 = 365;
/// Quiet days when none are given.
pub const QUIET_DAYS_DEFAULT: i32 = 90;
/// Invitations a year when no number is given.
pub const YEARLY_MAX_DEFAULT: i32 = 4;

/// Why a customer is left out; numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i16)]
pub enum Reason {
    /// Asked by another campaign within the quiet days.
    AskedRecently = 1,
    /// Asked as often as allowed within a year.
    AskedOften = 2,
    /// Does not want to be asked.
    NoConsent = 3,
    /// Cannot be reached by any channel of the campaign.
    NoContact = 4,
    /// No longer a customer.
    Retired = 5,
    /// Has an invitation of this campaign already.
    AlreadyInvited = 6,
    /// Has no importance above 0, in a sample by importance.
    NoImportance = 7,
}

impl Reason {
    /// By its number.
    pub fn from_number(number: i32) -> Option<Self> {
        [
            Self::AskedRecently,
            Self::AskedOften,
            Self::NoConsent,
            Self::NoContact,
            Self::Retired,
            Self::AlreadyInvited,
            Self::NoImportance,
        ]
        .into_iter()
        .find(|reason| *reason as i32 == number)
    }
}

/// How often one customer may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fatigue {
    /// Days after an invitation to another campaign; `None` means no such rule.
    pub quiet_days: Option<i64>,
    /// Most invitations in [`YEAR_DAYS`]; `None` means no such rule.
    pub yearly_max: Option<u32>,
}

impl Fatigue {
    /// From the numbers of the contract: 0 is the default, -1 is no rule.
    ///
    /// # Errors
    /// Invalid, with the field.
    pub fn new(quiet_days: i32, yearly_max: i32) -> Result<Self> {
        let quiet_days = match quiet_days {
            -1 => None,
            0 => Some(i64::from(QUIET_DAYS_DEFAULT)),
            1..=3650 => Some(i64::from(quiet_days)),
            _ => return Err(Error::invalid("quietDays", "is not between -1 and 3650")),
        };
        let yearly_max = match yearly_max {
            -1 => None,
            0 => Some(YEARLY_MAX_DEFAULT.unsigned_abs()),
            1..=1000 => Some(yearly_max.unsigned_abs()),
            _ => return Err(Error::invalid("yearlyMax", "is not between -1 and 1000")),
        };
        Ok(Self { quiet_days, yearly_max })
    }

    /// Time before which earlier invitations do not matter.
    pub fn since_us(&self, now_us: i64) -> i64 {
        let yearly = self.yearly_max.map_or(0, |_| YEAR_DAYS);
        now_us.saturating_sub(yearly.max(self.quiet_days.unwrap_or(0)) * DAY_US)
    }
}

impl Default for Fatigue {
    fn default() -> Self {
        Self {
            quiet_days: Some(i64::from(QUIET_DAYS_DEFAULT)),
            yearly_max: Some(YEARLY_MAX_DEFAULT.unsigned_abs()),
        }
    }
}

/// What other campaigns asked of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// When it was asked last.
    pub last_us: i64,
    /// By which campaign.
    pub campaign: Uuid,
    /// How often within a year.
    pub in_year: u32,
}

/// A customer as far as a sample needs to know it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Candidate {
    /// No longer a customer.
    pub retired: bool,
    /// Agreed, or did not refuse, to be asked.
    pub consents: bool,
    /// Can be reached by one of the campaign's channels.
    pub reachable: bool,
    /// Has an invitation of this campaign.
    pub invited: bool,
    /// Importance, when the sample is drawn by it.
    pub importance: Option<f64>,
    /// What other campaigns asked.
    pub asked: Option<Asked>,
}

/// Why a customer cannot be drawn; `None` when it can. What the customer is and wants comes
/// before what we did.
pub fn reason(candidate: &Candidate, fatigue: &Fatigue, now_us: i64) -> Option<Reason> {
    if candidate.retired {
        return Some(Reason::Retired);
    }
    if !candidate.consents {
        return Some(Reason::NoConsent);
    }
    if !candidate.reachable {
        return Some(Reason::NoContact);
    }
    if candidate.invited {
        return Some(Reason::AlreadyInvited);
    }
    if candidate.importance.is_some_and(|weight| !(weight > 0.0 && weight.is_finite())) {
        return Some(Reason::NoImportance);
    }
    let asked = candidate.asked?;
    if let Some(days) = fatigue.quiet_days
        && asked.last_us > now_us.saturating_sub(days * DAY_US)
    {
        return Some(Reason::AskedRecently);
    }
    fatigue.yearly_max.filter(|max| asked.in_year >= *max).map(|_| Reason::AskedOften)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> Candidate {
        Candidate { consents: true, reachable: true, ..Candidate::default() }
    }

    #[test]
    fn a_customer_is_left_out_for_the_first_reason_that_holds() {
        let now_us = 1_000 * DAY_US;
        let rule = Fatigue::default();
        let asked = |days: i64, in_year: u32| {
            Some(Asked { last_us: now_us - days * DAY_US, campaign: Uuid::nil(), in_year })
        };
        for (candidate, expected) in [
            (fresh(), None),
            (Candidate { retired: true, consents: false, ..fresh() }, Some(Reason::Retired)),
            (Candidate { consents: false, ..fresh() }, Some(Reason::NoConsent)),
            (Candidate { reachable: false, ..fresh() }, Some(Reason::NoContact)),
            (Candidate { invited: true, ..fresh() }, Some(Reason::AlreadyInvited)),
            (Candidate { importance: Some(0.0), ..fresh() }, Some(Reason::NoImportance)),
            (Candidate { importance: Some(2.0), ..fresh() }, None),
            (Candidate { asked: asked(89, 1), ..fresh() }, Some(Reason::AskedRecently)),
            (Candidate { asked: asked(90, 3), ..fresh() }, None),
            (Candidate { asked: asked(90, 4), ..fresh() }, Some(Reason::AskedOften)),
        ] {
            assert_eq!(reason(&candidate, &rule, now_us), expected, "{candidate:?}");
        }
        let none = Fatigue::new(-1, -1).unwrap();
        let often = Candidate { asked: asked(0, 99), ..fresh() };
        assert_eq!(reason(&often, &none, now_us), None);
    }

    #[test]
    fn rules_outside_of_their_range_are_refused() {
        assert!(Fatigue::new(-2, 0).is_err());
        assert!(Fatigue::new(3651, 0).is_err());
        assert!(Fatigue::new(0, 1001).is_err());
        assert_eq!(Fatigue::new(0, 0).unwrap(), Fatigue::default());
    }
}
