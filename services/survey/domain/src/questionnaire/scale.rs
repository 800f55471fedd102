//! Scales: grades, their scores, and which of them count as satisfied or bad.

use serde::{Deserialize, Serialize};

use super::{QuestionOption, Texts, is_default};

/// Numbers of grades that a scale may have; 0–100 has 101.
pub const GRADE_COUNTS: [usize; 8] = [2, 3, 4, 5, 7, 10, 11, PERCENT];
/// Grades of 0–100.
pub const PERCENT: usize = 101;

const PERCENT_SATISFIED_FROM: i32 = 80;
const PERCENT_BAD_TO: i32 = 40;
const PROMOTERS_FROM: i32 = 9;
const DETRACTORS_TO: i32 = 6;

/// A scale.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Scale {
    /// Id.
    #[serde(skip_serializing_if = "is_default")]
    pub id: String,
    /// Lowest grade.
    #[serde(skip_serializing_if = "is_default")]
    pub min: i32,
    /// Highest grade.
    #[serde(skip_serializing_if = "is_default")]
    pub max: i32,
    /// All grades from the lowest, or none.
    #[serde(skip_serializing_if = "is_default")]
    pub grades: Vec<Grade>,
    /// Words at the lowest end.
    #[serde(skip_serializing_if = "is_default")]
    pub low_label: Texts,
    /// Words at the highest end.
    #[serde(skip_serializing_if = "is_default")]
    pub high_label: Texts,
    /// The satisfied grade that is next to the others; 0 for the default.
    #[serde(skip_serializing_if = "is_default")]
    pub satisfied_from: i32,
    /// The bad grade that is next to the others; 0 for the default.
    #[serde(skip_serializing_if = "is_default")]
    pub bad_to: i32,
    /// The lowest grade is the best one.
    #[serde(skip_serializing_if = "is_default")]
    pub reversed: bool,
}

/// A grade of a scale.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Grade {
    /// Label.
    #[serde(skip_serializing_if = "is_default")]
    pub label: Texts,
    /// Score, 0 to 100; 0 in all grades for the default.
    #[serde(rename = "score0100", skip_serializing_if = "is_default")]
    pub score_0_100: f64,
    /// Picture.
    #[serde(skip_serializing_if = "is_default")]
    pub face: String,
    /// Reasons to choose from.
    #[serde(skip_serializing_if = "is_default")]
    pub reasons: Vec<QuestionOption>,
}

fn texts(zh: &str, en: &str) -> Texts {
    [("zh-CN", zh), ("en", en)].map(|(tag, text)| (tag.to_owned(), text.to_owned())).into()
}

impl Scale {
    /// The scale of net promoter questions.
    pub fn nps() -> Self {
        Self {
            id: "nps".to_owned(),
            min: 0,
            max: 10,
            low_label: texts("完全不可能", "Not at all likely"),
            high_label: texts("非常可能", "Extremely likely"),
            satisfied_from: PROMOTERS_FROM,
            bad_to: DETRACTORS_TO,
            ..Self::default()
        }
    }

    /// The scale of effort questions that name none: agreement with "it was made easy for me".
    pub fn ces() -> Self {
        let labels = [
            texts("非常不同意", "Strongly disagree"),
            texts("不同意", "Disagree"),
            texts("比较不同意", "Somewhat disagree"),
            texts("一般", "Neither agree nor disagree"),
            texts("比较同意", "Somewhat agree"),
            texts("同意", "Agree"),
            texts("非常同意", "Strongly agree"),
        ];
        let grades = labels.map(|label| Grade { label, ..Grade::default() }).into();
        Self { id: "ces".to_owned(), min: 1, max: 7, grades, ..Self::default() }
    }

    /// Number of grades; 0 when the ends are the wrong way round.
    pub fn count(&self) -> usize {
        let span = self.max.checked_sub(self.min).and_then(|span| span.checked_add(1));
        span.and_then(|span| usize::try_from(span).ok()).unwrap_or(0)
    }

    /// Whether a grade is on it.
    pub fn holds(&self, grade: i32) -> bool {
        (self.min..=self.max).contains(&grade)
    }

    /// What is known of a grade beside its number.
    pub fn grade(&self, grade: i32) -> Option<&Grade> {
        let index = usize::try_from(grade.checked_sub(self.min)?).ok()?;
        self.grades.get(index)
    }

    /// Score of each grade from the lowest, 0 to 100.
    pub fn scores(&self) -> Vec<f64> {
        if self.grades.iter().any(|grade| grade.score_0_100 != 0.0) {
            return self.grades.iter().map(|grade| grade.score_0_100).collect();
        }
        let count = self.count();
        let mut scores: Vec<f64> = (0..count).map(|i| default_score(i, count)).collect();
        if self.reversed {
            scores.reverse();
        }
        scores
    }

    /// Grades that count as satisfied, ascending.
    pub fn satisfied(&self) -> Vec<i32> {
        let bound = self.satisfied_bound();
        self.filtered(|grade| if self.reversed { grade <= bound } else { grade >= bound })
    }

    /// Grades that count as bad, ascending.
    pub fn bad(&self) -> Vec<i32> {
        let bound = self.bad_bound();
        self.filtered(|grade| if self.reversed { grade >= bound } else { grade <= bound })
    }

    /// The satisfied grade that is next to the others.
    pub fn satisfied_bound(&self) -> i32 {
        let count = self.count();
        match self.satisfied_from {
            0 if count == PERCENT && self.reversed => 100 - PERCENT_SATISFIED_FROM,
            0 if count == PERCENT => PERCENT_SATISFIED_FROM,
            0 if self.reversed => self.min + top_count(count) - 1,
            0 => self.max - top_count(count) + 1,
            given => given,
        }
    }

    /// The bad grade that is next to the others.
    pub fn bad_bound(&self) -> i32 {
        let count = self.count();
        match self.bad_to {
            0 if count == PERCENT && self.reversed => 100 - PERCENT_BAD_TO,
            0 if count == PERCENT => PERCENT_BAD_TO,
            0 if self.reversed => self.max - top_count(count) + 1,
            0 => self.min + top_count(count) - 1,
            given => given,
        }
    }

    fn filtered(&self, wanted: impl Fn(i32) -> bool) -> Vec<i32> {
        (self.min..=self.max).filter(|grade| wanted(*grade)).collect()
    }
}

/// Scores when none are given: five grades as is usual in the field, others in equal steps.
fn default_score(index: usize, count: usize) -> f64 {
    const FIVE: [f64; 5] = [0.0, 40.0, 60.0, 80.0, 100.0];
    if count == FIVE.len() {
        return FIVE[index];
    }
    let steps = count.saturating_sub(1).max(1);
    // Whole hundredths first, so that equal steps print as such.
    (index * 10_000 / steps) as f64 / 100.0
}

/// The upper and the lower 40 % of the grades, at least one and never more than half.
fn top_count(count: usize) -> i32 {
    let top = ((count * 4 + 5) / 10).max(1);
    i32::try_from(top).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(min: i32, max: i32, reversed: bool) -> Scale {
        Scale { id: "s".into(), min, max, reversed, ..Scale::default() }
    }

    #[test]
    fn usual_scales_have_the_usual_scores_and_bounds() {
        let check = |min, max, scores: &[f64], satisfied: &[i32], bad: &[i32]| {
            let scale = scale(min, max, false);
            assert_eq!(scale.scores(), scores);
            assert_eq!((scale.satisfied(), scale.bad()), (satisfied.to_vec(), bad.to_vec()));
        };
        check(1, 2, &[0.0, 100.0], &[2], &[1]);
        check(1, 3, &[0.0, 50.0, 100.0], &[3], &[1]);
        check(1, 4, &[0.0, 33.33, 66.66, 100.0], &[3, 4], &[1, 2]);
        check(1, 5, &[0.0, 40.0, 60.0, 80.0, 100.0], &[4, 5], &[1, 2]);
        let percent = scale(0, 100, false);
        assert_eq!((percent.satisfied().len(), percent.bad().len()), (21, 41));
        assert_eq!(percent.scores()[37], 37.0);
    }

    #[test]
    fn a_reversed_scale_is_the_mirror_of_the_other() {
        for (min, max) in [(1, 2), (1, 3), (1, 4), (1, 5), (1, 7), (1, 10), (0, 10), (0, 100)] {
            let (plain, turned) = (scale(min, max, false), scale(min, max, true));
            let mirror = |grades: Vec<i32>| -> Vec<i32> {
                grades.into_iter().rev().map(|grade| min + max - grade).collect()
            };
            assert_eq!(turned.satisfied(), mirror(plain.satisfied()), "{min}–{max}");
            assert_eq!(turned.bad(), mirror(plain.bad()), "{min}–{max}");
            let mut scores = plain.scores();
            scores.reverse();
            assert_eq!(turned.scores(), scores);
        }
    }

    #[test]
    fn promoters_and_detractors_are_as_everywhere() {
        assert_eq!(Scale::nps().satisfied(), [9, 10]);
        assert_eq!(Scale::nps().bad(), [0, 1, 2, 3, 4, 5, 6]);
    }
}
