//! What is said of the methods of comments.

use crate::measures::field::Kind::{Count, List, Number, Object, Text};
use crate::measures::field::{Doc, REASON, TEXTS, given, optional, required};

/// `text.tfidf`
pub(super) const TFIDF: Doc = Doc {
    formula: "score = Σ over the comments of tf·[ln((1+N)/(1+df)) + 1], with N comments, empty \
         ones included, df those with the word, tf its number in one. No scaling by length. \
         Sorted by score to 12 decimals, then by code point",
    source: "Spärck Jones (1972), smoothed",
    input: &[
        required("documents", List(&TEXTS), "the tokens of each comment"),
        optional("stopwords", TEXTS, "tokens to pass over"),
        required("top", Count, "how many words to list"),
    ],
    result: &[given(
        "terms",
        List(&Object(&[
            given("term", Text, "the word"),
            given("count", Count, "how often it occurs"),
            given("doc_count", Count, "in how many comments"),
            given("score", Number, "the higher, the more it matters"),
        ])),
        "the words, highest score first",
    )],
    example: r#"{"documents": [["排队", "慢"], ["态度", "好"]], "stopwords": ["好"], "top": 3}"#,
};

/// `text.log_odds`
pub(super) const LOG_ODDS: Doc = Doc {
    formula: "with c of C tokens in both groups, a of n_a in the first and b of n_b in the \
         second, α = alpha0·c/C, δ = ln[(a+α)/(n_a+alpha0-a-α)] - \
         ln[(b+α)/(n_b+alpha0-b-α)], z = δ/√(1/(a+α) + 1/(b+α)). Sorted by z to 12 \
         decimals, then by code point",
    source: "Monroe, Colaresi & Quinn (2008)",
    input: &[
        required("group_a", List(&TEXTS), "the tokens of each comment of the first group"),
        required("group_b", List(&TEXTS), "the tokens of each comment of the second group"),
        required("alpha0", Number, "weight of the prior").of("tokens").within("1e-6 to 1e12"),
    ],
    result: &[
        given(
            "terms",
            List(&Object(&[
                given("term", Text, "the word"),
                given(
                    "log_odds",
                    Number,
                    "log of the odds of the word in the first group over those in the second",
                ),
                given("z", Number, "the same in standard errors"),
            ])),
            "all words, those of the first group first",
        ),
        REASON,
    ],
    example: r#"{"group_a": [["排队", "慢"], ["排队"]], "group_b": [["态度", "好"]], "alpha0": 10}"#,
};
