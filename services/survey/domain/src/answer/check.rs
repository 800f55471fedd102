//! The check of answers against the version that was shown. Answers to questions that the
//! other answers hide are dropped, each with the rule [`Rule::Hidden`]; anything else that does
//! not fit is refused.

use std::collections::HashSet;

use super::{Answer, Answers, Attributes, Problem, Rule, Value, value};
use crate::questionnaire::{Kind, Version, flow};

/// How much is expected of the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The respondent is still at it: nothing is missing yet.
    Partial,
    /// The respondent is finished: what is required must be there.
    Complete,
}

/// Answers that fit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Checked {
    /// What is kept, in the order of the questionnaire, without anything empty.
    pub answers: Answers,
    /// What was dropped because it was hidden.
    pub dropped: Vec<Problem>,
    /// Ids of the questions that are shown with these answers, in order.
    pub visible: Vec<String>,
    /// Id of the ending that they lead to; `None` for the plain end.
    pub ending: Option<String>,
    /// Whether that ending screens the respondent out.
    pub screened_out: bool,
    /// Share of the visible questions that are answered, 0 to 1.
    pub progress: f64,
}

/// Checks answers. Pure: the same arguments always give the same result.
///
/// # Errors
/// Everything that is wrong, in the order of the answers, then what is missing.
pub fn check(
    version: &Version,
    answers: &Answers,
    attributes: &Attributes,
    extent: Extent,
) -> Result<Checked, Vec<Problem>> {
    let mut problems = Vec::new();
    let known: Vec<Option<usize>> = known(version, answers, &mut problems);
    let way = flow::walk(version, answers, attributes);
    let mut dropped = Vec::new();
    let mut kept: Vec<(usize, usize, &Answer)> = Vec::new();
    for (index, (answer, position)) in answers.0.iter().zip(&known).enumerate() {
        let Some(position) = *position else { continue };
        if !way.shows(position) {
            let text = "the question is hidden by the other answers";
            dropped.push(problem(Some(index), answer, Rule::Hidden, text));
            continue;
        }
        match fits(version, position, answer) {
            Ok(()) if says_nothing(answer) => {}
            Ok(()) => kept.push((position, part_number(version, position, &answer.part), answer)),
            Err((rule, text)) => problems.push(problem(Some(index), answer, rule, text)),
        }
    }
    kept.sort_unstable_by_key(|(position, part, _)| (*position, *part));
    let visible = || way.shown.iter().map(|position| version.at(*position).1);
    if extent == Extent::Complete {
        problems.extend(missing(version, answers, &way));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let said = kept.iter().filter(|(_, _, answer)| !answer.value.is_empty());
    let touched: HashSet<&str> = said.map(|(_, _, answer)| answer.question.as_str()).collect();
    let done = visible().filter(|question| touched.contains(question.id.as_str())).count();
    let ending = way.ending_of(version);
    Ok(Checked {
        answers: kept.iter().map(|(_, _, answer)| (*answer).clone()).collect(),
        dropped,
        visible: visible().map(|question| question.id.clone()).collect(),
        ending: ending.map(|ending| ending.id.clone()),
        screened_out: ending.is_some_and(|ending| ending.screened_out),
        progress: if way.shown.is_empty() { 1.0 } else { done as f64 / way.shown.len() as f64 },
    })
}

/// Required answers that were not sent. An answer that is wrong is not missing too.
fn missing(version: &Version, answers: &Answers, way: &flow::Way<'_>) -> Vec<Problem> {
    let sent: HashSet<(&str, &str)> = answers
        .0
        .iter()
        .filter(|answer| !answer.value.is_empty())
        .map(|answer| (answer.question.as_str(), answer.part.as_str()))
        .collect();
    let shown = way.shown.iter().map(|position| version.at(*position).1);
    let mut missing = Vec::new();
    for question in shown.filter(|question| question.required) {
        for part in question.parts() {
            if !sent.contains(&(question.id.as_str(), part.as_str())) {
                let answer = Answer::new(&question.id, &part, Value::None);
                missing.push(problem(None, &answer, Rule::Required, "an answer is required"));
            }
        }
    }
    missing
}

/// Position of the question of each answer; none for those that make no sense.
fn known(version: &Version, answers: &Answers, problems: &mut Vec<Problem>) -> Vec<Option<usize>> {
    let mut seen = HashSet::new();
    let mut known = Vec::with_capacity(answers.0.len());
    for (index, answer) in answers.0.iter().enumerate() {
        let mut report = |rule, text| problems.push(problem(Some(index), answer, rule, text));
        let Some(position) = version.position(&answer.question) else {
            report(Rule::UnknownQuestion, "there is no such question in this version");
            known.push(None);
            continue;
        };
        if !version.at(position).1.has_part(&answer.part) {
            report(Rule::UnknownPart, "the question has no such part");
            known.push(None);
            continue;
        }
        if !seen.insert((answer.question.as_str(), answer.part.as_str())) {
            report(Rule::AnsweredTwice, "this was answered before");
            known.push(None);
            continue;
        }
        known.push(Some(position));
    }
    known
}

fn fits(version: &Version, position: usize, answer: &Answer) -> Result<(), (Rule, &'static str)> {
    let (_, question) = version.at(position);
    let scale = version.definition().scale_of(question);
    value::fits(question, scale.as_ref(), answer)?;
    if question.kind == Kind::PairedComparison {
        value::fits_pair(answer)?;
    }
    Ok(())
}

/// Number of a part in the order of the questionnaire.
fn part_number(version: &Version, position: usize, part: &str) -> usize {
    if part.is_empty() {
        return 0;
    }
    let parts = version.at(position).1.parts();
    parts.iter().position(|known| known == part).unwrap_or(parts.len())
}

fn says_nothing(answer: &Answer) -> bool {
    answer.value.is_empty() && answer.comment.trim().is_empty()
}

fn problem(index: Option<usize>, answer: &Answer, rule: Rule, text: &str) -> Problem {
    Problem {
        index,
        question: answer.question.chars().take(40).collect(),
        part: answer.part.chars().take(81).collect(),
        rule,
        description: text.to_owned(),
    }
}
