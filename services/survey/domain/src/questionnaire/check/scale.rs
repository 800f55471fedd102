//! Scales: their number of grades, labels, scores and bounds.

use super::{Checker, Pipes};
use crate::questionnaire::{
    Scale,
    scale::{GRADE_COUNTS, PERCENT},
};

pub(super) fn check(checker: &mut Checker<'_>) {
    let definition = checker.definition;
    for (i, scale) in definition.scales.iter().enumerate() {
        let place = format!("scales[{i}]");
        if !has_sound_ends(scale) {
            let text = "has not 2, 3, 4, 5, 7, 10 or 11 grades from 1, 11 from 0, or 0 to 100";
            checker.report(format!("{place}.max"), text);
            continue;
        }
        for (name, texts) in [("lowLabel", &scale.low_label), ("highLabel", &scale.high_label)] {
            checker.texts(&format!("{place}.{name}"), texts, false, Pipes::None);
        }
        grades(checker, &place, scale);
        bounds(checker, &place, scale);
        let used = definition.questions().any(|(_, question)| question.scale == scale.id);
        if !used {
            checker.report(format!("{place}.id"), "is used by no question");
        }
    }
}

fn has_sound_ends(scale: &Scale) -> bool {
    let count = scale.count();
    let start = match scale.min {
        0 => count == 11 || count == PERCENT,
        1 => count != PERCENT,
        _ => false,
    };
    start && GRADE_COUNTS.contains(&count)
}

fn grades(checker: &mut Checker<'_>, place: &str, scale: &Scale) {
    let count = scale.grades.len();
    if count == 0 {
        return;
    }
    if count != scale.count() || count == PERCENT {
        checker.report(format!("{place}.grades"), "must be all grades of the scale, or none");
        return;
    }
    let mut before = if scale.reversed { 100.0 } else { 0.0 };
    let scored = scale.grades.iter().any(|grade| grade.score_0_100 != 0.0);
    for (g, grade) in scale.grades.iter().enumerate() {
        let place = format!("{place}.grades[{g}]");
        checker.texts(&format!("{place}.label"), &grade.label, false, Pipes::None);
        let face = grade.face.bytes();
        if grade.face.len() > 40 || face.clone().any(|b| !b.is_ascii_alphanumeric() && b != b'_') {
            checker.report(format!("{place}.face"), "is no name of a picture");
        }
        let score = grade.score_0_100;
        let falls = if scale.reversed { score > before } else { score < before };
        if scored && (!(0.0..=100.0).contains(&score) || falls) {
            let text = "is not between the score of the worse grade beside it and 100";
            checker.report(format!("{place}.score0100"), text);
        } else if scored {
            before = score;
        }
        reasons(checker, &format!("{place}.reasons"), scale, g);
    }
}

fn reasons(checker: &mut Checker<'_>, place: &str, scale: &Scale, grade: usize) {
    let index = checker.definition.scales.iter().position(|known| std::ptr::eq(known, scale));
    let Some(scale) = index.map(|index| &checker.definition.scales[index]) else { return };
    let reasons = &scale.grades[grade].reasons;
    checker.options(place, reasons, Pipes::None);
    for (r, reason) in reasons.iter().enumerate() {
        if reason.exclusive || reason.specify || reason.fixed {
            checker.report(format!("{place}[{r}]"), "is a reason, and has only an id and a text");
        }
    }
}

fn bounds(checker: &mut Checker<'_>, place: &str, scale: &Scale) {
    let given = |bound: i32| bound != 0;
    for (name, bound) in [("satisfiedFrom", scale.satisfied_from), ("badTo", scale.bad_to)] {
        if given(bound) && !scale.holds(bound) {
            checker.report(format!("{place}.{name}"), "is not on the scale");
            return;
        }
    }
    let (satisfied, bad) = (scale.satisfied_bound(), scale.bad_bound());
    let apart = if scale.reversed { satisfied < bad } else { bad < satisfied };
    if !apart {
        let text = "makes a grade both satisfied and bad";
        checker.report(format!("{place}.badTo"), text);
    }
}
