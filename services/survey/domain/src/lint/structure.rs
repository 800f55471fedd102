//! Rules on what a question offers, and on the questionnaire as a whole.

use std::collections::HashMap;

use super::{At, Linter, Rule, Severity, holds, is_graded, minutes, texts, words};
use crate::questionnaire::{Definition, Kind, Question, QuestionOption, Texts};

const OPTIONS_MAX: usize = 10;
const RANKED_MAX: usize = 7;
const ROWS_MAX: usize = 8;
const OPEN_MAX: usize = 3;
const MINUTES_HINT: f64 = 8.0;
const MINUTES_WARNING: f64 = 12.0;
const MINUTES_SERIOUS: f64 = 20.0;
/// Questions that count as the beginning.
const FIRST: usize = 2;
/// Graded questions from which on one on the whole is wanted.
const GRADED_MANY: usize = 3;
/// Fewer options are complete by themselves, such as yes and no.
const OPTIONS_FEW: usize = 4;

/// Rules on the whole.
pub(super) fn whole(linter: &mut Linter<'_>) {
    let definition = linter.definition;
    if definition.introduction.is_empty() {
        linter.add((Rule::NoIntroduction, Severity::Hint), "introduction", "", "", "");
    }
    let takes = minutes(definition);
    let severity = match takes {
        t if t > MINUTES_SERIOUS => Some(Severity::Serious),
        t if t > MINUTES_WARNING => Some(Severity::Warning),
        t if t > MINUTES_HINT => Some(Severity::Hint),
        _ => None,
    };
    if let Some(severity) = severity {
        let what = (Rule::LongQuestionnaire, severity);
        linter.add(what, "sections", "", "", &takes.to_string());
    }
    let open = definition
        .questions()
        .filter(|(s, q)| q.kind.is_text() && s.show_if.is_none() && q.show_if.is_none())
        .count();
    if open > OPEN_MAX {
        let what = (Rule::ManyOpenQuestions, Severity::Hint);
        linter.add(what, "sections", "", "", &open.to_string());
    }
    let graded = definition.questions().filter(|(_, q)| is_graded(q)).count();
    let whole =
        |question: &Question| question.kind == Kind::Nps || holds(&question.text, &words::OVERALL);
    if graded >= GRADED_MANY && !definition.questions().any(|(_, q)| whole(q)) {
        linter.add((Rule::NoOverall, Severity::Hint), "sections", "", "", "");
    }
    translations(linter);
    same(linter);
    personal_first(linter);
}

fn personal_first(linter: &mut Linter<'_>) {
    let count = linter.definition.questions().count();
    let first = linter.definition.questions().take(FIRST);
    let found = first.enumerate().find(|(_, (_, question))| texts::is_personal(question));
    if let Some((_, (_, question))) = found
        && count > FIRST
    {
        let what = (Rule::PersonalFirst, Severity::Hint);
        linter.add(what, "sections[0]", &question.id, "", "");
    }
}

/// Questions with the same words that everybody is asked.
fn same(linter: &mut Linter<'_>) {
    let mut seen: HashMap<(String, String), String> = HashMap::new();
    let definition = linter.definition;
    for (s, section) in definition.sections.iter().enumerate() {
        for (q, question) in section.questions.iter().enumerate() {
            if section.show_if.is_some() || question.show_if.is_some() {
                continue;
            }
            for (language, text) in &question.text {
                let plain: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
                let key = (language.clone(), plain.to_lowercase());
                if let Some(before) = seen.get(&key).cloned() {
                    let place = format!("sections[{s}].questions[{q}].text[{language}]");
                    let what = (Rule::SameQuestion, Severity::Warning);
                    linter.add(what, place, &question.id, language, &before);
                } else {
                    seen.insert(key, question.id.clone());
                }
            }
        }
    }
}

/// Texts that one of the languages of the title lacks.
fn translations(linter: &mut Linter<'_>) {
    let definition = linter.definition;
    let mut check = |place: String, element: &str, texts: &Texts| {
        for language in definition.title.keys() {
            if !texts.is_empty() && !texts.contains_key(language) {
                let what = (Rule::MissingTranslation, Severity::Hint);
                linter.add(what, place.clone(), element, language, language);
            }
        }
    };
    check("introduction".to_owned(), "", &definition.introduction);
    for (i, scale) in definition.scales.iter().enumerate() {
        check(format!("scales[{i}].lowLabel"), &scale.id, &scale.low_label);
        check(format!("scales[{i}].highLabel"), &scale.id, &scale.high_label);
        for (g, grade) in scale.grades.iter().enumerate() {
            let place = format!("scales[{i}].grades[{g}]");
            check(format!("{place}.label"), &scale.id, &grade.label);
            for (r, reason) in grade.reasons.iter().enumerate() {
                check(format!("{place}.reasons[{r}].text"), &scale.id, &reason.text);
            }
        }
    }
    for (s, section) in definition.sections.iter().enumerate() {
        check(format!("sections[{s}].title"), &section.id, &section.title);
        check(format!("sections[{s}].description"), &section.id, &section.description);
        for (q, question) in section.questions.iter().enumerate() {
            let place = format!("sections[{s}].questions[{q}]");
            check(format!("{place}.text"), &question.id, &question.text);
            check(format!("{place}.help"), &question.id, &question.help);
            if let Some(number) = &question.number {
                check(format!("{place}.number.unit"), &question.id, &number.unit);
            }
            for (o, option) in question.options.iter().enumerate() {
                check(format!("{place}.options[{o}].text"), &question.id, &option.text);
            }
            for (r, row) in question.rows.iter().enumerate() {
                check(format!("{place}.rows[{r}].text"), &question.id, &row.text);
            }
        }
    }
    for (e, ending) in definition.endings.iter().enumerate() {
        check(format!("endings[{e}].text"), &ending.id, &ending.text);
    }
}

/// Rules on one question.
pub(super) fn question(linter: &mut Linter<'_>, at: &At<'_>) {
    let (question, place) = (at.question, at.place.as_str());
    let id = question.id.as_str();
    let overall = texts::is_overall(at);
    if question.required && is_graded(question) && !question.not_applicable && !overall {
        let what = (Rule::NoNotApplicable, Severity::Warning);
        linter.add(what, format!("{place}.notApplicable"), id, "", "");
    }
    if question.required && !question.refusal && texts::is_personal(question) {
        linter.add((Rule::NoRefusal, Severity::Warning), format!("{place}.refusal"), id, "", "");
    }
    if question.required && question.kind.is_text() {
        let what = (Rule::RequiredOpenQuestion, Severity::Warning);
        linter.add(what, format!("{place}.required"), id, "", "");
    }
    let rows = question.rows.len();
    if rows > ROWS_MAX {
        let what = (Rule::ManyRows, Severity::Hint);
        linter.add(what, format!("{place}.rows"), id, "", &rows.to_string());
    }
    options(linter, at);
    if overall && is_graded(question) && at.is_for_all() && !asks_why(linter.definition, question) {
        linter.add((Rule::NoReason, Severity::Hint), place, id, "", "");
    }
}

fn options(linter: &mut Linter<'_>, at: &At<'_>) {
    let (question, place) = (at.question, format!("{}.options", at.place));
    let count = question.options.len();
    let max = if question.kind == Kind::Ranking { RANKED_MAX } else { OPTIONS_MAX };
    if count > max {
        let what = (Rule::ManyOptions, Severity::Hint);
        linter.add(what, place.clone(), &question.id, "", &count.to_string());
    }
    if !matches!(question.kind, Kind::SingleChoice | Kind::MultipleChoice) {
        return;
    }
    let ranges: Vec<(f64, f64)> = question.options.iter().filter_map(range).collect();
    if let Some(detail) = misfit(&ranges) {
        let what = (Rule::OverlappingOptions, Severity::Warning);
        linter.add(what, place.clone(), &question.id, "", &detail);
    }
    let escape = |option: &QuestionOption| {
        option.specify || option.exclusive || holds(&option.text, &words::OTHER)
    };
    let open = question.not_applicable || question.refusal || question.comment;
    let complete = !ranges.is_empty() || open || question.options.iter().any(escape);
    if count >= OPTIONS_FEW && !complete {
        linter.add((Rule::NoOther, Severity::Hint), place, &question.id, "", "");
    }
}

/// A range such as `2–3` in the text of an option.
fn range(option: &QuestionOption) -> Option<(f64, f64)> {
    let text = option.text.values().next()?;
    let mut numbers = Vec::new();
    let mut number = String::new();
    let mut between = String::new();
    for c in text.chars().chain([' ']) {
        if c.is_ascii_digit() || (c == '.' && !number.is_empty()) {
            number.push(c);
        } else if !number.is_empty() {
            numbers.push((std::mem::take(&mut between), number.parse::<f64>().ok()?));
            number.clear();
            between.push(c);
        } else {
            between.push(c);
        }
    }
    let [(_, low), (joint, high)] = numbers.as_slice() else { return None };
    let joints = ["-", "–", "—", "~", "～", "至", "到", "to"];
    (joints.contains(&joint.trim()) && low <= high).then_some((*low, *high))
}

/// Two ranges that overlap or leave a whole number out.
fn misfit(ranges: &[(f64, f64)]) -> Option<String> {
    let mut sorted = ranges.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let print = |(low, high): (f64, f64)| format!("{low}–{high}");
    sorted.windows(2).find_map(|pair| {
        let (before, after) = (pair[0], pair[1]);
        let wrong = after.0 <= before.1 || after.0 > before.1 + 1.0;
        wrong.then(|| format!("{}, {}", print(before), print(after)))
    })
}

/// Whether somebody who is not satisfied can say why.
fn asks_why(definition: &Definition, question: &Question) -> bool {
    let scale = definition.scale_of(question);
    let reasons = scale.is_some_and(|scale| scale.grades.iter().any(|g| !g.reasons.is_empty()));
    let open = definition.questions().any(|(_, other)| other.kind == Kind::LongText);
    reasons || question.comment || open
}
