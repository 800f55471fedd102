//! Straight-lining.

use serde::Serialize;

/// Runs of equal answers, one entry per respondent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LongString {
    /// Length of the longest run of equal answers.
    pub longest_run: Vec<usize>,
    /// True if the run covers all answers given, and these are at least `min_items`.
    pub straightline: Vec<bool>,
}

/// Longest run of equal answers of each respondent; missing answers are skipped.
///
/// Formula: the largest number of equal answers in a row; a straight line is a run over all
/// answers given of at least `min_items`.
///
/// Source: Johnson (2005), "LongString".
///
/// Edge cases: a respondent without answers has a run of 0, which is no straight line. Rows may
/// differ in length.
pub fn longstring(rows: &[Vec<Option<f64>>], min_items: usize) -> LongString {
    let runs = rows.iter().map(|row| {
        let given: Vec<f64> = row.iter().copied().flatten().collect();
        let longest = given.chunk_by(|a, b| a == b).map(<[f64]>::len).max().unwrap_or(0);
        (longest, longest == given.len() && longest >= min_items.max(1))
    });
    let (longest_run, straightline) = runs.unzip();
    LongString { longest_run, straightline }
}
