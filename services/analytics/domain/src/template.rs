//! What a grade means: score, satisfied or not, bad or not. Fixed when a template is created,
//! so a figure can always be explained by the definitions that made it.

use std::fmt::Write as _;

use uuid::Uuid;

use crate::fact::Grade;

/// Satisfied from this value on, on a 0-100 scale that names none.
pub const SATISFIED_FROM_DEFAULT: i32 = 80;
/// Bad up to this value, on a 0-100 scale that names none.
pub const BAD_TO_DEFAULT: i32 = 40;

/// What one grade means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Meaning {
    /// Score, 0 to 100.
    pub score: f64,
    /// Counted in CSAT.
    pub satisfied: bool,
    /// Counted as bad.
    pub bad: bool,
}

/// The definition of a template, as far as figures need it.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Its id.
    pub id: Uuid,
    /// Item codes; the first is the overall item.
    pub items: Vec<String>,
    /// Smallest grade.
    pub scale_min: i32,
    /// Largest grade.
    pub scale_max: i32,
    /// Each grade's meaning; empty on a 0-100 scale, where the grade is the score.
    pub grades: Vec<(i32, Meaning)>,
    /// Whether grades are likelihoods of a recommendation.
    pub nps: bool,
    /// On a 0-100 scale: satisfied from this value on.
    pub satisfied_from: i32,
    /// On a 0-100 scale: bad up to this value.
    pub bad_to: i32,
}

impl Template {
    /// Smallest and largest grade: templates with the same may be shown in one distribution.
    pub fn scale(&self) -> (i32, i32) {
        (self.scale_min, self.scale_max)
    }

    /// Whether a net promoter score is made of the grades, likelihoods from 0 to 10.
    pub fn is_nps(&self) -> bool {
        self.nps
    }

    /// What a grade means; `None` off the scale.
    pub fn meaning(&self, grade: Grade) -> Option<Meaning> {
        let value = grade.value();
        if !self.grades.is_empty() {
            return self.grades.iter().find(|(v, _)| *v == value).map(|(_, meaning)| *meaning);
        }
        let on_scale = (self.scale_min..=self.scale_max).contains(&value);
        on_scale.then(|| Meaning {
            score: f64::from(value),
            satisfied: value >= self.satisfied_from,
            bad: value <= self.bad_to,
        })
    }

    /// Grades of the scale, for a distribution without holes; none on a 0-100 scale.
    pub fn values(&self) -> impl Iterator<Item = i32> {
        self.grades.iter().map(|(value, _)| *value)
    }

    /// The definition in one line, the same for the same meaning: id, scale, limits, then
    /// `value=score` with `+` for satisfied and `-` for bad.
    pub fn canonical(&self) -> String {
        let mut text = format!("{} {}..{}", self.id.simple(), self.scale_min, self.scale_max);
        if self.grades.is_empty() {
            let _ = write!(text, " satisfied>={} bad<={}", self.satisfied_from, self.bad_to);
        }
        let mut grades = self.grades.clone();
        grades.sort_by_key(|(value, _)| *value);
        for (value, meaning) in grades {
            let marks = match (meaning.satisfied, meaning.bad) {
                (true, true) => "+-",
                (true, false) => "+",
                (false, true) => "-",
                (false, false) => "",
            };
            let _ = write!(text, " {value}={}{marks}", meaning.score);
        }
        text
    }
}

/// The canonical text of several definitions: one line each, ordered by id.
pub fn canonical<'a>(templates: impl IntoIterator<Item = &'a Template>) -> String {
    let mut lines: Vec<String> = templates.into_iter().map(Template::canonical).collect();
    lines.sort();
    lines.dedup();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hundred() -> Template {
        Template {
            id: Uuid::from_u128(1),
            items: vec!["overall".to_owned()],
            scale_min: 0,
            scale_max: 100,
            grades: Vec::new(),
            nps: false,
            satisfied_from: SATISFIED_FROM_DEFAULT,
            bad_to: BAD_TO_DEFAULT,
        }
    }

    #[test]
    fn on_a_scale_of_a_hundred_the_grade_is_the_score() {
        let meaning = |value| hundred().meaning(Grade::new(value).unwrap());
        assert_eq!(meaning(80), Some(Meaning { score: 80.0, satisfied: true, bad: false }));
        assert_eq!(meaning(40), Some(Meaning { score: 40.0, satisfied: false, bad: true }));
        assert_eq!(meaning(101), None);
    }

    #[test]
    fn the_canonical_text_does_not_depend_on_order() {
        let with = |order: [i32; 2]| Template {
            scale_min: 1,
            scale_max: 2,
            grades: order
                .map(|v| {
                    let satisfied = v == 2;
                    (v, Meaning { score: f64::from(v * 50), satisfied, bad: !satisfied })
                })
                .to_vec(),
            ..hundred()
        };
        assert_eq!(with([1, 2]).canonical(), with([2, 1]).canonical());
        let text = canonical([&with([1, 2]), &hundred(), &hundred()]);
        assert_eq!(
            text,
            "00000000000000000000000000000001 0..100 satisfied>=80 bad<=40\n\
             00000000000000000000000000000001 1..2 1=50- 2=100+"
        );
    }
}
