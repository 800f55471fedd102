//! Bounds on how many answers may come from one place: a window that slides over a minute for
//! each network, and the prefixes that networks are told apart by.

use std::net::IpAddr;

/// Answers per network prefix and minute unless the link says otherwise.
pub const PER_MINUTE_DEFAULT: u32 = 20;
/// Answers per browser unless the link says otherwise.
pub const PER_BROWSER_DEFAULT: u32 = 1;

/// Length of one slot of the window.
const SLOT_US: i64 = 10_000_000;
/// Slots that any span of 60 seconds can touch.
const SLOTS: usize = 7;

/// What was counted in the last minute. No span of 60 seconds ever holds more than the limit;
/// since whole slots are counted, up to ten seconds more than a minute may count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// Number of the newest slot since 1970.
    newest: i64,
    /// Counts, the newest slot first.
    counts: [u32; SLOTS],
}

impl Window {
    /// Moves the window to `now_us`. A clock that went back leaves it where it was.
    pub fn advance(&mut self, now_us: i64) {
        let slot = now_us.div_euclid(SLOT_US);
        let steps = slot.saturating_sub(self.newest);
        if steps <= 0 {
            return;
        }
        let steps = usize::try_from(steps).unwrap_or(SLOTS).min(SLOTS);
        self.counts.rotate_right(steps);
        self.counts[..steps].fill(0);
        self.newest = slot;
    }

    /// Answers that count now.
    pub fn total(&self) -> u32 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Counts one more if `limit` allows it; 0 means no limit.
    pub fn admit(&mut self, now_us: i64, limit: u32) -> bool {
        self.advance(now_us);
        if limit > 0 && self.total() >= limit {
            return false;
        }
        self.count();
        true
    }

    /// Counts one more, whatever the limit says.
    pub fn count(&mut self) {
        self.counts[0] = self.counts[0].saturating_add(1);
    }

    /// Whether nothing counts any more at `now_us`, so that it can be forgotten.
    pub fn is_over(&self, now_us: i64) -> bool {
        now_us.div_euclid(SLOT_US).saturating_sub(self.newest) >= SLOTS as i64
    }

    /// As text for a store: the newest slot and the counts, with spaces.
    pub fn print(&self) -> String {
        let mut text = self.newest.to_string();
        for count in self.counts {
            text.push(' ');
            text.push_str(&count.to_string());
        }
        text
    }

    /// Reads what [`Window::print`] wrote; nothing for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let newest = words.next()?.parse().ok()?;
        let mut counts = [0; SLOTS];
        for count in &mut counts {
            *count = words.next()?.parse().ok()?;
        }
        words.next().is_none().then_some(Self { newest, counts })
    }
}

/// The network of an address: /24 of IPv4, /64 of IPv6. The first byte tells them apart.
pub fn prefix(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(v4) => [&[4], &v4.octets()[..3]].concat(),
        IpAddr::V6(v6) => [&[6], &v6.octets()[..8]].concat(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_twenty_first_of_a_minute_is_refused() {
        let mut window = Window::default();
        let start = 1_700_000_000_000_000;
        for n in 0..20 {
            assert!(window.admit(start + n * 1_000_000, 20), "{n}");
        }
        assert!(!window.admit(start + 59_000_000, 20));
        assert!(window.admit(start + 80_000_000, 20));
    }

    #[test]
    fn no_limit_admits_everything() {
        let mut window = Window::default();
        assert!((0..1_000).all(|_| window.admit(5, 0)));
        assert_eq!(window.total(), 1_000);
    }

    #[test]
    fn neighbours_share_a_prefix() {
        let of = |text: &str| prefix(text.parse().unwrap());
        assert_eq!(of("10.1.2.3"), of("10.1.2.250"));
        assert_eq!(of("10.1.2.3"), of("::ffff:10.1.2.4"));
        assert_ne!(of("10.1.2.3"), of("10.1.3.3"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    }

    proptest! {
        #[test]
        fn no_minute_ever_holds_more_than_the_limit(
            steps in prop::collection::vec(0i64..20_000_000, 1..300), limit in 1u32..30,
        ) {
            let mut window = Window::default();
            let mut now = 1_700_000_000_000_000i64;
            let mut admitted: Vec<i64> = Vec::new();
            for step in steps {
                now += step;
                if window.admit(now, limit) {
                    admitted.push(now);
                }
                let recent = admitted.iter().filter(|t| now - **t < 60_000_000).count();
                prop_assert!(recent <= limit as usize);
            }
        }

        #[test]
        fn a_printed_window_is_read_again(
            times in prop::collection::vec(0i64..1_000_000_000, 0..50),
        ) {
            let mut window = Window::default();
            for time in times {
                window.admit(time, 0);
            }
            prop_assert_eq!(Window::parse(&window.print()), Some(window));
        }

        #[test]
        fn a_window_that_is_over_has_nothing_left(
            now in 0i64..4_000_000_000_000_000, later in 0i64..200_000_000,
        ) {
            let mut window = Window::default();
            window.admit(now, 0);
            let over = window.is_over(now + later);
            window.advance(now + later);
            prop_assert_eq!(over, window.total() == 0);
        }
    }

    #[test]
    fn other_texts_are_no_window() {
        for text in ["", "1", "1 2 3 4 5 6 7", "1 2 3 4 5 6 7 8 9", "a 1 1 1 1 1 1 1"] {
            assert_eq!(Window::parse(text), None, "{text}");
        }
    }
}
