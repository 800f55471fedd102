//! When ratings of a file were given. Pure.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::{mapping::Values, refuse, row::RowError};
use crate::error::{Error, Result};

/// Where press times come from.
#[derive(Debug)]
pub enum PressTime {
    /// A column.
    Column {
        /// How it is written; ISO 8601 if absent.
        format: Option<String>,
        /// Of times without offset.
        zone: TimeZone,
    },
    /// One time for all, microseconds since 1970 UTC.
    Fixed(i64),
    /// Spread over a time, microseconds since 1970 UTC, the end not included.
    Spread(i64, i64),
}

impl PressTime {
    /// Reads the options; exactly one of column, time and spread must be given.
    pub fn parse(
        column: bool,
        fixed: Option<&str>,
        spread: Option<&str>,
        format: Option<&str>,
        zone: &str,
    ) -> Result<Self> {
        let zone = if zone.is_empty() { "UTC" } else { zone };
        let zone = TimeZone::get(zone)
            .map_err(|_| Error::Usage(format!("{zone} is no time zone such as Asia/Shanghai")))?;
        let read = |text: &str| {
            parse(text, None, &zone)
                .ok_or_else(|| Error::Usage(format!("{text} is no time such as 2026-11-01T09:00")))
        };
        match (column, fixed, spread) {
            (true, None, None) => Ok(Self::Column { format: format.map(str::to_owned), zone }),
            (false, Some(fixed), None) => read(fixed).map(Self::Fixed),
            (false, None, Some(spread)) => {
                let form = || Error::Usage(format!("{spread} is not of the form FROM..TO"));
                let (from, to) = spread.split_once("..").ok_or_else(form)?;
                let (from, to) = (read(from.trim())?, read(to.trim())?);
                if from >= to {
                    return Err(Error::Usage(format!("{spread} ends before it begins")));
                }
                Ok(Self::Spread(from, to))
            }
            _ => Err(Error::Usage(
                "say once when ratings were given: --map time=COLUMN, --press-time TIME or \
                 --spread FROM..TO"
                    .to_owned(),
            )),
        }
    }

    /// Press time of a line; `fraction` (0 to below 1) places it in a spread.
    pub fn of(&self, values: &Values, fraction: f64) -> std::result::Result<i64, RowError> {
        match self {
            Self::Column { .. } if values.time.is_empty() => Err(refuse("time", "is missing")),
            Self::Column { format, zone } => parse(&values.time, format.as_deref(), zone)
                .ok_or_else(|| refuse("time", "is not written as expected, see --time-format")),
            Self::Fixed(us) => Ok(*us),
            Self::Spread(from, to) => Ok(from + ((to - from) as f64 * fraction) as i64),
        }
    }
}

fn parse(text: &str, format: Option<&str>, zone: &TimeZone) -> Option<i64> {
    let civil = match format {
        Some(format) => {
            if let Ok(instant) = Timestamp::strptime(format, text) {
                return Some(instant.as_microsecond());
            }
            DateTime::strptime(format, text)
                .or_else(|_| jiff::civil::Date::strptime(format, text).map(DateTime::from))
                .ok()?
        }
        None => {
            if let Ok(instant) = text.parse::<Timestamp>() {
                return Some(instant.as_microsecond());
            }
            text.parse::<DateTime>().ok()?
        }
    };
    let zoned = zone.to_ambiguous_zoned(civil).compatible().ok()?;
    Some(zoned.timestamp().as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str, format: Option<&str>) -> Option<i64> {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        parse(time, format, &zone).map(|us| us / 1_000_000)
    }

    #[test]
    fn times_with_and_without_offset_are_understood() {
        assert_eq!(at("2026-11-01T09:00:00+08:00", None), Some(1_793_494_800));
        assert_eq!(at("2026-11-01T01:00:00Z", None), Some(1_793_494_800));
        assert_eq!(at("2026-11-01 09:00", None), Some(1_793_494_800));
        assert_eq!(at("2026-11-01", None), Some(1_793_462_400));
        assert_eq!(at("2026/11/1 9:00", Some("%Y/%m/%d %H:%M")), Some(1_793_494_800));
        assert_eq!(at("01.11.2026", Some("%d.%m.%Y")), Some(1_793_462_400));
        assert_eq!(at("yesterday", None), None);
        assert_eq!(at("2026-13-01", None), None);
    }

    #[test]
    fn a_spread_holds_every_line_and_needs_an_end_after_its_start() {
        let parse = |spread| PressTime::parse(false, None, Some(spread), None, "UTC");
        let spread = parse("2026-09-01..2026-10-01").unwrap();
        let PressTime::Spread(from, to) = spread else { panic!("no spread") };
        for fraction in [0.0, 0.5, 0.999_999_999] {
            let us = spread.of(&Values::default(), fraction).unwrap();
            assert!(from <= us && us < to);
        }
        assert!(parse("2026-10-01..2026-09-01").is_err());
        assert!(parse("2026-10-01").is_err());
    }

    #[test]
    fn exactly_one_source_of_times_is_needed() {
        let zone = "Asia/Shanghai";
        assert!(PressTime::parse(false, None, None, None, zone).is_err());
        assert!(PressTime::parse(true, Some("2026-01-01"), None, None, zone).is_err());
        assert!(PressTime::parse(true, None, None, None, zone).is_ok());
        assert!(PressTime::parse(true, None, None, None, "Nowhere/Town").is_err());
    }
}
