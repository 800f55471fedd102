//! When the rounds of a plan begin.

use jiff::{ToSpan, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Days of fieldwork when no number is given.
pub const OPEN_DAYS_DEFAULT: i32 = 14;
const OPEN_DAYS_MAX: i32 = 366;
const LEAD_DAYS_MAX: i32 = 180;
/// A plan does not begin further back than this.
const PAST_DAYS_MAX: i32 = 366;

/// How often; numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[repr(i16)]
pub enum Cadence {
    /// Once.
    Once = 1,
    /// Each month.
    Monthly = 2,
    /// Each quarter.
    Quarterly = 3,
    /// Each half-year.
    HalfYearly = 4,
    /// Each year.
    Yearly = 5,
}

impl Cadence {
    /// By its number.
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::Once, Self::Monthly, Self::Quarterly, Self::HalfYearly, Self::Yearly]
            .into_iter()
            .find(|cadence| *cadence as i32 == number)
    }

    fn months(self) -> Option<i32> {
        match self {
            Self::Once => None,
            Self::Monthly => Some(1),
            Self::Quarterly => Some(3),
            Self::HalfYearly => Some(6),
            Self::Yearly => Some(12),
        }
    }
}

/// When rounds begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// How often.
    pub cadence: Cadence,
    /// First day of fieldwork of the first round.
    #[serde(with = "stored::date")]
    pub first: Date,
    /// Last day on which a round may begin.
    #[serde(with = "stored::date_opt")]
    pub last: Option<Date>,
    /// Days of fieldwork.
    pub open_days: i32,
    /// Days before its first day on which a round's campaign is created.
    pub lead_days: i32,
    /// Whether campaigns open by themselves.
    pub auto_open: bool,
}

/// Reads a date.
///
/// # Errors
/// Invalid unless it is `YYYY-MM-DD` of an existing day from 2000 to 2199.
pub fn parse_date(field: &str, text: &str) -> Result<Date> {
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| match i {
            4 | 7 => b == b'-',
            _ => b.is_ascii_digit(),
        });
    let date = text.parse::<Date>().ok().filter(|_| shape);
    date.filter(|date| (2000..2200).contains(&date.year()))
        .ok_or_else(|| Error::invalid(field, "is no date YYYY-MM-DD from 2000 to 2199"))
}

impl Calendar {
    /// Checks a calendar; `today` is the day in the unit's time zone.
    ///
    /// # Errors
    /// Invalid, with the field of the calendar.
    pub fn check(&self) -> Result<()> {
        if !(1..=OPEN_DAYS_MAX).contains(&self.open_days) {
            return Err(Error::invalid("openDays", "is not between 1 and 366"));
        }
        if !(0..=LEAD_DAYS_MAX).contains(&self.lead_days) {
            return Err(Error::invalid("leadDays", "is not between 0 and 180"));
        }
        if self.last.is_some_and(|last| last < self.first) {
            return Err(Error::invalid("lastDate", "is before firstDate"));
        }
        Ok(())
    }

    /// Refuses a first day more than a year ago.
    pub fn check_new(&self, today: Date) -> Result<()> {
        if self.first < today.saturating_sub(PAST_DAYS_MAX.days()) {
            return Err(Error::invalid("firstDate", "is more than a year ago"));
        }
        self.check()
    }

    /// First day of fieldwork of a round, from 1; `None` when there is no such round.
    pub fn date(&self, round: i32) -> Option<Date> {
        let steps = round.checked_sub(1).filter(|steps| *steps >= 0)?;
        let months = match self.cadence.months() {
            None if steps > 0 => return None,
            None => 0,
            Some(months) => months.checked_mul(steps)?,
        };
        // Always counted from the first day, so that the 31st comes back after February.
        let date = self.first.checked_add(months.months()).ok()?;
        (date.year() < 2200 && self.last.is_none_or(|last| date <= last)).then_some(date)
    }

    /// The next round to begin after `round` at `today`, with its first day: rounds whose
    /// fieldwork is over already are not made up for.
    pub fn next(&self, round: i32, today: Date) -> Option<(i32, Date)> {
        let mut next = round;
        loop {
            next = next.checked_add(1)?;
            let date = self.date(next)?;
            if self.end(date) > today {
                return Some((next, date));
            }
        }
    }

    /// The day after the last one of fieldwork.
    pub fn end(&self, date: Date) -> Date {
        date.saturating_add(self.open_days.days())
    }

    /// When a round's campaign is created: the beginning of the day, microseconds.
    pub fn create_us(&self, date: Date, zone: &TimeZone) -> i64 {
        start_us(date.saturating_sub(self.lead_days.days()), zone)
    }
}

/// The beginning of a day in a time zone, microseconds since 1970.
pub fn start_us(date: Date, zone: &TimeZone) -> i64 {
    // A day that begins in a gap of the clock begins after the gap.
    let start = date.to_zoned(zone.clone()).map(|zoned| zoned.timestamp().as_microsecond());
    start.unwrap_or_default()
}

/// The day of a time in a time zone.
pub fn day_of(us: i64, zone: &TimeZone) -> Date {
    let time = jiff::Timestamp::from_microsecond(us).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.to_zoned(zone.clone()).date()
}

/// Days since 1970-01-01.
pub fn day_number(date: Date) -> i32 {
    let epoch = jiff::civil::date(1970, 1, 1);
    date.since(epoch).map(|span| span.get_days()).unwrap_or_default()
}

/// The date of [`day_number`].
pub fn date_of(number: i32) -> Date {
    jiff::civil::date(1970, 1, 1).saturating_add(number.days())
}

/// Dates as the numbers of [`day_number`].
mod stored {
    /// A date.
    pub mod date {
        use jiff::civil::Date;
        use serde::{Deserialize, Deserializer, Serializer};

        pub fn serialize<S: Serializer>(date: &Date, to: S) -> Result<S::Ok, S::Error> {
            to.serialize_i32(super::super::day_number(*date))
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Date, D::Error> {
            i32::deserialize(from).map(super::super::date_of)
        }
    }

    /// A date that may be absent.
    pub mod date_opt {
        use jiff::civil::Date;
        use serde::{Deserialize, Deserializer, Serialize, Serializer};

        pub fn serialize<S: Serializer>(date: &Option<Date>, to: S) -> Result<S::Ok, S::Error> {
            date.map(super::super::day_number).serialize(to)
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Date>, D::Error> {
            Ok(Option::<i32>::deserialize(from)?.map(super::super::date_of))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn calendar(cadence: Cadence, first: Date) -> Calendar {
        Calendar { cadence, first, last: None, open_days: 14, lead_days: 7, auto_open: false }
    }

    #[test]
    fn rounds_keep_the_day_of_the_month_where_there_is_one() {
        let monthly = calendar(Cadence::Monthly, date(2026, 1, 31));
        let days: Vec<String> = (1..=4).map(|n| monthly.date(n).unwrap().to_string()).collect();
        assert_eq!(days, ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]);
        let quarterly = calendar(Cadence::Quarterly, date(2026, 2, 15));
        assert_eq!(quarterly.date(4), Some(date(2026, 11, 15)));
        let leap = calendar(Cadence::Yearly, date(2024, 2, 29));
        assert_eq!(leap.date(2), Some(date(2025, 2, 28)));
        assert_eq!(leap.date(5), Some(date(2028, 2, 29)));
        assert_eq!(calendar(Cadence::Once, date(2026, 1, 1)).date(2), None);
        assert_eq!(monthly.date(0), None);
    }

    #[test]
    fn missed_rounds_are_not_made_up_for() {
        let quarterly = calendar(Cadence::Quarterly, date(2026, 1, 1));
        assert_eq!(quarterly.next(1, date(2026, 1, 5)), Some((2, date(2026, 4, 1))));
        assert_eq!(quarterly.next(1, date(2027, 4, 14)), Some((6, date(2027, 4, 1))));
        assert_eq!(quarterly.next(1, date(2027, 4, 15)), Some((7, date(2027, 7, 1))));
        let ending = Calendar { last: Some(date(2026, 6, 30)), ..quarterly };
        assert_eq!(ending.next(2, date(2026, 1, 5)), None);
    }

    #[test]
    fn a_campaign_is_created_at_midnight_of_the_unit() {
        let yearly = calendar(Cadence::Yearly, date(2026, 5, 8));
        let shanghai = TimeZone::get("Asia/Shanghai").unwrap();
        let us = yearly.create_us(date(2026, 5, 8), &shanghai);
        let utc = jiff::Timestamp::from_microsecond(us).unwrap().to_string();
        assert_eq!(utc, "2026-04-30T16:00:00Z");
        assert_eq!(day_of(us, &shanghai), date(2026, 5, 1));
        assert_eq!(day_of(us - 1, &shanghai), date(2026, 4, 30));
        // No midnight on this day in Brazil: clocks went from 00:00 to 01:00.
        let gap = TimeZone::get("America/Sao_Paulo").unwrap();
        assert_eq!(day_of(start_us(date(2018, 11, 4), &gap), &gap), date(2018, 11, 4));
    }

    #[test]
    fn dates_have_one_spelling() {
        assert!(parse_date("d", "2026-02-28").is_ok());
        for bad in [
            "",
            "2026-2-8",
            "20260228",
            "2026-02-30",
            "1999-12-31",
            "2200-01-01",
            "2026-02-28T00:00",
            "+02026-1-1",
            "２０２６-02-2",
        ] {
            assert!(parse_date("d", bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn rounds_follow_each_other_and_day_numbers_come_back(
            days in 0i32..60_000, cadence in 2i32..=5, round in 1i32..200, passed in 0i32..40_000,
        ) {
            let first = date_of(10_957 + days.min(50_000));
            prop_assert_eq!(date_of(day_number(first)), first);
            let calendar = calendar(Cadence::from_number(cadence).unwrap(), first);
            if let (Some(this), Some(next)) = (calendar.date(round), calendar.date(round + 1)) {
                prop_assert!(this < next);
            }
            let today = first.saturating_add(passed.days());
            if let Some((number, date)) = calendar.next(round, today) {
                prop_assert!(number > round);
                prop_assert_eq!(calendar.date(number), Some(date));
                prop_assert!(calendar.end(date) > today);
                let former = calendar.date(number - 1).unwrap();
                prop_assert!(number == round + 1 || calendar.end(former) <= today);
            }
        }
    }
}
