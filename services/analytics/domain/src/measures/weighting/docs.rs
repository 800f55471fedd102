//! What is said of the methods of weighting.

use crate::measures::field::Kind::{Bit, Flag, List, Named, Number};
use crate::measures::field::{BASE_WEIGHTS, Doc, NUMBERS, REASON, TEXTS, given, required};

/// `weighting.rake`
pub(super) const RAKE: Doc = Doc {
    formula: "from the base weights, variable after variable w·target/current, until every \
         margin is within 1e-12 of its target share; mean 1; deff = n·Σw²/(Σw)²",
    source: "Deming & Stephan (1940)",
    input: &[
        required("categories", Named(&TEXTS), "variables by name: the category of each respondent"),
        required(
            "targets",
            Named(&Named(&Number)),
            "by variable the share or size of each category",
        )
        .within("not negative"),
        BASE_WEIGHTS,
    ],
    result: &[
        given(
            "weights",
            NUMBERS,
            "A weight per respondent, on average 1; 0 for those who do not count",
        ),
        given("converged", Flag, "true if every margin is met"),
        given("deff", Number, "design effect n·Σw²/(Σw)²: how much the weights inflate a variance"),
        given("n_eff", Number, "effective number of respondents n/deff"),
        given("min_weight", Number, "smallest weight of those who count"),
        given("max_weight", Number, "largest weight"),
        REASON,
    ],
    example: r#"
        {"categories": {"sex": ["f", "m", "f", "f"], "age": ["old", "old", "young", "old"]},
        "targets": {"sex": {"f": 0.5, "m": 0.5}, "age": {"old": 0.7, "young": 0.3}}}"#,
};

/// `weighting.poststratify`
pub(super) const POSTSTRATIFY: Doc = Doc {
    formula: "w = base·(N_c/ΣN)·n/Σ_c base; deff = n·Σw²/(Σw)²",
    source: "Holt & Smith (1979); Kish (1965) for the design effect",
    input: &[
        required("stratum", TEXTS, "stratum of each respondent"),
        required("targets", Named(&Number), "share or size of each stratum").within("not negative"),
        BASE_WEIGHTS,
    ],
    result: &[
        given(
            "weights",
            NUMBERS,
            "A weight per respondent, on average 1; 0 for those who do not count",
        ),
        given("deff", Number, "design effect n·Σw²/(Σw)²: how much the weights inflate a variance"),
        given("n_eff", Number, "effective number of respondents n/deff"),
        REASON,
    ],
    example: r#"{"stratum": ["a", "a", "b"], "targets": {"a": 50, "b": 50}}"#,
};

/// `weighting.nonresponse`
pub(super) const NONRESPONSE: Doc = Doc {
    formula: "factor of a class = Σ base of the invited/Σ base of those who answered; weight = \
         base·factor",
    source: "weighting-class adjustment, Oh & Scheuren (1983)",
    input: &[
        required("class", TEXTS, "class of each person invited"),
        required("responded", List(&Bit), "whether each answered"),
        BASE_WEIGHTS,
    ],
    result: &[
        given("factors", Named(&Number), "for how many of its class each respondent stands"),
        given("weights", NUMBERS, "A weight per person invited; 0 for those who did not answer"),
        REASON,
    ],
    example: r#"{"class": ["x", "x", "y", "y"], "responded": [true, false, true, true]}"#,
};
