//! A bar for people who wait. Silent when nobody watches.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::batches::Outcome;

/// How far an import is.
pub struct Progress(ProgressBar);

impl Progress {
    /// Of a file of `bytes`, of which `done` were imported before.
    pub fn new(bytes: u64, done: u64) -> Self {
        // Hides itself when standard error is no terminal.
        let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
        let style = "{bar:30} {percent:>3} % · {msg} · {eta} left";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.set_position(done);
        Self(bar)
    }

    /// Shows where it is.
    pub fn at(&self, outcome: &Outcome) {
        let summary = outcome.summary;
        let wrong = summary.refused + summary.quarantined;
        self.0.set_message(format!("{} lines, {wrong} not stored", summary.read));
        self.0.set_position(outcome.position.byte);
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}
