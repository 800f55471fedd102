//! Triggers: which interactions call for a survey or a call-back, and what came of it.

use uuid::Uuid;

use super::{Interaction, InteractionKind};
use crate::{
    error::{Error, Result},
    sampling::exclusion::{Fatigue, Reason},
};

/// Longest delay of a trigger in hours.
pub const DELAY_HOURS_MAX: i32 = 8_760;
/// Days after which an interaction is told of too late, unless the trigger says otherwise.
const LATE_DAYS_DEFAULT: i32 = 30;
const LATE_DAYS_MAX: i32 = 3_650;
const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;

/// What a trigger calls for. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// An invitation to a survey.
    Survey = 1,
    /// A call-back.
    CallBack = 2,
}

impl Action {
    /// The action with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::Survey, Self::CallBack].into_iter().find(|action| *action as i32 == number)
    }
}

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// Id.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Unit whose customers, and those below it, it is about.
    pub unit: Uuid,
    /// Display name.
    pub display_name: String,
    /// Kind of the interaction.
    pub kind: InteractionKind,
    /// Node of the interaction; empty means any.
    pub node: String,
    /// What it calls for.
    pub action: Action,
    /// Campaign of a survey.
    pub campaign: Option<Uuid>,
    /// Segment of the customers; nothing means all.
    pub segment: Option<Uuid>,
    /// Hours after the interaction.
    pub delay_hours: i32,
    /// Days in which a customer is left alone: 0 as the campaign says, -1 no rule.
    pub quiet_days: i32,
    /// Most invitations in a year: 0 as the campaign says, -1 no rule.
    pub yearly_max: i32,
    /// Days after it was due in which a late one still counts; 0 is the default.
    pub late_days: i32,
    /// When it was created.
    pub create_us: i64,
    /// When it was retired.
    pub retire_us: Option<i64>,
}

impl Trigger {
    /// Checks a new trigger.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn check(&self) -> Result<()> {
        if self.display_name.trim().is_empty() {
            return Err(Error::invalid("displayName", "is required"));
        }
        if !(0..=DELAY_HOURS_MAX).contains(&self.delay_hours) {
            return Err(Error::invalid("delayHours", "is not between 0 and 8760"));
        }
        if !(0..=LATE_DAYS_MAX).contains(&self.late_days) {
            return Err(Error::invalid("lateDays", "is not between 0 and 3650"));
        }
        Fatigue::new(self.quiet_days, self.yearly_max)?;
        let call_back = self.action == Action::CallBack;
        if call_back && (self.quiet_days, self.yearly_max, self.late_days) != (0, 0, 0) {
            return Err(Error::invalid("quietDays", "belongs to surveys alone"));
        }
        match (self.action, self.campaign) {
            (Action::Survey, None) => Err(Error::invalid("campaign", "is required for a survey")),
            (Action::CallBack, Some(_)) => {
                Err(Error::invalid("campaign", "belongs to surveys alone"))
            }
            _ => Ok(()),
        }
    }

    /// Whether an interaction is of its kind and node.
    pub fn is_about(&self, interaction: &Interaction) -> bool {
        self.kind == interaction.kind && (self.node.is_empty() || self.node == interaction.node)
    }

    /// When it is due for an interaction at this time.
    pub fn due_us(&self, at_us: i64) -> i64 {
        at_us.saturating_add(i64::from(self.delay_hours) * HOUR_US)
    }

    /// Whether an interaction that arrived at `arrive_us` came too late for what was due at
    /// `due_us`. What waited here for its campaign to open is not late by that.
    pub fn is_too_late(&self, due_us: i64, arrive_us: i64) -> bool {
        let days = if self.late_days == 0 { LATE_DAYS_DEFAULT } else { self.late_days };
        arrive_us > due_us.saturating_add(i64::from(days) * DAY_US)
    }

    /// Its rule of fatigue, where it says nothing that of the campaign.
    pub fn fatigue(&self, campaign: &Fatigue) -> Fatigue {
        let own = Fatigue::new(self.quiet_days, self.yearly_max).unwrap_or(*campaign);
        Fatigue {
            quiet_days: if self.quiet_days == 0 { campaign.quiet_days } else { own.quiet_days },
            yearly_max: if self.yearly_max == 0 { campaign.yearly_max } else { own.yearly_max },
        }
    }
}

/// What came of what a trigger called for. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The customer was invited.
    Invited = 1,
    /// The customer was called back.
    CalledBack = 2,
    /// Invited within the quiet days.
    AskedRecently = 3,
    /// Invited as often as allowed within a year.
    AskedOften = 4,
    /// Does not want to be asked.
    NoConsent = 5,
    /// Cannot be reached.
    NoContact = 6,
    /// No longer a customer.
    Retired = 7,
    /// An earlier invitation waits for its answer.
    AlreadyInvited = 8,
    /// The interaction arrived too late.
    TooLate = 9,
    /// The campaign is over.
    CampaignOver = 10,
    /// The customer belongs to no unit of the campaign.
    Outside = 11,
}

impl Outcome {
    /// The outcome with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        const ALL: [Outcome; 11] = [
            Outcome::Invited,
            Outcome::CalledBack,
            Outcome::AskedRecently,
            Outcome::AskedOften,
            Outcome::NoConsent,
            Outcome::NoContact,
            Outcome::Retired,
            Outcome::AlreadyInvited,
            Outcome::TooLate,
            Outcome::CampaignOver,
            Outcome::Outside,
        ];
        ALL.into_iter().find(|outcome| *outcome as i32 == number)
    }
}

impl From<Reason> for Outcome {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::AskedRecently => Self::AskedRecently,
            Reason::AskedOften => Self::AskedOften,
            Reason::NoConsent => Self::NoConsent,
            Reason::NoContact => Self::NoContact,
            Reason::Retired | Reason::NoImportance => Self::Retired,
            Reason::AlreadyInvited => Self::AlreadyInvited,
        }
    }
}

/// What a trigger called for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueTrigger {
    /// Id.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Trigger.
    pub trigger: Uuid,
    /// Interaction.
    pub interaction: Uuid,
    /// Customer.
    pub customer: Uuid,
    /// Unit of the customer when it was called for.
    pub unit: Uuid,
    /// What it calls for.
    pub action: Action,
    /// Campaign of a survey.
    pub campaign: Option<Uuid>,
    /// When it is due.
    pub due_us: i64,
    /// When the interaction arrived.
    pub arrive_us: i64,
    /// When it was seen to.
    pub done_us: Option<i64>,
    /// What came of it.
    pub outcome: Option<Outcome>,
    /// Invitation that was made.
    pub invitation: Option<Uuid>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trigger() -> Trigger {
        Trigger {
            id: Uuid::nil(),
            org: Uuid::nil(),
            unit: Uuid::nil(),
            display_name: "after delivery".to_owned(),
            kind: InteractionKind::Delivery,
            node: String::new(),
            action: Action::Survey,
            campaign: Some(Uuid::nil()),
            segment: None,
            delay_hours: 24,
            quiet_days: 0,
            yearly_max: 0,
            late_days: 0,
            create_us: 0,
            retire_us: None,
        }
    }

    #[test]
    fn a_trigger_for_a_survey_names_its_campaign() {
        assert!(trigger().check().is_ok());
        assert!(Trigger { campaign: None, ..trigger() }.check().is_err());
        assert_eq!(trigger().due_us(1), 86_400_000_001);
        let call_back = Trigger { action: Action::CallBack, ..trigger() };
        assert!(call_back.check().is_err());
        let call_back = Trigger { campaign: None, ..call_back };
        assert!(call_back.check().is_ok());
        assert!(Trigger { quiet_days: 5, ..call_back }.check().is_err());
    }

    #[test]
    fn numbers_of_a_trigger_have_their_ranges() {
        for wrong in [
            Trigger { delay_hours: 8_761, ..trigger() },
            Trigger { delay_hours: -1, ..trigger() },
            Trigger { late_days: 3_651, ..trigger() },
            Trigger { quiet_days: -2, ..trigger() },
            Trigger { yearly_max: 1_001, ..trigger() },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_trigger_s_own_rule_goes_before_the_campaign_s() {
        let campaign = Fatigue { quiet_days: Some(60), yearly_max: Some(2) };
        assert_eq!(trigger().fatigue(&campaign), campaign);
        let own = Trigger { quiet_days: -1, yearly_max: 9, ..trigger() };
        assert_eq!(own.fatigue(&campaign), Fatigue { quiet_days: None, yearly_max: Some(9) });
    }

    #[test]
    fn what_is_told_of_late_is_not_asked_about() {
        let trigger = Trigger { late_days: 2, ..trigger() };
        assert!(!trigger.is_too_late(5, 5 + 2 * DAY_US));
        assert!(trigger.is_too_late(5, 6 + 2 * DAY_US));
    }
}
