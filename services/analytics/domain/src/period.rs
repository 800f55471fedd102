//! Periods that figures are asked for, and the earlier periods that they are compared with.

use jiff::{Span, Timestamp, ToSpan, civil::Date, tz::TimeZone};

use crate::time::{
    Bucket, QUARTER_US, date_of, day_number, day_start_us, local_day, quarter_of, timestamp,
};

/// First and last year that may be asked for.
const YEARS: std::ops::RangeInclusive<i16> = 2..=9_997;

/// Start or end of a period as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// A local date.
    Date(Date),
    /// A moment.
    Moment(Timestamp),
}

/// Why a period is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Neither a date nor a moment with offset.
    #[error(
        "is neither a date such as 2026-11-01 nor a moment with offset such as \
             2026-11-01T00:00:00+08:00"
    )]
    Malformed,
    /// Too early or too late.
    #[error("is outside of the years 2 to 9997")]
    OutOfRange,
    /// The end comes first.
    #[error("is before the start")]
    EndBeforeStart,
}

impl Bound {
    /// Reads a date or a moment with offset.
    ///
    /// # Errors
    /// [`Error::Malformed`] or [`Error::OutOfRange`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let date_like = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let bound = if date_like {
            Self::Date(text.parse().map_err(|_| Error::Malformed)?)
        } else {
            Self::Moment(text.parse().map_err(|_| Error::Malformed)?)
        };
        let year = match bound {
            Self::Date(date) => date.year(),
            Self::Moment(moment) => TimeZone::UTC.to_datetime(moment).year(),
        };
        if YEARS.contains(&year) { Ok(bound) } else { Err(Error::OutOfRange) }
    }
}

/// From a moment to before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// First microsecond since 1970 UTC.
    pub from_us: i64,
    /// First microsecond after it.
    pub to_us: i64,
    /// First local day and the one after the last, when both ends are days' beginnings.
    pub days: Option<(i32, i32)>,
}

impl Period {
    /// The period between two bounds; an ending date is included.
    ///
    /// # Errors
    /// [`Error::EndBeforeStart`].
    pub fn new(from: Bound, to: Bound, zone: &TimeZone) -> Result<Self, Error> {
        let start = match from {
            Bound::Date(date) => End::Day(i64::from(day_number(date))),
            Bound::Moment(moment) => End::of(moment, zone),
        };
        let end = match to {
            Bound::Date(date) => End::Day(i64::from(day_number(date)) + 1),
            Bound::Moment(moment) => End::of(moment, zone),
        };
        let period = Self::between(start, end, zone);
        // Dates name at least one day, so an empty span of dates is turned around, too.
        let turned = matches!((from, to), (Bound::Date(a), Bound::Date(b)) if b < a);
        if turned || period.to_us < period.from_us {
            return Err(Error::EndBeforeStart);
        }
        Ok(period)
    }

    /// Whole local days, `end` excluded.
    pub fn of_days(first: i64, end: i64, zone: &TimeZone) -> Self {
        Self::between(End::Day(first), End::Day(end), zone)
    }

    fn between(from: End, to: End, zone: &TimeZone) -> Self {
        let days = match (from, to) {
            (End::Day(first), End::Day(end)) => Some((clamp(first), clamp(end))),
            _ => None,
        };
        Self { from_us: from.us(zone), to_us: to.us(zone), days }
    }

    /// First quarter hour of UTC and the one after the last; `None` when the ends do not fall
    /// on quarter hours.
    pub fn quarters(&self) -> Option<(i32, i32)> {
        let whole = self.from_us % QUARTER_US == 0 && self.to_us % QUARTER_US == 0;
        whole.then(|| (quarter_of(self.from_us), quarter_of(self.to_us)))
    }

    /// Buckets that the period touches.
    pub fn buckets(&self, bucket: Bucket, zone: &TimeZone) -> i64 {
        if self.to_us <= self.from_us {
            return 0;
        }
        let (first, last) =
            (i64::from(local_day(self.from_us, zone)), i64::from(local_day(self.to_us - 1, zone)));
        match bucket {
            Bucket::WeekdayHour => 168,
            Bucket::Hour => (self.to_us - self.from_us).div_euclid(3_600_000_000) + 1,
            _ => bucket.of_day(last) - bucket.of_day(first) + 1,
        }
    }
}

/// One end of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Beginning of a local day.
    Day(i64),
    /// Microseconds.
    Moment(i64),
}

impl End {
    fn of(moment: Timestamp, zone: &TimeZone) -> Self {
        let us = moment.as_microsecond();
        let day = i64::from(local_day(us, zone));
        if day_start_us(date_of(day), zone) == us { Self::Day(day) } else { Self::Moment(us) }
    }

    fn us(self, zone: &TimeZone) -> i64 {
        match self {
            Self::Day(day) => day_start_us(date_of(day), zone),
            Self::Moment(us) => us,
        }
    }
}

/// What a period is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// The one just before. Of a bucket of time: the bucket just before.
    Previous,
    /// The same dates one year earlier; of a week the one 52 weeks earlier.
    LastYear,
}

impl Compare {
    /// The earlier period of a whole period.
    pub fn whole(self, period: &Period, zone: &TimeZone) -> Period {
        match (self, period.days) {
            (Self::Previous, Some((first, end))) => {
                let (first, end) = (i64::from(first), i64::from(end));
                Period::of_days(2 * first - end, first, zone)
            }
            (Self::Previous, None) => {
                let length = period.to_us - period.from_us;
                Period { from_us: period.from_us - length, to_us: period.from_us, days: None }
            }
            (Self::LastYear, _) => shift(period, 1.year(), zone),
        }
    }

    /// The period whose buckets are the earlier ones of the buckets of `period`.
    pub fn by_bucket(self, period: &Period, bucket: Bucket, zone: &TimeZone) -> Period {
        let span = match (self, bucket) {
            (_, Bucket::WeekdayHour) => return self.whole(period, zone),
            (Self::Previous, Bucket::Hour) => {
                let hour = 3_600_000_000;
                return Period {
                    from_us: period.from_us - hour,
                    to_us: period.to_us - hour,
                    days: None,
                };
            }
            (Self::Previous, Bucket::Day) => 1.day(),
            (Self::Previous, Bucket::Week) => 7.days(),
            (Self::Previous, Bucket::Month) => 1.month(),
            (Self::LastYear, Bucket::Week) => 364.days(),
            (Self::LastYear, Bucket::Month) => 12.months(),
            (Self::LastYear, Bucket::Day | Bucket::Hour) => 1.year(),
        };
        shift(period, span, zone)
    }

    /// The earlier bucket of a bucket.
    pub fn bucket(self, bucket: Bucket, number: i64) -> i64 {
        let year_before = |day: i64| i64::from(day_number(back(date_of(day), 1.year())));
        match (self, bucket) {
            (_, Bucket::WeekdayHour) => number,
            (Self::Previous, _) => number - 1,
            (Self::LastYear, Bucket::Week) => number - 52,
            (Self::LastYear, Bucket::Month) => number - 12,
            (Self::LastYear, Bucket::Day) => year_before(number),
            (Self::LastYear, Bucket::Hour) => {
                year_before(number.div_euclid(24)) * 24 + number.rem_euclid(24)
            }
        }
    }
}

/// The part of `period` that lies in one bucket, in microseconds.
pub fn bucket_span(period: &Period, bucket: Bucket, number: i64, zone: &TimeZone) -> (i64, i64) {
    let start = |number: i64| match bucket {
        Bucket::Hour => {
            let day = date_of(number.div_euclid(24));
            let hour = i8::try_from(number.rem_euclid(24)).unwrap_or_default();
            let civil = day.at(hour, 0, 0, 0);
            civil.to_zoned(zone.clone()).map_or(0, |z| z.timestamp().as_microsecond())
        }
        _ => day_start_us(date_of(bucket.first_day(number)), zone),
    };
    if bucket == Bucket::WeekdayHour {
        return (period.from_us, period.to_us);
    }
    let from = start(number).clamp(period.from_us, period.to_us);
    (from, start(number + 1).clamp(from, period.to_us.max(from)))
}

/// `period` moved back by calendar arithmetic. One that ends with a month still does so.
fn shift(period: &Period, span: Span, zone: &TimeZone) -> Period {
    let Some((first, end)) = period.days else {
        let moved = |us: i64| {
            let zoned = timestamp(us).to_zoned(zone.clone());
            zoned.checked_sub(span).map_or(us, |z| z.timestamp().as_microsecond())
        };
        return Period { from_us: moved(period.from_us), to_us: moved(period.to_us), days: None };
    };
    let end_date = date_of(i64::from(end));
    let moved_first = i64::from(day_number(back(date_of(i64::from(first)), span)));
    let moved_end = if end_date.day() == 1 || end == first {
        i64::from(day_number(back(end_date, span)))
    } else {
        // By the last day, so that a single 28 February stays a day.
        i64::from(day_number(back(date_of(i64::from(end) - 1), span))) + 1
    };
    Period::of_days(moved_first, moved_end.max(moved_first), zone)
}

fn back(date: Date, span: Span) -> Date {
    date.checked_sub(span).unwrap_or(Date::MIN)
}

fn clamp(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> TimeZone {
        TimeZone::get("Asia/Shanghai").unwrap()
    }

    fn period(from: &str, to: &str) -> Period {
        Period::new(Bound::parse(from).unwrap(), Bound::parse(to).unwrap(), &zone()).unwrap()
    }

    #[test]
    fn dates_include_the_last_and_moments_do_not() {
        let by_dates = period("2026-11-01", "2026-11-30");
        let by_moments = period("2026-11-01T00:00:00+08:00", "2026-11-30T16:00:00Z");
        assert_eq!(by_dates, by_moments);
        assert_eq!(by_dates.buckets(Bucket::Day, &zone()), 30);
        assert_eq!(by_dates.buckets(Bucket::Month, &zone()), 1);
        assert_eq!(by_dates.buckets(Bucket::Week, &zone()), 6);
        let partial = period("2026-11-01", "2026-11-01T12:00:00+08:00");
        assert_eq!(partial.days, None);
        assert_eq!(partial.quarters().map(|(a, b)| b - a), Some(48));
        assert_eq!(period("2026-11-01", "2026-11-01T12:00:01+08:00").quarters(), None);
    }

    #[test]
    fn bad_bounds_are_named() {
        for bad in ["", "today", "2026-13-01", "2026-02-30", "2026-11-01T00:00:00", "20261101"] {
            assert_eq!(Bound::parse(bad), Err(Error::Malformed), "{bad}");
        }
        assert_eq!(Bound::parse("9999-01-01"), Err(Error::OutOfRange));
        let (a, b) = (Bound::parse("2026-11-02").unwrap(), Bound::parse("2026-11-01").unwrap());
        assert_eq!(Period::new(a, b, &zone()), Err(Error::EndBeforeStart));
        let far = Bound::parse("2026-10-01T00:00:00Z").unwrap();
        assert_eq!(Period::new(a, far, &zone()), Err(Error::EndBeforeStart));
        let empty = Bound::parse("2026-11-01T16:00:00Z").unwrap();
        assert_eq!(Period::new(a, empty, &zone()).unwrap().buckets(Bucket::Day, &zone()), 0);
    }

    #[test]
    fn the_previous_period_is_as_long_and_ends_where_this_one_begins() {
        let now = period("2026-11-01", "2026-11-30");
        assert_eq!(Compare::Previous.whole(&now, &zone()), period("2026-10-02", "2026-10-31"));
        let moments = period("2026-11-01T01:00:00Z", "2026-11-01T03:00:00Z");
        let before = Compare::Previous.whole(&moments, &zone());
        assert_eq!(before.to_us, moments.from_us);
        assert_eq!(before.to_us - before.from_us, 7_200_000_000);
    }

    #[test]
    fn last_year_knows_of_the_29th_of_february() {
        for (now, then) in [
            (("2024-02-29", "2024-02-29"), ("2023-02-28", "2023-02-28")),
            (("2024-02-28", "2024-02-28"), ("2023-02-28", "2023-02-28")),
            (("2024-02-01", "2024-02-29"), ("2023-02-01", "2023-02-28")),
            (("2025-02-01", "2025-02-28"), ("2024-02-01", "2024-02-29")),
            (("2025-02-01", "2025-02-20"), ("2024-02-01", "2024-02-20")),
            (("2024-01-01", "2024-12-31"), ("2023-01-01", "2023-12-31")),
        ] {
            let now = period(now.0, now.1);
            assert_eq!(Compare::LastYear.whole(&now, &zone()), period(then.0, then.1));
        }
        let day = |text: &str| i64::from(day_number(text.parse().unwrap()));
        assert_eq!(Compare::LastYear.bucket(Bucket::Day, day("2024-02-29")), day("2023-02-28"));
        assert_eq!(
            Compare::LastYear.bucket(Bucket::Hour, day("2024-02-29") * 24 + 9),
            day("2023-02-28") * 24 + 9
        );
    }

    #[test]
    fn buckets_are_compared_with_their_neighbours() {
        let quarter = period("2026-01-01", "2026-03-31");
        let by_month = Compare::Previous.by_bucket(&quarter, Bucket::Month, &zone());
        assert_eq!(by_month, period("2025-12-01", "2026-02-28"));
        let year = Compare::LastYear.by_bucket(&quarter, Bucket::Month, &zone());
        assert_eq!(year, period("2025-01-01", "2025-03-31"));
        let month = Bucket::Month.of_day(i64::from(quarter.days.unwrap().0));
        let earlier = Compare::Previous.bucket(Bucket::Month, month);
        assert_eq!(Bucket::Month.label(earlier), "2025-12-01");
        let (from, to) = bucket_span(&by_month, Bucket::Month, earlier, &zone());
        let december = period("2025-12-01", "2025-12-31");
        assert_eq!((from, to), (december.from_us, december.to_us));
        let to_date = period("2026-03-01", "2026-03-22");
        let before = Compare::Previous.by_bucket(&to_date, Bucket::Month, &zone());
        assert_eq!(before, period("2026-02-01", "2026-02-22"));
    }
}
