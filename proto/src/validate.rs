//! Checks a request against the limits that its fields declare. The checks themselves are
//! generated; this is what they call.

use std::collections::BTreeMap;

use crate::names;

/// A message whose field rules can be checked.
pub trait Validate {
    /// Reports each broken rule to `c`.
    fn check(&self, c: &mut Check);
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON path of the field, such as `unit.displayName` or `events[3].ticket`.
    pub field: String,
    /// What is wrong, without repeating the value.
    pub description: String,
}

/// Says that a required field was left out.
const MISSING: &str = "is required";

impl Violation {
    /// Whether a required field was left out.
    pub fn is_missing(&self) -> bool {
        self.description == MISSING
    }
}

/// Collects violations while walking a message.
#[derive(Default)]
pub struct Check {
    path: String,
    found: Vec<Violation>,
}

/// All broken rules of `message`; empty when it is sound.
pub fn violations(message: &impl Validate) -> Vec<Violation> {
    let mut check = Check::default();
    message.check(&mut check);
    check.found
}

const SECONDS_MIN: i64 = -62_135_596_800; // 0001-01-01
const SECONDS_MAX: i64 = 253_402_300_799; // 9999-12-31
const MASK_PATHS_MAX: usize = 50;

impl Check {
    fn report(&mut self, field: &str, description: impl Into<String>) {
        let field = format!("{}{field}", self.path);
        self.found.push(Violation { field, description: description.into() });
    }

    pub(crate) fn text(&mut self, field: &str, value: &str, max_len: usize, required: bool) {
        if required && value.is_empty() {
            self.report(field, MISSING);
        }
        // Bytes bound characters from above, so most texts need no count.
        if value.len() > max_len && value.chars().count() > max_len {
            self.report(field, format!("is longer than {max_len} characters"));
        }
        if value.contains('\0') {
            self.report(field, "contains a NUL character");
        }
    }

    pub(crate) fn text_at(&mut self, field: &str, index: usize, value: &str, max_len: usize) {
        if value.len() <= max_len && !value.contains('\0') {
            return;
        }
        self.text(&format!("{field}[{index}]"), value, max_len, false);
    }

    pub(crate) fn name(&mut self, field: &str, value: &str, collections: &str, required: bool) {
        if value.is_empty() {
            if required {
                self.report(field, MISSING);
            }
        } else if !collections.split('|').any(|c| names::is_name_of(c, value)) {
            let want = collections.replace('|', "/… or ");
            self.report(field, format!("is no resource name {want}/…"));
        }
    }

    pub(crate) fn name_at(&mut self, field: &str, index: usize, value: &str, collections: &str) {
        self.name(&format!("{field}[{index}]"), value, collections, true);
    }

    pub(crate) fn finite(&mut self, field: &str, value: f64) {
        if !value.is_finite() {
            self.report(field, "is not a finite number");
        }
    }

    pub(crate) fn known(&mut self, field: &str, known: bool) {
        if !known {
            self.report(field, "is no value of this enumeration");
        }
    }

    pub(crate) fn time(&mut self, field: &str, value: Option<&prost_types::Timestamp>, req: bool) {
        match value {
            None if req => self.report(field, MISSING),
            Some(t)
                if !(SECONDS_MIN..=SECONDS_MAX).contains(&t.seconds)
                    || !(0..1_000_000_000).contains(&t.nanos) =>
            {
                self.report(field, "is outside of the years 0001 to 9999");
            }
            _ => {}
        }
    }

    pub(crate) fn mask(&mut self, field: &str, value: Option<&prost_types::FieldMask>) {
        if value.is_some_and(|mask| mask.paths.len() > MASK_PATHS_MAX) {
            self.report(field, format!("has more than {MASK_PATHS_MAX} paths"));
        }
    }

    pub(crate) fn items(&mut self, field: &str, len: usize, max_items: usize, required: bool) {
        if required && len == 0 {
            self.report(field, MISSING);
        }
        if len > max_items {
            self.report(field, format!("has more than {max_items} items"));
        }
    }

    pub(crate) fn map(
        &mut self,
        field: &str,
        map: &BTreeMap<String, String>,
        max_items: usize,
        max_len: usize,
    ) {
        self.items(field, map.len(), max_items, false);
        for (key, value) in map {
            self.text(&format!("{field}[{}]", shorten(key)), value, max_len, false);
            self.text(field, key, max_len, true);
        }
    }

    pub(crate) fn inner<M: Validate>(&mut self, field: &str, value: Option<&M>, required: bool) {
        match value {
            None if required => self.report(field, MISSING),
            None => {}
            Some(message) => self.descend(&format!("{field}."), message),
        }
    }

    pub(crate) fn each<M: Validate>(&mut self, field: &str, values: &[M]) {
        for (index, message) in values.iter().enumerate() {
            self.descend(&format!("{field}[{index}]."), message);
        }
    }

    fn descend<M: Validate>(&mut self, step: &str, message: &M) {
        let before = self.path.len();
        self.path.push_str(step);
        message.check(self);
        self.path.truncate(before);
    }
}

fn shorten(key: &str) -> String {
    key.chars().take(20).collect()
}

include!(concat!(env!("OUT_DIR"), "/validators.rs"));
