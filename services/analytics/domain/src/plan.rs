//! Which cells answer a question, cheapest first, and what cannot be answered.

use crate::{period::Period, time::Bucket};

/// By what rows are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// Unit directly below.
    Unit,
    /// Window.
    Window,
    /// Staff member.
    Staff,
    /// Business type.
    BusinessType,
    /// Channel.
    Channel,
    /// Template and item.
    Item,
    /// Hour of each day.
    Hour,
    /// Local day.
    Day,
    /// ISO week.
    Week,
    /// Local month.
    Month,
    /// Weekday and hour of day.
    WeekdayHour,
    /// Class of the customer.
    CustomerClass,
    /// Questionnaire.
    Questionnaire,
    /// Questionnaire and version.
    Version,
    /// Campaign.
    Campaign,
    /// Item and chosen option.
    Choice,
}

impl Group {
    /// The bucket of a group of time.
    pub fn bucket(self) -> Option<Bucket> {
        match self {
            Self::Hour => Some(Bucket::Hour),
            Self::Day => Some(Bucket::Day),
            Self::Week => Some(Bucket::Week),
            Self::Month => Some(Bucket::Month),
            Self::WeekdayHour => Some(Bucket::WeekdayHour),
            _ => None,
        }
    }

    /// Whether only answers to questionnaires can be grouped by it.
    pub fn is_of_answers(self) -> bool {
        matches!(
            self,
            Self::CustomerClass
                | Self::Questionnaire
                | Self::Version
                | Self::Campaign
                | Self::Choice
        )
    }

    /// Whether it needs more than site, time and item.
    fn is_detail(self) -> bool {
        matches!(self, Self::Window | Self::Staff | Self::BusinessType | Self::Channel)
    }
}

/// A table of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Site by UTC quarter hour.
    Quarter,
    /// Site by its local day.
    SiteDay,
    /// Window, staff, business type and channel by the site's local day.
    Day,
    /// Answers to questionnaires by the site's local day.
    Answers,
}

/// How the time zone asked for relates to the zones of the sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zones {
    /// All sites keep their days in that zone.
    Same,
    /// They differ, and no zone was asked for: each site may count its own days.
    OwnDays,
    /// They differ from the zone that was asked for.
    Other,
}

/// A question, as far as the choice depends on it.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// Groups.
    pub groups: &'a [Group],
    /// Whether a filter or the unit itself needs windows, staff, business types or channels.
    pub detail: bool,
    /// Whether the units directly below include windows.
    pub over_windows: bool,
    /// When.
    pub period: &'a Period,
    /// Zones.
    pub zones: Zones,
}

/// Why a question cannot be answered; the texts say what can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Two groups of time.
    #[error("group by at most one of hour, day, week, month and weekday by hour")]
    TwoTimes,
    /// Hours of windows.
    #[error(
        "hours are kept for branches and items; windows, staff, business types and channels \
             are kept by day, week and month"
    )]
    DetailByHour,
    /// Parts of days of windows.
    #[error(
        "windows, staff, business types and channels are kept by whole local days; ask \
             from a date to a date, or leave them out"
    )]
    DetailOfPartDay,
    /// Windows in another zone.
    #[error(
        "windows, staff, business types and channels are kept by days of the units' own \
             time zone; leave the time zone out, or leave them out"
    )]
    DetailInOtherZone,
    /// Ends within a quarter hour.
    #[error("from and to must fall on quarter hours")]
    OffQuarter,
    /// Answers by window, business type or hour.
    #[error(
        "answers to questionnaires are kept by unit, staff, channel, customer class, \
             campaign, version and item for whole local days of the units' own time zone"
    )]
    NotOfAnswers,
    /// Ratings by what only questionnaires have.
    #[error(
        "customer classes, questionnaires, versions, campaigns and options are groups of \
             questionnaires; ask for that source"
    )]
    OnlyOfAnswers,
}

/// The cheapest table that answers exactly.
///
/// # Errors
/// [`Refusal`] if none does.
pub fn choose(question: &Question<'_>) -> Result<Table, Refusal> {
    if question.groups.iter().any(|group| group.is_of_answers()) {
        return Err(Refusal::OnlyOfAnswers);
    }
    let mut times = question.groups.iter().filter_map(|group| group.bucket());
    let bucket = times.next();
    if times.next().is_some() {
        return Err(Refusal::TwoTimes);
    }
    let hourly = matches!(bucket, Some(Bucket::Hour | Bucket::WeekdayHour));
    let windows = question.over_windows && question.groups.contains(&Group::Unit);
    let whole_days = question.period.days.is_some();
    if question.detail || windows || question.groups.iter().any(|group| group.is_detail()) {
        return match (hourly, whole_days, question.zones) {
            (true, _, _) => Err(Refusal::DetailByHour),
            (_, false, _) => Err(Refusal::DetailOfPartDay),
            (_, _, Zones::Other) => Err(Refusal::DetailInOtherZone),
            _ => Ok(Table::Day),
        };
    }
    if whole_days && !hourly && question.zones == Zones::Same {
        return Ok(Table::SiteDay);
    }
    if question.period.quarters().is_none() {
        return Err(Refusal::OffQuarter);
    }
    Ok(Table::Quarter)
}

/// Checks a question about answers to questionnaires.
///
/// # Errors
/// [`Refusal`] if it cannot be answered.
pub fn check_answers(question: &Question<'_>) -> Result<(), Refusal> {
    let groups = question.groups;
    if groups.iter().filter(|group| group.bucket().is_some()).count() > 1 {
        return Err(Refusal::TwoTimes);
    }
    let kept = |group: &Group| {
        !matches!(group, Group::Window | Group::BusinessType | Group::Hour | Group::WeekdayHour)
    };
    let whole_days = question.period.days.is_some();
    if !groups.iter().all(kept) || !whole_days || question.zones == Zones::Other {
        return Err(Refusal::NotOfAnswers);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    const DAYS: Period = Period { from_us: 0, to_us: 86_400_000_000, days: Some((0, 1)) };

    fn ask(groups: &[Group], change: impl Fn(&mut Question<'_>)) -> Result<Table, Refusal> {
        let mut question = Question {
            groups,
            detail: false,
            over_windows: false,
            period: &DAYS,
            zones: Zones::Same,
        };
        change(&mut question);
        choose(&question)
    }

    #[test]
    fn the_cheapest_table_that_is_exact_is_chosen() {
        let plain = |_: &mut Question<'_>| {};
        assert_eq!(ask(&[], plain), Ok(Table::SiteDay));
        assert_eq!(ask(&[Group::Unit, Group::Month, Group::Item], plain), Ok(Table::SiteDay));
        assert_eq!(ask(&[Group::Hour], plain), Ok(Table::Quarter));
        assert_eq!(ask(&[Group::Staff, Group::Day], plain), Ok(Table::Day));
        assert_eq!(ask(&[Group::Unit], |q| q.over_windows = true), Ok(Table::Day));
        assert_eq!(ask(&[Group::Day], |q| q.over_windows = true), Ok(Table::SiteDay));
        assert_eq!(ask(&[Group::Day], |q| q.zones = Zones::Other), Ok(Table::Quarter));
        assert_eq!(ask(&[Group::Day], |q| q.zones = Zones::OwnDays), Ok(Table::Quarter));
        assert_eq!(ask(&[Group::Staff], |q| q.zones = Zones::OwnDays), Ok(Table::Day));
    }

    #[test]
    fn what_is_not_kept_is_refused() {
        let plain = |_: &mut Question<'_>| {};
        assert_eq!(ask(&[Group::Hour, Group::Day], plain), Err(Refusal::TwoTimes));
        assert_eq!(ask(&[Group::Hour, Group::Window], plain), Err(Refusal::DetailByHour));
        assert_eq!(ask(&[Group::Hour], |q| q.detail = true), Err(Refusal::DetailByHour));
        let part = Period { from_us: 0, to_us: 900_000_000, days: None };
        let off = Period { from_us: 0, to_us: 900_000_001, days: None };
        let with = |groups: &[Group], period: &Period, zones| {
            choose(&Question { groups, detail: false, over_windows: false, period, zones })
        };
        assert_eq!(with(&[], &part, Zones::Same), Ok(Table::Quarter));
        assert_eq!(with(&[], &off, Zones::Same), Err(Refusal::OffQuarter));
        let staff = [Group::Staff];
        assert_eq!(with(&staff, &part, Zones::Same), Err(Refusal::DetailOfPartDay));
        assert_eq!(with(&staff, &DAYS, Zones::Other), Err(Refusal::DetailInOtherZone));
        assert_eq!(DAYS.buckets(Bucket::Day, &TimeZone::UTC), 1);
    }
}
