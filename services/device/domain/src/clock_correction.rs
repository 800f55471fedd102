//! When a button was really pressed, whatever the device's clock says. A rating is never
//! refused for its time: the best reading that is possible wins, and what was done is kept.

/// 2015-01-01: no device of ours is older, so an earlier time is a clock that was reset.
pub const EARLIEST_US: i64 = 1_420_070_400_000_000;
/// How far ahead of the server a press may seem to be.
pub const AHEAD_US_MAX: i64 = 10 * 60 * 1_000_000;
/// A larger correction is marked as suspect.
pub const SUSPECT_US: i64 = 5 * 60 * 1_000_000;

/// One reading of a device's clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading<'a> {
    /// Wall clock.
    pub device_us: Option<i64>,
    /// Monotonic clock since boot, milliseconds; 0 if unknown.
    pub monotonic_ms: i64,
    /// Random id of the boot; empty if unknown.
    pub boot_id: &'a str,
}

/// What is known of a device's clocks in one boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootClock {
    /// Server time minus the device's wall clock.
    pub offset_us: i64,
    /// Server time at which the monotonic clock read 0, if that was reported.
    pub boot_us: Option<i64>,
}

/// How a press time was found. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockSource {
    /// From the monotonic clock in the boot of the sending: exact.
    Monotonic = 1,
    /// From the offset measured in the boot of the press.
    BootOffset = 2,
    /// The device's own time as it is.
    Device = 3,
    /// The device's time was impossible or absent; arrival stands in.
    Arrival = 4,
    /// Given by the importing system.
    Sender = 5,
}

/// A press time after correction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrected {
    /// When it was pressed.
    pub press_us: i64,
    /// How that was found.
    pub source: ClockSource,
    /// Whether the device's clock was more than five minutes off.
    pub suspect: bool,
}

/// Whether the boot of the press has to be looked up, because the clock at sending does not
/// tell enough.
pub fn needs_boot(press: &Reading, sent: Option<&Reading>) -> bool {
    !press.boot_id.is_empty() && sent.is_none_or(|sent| sent.boot_id != press.boot_id)
}

/// Press time of a message that arrived at `receive_us`. `sent` is the sender's clock at the
/// moment of sending, `boot` what is known of the boot of the press.
pub fn correct(
    press: &Reading,
    sent: Option<&Reading>,
    boot: Option<&BootClock>,
    receive_us: i64,
) -> Corrected {
    let possible = |us: &i64| (EARLIEST_US..=receive_us.saturating_add(AHEAD_US_MAX)).contains(us);
    let same_boot = sent.filter(|sent| sent.boot_id == press.boot_id);
    let device = press.device_us;
    let candidates = [
        (same_boot.and_then(|sent| monotonic(press, sent, receive_us)), ClockSource::Monotonic),
        (same_boot.and_then(|sent| offset_now(press, sent, receive_us)), ClockSource::BootOffset),
        (boot.and_then(|boot| offset_then(press, boot)), ClockSource::BootOffset),
        (device, ClockSource::Device),
    ];
    let found =
        candidates.into_iter().find_map(|(us, source)| Some((us.filter(possible)?, source)));
    let (press_us, source) = found.unwrap_or((receive_us, ClockSource::Arrival));
    let suspect = device.is_some_and(|us| us.abs_diff(press_us) > SUSPECT_US.unsigned_abs());
    Corrected { press_us, source, suspect }
}

/// Exact: both readings are of one clock that only runs forward.
fn monotonic(press: &Reading, sent: &Reading, receive_us: i64) -> Option<i64> {
    let known = !press.boot_id.is_empty() && press.monotonic_ms > 0;
    let age_ms = sent.monotonic_ms.checked_sub(press.monotonic_ms)?;
    let age_us = age_ms.checked_mul(1_000).filter(|us| *us >= 0 && known)?;
    receive_us.checked_sub(age_us)
}

/// The wall clock was wrong at the press by as much as it is wrong at the sending.
fn offset_now(press: &Reading, sent: &Reading, receive_us: i64) -> Option<i64> {
    let offset_us = receive_us.checked_sub(sent.device_us?)?;
    // A press after its own sending is no reading of one clock.
    press.device_us.filter(|us| Some(*us) <= sent.device_us)?.checked_add(offset_us)
}

fn offset_then(press: &Reading, boot: &BootClock) -> Option<i64> {
    let by_monotonic = boot
        .boot_us
        .filter(|_| press.monotonic_ms > 0)
        .and_then(|boot_us| boot_us.checked_add(press.monotonic_ms.checked_mul(1_000)?));
    by_monotonic.or_else(|| press.device_us?.checked_add(boot.offset_us))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_795_000_000_000_000;
    const MINUTE: i64 = 60_000_000;
    const YEAR: i64 = 365 * 24 * 60 * MINUTE;

    fn reading(device_us: i64, monotonic_ms: i64, boot_id: &str) -> Reading<'_> {
        Reading { device_us: Some(device_us), monotonic_ms, boot_id }
    }

    #[test]
    fn the_best_possible_reading_wins() {
        let wrong = NOW - 10 * YEAR;
        let sent = reading(wrong, 90_000, "b");
        let boot = BootClock { offset_us: 10 * YEAR, boot_us: Some(NOW - 500_000_000) };
        let cases = [
            // press, sent, boot of the press, age of the press, source, suspect
            (reading(5, 30_000, "b"), Some(sent), None, 60_000_000, ClockSource::Monotonic, true),
            (reading(wrong - 7, 0, "b"), Some(sent), None, 7, ClockSource::BootOffset, true),
            (
                reading(9, 400_000, "a"),
                Some(sent),
                Some(boot),
                100_000_000,
                ClockSource::BootOffset,
                true,
            ),
            (reading(wrong - 9, 0, "a"), Some(sent), Some(boot), 9, ClockSource::BootOffset, true),
            (reading(NOW - 11, 7, "a"), None, None, 11, ClockSource::Device, false),
            (reading(NOW - 11, 7, "a"), Some(sent), None, 11, ClockSource::Device, false),
            (reading(NOW + 9 * MINUTE, 0, ""), None, None, -9 * MINUTE, ClockSource::Device, false),
            (reading(NOW + 11 * MINUTE, 0, ""), None, None, 0, ClockSource::Arrival, true),
            (reading(EARLIEST_US - 1, 0, ""), None, None, 0, ClockSource::Arrival, true),
            (Reading::default(), None, None, 0, ClockSource::Arrival, false),
            // The monotonic clock of another boot must not be compared.
            (reading(NOW - 3, 30_000, "a"), Some(sent), None, 3, ClockSource::Device, false),
            // A press after its own sending is nonsense, so the wall clock stands.
            (reading(NOW - 4, 95_000, "b"), Some(sent), None, 4, ClockSource::Device, false),
        ];
        for (index, (press, sent, boot, age_us, source, suspect)) in cases.into_iter().enumerate() {
            let found = correct(&press, sent.as_ref(), boot.as_ref(), NOW);
            let want = Corrected { press_us: NOW - age_us, source, suspect };
            assert_eq!(found, want, "case {index}");
        }
    }

    proptest! {
        #[test]
        fn a_clock_wrong_by_ten_years_is_corrected_to_the_millisecond(
            error_us in -10 * YEAR..=10 * YEAR,
            age_ms in 0_i64..86_400_000,
            up_ms in 1_i64..1_000_000,
        ) {
            let press_us = NOW - age_ms * 1_000;
            let press = reading(press_us + error_us, up_ms, "b");
            let sent = reading(NOW + error_us, up_ms + age_ms, "b");
            let found = correct(&press, Some(&sent), None, NOW);
            prop_assert_eq!(found.press_us, press_us);
            prop_assert_eq!(found.source, ClockSource::Monotonic);
            prop_assert_eq!(found.suspect, error_us.abs() > SUSPECT_US);
            // Without a monotonic clock the wall clock at sending tells the same.
            let press = Reading { monotonic_ms: 0, ..press };
            prop_assert_eq!(correct(&press, Some(&sent), None, NOW).press_us, press_us);
        }

        #[test]
        fn every_answer_is_possible_whatever_is_sent(
            device_us: Option<i64>, mono: i64, sent_us: Option<i64>, sent_mono: i64,
            offset_us: i64, boot_us: Option<i64>, same: bool,
        ) {
            let press = Reading { device_us, monotonic_ms: mono, boot_id: "a" };
            let boot_id = if same { "a" } else { "b" };
            let sent = Reading { device_us: sent_us, monotonic_ms: sent_mono, boot_id };
            let boot = BootClock { offset_us, boot_us };
            let found = correct(&press, Some(&sent), Some(&boot), NOW);
            prop_assert!((EARLIEST_US..=NOW + AHEAD_US_MAX).contains(&found.press_us));
        }
    }
}
