//! From what somebody wants to ask to a template that is sound and complete.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{GRADE_COUNTS, Grade, Item, Reason, Template, Texts};
use crate::{Error, Result};

const PROMPT_TIMEOUT_S: i32 = 20;
const SATISFIED_FROM: i32 = 80;
const BAD_TO: i32 = 40;

/// A grade as it was given; zeros stand for the default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GradeDraft {
    /// Value, or 0 in all grades to number them.
    pub value: i32,
    /// Label.
    pub label: Texts,
    /// Score, or 0 in all grades for the default table.
    pub score: f64,
    /// Picture name.
    pub face: String,
    /// Reasons.
    pub reasons: Vec<Reason>,
    /// Counts as satisfied; set in no grade means the default.
    pub satisfied: bool,
    /// Counts as bad; set in no grade means the default.
    pub bad: bool,
}

/// A template as it was given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draft {
    /// Display name.
    pub display_name: String,
    /// Items.
    pub items: Vec<Item>,
    /// Grades.
    pub grades: Vec<GradeDraft>,
    /// Smallest value.
    pub scale_min: i32,
    /// Largest value.
    pub scale_max: i32,
    /// Bound of satisfied values of 0 to 100.
    pub satisfied_from: i32,
    /// Bound of bad values of 0 to 100.
    pub bad_to: i32,
    /// Prompt.
    pub prompt: Texts,
    /// Seconds.
    pub prompt_timeout_s: i32,
    /// Whether a comment may be given.
    pub comment_allowed: bool,
    /// Since when.
    pub valid_from_us: Option<i64>,
    /// Until when.
    pub valid_to_us: Option<i64>,
    /// Whether it shall be the default.
    pub is_default: bool,
}

impl Draft {
    /// The template, with defaults filled in.
    ///
    /// # Errors
    /// Names the first field that makes no sound template.
    pub fn finish(self, id: Uuid, org: Uuid, create_us: i64) -> Result<Template> {
        self.check_texts()?;
        let min = self.scale_start()?;
        let max = self.scale_end(min)?;
        let (satisfied_from, bad_to) = self.bounds()?;
        let prompt_timeout_s = match self.prompt_timeout_s {
            0 => PROMPT_TIMEOUT_S,
            s @ 3..=300 => s,
            _ => return Err(Error::invalid("promptTimeoutS", "is not between 3 and 300")),
        };
        if let (Some(from), Some(to)) = (self.valid_from_us, self.valid_to_us)
            && from >= to
        {
            return Err(Error::invalid("validTo", "is not after validFrom"));
        }
        Ok(Template {
            id,
            org,
            grades: finish_grades(self.grades, min)?,
            display_name: self.display_name,
            items: self.items,
            scale_min: min,
            scale_max: max,
            satisfied_from,
            bad_to,
            prompt: self.prompt,
            prompt_timeout_s,
            comment_allowed: self.comment_allowed,
            valid_from_us: self.valid_from_us,
            valid_to_us: self.valid_to_us,
            is_default: self.is_default,
            create_us,
            retire_us: None,
        })
    }

    fn check_texts(&self) -> Result<()> {
        if self.display_name.trim().is_empty() {
            return Err(Error::invalid("displayName", "is required"));
        }
        if self.items.is_empty() {
            return Err(Error::invalid("items", "is required"));
        }
        languages("prompt", &self.prompt)?;
        let codes = self.items.iter().map(|item| item.code.as_str());
        unique("items", codes)?;
        for (i, item) in self.items.iter().enumerate() {
            languages(&format!("items[{i}].text"), &item.text)?;
        }
        for (i, grade) in self.grades.iter().enumerate() {
            languages(&format!("grades[{i}].label"), &grade.label)?;
            unique(&format!("grades[{i}].reasons"), grade.reasons.iter().map(|r| r.code.as_str()))?;
            for (j, reason) in grade.reasons.iter().enumerate() {
                languages(&format!("grades[{i}].reasons[{j}].label"), &reason.label)?;
            }
        }
        Ok(())
    }

    /// Smallest value: what the grades say, or the usual one of their number.
    fn scale_start(&self) -> Result<i32> {
        if self.grades.is_empty() {
            return match self.scale_min {
                0 => Ok(0),
                _ => Err(Error::invalid("scaleMin", "is not 0, as it is without grades")),
            };
        }
        let count = self.grades.len();
        if !GRADE_COUNTS.contains(&count) {
            return Err(Error::invalid("grades", "are not 2, 3, 4, 5, 7, 10 or 11"));
        }
        let numbered = self.grades.iter().any(|grade| grade.value != 0);
        let usual = i32::from(count != 11);
        let start = match (numbered, self.grades.first()) {
            (true, Some(first)) => first.value,
            _ => self.scale_min.max(usual),
        };
        let allowed = start == 1 || (start == 0 && count == 11);
        if !allowed {
            let text = "does not begin at 1; only 11 grades may begin at 0";
            return Err(Error::invalid("grades", text));
        }
        // 0 is also "not given", so it can only be wrong where grades begin at 1 by themselves.
        if self.scale_min != 0 && self.scale_min != start {
            return Err(Error::invalid("scaleMin", "is not the value of the lowest grade"));
        }
        let in_order = (start..).zip(&self.grades).all(|(value, grade)| grade.value == value);
        if numbered && !in_order {
            return Err(Error::invalid("grades", "do not count up by one"));
        }
        Ok(start)
    }

    fn scale_end(&self, min: i32) -> Result<i32> {
        if self.grades.is_empty() {
            return match self.scale_max {
                100 => Ok(100),
                _ => Err(Error::invalid("grades", "is required unless scaleMax is 100")),
            };
        }
        let max = min + i32::try_from(self.grades.len()).unwrap_or(i32::MAX) - 1;
        if self.scale_max != 0 && self.scale_max != max {
            return Err(Error::invalid("scaleMax", "is not the value of the highest grade"));
        }
        Ok(max)
    }

    fn bounds(&self) -> Result<(i32, i32)> {
        if !self.grades.is_empty() {
            if self.satisfied_from != 0 || self.bad_to != 0 {
                let text = "is only for scales without grades; mark the grades instead";
                let field = if self.satisfied_from != 0 { "satisfiedFrom" } else { "badTo" };
                return Err(Error::invalid(field, text));
            }
            return Ok((0, 0));
        }
        let or = |value: i32, default: i32| if value == 0 { default } else { value };
        let satisfied_from = or(self.satisfied_from, SATISFIED_FROM);
        let bad_to = or(self.bad_to, BAD_TO);
        if !(1..=100).contains(&satisfied_from) {
            return Err(Error::invalid("satisfiedFrom", "is not between 1 and 100"));
        }
        if !(1..satisfied_from).contains(&bad_to) {
            return Err(Error::invalid("badTo", "is not between 1 and satisfiedFrom"));
        }
        Ok((satisfied_from, bad_to))
    }
}

fn finish_grades(drafts: Vec<GradeDraft>, min: i32) -> Result<Vec<Grade>> {
    let count = drafts.len();
    let scored = drafts.iter().any(|grade| grade.score != 0.0);
    let judged = drafts.iter().any(|grade| grade.satisfied || grade.bad);
    let mut before = 0.0;
    let mut grades = Vec::with_capacity(count);
    for (i, draft) in drafts.into_iter().enumerate() {
        let score = if scored { draft.score } else { default_score(i, count) };
        if !(0.0..=100.0).contains(&score) || score < before {
            let text = "is not between the score below it and 100";
            return Err(Error::invalid(format!("grades[{i}].score0100"), text));
        }
        before = score;
        if draft.satisfied && draft.bad {
            return Err(Error::invalid(format!("grades[{i}].bad"), "is also satisfied"));
        }
        let (satisfied, bad) = if judged {
            (draft.satisfied, draft.bad)
        } else {
            (i + top_count(count) >= count, i < top_count(count))
        };
        grades.push(Grade {
            value: min + i32::try_from(i).unwrap_or(i32::MAX),
            label: draft.label,
            score,
            face: draft.face,
            reasons: draft.reasons,
            satisfied,
            bad,
        });
    }
    Ok(grades)
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

/// The upper and the lower 40 % of the grades, at least one.
fn top_count(count: usize) -> usize {
    ((count * 4 + 5) / 10).max(1)
}

fn unique<'a>(field: &str, codes: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for (i, code) in codes.enumerate() {
        if code.is_empty() {
            return Err(Error::invalid(format!("{field}[{i}].code"), "is required"));
        }
        if !seen.insert(code) {
            return Err(Error::invalid(format!("{field}[{i}].code"), "is used twice"));
        }
    }
    Ok(())
}

/// Language tags such as `zh-CN` and `en`.
fn languages(field: &str, texts: &Texts) -> Result<()> {
    let part = |part: &str, letters: bool| {
        let good =
            |b: u8| if letters { b.is_ascii_alphabetic() } else { b.is_ascii_alphanumeric() };
        (2..=8).contains(&part.len()) && part.bytes().all(good)
    };
    for (language, text) in texts {
        let mut parts = language.split('-');
        let first = parts.next().is_some_and(|first| part(first, true));
        if !first || !parts.all(|rest| part(rest, false)) {
            return Err(Error::invalid(format!("{field}.texts"), "has a key that is no language"));
        }
        if text.trim().is_empty() {
            return Err(Error::invalid(format!("{field}.texts[{language}]"), "is empty"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graded(count: usize) -> Draft {
        Draft {
            display_name: "t".into(),
            items: vec![Item { code: "overall".into(), text: Texts::new() }],
            grades: vec![GradeDraft::default(); count],
            ..Draft::default()
        }
    }

    fn finish(draft: Draft) -> Result<Template> {
        draft.finish(Uuid::from_u128(1), Uuid::from_u128(2), 3)
    }

    fn check(count: usize, range: (i32, i32), scores: &[f64], satisfied_from: i32, bad_to: i32) {
        let template = finish(graded(count)).unwrap();
        assert_eq!((template.scale_min, template.scale_max), range, "{count}");
        let values: Vec<i32> = (range.0..=range.1).collect();
        let found: Vec<f64> = values.iter().map(|v| template.score(*v).unwrap()).collect();
        assert_eq!(found, scores, "{count}");
        for value in values {
            assert_eq!(template.is_satisfied(value), value >= satisfied_from, "{count}: {value}");
            assert_eq!(template.is_bad(value), value <= bad_to, "{count}: {value}");
        }
        assert_eq!(template.score(range.0 - 1), None);
        assert_eq!(template.score(range.1 + 1), None);
        assert!(!template.is_bad(range.0 - 1) && !template.is_satisfied(range.1 + 1));
    }

    #[test]
    fn every_scale_has_its_usual_scores_and_boxes() {
        check(2, (1, 2), &[0.0, 100.0], 2, 1);
        check(3, (1, 3), &[0.0, 50.0, 100.0], 3, 1);
        check(4, (1, 4), &[0.0, 33.33, 66.66, 100.0], 3, 2);
        check(5, (1, 5), &[0.0, 40.0, 60.0, 80.0, 100.0], 4, 2);
        check(7, (1, 7), &[0.0, 16.66, 33.33, 50.0, 66.66, 83.33, 100.0], 5, 3);
        let ten: Vec<f64> =
            [0.0, 11.11, 22.22, 33.33, 44.44, 55.55, 66.66, 77.77, 88.88, 100.0].into();
        check(10, (1, 10), &ten, 7, 4);
        let eleven: Vec<f64> = (0..=10).map(|v| f64::from(v) * 10.0).collect();
        check(11, (0, 10), &eleven, 7, 3);
    }

    #[test]
    fn zero_to_a_hundred_is_its_own_score() {
        let mut draft = graded(0);
        draft.scale_max = 100;
        let template = finish(draft.clone()).unwrap();
        assert_eq!(template.score(73), Some(73.0));
        assert!(template.is_satisfied(80) && !template.is_satisfied(79));
        assert!(template.is_bad(40) && !template.is_bad(41));
        assert!(!template.on_scale(101) && template.score(-1).is_none());
        draft.satisfied_from = 30;
        assert!(finish(draft).is_err());
    }

    #[test]
    fn given_scores_and_marks_are_kept() {
        let mut draft = graded(3);
        for (grade, score) in draft.grades.iter_mut().zip([0.0, 70.0, 100.0]) {
            grade.score = score;
        }
        draft.grades[1].satisfied = true;
        let template = finish(draft).unwrap();
        assert_eq!(template.score(2), Some(70.0));
        assert!(template.is_satisfied(2) && !template.is_satisfied(3) && !template.is_bad(1));
    }

    #[test]
    fn eleven_grades_may_begin_at_one() {
        let mut draft = graded(11);
        draft.scale_min = 1;
        let template = finish(draft).unwrap();
        assert_eq!((template.scale_min, template.scale_max), (1, 11));
    }

    #[test]
    fn unsound_templates_name_the_field() {
        let check = |change: fn(&mut Draft), field: &str| {
            let mut draft = graded(5);
            change(&mut draft);
            match finish(draft) {
                Err(Error::Invalid { field: found, .. }) => assert_eq!(found, field),
                other => panic!("{field}: {other:?}"),
            }
        };
        check(|d| d.display_name = " ".into(), "displayName");
        check(|d| d.items.clear(), "items");
        check(|d| d.items.push(d.items[0].clone()), "items[1].code");
        check(|d| d.grades.truncate(1), "grades");
        check(|d| d.grades.clear(), "grades");
        check(|d| d.grades.push(GradeDraft::default()), "grades");
        check(|d| d.scale_min = 2, "grades");
        check(|d| d.scale_max = 7, "scaleMax");
        check(|d| d.grades[0].value = 3, "grades");
        check(|d| d.grades[0].value = 1, "grades");
        check(|d| d.grades[2].score = 101.0, "grades[2].score0100");
        check(|d| d.grades[2].score = f64::NAN, "grades[2].score0100");
        check(|d| d.grades[2].score = 30.0, "grades[3].score0100");
        check(|d| (d.grades[4].satisfied, d.grades[4].bad) = (true, true), "grades[4].bad");
        check(|d| d.satisfied_from = 80, "satisfiedFrom");
        check(|d| d.prompt_timeout_s = 2, "promptTimeoutS");
        check(|d| d.prompt = [("zh CN".into(), "x".into())].into(), "prompt.texts");
        check(|d| d.prompt = [("en".into(), " ".into())].into(), "prompt.texts[en]");
        check(|d| (d.valid_from_us, d.valid_to_us) = (Some(5), Some(5)), "validTo");
        check(
            |d| {
                let slow = Reason { code: "slow".into(), label: Texts::new() };
                d.grades[0].reasons = vec![slow.clone(), slow];
            },
            "grades[0].reasons[1].code",
        );
    }
}
