//! A campaign: one round of asking with one questionnaire.

pub mod design;
pub mod finding;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Error, Result, channel::Channel, invitation, quota, quota::Quota, sampling::exclusion::Fatigue,
};
use design::Design;

/// Return rate when no target is given.
pub const RATE_TARGET_DEFAULT: f64 = 0.7;
/// Fewest valid answers when no number is given.
pub const MIN_RESPONSES_DEFAULT: i32 = 10;
/// Most quotas of a campaign.
pub const QUOTAS_MAX: usize = 100;
/// Most reminders of a campaign.
pub const REMINDERS_MAX: usize = 5;
const DAYS_MAX: i32 = 180;
const ATTEMPTS_MAX: i32 = 100;

/// State; numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i16)]
pub enum State {
    /// Being prepared.
    Draft = 1,
    /// Opened.
    Open = 2,
    /// Closed for good.
    Closed = 3,
}

impl State {
    /// By its number.
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::Draft, Self::Open, Self::Closed].into_iter().find(|s| *s as i32 == number)
    }
}

/// What people set of a campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Name.
    pub display_name: String,
    /// Questionnaire.
    pub questionnaire: Uuid,
    /// Its version, from 1; 0 means the newest published one at the opening.
    pub version: i32,
    /// Numbers of the channels, the preferred one first.
    pub channels: Vec<i16>,
    /// Promise of anonymity.
    pub anonymous: bool,
    /// Answers are accepted from here on; `None` means from the opening.
    pub open_us: Option<i64>,
    /// And until here; `None` means until somebody closes it.
    pub close_us: Option<i64>,
    /// Return rate to be reached, above 0 up to 1.
    pub rate_target: f64,
    /// Fewest valid answers.
    pub min_responses: i32,
    /// Margin of error that was planned for.
    pub margin_target: Option<f64>,
    /// Most answers of some groups.
    pub quotas: Vec<Quota>,
    /// Days after the hand-over on which those who did not answer are reminded, ascending.
    pub reminder_days: Vec<i32>,
    /// How the sample is drawn.
    pub design: Option<Design>,
    /// Rule of fatigue as sent: quiet days and most invitations a year.
    pub fatigue: (i32, i32),
    /// What a link's code is appended to.
    pub link_base: String,
    /// Minutes for which an operator has an invitation alone; 0 means the usual.
    #[serde(default)]
    pub claim_minutes: i32,
    /// Most attempts of operators to reach one customer; 0 means no limit.
    #[serde(default)]
    pub attempts_max: i32,
}

impl Settings {
    /// Channels, the preferred one first.
    pub fn channels(&self) -> Vec<Channel> {
        self.channels.iter().filter_map(|n| Channel::from_number(i32::from(*n))).collect()
    }

    /// Minutes for which an operator has an invitation alone, 1 to 1440.
    pub fn claim_minutes(&self) -> i32 {
        if self.claim_minutes == 0 { invitation::MINUTES_DEFAULT } else { self.claim_minutes }
    }

    /// Most attempts of operators to reach one customer, if there is a limit.
    pub fn attempts_max(&self) -> Option<i32> {
        Some(self.attempts_max).filter(|most| *most > 0)
    }

    /// Rule of fatigue.
    pub fn fatigue(&self) -> Fatigue {
        Fatigue::new(self.fatigue.0, self.fatigue.1).unwrap_or_default()
    }

    /// Checks everything that can be checked without other objects.
    ///
    /// # Errors
    /// Invalid, with the field of the campaign.
    pub fn check(&self) -> Result<()> {
        if self.display_name.trim().is_empty() {
            return Err(Error::invalid("displayName", "is required"));
        }
        if self.version < 0 {
            return Err(Error::invalid("version", "is negative"));
        }
        self.check_channels()?;
        if let (Some(open), Some(close)) = (self.open_us, self.close_us)
            && close <= open
        {
            return Err(Error::invalid("closeTime", "is not after openTime"));
        }
        if !(self.rate_target > 0.0 && self.rate_target <= 1.0) {
            return Err(Error::invalid("responseRateTarget", "is not above 0 and at most 1"));
        }
        if self.min_responses < 1 {
            return Err(Error::invalid("minResponses", "is negative"));
        }
        if !(0..=invitation::MINUTES_MAX).contains(&self.claim_minutes) {
            return Err(Error::invalid("claimMinutes", "is not between 0 and 1440"));
        }
        if !(0..=ATTEMPTS_MAX).contains(&self.attempts_max) {
            return Err(Error::invalid("attemptsMax", "is not between 0 and 100"));
        }
        if self.margin_target.is_some_and(|margin| !(margin > 0.0 && margin < 1.0)) {
            return Err(Error::invalid("marginTarget", "is not above 0 and below 1"));
        }
        quota::check(&self.quotas)?;
        self.check_reminders()?;
        Fatigue::new(self.fatigue.0, self.fatigue.1).map_err(|e| e.within("fatigue"))?;
        if let Some(design) = &self.design {
            design.check().map_err(|e| e.within("sampling"))?;
        }
        check_link_base(&self.link_base)
    }

    fn check_channels(&self) -> Result<()> {
        for (i, number) in self.channels.iter().enumerate() {
            if Channel::from_number(i32::from(*number)).is_none() {
                return Err(Error::invalid(format!("channels[{i}]"), "is no channel"));
            }
            if self.channels[..i].contains(number) {
                return Err(Error::invalid(format!("channels[{i}]"), "names a channel twice"));
            }
        }
        Ok(())
    }

    fn check_reminders(&self) -> Result<()> {
        let mut before = 0;
        for (i, days) in self.reminder_days.iter().enumerate() {
            let field = || format!("reminders[{i}].afterDays");
            if !(1..=DAYS_MAX).contains(days) {
                return Err(Error::invalid(field(), "is not between 1 and 180"));
            }
            if *days <= before {
                return Err(Error::invalid(field(), "is not later than the one before"));
            }
            before = *days;
        }
        Ok(())
    }
}

/// Codes are appended to it, so it ends where a code can begin.
fn check_link_base(base: &str) -> Result<()> {
    let field = "linkBase";
    let scheme = ["https://", "http://", "/"].iter().any(|start| base.starts_with(start));
    if !base.is_empty() && !scheme {
        return Err(Error::invalid(field, "does not begin with https://, http:// or /"));
    }
    if base.chars().any(|c| c.is_whitespace() || c.is_control() || "\"<>\\^`{|}".contains(c)) {
        return Err(Error::invalid(field, "has a character that no address has"));
    }
    if !base.is_empty() && !base.ends_with(['/', '=', '#']) {
        return Err(Error::invalid(field, "does not end with /, = or #"));
    }
    Ok(())
}

/// A campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    /// Id.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Unit that runs it.
    pub unit: Uuid,
    /// What people set.
    pub settings: Settings,
    /// State.
    pub state: State,
    /// Plan that it belongs to.
    pub plan: Option<Uuid>,
    /// Round of the plan, from 1, or 0.
    pub round: i32,
    /// Time zone of its unit when it was made; counts by day are of this zone.
    pub time_zone: String,
    /// When it is to open by itself.
    pub auto_open_us: Option<i64>,
    /// Why it could not.
    pub open_problem: String,
    /// When it was made.
    pub create_us: i64,
    /// When it was closed.
    pub end_us: Option<i64>,
    /// Grows with every change.
    pub version: i64,
}

/// Whether a campaign takes answers at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// Yes.
    Open,
    /// Not yet opened, or before its opening time.
    NotYet,
    /// Closed, or after its closing time.
    Over,
}

impl Campaign {
    /// Whether it takes answers.
    pub fn accepts(&self, now_us: i64) -> Acceptance {
        match self.state {
            State::Draft => Acceptance::NotYet,
            State::Closed => Acceptance::Over,
            State::Open if self.settings.close_us.is_some_and(|us| us <= now_us) => {
                Acceptance::Over
            }
            State::Open if self.settings.open_us.is_some_and(|us| us > now_us) => {
                Acceptance::NotYet
            }
            State::Open => Acceptance::Open,
        }
    }

    /// Opens it with a version of its questionnaire.
    ///
    /// # Errors
    /// WrongState unless it is a draft that can still be answered; Invalid without a channel.
    pub fn open(&mut self, version: i32, now_us: i64) -> Result<()> {
        if self.state != State::Draft {
            return Err(Error::WrongState("the campaign was opened before"));
        }
        if self.settings.channels.is_empty() {
            return Err(Error::WrongState("the campaign has no channel"));
        }
        if self.settings.close_us.is_some_and(|us| us <= now_us) {
            return Err(Error::WrongState("the campaign's closing time has passed"));
        }
        self.settings.open_us = Some(self.settings.open_us.unwrap_or(now_us));
        self.settings.version = version;
        self.state = State::Open;
        self.auto_open_us = None;
        self.open_problem.clear();
        Ok(())
    }

    /// Closes it for good; whether it was open.
    ///
    /// # Errors
    /// WrongState for a draft.
    pub fn close(&mut self, now_us: i64) -> Result<bool> {
        match self.state {
            State::Draft => Err(Error::WrongState("the campaign was never opened")),
            State::Closed => Ok(false),
            State::Open => {
                self.state = State::Closed;
                self.end_us = Some(now_us);
                Ok(true)
            }
        }
    }

    /// Takes changed settings, as far as the state allows.
    ///
    /// # Errors
    /// Invalid for wrong values; WrongState for a field that is fixed.
    pub fn change(&mut self, settings: Settings) -> Result<()> {
        settings.check()?;
        if self.state == State::Closed {
            return Err(Error::WrongState("the campaign is closed"));
        }
        if self.state == State::Open {
            let now = &self.settings;
            let fixed = Settings {
                display_name: settings.display_name.clone(),
                close_us: settings.close_us,
                rate_target: settings.rate_target,
                min_responses: settings.min_responses,
                quotas: settings.quotas.clone(),
                reminder_days: settings.reminder_days.clone(),
                claim_minutes: settings.claim_minutes,
                attempts_max: settings.attempts_max,
                ..now.clone()
            };
            if fixed != settings {
                let text = "of an open campaign only name, closing time, targets, quotas, \
                            reminders, claim minutes and most attempts change";
                return Err(Error::WrongState(text));
            }
        }
        self.settings = settings;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
