//! Times are microseconds since 1970 UTC inside of Manyi and `Timestamp` in the contract.

use prost_types::Timestamp;

/// Microseconds since 1970 UTC of a timestamp; parts below a microsecond are cut off.
/// Out-of-range timestamps saturate, so check them first (`validate`).
pub fn to_us(t: &Timestamp) -> i64 {
    t.seconds.saturating_mul(1_000_000).saturating_add(i64::from(t.nanos) / 1_000)
}

/// Timestamp of microseconds since 1970 UTC.
pub fn from_us(us: i64) -> Timestamp {
    let nanos = us.rem_euclid(1_000_000) * 1_000;
    Timestamp { seconds: us.div_euclid(1_000_000), nanos: i32::try_from(nanos).unwrap_or_default() }
}

/// Timestamp of an optional time.
pub fn from_us_opt(us: Option<i64>) -> Option<Timestamp> {
    us.map(from_us)
}

/// Microseconds of an optional timestamp.
pub fn to_us_opt(t: Option<&Timestamp>) -> Option<i64> {
    t.map(to_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_keep_their_microseconds() {
        for us in [0, 1, -1, -1_000_001, 1_795_000_000_123_456] {
            assert_eq!(to_us(&from_us(us)), us);
        }
    }
}
