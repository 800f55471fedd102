//! Quality of answers.

mod docs;
pub mod longstring;

use serde_json::Value;

use super::Method;
use super::input::Input;
use super::reason::Result;

/// The methods of this family.
pub(super) const METHODS: &[Method] = &[Method {
    name: "quality.longstring",
    description: "Straight-lining: the longest run of equal answers of each respondent",
    doc: docs::LONGSTRING,
    compute: longstring,
}];

fn longstring(input: &Input) -> Result<Value> {
    let min_items = input.optional_count("min_items")?.unwrap_or(5);
    if min_items == 0 {
        return Err(input.invalid("min_items", "must be at least 1"));
    }
    super::reply(&longstring::longstring(&input.groups("rows")?, min_items as usize))
}
