//! What is said of the methods of comparisons.

use crate::measures::field::Kind::{Choice, Count, Flag, List, Number, Object, OrNull, Share};
use crate::measures::field::{
    CONF_LEVEL, Doc, Kind, MATRIX, REASON, VALUES, given, optional, or, required,
};

/// A net promoter score to compare.
const SIDE: Kind = Object(&[
    required("promoters", Count, "answers 9 and 10"),
    required("passives", Count, "answers 7 and 8"),
    required("detractors", Count, "answers 0 to 6"),
]);

/// `compare.welch_t`
pub(super) const WELCH_T: Doc = Doc {
    formula: "t = (mean(a) - mean(b))/√(s_a²/n_a + s_b²/n_b), Satterthwaite df, two-sided p and \
         t interval; g = diff/s_pooled·(1 - 3/(4(n_a+n_b) - 9))",
    source: "Welch (1947); Hedges (1981)",
    input: &[
        required("a", VALUES, "values of the first group; null is a missing one"),
        required("b", VALUES, "values of the second group"),
        CONF_LEVEL,
    ],
    result: &[
        given("n_a", Count, "values of a"),
        given("n_b", Count, "values of b"),
        given("mean_diff", Number, "mean(a) - mean(b)"),
        given("t", Number, "Welch's t"),
        given("df", Number, "Satterthwaite's degrees of freedom"),
        given("p", Share, "two-sided p-value"),
        given("ci_low", Number, "lower end of the t interval"),
        given("ci_high", Number, "upper end of the t interval"),
        given(
            "hedges_g",
            Number,
            "difference in pooled standard deviations, corrected for small samples",
        ),
        REASON,
    ],
    example: r#"{"a": [63.6, 74.2, 78.2, 86.3], "b": [59.2, 67.9, 91.0]}"#,
};

/// `compare.two_proportions`
pub(super) const TWO_PROPORTIONS: Doc = Doc {
    formula: "z with pooled variance without continuity correction; interval diff - √[(p1-l1)² + \
         (u2-p2)²] to diff + √[(u1-p1)² + (p2-l2)²] from Wilson limits l, u",
    source: "Newcombe (1998), method 10",
    input: &[
        required("x1", Count, "successes of the first group").within("0 to n1"),
        required("n1", Count, "answers of the first group"),
        required("x2", Count, "successes of the second group").within("0 to n2"),
        required("n2", Count, "answers of the second group"),
        CONF_LEVEL,
    ],
    result: &[
        given("p1", Number, "first share"),
        given("p2", Number, "second share"),
        given("diff", Number, "p1 - p2"),
        given("ci_low", Number, "lower end of Newcombe's interval"),
        given("ci_high", Number, "upper end of Newcombe's interval"),
        given("z", Number, "z with pooled variance"),
        given("p", Share, "two-sided p-value"),
        REASON,
    ],
    example: r#"{"x1": 45, "n1": 60, "x2": 38, "n2": 70}"#,
};

/// `compare.nps_diff`
pub(super) const NPS_DIFF: Doc = Doc {
    formula: "variance (p+d-(p-d)²)/n of each side, added; z, two-sided p, normal interval",
    source: "the multinomial variance; Rocks (2016)",
    input: &[
        required("a", SIDE, "answers of the first group"),
        required("b", SIDE, "answers of the second group"),
        CONF_LEVEL,
    ],
    result: &[
        given("nps_a", Number, "score of a, -100..100"),
        given("nps_b", Number, "score of b"),
        given("diff", Number, "a - b"),
        given("se", Number, "standard error of the difference"),
        given("z", Number, "diff/se"),
        given("p", Share, "two-sided p-value"),
        given("ci_low", Number, "lower end of the interval"),
        given("ci_high", Number, "upper end of the interval"),
        REASON,
    ],
    example: r#"
        {"a": {"promoters": 60, "passives": 25, "detractors": 15}, "b": {"promoters": 45,
        "passives": 30, "detractors": 40}}"#,
};

/// `compare.mann_whitney`
pub(super) const MANN_WHITNEY: Doc = Doc {
    formula: "U = R_a - n_a(n_a+1)/2 with mid-ranks; asymptotic z = (max(U, n_a·n_b - U) - \
         n_a·n_b/2 - ½)/σ, at least 0, σ² = n_a·n_b/12·[N+1 - Σ(t³-t)/(N(N-1))]; exact \
         2·P(U ≥ max(U, n_a·n_b - U)), at most 1",
    source: "Mann & Whitney (1947)",
    input: &[
        required("a", VALUES, "values of the first group; null is a missing one"),
        required("b", VALUES, "values of the second group"),
        or(
            "method",
            Choice(&["asymptotic", "exact"]),
            "\"asymptotic\"",
            "how p is computed; exact up to n_a·n_b = 10,000",
        ),
    ],
    result: &[
        given("u", Number, "pairs in which a is larger, ties counting one half"),
        given("cles", Share, "P(a > b) + ½P(a = b)"),
        given("rank_biserial", Number, "2·cles - 1, in [-1, 1]"),
        optional("z", Number, "z of the normal approximation, never negative; only for asymptotic"),
        given("p", Share, "two-sided p-value"),
        REASON,
    ],
    example: r#"{"a": [5, 4, 4, 3, 2], "b": [1, 5, 1, 3, 2]}"#,
};

/// `compare.anova`
pub(super) const ANOVA: Doc = Doc {
    formula: "F = MSB/MSW with k-1 and N-k degrees of freedom, η² = SSB/SST, ω² = (SSB - \
         df1·MSW)/(SST + MSW); Welch's F with weights n/s²",
    source: "Fisher (1925); Welch (1951)",
    input: &[required("groups", List(&VALUES), "values of each group; null is a missing one")],
    result: &[
        given("df1", Count, "groups minus 1"),
        given("df2", Count, "values minus groups"),
        given("f", Number, "classic F"),
        given("p", Share, "its p-value"),
        given("eta_sq", Share, "share of the variance between groups"),
        given("omega_sq", Number, "the same with less bias; may be below 0"),
        given(
            "welch_f",
            Number,
            "Welch's F, which does not assume equal variances: the one to show",
        ),
        given("welch_df2", Number, "its second degrees of freedom"),
        given("welch_p", Share, "its p-value"),
        REASON,
    ],
    example: r#"{"groups": [[5, 4, 4, 3, 2], [1, 5, 1, 3, 2], [4, 5, 5, 3, 4]]}"#,
};

/// `compare.kruskal`
pub(super) const KRUSKAL: Doc = Doc {
    formula: "H = Σ n_i(R̄_i - R̄)²/s², s² the variance of all mid-ranks with N - 1",
    source: "Kruskal & Wallis (1952)",
    input: &[required("groups", List(&VALUES), "values of each group; null is a missing one")],
    result: &[
        given("h", Number, "Kruskal-Wallis' H, corrected for ties"),
        given("df", Count, "groups minus 1"),
        given("p", Share, "p-value from χ²"),
        given(
            "epsilon_sq",
            Share,
            "H/(N - 1), the share of the variance of the ranks between groups",
        ),
        REASON,
    ],
    example: r#"{"groups": [[5, 4, 4, 3, 2], [1, 5, 1, 3, 2], [4, 5, 5, 3, 4]]}"#,
};

/// `compare.dunn`
pub(super) const DUNN: Doc = Doc {
    formula: "z = (R̄_a - R̄_b)/√{[N(N+1)/12 - Σ(t³-t)/(12(N-1))](1/n_a + 1/n_b)}",
    source: "Dunn (1964)",
    input: &[
        required("groups", List(&VALUES), "values of each group; null is a missing one")
            .within("at most 200 groups"),
        or(
            "adjust",
            Choice(&["holm", "bh", "bonferroni", "none"]),
            "\"holm\"",
            "correction for the number of pairs",
        ),
    ],
    result: &[
        given(
            "pairs",
            List(&Object(&[
                given("a", Count, "position of the first group, from 0"),
                given("b", Count, "position of the second group"),
                given("z", Number, "difference of mean ranks in standard errors"),
                given("p", Share, "two-sided p-value"),
                given("p_adj", Number, "the same corrected for the number of pairs"),
            ])),
            "pairs in the order (0,1), (0,2), …, (1,2), …",
        ),
        REASON,
    ],
    example: r#"{"groups": [[5, 4, 4, 3, 2], [1, 5, 1, 3, 2], [4, 5, 5, 3, 4]]}"#,
};

/// `compare.pairwise_welch`
pub(super) const PAIRWISE_WELCH: Doc = Doc {
    formula: "compare.welch_t for every pair, p-values corrected as by multiple.adjust",
    source: "Welch (1947); Holm (1979)",
    input: &[
        required("groups", List(&VALUES), "values of each group; null is a missing one")
            .within("at most 200 groups"),
        or(
            "adjust",
            Choice(&["holm", "bh", "bonferroni", "none"]),
            "\"holm\"",
            "correction for the number of pairs",
        ),
    ],
    result: &[
        given(
            "pairs",
            List(&Object(&[
                given("a", Count, "position of the first group, from 0"),
                given("b", Count, "position of the second group"),
                given("mean_diff", Number, "mean(a) - mean(b)"),
                given("t", Number, "Welch's t"),
                given("df", Number, "Satterthwaite's degrees of freedom"),
                given("p", Share, "two-sided p-value"),
                given(
                    "p_adj",
                    Number,
                    "the same corrected for the number of pairs that could be tested",
                ),
                REASON,
            ])),
            "pairs in the order (0,1), (0,2), …, (1,2), …",
        ),
        REASON,
    ],
    example: r#"{"groups": [[5, 4, 4, 3, 2], [1, 5, 1, 3, 2], [4, 5, 5, 3, 4]]}"#,
};

/// `compare.chi_square`
pub(super) const CHI_SQUARE: Doc = Doc {
    formula: "χ² = Σ(O - E)²/E; V = √(χ²/(N(min(r,c) - 1))); Fisher: sum of the tables with the \
         same margins that are not more probable than the observed one. Empty rows and \
         columns are removed first",
    source: "Pearson (1900); Cramér (1946); Fisher (1934)",
    input: &[required("table", MATRIX, "counts by row and column").within("not negative")],
    result: &[
        given("n", Number, "sum of the table"),
        given("chi2", Number, "Pearson's χ² without continuity correction"),
        given("df", Count, "(rows - 1)(columns - 1), without empty ones"),
        given("p", Share, "p-value of χ²"),
        given("cramers_v", Share, "strength of the connection"),
        given(
            "min_expected",
            Number,
            "smallest expected count; below 5 the exact test is the one to show",
        ),
        optional(
            "fisher_p",
            Share,
            "Fisher's exact two-sided p-value; only for 2×2 tables of whole numbers",
        ),
        REASON,
    ],
    example: r#"{"table": [[8, 2], [1, 5]]}"#,
};

/// `multiple.adjust`
pub(super) const ADJUST: Doc = Doc {
    formula: "with p sorted: Holm running maximum of (m-i+1)·p(i), Benjamini-Hochberg running \
         minimum from the top of m·p(i)/i, Bonferroni m·p; all at most 1. Rejected: \
         corrected ≤ alpha",
    source: "Holm (1979); Benjamini & Hochberg (1995)",
    input: &[
        required("p_values", VALUES, "p-values; null is a test that could not be made")
            .within("0 to 1"),
        or("method", Choice(&["holm", "bh", "bonferroni"]), "\"holm\"", "kind of correction"),
        or("alpha", Share, "0.05", "level of the tests"),
    ],
    result: &[
        given("adjusted", List(&OrNull(&Share)), "corrected p-values"),
        given("reject", List(&OrNull(&Flag)), "true where the corrected value is at most alpha"),
    ],
    example: r#"{"p_values": [0.001, 0.012, null, 0.03]}"#,
};
