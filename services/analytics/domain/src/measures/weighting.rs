//! Weights of respondents, so that a sample looks like those it stands for.

pub mod cells;
mod docs;
pub mod rake;

use serde_json::Value;

use self::rake::Margin;
use super::Method;
use super::input::Input;
use super::reason::Result;

/// The methods of this family.
pub(super) const METHODS: &[Method] = &[
    Method {
        name: "weighting.rake",
        description: "Weights that meet the margins of several variables (raking, RIM)",
        doc: docs::RAKE,
        compute: rake,
    },
    Method {
        name: "weighting.poststratify",
        description: "Weights that meet the sizes of strata",
        doc: docs::POSTSTRATIFY,
        compute: poststratify,
    },
    Method {
        name: "weighting.nonresponse",
        description: "Weights by which those who answered stand for those of their class",
        doc: docs::NONRESPONSE,
        compute: nonresponse,
    },
];

fn rake(input: &Input) -> Result<Value> {
    let categories = input.named_texts("categories")?;
    let targets = input.named_tables("targets")?;
    if let Some((name, _)) =
        targets.iter().find(|(name, _)| categories.iter().all(|c| c.0 != *name))
    {
        let name: String = name.chars().take(64).collect();
        return Err(input.invalid(&format!("targets.{name}"), "is none of the categories"));
    }
    let margins = categories.iter().map(|(name, categories)| {
        let targets = targets.iter().find(|(of, _)| of == name);
        let targets = targets.map_or(&[] as &[_], |(_, targets)| targets);
        Margin { name, categories, targets }
    });
    let base = input.optional_values("base_weights")?;
    super::reply(&rake::rake(&margins.collect::<Vec<_>>(), base.as_deref())?)
}

fn poststratify(input: &Input) -> Result<Value> {
    let (strata, targets) = (input.texts("stratum")?, input.named_numbers("targets")?);
    let base = input.optional_values("base_weights")?;
    super::reply(&cells::poststratify(&strata, &targets, base.as_deref())?)
}

fn nonresponse(input: &Input) -> Result<Value> {
    let (classes, responded) = (input.texts("class")?, input.flags("responded")?);
    let base = input.optional_values("base_weights")?;
    super::reply(&cells::nonresponse(&classes, &responded, base.as_deref())?)
}
