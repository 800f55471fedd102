//! Statistical methods as pure functions: numbers in, numbers out, no I/O, no clock, no chance.
//!
//! A folder per family holds the functions with formula, source, units, edge cases and errors;
//! they know nothing of JSON. The file beside the folder reads JSON input for them and lists
//! them, and [`all`] gathers those lists: what is computed by name and what is listed come from
//! one table.
//!
//! Conventions of every method:
//!
//! - A missing answer is null, never 0. A method that uses several columns at once leaves out
//!   rows with a missing value; `n` is the number of rows used.
//! - An input that no data could make right is an [`Invalid`] that names the field. Data that do
//!   not allow a statistic give null with a [`Reason`]; never NaN, infinity or a silent 0.
//! - Variances use n - 1 unless a formula says otherwise, quantiles are of type 7, ties get
//!   mid-ranks, p-values are two-sided, `conf_level` is 0.95 unless given.
//! - Shares and p-values lie in \[0, 1\], NPS in -100..100. Nothing is rounded.
//! - Weights are not negative; only their ratios matter.

pub mod bounds;
pub mod change;
pub mod comparison;
pub mod control;
pub mod covariance;
pub mod distributions;
pub mod field;
pub mod importance;
pub mod index;
pub mod input;
pub mod latent;
pub mod linear;
pub mod loyalty;
pub mod named;
pub mod quality;
pub mod ranking;
pub mod reason;
pub mod reliability;
pub mod resample;
pub mod sample;
pub mod sampling;
pub mod scores;
pub mod text;
pub mod weighting;

use serde::Serialize;
use serde_json::Value;

use self::field::Doc;
use self::input::Input;
pub use self::reason::{Invalid, Reason};

/// A method that can be computed by name.
#[derive(Debug)]
pub struct Method {
    /// Name, such as `reliability.alpha`.
    pub name: &'static str,
    /// What it computes, in one line.
    pub description: &'static str,
    /// Formula, source, fields of input and result, and an example.
    pub doc: Doc,
    compute: fn(&Input) -> reason::Result<Value>,
}

impl Method {
    /// Computes the method from an object with the fields of the method.
    ///
    /// Errors: an input that is malformed or impossible, with the field that is wrong.
    pub fn compute(&self, input: &Value) -> Result<Value, Invalid> {
        let known: Vec<&str> = self.doc.input.iter().map(|field| field.name).collect();
        (self.compute)(&Input::new(input, &known)?)
    }

    /// The example of the documentation as JSON.
    pub fn example(&self) -> Value {
        serde_json::from_str(self.doc.example).expect("examples are valid JSON; a test reads all")
    }
}

/// The families in the order they are listed.
const FAMILIES: &[&[Method]] = &[
    scores::METHODS,
    index::METHODS,
    importance::METHODS,
    reliability::METHODS,
    latent::METHODS,
    comparison::METHODS,
    change::METHODS,
    control::METHODS,
    sampling::METHODS,
    weighting::METHODS,
    ranking::METHODS,
    loyalty::METHODS,
    text::METHODS,
    quality::METHODS,
];

/// Every method.
pub fn all() -> impl Iterator<Item = &'static Method> {
    FAMILIES.iter().copied().flatten()
}

/// The method of that name.
pub fn find(name: &str) -> Option<&'static Method> {
    all().find(|method| method.name == name)
}

/// The output of a method as JSON.
fn reply(output: &impl Serialize) -> reason::Result<Value> {
    Ok(serde_json::to_value(output).expect("outputs are plain records with text keys"))
}
