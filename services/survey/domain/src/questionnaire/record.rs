//! A questionnaire as it is kept: its draft, its state, and what may happen to it next.

use uuid::Uuid;

use super::{Definition, canonical};
use crate::error::{Error, Result};

/// Most questionnaires of an organisation, deleted ones left out.
pub const QUESTIONNAIRES_MAX: u64 = 10_000;
/// Most versions of a questionnaire.
pub const VERSIONS_MAX: i32 = 10_000;

/// State. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// No version is published yet.
    Draft = 1,
    /// At least one version is published.
    Published = 2,
    /// No more answers, no more versions.
    Closed = 3,
}

impl State {
    /// By its number in the contract.
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::Draft, Self::Published, Self::Closed].into_iter().find(|s| *s as i32 == number)
    }
}

/// A questionnaire. Lists leave out everything of `definition` but the title.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Id.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Unit that it belongs to.
    pub unit: Uuid,
    /// The draft.
    pub definition: Definition,
    /// Hash of the draft.
    pub hash: String,
    /// State.
    pub state: State,
    /// Latest published version; 0 before the first.
    pub version: i32,
    /// Hash of that version; empty before the first.
    pub published_hash: String,
    /// Counts changes, from 1.
    pub revision: i64,
    /// What it was copied from, or empty.
    pub copied_from: String,
    /// When it was created.
    pub create_us: i64,
    /// When it was last changed.
    pub change_us: i64,
    /// When it was closed.
    pub close_us: Option<i64>,
    /// When it was taken out of lists.
    pub delete_us: Option<i64>,
}

/// A published version. It never changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// Questionnaire.
    pub questionnaire: Uuid,
    /// Number, from 1.
    pub version: i32,
    /// What it asks.
    pub definition: Definition,
    /// Hash of the canonical form.
    pub hash: String,
    /// When it was published.
    pub publish_us: i64,
    /// Who published it.
    pub publisher: String,
    /// Why it was changed.
    pub note: String,
}

impl Record {
    /// A new draft.
    pub fn new(id: Uuid, org: Uuid, unit: Uuid, definition: Definition, now_us: i64) -> Self {
        Self {
            hash: canonical::hash(&definition),
            id,
            org,
            unit,
            definition,
            state: State::Draft,
            version: 0,
            published_hash: String::new(),
            revision: 1,
            copied_from: String::new(),
            create_us: now_us,
            change_us: now_us,
            close_us: None,
            delete_us: None,
        }
    }

    /// Whether the draft differs from the latest version.
    pub fn has_unpublished_changes(&self) -> bool {
        self.hash != self.published_hash
    }

    /// Changes the draft. Versions stay as they are.
    ///
    /// # Errors
    /// When it is closed.
    pub fn edit(&mut self, definition: Definition, now_us: i64) -> Result<()> {
        self.check_open()?;
        self.hash = canonical::hash(&definition);
        self.definition = definition;
        self.touch(now_us);
        Ok(())
    }

    /// Moves it to another unit.
    ///
    /// # Errors
    /// When it is closed.
    pub fn move_to(&mut self, unit: Uuid, now_us: i64) -> Result<()> {
        self.check_open()?;
        self.unit = unit;
        self.touch(now_us);
        Ok(())
    }

    /// Publishes the draft as the next version; `None` when it is the latest one already.
    ///
    /// # Errors
    /// When it is closed, or has too many versions.
    pub fn publish(
        &mut self,
        publisher: String,
        note: String,
        now_us: i64,
    ) -> Result<Option<Published>> {
        self.check_open()?;
        if !self.has_unpublished_changes() {
            return Ok(None);
        }
        if self.version >= VERSIONS_MAX {
            return Err(Error::WrongState("the questionnaire has too many versions; copy it"));
        }
        self.version += 1;
        self.state = State::Published;
        self.published_hash.clone_from(&self.hash);
        self.touch(now_us);
        Ok(Some(Published {
            questionnaire: self.id,
            version: self.version,
            definition: self.definition.clone(),
            hash: self.hash.clone(),
            publish_us: now_us,
            publisher,
            note,
        }))
    }

    /// Closes it. False when it is closed already.
    pub fn close(&mut self, now_us: i64) -> bool {
        if self.state == State::Closed {
            return false;
        }
        self.state = State::Closed;
        self.close_us = Some(now_us);
        self.touch(now_us);
        true
    }

    /// Takes it out of lists, closing it.
    pub fn hide(&mut self, now_us: i64) {
        self.close(now_us);
        self.delete_us = Some(now_us);
        self.touch(now_us);
    }

    fn check_open(&self) -> Result<()> {
        match self.state {
            State::Closed => Err(Error::WrongState("the questionnaire is closed")),
            State::Draft | State::Published => Ok(()),
        }
    }

    fn touch(&mut self, now_us: i64) {
        self.revision += 1;
        self.change_us = now_us;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let definition = Definition {
            title: [("en".to_owned(), "A".to_owned())].into(),
            ..Definition::default()
        };
        Record::new(Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3), definition, 5)
    }

    #[test]
    fn a_draft_becomes_version_after_version_and_then_ends() {
        let mut record = record();
        assert!(record.has_unpublished_changes());
        let first = record.publish("users/us_1".into(), "n".into(), 6).unwrap().unwrap();
        assert_eq!((first.version, record.state, record.version), (1, State::Published, 1));
        assert_eq!(record.publish(String::new(), String::new(), 7), Ok(None));
        let mut changed = record.definition.clone();
        changed.title.insert("en".into(), "B".into());
        record.edit(changed, 8).unwrap();
        assert!(record.has_unpublished_changes());
        let second = record.publish(String::new(), String::new(), 9).unwrap().unwrap();
        assert_eq!(second.version, 2);
        assert_ne!(first.hash, second.hash);
        assert_eq!(first.definition.title["en"], "A");
        assert!(record.close(10) && !record.close(11));
        assert_eq!((record.state, record.close_us), (State::Closed, Some(10)));
        assert!(record.publish(String::new(), String::new(), 12).is_err());
        assert!(record.edit(Definition::default(), 12).is_err());
        assert!(record.move_to(Uuid::nil(), 12).is_err());
    }

    #[test]
    fn what_is_changed_back_is_the_version_again() {
        let mut record = record();
        record.publish(String::new(), String::new(), 6).unwrap();
        let before = record.definition.clone();
        record.edit(Definition::default(), 7).unwrap();
        record.edit(before, 8).unwrap();
        assert_eq!(record.publish(String::new(), String::new(), 9), Ok(None));
        assert_eq!(record.version, 1);
    }
}
