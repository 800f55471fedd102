//! What is said of the methods of change over time.

use crate::measures::field::Kind::{Choice, Count, List, Number, Object, Share, Text};
use crate::measures::field::{CONF_LEVEL, Doc, Field, REASON, VALUES, given, optional, required};

/// Answers of a period in three numbers.
pub(in crate::measures) const MOMENTS: [Field; 3] = [
    required("n", Count, "values"),
    optional("mean", Number, "their mean; needed when n is above 0"),
    optional("sd", Number, "their standard deviation; needed when n is above 1")
        .within("not negative"),
];
const MONTHS: &[Field] = &[
    required("period", Text, "month, given once").within("YYYY-MM"),
    MOMENTS[0],
    MOMENTS[1],
    MOMENTS[2],
];

/// `change.mean`
pub(super) const MEAN: Doc = Doc {
    formula: "Welch's t and interval from n, mean and sd; relative change m1/m0 - 1 with \
         interval exp(ln(m1/m0) ± z√[s1²/(n1·m1²) + s0²/(n0·m0²)]) - 1",
    source: "Welch (1947); the delta method for the logarithm of a ratio",
    input: &[
        optional("current", Object(&MOMENTS), "the period now; null when there is none"),
        optional("previous", Object(&MOMENTS), "the period before; null when there is none"),
        CONF_LEVEL,
    ],
    result: &[
        given("diff", Number, "m1 - m0"),
        given("pct_change", Number, "m1/m0 - 1, only when m0 > 0"),
        given("t", Number, "Welch's t"),
        given("df", Number, "Satterthwaite's degrees of freedom"),
        given("p", Share, "two-sided p-value"),
        given("ci_low", Number, "lower end of the t interval of the difference"),
        given("ci_high", Number, "upper end of the t interval of the difference"),
        given(
            "pct_low",
            Number,
            "lower end of the interval of the relative change, only when both means are positive",
        ),
        given(
            "pct_high",
            Number,
            "upper end of the interval of the relative change, only when both means are positive",
        ),
        REASON,
    ],
    example: r#"
        {"current": {"n": 120, "mean": 82.5, "sd": 14.2}, "previous": {"n": 98, "mean": 79.1,
        "sd": 15}}"#,
};

/// `change.series`
pub(super) const SERIES: Doc = Doc {
    formula: "change.mean of each month against the calendar month before and against the same \
         month a year earlier; a month that is absent is never bridged",
    source: "Welch (1947)",
    input: &[required("series", List(&Object(MONTHS)), "the months"), CONF_LEVEL],
    result: &[given(
        "series",
        List(&Object(&[
            given("period", Text, "the month, `YYYY-MM`"),
            given("pop_diff", Number, "mean minus that of the month before (环比)"),
            given("pop_low", Number, "lower end of its t interval"),
            given("pop_high", Number, "upper end of its t interval"),
            given("pop_p", Share, "two-sided p-value"),
            given("pop_pct", Number, "relative change as a proportion"),
            given("yoy_diff", Number, "mean minus that of the same month a year earlier (同比)"),
            given("yoy_low", Number, "lower end of its t interval"),
            given("yoy_high", Number, "upper end of its t interval"),
            given("yoy_p", Share, "two-sided p-value"),
            given("yoy_pct", Number, "relative change as a proportion"),
        ])),
        "one entry per month",
    )],
    example: r#"
        {"series": [{"period": "2024-01", "n": 96, "mean": 71.8, "sd": 11.2}, {"period":
        "2024-02", "n": 92, "mean": 76.5, "sd": 13.5}]}"#,
};

/// `period.compare`
pub(super) const COMPARE: Doc = Doc {
    formula: "[start, end); previous = the period just before; yoy = the same label a year \
         earlier, week 53 becoming 52 and 29 February 28; with as_of all three are cut to \
         the same number of days",
    source: "ISO 8601 calendar",
    input: &[
        required(
            "granularity",
            Choice(&["day", "week", "month", "quarter", "year"]),
            "length of the period",
        ),
        required("period", Text, "the period")
            .within("2024-02-29, 2024-W07, 2024-02, 2024-Q1 or 2024"),
        optional("as_of", Text, "last day to count; all windows are cut to as many days")
            .within("YYYY-MM-DD"),
    ],
    result: &[
        given("start", Text, "first date of the period"),
        given("end", Text, "date after the period"),
        given("previous_start", Text, "first date of the period just before (环比)"),
        given("previous_end", Text, "date after it"),
        given("yoy_start", Text, "first date of the same period a year earlier (同比)"),
        given("yoy_end", Text, "date after it"),
    ],
    example: r#"{"granularity": "month", "period": "2024-03", "as_of": "2024-03-15"}"#,
};

/// `trend.linear`
pub(super) const LINEAR: Doc = Doc {
    formula: "slope Sxy/Sxx, se √(SSE/(n-2)/Sxx), t(n-2) interval, r² = 1 - SSE/SST",
    source: "ordinary least squares",
    input: &[required("values", VALUES, "a value per period; null is a gap"), CONF_LEVEL],
    result: &[
        given("n", Count, "points used"),
        given("slope", Number, "change per step"),
        given("intercept", Number, "level at position 0"),
        given("se", Number, "standard error of the slope"),
        given("t", Number, "slope/se"),
        given("p", Share, "two-sided p-value"),
        given("ci_low", Number, "lower end of the t interval of the slope"),
        given("ci_high", Number, "upper end of the t interval of the slope"),
        given("r2", Share, "share of the variance that the line explains"),
        REASON,
    ],
    example: r#"{"values": [71.2, 72.5, null, 73.1, 72.8, 74.4]}"#,
};
