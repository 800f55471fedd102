//! Samples: how many to ask, whom, and how many of them answered.

pub mod allocation;
mod docs;
pub mod outcome;
pub mod size;

use serde_json::Value;

use self::allocation::{Allocation, Stratum};
use self::outcome::{Outcomes, Returns};
use self::size::{MeanPlan, SharePlan};
use super::Method;
use super::input::Input;
use super::reason::Result;

/// Answers below which a base is low where nothing else is said.
const MIN_N: u64 = 10;
/// Least return rate where nothing else is said.
const RETURN_MIN: f64 = 0.7;

/// The methods of this family.
pub(super) const METHODS: &[Method] = &[
    Method {
        name: "sample.size_proportion",
        description: "Answers needed for a share within a margin, and whom to invite for them",
        doc: docs::SIZE_PROPORTION,
        compute: size_proportion,
    },
    Method {
        name: "sample.size_mean",
        description: "Answers needed for a mean within a margin",
        doc: docs::SIZE_MEAN,
        compute: size_mean,
    },
    Method {
        name: "sample.margin",
        description: "Margin of error of a share that a number of answers gives",
        doc: docs::MARGIN,
        compute: margin,
    },
    Method {
        name: "sample.allocate",
        description: "Division of a sample among strata: proportional, Neyman or equal",
        doc: docs::ALLOCATE,
        compute: allocate,
    },
    Method {
        name: "response.aapor",
        description: "Response, cooperation, refusal and contact rates of the AAPOR",
        doc: docs::AAPOR,
        compute: aapor,
    },
    Method {
        name: "response.return_rate",
        description: "Return rate of questionnaires and whether it suffices",
        doc: docs::RETURN_RATE,
        compute: return_rate,
    },
];

fn size_proportion(input: &Input) -> Result<Value> {
    let plan = SharePlan {
        margin: input.number("margin")?,
        p: input.optional_number("p")?.unwrap_or(0.5),
        population: input.optional_count("population")?,
        design_effect: input.optional_number("deff")?.unwrap_or(1.0),
        response_rate: input.optional_number("response_rate")?.unwrap_or(1.0),
        min_n: input.optional_count("min_n")?.unwrap_or(MIN_N),
    };
    super::reply(&size::for_share(plan, input.confidence()?)?)
}

fn size_mean(input: &Input) -> Result<Value> {
    let plan = MeanPlan {
        margin: input.number("margin")?,
        sd: input.number("sd")?,
        population: input.optional_count("population")?,
        min_n: input.optional_count("min_n")?.unwrap_or(MIN_N),
    };
    super::reply(&size::for_mean(plan, input.confidence()?)?)
}

fn margin(input: &Input) -> Result<Value> {
    let p = input.optional_number("p")?.unwrap_or(0.5);
    let population = input.optional_count("population")?;
    super::reply(&size::margin(input.count("n")?, p, population, input.confidence()?)?)
}

fn allocate(input: &Input) -> Result<Value> {
    let ways = [
        ("proportional", Allocation::Proportional),
        ("neyman", Allocation::Neyman),
        ("equal", Allocation::Equal),
    ];
    let how = input.choice("method", &ways, None)?;
    let strata = input.objects("strata", &["id", "size", "sd"])?;
    let strata = strata.iter().map(|stratum| {
        stratum.optional_text("id")?;
        let sd = match how {
            Allocation::Neyman => stratum.number("sd")?,
            _ => stratum.optional_number("sd")?.unwrap_or(0.0),
        };
        Ok(Stratum { size: stratum.count("size")?, sd })
    });
    let strata = strata.collect::<Result<Vec<_>>>()?;
    let min = input.optional_count("min_per_stratum")?.unwrap_or(0);
    super::reply(&allocation::allocate(&strata, input.count("n")?, how, min)?)
}

fn aapor(input: &Input) -> Result<Value> {
    super::reply(&outcome::rates(Outcomes {
        interviews: input.number("I")?,
        partial: input.number("P")?,
        refusals: input.number("R")?,
        non_contacts: input.number("NC")?,
        other: input.number("O")?,
        unknown_household: input.number("UH")?,
        unknown_other: input.number("UO")?,
        eligible: input.number("e")?,
    })?)
}

fn return_rate(input: &Input) -> Result<Value> {
    super::reply(&outcome::return_rate(Returns {
        sent: input.count("sent")?,
        undeliverable: input.optional_count("undeliverable")?.unwrap_or(0),
        returned: input.count("returned")?,
        valid: input.count("valid")?,
        threshold: input.optional_number("threshold")?.unwrap_or(RETURN_MIN),
        min_n: input.optional_count("min_n")?.unwrap_or(MIN_N),
    })?)
}
