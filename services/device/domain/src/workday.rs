//! When a number of working days has passed.

use jiff::{Timestamp, tz::TimeZone};

use crate::policy::Policy;

/// Most days that are looked at; a calendar of holidays only cannot loop for ever.
const DAYS_MAX: usize = 1_000;

/// The instant at which `days` whole working days after the local day of `from_us` have
/// passed: the midnight that ends the last of them. `None` when `days` is not positive or
/// the calendar has no so many working days in the next 1,000 days.
pub fn passed_us(from_us: i64, days: i32, zone: &TimeZone, policy: &Policy) -> Option<i64> {
    if days <= 0 {
        return None;
    }
    let mut date = Timestamp::from_microsecond(from_us).ok()?.to_zoned(zone.clone()).date();
    let mut left = days;
    for _ in 0..DAYS_MAX {
        date = date.tomorrow().ok()?;
        if policy.is_working_day(date) {
            left -= 1;
        }
        if left == 0 {
            let end = date.tomorrow().ok()?.to_zoned(zone.clone()).ok()?;
            return Some(end.timestamp().as_microsecond());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn us(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn working_days_skip_weekends_and_holidays_and_count_shifted_days() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let policy = Policy {
            holidays: (1..=7).map(|d| date(2026, 10, d)).collect(),
            extra_working_days: [date(2026, 10, 10)].into(),
            ..Policy::default()
        };
        // Wednesday 30 September, before the golden week; 8 and 9 October and the shifted
        // Saturday count, so three days end on Saturday at midnight in China.
        let from = us("2026-09-30T09:00:00+08:00");
        let check = |days, expected: &str| {
            assert_eq!(passed_us(from, days, &zone, &policy), Some(us(expected)), "{days}");
        };
        check(1, "2026-10-09T00:00:00+08:00");
        check(2, "2026-10-10T00:00:00+08:00");
        check(3, "2026-10-11T00:00:00+08:00");
        check(4, "2026-10-13T00:00:00+08:00");
    }

    #[test]
    fn the_local_day_decides_and_a_change_of_clocks_does_no_harm() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        // 23:30 UTC on Friday is Saturday in Berlin; Monday ends after the change to winter
        // time, so its midnight is an hour later.
        let from = us("2026-10-23T23:30:00Z");
        let passed = passed_us(from, 1, &zone, &Policy::default());
        assert_eq!(passed, Some(us("2026-10-27T00:00:00+01:00")));
    }

    #[test]
    fn nothing_passes_without_days_or_without_working_days() {
        let policy = Policy::default();
        assert_eq!(passed_us(0, 0, &TimeZone::UTC, &policy), None);
        assert_eq!(passed_us(i64::MAX, 1, &TimeZone::UTC, &policy), None);
        let mut idle = Policy::default();
        let mut day = date(1970, 1, 1);
        for _ in 0..1_100 {
            idle.holidays.insert(day);
            day = day.tomorrow().unwrap();
        }
        assert_eq!(passed_us(0, 1, &TimeZone::UTC, &idle), None);
    }
}
