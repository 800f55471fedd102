//! Branching: conditions look back, jumps lead on, every question and ending can be reached.

use super::Checker;
use crate::questionnaire::{
    Condition, Jump, Kind, Operator, Question, Term,
    condition::{is_date, number_of},
    pipe::is_attribute,
};

pub(super) fn check(checker: &mut Checker<'_>) {
    let definition = checker.definition;
    let mut position = 0;
    for (s, section) in definition.sections.iter().enumerate() {
        if let Some(condition) = &section.show_if {
            let place = format!("sections[{s}].showIf");
            terms(checker, &place, condition, position, None);
        }
        for (q, question) in section.questions.iter().enumerate() {
            let place = format!("sections[{s}].questions[{q}]");
            let shuffled = section.shuffle_questions.then_some(s);
            if let Some(condition) = &question.show_if {
                terms(checker, &format!("{place}.showIf"), condition, position, shuffled);
            }
            jumps(checker, &place, question, position);
            position += 1;
        }
    }
    if checker.problems.is_empty() {
        reach(checker);
    }
}

fn jumps(checker: &mut Checker<'_>, place: &str, question: &Question, position: usize) {
    let mut always = false;
    for (j, jump) in question.jumps.iter().enumerate() {
        let place = format!("{place}.jumps[{j}]");
        if always {
            checker.report(&place, "never counts, since one before it always does");
        }
        match &jump.when {
            // The question itself is answered by then.
            Some(condition) => {
                terms(checker, &format!("{place}.when"), condition, position + 1, None);
            }
            None => always = true,
        }
        match target(checker, &jump.to) {
            Target::Nothing => {
                checker.report(format!("{place}.to"), "is no question, section or ending");
            }
            Target::Question(to) if to <= position => {
                let text = "leads back: that makes a circle";
                checker.report(format!("{place}.to"), text);
            }
            Target::Question(_) | Target::Ending(_) => {}
        }
    }
}

enum Target {
    Nothing,
    Question(usize),
    Ending(usize),
}

fn target(checker: &Checker<'_>, id: &str) -> Target {
    let definition = checker.definition;
    if let Some((position, _)) = checker.positions.get(id) {
        return Target::Question(*position);
    }
    let mut start = 0;
    for section in &definition.sections {
        if section.id == id {
            return Target::Question(start);
        }
        start += section.questions.len();
    }
    let ending = definition.endings.iter().position(|ending| ending.id == id);
    ending.map_or(Target::Nothing, Target::Ending)
}

/// Follows every way that conditions could leave open.
fn reach(checker: &mut Checker<'_>) {
    let definition = checker.definition;
    let questions: Vec<(bool, &[Jump])> = definition
        .questions()
        .map(|(s, q)| (s.show_if.is_some() || q.show_if.is_some(), q.jumps.as_slice()))
        .collect();
    let count = questions.len();
    // The place after the last question is the plain end.
    let mut reached = vec![false; count + 1];
    let mut endings = vec![false; definition.endings.len()];
    reached[0] = true;
    for (position, (may_be_hidden, jumps)) in questions.iter().enumerate() {
        if !reached[position] {
            continue;
        }
        for jump in *jumps {
            match target(checker, &jump.to) {
                Target::Question(to) => reached[to] = true,
                Target::Ending(ending) => endings[ending] = true,
                Target::Nothing => {}
            }
        }
        let leaves = jumps.iter().any(|jump| jump.when.is_none());
        if !leaves || *may_be_hidden {
            reached[position + 1] = true;
        }
    }
    if let Some(plain) = endings.first_mut() {
        *plain |= reached[count];
    }
    let mut position = 0;
    for (s, section) in definition.sections.iter().enumerate() {
        for q in 0..section.questions.len() {
            if !reached[position] {
                checker.report(format!("sections[{s}].questions[{q}]"), "can never be reached");
            }
            position += 1;
        }
    }
    for (e, reached) in endings.iter().enumerate() {
        if !reached {
            checker.report(format!("endings[{e}]"), "can never be reached");
        }
    }
}

fn terms(
    checker: &mut Checker<'_>,
    place: &str,
    condition: &Condition,
    before: usize,
    shuffled: Option<usize>,
) {
    if condition.any_of.is_empty() {
        return checker.report(format!("{place}.anyOf"), "is required");
    }
    for (g, group) in condition.any_of.iter().enumerate() {
        if group.all_of.is_empty() {
            checker.report(format!("{place}.anyOf[{g}].allOf"), "is required");
        }
    }
    for (g, t, term) in condition.terms() {
        let place = format!("{place}.anyOf[{g}].allOf[{t}]");
        one_term(checker, &place, term, before, shuffled);
    }
}

fn one_term(
    checker: &mut Checker<'_>,
    place: &str,
    term: &Term,
    before: usize,
    shuffled: Option<usize>,
) {
    if term.operator == Operator::Unspecified {
        return checker.report(format!("{place}.operator"), "is required");
    }
    let (fewest, most) = term.operator.values();
    if !(fewest..=most).contains(&term.values.len()) {
        let text = "is not the number of values that this operator needs";
        return checker.report(format!("{place}.values"), text);
    }
    match (term.question.is_empty(), term.attribute.is_empty()) {
        (true, true) | (false, false) => {
            checker.report(format!("{place}.question"), "name a question, or else an attribute");
        }
        (true, false) => attribute(checker, place, term),
        (false, true) => {
            let at = format!("{place}.question");
            let found = checker.earlier(&at, &term.question, &term.part, before, shuffled);
            let question = found.and_then(|position| checker.definition.questions().nth(position));
            if let Some((_, question)) = question
                && let Some((field, text)) = misfit(checker, question, term)
            {
                checker.report(format!("{place}.{field}"), text);
            }
        }
    }
}

fn attribute(checker: &mut Checker<'_>, place: &str, term: &Term) {
    if !is_attribute(&term.attribute) {
        checker.report(format!("{place}.attribute"), "is no id of an attribute");
    }
    let of_answers = [Operator::IncludesAll, Operator::NotApplicable, Operator::Refused];
    if of_answers.contains(&term.operator) {
        checker.report(format!("{place}.operator"), "is only for answers");
    } else if !term.part.is_empty() {
        checker.report(format!("{place}.part"), "is only for answers");
    }
}

/// What of a term cannot be said of a question: field and reason.
fn misfit(
    checker: &Checker<'_>,
    question: &Question,
    term: &Term,
) -> Option<(&'static str, &'static str)> {
    let scale = checker.definition.scale_of(question);
    let choice = scale.is_none() && question.is_choice();
    let ordered = scale.is_some() || matches!(question.kind, Kind::Number | Kind::Date);
    match term.operator {
        Operator::NotApplicable if !question.not_applicable => {
            return Some(("operator", "is never said: the question does not offer it"));
        }
        Operator::Refused if !question.refusal => {
            return Some(("operator", "is never said: the question does not offer it"));
        }
        Operator::AtLeast | Operator::AtMost if !ordered => {
            return Some(("operator", "is only for grades, numbers and dates"));
        }
        Operator::IncludesAll if !choice => {
            return Some(("operator", "is only for chosen options"));
        }
        _ => {}
    }
    let fits = |value: &String| match (question.kind, &scale) {
        (_, Some(scale)) => value.parse().is_ok_and(|grade: i32| scale.holds(grade)),
        (Kind::Number, _) => number_of(value).is_some(),
        (Kind::Date, _) => is_date(value),
        _ if choice => question.option(value).is_some(),
        _ => !value.trim().is_empty(),
    };
    let wrong = !term.values.iter().all(fits);
    wrong.then_some(("values", "holds what can never be the answer"))
}
