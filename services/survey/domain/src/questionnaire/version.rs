//! A version of a questionnaire, ready to be answered.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Definition, Question, Section};

/// Where a question stands: number of its section, and of itself in there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Number of the section from 0.
    pub section: usize,
    /// Number of the question in its section from 0.
    pub question: usize,
}

/// A sound definition with its number and an index of its questions.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// Questionnaire.
    pub questionnaire: Uuid,
    /// Number, from 1; 0 for a draft.
    pub number: i32,
    /// Hash of the canonical form.
    pub hash: String,
    definition: Definition,
    places: Vec<Place>,
    index: HashMap<String, usize>,
}

impl Version {
    /// Of a definition that [`super::check::check`] found sound.
    pub fn new(questionnaire: Uuid, number: i32, hash: String, definition: Definition) -> Self {
        let mut places = Vec::new();
        let mut index = HashMap::new();
        for (s, section) in definition.sections.iter().enumerate() {
            for (q, question) in section.questions.iter().enumerate() {
                index.insert(question.id.clone(), places.len());
                places.push(Place { section: s, question: q });
            }
        }
        Self { questionnaire, number, hash, definition, places, index }
    }

    /// What it asks.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// Number of questions.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether it asks nothing; never so for a sound definition.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Number of a question by its id, from 0 in the order of the questionnaire.
    pub fn position(&self, id: &str) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// A question by its id.
    pub fn question(&self, id: &str) -> Option<&Question> {
        self.position(id).map(|position| self.at(position).1)
    }

    /// Section and question by number.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn at(&self, position: usize) -> (&Section, &Question) {
        let place = self.places[position];
        let section = &self.definition.sections[place.section];
        (section, &section.questions[place.question])
    }

    /// Where a question stands, by number.
    pub fn place(&self, position: usize) -> Option<Place> {
        self.places.get(position).copied()
    }

    /// Number of the first question of a section, or after it when it has none.
    pub fn section_start(&self, section: usize) -> usize {
        self.places.iter().position(|place| place.section >= section).unwrap_or(self.places.len())
    }
}
