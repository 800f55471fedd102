//! Referrals: from a word to a reward.

use uuid::Uuid;

use super::CENTS_MAX;
use crate::error::{Error, Result};

/// State of a referral. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferralState {
    /// Recommended.
    Open = 1,
    /// Became a customer.
    Converted = 2,
    /// Rewarded.
    Rewarded = 3,
    /// Nothing came of it.
    Closed = 4,
}

impl ReferralState {
    /// The state with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::Open, Self::Converted, Self::Rewarded, Self::Closed]
            .into_iter()
            .find(|state| *state as i32 == number)
    }
}

/// A referral.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referral {
    /// Id.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Who recommended.
    pub referrer: Uuid,
    /// Who was won.
    pub referred: Option<Uuid>,
    /// State.
    pub state: ReferralState,
    /// Reward.
    pub reward: String,
    /// Its value in hundredths.
    pub reward_cents: i64,
    /// Grows with every change.
    pub version: i64,
    /// When it was made.
    pub create_us: i64,
    /// When the reward was given.
    pub reward_us: Option<i64>,
}

impl Referral {
    /// Goes on to another state.
    ///
    /// # Errors
    /// When the state does not follow: a reward is given once, for a converted referral; what was
    /// rewarded stays so.
    pub fn become_state(&mut self, next: ReferralState, now_us: i64) -> Result<()> {
        use ReferralState::{Closed, Converted, Open, Rewarded};
        match (self.state, next) {
            (old, new) if old == new => return Ok(()),
            (Open, Converted | Closed) | (Closed, Open) | (Converted, Closed) => {}
            (Converted, Rewarded) => self.reward_us = Some(now_us),
            _ => return Err(Error::WrongState("the referral cannot go on to this state")),
        }
        self.state = next;
        Ok(())
    }

    /// Checks amounts and persons.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn check(&self) -> Result<()> {
        if !(0..=CENTS_MAX).contains(&self.reward_cents) {
            return Err(Error::invalid("rewardCents", "is not between 0 and 10^15"));
        }
        if self.referred == Some(self.referrer) {
            return Err(Error::invalid("referred", "is who recommended"));
        }
        let won = matches!(self.state, ReferralState::Converted | ReferralState::Rewarded);
        if won && self.referred.is_none() {
            return Err(Error::invalid("referred", "is required for this state"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn referral() -> Referral {
        Referral {
            id: Uuid::nil(),
            org: Uuid::nil(),
            referrer: Uuid::from_u128(1),
            referred: None,
            state: ReferralState::Open,
            reward: String::new(),
            reward_cents: 0,
            version: 1,
            create_us: 0,
            reward_us: None,
        }
    }

    #[test]
    fn a_reward_is_given_once_for_a_converted_referral() {
        let mut made = referral();
        assert!(made.become_state(ReferralState::Rewarded, 1).is_err());
        made.become_state(ReferralState::Converted, 2).unwrap();
        assert!(made.check().is_err(), "nobody was won");
        made.referred = Some(Uuid::from_u128(2));
        made.become_state(ReferralState::Rewarded, 3).unwrap();
        made.become_state(ReferralState::Rewarded, 4).unwrap();
        assert_eq!(made.reward_us, Some(3));
        assert!(made.become_state(ReferralState::Open, 5).is_err());
        assert!(made.check().is_ok());
        made.referred = Some(made.referrer);
        assert!(made.check().is_err());
    }
}
