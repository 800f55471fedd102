//! Care reminders (关怀): birthdays, anniversaries and regular contacts by day.

use jiff::{ToSpan, civil::Date};

/// Most days that are looked at in one go.
pub const DAYS_MAX: i32 = 31;
/// Days when nothing else is asked.
pub const DAYS_DEFAULT: i32 = 7;

/// Kind of a reminder. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Birthday.
    Birthday = 1,
    /// Anniversary of the day since when it is a customer.
    Anniversary = 2,
    /// Regular contact is due.
    Contact = 3,
}

impl Kind {
    /// The kind with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::Birthday, Self::Anniversary, Self::Contact]
            .into_iter()
            .find(|kind| *kind as i32 == number)
    }
}

/// The days from `from` on with the month and day that are kept on each: on the last day of
/// February of a common year those of 29 February are kept too.
pub fn days(from: Date, count: i32) -> Vec<(Date, Vec<(i8, i8)>)> {
    let mut found = Vec::new();
    for ahead in 0..count {
        let Ok(day) = from.checked_add(ahead.days()) else { break };
        let mut kept = vec![(day.month(), day.day())];
        if day.month() == 2 && day.day() == 28 && !day.in_leap_year() {
            kept.push((2, 29));
        }
        found.push((day, kept));
    }
    found
}

/// Years completed on a day; nothing before the first anniversary.
pub fn years(since: Date, on: Date) -> Option<i32> {
    let years = i32::from(on.year()) - i32::from(since.year());
    (years >= 1).then_some(years)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn leap_day_is_kept_every_year() {
        let common = days(date(2026, 2, 27), 3);
        assert_eq!(common[1], (date(2026, 2, 28), vec![(2, 28), (2, 29)]));
        assert_eq!(common[2].1, [(3, 1)]);
        let leap = days(date(2028, 2, 28), 2);
        assert_eq!(leap[0].1, [(2, 28)]);
        assert_eq!(leap[1].1, [(2, 29)]);
    }

    #[test]
    fn days_stop_at_the_end_of_the_calendar() {
        assert_eq!(days(date(9999, 12, 30), 31).len(), 2);
    }

    #[test]
    fn the_first_anniversary_is_after_a_year() {
        assert_eq!(years(date(2026, 3, 1), date(2026, 3, 1)), None);
        assert_eq!(years(date(2026, 3, 1), date(2027, 3, 1)), Some(1));
        assert_eq!(years(date(2027, 3, 1), date(2026, 3, 1)), None);
    }
}
