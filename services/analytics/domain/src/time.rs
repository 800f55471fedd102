//! Arithmetic of time buckets: quarter hours of UTC, local days, hours, weeks and months.
//! Exact for every time zone whose offsets are multiples of 15 minutes, which all have been
//! since 1972; daylight saving time included.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// Microseconds of a quarter hour.
pub const QUARTER_US: i64 = 900_000_000;
/// Quarter hours of a day without change of offset.
pub const QUARTERS_PER_DAY: i64 = 96;
/// Seconds of a quarter hour.
const QUARTER_S: i64 = 900;

/// Number of the UTC quarter hour, from 1970, that holds `us` (microseconds since 1970 UTC).
pub fn quarter_of(us: i64) -> i32 {
    clamp(us.div_euclid(QUARTER_US))
}

/// Days from 1970-01-01 to `date`.
pub fn day_number(date: Date) -> i32 {
    // Days of the civil calendar by the usual shift to years that begin in March.
    let (year, month, day) =
        (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    clamp(era * 146_097 + day_of_era - 719_468)
}

/// The date `days` after 1970-01-01; saturates at the ends of the calendar.
pub fn date_of(days: i64) -> Date {
    let days = days.clamp(i64::from(day_number(Date::MIN)), i64::from(day_number(Date::MAX)));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let part = |value: i64| i8::try_from(value).unwrap_or(1);
    let year = i16::try_from(year).unwrap_or_default();
    Date::new(year, part(month), part(day)).unwrap_or(Date::MIN)
}

/// Local day, counted from 1970-01-01, that holds `us`.
pub fn local_day(us: i64, zone: &TimeZone) -> i32 {
    let offset = i64::from(zone.to_offset(timestamp(us)).seconds());
    clamp((us.div_euclid(1_000_000) + offset).div_euclid(86_400))
}

/// First moment of a local day, in microseconds. Where midnight does not exist it is the
/// first moment after the gap.
pub fn day_start_us(date: Date, zone: &TimeZone) -> i64 {
    date.to_zoned(zone.clone()).and_then(|zoned| zoned.start_of_day()).map_or_else(
        |_| i64::from(day_number(date)) * 86_400_000_000,
        |zoned| zoned.timestamp().as_microsecond(),
    )
}

/// A `jiff` timestamp; saturates at the ends of the calendar.
pub fn timestamp(us: i64) -> Timestamp {
    let end = if us < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(us).unwrap_or(end)
}

/// A stretch of quarter hours with one offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// First quarter hour after it; `i32::MAX` for the last stretch.
    pub end: i32,
    /// Quarter hours to add to UTC to get local time.
    pub offset: i32,
}

/// The offsets of `zone` from quarter hour `from` to before `to`, in order; `None` if there
/// are more than `max` of them.
pub fn stretches(zone: &TimeZone, from: i32, to: i32, max: usize) -> Option<Vec<Stretch>> {
    let start = timestamp(i64::from(from) * QUARTER_US);
    let offset_at = |at| clamp(i64::from(zone.to_offset(at).seconds()).div_euclid(QUARTER_S));
    let mut found: Vec<Stretch> = vec![Stretch { end: i32::MAX, offset: offset_at(start) }];
    for transition in zone.following(start) {
        let at = quarter_of(transition.timestamp().as_microsecond());
        if at >= to {
            break;
        }
        let offset = clamp(i64::from(transition.offset().seconds()).div_euclid(QUARTER_S));
        let last = found.last_mut()?;
        if offset == last.offset {
            continue;
        }
        last.end = at;
        found.push(Stretch { end: i32::MAX, offset });
        if found.len() > max {
            return None;
        }
    }
    Some(found)
}

/// How time is cut into groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// Hours, counted from 1970-01-01T00 local time.
    Hour,
    /// Days, counted from 1970-01-01.
    Day,
    /// ISO weeks, counted from that of 1970-01-01, from Monday.
    Week,
    /// Months, counted from January of year 0.
    Month,
    /// Hour of the week, 0 to 167 from Monday 00:00.
    WeekdayHour,
}

impl Bucket {
    /// The bucket of a local hour (counted from 1970-01-01T00).
    pub fn of_hour(self, hour: i64) -> i64 {
        match self {
            Self::Hour => hour,
            // 1970-01-01 was a Thursday.
            Self::WeekdayHour => (hour + 72).rem_euclid(168),
            _ => self.of_day(hour.div_euclid(24)),
        }
    }

    /// The bucket of a local day; hours fall to the first hour of the day.
    pub fn of_day(self, day: i64) -> i64 {
        match self {
            Self::Day => day,
            Self::Week => (day + 3).div_euclid(7),
            Self::Month => {
                let date = date_of(day);
                i64::from(date.year()) * 12 + i64::from(date.month()) - 1
            }
            Self::Hour | Self::WeekdayHour => self.of_hour(day * 24),
        }
    }

    /// First local day of a bucket; for hours the day that holds it.
    pub fn first_day(self, bucket: i64) -> i64 {
        match self {
            Self::Day => bucket,
            Self::Week => bucket * 7 - 3,
            Self::Month => {
                let year = i16::try_from(bucket.div_euclid(12)).unwrap_or_default();
                let month = i8::try_from(bucket.rem_euclid(12) + 1).unwrap_or(1);
                i64::from(day_number(Date::new(year, month, 1).unwrap_or(Date::MIN)))
            }
            Self::Hour => bucket.div_euclid(24),
            Self::WeekdayHour => 0,
        }
    }

    /// How it is shown: the first local date, or date and hour. Empty for hours of the week.
    pub fn label(self, bucket: i64) -> String {
        let date = date_of(self.first_day(bucket));
        match self {
            Self::Hour => format!("{date}T{:02}", bucket.rem_euclid(24)),
            Self::WeekdayHour => String::new(),
            _ => date.to_string(),
        }
    }
}

fn clamp(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn us(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn day_numbers_follow_the_calendar() {
        assert_eq!(day_number(date(1970, 1, 1)), 0);
        assert_eq!(day_number(date(1969, 12, 31)), -1);
        assert_eq!(day_number(date(2024, 2, 29)), 19_782);
        assert_eq!(date_of(19_783), date(2024, 3, 1));
        let mut day = date(1890, 1, 1);
        while day < date(2110, 1, 1) {
            let number = i64::from(day_number(day));
            assert_eq!(date_of(number), day);
            day = day.tomorrow().unwrap();
            assert_eq!(i64::from(day_number(day)), number + 1);
        }
        for end in [Date::MIN, Date::MAX] {
            assert_eq!(date_of(i64::from(day_number(end))), end);
        }
    }

    #[test]
    fn local_days_are_exact_at_odd_offsets() {
        let kathmandu = zone("Asia/Kathmandu");
        // +05:45: the day begins at 18:15 UTC.
        assert_eq!(
            date_of(local_day(us("2026-11-01T18:14:59Z"), &kathmandu).into()),
            date(2026, 11, 1)
        );
        assert_eq!(
            date_of(local_day(us("2026-11-01T18:15:00Z"), &kathmandu).into()),
            date(2026, 11, 2)
        );
        assert_eq!(day_start_us(date(2026, 11, 2), &kathmandu), us("2026-11-01T18:15:00Z"));
    }

    #[test]
    fn half_hour_daylight_saving_is_one_stretch_each() {
        let howe = zone("Australia/Lord_Howe");
        let (from, to) =
            (quarter_of(us("2026-01-01T00:00:00Z")), quarter_of(us("2027-01-01T00:00:00Z")));
        let found = stretches(&howe, from, to, 10).unwrap();
        let offsets: Vec<i32> = found.iter().map(|s| s.offset).collect();
        assert_eq!(offsets, [44, 42, 44]); // +11:00, +10:30, +11:00
        assert_eq!(found[0].end, quarter_of(us("2026-04-04T15:00:00Z")));
        assert_eq!(stretches(&howe, from, to, 2), None);
    }

    #[test]
    fn a_day_without_midnight_begins_after_the_gap() {
        // Cairo went from 00:00 to 01:00 on 2026-04-24.
        let cairo = zone("Africa/Cairo");
        assert_eq!(day_start_us(date(2026, 4, 24), &cairo), us("2026-04-23T22:00:00Z"));
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        let sunday = i64::from(day_number(date(2026, 11, 22)));
        assert_eq!(Bucket::Week.label(Bucket::Week.of_day(sunday)), "2026-11-16");
        assert_eq!(Bucket::Week.label(Bucket::Week.of_day(sunday + 1)), "2026-11-23");
        assert_eq!(Bucket::Month.label(Bucket::Month.of_day(sunday)), "2026-11-01");
        assert_eq!(Bucket::Day.label(sunday), "2026-11-22");
        assert_eq!(Bucket::Hour.label(sunday * 24 + 9), "2026-11-22T09");
        assert_eq!(Bucket::WeekdayHour.of_hour(sunday * 24 + 9), 6 * 24 + 9);
        assert_eq!(Bucket::Month.label(Bucket::Month.of_day(-1)), "1969-12-01");
    }

    proptest! {
        #[test]
        fn stretches_give_the_local_hour_that_the_calendar_gives(
            quarter in 0i32..3_000_000,
            name in prop::sample::select(vec![
                "Asia/Shanghai", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York",
                "Africa/Cairo", "Pacific/Chatham", "America/St_Johns", "UTC", "Africa/Casablanca",
            ]),
        ) {
            prop_assume!(quarter > 100_000); // offsets of some zones had seconds before 1972
            let zone = zone(name);
            let all = stretches(&zone, quarter - 20_000, quarter + 20_000, 100).unwrap();
            let stretch = all.iter().find(|s| quarter < s.end).unwrap();
            let local = i64::from(quarter) + i64::from(stretch.offset);
            let moment = timestamp(i64::from(quarter) * QUARTER_US + 123);
            let civil = zone.to_datetime(moment);
            let hour = i64::from(day_number(civil.date())) * 24 + i64::from(civil.hour());
            prop_assert_eq!(local.div_euclid(4), hour);
            prop_assert_eq!(
                local_day(moment.as_microsecond(), &zone), day_number(civil.date())
            );
            prop_assert_eq!(Bucket::WeekdayHour.of_hour(hour),
                i64::from(civil.weekday().to_monday_zero_offset()) * 24 + i64::from(civil.hour()));
        }
    }
}
