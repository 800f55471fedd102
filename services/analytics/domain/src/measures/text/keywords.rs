//! Words that matter most in a set of comments.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

/// A word with its score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Keyword {
    /// The word.
    pub term: String,
    /// How often it occurs.
    pub count: u64,
    /// In how many comments.
    pub doc_count: u64,
    /// The higher, the more it matters.
    pub score: f64,
}

/// Words by score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Keywords {
    /// The words, highest score first.
    pub terms: Vec<Keyword>,
}

/// The `top` keywords of tokenised comments.
///
/// Formula: score = Σ over the comments of tf·\[ln((1+N)/(1+df)) + 1\], with N comments, empty
/// ones included, df those with the word, tf its number in one. No scaling by length. Sorted by
/// score to 12 decimals, then by code point.
///
/// Source: Spärck Jones (1972), smoothed.
///
/// Edge cases: no tokens: no words.
pub fn tf_idf(documents: &[Vec<&str>], stopwords: &[&str], top: u64) -> Keywords {
    let stopwords: HashSet<&str> = stopwords.iter().copied().collect();
    let mut found: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for document in documents {
        let mut seen = HashSet::new();
        for &term in document.iter().filter(|term| !stopwords.contains(**term)) {
            let (count, documents) = found.entry(term).or_default();
            *count += 1;
            *documents += u64::from(seen.insert(term));
        }
    }
    let n = documents.len() as f64;
    let score = |count: u64, documents: u64| {
        count as f64 * (((1.0 + n) / (1.0 + documents as f64)).ln() + 1.0)
    };
    let mut terms: Vec<Keyword> = found
        .into_iter()
        .map(|(term, (count, doc_count))| Keyword {
            term: term.to_owned(),
            count,
            doc_count,
            score: score(count, doc_count),
        })
        .collect();
    // The map is in the order of code points and the sort keeps it.
    terms.sort_by(|a, b| (b.score * 1e12).round().total_cmp(&(a.score * 1e12).round()));
    terms.truncate(usize::try_from(top).unwrap_or(usize::MAX));
    Keywords { terms }
}
