//! What was sent and what was acknowledged while processes died, and the check that nothing
//! acknowledged is missing and nothing is there twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

/// A message: device name and sequence. Tests of this kind use one epoch.
pub type Message = (String, i64);

/// Everything that the senders know. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct History(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    attempted: BTreeSet<Message>,
    acknowledged: BTreeMap<Message, String>,
}

impl History {
    /// A message is about to be sent.
    pub fn attempt(&self, message: Message) {
        self.0.lock().expect("no holder panics").attempted.insert(message);
    }

    /// The service acknowledged a message with this receipt.
    ///
    /// # Panics
    /// When it was acknowledged before with another one.
    pub fn acknowledge(&self, message: Message, receipt: String) {
        let mut known = self.0.lock().expect("no holder panics");
        let before = known.acknowledged.insert(message.clone(), receipt.clone());
        let same = before.is_none_or(|before| before == receipt);
        assert!(same, "{message:?} was acknowledged with two receipts");
    }

    /// Receipts of the messages acknowledged so far.
    pub fn receipts(&self) -> Vec<String> {
        self.0.lock().expect("no holder panics").acknowledged.values().cloned().collect()
    }

    /// Messages acknowledged so far.
    pub fn acknowledged(&self) -> usize {
        self.0.lock().expect("no holder panics").acknowledged.len()
    }

    /// Compares with what is stored (message and receipt of each row) and with what analytics
    /// counted. Empty when acknowledged ⊆ stored ⊆ attempted, nothing is stored twice, receipts
    /// agree, and counted = stored.
    pub fn problems(&self, stored: &[(Message, String)], counted: i64) -> Vec<String> {
        let known = self.0.lock().expect("no holder panics");
        let mut problems = Vec::new();
        let mut rows = BTreeMap::new();
        for (message, receipt) in stored {
            if rows.insert(message, receipt).is_some() {
                problems.push(format!("{message:?} is stored twice"));
            }
            if !known.attempted.contains(message) {
                problems.push(format!("{message:?} is stored and was never sent"));
            }
        }
        for (message, receipt) in &known.acknowledged {
            match rows.get(message) {
                None => problems.push(format!("{message:?} was acknowledged and is lost")),
                Some(stored) if *stored != receipt => {
                    problems.push(format!("{message:?} is stored under another receipt"));
                }
                Some(_) => {}
            }
        }
        if i64::try_from(stored.len()).ok() != Some(counted) {
            problems.push(format!("{} are stored and {counted} counted", stored.len()));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(sequence: i64) -> Message {
        ("devices/d_1".to_owned(), sequence)
    }

    #[test]
    fn the_check_finds_each_kind_of_damage() {
        let history = History::default();
        for sequence in 1..=3 {
            history.attempt(message(sequence));
        }
        history.acknowledge(message(1), "a".to_owned());
        history.acknowledge(message(2), "b".to_owned());
        let row = |sequence, receipt: &str| (message(sequence), receipt.to_owned());
        let sound = [row(1, "a"), row(2, "b"), row(3, "c")];
        assert!(history.problems(&sound, 3).is_empty());
        assert!(history.problems(&sound[..2], 2).is_empty(), "an unanswered one may be lost");
        for (stored, counted) in [
            (vec![row(1, "a")], 1),
            (vec![row(1, "a"), row(2, "b"), row(2, "b")], 3),
            (vec![row(1, "a"), row(2, "x")], 2),
            (vec![row(1, "a"), row(2, "b"), row(9, "z")], 3),
            (vec![row(1, "a"), row(2, "b")], 3),
        ] {
            assert!(!history.problems(&stored, counted).is_empty(), "{stored:?} {counted}");
        }
    }
}
