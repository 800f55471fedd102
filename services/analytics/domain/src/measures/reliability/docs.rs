//! What is said of the methods of reliability.

use crate::measures::field::Kind::{Choice, Count, Flag, List, Number, Object, Share, Text};
use crate::measures::field::{
    BOOTSTRAP, COLUMNS, CONF_LEVEL, Doc, ITEMS, MATRIX, N_RESAMPLES, NUMBERS, REASON, ROWS, SEED,
    TEXTS, VALUES, given, optional, or, required,
};

/// `reliability.alpha`
pub(super) const ALPHA: Doc = Doc {
    formula: "α = k/(k-1)·(1 - Σs_j²/s_T²), variances with n-1; Feldt interval 1-(1-α)F(1-γ/2) \
         to 1-(1-α)F(γ/2) with n-1 and (n-1)(k-1) degrees of freedom, γ = 1 - conf_level; \
         standardised k·r̄/(1+(k-1)r̄)",
    source: "Cronbach (1951); Feldt, Woodruff & Salih (1987)",
    input: &[ITEMS, CONF_LEVEL],
    result: &[
        given("n", Count, "respondents with all answers"),
        given("n_dropped", Count, "respondents left out because an answer is missing"),
        given("k", Count, "items"),
        given("alpha", Number, "alpha; may be negative"),
        given("std_alpha", Number, "alpha of standardised items; null when an item is constant"),
        given("ci_low", Number, "lower end of Feldt's interval"),
        given("ci_high", Number, "upper end of Feldt's interval"),
        given(
            "item_total_r",
            VALUES,
            "correlation of each item with the sum of the others; null for a constant item",
        ),
        given(
            "alpha_if_deleted",
            VALUES,
            "alpha without each item; null entries when two items are left or nothing varies",
        ),
        given("item_means", NUMBERS, "mean of each item"),
        given("item_variances", NUMBERS, "variance of each item"),
        given("total_variance", Number, "variance of the sum of all items"),
        given(
            "grade",
            Choice(&["high", "acceptable", "marginal", "unacceptable"]),
            "band of alpha",
        ),
        REASON,
    ],
    example: r#"{"items": [[5, 4, 5], [3, 3, 2], [4, 5, 4], [2, 1, 2], [5, 5, 4], [3, 2, 4]]}"#,
};

/// `reliability.alpha_summary`
pub(super) const ALPHA_SUMMARY: Doc = Doc {
    formula: "α = k/(k-1)·(1 - Σs_j²/s_T²)",
    source: "Cronbach (1951)",
    input: &[
        optional(
            "item_variances",
            NUMBERS,
            "variance of each item; this or item_sds must be given",
        )
        .within("not negative"),
        optional("item_sds", NUMBERS, "standard deviation of each item, in their place")
            .within("not negative"),
        required("total_variance", Number, "variance of the sum of all items")
            .within("not negative"),
    ],
    result: &[
        given("k", Count, "items"),
        given("sum_item_variances", Number, "sum of the variances of the items"),
        given("alpha", Number, "alpha; may be negative"),
        given(
            "grade",
            Choice(&["high", "acceptable", "marginal", "unacceptable"]),
            "band of alpha",
        ),
        REASON,
    ],
    example: r#"{"item_variances": [0.8, 1.1, 0.9], "total_variance": 6.2}"#,
};

/// `reliability.omega`
pub(super) const OMEGA: Doc = Doc {
    formula: "ω = (Σλ)²/((Σλ)² + Σψ) with the loadings λ and uniquenesses ψ of the maximum \
         likelihood one-factor model of the covariances; the denominator is the variance \
         that the model implies. The sum of the standardised loadings is positive",
    source: "McDonald (1999); the fit is Jöreskog (1967)",
    input: &[ITEMS, N_RESAMPLES, SEED, CONF_LEVEL],
    result: &[
        given("n", Count, "respondents with all answers"),
        given("k", Count, "items"),
        given(
            "omega",
            Number,
            "share of the variance of the sum of all items that the factor explains",
        ),
        given("omega_std", Number, "the same of standardised items"),
        given("loadings_std", NUMBERS, "correlation of each item with the factor"),
        given(
            "uniqueness_std",
            NUMBERS,
            "share of the variance of each item that the factor does not explain",
        ),
        optional("omega_ci", BOOTSTRAP, "Percentile interval of `omega`; only when asked for"),
        REASON,
    ],
    example: r#"
        {"items": [[5, 4, 4], [4, 4, 5], [1, 2, 1], [2, 1, 2], [4, 5, 4], [5, 5, 4], [3, 3, 4],
        [3, 4, 3], [2, 2, 3], [4, 3, 3]]}"#,
};

/// `reliability.split_half`
pub(super) const SPLIT_HALF: Doc = Doc {
    formula: "r = correlation of the half sums; Spearman-Brown 2r/(1+r); Horst with p_i = k_i/k: \
         [√(r⁴ + 4r²(1-r²)p₁p₂) - r²]/[2p₁p₂(1-r²)], where the root takes the sign of r so \
         that equal halves give Spearman-Brown for every r; Guttman 2(1 - (s_a² + \
         s_b²)/s_T²)",
    source: "Spearman (1910); Brown (1910); Horst (1951); Guttman (1945)",
    input: &[
        ITEMS,
        or(
            "split",
            Choice(&["odd_even", "first_second"]),
            "\"odd_even\"",
            "how the items are halved",
        ),
        N_RESAMPLES,
        SEED,
        CONF_LEVEL,
    ],
    result: &[
        given("n", Count, "respondents with all answers"),
        given("k1", Count, "items of the first half"),
        given("k2", Count, "items of the second half"),
        given("r", Number, "correlation of the sums of the halves"),
        given("spearman_brown", Number, "reliability of the whole block if its halves are equal"),
        given("horst", Number, "reliability of the whole block with the sizes of its halves"),
        given(
            "guttman",
            Number,
            "Guttman's coefficient, which does not assume halves of equal variance",
        ),
        optional(
            "spearman_brown_ci",
            BOOTSTRAP,
            "Percentile interval of `spearman_brown`; only when asked for",
        ),
        REASON,
    ],
    example: r#"
        {"items": [[5, 4, 5], [3, 3, 2], [4, 5, 4], [2, 1, 2], [5, 5, 4], [3, 2, 4]], "split":
        "first_second"}"#,
};

/// `reliability.test_retest`
pub(super) const TEST_RETEST: Doc = Doc {
    formula: "d = second - first, t = mean(d)/(sd(d)/√n) with n - 1 degrees of freedom",
    source: "Student (1908)",
    input: &[
        required("first", VALUES, "answers at the first occasion; null is a missing one"),
        required("second", VALUES, "answers of the same people at the second occasion"),
        or("alpha", Number, "0.05", "level of the test").within("between 0 and 1"),
        CONF_LEVEL,
    ],
    result: &[
        given("n", Count, "people with both answers"),
        given("mean_diff", Number, "mean of second - first"),
        given("sd_diff", Number, "standard deviation of second - first"),
        given("df", Count, "degrees of freedom, n - 1"),
        given("r", Number, "Pearson's correlation of the occasions"),
        given("t", Number, "paired t"),
        given("p", Share, "two-sided p-value"),
        given("ci_low", Number, "lower end of the interval of the mean difference"),
        given("ci_high", Number, "upper end of the interval of the mean difference"),
        given(
            "significant",
            Flag,
            "p ≤ alpha, or any shift at all when every difference is the same",
        ),
        given(
            "reliable",
            Flag,
            "not significant, which alone proves little: show it beside `r` and ICC(2,1)",
        ),
        REASON,
    ],
    example: r#"{"first": [3, 4, 3, 2, 5], "second": [4, 4, 3, 3, 5]}"#,
};

/// `reliability.icc`
pub(super) const ICC: Doc = Doc {
    formula: "mean squares of the two-way analysis of variance; icc1 = (MSR-MSW)/(MSR+(k-1)MSW), \
         icc2 = (MSR-MSE)/(MSR+(k-1)MSE+k(MSC-MSE)/n), icc3 = (MSR-MSE)/(MSR+(k-1)MSE); of \
         means (MSR-MSW)/MSR, (MSR-MSE)/(MSR+(MSC-MSE)/n), (MSR-MSE)/MSR; F₁ = MSR/MSW, F₃ \
         = MSR/MSE. Intervals from F, that of icc2 with Satterthwaite's degrees of freedom",
    source: "Shrout & Fleiss (1979); McGraw & Wong (1996)",
    input: &[
        required(
            "ratings",
            ROWS,
            "a row per subject, an entry per rater or occasion; null is a missing one",
        ),
        CONF_LEVEL,
    ],
    result: &[
        given("n", Count, "subjects with all ratings"),
        given("k", Count, "raters or occasions"),
        given("ms_rows", Number, "mean square between subjects"),
        given("ms_cols", Number, "mean square between raters"),
        given("ms_error", Number, "mean square of what neither explains"),
        given("ms_within", Number, "mean square within subjects"),
        given("icc1", Number, "one rater, raters differ between subjects"),
        given("icc2", Number, "one rater, absolute agreement"),
        given("icc3", Number, "one rater, consistency"),
        given("icc1k", Number, "mean of k raters, raters differ between subjects"),
        given("icc2k", Number, "mean of k raters, absolute agreement"),
        given("icc3k", Number, "mean of k raters, consistency"),
        given("f1", Number, "F test of `icc1`"),
        given("f1_df1", Count, "its first degrees of freedom"),
        given("f1_df2", Count, "its second"),
        given("p1", Share, "its p-value"),
        given("f3", Number, "F test of `icc2` and `icc3`"),
        given("f3_df1", Count, "its first degrees of freedom"),
        given("f3_df2", Count, "its second"),
        given("p3", Share, "its p-value"),
        given("icc1_ci", NUMBERS, "interval of `icc1`"),
        given("icc2_ci", NUMBERS, "interval of `icc2`"),
        given("icc3_ci", NUMBERS, "interval of `icc3`"),
        given("icc1k_ci", NUMBERS, "interval of `icc1k`"),
        given("icc2k_ci", NUMBERS, "interval of `icc2k`"),
        given("icc3k_ci", NUMBERS, "interval of `icc3k`"),
        REASON,
    ],
    example: r#"{"ratings": [[9, 2, 5], [6, 1, 3], [8, 4, 6], [7, 1, 2]]}"#,
};

/// `validity.kmo_bartlett`
pub(super) const KMO_BARTLETT: Doc = Doc {
    formula: "partial correlations p_ij = -q_ij/√(q_ii·q_jj) of Q = R⁻¹; msa_i = Σr²/(Σr² + Σp²) \
         over j ≠ i, kmo the same over all pairs; χ² = -(n - 1 - (2k+5)/6)·ln det R",
    source: "Kaiser (1974); Bartlett (1950)",
    input: &[ITEMS],
    result: &[
        given("n", Count, "respondents with all answers"),
        given("kmo", Share, "Kaiser-Meyer-Olkin measure"),
        given("msa", VALUES, "the measure of each item; null for one without any correlation"),
        given("chi2", Number, "Bartlett's test of sphericity"),
        given("df", Count, "degrees of freedom, k(k-1)/2"),
        given("p", Share, "its p-value: small when the items are correlated at all"),
        REASON,
    ],
    example: r#"{"items": [[5, 4, 5], [3, 3, 2], [4, 5, 4], [2, 1, 2], [5, 5, 4], [3, 2, 4]]}"#,
};

/// `validity.eigenvalues`
pub(super) const EIGENVALUES: Doc = Doc {
    formula: "λ of R, largest first; share λ/k; Kaiser's count of λ > 1",
    source: "Kaiser (1960)",
    input: &[ITEMS],
    result: &[
        given("n", Count, "respondents with all answers"),
        given("eigenvalues", NUMBERS, "in descending order; they add up to the number of items"),
        given(
            "variance_explained",
            NUMBERS,
            "share of the variance of all items that each stands for",
        ),
        given("n_kaiser", Count, "eigenvalues above 1"),
        REASON,
    ],
    example: r#"{"items": [[5, 4, 5], [3, 3, 2], [4, 5, 4], [2, 1, 2], [5, 5, 4], [3, 2, 4]]}"#,
};

/// `validity.htmt`
pub(super) const HTMT: Doc = Doc {
    formula: "with absolute correlations, their mean between the items of the two blocks divided \
         by √(mean within a · mean within b); the mean within a single item is 1",
    source: "Henseler, Ringle & Sarstedt (2015)",
    input: &[
        required("data", COLUMNS, "answers by item, an entry per respondent"),
        required(
            "blocks",
            List(&Object(&[
                required("id", Text, "name, given once"),
                required("items", TEXTS, "items of the block, out of data"),
            ])),
            "what should differ",
        ),
    ],
    result: &[
        given("n", Count, "respondents with all answers"),
        given(
            "htmt",
            List(&Object(&[
                given("a", Text, "name of the first block"),
                given("b", Text, "name of the second block"),
                given(
                    "htmt",
                    Number,
                    "the ratio; above 0.85 to 0.90 the blocks hardly measure different things",
                ),
            ])),
            "pairs in the order of the blocks: (0,1), (0,2), …, (1,2), …",
        ),
        REASON,
    ],
    example: r#"
        {"data": {"q1": [7, 8, 5, 9, 6, 4, 8, 7, 3, 9], "q2": [6, 8, 5, 9, 7, 3, 8, 6, 4, 8],
        "s1": [6, 9, 4, 8, 7, 4, 7, 7, 3, 9], "s2": [7, 8, 5, 8, 6, 5, 8, 6, 4, 9]}, "blocks":
        [{"id": "Q", "items": ["q1", "q2"]}, {"id": "S", "items": ["s1", "s2"]}]}"#,
};

/// `agreement.krippendorff`
pub(super) const KRIPPENDORFF: Doc = Doc {
    formula: "α = 1 - D_o/D_e; D_o is the mean distance within units with at least two codes, a \
         unit of m codes counting its pairs with 1/(m-1), D_e that of all pairs of codes. \
         Distance: nominal 0 or 1; interval (c - k)²; ordinal (Σ n_g from c to k - (n_c + \
         n_k)/2)²",
    source: "Krippendorff (2011)",
    input: &[
        required("ratings", ROWS, "a row per coder, an entry per unit; null is a missing code"),
        required(
            "level",
            Choice(&["nominal", "ordinal", "interval"]),
            "what the distance of two codes means",
        ),
    ],
    result: &[
        given("alpha", Number, "alpha: 1 perfect, 0 as by chance; may be negative"),
        given("n_units", Count, "units with at least two codes"),
        given("n_pairable", Count, "codes of those units"),
        REASON,
    ],
    example: r#"{"ratings": [[1, 2, 3, 3, null], [1, 2, 3, 2, 4]], "level": "nominal"}"#,
};

/// `agreement.cohen_kappa`
pub(super) const COHEN_KAPPA: Doc = Doc {
    formula: "(p_o - p_e)/(1 - p_e)",
    source: "Cohen (1960)",
    input: &[required(
        "table",
        MATRIX,
        "units by the code of the first coder (row) and of the second (column)",
    )
    .within("not negative, square")],
    result: &[
        given("n", Number, "units"),
        given("kappa", Number, "kappa: 1 perfect, 0 as by chance; may be negative"),
        given("po", Share, "share of units coded alike"),
        given("pe", Share, "the share that chance would give"),
        REASON,
    ],
    example: r#"{"table": [[20, 5], [4, 30]]}"#,
};
