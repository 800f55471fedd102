//! Organisations and their sign-in names.

use uuid::Uuid;

use crate::{
    error::{Error, Result},
    history::{Former, remember},
};

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Its id.
    pub id: Uuid,
    /// Sign-in name, unique in the installation.
    pub slug: String,
    /// Display name.
    pub display_name: String,
    /// IANA time zone of units that name none.
    pub time_zone: String,
    /// Grows with every change.
    pub version: i64,
    /// When it was created, in microseconds since 1970 UTC.
    pub create_us: i64,
    /// When the operator suspended it; none while it is in service.
    pub suspend_us: Option<i64>,
    /// Since when the time zone holds; 0 while it never changed.
    pub zone_us: i64,
    /// Earlier time zones.
    pub former_zones: Former<String>,
}

impl Organisation {
    /// Gives it another time zone from `now_us` on, as [`crate::unit::Unit::change_zone`].
    pub fn change_zone(&mut self, zone: String, now_us: i64) {
        if zone != self.time_zone {
            let former = std::mem::replace(&mut self.time_zone, zone);
            self.zone_us = remember(&mut self.former_zones, former, self.zone_us, now_us);
        }
    }
}

/// Checks a sign-in name: 2 to 40 of `a` to `z`, digits and hyphens, no hyphen at its ends.
pub fn check_slug(field: &str, slug: &str) -> Result<()> {
    let of_letters = slug.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if !(2..=40).contains(&slug.len()) || !of_letters {
        let problem = "is not 2 to 40 lower-case letters, digits and hyphens";
        return Err(Error::invalid(field, problem));
    }
    if slug.starts_with('-') || slug.ends_with('-') {
        return Err(Error::invalid(field, "begins or ends with a hyphen"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_short_plain_words() {
        for good in ["ab", "icbc-beijing", "a1", &"x".repeat(40)] {
            assert_eq!(check_slug("s", good), Ok(()), "{good}");
        }
        for bad in ["", "a", "A1", "-ab", "ab-", "a b", "银行", &"x".repeat(41)] {
            assert!(check_slug("s", bad).is_err(), "{bad}");
        }
    }
}
