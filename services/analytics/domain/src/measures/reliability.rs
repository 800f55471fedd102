//! Reliability and validity: whether the items of a block measure one thing.

pub mod alpha;

use serde_json::Value;

use super::Method;
use super::input::Input;
use super::reason::Result;

/// The methods of this family.
pub(super) const METHODS: &[Method] = &[
    Method {
        name: "reliability.alpha",
        description: "Cronbach's alpha with Feldt interval and item diagnostics",
        fields: &["items", "conf_level"],
        compute: alpha,
    },
    Method {
        name: "reliability.alpha_summary",
        description: "Cronbach's alpha from published variances or standard deviations",
        fields: &["item_variances", "item_sds", "total_variance"],
        compute: alpha_summary,
    },
];

fn alpha(input: &Input) -> Result<Value> {
    super::reply(&alpha::alpha(&input.rows("items")?, input.confidence()?)?)
}

fn alpha_summary(input: &Input) -> Result<Value> {
    let given = input.optional_numbers("item_variances")?;
    let variances = match (given, input.optional_numbers("item_sds")?) {
        (Some(_), Some(_)) => {
            return Err(input.invalid("item_sds", "must not be given beside item_variances"));
        }
        (Some(variances), None) => variances,
        (None, Some(sds)) => match sds.iter().position(|sd| *sd < 0.0) {
            Some(j) => {
                return Err(input.invalid(&format!("item_sds[{j}]"), "must not be negative"));
            }
            None => sds.iter().map(|sd| sd * sd).collect(),
        },
        (None, None) => {
            return Err(input.invalid("item_variances", "is required, or item_sds"));
        }
    };
    super::reply(&alpha::alpha_summary(&variances, input.number("total_variance")?)?)
}
