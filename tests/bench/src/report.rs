//! What was measured: rows as JSON and as a table for the documentation.

mod table;

use std::{fs, path::Path};

use serde::Serialize;

use crate::{
    error::{Error, Result},
    machine::Machine,
    options::Phase,
    progress::say,
    stats::{Latencies, Spread},
};

pub use table::markdown;

/// Everything that one run found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// Whether it was a short run, whose figures prove little.
    pub quick: bool,
    /// Databases with their versions.
    pub databases: Vec<String>,
    /// The figures.
    pub rows: Vec<Row>,
    /// What could not be measured, and why.
    pub failures: Vec<Failure>,
}

/// A part of the run that gave no figures.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// Database.
    pub database: String,
    /// Part of the run.
    pub phase: String,
    /// Why.
    pub error: String,
}

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Number in the design's table, such as `1`.
    pub id: &'static str,
    /// Database.
    pub database: String,
    /// What it is.
    pub figure: String,
    /// How it was loaded: closed loop (the next request waits for an answer) or open loop (at
    /// fixed times, latency counted from the intended time).
    pub load: String,
    /// The value.
    pub value: Spread,
    /// Its unit.
    pub unit: &'static str,
    /// Median latency in milliseconds.
    pub p50_ms: Option<f64>,
    /// What 99 % stay below, in milliseconds.
    pub p99_ms: Option<f64>,
    /// What it is compared with.
    pub beside: Option<Beside>,
    /// Value ÷ what it is compared with, pair by pair.
    pub ratio: Option<Spread>,
    /// What is to be reached.
    pub goal: Goal,
    /// Whether it is.
    pub reached: bool,
    /// Remarks that a reader needs.
    pub notes: Vec<String>,
}

/// The ceiling that was measured beside a figure, in the same run.
#[derive(Debug, Clone, Serialize)]
pub struct Beside {
    /// What it is.
    pub what: String,
    /// Its value.
    pub value: Spread,
    /// Its unit.
    pub unit: &'static str,
    /// Median latency in milliseconds.
    pub p50_ms: Option<f64>,
    /// What 99 % stay below, in milliseconds.
    pub p99_ms: Option<f64>,
}

/// What a figure shall reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// The ratio is at least this.
    RatioAtLeast(f64),
    /// The ratio is at most this.
    RatioAtMost(f64),
    /// The value is at least this.
    ValueAtLeast(f64),
    /// The value is at most this.
    ValueAtMost(f64),
    /// The 99th percentile in milliseconds is at most this.
    P99AtMost(f64),
    /// Only shown.
    None,
}

impl Report {
    /// Notes that a part of the run gave no figures.
    pub fn failed(&mut self, database: &str, phase: Phase, error: &Error) {
        say(format_args!("{error}"));
        self.failures.push(Failure {
            database: database.to_owned(),
            phase: format!("{phase:?}").to_lowercase(),
            error: error.to_string(),
        });
    }
}

impl Row {
    /// A figure without latencies, comparison or goal yet.
    pub fn new(id: &'static str, database: &str, figure: impl Into<String>) -> Self {
        Self {
            id,
            database: database.to_owned(),
            figure: figure.into(),
            load: String::new(),
            value: Spread::one(0.0),
            unit: "",
            p50_ms: None,
            p99_ms: None,
            beside: None,
            ratio: None,
            goal: Goal::None,
            reached: true,
            notes: Vec::new(),
        }
    }

    /// Sets how it was loaded.
    pub fn load(mut self, load: impl Into<String>) -> Self {
        self.load = load.into();
        self
    }

    /// Sets the value.
    pub fn value(mut self, value: Spread, unit: &'static str) -> Self {
        self.value = value;
        self.unit = unit;
        self
    }

    /// Sets the latencies.
    pub fn latency(mut self, latencies: &Latencies) -> Self {
        self.p50_ms = Some(latencies.p50_ms());
        self.p99_ms = Some(latencies.p99_ms());
        self
    }

    /// Sets what it is compared with, and the ratio to it.
    pub fn beside(mut self, beside: Beside, ratio: Spread) -> Self {
        self.beside = Some(beside);
        self.ratio = Some(ratio);
        self
    }

    /// Adds a remark.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds a remark if there is one.
    pub fn note_opt(self, note: Option<String>) -> Self {
        match note {
            Some(note) => self.note(note),
            None => self,
        }
    }

    /// Sets the goal and judges it by the median.
    pub fn goal(mut self, goal: Goal) -> Self {
        self.goal = goal;
        self.reached = match goal {
            Goal::RatioAtLeast(bound) => self.ratio.is_some_and(|ratio| ratio.median >= bound),
            Goal::RatioAtMost(bound) => self.ratio.is_some_and(|ratio| ratio.median <= bound),
            Goal::ValueAtLeast(bound) => self.value.median >= bound,
            Goal::ValueAtMost(bound) => self.value.median <= bound,
            Goal::P99AtMost(bound) => self.p99_ms.is_some_and(|p99| p99 <= bound),
            Goal::None => true,
        };
        self
    }

    /// Reaches nothing, whatever the figures say.
    pub fn failed(mut self, why: &str) -> Self {
        self.reached = false;
        self.note(why)
    }
}

/// Writes `results.json` and `results.md` into `folder`.
pub fn write(report: &Report, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|e| Error::file(folder, e))?;
    let path = folder.join("results.json");
    let json = serde_json::to_string_pretty(report)
        .map_err(|e| Error::Unsound(format!("the report cannot be written as JSON: {e}")))?;
    fs::write(&path, json + "\n").map_err(|e| Error::file(&path, e))?;
    let path = folder.join("results.md");
    fs::write(&path, markdown(report)).map_err(|e| Error::file(&path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(goal: Goal) -> Row {
        let beside = Beside {
            what: "the ceiling".to_owned(),
            value: Spread::one(100.0),
            unit: "ratings/s",
            p50_ms: None,
            p99_ms: None,
        };
        Row::new("1", "SQLite", "ratings")
            .value(Spread::one(60.0), "ratings/s")
            .beside(beside, Spread::one(0.6))
            .goal(goal)
    }

    #[test]
    fn goals_are_judged_by_the_median() {
        assert!(row(Goal::RatioAtLeast(0.6)).reached);
        assert!(!row(Goal::RatioAtLeast(0.61)).reached);
        assert!(row(Goal::ValueAtMost(60.0)).reached);
        assert!(row(Goal::ValueAtLeast(60.0)).reached);
        assert!(!row(Goal::ValueAtLeast(60.1)).reached);
        assert!(!row(Goal::P99AtMost(50.0)).reached, "no latency was measured");
    }

    #[test]
    fn results_are_written_as_json_and_as_a_table() {
        let folder = tempfile::tempdir().unwrap();
        let report = Report {
            machine: Machine::look(folder.path()),
            quick: true,
            databases: vec!["SQLite 3".to_owned()],
            rows: vec![row(Goal::RatioAtLeast(0.7))],
            failures: Vec::new(),
        };
        write(&report, folder.path()).unwrap();
        let json = fs::read_to_string(folder.path().join("results.json")).unwrap();
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["rows"][0]["goal"]["ratio_at_least"], 0.7);
        let table = fs::read_to_string(folder.path().join("results.md")).unwrap();
        assert!(table.contains("| 1 | ratings |") && table.contains("**no**"), "{table}");
    }
}
