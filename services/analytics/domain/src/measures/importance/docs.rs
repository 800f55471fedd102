//! What is said of the methods of importance.

use crate::measures::field::Kind::{
    Choice, Count, List, Named, Number, Object, OrNull, Share, Text,
};
use crate::measures::field::{
    COLUMNS, CONF_LEVEL, Doc, N_RESAMPLES, REASON, SEED, VALUES, given, optional, or, required,
};

/// `importance.correlation`
pub(super) const CORRELATION: Doc = Doc {
    formula: "Pearson's r; p from t = r√((n-2)/(1-r²)) with n - 2 degrees of freedom; interval \
         tanh(atanh r ± z/√(n-3)); Spearman's ρ = r of the mid-ranks",
    source: "Fisher (1921); Spearman (1904)",
    input: &[
        required("y", VALUES, "outcome of each respondent; null is a missing one"),
        required("x", COLUMNS, "drivers by name, an entry per respondent"),
        CONF_LEVEL,
    ],
    result: &[
        given("n", Count, "respondents with all values"),
        given("pearson", Named(&OrNull(&Number)), "Pearson's r"),
        given("p", Named(&OrNull(&Share)), "two-sided p-value of r"),
        given("ci_low", Named(&OrNull(&Number)), "lower end of the interval of r"),
        given("ci_high", Named(&OrNull(&Number)), "upper end of the interval of r"),
        given("spearman", Named(&OrNull(&Number)), "Spearman's ρ"),
        REASON,
    ],
    example: r#"
        {"y": [3, 5, 4, 2, 5, 1, 4, 3], "x": {"staff": [3, 5, 4, 3, 4, 1, 5, 2], "speed": [2, 4,
        5, 1, 5, 2, 3, 3]}}"#,
};

/// `importance.regression`
pub(super) const REGRESSION: Doc = Doc {
    formula: "β = R_xx⁻¹·r_xy; R² = β·r_xy; b = β·s_y/s_x; se² = s²·vif/((n-1)s_x²) with s² the \
         residual variance and n - p - 1 degrees of freedom; F = (R²/p)/((1-R²)/(n-p-1)); \
         vif = diagonal of R_xx⁻¹",
    source: "Legendre (1805); Marquardt (1970) for vif",
    input: &[
        required("y", VALUES, "outcome of each respondent; null is a missing one"),
        required("x", COLUMNS, "drivers by name, an entry per respondent"),
    ],
    result: &[
        given("n", Count, "respondents with all values"),
        given("r2", Number, "share of the variance of the outcome that the drivers explain"),
        given("adj_r2", Number, "the same corrected for the number of drivers"),
        given("f", Number, "F of all drivers together"),
        given("f_p", Share, "its p-value"),
        given("beta", Named(&Number), "coefficients in standard deviations"),
        given("b", Named(&Number), "coefficients in the units of the data"),
        given("se", Named(&Number), "standard errors of `b`"),
        given("t", Named(&OrNull(&Number)), "b/se; null when the fit is perfect"),
        given("p", Named(&OrNull(&Share)), "two-sided p-values of `t`"),
        given("vif", Named(&Number), "variance inflation by the other drivers, at least 1"),
        given("intercept", Number, "outcome where all drivers are 0"),
        REASON,
    ],
    example: r#"
        {"y": [3, 5, 4, 2, 5, 1, 4, 3], "x": {"staff": [3, 5, 4, 3, 4, 1, 5, 2], "speed": [2, 4,
        5, 1, 5, 2, 3, 3]}}"#,
};

/// `importance.johnson`
pub(super) const JOHNSON: Doc = Doc {
    formula: "Λ = R_xx^½ (symmetric), β* = Λ⁻¹·r_xy, raw_j = Σ_k Λ_jk²·β*_k², share = raw/R²",
    source: "Johnson (2000)",
    input: &[
        required("y", VALUES, "outcome of each respondent; null is a missing one"),
        required("x", COLUMNS, "drivers by name, an entry per respondent"),
        N_RESAMPLES,
        SEED,
        CONF_LEVEL,
    ],
    result: &[
        given("n", Count, "respondents with all values"),
        given("r2", Number, "share of the variance of the outcome that all drivers explain"),
        given(
            "raw",
            Named(&Number),
            "part of R² of each driver, never negative; they add up to R²",
        ),
        given("share", Named(&Number), "the same divided by R²; they add up to 1"),
        optional(
            "share_ci",
            Object(&[
                given("n_resamples", Count, "resamples"),
                given("seed", Count, "seed they were drawn with"),
                given("valid", Count, "resamples that gave the shares"),
                given("low", Named(&Number), "lower ends"),
                given("high", Named(&Number), "upper ends"),
                REASON,
            ]),
            "Percentile intervals of the shares; only when asked for",
        ),
        REASON,
    ],
    example: r#"
        {"y": [3, 5, 4, 2, 5, 1, 4, 3], "x": {"staff": [3, 5, 4, 3, 4, 1, 5, 2], "speed": [2, 4,
        5, 1, 5, 2, 3, 3]}}"#,
};

/// `importance.shapley`
pub(super) const SHAPLEY: Doc = Doc {
    formula: "raw_j = Σ_S |S|!(p-|S|-1)!/p!·[R²(S∪j) - R²(S)] over the sets S of other drivers, \
         the mean gain over all orders of entry; exact. Share = raw/R²",
    source: "Lindeman, Merenda & Gold (1980)",
    input: &[
        required("y", VALUES, "outcome of each respondent; null is a missing one"),
        required("x", COLUMNS, "up to 15 drivers by name, an entry per respondent"),
        N_RESAMPLES,
        SEED,
        CONF_LEVEL,
    ],
    result: &[
        given("n", Count, "respondents with all values"),
        given("r2", Number, "share of the variance of the outcome that all drivers explain"),
        given(
            "raw",
            Named(&Number),
            "part of R² of each driver, never negative; they add up to R²",
        ),
        given("share", Named(&Number), "the same divided by R²; they add up to 1"),
        optional(
            "share_ci",
            Object(&[
                given("n_resamples", Count, "resamples"),
                given("seed", Count, "seed they were drawn with"),
                given("valid", Count, "resamples that gave the shares"),
                given("low", Named(&Number), "lower ends"),
                given("high", Named(&Number), "upper ends"),
                REASON,
            ]),
            "Percentile intervals of the shares; only when asked for",
        ),
        REASON,
    ],
    example: r#"
        {"y": [3, 5, 4, 2, 5, 1, 4, 3], "x": {"staff": [3, 5, 4, 3, 4, 1, 5, 2], "speed": [2, 4,
        5, 1, 5, 2, 3, 3]}, "n_resamples": 100, "seed": 7}"#,
};

/// `ipa.quadrants`
pub(super) const QUADRANTS: Doc = Doc {
    formula: "high importance and high performance: keep up; high and low: concentrate here; low \
         and low: low priority; low and high: possible overkill",
    source: "Martilla & James (1977)",
    input: &[
        required(
            "items",
            List(&Object(&[
                required("id", Text, "name, given once"),
                optional("importance", Number, "how important it is"),
                optional("performance", Number, "how well it is done"),
            ])),
            "what is judged",
        ),
        or("cut", Choice(&["mean", "value"]), "\"mean\"", "cut at the means or at given values"),
        optional(
            "cut_importance",
            Number,
            "where importance is cut; needed for value, else not allowed",
        ),
        optional(
            "cut_performance",
            Number,
            "where performance is cut; needed for value, else not allowed",
        ),
    ],
    result: &[
        given("cut_importance", Number, "where importance is cut"),
        given("cut_performance", Number, "where performance is cut"),
        given(
            "quadrants",
            Named(&OrNull(&Choice(&[
                "keep_up",
                "concentrate_here",
                "low_priority",
                "possible_overkill",
            ]))),
            "null for an item that lacks a value",
        ),
        given(
            "gap",
            Named(&OrNull(&Number)),
            "importance - performance: the larger, the sooner to be dealt with",
        ),
        REASON,
    ],
    example: r#"
        {"items": [{"id": "staff", "importance": 0.5, "performance": 70}, {"id": "speed",
        "importance": 0.2, "performance": 85}]}"#,
};

/// `kano.coefficients`
pub(super) const COEFFICIENTS: Doc = Doc {
    formula: "better = (A+O)/(A+O+M+I), worse = -(O+M)/(A+O+M+I); the category is the largest \
         count, ties in the order M, O, A, I, R, Q",
    source: "Kano (1984); Berger et al. (1993)",
    input: &[required(
        "counts",
        Object(&[
            required("A", Count, "attractive"),
            required("O", Count, "one-dimensional"),
            required("M", Count, "must-be"),
            required("I", Count, "indifferent"),
            required("R", Count, "reverse"),
            required("Q", Count, "questionable"),
        ]),
        "answers of each class",
    )],
    result: &[
        given("better", Share, "how much having it raises satisfaction"),
        given("worse", Number, "how much lacking it lowers satisfaction, in [-1, 0]"),
        given(
            "category",
            Choice(&["M", "O", "A", "I", "R", "Q"]),
            "the class most answers fall in",
        ),
        REASON,
    ],
    example: r#"{"counts": {"A": 30, "O": 25, "M": 20, "I": 15, "R": 2, "Q": 1}}"#,
};
