//! Questions: what each type needs and what it cannot have.

use std::collections::HashSet;

use super::{Checker, Pipes};
use crate::questionnaire::{Kind, Question, Section, definition::REASONS, scale::PERCENT};

const OPTIONS_MIN: usize = 2;
const PAIRS_MAX: usize = 45;
const TEXT_MAX: i32 = 20_000;
const DECIMALS_MAX: i32 = 6;
const NUMBER_MAX: f64 = 1e15;

pub(super) fn check(checker: &mut Checker<'_>) {
    let definition = checker.definition;
    let mut position = 0;
    for (s, section) in definition.sections.iter().enumerate() {
        let before = Pipes::Before(position, None);
        checker.texts(&format!("sections[{s}].title"), &section.title, false, before);
        let place = format!("sections[{s}].description");
        checker.texts(&place, &section.description, false, before);
        for (q, question) in section.questions.iter().enumerate() {
            let shuffled = section.shuffle_questions.then_some(s);
            one(checker, &format!("sections[{s}].questions[{q}]"), position, shuffled, question);
            position += 1;
        }
        shuffled_section(checker, s, section);
    }
}

fn shuffled_section(checker: &mut Checker<'_>, s: usize, section: &Section) {
    if !section.shuffle_questions {
        return;
    }
    for (q, question) in section.questions.iter().enumerate() {
        if !question.jumps.is_empty() {
            let place = format!("sections[{s}].questions[{q}].jumps");
            checker.report(place, "cannot be in a shuffled section");
        }
    }
}

fn one<'a>(
    checker: &mut Checker<'a>,
    place: &str,
    position: usize,
    shuffled: Option<usize>,
    question: &'a Question,
) {
    if question.kind == Kind::Unspecified {
        checker.report(format!("{place}.kind"), "is required");
        return;
    }
    let pipes = Pipes::Before(position, shuffled);
    checker.texts(&format!("{place}.text"), &question.text, true, pipes);
    checker.texts(&format!("{place}.help"), &question.help, false, pipes);
    scale(checker, place, question);
    options(checker, place, question, pipes);
    rows(checker, place, question, pipes);
    pairs(checker, place, question);
    choices(checker, place, question);
    number(checker, place, question);
    checker.dates(
        &format!("{place}.dateMin"),
        &question.date_min,
        &format!("{place}.dateMax"),
        &question.date_max,
    );
    misplaced(checker, place, question);
}

/// Fields that this type of question has no use for.
fn misplaced(checker: &mut Checker<'_>, place: &str, question: &Question) {
    let kind = question.kind;
    let graded = matches!(kind, Kind::Scale | Kind::Smileys);
    let compared = kind == Kind::PairedComparison;
    let given = [
        ("expectationPair", question.expectation_pair && !graded),
        ("ties", question.ties && !compared),
        ("number", question.number.is_some() && kind != Kind::Number),
        ("dateMin", !question.date_min.is_empty() && kind != Kind::Date),
        ("dateMax", !question.date_max.is_empty() && kind != Kind::Date),
        ("textMax", question.text_max != 0 && !kind.is_text()),
        ("comment", question.comment && kind.is_text()),
        ("shuffleOptions", question.shuffle_options && question.options.is_empty()),
        ("shuffleRows", question.shuffle_rows && question.rows.is_empty()),
    ];
    for (field, wrong) in given {
        if wrong {
            checker.report(format!("{place}.{field}"), "makes no sense for this question");
        }
    }
    if !(0..=TEXT_MAX).contains(&question.text_max) {
        let text = format!("is not between 1 and {TEXT_MAX}");
        checker.report(format!("{place}.textMax"), text);
    }
}

fn scale(checker: &mut Checker<'_>, place: &str, question: &Question) {
    let needed = matches!(question.kind, Kind::Scale | Kind::Smileys);
    let allowed = needed || matches!(question.kind, Kind::Matrix | Kind::Nps | Kind::Ces);
    let place = format!("{place}.scale");
    if question.scale.is_empty() {
        if needed {
            checker.report(place, "is required");
        }
        return;
    }
    if !allowed {
        return checker.report(place, "makes no sense for this question");
    }
    let Some(scale) = checker.definition.scales.iter().find(|s| s.id == question.scale) else {
        return checker.report(place, "is no scale of this questionnaire");
    };
    if question.kind == Kind::Nps && (scale.min, scale.max) != (0, 10) {
        checker.report(place, "must go from 0 to 10 for a net promoter question");
    } else if question.kind == Kind::Smileys && scale.count() == PERCENT {
        checker.report(place, "has too many grades to be shown as faces");
    }
}

fn options<'a>(checker: &mut Checker<'a>, place: &str, question: &'a Question, pipes: Pipes) {
    let place = format!("{place}.options");
    checker.options(&place, &question.options, pipes);
    let count = question.options.len();
    if !question.is_choice() {
        if count > 0 {
            checker.report(place, "makes no sense for this question");
        }
        return;
    }
    if count < OPTIONS_MIN {
        checker.report(place, format!("must be at least {OPTIONS_MIN}"));
        return;
    }
    let several = question.choices().1 > 1 && question.kind != Kind::Ranking;
    let chosen = matches!(question.kind, Kind::SingleChoice | Kind::MultipleChoice);
    for (o, option) in question.options.iter().enumerate() {
        if option.exclusive && !several {
            let text = "makes no sense where one option is chosen, or all are ranked";
            checker.report(format!("{place}[{o}].exclusive"), text);
        }
        if option.specify && !chosen {
            let text = "makes no sense but for single and multiple choice";
            checker.report(format!("{place}[{o}].specify"), text);
        }
    }
}

fn rows(checker: &mut Checker<'_>, place: &str, question: &Question, pipes: Pipes) {
    let place = format!("{place}.rows");
    if question.kind != Kind::Matrix {
        if !question.rows.is_empty() {
            checker.report(place, "makes no sense for this question");
        }
        return;
    }
    if question.rows.is_empty() {
        return checker.report(place, "is required");
    }
    let mut seen = HashSet::new();
    for (r, row) in question.rows.iter().enumerate() {
        checker.id(&format!("{place}[{r}].id"), &row.id, &mut seen);
        if row.id == REASONS {
            checker.report(format!("{place}[{r}].id"), "is a word with a meaning of its own");
        }
        checker.texts(&format!("{place}[{r}].text"), &row.text, true, pipes);
    }
}

fn pairs(checker: &mut Checker<'_>, place: &str, question: &Question) {
    let place = format!("{place}.pairs");
    if question.kind != Kind::PairedComparison {
        if !question.pairs.is_empty() {
            checker.report(place, "makes no sense for this question");
        }
        return;
    }
    if question.compared().len() > PAIRS_MAX {
        let text = format!("are more than {PAIRS_MAX}; name the pairs, or fewer options");
        return checker.report(place, text);
    }
    let mut seen = HashSet::new();
    for (p, pair) in question.pairs.iter().enumerate() {
        let known = question.option(&pair.left).is_some() && question.option(&pair.right).is_some();
        if !known || pair.left == pair.right {
            checker.report(format!("{place}[{p}]"), "does not name two options");
        }
        let (low, high) = (pair.left.clone().min(pair.right.clone()), &pair.left);
        let high = if *high == low { &pair.right } else { high };
        if !seen.insert((low, high.clone())) {
            checker.report(format!("{place}[{p}]"), "is there twice");
        }
    }
}

fn choices(checker: &mut Checker<'_>, place: &str, question: &Question) {
    let (min, max) = (question.choices_min, question.choices_max);
    if (min, max) == (0, 0) {
        return;
    }
    let several = matches!(question.kind, Kind::MultipleChoice | Kind::Ranking | Kind::Matrix);
    if !several || !question.is_choice() {
        return checker.report(format!("{place}.choicesMax"), "makes no sense for this question");
    }
    let count = i32::try_from(question.options.len()).unwrap_or(i32::MAX);
    if !(0..=count).contains(&max) {
        checker.report(format!("{place}.choicesMax"), "is not between 1 and the number of options");
    } else if !(0..=if max == 0 { count } else { max }).contains(&min) {
        checker.report(format!("{place}.choicesMin"), "is not between 1 and the most options");
    }
}

fn number(checker: &mut Checker<'_>, place: &str, question: &Question) {
    let Some(range) = &question.number else { return };
    let place = format!("{place}.number");
    for (name, bound) in [("min", range.min), ("max", range.max)] {
        if bound.is_some_and(|b| !b.value.is_finite() || b.value.abs() > NUMBER_MAX) {
            return checker.report(format!("{place}.{name}"), "is no number that can be kept");
        }
    }
    if let (Some(min), Some(max)) = (range.min, range.max)
        && min.value > max.value
    {
        checker.report(format!("{place}.max"), "is below the lowest number");
    }
    if !(0..=DECIMALS_MAX).contains(&range.decimals) {
        let text = format!("is not between 0 and {DECIMALS_MAX}");
        checker.report(format!("{place}.decimals"), text);
    }
    checker.texts(&format!("{place}.unit"), &range.unit, false, Pipes::None);
}
