//! Rules on scales.

use std::collections::BTreeSet;

use super::{Linter, Rule, Severity, words};
use crate::questionnaire::{Kind, Scale};

/// Lengths of scales in one questionnaire that respondents keep apart.
const LENGTHS_MAX: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Good,
    Bad,
    Middle,
    Unknown,
}

pub(super) fn all(linter: &mut Linter<'_>) {
    let definition = linter.definition;
    for (i, scale) in definition.scales.iter().enumerate() {
        balance(linter, &format!("scales[{i}]"), scale);
        labels(linter, &format!("scales[{i}]"), scale);
    }
    let lengths: BTreeSet<usize> = definition
        .questions()
        .filter(|(_, q)| matches!(q.kind, Kind::Scale | Kind::Smileys | Kind::Matrix))
        .filter_map(|(_, question)| definition.scale_of(question))
        .map(|scale| scale.count())
        .collect();
    if lengths.len() > LENGTHS_MAX {
        let list: Vec<String> = lengths.iter().map(usize::to_string).collect();
        let what = (Rule::MixedScales, Severity::Hint);
        linter.add(what, "scales", "", "", &list.join(", "));
    }
}

fn balance(linter: &mut Linter<'_>, place: &str, scale: &Scale) {
    for language in linter.definition.languages() {
        let count = scale.grades.len();
        let sides: Vec<Side> = scale
            .grades
            .iter()
            .enumerate()
            .map(|(g, grade)| {
                let text = grade.label.get(&language).map(String::as_str).unwrap_or_default();
                side(&language, text, count % 2 == 1 && g == count / 2)
            })
            .collect();
        let of = |wanted: Side| sides.iter().filter(|side| **side == wanted).count();
        let (good, bad) = (of(Side::Good), of(Side::Bad));
        // Words that are not known tell nothing.
        if sides.contains(&Side::Unknown) || good + bad == 0 || good == bad {
            continue;
        }
        let severity = if good.abs_diff(bad) > 1 { Severity::Serious } else { Severity::Warning };
        let detail = format!("{good} : {bad}");
        let place = format!("{place}.grades");
        linter.add((Rule::UnbalancedScale, severity), place, &scale.id, &language, &detail);
    }
}

fn side(language: &str, label: &str, in_the_middle: bool) -> Side {
    let found = |words: &words::Words| words.find(language, label).is_some();
    if in_the_middle && found(&words::MIDDLE) {
        return Side::Middle;
    }
    match (found(&words::GOOD), found(&words::BAD)) {
        // "Not at all satisfied" holds both.
        (_, true) => Side::Bad,
        (true, false) => Side::Good,
        (false, false) if found(&words::MIDDLE) => Side::Middle,
        (false, false) => Side::Unknown,
    }
}

fn labels(linter: &mut Linter<'_>, place: &str, scale: &Scale) {
    let language = linter.definition.default_language();
    let ends = scale.low_label.contains_key(&language) && scale.high_label.contains_key(&language);
    let labelled = scale.grades.iter().filter(|g| g.label.contains_key(&language)).count();
    let silent = labelled == 0 && !ends;
    let partly = labelled > 0 && labelled < scale.grades.len() && !ends;
    if silent || partly {
        let severity = if silent { Severity::Warning } else { Severity::Hint };
        let what = (Rule::UnlabelledScale, severity);
        linter.add(what, place, &scale.id, &language, &labelled.to_string());
    }
}
