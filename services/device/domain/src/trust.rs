//! Signs that a rating may not come from a customer who was served. A marked rating is kept
//! and shown; figures say how many there are.

use jiff::{Timestamp, ToSpan, Zoned, civil::Date, tz::TimeZone};

/// One sign. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Several presses on one device within seconds.
    Burst = 1,
    /// No service was open at the window.
    NoEncounter = 2,
    /// Faster after the question than a person can press.
    TooFast = 3,
    /// Outside the opening hours of the unit.
    OutsideHours = 4,
    /// The service was rated already, by this or another channel.
    SecondChannel = 5,
}

/// A set of marks as it is stored: bit n is mark n.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Marks(pub i32);

impl Marks {
    /// Adds a mark.
    pub fn set(&mut self, mark: Mark) {
        self.0 |= 1 << mark as i32;
    }

    /// Takes a mark away.
    pub fn clear(&mut self, mark: Mark) {
        self.0 &= !(1 << mark as i32);
    }

    /// Whether a mark is set.
    pub fn has(self, mark: Mark) -> bool {
        self.0 & (1 << mark as i32) != 0
    }

    /// Whether none is set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Numbers of the marks set, ascending.
    pub fn numbers(self) -> Vec<i32> {
        (1..31).filter(|n| self.0 & (1 << n) != 0).collect()
    }
}

/// What the organisation's policy asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Presses that make a burst, at least 2.
    pub burst_count: usize,
    /// Within this time.
    pub burst_window_us: i64,
    /// Fastest plausible answer.
    pub fastest_response_ms: i32,
    /// How long after the end of a service a press still belongs to it.
    pub encounter_grace_us: i64,
    /// How long before and after opening hours a press is plausible.
    pub opening_grace_us: i64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            burst_count: 3,
            burst_window_us: 10_000_000,
            fastest_response_ms: 300,
            encounter_grace_us: 5 * 60_000_000,
            opening_grace_us: 30 * 60_000_000,
        }
    }
}

impl Thresholds {
    /// Whether the answer came faster than a person can press. 0 means unknown.
    pub fn too_fast(&self, response_ms: i32) -> bool {
        (1..self.fastest_response_ms).contains(&response_ms)
    }
}

/// Which of a device's presses belong to a burst. `times_us` is ascending; the answer has one
/// entry for each.
pub fn bursts(times_us: &[i64], policy: &Thresholds) -> Vec<bool> {
    let count = policy.burst_count.max(2);
    let mut found = vec![false; times_us.len()];
    for (start, span) in times_us.windows(count).enumerate() {
        if span[count - 1].saturating_sub(span[0]) <= policy.burst_window_us {
            found[start..start + count].fill(true);
        }
    }
    found
}

/// Opening hours of one weekday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenSpan {
    /// ISO weekday: 1 Monday … 7 Sunday.
    pub weekday: i8,
    /// Minutes after local midnight at which it opens.
    pub open_minute: i64,
    /// Minutes after local midnight at which it closes, up to 1440.
    pub close_minute: i64,
}

/// Whether a press lies outside of all opening hours. No hours at all means unknown, and then
/// nothing is outside.
pub fn outside_hours(press_us: i64, zone: &TimeZone, hours: &[OpenSpan], grace_us: i64) -> bool {
    let Ok(time) = Timestamp::from_microsecond(press_us) else { return false };
    if hours.is_empty() {
        return false;
    }
    let local = time.to_zoned(zone.clone());
    // The grace reaches over midnight, so the neighbouring days count too.
    let days = [local.date().checked_sub(1.day()), Ok(local.date()), local.date().tomorrow()];
    let inside = days.into_iter().flatten().any(|date| {
        let today =
            hours.iter().filter(|span| span.weekday == date.weekday().to_monday_one_offset());
        today.into_iter().any(|span| {
            let open = minute_us(date, span.open_minute, zone);
            let close = minute_us(date, span.close_minute, zone);
            open.zip(close).is_none_or(|(open, close)| {
                (open.saturating_sub(grace_us)..=close.saturating_add(grace_us)).contains(&press_us)
            })
        })
    });
    !inside
}

fn minute_us(date: Date, minute: i64, zone: &TimeZone) -> Option<i64> {
    let local = date.at(0, 0, 0, 0).checked_add(minute.minutes()).ok()?;
    let zoned: Zoned = local.to_zoned(zone.clone()).ok()?;
    Some(zoned.timestamp().as_microsecond())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_keep_their_numbers() {
        let mut marks = Marks::default();
        assert!(marks.is_empty());
        marks.set(Mark::TooFast);
        marks.set(Mark::Burst);
        assert_eq!(marks.numbers(), [1, 3]);
        assert!(marks.has(Mark::TooFast) && !marks.has(Mark::NoEncounter));
    }

    #[test]
    fn an_unknown_answer_time_is_not_too_fast() {
        let policy = Thresholds::default();
        let found: Vec<bool> = [0, 1, 299, 300].map(|ms| policy.too_fast(ms)).into();
        assert_eq!(found, [false, true, true, false]);
    }

    #[test]
    fn a_burst_marks_all_of_its_presses_and_no_others() {
        let seconds = |s: &[i64]| s.iter().map(|s| s * 1_000_000).collect::<Vec<_>>();
        let check = |times: &[i64], want: &[bool]| {
            assert_eq!(bursts(&seconds(times), &Thresholds::default()), want, "{times:?}");
        };
        check(&[], &[]);
        check(&[0, 4], &[false, false]);
        check(&[0, 5, 10, 30], &[true, true, true, false]);
        check(&[0, 5, 11, 40, 41], &[false; 5]);
        check(&[0, 60, 61, 62, 70, 90], &[false, true, true, true, true, false]);
    }

    #[test]
    fn hours_hold_in_local_time_with_grace_and_over_clock_changes() {
        let zone = TimeZone::get("America/New_York").expect("bundled or system time zones");
        let hours: Vec<OpenSpan> = (1..=5)
            .map(|weekday| OpenSpan { weekday, open_minute: 540, close_minute: 1020 })
            .chain([OpenSpan { weekday: 7, open_minute: 0, close_minute: 240 }])
            .collect();
        let check = |local: &str, want: bool| {
            let time: jiff::civil::DateTime = local.parse().expect("a test literal");
            let us = time.to_zoned(zone.clone()).expect("in range").timestamp().as_microsecond();
            assert_eq!(outside_hours(us, &zone, &hours, 1_800_000_000), want, "{local}");
        };
        check("2026-03-06T08:29:59", true);
        check("2026-03-06T08:30:00", false);
        check("2026-03-06T17:30:00", false);
        check("2026-03-06T17:30:01", true);
        check("2026-03-07T12:00:00", true);
        // Sunday opens at midnight: the grace begins on Saturday.
        check("2026-03-07T23:45:00", false);
        // The clock goes forward at two: it still closes at four local time.
        check("2026-03-08T04:20:00", false);
        check("2026-03-08T04:40:00", true);
        assert!(!outside_hours(0, &zone, &[], 0), "unknown hours exclude nothing");
    }

    proptest! {
        #[test]
        fn bursts_are_what_counting_by_hand_finds(
            mut times in proptest::collection::vec(0_i64..60_000_000, 0..12), count in 2_usize..5,
        ) {
            times.sort_unstable();
            let policy = Thresholds { burst_count: count, ..Thresholds::default() };
            let found = bursts(&times, &policy);
            for (i, time) in times.iter().enumerate() {
                // In a burst: some window of the policy's length that holds it holds `count`.
                let starts = times[..=i].iter().filter(|s| time - **s <= policy.burst_window_us);
                let want = starts.into_iter().any(|start| {
                    let end = start + policy.burst_window_us;
                    times.iter().filter(|t| (*start..=end).contains(*t)).count() >= count
                });
                prop_assert_eq!(found[i], want, "{:?} {}", times, i);
            }
        }
    }
}
