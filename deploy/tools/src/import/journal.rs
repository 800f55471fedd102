//! What an import leaves on disk: how far it came, and the lines that were not stored.

use std::{
    fs::{self, File},
    io,
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

use super::{Summary, batches::Outcome};
use crate::error::{Error, Result};

/// A place in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Number of the line.
    pub line: u64,
    /// Bytes up to its end.
    pub byte: u64,
}

/// Where to start, and what was done before.
#[derive(Debug, Clone, Copy, Default)]
pub struct Start {
    /// Last line that is done, if an earlier import was interrupted.
    pub done: Option<Position>,
    /// What it did.
    pub summary: Summary,
}

#[derive(Serialize, Deserialize)]
struct State {
    /// Organisation, source and mapping: another import does not go on from here.
    identity: String,
    position: Position,
    summary: Summary,
}

/// The two files of one import.
pub struct Journal {
    state_path: PathBuf,
    errors_path: PathBuf,
    identity: String,
    start: Start,
    errors: Option<csv::Writer<File>>,
}

impl Journal {
    /// Reads how far an earlier import of the same `identity` came. Starting anew removes the
    /// old list of errors.
    pub fn open(state_path: PathBuf, errors_path: PathBuf, identity: String) -> Result<Self> {
        let text = match fs::read_to_string(&state_path) {
            Ok(text) => Some(text),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(Error::file(state_path, e)),
        };
        let state: Option<State> = text.and_then(|text| serde_json::from_str(&text).ok());
        let start = match state.filter(|state| state.identity == identity) {
            Some(state) => Start { done: Some(state.position), summary: state.summary },
            None => {
                remove(&errors_path)?;
                Start::default()
            }
        };
        Ok(Self { state_path, errors_path, identity, start, errors: None })
    }

    /// Where to start.
    pub fn position(&self) -> Start {
        self.start
    }

    /// Notes what became of a batch.
    pub fn record(&mut self, outcome: &Outcome) -> Result<()> {
        for (line, error) in &outcome.errors {
            let path = self.errors_path.clone();
            let failed = |e: csv::Error| Error::file(path.clone(), io::Error::other(e));
            let line = line.to_string();
            let row = [line.as_str(), &error.field, &error.reason, &error.text];
            self.error_writer()?.write_record(row).map_err(failed)?;
        }
        if let Some(errors) = &mut self.errors {
            errors.flush().map_err(|e| Error::file(&self.errors_path, e))?;
        }
        let state = State {
            identity: self.identity.clone(),
            position: outcome.position,
            summary: outcome.summary,
        };
        let text = serde_json::to_vec_pretty(&state)
            .map_err(|e| Error::file(&self.state_path, io::Error::other(e)))?;
        // Renamed into place, so that an interruption leaves the old or the new one.
        let new = self.state_path.with_extension("json.new");
        fs::write(&new, text).map_err(|e| Error::file(&new, e))?;
        fs::rename(&new, &self.state_path).map_err(|e| Error::file(&self.state_path, e))
    }

    fn error_writer(&mut self) -> Result<&mut csv::Writer<File>> {
        if self.errors.is_none() {
            let failed = |e| Error::file(&self.errors_path, e);
            let mut options = fs::OpenOptions::new();
            let file = options.create(true).append(true).open(&self.errors_path).map_err(failed)?;
            let empty = file.metadata().map_err(failed)?.len() == 0;
            let mut writer = csv::Writer::from_writer(file);
            if empty {
                writer
                    .write_record(["line", "field", "reason", "message"])
                    .map_err(|e| failed(io::Error::other(e)))?;
            }
            return Ok(self.errors.insert(writer));
        }
        self.errors.as_mut().ok_or_else(|| Error::Usage("no error file".to_owned()))
    }

    /// The import is done: the next one starts from the beginning.
    pub fn complete(self) -> Result<()> {
        remove(&self.state_path)
    }
}

fn remove(path: &PathBuf) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::file(path, e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::row::RowError;

    #[test]
    fn an_interrupted_import_goes_on_and_a_complete_one_starts_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (state, errors) = (folder.path().join("s.json"), folder.path().join("e.csv"));
        let open = |identity: &str| {
            Journal::open(state.clone(), errors.clone(), identity.to_owned()).unwrap()
        };
        let mut journal = open("a");
        assert_eq!(journal.position().done, None);
        let error = RowError {
            field: "grade".to_owned(),
            reason: "INVALID_FIELD".to_owned(),
            text: "is, \"odd\"".to_owned(),
        };
        let outcome = Outcome {
            position: Position { line: 7, byte: 70 },
            summary: Summary { read: 6, refused: 1, ..Summary::default() },
            errors: vec![(3, error)],
        };
        journal.record(&outcome).unwrap();
        drop(journal);
        let mut journal = open("a");
        assert_eq!(journal.position().done, Some(outcome.position));
        assert_eq!(journal.position().summary, outcome.summary);
        journal.record(&outcome).unwrap();
        let list = fs::read_to_string(&errors).unwrap();
        let line = "3,grade,INVALID_FIELD,\"is, \"\"odd\"\"\"\n";
        assert_eq!(list, format!("line,field,reason,message\n{line}{line}"));
        journal.complete().unwrap();
        assert_eq!(open("a").position().done, None);
        assert!(!errors.exists(), "a new import begins a new list");
    }

    #[test]
    fn another_import_does_not_go_on_from_this_one() {
        let folder = tempfile::tempdir().unwrap();
        let (state, errors) = (folder.path().join("s.json"), folder.path().join("e.csv"));
        let open = |identity: &str| {
            Journal::open(state.clone(), errors.clone(), identity.to_owned()).unwrap()
        };
        let outcome = Outcome {
            position: Position { line: 7, byte: 70 },
            summary: Summary::default(),
            errors: Vec::new(),
        };
        open("a").record(&outcome).unwrap();
        assert_eq!(open("b").position().done, None);
    }
}
