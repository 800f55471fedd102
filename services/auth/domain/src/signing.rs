//! When a signing key signs and how long it verifies. A key is published before it signs, so
//! that every verifier can know it, and verifies until the last token it signed is over.

use crate::session::ACCESS_LIFE_S;

/// Time between publishing a key and signing with it: 15 seconds. Verifiers look for an
/// unknown key at most once in 10 seconds, so that a shorter time would refuse good tokens.
pub const PUBLISH_US: i64 = 15 * 1_000_000;
/// How long a replaced key goes on verifying: the life of a token and a minute for clocks.
pub const OVERLAP_US: i64 = (ACCESS_LIFE_S + 60) * 1_000_000;
/// Keys that may wait or verify at one time; more rotations have to wait.
pub const KEYS_MAX: usize = 20;

/// A key's place in time, in microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Key id.
    pub kid: String,
    /// From when on it signs.
    pub active_us: i64,
}

/// The key that signs now: the newest of those that may sign.
pub fn signer(slots: &[Slot], now_us: i64) -> Option<&Slot> {
    let active = slots.iter().filter(|slot| slot.active_us <= now_us);
    active.max_by(|a, b| (a.active_us, &a.kid).cmp(&(b.active_us, &b.kid)))
}

/// Keys that no good token can name any more.
pub fn retired(slots: &[Slot], now_us: i64) -> Vec<&Slot> {
    let Some(signer) = signer(slots, now_us) else { return Vec::new() };
    let replaced_at = |slot: &Slot| {
        let newer = slots.iter().filter(|other| other.active_us > slot.active_us);
        newer.map(|other| other.active_us).min()
    };
    let over = |slot: &&Slot| {
        slot.kid != signer.kid
            && replaced_at(slot).is_some_and(|replaced_us| replaced_us + OVERLAP_US <= now_us)
    };
    slots.iter().filter(over).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_published_then_sign_then_only_verify_then_end() {
        let slot = |kid: &str, active_us| Slot { kid: kid.to_owned(), active_us };
        let slots = [slot("a", 0), slot("b", 100)];
        let kid = |now| signer(&slots, now).map(|slot| slot.kid.as_str());
        assert_eq!((kid(-1), kid(99), kid(100)), (None, Some("a"), Some("b")));
        assert!(retired(&slots, 100 + OVERLAP_US - 1).is_empty());
        assert_eq!(retired(&slots, 100 + OVERLAP_US), [&slots[0]]);
        assert!(retired(&slots[..1], i64::MAX / 2).is_empty());
    }
}
