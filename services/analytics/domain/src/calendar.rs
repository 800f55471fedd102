//! Working days, public holidays and lunar dates, and the earlier period that lies beside a
//! period by kind of day (历史同期).

pub mod lunar;

use std::{collections::BTreeMap, sync::LazyLock};

use jiff::{
    ToSpan,
    civil::{Date, Weekday},
};

use self::lunar::LunarDate;
use crate::{
    period::Compare,
    time::{date_of, day_number},
};

/// Farthest that is looked back for working days.
const BACK_MAX: i64 = 800;

/// What is known of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// People work.
    pub working: bool,
    /// Name of the holiday or reason.
    pub title: String,
}

/// Built-in holidays and make-up working days.
static BUILT_IN: LazyLock<BTreeMap<Date, Day>> = LazyLock::new(|| {
    include_str!("calendar/holidays.csv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut parts = line.split(',');
            let date = parts.next()?.parse().ok()?;
            let working = parts.next()? == "working";
            Some((date, Day { working, title: parts.next()?.to_owned() }))
        })
        .collect()
});

/// An organisation's calendar: its own days above the built-in ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar {
    own: BTreeMap<Date, Day>,
}

impl Calendar {
    /// With these days of its own.
    pub fn new(own: BTreeMap<Date, Day>) -> Self {
        Self { own }
    }

    /// A day: the organisation's, the built-in one, or by the weekday.
    pub fn day(&self, date: Date) -> Day {
        self.own.get(&date).or_else(|| BUILT_IN.get(&date)).cloned().unwrap_or_else(|| Day {
            working: !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday),
            title: String::new(),
        })
    }

    /// Whether the organisation has set the day.
    pub fn is_own(&self, date: Date) -> bool {
        self.own.contains_key(&date)
    }

    /// Working days among days `first..end`.
    pub fn working_days(&self, (first, end): (i64, i64)) -> usize {
        (first..end).filter(|day| self.day(date_of(*day)).working).count()
    }
}

/// How an earlier period is laid beside a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alignment {
    /// Whole weeks earlier, 52 for a year.
    Weekday,
    /// As many working days, counted back.
    WorkingDay,
    /// The same lunar dates.
    Lunar,
}

/// The earlier period of days `first..end`; `None` outside of what the calendar knows.
pub fn earlier(
    (first, end): (i64, i64),
    compare: Compare,
    alignment: Alignment,
    calendar: &Calendar,
) -> Option<(i64, i64)> {
    let length = end - first;
    match (alignment, compare) {
        (Alignment::Weekday, Compare::Previous) => {
            let back = (length + 6).div_euclid(7) * 7;
            Some((first - back, end - back))
        }
        (Alignment::Weekday, Compare::LastYear) => Some((first - 364, end - 364)),
        (Alignment::WorkingDay, compare) => {
            let until = match compare {
                Compare::Previous => first,
                Compare::LastYear => {
                    let last = date_of(end - 1).checked_sub(1.year()).ok()?;
                    i64::from(day_number(last)) + 1
                }
            };
            let wanted = calendar.working_days((first, end));
            if wanted == 0 {
                return Some((until - length, until));
            }
            let mut from = until;
            let mut found = 0;
            while found < wanted {
                from -= 1;
                found += usize::from(calendar.day(date_of(from)).working);
                if until - from > length + BACK_MAX {
                    return None;
                }
            }
            Some((from, until))
        }
        (Alignment::Lunar, compare) => {
            let back = |day: i64| -> Option<i64> {
                let lunar = LunarDate::of(date_of(day))?;
                let before = match compare {
                    Compare::Previous => lunar.month_before()?,
                    Compare::LastYear => lunar.year_before(),
                };
                Some(i64::from(day_number(before.date()?)))
            };
            let (from, last) = (back(first)?, back(end - 1)?);
            Some((from, last.max(from) + 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn days(from: Date, to: Date) -> (i64, i64) {
        (i64::from(day_number(from)), i64::from(day_number(to)) + 1)
    }

    fn aligned(from: Date, to: Date, compare: Compare, alignment: Alignment) -> (Date, Date) {
        let found = earlier(days(from, to), compare, alignment, &Calendar::default()).unwrap();
        (date_of(found.0), date_of(found.1 - 1))
    }

    #[test]
    fn the_spring_festival_meets_the_spring_festival() {
        let (from, to) = (date(2026, 2, 17), date(2026, 2, 23));
        let found = aligned(from, to, Compare::LastYear, Alignment::Lunar);
        assert_eq!(found, (date(2025, 1, 29), date(2025, 2, 4)));
    }

    #[test]
    fn weekdays_meet_weekdays() {
        let (from, to) = (date(2026, 11, 2), date(2026, 11, 8));
        let found = aligned(from, to, Compare::LastYear, Alignment::Weekday);
        assert_eq!(found, (date(2025, 11, 3), date(2025, 11, 9)));
        let found = aligned(from, date(2026, 11, 11), Compare::Previous, Alignment::Weekday);
        assert_eq!(found, (date(2026, 10, 19), date(2026, 10, 28)), "two whole weeks back");
    }

    #[test]
    fn working_days_meet_as_many_working_days_across_holidays() {
        let calendar = Calendar::default();
        let october = days(date(2026, 10, 1), date(2026, 10, 31));
        let wanted = calendar.working_days(october);
        assert_eq!(wanted, 18, "seven days off, one made up for");
        for compare in [Compare::Previous, Compare::LastYear] {
            let found = earlier(october, compare, Alignment::WorkingDay, &calendar).unwrap();
            assert_eq!(calendar.working_days(found), wanted);
        }
        let own = Day { working: false, title: "停电".to_owned() };
        let calendar = Calendar::new([(date(2026, 10, 12), own)].into());
        assert_eq!(calendar.working_days(october), wanted - 1);
        assert!(calendar.is_own(date(2026, 10, 12)) && !calendar.is_own(date(2026, 10, 1)));
    }
}
