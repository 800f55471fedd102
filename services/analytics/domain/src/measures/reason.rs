//! Why a statistic is missing, and what makes an input impossible.

use serde::Serialize;

/// Why the data do not allow a statistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nobody answered, or nothing is left after removing what is missing.
    NoData,
    /// Fewer values than the statistic needs.
    NTooSmall,
    /// Fewer items than the statistic needs.
    TooFewItems,
    /// All values agree, so that there is nothing to divide by.
    ZeroVariance,
    /// A denominator is 0.
    ZeroDenominator,
    /// A table has fewer than two rows or columns with answers.
    DegenerateTable,
    /// An exact test was asked for, but values are tied.
    TiesPresent,
    /// Columns depend on each other linearly.
    Singular,
    /// A combination of drivers tells the outcomes apart without error, so that no finite
    /// coefficient fits best.
    Separation,
    /// A target has no respondents.
    EmptyCell,
    /// A variance of the model has reached 0.
    HeywoodCase,
    /// An iteration did not settle within its steps.
    NotConverged,
}

/// An input that no data could make right: which field, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct Invalid {
    /// Path of the field, such as `values[3]` or `a.promoters`.
    pub field: String,
    /// What is wrong, to be read after the name of the field.
    pub problem: String,
}

impl Invalid {
    /// An error about `field`.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Invalid {
        Invalid { field: field.into(), problem: problem.into() }
    }
}

/// The result of a method: its output, or what is wrong with the input.
pub type Result<T> = std::result::Result<T, Invalid>;
