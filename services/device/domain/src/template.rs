//! What a device asks: scales, scores, texts and reasons. A template never changes once it
//! exists; a change is a new template.

mod draft;
mod standard;

use std::collections::BTreeMap;

use uuid::Uuid;

pub use draft::{Draft, GradeDraft};
pub use standard::standard;

/// A text by language tag.
pub type Texts = BTreeMap<String, String>;

/// Numbers of grades that a scale may have.
pub const GRADE_COUNTS: [usize; 7] = [2, 3, 4, 5, 7, 10, 11];

/// A reason that may go with a grade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Stable code.
    pub code: String,
    /// Label.
    pub label: Texts,
}

/// One grade of a scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Grade {
    /// What the device sends.
    pub value: i32,
    /// Label.
    pub label: Texts,
    /// Score on 0 to 100.
    pub score: f64,
    /// Picture name.
    pub face: String,
    /// Reasons to choose from.
    pub reasons: Vec<Reason>,
    /// Whether it counts as satisfied.
    pub satisfied: bool,
    /// Whether it counts as bad (中差评).
    pub bad: bool,
}

/// What is rated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Stable code.
    pub code: String,
    /// Question text.
    pub text: Texts,
}

/// What a device asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Id.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Display name.
    pub display_name: String,
    /// Items, the overall grade first; at least one.
    pub items: Vec<Item>,
    /// Grades, lowest value first; empty for 0 to 100.
    pub grades: Vec<Grade>,
    /// Smallest value.
    pub scale_min: i32,
    /// Largest value.
    pub scale_max: i32,
    /// Of 0 to 100: smallest value that counts as satisfied; otherwise 0.
    pub satisfied_from: i32,
    /// Of 0 to 100: largest value that counts as bad; otherwise 0.
    pub bad_to: i32,
    /// Prompt.
    pub prompt: Texts,
    /// Seconds until the prompt times out.
    pub prompt_timeout_s: i32,
    /// Whether a comment may be given.
    pub comment_allowed: bool,
    /// Since when it may be shown.
    pub valid_from_us: Option<i64>,
    /// Until when it may be shown.
    pub valid_to_us: Option<i64>,
    /// Whether devices without a template of their own show it.
    pub is_default: bool,
    /// When it was created.
    pub create_us: i64,
    /// When it was retired.
    pub retire_us: Option<i64>,
}

impl Template {
    /// Whether the value is on its scale.
    pub fn on_scale(&self, value: i32) -> bool {
        (self.scale_min..=self.scale_max).contains(&value)
    }

    /// Score of a value, 0 to 100; values off the scale have none.
    pub fn score(&self, value: i32) -> Option<f64> {
        if !self.on_scale(value) {
            return None;
        }
        match self.grade(value) {
            Some(grade) => Some(grade.score),
            None => Some(f64::from(value)),
        }
    }

    /// Whether the value counts as satisfied.
    pub fn is_satisfied(&self, value: i32) -> bool {
        let by_bound = || self.on_scale(value) && value >= self.satisfied_from;
        self.grade(value).map_or_else(|| self.grades.is_empty() && by_bound(), |g| g.satisfied)
    }

    /// Whether the value counts as bad.
    pub fn is_bad(&self, value: i32) -> bool {
        let by_bound = || self.on_scale(value) && value <= self.bad_to;
        self.grade(value).map_or_else(|| self.grades.is_empty() && by_bound(), |g| g.bad)
    }

    /// Whether an item of that code is rated.
    pub fn has_item(&self, code: &str) -> bool {
        self.items.iter().any(|item| item.code == code)
    }

    /// Whether that reason may go with that value.
    pub fn has_reason(&self, value: i32, code: &str) -> bool {
        self.grade(value).is_some_and(|g| g.reasons.iter().any(|reason| reason.code == code))
    }

    /// Whether it may be shown at that instant.
    pub fn is_shown_at(&self, us: i64) -> bool {
        let begun = self.valid_from_us.is_none_or(|from| from <= us);
        let over = self.valid_to_us.is_some_and(|to| to <= us);
        begun && !over && self.retire_us.is_none()
    }

    fn grade(&self, value: i32) -> Option<&Grade> {
        let index = usize::try_from(value.checked_sub(self.scale_min)?).ok()?;
        self.grades.get(index)
    }
}
