//! Whether a definition is sound: every id is there once, every scale and option makes sense,
//! branching only looks back and only leads on, every question and ending can be reached.

mod branching;
mod question;
mod scale;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use super::{
    Definition, Problem, QUESTIONS_MAX, QuestionOption, Texts,
    condition::is_date,
    pipe::{self, Piece, is_id},
};

/// Most problems that are told at once.
const PROBLEMS_MAX: usize = 50;

/// All problems of a definition, at most 50; none when it is sound.
pub fn check(definition: &Definition) -> Vec<Problem> {
    let mut checker = Checker::new(definition);
    checker.definition();
    scale::check(&mut checker);
    // What leads where cannot be told while an id is there twice, or a scale has no length.
    let ids_and_scales_are_sound = checker.problems.is_empty();
    question::check(&mut checker);
    if ids_and_scales_are_sound {
        branching::check(&mut checker);
    }
    checker.problems.truncate(PROBLEMS_MAX);
    checker.problems
}

/// Where a text stands, which decides on what it may refer to.
#[derive(Clone, Copy)]
enum Pipes {
    /// Nothing.
    None,
    /// Attributes of the customer.
    Attributes,
    /// Also answers to questions before this number, but not of a shuffled section.
    Before(usize, Option<usize>),
}

struct Checker<'a> {
    definition: &'a Definition,
    default_language: String,
    /// Number of each question, and of its section.
    positions: HashMap<&'a str, (usize, usize)>,
    problems: Vec<Problem>,
}

impl<'a> Checker<'a> {
    fn new(definition: &'a Definition) -> Self {
        let mut positions = HashMap::new();
        let mut position = 0;
        for (s, section) in definition.sections.iter().enumerate() {
            for question in &section.questions {
                positions.entry(question.id.as_str()).or_insert((position, s));
                position += 1;
            }
        }
        let given = definition.default_language();
        let first = || definition.title.keys().next().cloned().unwrap_or_default();
        let default_language = if definition.title.contains_key(&given) { given } else { first() };
        Self { definition, default_language, positions, problems: Vec::new() }
    }

    fn report(&mut self, place: impl Into<String>, description: impl Into<String>) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem::new(place, description));
        }
    }

    /// Title, languages, dates, ids and numbers of things.
    fn definition(&mut self) {
        let definition = self.definition;
        for language in definition.title.keys() {
            if !is_language(language) {
                self.report("title", "has a key that is no language");
            }
        }
        if definition.title.is_empty() {
            self.report("title", "is required");
        } else if !definition.title.contains_key(&definition.default_language()) {
            self.report("defaultLanguage", "is no language of the title");
        }
        self.texts("title", &definition.title, true, Pipes::Attributes);
        self.texts("introduction", &definition.introduction, false, Pipes::Attributes);
        self.dates("validFrom", &definition.valid_from, "validTo", &definition.valid_to);
        match definition.questions().count() {
            0 => self.report("sections", "has no question"),
            count if count > QUESTIONS_MAX => {
                self.report("sections", format!("has more than {QUESTIONS_MAX} questions"));
            }
            _ => {}
        }
        self.ids();
        let end = definition.questions().count();
        for (e, ending) in definition.endings.iter().enumerate() {
            let place = format!("endings[{e}].text");
            self.texts(&place, &ending.text, true, Pipes::Before(end, None));
        }
    }

    /// Sections, questions and endings share one name space: jumps lead to all of them.
    fn ids(&mut self) {
        let definition = self.definition;
        let mut seen = HashSet::new();
        let mut scales = HashSet::new();
        for (i, scale) in definition.scales.iter().enumerate() {
            self.id(&format!("scales[{i}].id"), &scale.id, &mut scales);
        }
        for (s, section) in definition.sections.iter().enumerate() {
            self.id(&format!("sections[{s}].id"), &section.id, &mut seen);
            if section.questions.is_empty() {
                self.report(format!("sections[{s}].questions"), "is required");
            }
            for (q, question) in section.questions.iter().enumerate() {
                let place = format!("sections[{s}].questions[{q}].id");
                self.id(&place, &question.id, &mut seen);
            }
        }
        for (e, ending) in definition.endings.iter().enumerate() {
            self.id(&format!("endings[{e}].id"), &ending.id, &mut seen);
        }
    }

    fn id<'i>(&mut self, place: &str, id: &'i str, seen: &mut HashSet<&'i str>) {
        if id.is_empty() {
            self.report(place, "is required");
        } else if !is_id(id) {
            let text = "is no id: a lower-case letter, then letters, digits, underscores, up to 40";
            self.report(place, text);
        } else if !seen.insert(id) {
            self.report(place, "is used twice");
        }
    }

    /// Ids and texts of options, or of reasons.
    fn options(&mut self, place: &str, options: &'a [QuestionOption], pipes: Pipes) {
        let mut seen = HashSet::new();
        for (o, option) in options.iter().enumerate() {
            self.id(&format!("{place}[{o}].id"), &option.id, &mut seen);
            self.texts(&format!("{place}[{o}].text"), &option.text, true, pipes);
        }
    }

    fn texts(&mut self, place: &str, texts: &Texts, required: bool, pipes: Pipes) {
        if required && texts.get(&self.default_language).is_none_or(|text| text.trim().is_empty()) {
            let language = self.default_language.clone();
            self.report(place, format!("is required in the default language {language}"));
        }
        for (language, text) in texts {
            let place = format!("{place}[{language}]");
            if !self.definition.title.contains_key(language) {
                self.report(place, "is in a language that the title does not have");
                continue;
            }
            if text.trim().is_empty() {
                self.report(place, "is empty");
                continue;
            }
            match pipe::parse(text) {
                Ok(pieces) => self.pieces(&place, &pieces, pipes),
                Err(problem) => self.report(place, problem),
            }
        }
    }

    fn pieces(&mut self, place: &str, pieces: &[Piece<'_>], pipes: Pipes) {
        for piece in pieces {
            match (piece, pipes) {
                (Piece::Plain(_), _) => {}
                (_, Pipes::None) => self.report(place, "may not hold placeholders"),
                (Piece::Attribute { .. }, _) => {}
                (Piece::Answer { .. }, Pipes::Attributes) => {
                    self.report(place, "may not refer to answers, which come later");
                }
                (Piece::Answer { question, part, .. }, Pipes::Before(before, shuffled)) => {
                    self.earlier(place, question, part, before, shuffled);
                }
            }
        }
    }

    /// Whether a question and its part may be referred to from a place. Tells its number.
    fn earlier(
        &mut self,
        place: &str,
        id: &str,
        part: &str,
        before: usize,
        shuffled: Option<usize>,
    ) -> Option<usize> {
        let Some((position, section)) = self.positions.get(id).copied() else {
            self.report(place, format!("refers to {id}, which is no question"));
            return None;
        };
        if position >= before {
            let text = format!("refers to {id}, which is not asked before: that makes a circle");
            self.report(place, text);
            return None;
        }
        if shuffled == Some(section) {
            let text = format!("refers to {id}, which may come later in a shuffled section");
            self.report(place, text);
            return None;
        }
        let question = self.definition.questions().nth(position).map(|(_, question)| question)?;
        if !question.has_part(part) {
            self.report(place, format!("refers to a part that {id} does not have"));
            return None;
        }
        Some(position)
    }

    fn dates(&mut self, first: &str, from: &str, last: &str, to: &str) {
        for (place, date) in [(first, from), (last, to)] {
            if !date.is_empty() && !is_date(date) {
                self.report(place, "is no date such as 2026-01-31");
                return;
            }
        }
        if !from.is_empty() && !to.is_empty() && from > to {
            self.report(last, "is before the first day");
        }
    }
}

/// Language tags such as `zh-CN` and `en`.
pub fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let letters = |part: &str| part.bytes().all(|b| b.is_ascii_alphabetic());
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric());
    let first = parts.next().is_some_and(|p| (2..=8).contains(&p.len()) && letters(p));
    first && tag.len() <= 35 && parts.all(|p| (1..=8).contains(&p.len()) && plain(p))
}
