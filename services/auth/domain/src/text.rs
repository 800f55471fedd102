//! Texts that people give: names, codes, numbers, time zones, languages.

use jiff::tz::TimeZone;

use crate::error::{Error, Result};

/// Time zone of an organisation that names none.
pub const TIME_ZONE_DEFAULT: &str = "Asia/Shanghai";
/// Languages that the suite speaks.
pub const LANGUAGES: [&str; 2] = ["zh-CN", "en"];

/// A display name without blanks at its ends. It holds at least one visible character and no
/// control characters, so that it can stand in any list, log or export.
pub fn display_name(field: &str, given: &str) -> Result<String> {
    let trimmed = plain(field, given)?;
    if trimmed.is_empty() {
        return Err(Error::invalid(field, "is empty"));
    }
    Ok(trimmed)
}

/// A code, number or other short text without blanks at its ends; it may be empty.
pub fn plain(field: &str, given: &str) -> Result<String> {
    if given.chars().any(char::is_control) {
        return Err(Error::invalid(field, "contains control characters"));
    }
    Ok(given.trim().to_owned())
}

/// Name of an IANA time zone in its usual spelling; empty stays empty.
pub fn time_zone(field: &str, given: &str) -> Result<String> {
    if given.is_empty() {
        return Ok(String::new());
    }
    let zone = TimeZone::get(given).ok();
    let name = zone.as_ref().and_then(TimeZone::iana_name).map(str::to_owned);
    name.ok_or_else(|| Error::invalid(field, "is no IANA time zone"))
}

/// A language of the suite; empty stays empty.
pub fn language(field: &str, given: &str) -> Result<String> {
    if given.is_empty() || LANGUAGES.contains(&given) {
        Ok(given.to_owned())
    } else {
        Err(Error::invalid(field, "is neither zh-CN nor en"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_outer_blanks_and_keep_everything_else() {
        assert_eq!(display_name("n", "  东城 <b>支行</b> ").unwrap(), "东城 <b>支行</b>");
        for bad in ["", "   ", "a\u{7}b", "line\nbreak"] {
            assert!(display_name("n", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn time_zones_are_known_ones() {
        assert_eq!(time_zone("z", "asia/shanghai").unwrap(), "Asia/Shanghai");
        assert_eq!(time_zone("z", "").unwrap(), "");
        for bad in ["Mars/Olympus", "+08:00", "../etc/passwd", "GMT+25"] {
            assert!(time_zone("z", bad).is_err(), "{bad}");
        }
    }
}
