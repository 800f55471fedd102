//! How a method is described: its formula and source, the fields of its input and of its result.
//! The names in these tables are the names that are accepted.

use std::fmt;

use Kind::{Choice, Count, Likewise, List, Named, Number, Object, OrNull, Share, Text};

/// What users of a method need to know to call it.
#[derive(Debug)]
pub struct Doc {
    /// How it is computed, in one line.
    pub formula: &'static str,
    /// Where the formula comes from.
    pub source: &'static str,
    /// Fields of the input; any other is refused.
    pub input: &'static [Field],
    /// Fields of the result.
    pub result: &'static [Field],
    /// A small input as JSON that computes without error.
    pub example: &'static str,
}

/// A field of an input or of a result.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Name in the JSON object.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Of an input: it must be given. Of a result: it is always there, though it may be null.
    pub required: bool,
    /// Value of an input that is not given, as JSON; empty when there is none.
    pub default: &'static str,
    range: &'static str,
    /// Unit; empty for numbers without one, and for those in the unit of the data.
    pub unit: &'static str,
    /// What it means, in one line.
    pub meaning: &'static str,
}

impl Field {
    /// The same with a range in words, where it is not that of the kind.
    pub const fn within(self, range: &'static str) -> Field {
        Field { range, ..self }
    }

    /// The same with a unit.
    pub const fn of(self, unit: &'static str) -> Field {
        Field { unit, ..self }
    }

    /// Values allowed, such as `0 to 1`; empty when all are.
    pub fn range(&self) -> &'static str {
        match self.kind {
            _ if !self.range.is_empty() => self.range,
            Share => "0 to 1",
            Count => "0 to 1e12",
            _ => "",
        }
    }
}

/// A field of an input that must be given.
pub const fn required(name: &'static str, kind: Kind, meaning: &'static str) -> Field {
    Field { name, kind, required: true, default: "", range: "", unit: "", meaning }
}

/// A field of an input that may be left out, or of a result that is not always there.
pub const fn optional(name: &'static str, kind: Kind, meaning: &'static str) -> Field {
    Field { name, kind, required: false, default: "", range: "", unit: "", meaning }
}

/// A field of an input with the JSON value that it has when it is left out.
pub const fn or(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    meaning: &'static str,
) -> Field {
    Field { name, kind, required: false, default, range: "", unit: "", meaning }
}

/// A field of a result that is always there.
pub const fn given(name: &'static str, kind: Kind, meaning: &'static str) -> Field {
    required(name, kind, meaning)
}

/// What a field holds. Null in place of an input is the same as leaving it out; null in a result
/// has its reason beside or above it.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A finite number of at most 1e50.
    Number,
    /// A whole number.
    Integer,
    /// A whole number that is not negative.
    Count,
    /// A number in \[0, 1\].
    Share,
    /// True or false.
    Flag,
    /// True, false, 1 or 0.
    Bit,
    /// A text.
    Text,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// The same or null, inside a list or an object.
    OrNull(&'static Kind),
    /// A list.
    List(&'static Kind),
    /// An object whose names are free.
    Named(&'static Kind),
    /// An object with these fields.
    Object(&'static [Field]),
    /// A list of objects such as the one it is a field of.
    Likewise,
}

impl Kind {
    fn words(&self, f: &mut fmt::Formatter<'_>, many: bool) -> fmt::Result {
        let s = if many { "s" } else { "" };
        match self {
            Number => write!(f, "number{s}"),
            Kind::Integer | Count => write!(f, "integer{s}"),
            Share => write!(f, "share{s}"),
            Kind::Flag => write!(f, "boolean{s}"),
            Kind::Bit => write!(f, "boolean{s} or 0/1"),
            Text | Choice(_) => write!(f, "text{s}"),
            OrNull(kind) => {
                kind.words(f, many)?;
                f.write_str(" or null")
            }
            List(kind) => {
                write!(f, "list{s} of ")?;
                kind.words(f, true)
            }
            Named(kind) => {
                write!(f, "object{s} of ")?;
                kind.words(f, true)?;
                f.write_str(" by name")
            }
            Object(_) => write!(f, "object{s}"),
            Likewise => f.write_str("list of objects with these fields"),
        }
    }

    /// The texts allowed, of a closed set.
    pub fn choices(&self) -> &'static [&'static str] {
        match self {
            Choice(names) => names,
            OrNull(kind) | List(kind) | Named(kind) => kind.choices(),
            _ => &[],
        }
    }

    /// The fields of the object, or of each object inside.
    pub fn fields(&self) -> &'static [Field] {
        match self {
            Object(fields) => fields,
            OrNull(kind) | List(kind) | Named(kind) => kind.fields(),
            _ => &[],
        }
    }
}

impl fmt::Display for Kind {
    /// In words, such as `list of numbers or null`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.words(f, false)
    }
}

/// A list of numbers without gaps.
pub const NUMBERS: Kind = List(&Number);
/// A list of numbers where null is a missing one.
pub const VALUES: Kind = List(&OrNull(&Number));
/// Rows of numbers where null is a missing one.
pub const ROWS: Kind = List(&VALUES);
/// Rows of numbers without gaps.
pub const MATRIX: Kind = List(&NUMBERS);
/// Lists of numbers by name, all of one length, where null is a missing one.
pub const COLUMNS: Kind = Named(&VALUES);
/// A list of counts.
pub const COUNTS: Kind = List(&Count);
/// A list of texts.
pub const TEXTS: Kind = List(&Text);

/// `conf_level` of an input.
pub const CONF_LEVEL: Field =
    or("conf_level", Number, "0.95", "confidence level of the intervals").within("between 0 and 1");
/// `weights` of an input.
pub const WEIGHTS: Field =
    optional("weights", VALUES, "weight of each row, only ratios matter; 0 or null leaves it out")
        .within("not negative");
/// `base_weights` of an input.
pub const BASE_WEIGHTS: Field =
    optional("base_weights", VALUES, "weight of each row to start from; 0 or null leaves it out")
        .within("not negative");
/// `min_n` of an input.
pub const MIN_N: Field = or("min_n", Count, "10", "answers that are enough");
/// `n_resamples` of an input, where intervals are computed only on request.
pub const N_RESAMPLES: Field =
    optional("n_resamples", Count, "resamples of a bootstrap interval; none when left out")
        .within("1 to 100000");
/// `seed` of an input.
pub const SEED: Field = or("seed", Count, "0", "seed of the resamples: the same gives the same");
/// `items` of an input.
pub const ITEMS: Field =
    required("items", ROWS, "a row per respondent, an answer per item; null is a missing one");

/// `reason` of a result.
pub const REASON: Field = optional("reason", Choice(REASONS), "why something is null");
/// Fields of a bootstrap interval.
pub const BOOTSTRAP: Kind = Object(&[
    given("n_resamples", Count, "resamples"),
    given("seed", Count, "seed they were drawn with"),
    given("valid", Count, "resamples that gave the number"),
    given("low", Number, "lower end"),
    given("high", Number, "upper end"),
    REASON,
]);

const REASONS: &[&str] = &[
    "no_data",
    "n_too_small",
    "too_few_items",
    "zero_variance",
    "zero_denominator",
    "degenerate_table",
    "ties_present",
    "singular",
    "separation",
    "empty_cell",
    "heywood_case",
    "not_converged",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measures::reason::Reason;

    #[test]
    fn kinds_read_as_words() {
        assert_eq!(ROWS.to_string(), "list of lists of numbers or null");
        assert_eq!(COLUMNS.to_string(), "object of lists of numbers or null by name");
        assert_eq!(List(&Object(&[REASON])).to_string(), "list of objects");
        assert_eq!(List(&Object(&[REASON])).fields().len(), 1);
    }

    #[test]
    fn the_list_of_reasons_is_that_of_the_results() {
        let last = serde_json::to_value(Reason::NotConverged).expect("a text");
        assert_eq!(last, REASONS[REASONS.len() - 1]);
        assert_eq!(Reason::NotConverged as usize + 1, REASONS.len());
    }
}
