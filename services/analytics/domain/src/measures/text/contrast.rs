//! Words that mark one group of comments against another.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::measures::reason::{Invalid, Reason, Result};

/// A word with how much it marks the first group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Marker {
    /// The word.
    pub term: String,
    /// Log of the odds of the word in the first group over those in the second.
    pub log_odds: f64,
    /// The same in standard errors.
    pub z: f64,
}

/// Words by how much they mark the first group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Contrast {
    /// All words, those of the first group first.
    pub terms: Option<Vec<Marker>>,
    /// Why they are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Log-odds of the words of two groups of tokenised comments, with a prior in proportion to
/// their frequency in both, so that rare words do not win by chance.
///
/// Formula: with c of C tokens in both groups, a of n_a in the first and b of n_b in the second,
/// α = alpha0·c/C, δ = ln\[(a+α)/(n_a+alpha0-a-α)\] - ln\[(b+α)/(n_b+alpha0-b-α)\],
/// z = δ/√(1/(a+α) + 1/(b+α)). Sorted by z to 12 decimals, then by code point.
///
/// Source: Monroe, Colaresi & Quinn (2008).
///
/// Edge cases: a group without tokens: `no_data`; one word only: `zero_variance`.
///
/// Errors: alpha0 not between 1e-6 and 1e12.
pub fn log_odds(a: &[Vec<&str>], b: &[Vec<&str>], alpha0: f64) -> Result<Contrast> {
    if !(1e-6..=1e12).contains(&alpha0) {
        return Err(Invalid::new("alpha0", "must lie between 1e-6 and 1e12"));
    }
    let mut counts: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    a.iter().flatten().for_each(|term| counts.entry(term).or_default().0 += 1.0);
    b.iter().flatten().for_each(|term| counts.entry(term).or_default().1 += 1.0);
    let n_a: f64 = counts.values().map(|(a, _)| a).sum();
    let n_b: f64 = counts.values().map(|(_, b)| b).sum();
    if n_a == 0.0 || n_b == 0.0 || counts.len() < 2 {
        let no_data = n_a == 0.0 || n_b == 0.0;
        let reason = Some(if no_data { Reason::NoData } else { Reason::ZeroVariance });
        return Ok(Contrast { terms: None, reason });
    }
    let marker = |(term, (a, b)): (&str, (f64, f64))| {
        let share = (a + b) / (n_a + n_b);
        let (own, rest) = (alpha0 * share, alpha0 * (1.0 - share));
        let log_odds = ((a + own) / (n_a - a + rest)).ln() - ((b + own) / (n_b - b + rest)).ln();
        let z = log_odds / (1.0 / (a + own) + 1.0 / (b + own)).sqrt();
        Marker { term: term.to_owned(), log_odds, z }
    };
    let mut terms: Vec<Marker> = counts.into_iter().map(marker).collect();
    // The map is in the order of code points and the sort keeps it.
    terms.sort_by(|a, b| rounded(b.z).total_cmp(&rounded(a.z)));
    Ok(Contrast { terms: Some(terms), reason: None })
}

fn rounded(z: f64) -> f64 {
    // Adding 0 turns -0 into 0.
    (z * 1e12).round() + 0.0
}
