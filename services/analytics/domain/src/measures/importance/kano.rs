//! Kano's model: what an attribute does to satisfaction.

use serde::Serialize;

use crate::measures::reason::Reason;

/// Answers to the two questions about an attribute, classified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// A: pleases when there, is not missed otherwise.
    pub attractive: u64,
    /// O: pleases when there, displeases when not.
    pub one_dimensional: u64,
    /// M: taken for granted, displeases when not there.
    pub must_be: u64,
    /// I: neither.
    pub indifferent: u64,
    /// R: displeases when there.
    pub reverse: u64,
    /// Q: answers that contradict each other.
    pub questionable: u64,
}

/// Kano's classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Category {
    /// Must-be.
    M,
    /// One-dimensional.
    O,
    /// Attractive.
    A,
    /// Indifferent.
    I,
    /// Reverse.
    R,
    /// Questionable.
    Q,
}

/// What an attribute does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kano {
    /// How much having it raises satisfaction, in \[0, 1\].
    pub better: Option<f64>,
    /// How much lacking it lowers satisfaction, in \[-1, 0\].
    pub worse: Option<f64>,
    /// The class most answers fall in.
    pub category: Option<Category>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Coefficients of an attribute.
///
/// Formula: better = (A+O)/(A+O+M+I), worse = -(O+M)/(A+O+M+I); the category is the largest
/// count, ties in the order M, O, A, I, R, Q.
///
/// Source: Kano (1984); Berger et al. (1993).
///
/// Edge cases: A+O+M+I = 0: coefficients missing with `no_data`; no answer at all: the category
/// as well.
pub fn coefficients(counts: &Counts) -> Kano {
    let Counts { attractive: a, one_dimensional: o, must_be: m, indifferent: i, .. } = *counts;
    let below = (a + o + m + i) as f64;
    let share = |top: u64| (below > 0.0).then(|| top as f64 / below);
    let classes = [
        (Category::M, m),
        (Category::O, o),
        (Category::A, a),
        (Category::I, i),
        (Category::R, counts.reverse),
        (Category::Q, counts.questionable),
    ];
    let largest = classes.iter().map(|(_, count)| *count).max().filter(|count| *count > 0);
    let category = |largest: u64| classes.iter().find(|(_, count)| *count == largest);
    Kano {
        better: share(a + o),
        worse: share(o + m).map(|worse| -worse),
        category: largest.and_then(category).map(|(category, _)| *category),
        reason: (below == 0.0).then_some(Reason::NoData),
    }
}
