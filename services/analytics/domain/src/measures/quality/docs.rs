//! What is said of the methods of the quality of answers.

use crate::measures::field::Kind::{Count, Flag, List};
use crate::measures::field::{COUNTS, Doc, ROWS, given, or, required};

/// `quality.longstring`
pub(super) const LONGSTRING: Doc = Doc {
    formula: "the largest number of equal answers in a row; a straight line is a run over all \
         answers given of at least `min_items`",
    source: "Johnson (2005), \"LongString\"",
    input: &[
        required(
            "rows",
            ROWS,
            "the answers of each respondent in their order; null is a missing one",
        ),
        or("min_items", Count, "5", "answers from which a straight line is one")
            .within("1 or more"),
    ],
    result: &[
        given("longest_run", COUNTS, "length of the longest run of equal answers"),
        given(
            "straightline",
            List(&Flag),
            "true if the run covers all answers given, and these are at least `min_items`",
        ),
    ],
    example: r#"{"rows": [[4, 4, 4, 4, 4, 4], [1, 2, 2, null, 3]]}"#,
};
