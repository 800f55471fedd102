//! Growing delay after failed sign-ins, counted for each account, existing or not, and for each
//! prefix of addresses.

use std::net::IpAddr;

/// Failures of an account that are let pass within [`WINDOW_US`].
pub const FAILURES_FREE: i32 = 10;
/// Failures from one prefix of addresses that are let pass within [`WINDOW_US`].
pub const FAILURES_FREE_PREFIX: i32 = 30;
/// Time in which failures count together: 15 minutes.
pub const WINDOW_US: i64 = 15 * 60 * 1_000_000;
/// First delay: 30 seconds. Each further failure doubles it.
pub const DELAY_FIRST_US: i64 = 30 * 1_000_000;
/// Longest delay: 15 minutes.
pub const DELAY_MAX_US: i64 = 15 * 60 * 1_000_000;

/// Failures of one account or prefix. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    /// Failures that count together.
    pub count: i32,
    /// When the first of them happened.
    pub since_us: i64,
    /// Until when every attempt is refused; 0 for not at all.
    pub blocked_until_us: i64,
}

impl Failures {
    /// Microseconds until the next attempt is looked at; nothing when it is now.
    pub fn wait_us(&self, now_us: i64) -> Option<i64> {
        let wait = self.blocked_until_us - now_us;
        (wait > 0).then_some(wait)
    }

    /// After one more failure, of which `free` are let pass.
    #[must_use]
    pub fn after_failure(self, now_us: i64, free: i32) -> Self {
        // A quiet quarter of an hour, counted from the end of the last delay, forgives all.
        let quiet_since = self.since_us.max(self.blocked_until_us);
        let counting = if self.count == 0 || now_us - quiet_since > WINDOW_US {
            Self { count: 0, since_us: now_us, blocked_until_us: 0 }
        } else {
            self
        };
        let count = counting.count.saturating_add(1);
        let blocked_until_us = match count - free {
            ..0 => counting.blocked_until_us,
            over => now_us + delay_us(over),
        };
        Self { count, blocked_until_us, ..counting }
    }
}

fn delay_us(over: i32) -> i64 {
    let doublings = u32::try_from(over).unwrap_or(0).min(16);
    (DELAY_FIRST_US << doublings).min(DELAY_MAX_US)
}

/// What stands for the neighbours of an address: the /24 of IPv4, the /64 of IPv6. None for
/// this machine itself, from which only a proxy calls, on behalf of everybody.
pub fn prefix(address: IpAddr) -> Option<[u8; 8]> {
    let address = address.to_canonical();
    if address.is_loopback() {
        return None;
    }
    let mut prefix = [0; 8];
    match address {
        IpAddr::V4(v4) => prefix[5..].copy_from_slice(&v4.octets()[..3]),
        IpAddr::V6(v6) => prefix.copy_from_slice(&v6.octets()[..8]),
    }
    Some(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: i64 = 1_000_000;

    #[test]
    fn the_tenth_failure_closes_the_account_and_the_delay_grows() {
        let mut failures = Failures::default();
        let mut now = 1_000 * S;
        for _ in 0..9 {
            failures = failures.after_failure(now, FAILURES_FREE);
            now += S;
            assert_eq!(failures.wait_us(now), None);
        }
        let mut waits = Vec::new();
        for _ in 0..7 {
            failures = failures.after_failure(now, FAILURES_FREE);
            let wait = failures.wait_us(now).unwrap();
            waits.push(wait / S);
            now += wait;
            assert_eq!(failures.wait_us(now), None);
        }
        assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900]);
    }

    #[test]
    fn a_quiet_quarter_of_an_hour_forgives() {
        let mut failures = Failures::default();
        for _ in 0..9 {
            failures = failures.after_failure(0, FAILURES_FREE);
        }
        let later = failures.after_failure(WINDOW_US + 1, FAILURES_FREE);
        assert_eq!((later.count, later.wait_us(WINDOW_US + 1)), (1, None));
    }

    #[test]
    fn neighbours_share_a_prefix_and_a_proxy_beside_us_has_none() {
        let of = |text: &str| prefix(text.parse().unwrap());
        assert_eq!(of("203.0.113.7"), of("203.0.113.200"));
        assert_eq!(of("203.0.113.7"), of("::ffff:203.0.113.9"));
        assert_ne!(of("203.0.113.7"), of("203.0.114.7"));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        for near in ["127.0.0.1", "::1", "::ffff:127.0.0.9"] {
            assert_eq!(of(near), None);
        }
    }

    proptest! {
        #[test]
        fn no_quarter_of_an_hour_holds_more_than_ten_looks(
            gaps in prop::collection::vec(0_i64..120, 1..300),
        ) {
            let (mut failures, mut now) = (Failures::default(), 1_i64);
            let mut looked_at = Vec::new();
            for gap in gaps {
                now += gap * S;
                if failures.wait_us(now).is_none() {
                    looked_at.push(now);
                    failures = failures.after_failure(now, FAILURES_FREE);
                }
            }
            for (i, first) in looked_at.iter().enumerate() {
                let inside = looked_at[i..].iter().filter(|t| **t - first < WINDOW_US).count();
                // Ten free ones, and those that the growing delays let through.
                prop_assert!(inside <= 15, "{inside}");
            }
        }
    }
}
