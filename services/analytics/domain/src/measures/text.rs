//! Comments, as lists of tokens: how a text becomes tokens is a step of its own with a version
//! of its own, so that these figures can be computed again.

pub mod contrast;
mod docs;
pub mod keywords;

use serde_json::Value;

use super::Method;
use super::input::Input;
use super::reason::Result;

/// The methods of this family.
pub(super) const METHODS: &[Method] = &[
    Method {
        name: "text.tfidf",
        description: "Keywords of comments by TF-IDF",
        doc: docs::TFIDF,
        compute: keywords,
    },
    Method {
        name: "text.log_odds",
        description: "Words that mark one group of comments against another",
        doc: docs::LOG_ODDS,
        compute: contrast,
    },
];

fn keywords(input: &Input) -> Result<Value> {
    let (documents, stopwords) =
        (input.text_rows("documents")?, input.optional_texts("stopwords")?);
    super::reply(&keywords::tf_idf(&documents, &stopwords, input.count("top")?))
}

fn contrast(input: &Input) -> Result<Value> {
    let (a, b) = (input.text_rows("group_a")?, input.text_rows("group_b")?);
    super::reply(&contrast::log_odds(&a, &b, input.number("alpha0")?)?)
}
