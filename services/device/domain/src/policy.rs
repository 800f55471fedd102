//! How an organisation judges ratings, shifts and silence.

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};

use crate::{Error, Result};

/// The policy. All numbers are within the ranges of [`Policy::check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Working days after which an unrated, prompted service counts as defaulted, 0 to 60;
    /// 0 means never.
    pub default_after_working_days: i32,
    /// Presses that make a burst, 2 to 100.
    pub burst_count: i32,
    /// Window of a burst in milliseconds, 100 to 3,600,000.
    pub burst_window_ms: i32,
    /// Fastest plausible answer in milliseconds, 1 to 60,000.
    pub fastest_response_ms: i32,
    /// Minutes after a service in which a press still belongs to it, 1 to 1,440.
    pub encounter_grace_min: i32,
    /// Hours after which an open shift is ended, 1 to 72.
    pub shift_max_h: i32,
    /// Minutes around opening hours that are plausible, 1 to 1,440.
    pub opening_grace_min: i32,
    /// Local dates that are no working days.
    pub holidays: BTreeSet<Date>,
    /// Saturdays and Sundays that are working days (调休).
    pub extra_working_days: BTreeSet<Date>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            default_after_working_days: 0,
            burst_count: 3,
            burst_window_ms: 10_000,
            fastest_response_ms: 300,
            encounter_grace_min: 5,
            shift_max_h: 14,
            opening_grace_min: 30,
            holidays: BTreeSet::new(),
            extra_working_days: BTreeSet::new(),
        }
    }
}

/// Longest shift that any policy allows, in hours.
pub const SHIFT_MAX_H_MAX: i32 = 72;

impl Policy {
    /// Puts the default in the place of every 0 except `default_after_working_days`.
    pub fn with_defaults(mut self) -> Self {
        let default = Self::default();
        let fill = |value: &mut i32, default: i32| {
            if *value == 0 {
                *value = default;
            }
        };
        fill(&mut self.burst_count, default.burst_count);
        fill(&mut self.burst_window_ms, default.burst_window_ms);
        fill(&mut self.fastest_response_ms, default.fastest_response_ms);
        fill(&mut self.encounter_grace_min, default.encounter_grace_min);
        fill(&mut self.shift_max_h, default.shift_max_h);
        fill(&mut self.opening_grace_min, default.opening_grace_min);
        self
    }

    /// Refuses values outside of their ranges.
    pub fn check(&self) -> Result<()> {
        let ranges = [
            ("defaultAfterWorkingDays", self.default_after_working_days, 0, 60),
            ("burstCount", self.burst_count, 2, 100),
            ("burstWindowMs", self.burst_window_ms, 100, 3_600_000),
            ("fastestResponseMs", self.fastest_response_ms, 1, 60_000),
            ("encounterGraceMin", self.encounter_grace_min, 1, 1_440),
            ("shiftMaxH", self.shift_max_h, 1, SHIFT_MAX_H_MAX),
            ("openingGraceMin", self.opening_grace_min, 1, 1_440),
        ];
        for (field, value, min, max) in ranges {
            if !(min..=max).contains(&value) {
                return Err(Error::invalid(field, format!("is not between {min} and {max}")));
            }
        }
        let weekend = |d: &Date| matches!(d.weekday(), Weekday::Saturday | Weekday::Sunday);
        if !self.extra_working_days.iter().all(weekend) {
            let text = "holds a day that is no Saturday or Sunday";
            return Err(Error::invalid("extraWorkingDays", text));
        }
        if !self.holidays.is_disjoint(&self.extra_working_days) {
            return Err(Error::invalid("extraWorkingDays", "holds a day that is also a holiday"));
        }
        Ok(())
    }

    /// Longest shift in microseconds.
    pub fn shift_max_us(&self) -> i64 {
        i64::from(self.shift_max_h) * 3_600_000_000
    }

    /// Whether people work on that local date.
    pub fn is_working_day(&self, date: Date) -> bool {
        if self.holidays.contains(&date) {
            return false;
        }
        let weekend = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
        !weekend || self.extra_working_days.contains(&date)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn zeros_become_defaults_but_never_stays_never() {
        let zero = Policy {
            burst_count: 0,
            burst_window_ms: 0,
            fastest_response_ms: 0,
            encounter_grace_min: 0,
            shift_max_h: 0,
            opening_grace_min: 0,
            ..Policy::default()
        };
        assert_eq!(zero.with_defaults(), Policy::default());
        assert_eq!(Policy::default().check(), Ok(()));
    }

    #[test]
    fn values_out_of_range_name_their_field() {
        let check = |change: fn(&mut Policy), field: &str| {
            let mut policy = Policy::default();
            change(&mut policy);
            match policy.check() {
                Err(Error::Invalid { field: found, .. }) => assert_eq!(found, field),
                other => panic!("{field}: {other:?}"),
            }
        };
        check(|p| p.default_after_working_days = -1, "defaultAfterWorkingDays");
        check(|p| p.burst_count = 1, "burstCount");
        check(|p| p.burst_window_ms = -5, "burstWindowMs");
        check(|p| p.shift_max_h = 73, "shiftMaxH");
        check(|p| p.extra_working_days = [date(2026, 10, 9)].into(), "extraWorkingDays");
        check(
            |p| {
                p.holidays = [date(2026, 10, 10)].into();
                p.extra_working_days = [date(2026, 10, 10)].into();
            },
            "extraWorkingDays",
        );
    }

    #[test]
    fn holidays_and_shifted_working_days_decide_over_the_weekday() {
        let policy = Policy {
            holidays: [date(2026, 10, 1)].into(),
            extra_working_days: [date(2026, 10, 10)].into(),
            ..Policy::default()
        };
        assert!(!policy.is_working_day(date(2026, 10, 1)));
        assert!(policy.is_working_day(date(2026, 10, 10)));
        assert!(!policy.is_working_day(date(2026, 10, 11)));
        assert!(policy.is_working_day(date(2026, 10, 12)));
    }
}
