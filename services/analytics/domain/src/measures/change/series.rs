//! Months of one figure, each against the month before and the same month a year earlier.

use std::collections::HashMap;

use serde::Serialize;

use super::period::{Change, PeriodMean, change};
use crate::measures::reason::{Invalid, Result};

/// A calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Month(i32);

impl Month {
    /// Reads `YYYY-MM`.
    pub fn parse(text: &str) -> Option<Month> {
        let (year, month) = text.split_once('-')?;
        let number = |text: &str, digits| {
            let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| text.parse::<i32>().ok()).flatten()
        };
        let (year, month) = (number(year, 4)?, number(month, 2)?);
        (1..=12).contains(&month).then_some(Month(year * 12 + month - 1))
    }

    /// The month so many months earlier.
    pub fn minus(self, months: i32) -> Month {
        Month(self.0 - months)
    }

    /// `YYYY-MM`.
    pub fn print(self) -> String {
        format!("{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

/// Changes of one month; all `None` where the other month is absent or empty.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MonthChange {
    /// The month, `YYYY-MM`.
    pub period: String,
    /// Mean minus that of the month before (环比).
    pub pop_diff: Option<f64>,
    /// Lower end of its t interval.
    pub pop_low: Option<f64>,
    /// Upper end.
    pub pop_high: Option<f64>,
    /// Two-sided p-value.
    pub pop_p: Option<f64>,
    /// Relative change as a proportion.
    pub pop_pct: Option<f64>,
    /// Mean minus that of the same month a year earlier (同比).
    pub yoy_diff: Option<f64>,
    /// Lower end of its t interval.
    pub yoy_low: Option<f64>,
    /// Upper end.
    pub yoy_high: Option<f64>,
    /// Two-sided p-value.
    pub yoy_p: Option<f64>,
    /// Relative change as a proportion.
    pub yoy_pct: Option<f64>,
}

/// Changes of all months, in the order given.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesChange {
    /// One entry per month.
    pub series: Vec<MonthChange>,
}

/// Change of every month of a series.
///
/// Formula, source: [`change`] against the calendar month before and the same month a year
/// earlier.
///
/// Edge cases: a month that is absent is never bridged by another.
///
/// Errors: a month given twice.
pub fn series_change(months: &[(Month, PeriodMean)], confidence: f64) -> Result<SeriesChange> {
    let mut known = HashMap::with_capacity(months.len());
    for (i, (month, mean)) in months.iter().enumerate() {
        if known.insert(*month, *mean).is_some() {
            return Err(Invalid::new(format!("series[{i}].period"), "is given twice"));
        }
    }
    let against = |month: Month, mean: PeriodMean, months: i32| -> Change {
        change(Some(mean), known.get(&month.minus(months)).copied(), confidence)
    };
    let row = |&(month, mean): &(Month, PeriodMean)| {
        let (pop, yoy) = (against(month, mean, 1), against(month, mean, 12));
        MonthChange {
            period: month.print(),
            pop_diff: pop.diff,
            pop_low: pop.ci_low,
            pop_high: pop.ci_high,
            pop_p: pop.p,
            pop_pct: pop.pct_change,
            yoy_diff: yoy.diff,
            yoy_low: yoy.ci_low,
            yoy_high: yoy.ci_high,
            yoy_p: yoy.p,
            yoy_pct: yoy.pct_change,
        }
    };
    Ok(SeriesChange { series: months.iter().map(row).collect() })
}
