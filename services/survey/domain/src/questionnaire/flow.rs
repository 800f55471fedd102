//! The way through a questionnaire: what is shown after the answers so far, and where it ends.

#[cfg(test)]
mod tests;

use super::{Ending, Question, Version};
use crate::answer::{Answers, Attributes, Lookup};

/// The way through a questionnaire.
#[derive(Debug, Clone, Default)]
pub struct Way<'a> {
    /// Numbers of the questions that are shown, ascending.
    pub shown: Vec<usize>,
    /// Number of the ending that it leads to; `None` for the plain end of a questionnaire that
    /// names none.
    pub ending: Option<usize>,
    /// The answers that count: those to questions that are shown.
    pub answers: Lookup<'a>,
}

impl Way<'_> {
    /// Whether a question is shown, by number.
    pub fn shows(&self, position: usize) -> bool {
        self.shown.binary_search(&position).is_ok()
    }

    /// The ending that it leads to.
    pub fn ending_of<'v>(&self, version: &'v Version) -> Option<&'v Ending> {
        self.ending.and_then(|index| version.definition().endings.get(index))
    }
}

/// Where to go on.
enum Next {
    Question(usize),
    Ending(usize),
}

/// Goes through the questionnaire. Conditions only look back and jumps only lead on, so one
/// pass decides everything. An answer to a question that is not shown counts for nothing.
pub fn walk<'a>(version: &Version, answers: &'a Answers, attributes: &Attributes) -> Way<'a> {
    let all = Lookup::of(answers);
    let mut way = Way::default();
    let mut position = 0;
    while position < version.len() {
        let (section, question) = version.at(position);
        let conditions = [&section.show_if, &question.show_if];
        let mut given = conditions.into_iter().flatten();
        if !given.all(|condition| condition.holds(&way.answers, attributes)) {
            position += 1;
            continue;
        }
        way.shown.push(position);
        for part in question.parts() {
            if let Some(answer) = all.get(&question.id, &part) {
                way.answers.insert(answer);
            }
        }
        match next(version, question, &way.answers, attributes) {
            Some(Next::Ending(ending)) => {
                way.ending = Some(ending);
                return way;
            }
            // A jump back would never end; sound definitions have none.
            Some(Next::Question(to)) => position = to.max(position + 1),
            None => position += 1,
        }
    }
    way.ending = (!version.definition().endings.is_empty()).then_some(0);
    way
}

fn next(
    version: &Version,
    question: &Question,
    answers: &Lookup<'_>,
    attributes: &Attributes,
) -> Option<Next> {
    let holds = |when: &Option<super::Condition>| {
        when.as_ref().is_none_or(|condition| condition.holds(answers, attributes))
    };
    let jump = question.jumps.iter().find(|jump| holds(&jump.when))?;
    target(version, &jump.to)
}

fn target(version: &Version, id: &str) -> Option<Next> {
    let definition = version.definition();
    if let Some(position) = version.position(id) {
        return Some(Next::Question(position));
    }
    if let Some(section) = definition.sections.iter().position(|section| section.id == id) {
        return Some(Next::Question(version.section_start(section)));
    }
    definition.endings.iter().position(|ending| ending.id == id).map(Next::Ending)
}
