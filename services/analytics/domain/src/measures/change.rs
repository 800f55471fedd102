//! Change over time.

pub mod calendar;
mod docs;
pub mod period;
pub mod series;
pub mod trend;

use serde_json::Value;

pub(super) use self::docs::MOMENTS;
use self::period::PeriodMean;
use self::series::Month;
use super::Method;
use super::input::Input;
use super::reason::Result;

/// The methods of this family.
pub(super) const METHODS: &[Method] = &[
    Method {
        name: "change.mean",
        description: "Mean of one period against another: difference, relative change, test",
        doc: docs::MEAN,
        compute: mean,
    },
    Method {
        name: "change.series",
        description: "Months against the month before and the same month a year earlier",
        doc: docs::SERIES,
        compute: series,
    },
    Method {
        name: "period.compare",
        description: "Dates of a period, of the one before and of the same a year earlier",
        doc: docs::COMPARE,
        compute: calendar,
    },
    Method {
        name: "trend.linear",
        description: "Linear trend of a series with gaps: slope, interval, test",
        doc: docs::LINEAR,
        compute: trend,
    },
];

/// Reads `n`, `mean` and `sd` of an object.
pub(super) fn period_mean(input: &Input) -> Result<PeriodMean> {
    let (mean, sd) = (input.optional_number("mean")?, input.optional_number("sd")?);
    PeriodMean::new(input.count("n")?, mean, sd)
        .map_err(|error| input.invalid(&error.field, error.problem))
}

fn mean(input: &Input) -> Result<Value> {
    let side = |key| {
        input.optional_object(key, &["n", "mean", "sd"])?.as_ref().map(period_mean).transpose()
    };
    let (current, previous) = (side("current")?, side("previous")?);
    super::reply(&period::change(current, previous, input.confidence()?))
}

fn series(input: &Input) -> Result<Value> {
    let months = input.objects("series", &["period", "n", "mean", "sd"])?;
    let months = months.iter().map(|month| {
        let period = Month::parse(month.text("period")?)
            .ok_or_else(|| month.invalid("period", "must be a month such as 2024-02"))?;
        Ok((period, period_mean(month)?))
    });
    let months = months.collect::<Result<Vec<_>>>()?;
    super::reply(&series::series_change(&months, input.confidence()?)?)
}

fn calendar(input: &Input) -> Result<Value> {
    use calendar::Granularity;
    let options = [
        ("day", Granularity::Day),
        ("week", Granularity::Week),
        ("month", Granularity::Month),
        ("quarter", Granularity::Quarter),
        ("year", Granularity::Year),
    ];
    let granularity = input.choice("granularity", &options, None)?;
    let as_of = input.optional_text("as_of")?;
    super::reply(&calendar::windows(granularity, input.text("period")?, as_of)?)
}

fn trend(input: &Input) -> Result<Value> {
    super::reply(&trend::trend(&input.values("values")?, input.confidence()?))
}
