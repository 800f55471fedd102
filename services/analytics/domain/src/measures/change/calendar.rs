//! Which dates a period is compared with.

use jiff::civil::{Date, ISOWeekDate, Weekday};
use jiff::{Span, ToSpan};
use serde::Serialize;

use crate::measures::reason::{Invalid, Result};

/// Length of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granularity {
    /// `2024-02-29`.
    Day,
    /// ISO week from Monday, `2024-W07`.
    Week,
    /// `2024-02`.
    Month,
    /// `2024-Q1`.
    Quarter,
    /// `2024`.
    Year,
}

/// Three windows of dates; each includes its start and excludes its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Windows {
    /// First date of the period.
    pub start: String,
    /// Date after the period.
    pub end: String,
    /// First date of the period just before (环比).
    pub previous_start: String,
    /// Date after it.
    pub previous_end: String,
    /// First date of the same period a year earlier (同比).
    pub yoy_start: String,
    /// Date after it.
    pub yoy_end: String,
}

/// First date and the date after the last one.
type Window = (Date, Date);

/// The period, the one just before and the same one a year earlier.
///
/// Rule: the year earlier has the same label; ISO week 53 falls back to week 52, 29 February to
/// the 28th. With `as_of` inside the period all three are cut to as many days as have passed,
/// `as_of` included, and never beyond their own end.
///
/// Source: ISO 8601; the usual 环比 and 同比 of Chinese statistics.
///
/// Errors: a period that does not fit the granularity or lies outside the years 1 to 9998;
/// `as_of` that is no date or before the period.
pub fn windows(granularity: Granularity, period: &str, as_of: Option<&str>) -> Result<Windows> {
    let unreadable = || {
        let form = match granularity {
            Granularity::Day => "a date such as 2024-02-29",
            Granularity::Week => "an ISO week such as 2024-W07",
            Granularity::Month => "a month such as 2024-02",
            Granularity::Quarter => "a quarter such as 2024-Q1",
            Granularity::Year => "a year such as 2024",
        };
        Invalid::new("period", format!("must be {form}, from year 1 to 9998"))
    };
    let label = Label::parse(granularity, period).ok_or_else(unreadable)?;
    let all = label.windows().ok_or_else(unreadable)?;
    let [own, previous, yoy] = match as_of {
        None => all,
        Some(text) => cut(all, text)?,
    };
    let print = |date: Date| date.to_string();
    Ok(Windows {
        start: print(own.0),
        end: print(own.1),
        previous_start: print(previous.0),
        previous_end: print(previous.1),
        yoy_start: print(yoy.0),
        yoy_end: print(yoy.1),
    })
}

/// Shortens the windows to the days that have passed on `as_of`.
fn cut(windows: [Window; 3], as_of: &str) -> Result<[Window; 3]> {
    let no_date = || Invalid::new("as_of", "must be a date such as 2024-02-29");
    let as_of = date(as_of).ok_or_else(no_date)?;
    let (start, end) = windows[0];
    if as_of < start {
        return Err(Invalid::new("as_of", "must not be before the period"));
    }
    if as_of >= end {
        return Ok(windows);
    }
    let passed = i64::from((as_of - start).get_days()) + 1;
    // A year has few enough days that these sums stay near the windows' own ends.
    Ok(windows.map(|(start, end)| (start, start.saturating_add(passed.days()).min(end))))
}

/// A period by its label.
enum Label {
    Day(Date),
    Week(i16, i8),
    /// First month and number of months.
    Months(Date, i64),
}

impl Label {
    fn parse(granularity: Granularity, text: &str) -> Option<Label> {
        match granularity {
            Granularity::Day => date(text).map(Label::Day),
            Granularity::Week => {
                let (year, week) = text.split_once("-W")?;
                Some(Label::Week(year_of(year)?, digits(week, 2)? as i8))
            }
            Granularity::Month => {
                let (year, month) = text.split_once('-')?;
                Some(Label::Months(first_of(year, digits(month, 2)?)?, 1))
            }
            Granularity::Quarter => {
                let (year, quarter) = text.split_once("-Q")?;
                Some(Label::Months(first_of(year, digits(quarter, 1)? * 3 - 2)?, 3))
            }
            Granularity::Year => Some(Label::Months(first_of(text, 1)?, 12)),
        }
    }

    /// The period, the one before, the one a year earlier.
    fn windows(&self) -> Option<[Window; 3]> {
        let long = |start: Date, span: Span| Some((start, start.checked_add(span).ok()?));
        match *self {
            Label::Day(start) => {
                let before = start.checked_sub(1.day()).ok()?;
                // Years added to 29 February end on the 28th.
                let year_before = start.checked_sub(1.year()).ok()?;
                Some([long(start, 1.day())?, (before, start), long(year_before, 1.day())?])
            }
            Label::Week(year, week) => {
                let start = monday(year, week)?;
                let before = start.checked_sub(1.week()).ok()?;
                let year_before = monday(year - 1, week).or_else(|| monday(year - 1, 52))?;
                Some([long(start, 1.week())?, (before, start), long(year_before, 1.week())?])
            }
            Label::Months(start, months) => {
                let before = start.checked_sub(months.months()).ok()?;
                let year_before = start.checked_sub(1.year()).ok()?;
                let span = months.months();
                Some([long(start, span)?, (before, start), long(year_before, span)?])
            }
        }
    }
}

fn monday(year: i16, week: i8) -> Option<Date> {
    ISOWeekDate::new(year, week, Weekday::Monday).ok().map(ISOWeekDate::date)
}

fn digits(text: &str, count: usize) -> Option<i16> {
    let plain = text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn year_of(text: &str) -> Option<i16> {
    digits(text, 4).filter(|year| (1..=9998).contains(year))
}

fn first_of(year: &str, month: i16) -> Option<Date> {
    Date::new(year_of(year)?, i8::try_from(month).ok()?, 1).ok()
}

/// Strictly `YYYY-MM-DD`.
fn date(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    let year = year_of(parts.next()?)?;
    let (month, day) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    Date::new(year, month as i8, day as i8).ok()
}
