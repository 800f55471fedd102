//! Importance and priorities: which drivers move an outcome, and what to do first.

pub mod correlation;
mod docs;
pub mod drivers;
pub mod kano;
pub mod quadrants;
pub mod regression;
pub mod relative;

use serde_json::Value;

use self::drivers::Drivers;
use super::Method;
use super::input::Input;
use super::reason::Result;

/// The methods of this family.
pub(super) const METHODS: &[Method] = &[
    Method {
        name: "importance.correlation",
        description: "Correlation of each driver with the outcome: Pearson and Spearman",
        doc: docs::CORRELATION,
        compute: |input| {
            let (y, x) = (input.values("y")?, input.columns("x")?);
            super::reply(&correlation::correlation(&y, &x, input.confidence()?)?)
        },
    },
    Method {
        name: "importance.regression",
        description: "Standardised regression of the outcome on all drivers",
        doc: docs::REGRESSION,
        compute: |input| super::reply(&regression::regression(&drivers(input)?)),
    },
    Method {
        name: "importance.johnson",
        description: "Johnson's relative weights: the default importance of drivers",
        doc: docs::JOHNSON,
        compute: |input| super::reply(&relative::johnson(&drivers(input)?, input.resampling()?)?),
    },
    Method {
        name: "importance.shapley",
        description: "Shapley values of R² (LMG), exact for up to 15 drivers",
        doc: docs::SHAPLEY,
        compute: |input| super::reply(&relative::shapley(&drivers(input)?, input.resampling()?)?),
    },
    Method {
        name: "ipa.quadrants",
        description: "Importance-performance analysis: four quadrants and priorities",
        doc: docs::QUADRANTS,
        compute: ipa,
    },
    Method {
        name: "kano.coefficients",
        description: "Kano: better and worse coefficients and the category",
        doc: docs::COEFFICIENTS,
        compute: kano,
    },
];

fn drivers(input: &Input) -> Result<Drivers> {
    Drivers::new(input.values("y")?, input.columns("x")?)
}

fn ipa(input: &Input) -> Result<Value> {
    use quadrants::{Cut, Item};
    let items = input.objects("items", &["id", "importance", "performance"])?;
    let item = |item: &Input| {
        Ok(Item {
            id: item.text("id")?.to_owned(),
            importance: item.optional_number("importance")?,
            performance: item.optional_number("performance")?,
        })
    };
    let items = items.iter().map(item).collect::<Result<Vec<_>>>()?;
    let by_value = input.choice("cut", &[("mean", false), ("value", true)], Some(false))?;
    let cut = if by_value {
        let (importance, performance) =
            (input.number("cut_importance")?, input.number("cut_performance")?);
        Cut::Value { importance, performance }
    } else {
        if input.optional_number("cut_importance")?.is_some() {
            return Err(input.invalid("cut_importance", "is only for the cut value"));
        }
        if input.optional_number("cut_performance")?.is_some() {
            return Err(input.invalid("cut_performance", "is only for the cut value"));
        }
        Cut::Mean
    };
    super::reply(&quadrants::quadrants(&items, cut)?)
}

fn kano(input: &Input) -> Result<Value> {
    let counts = input.object("counts", &["A", "O", "M", "I", "R", "Q"])?;
    super::reply(&kano::coefficients(&kano::Counts {
        attractive: counts.count("A")?,
        one_dimensional: counts.count("O")?,
        must_be: counts.count("M")?,
        indifferent: counts.count("I")?,
        reverse: counts.count("R")?,
        questionable: counts.count("Q")?,
    }))
}
