//! What is said of the methods of league tables.

use crate::measures::change::MOMENTS;
use crate::measures::field::Kind::{Count, List, Number, Object, Share, Text};
use crate::measures::field::{CONF_LEVEL, Doc, REASON, given, required};

/// `ranking.eb_proportion`
pub(super) const EB_PROPORTION: Doc = Doc {
    formula: "m = Σx/Σn; τ² = [Σn(p-m)² - (K-1)m(1-m)]/[N - Σn²/N - (K-1)] over the K branches \
         with answers; M = max(1, m(1-m)/τ² - 1), α = Mm, β = M(1-m); posterior Beta(α+x, \
         β+n-x): shrunk = its mean, limits = its quantiles. Ranks from the largest; values \
         equal to 12 decimals: the larger n, then the order given",
    source: "beta-binomial model by moments, Morris (1983)",
    input: &[
        required(
            "branches",
            List(&Object(&[
                required("id", Text, "name"),
                required("n", Count, "answers"),
                required("successes", Count, "answers that meet the condition").within("0 to n"),
            ])),
            "branches, at most 100,000",
        ),
        CONF_LEVEL,
    ],
    result: &[
        given("mean", Number, "share of all"),
        given("tau2", Number, "variance of the true shares of the branches"),
        given("alpha", Number, "first shape of the prior; null when the branches do not differ"),
        given("beta", Number, "second shape"),
        given(
            "branches",
            List(&Object(&[
                given("id", Text, "name as in the input"),
                given("raw", Number, "the branch's own share; null without answers"),
                given("shrunk", Number, "its share drawn towards that of all"),
                given("low", Number, "lower end of the interval of the shrunk share"),
                given("high", Number, "upper end of the interval of the shrunk share"),
                given("rank", Count, "place by the shrunk share, from 1"),
                given(
                    "rank_low",
                    Count,
                    "place by the lower end: what is certain to be good comes first",
                ),
                REASON,
            ])),
            "the branches in the order given",
        ),
        REASON,
    ],
    example: r#"
        {"branches": [{"id": "A", "n": 50, "successes": 31}, {"id": "B", "n": 100, "successes":
        88}, {"id": "C", "n": 3, "successes": 3}]}"#,
};

/// `ranking.eb_mean`
pub(super) const EB_MEAN: Doc = Doc {
    formula: "s² pooled within branches, τ² of DerSimonian and Laird, B = τ²/(τ² + s²/n), shrunk \
         = B·mean + (1-B)·μ ± z√[B·s²/n + (1-B)²/Σw*]",
    source: "DerSimonian & Laird (1986); Morris (1983)",
    input: &[
        required(
            "branches",
            List(&Object(&[required("id", Text, "name"), MOMENTS[0], MOMENTS[1], MOMENTS[2]])),
            "branches, at most 100,000",
        ),
        CONF_LEVEL,
    ],
    result: &[
        given("within_var", Number, "pooled variance within branches"),
        given("tau2", Number, "variance of the true means of the branches"),
        given("grand_mean", Number, "mean of all, weighted by precision"),
        given("q", Number, "Cochran's Q: how much the means differ beyond chance"),
        given(
            "branches",
            List(&Object(&[
                given("id", Text, "name as in the input"),
                given("raw", Number, "the branch's own mean; null without values"),
                given("reliability", Share, "how much its own mean counts in the shrunk one"),
                given("shrunk", Number, "its mean drawn towards that of all"),
                given("low", Number, "lower end of the interval of the shrunk mean"),
                given("high", Number, "upper end of the interval of the shrunk mean"),
                given("rank", Count, "place by the shrunk mean, from 1"),
                REASON,
            ])),
            "the branches in the order given",
        ),
        REASON,
    ],
    example: r#"
        {"branches": [{"id": "A", "n": 10, "mean": 80, "sd": 12}, {"id": "B", "n": 20, "mean":
        70.5, "sd": 11}]}"#,
};
