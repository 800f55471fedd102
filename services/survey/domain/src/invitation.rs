//! What can happen to an invitation.

mod claim;

use uuid::Uuid;

use crate::{channel::Channel, response_rate::Disposition};

pub use claim::{Claim, ClaimError, MINUTES_DEFAULT, MINUTES_MAX};

/// State; numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i16)]
pub enum State {
    /// Prepared; the campaign is not open.
    Prepared = 1,
    /// Due.
    Queued = 2,
    /// Handed over to the customer.
    HandedOver = 3,
    /// The link was opened.
    Opened = 4,
    /// Answering was begun.
    Started = 5,
    /// Answered.
    Answered = 6,
    /// Refused.
    Refused = 7,
    /// Could not be delivered.
    Bounced = 8,
    /// The campaign closed first.
    Expired = 9,
    /// Does not belong to those who are asked.
    Ineligible = 10,
}

/// All states in the order of their numbers.
pub const STATES: [State; 10] = [
    State::Prepared,
    State::Queued,
    State::HandedOver,
    State::Opened,
    State::Started,
    State::Answered,
    State::Refused,
    State::Bounced,
    State::Expired,
    State::Ineligible,
];

impl State {
    /// By its number.
    pub fn from_number(number: i32) -> Option<Self> {
        STATES.into_iter().find(|state| *state as i32 == number)
    }

    /// Whether nothing more can happen.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Answered | Self::Expired | Self::Ineligible)
    }

    /// Whether the link accepts an answer while the campaign does. Who refused may change his
    /// mind, and what bounced may have arrived in another way.
    pub fn is_answerable(self) -> bool {
        !matches!(self, Self::Answered | Self::Expired | Self::Ineligible | Self::Prepared)
    }

    /// Whether it waits to be answered, so that a reminder makes sense.
    pub fn is_waiting(self) -> bool {
        matches!(self, Self::HandedOver | Self::Opened | Self::Started)
    }

    /// Whether it expires when the campaign closes.
    pub fn can_expire(self) -> bool {
        matches!(
            self,
            Self::Prepared | Self::Queued | Self::HandedOver | Self::Opened | Self::Started
        )
    }
}

/// States from which [`after`] leads to `to`.
pub fn before(to: State) -> Vec<State> {
    STATES.into_iter().filter(|from| after(*from, to) == Some(to)).collect()
}

/// The state after something was heard of an invitation; `None` when it is no news. News never
/// lead backwards: a late delivery report does not undo an answer.
pub fn after(from: State, heard: State) -> Option<State> {
    let allowed = match heard {
        State::Prepared => false,
        State::Queued => from == State::Prepared,
        State::HandedOver => matches!(from, State::Queued | State::Bounced),
        State::Opened => matches!(from, State::Queued | State::HandedOver | State::Bounced),
        State::Started => from != State::Started && from.is_answerable(),
        State::Answered => from.is_answerable(),
        State::Refused => from != State::Refused && from != State::Prepared && !from.is_final(),
        State::Bounced => matches!(from, State::Queued | State::HandedOver),
        State::Expired => from.can_expire(),
        State::Ineligible => !from.is_final(),
    };
    allowed.then_some(heard)
}

/// What the counts of fieldwork know of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// State.
    pub state: State,
    /// State before it expired; the state itself otherwise.
    pub reached: State,
    /// Whether an operator tried in vain to reach the customer.
    pub tried: bool,
}

impl Standing {
    /// Whether it was handed over, delivered or not.
    pub fn is_sent(self) -> bool {
        let state = if self.state == State::Expired { self.reached } else { self.state };
        match state {
            State::Prepared | State::Expired | State::Ineligible => false,
            State::Queued => self.tried,
            _ => true,
        }
    }

    /// How it counts in the rates; `None` when it does not: not invited yet, or not eligible.
    pub fn disposition(self) -> Option<Disposition> {
        let state = if self.state == State::Expired { self.reached } else { self.state };
        match state {
            State::Prepared | State::Expired | State::Ineligible => None,
            State::Queued | State::HandedOver if self.tried => Some(Disposition::NonContact),
            State::Queued | State::HandedOver => Some(Disposition::Unknown),
            State::Opened | State::Refused => Some(Disposition::Refused),
            State::Started => Some(Disposition::Partial),
            State::Answered => Some(Disposition::Complete),
            State::Bounced => Some(Disposition::Undeliverable),
        }
    }
}

/// Outcome of an attempt by telephone or visit; numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub enum Outcome {
    /// Nobody answered.
    NoAnswer = 1,
    /// Line busy.
    Busy = 2,
    /// A machine or somebody else.
    NotTheCustomer = 3,
    /// To be tried again at a time.
    CallBack = 4,
    /// Refused.
    Refused = 5,
    /// Number or address is wrong.
    WrongContact = 6,
    /// Does not belong to those who are asked.
    Ineligible = 7,
    /// Is being asked now.
    Started = 8,
}

impl Outcome {
    /// By its number.
    pub fn from_number(number: i32) -> Option<Self> {
        [
            Self::NoAnswer,
            Self::Busy,
            Self::NotTheCustomer,
            Self::CallBack,
            Self::Refused,
            Self::WrongContact,
            Self::Ineligible,
            Self::Started,
        ]
        .into_iter()
        .find(|outcome| *outcome as i32 == number)
    }

    /// What is heard of the invitation by it; `None` when it stays open.
    pub fn heard(self) -> Option<State> {
        match self {
            Self::NoAnswer | Self::Busy | Self::NotTheCustomer | Self::CallBack => None,
            Self::Refused => Some(State::Refused),
            Self::WrongContact => Some(State::Bounced),
            Self::Ineligible => Some(State::Ineligible),
            Self::Started => Some(State::Started),
        }
    }

    /// Whether the customer was reached.
    pub fn is_contact(self) -> bool {
        matches!(self, Self::CallBack | Self::Refused | Self::Ineligible | Self::Started)
    }
}

/// Ways to reach a customer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    /// Has an e-mail address.
    pub email: bool,
    /// Has a telephone number.
    pub phone: bool,
    /// The channel that the customer prefers.
    pub preferred: Option<Channel>,
    /// Channels that the customer does not want.
    pub blocked: Vec<Channel>,
}

/// The channel by which a customer is invited: its preferred one if the campaign has it, else the
/// first of the campaign's that reaches it. `None` when none does.
pub fn channel_for(channels: &[Channel], reach: &Reach) -> Option<Channel> {
    let reaches = |channel: &Channel| match channel {
        channel if reach.blocked.contains(channel) => false,
        Channel::Email => reach.email,
        Channel::Sms | Channel::Phone => reach.phone,
        other => other.is_personal(),
    };
    let mut usable = channels.iter().copied().filter(reaches);
    let preferred = reach.preferred.filter(|p| channels.contains(p) && reaches(p));
    preferred.or_else(|| usable.next())
}

/// An invitation.
#[derive(Debug, Clone, PartialEq)]
pub struct Invitation {
    /// Id.
    pub id: Uuid,
    /// Campaign.
    pub campaign: Uuid,
    /// Customer; `None` for an unnamed one.
    pub customer: Option<Uuid>,
    /// Unit that it is asked about.
    pub unit: Uuid,
    /// Class of the customer when invited.
    pub class: Option<Uuid>,
    /// Segments with a quota that the customer belonged to.
    pub segments: Vec<Uuid>,
    /// How it is to reach the customer.
    pub channel: Channel,
    /// State.
    pub state: State,
    /// State before it expired; the state itself otherwise.
    pub reached: State,
    /// Whether an operator tried in vain.
    pub tried: bool,
    /// Times that it was to be sent, called or visited.
    pub attempt: i32,
    /// The latest of these that was handed over.
    pub handed: i32,
    /// When an operator is to try next.
    pub due_us: Option<i64>,
    /// When the next reminder is due.
    pub remind_us: Option<i64>,
    /// When it was queued: the day counts for the rules of fatigue.
    pub queue_us: Option<i64>,
    /// Whether the sample chose it; the others were added by hand.
    pub sampled: bool,
    /// Stratum of the sample.
    pub stratum: Option<Uuid>,
    /// 1 / chance of being drawn.
    pub design_weight: f64,
    /// Remark.
    pub note: String,
    /// When it was made.
    pub create_us: i64,
    /// Grows with every change.
    pub version: i64,
    /// What called for it; nil for what was drawn or added by hand.
    pub occasion: Uuid,
    /// Who has taken it to call or visit, if anybody; it may be over.
    pub claim: Option<Claim>,
}

impl Invitation {
    /// What the counts know of it.
    pub fn standing(&self) -> Standing {
        Standing { state: self.state, reached: self.reached, tried: self.tried }
    }

    /// Moves on by news; whether they were any.
    pub fn hear(&mut self, heard: State) -> bool {
        let Some(next) = after(self.state, heard) else { return false };
        self.reached = if next == State::Expired { self.state } else { next };
        self.state = next;
        if !next.is_waiting() {
            self.remind_us = None;
        }
        if !next.is_waiting() && next != State::Queued {
            self.due_us = None;
            self.claim = None;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_state() -> impl Strategy<Value = State> {
        prop::sample::select(STATES.to_vec())
    }

    #[test]
    fn a_late_delivery_report_undoes_nothing() {
        for from in [State::Opened, State::Started, State::Answered, State::Refused] {
            assert_eq!(after(from, State::HandedOver), None);
            assert_eq!(after(from, State::Bounced), None);
        }
    }

    #[test]
    fn who_refused_may_still_answer_but_only_once() {
        assert_eq!(after(State::Refused, State::Answered), Some(State::Answered));
        assert_eq!(after(State::Answered, State::Answered), None);
        assert_eq!(after(State::Expired, State::Answered), None);
    }

    #[test]
    fn what_expired_counts_as_far_as_it_came() {
        let expired = |reached| Standing { state: State::Expired, reached, tried: false };
        assert_eq!(expired(State::Started).disposition(), Some(Disposition::Partial));
        assert_eq!(expired(State::Opened).disposition(), Some(Disposition::Refused));
        assert_eq!(expired(State::HandedOver).disposition(), Some(Disposition::Unknown));
        assert_eq!(expired(State::Prepared).disposition(), None);
    }

    #[test]
    fn a_customer_is_invited_as_it_prefers_or_by_the_first_channel_that_reaches_it() {
        let channels = [Channel::Email, Channel::Sms, Channel::Visit];
        let reach = |email, phone, preferred| Reach { email, phone, preferred, ..Reach::default() };
        for (reach, expected) in [
            (reach(true, true, None), Some(Channel::Email)),
            (reach(true, true, Some(Channel::Sms)), Some(Channel::Sms)),
            (reach(true, false, Some(Channel::Sms)), Some(Channel::Email)),
            (reach(true, true, Some(Channel::Phone)), Some(Channel::Email)),
            (reach(false, false, None), Some(Channel::Visit)),
        ] {
            assert_eq!(channel_for(&channels, &reach), expected, "{reach:?}");
        }
        assert_eq!(channel_for(&[Channel::QrCode, Channel::Email], &Reach::default()), None);
        let unwanted = Reach { blocked: vec![Channel::Email], ..reach(true, true, None) };
        assert_eq!(channel_for(&channels, &unwanted), Some(Channel::Sms));
    }

    proptest! {
        #[test]
        fn whatever_is_heard_an_answer_is_never_lost_and_final_states_stay(
            start in any_state(),
            news in prop::collection::vec(any_state(), 0..20),
        ) {
            let mut state = start;
            let mut answered = start == State::Answered;
            for heard in news {
                if let Some(next) = after(state, heard) {
                    prop_assert!(!state.is_final());
                    prop_assert_ne!(next, state);
                    prop_assert!(before(next).contains(&state));
                    state = next;
                }
                answered |= state == State::Answered;
            }
            prop_assert_eq!(answered, state == State::Answered);
        }
    }
}
