//! Time buckets as SQL, so that the database sums them up. The same numbers as
//! `analytics_domain::time::Bucket` gives.

use analytics_domain::{
    plan::Table,
    time::{Bucket, QUARTERS_PER_DAY, Stretch, date_of, day_number, day_start_us, quarter_of},
};
use jiff::tz::TimeZone;

use super::sql::pick;

/// The column of time: days of tables of days are their own buckets.
pub const TIME: &str = "time";
/// Weeks that are added before dividing, since databases round negative quotients up and the
/// calendar rounds them down: reaches back to the year -905.
const WEEKS: i64 = 150_000;

/// The bucket of a row of `table` whose times lie in `from..to`. `stretches` are the offsets
/// of `zone` in that time; they are not needed for tables of days.
pub fn expression(
    table: Table,
    bucket: Bucket,
    (from, to): (i32, i32),
    zone: &TimeZone,
    stretches: &[Stretch],
) -> String {
    if bucket == Bucket::Month {
        return months(table, (from, to), zone);
    }
    if table != Table::Quarter {
        return match bucket {
            Bucket::Week => week(TIME),
            _ => TIME.to_owned(),
        };
    }
    let ends: Vec<i32> =
        stretches.iter().map(|s| s.end).take(stretches.len().saturating_sub(1)).collect();
    let offsets: Vec<i64> = stretches.iter().map(|s| i64::from(s.offset)).collect();
    let shift = WEEKS * 7 * QUARTERS_PER_DAY;
    let local = format!("({TIME} + {shift} + ({}))", pick(TIME, &ends, &offsets));
    let hours = WEEKS * 168;
    let day = format!("({local} / {QUARTERS_PER_DAY} - {})", WEEKS * 7);
    match bucket {
        Bucket::Hour => format!("({local} / 4 - {hours})"),
        // The week began on a Monday; 1970-01-01 was a Thursday.
        Bucket::WeekdayHour => format!("(({local} / 4 + 72) % 168)"),
        Bucket::Week => week(&day),
        Bucket::Day | Bucket::Month => day,
    }
}

fn week(day: &str) -> String {
    format!("(({day} + 3 + {}) / 7 - {WEEKS})", WEEKS * 7)
}

/// Months are told by where they begin.
fn months(table: Table, (from, to): (i32, i32), zone: &TimeZone) -> String {
    let start = |month: i64| {
        let day = Bucket::Month.first_day(month);
        match table {
            Table::Quarter => quarter_of(day_start_us(date_of(day), zone)),
            _ => day_number(date_of(day)),
        }
    };
    // A day of slack on both sides, for offsets from UTC.
    let day = |time: i32| match table {
        Table::Quarter => i64::from(time).div_euclid(QUARTERS_PER_DAY),
        _ => i64::from(time),
    };
    let months: Vec<i64> =
        (Bucket::Month.of_day(day(from) - 1)..=Bucket::Month.of_day(day(to) + 1)).collect();
    let ends: Vec<i32> = months.iter().skip(1).map(|month| start(*month)).collect();
    pick(TIME, &ends, &months)
}
