//! What is said of the methods of latent indices.

use crate::measures::field::Kind::{
    Choice, Count, Flag, List, Named, Number, Object, OrNull, Text,
};
use crate::measures::field::{
    COLUMNS, CONF_LEVEL, COUNTS, Doc, Field, MATRIX, NUMBERS, REASON, SEED, TEXTS, VALUES, given,
    optional, or, required,
};

/// The model of a path analysis.
const MODEL: Field = required(
    "model",
    Object(&[
        required("latents", List(&Object(LATENT)), "constructs behind the items"),
        required("paths", List(&Object(PATH)), "which construct acts on which; no circles"),
    ]),
    "the constructs and the paths between them",
);
const LATENT: &[Field] = &[
    required("id", Text, "name, given once"),
    or("mode", Choice(&["A", "B"]), "\"A\"", "A reflective, B formative"),
    required("items", TEXTS, "items of the construct, out of data"),
];
const PATH: &[Field] =
    &[required("from", Text, "id of a construct"), required("to", Text, "id of another")];
const SCHEME: Field = or(
    "scheme",
    Choice(&["path", "centroid", "factorial"]),
    "\"path\"",
    "how constructs weigh their neighbours",
);
const STANDARDIZE: Field = or("standardize", Flag, "true", "divide items by their deviation");
const SCALE: Field = optional(
    "scale",
    Object(&[required("min", Number, "lowest answer"), required("max", Number, "highest answer")]),
    "scale of all items; with it indices of 0 to 100 are computed",
);
const DATA: Field = required("data", COLUMNS, "answers by item, an entry per respondent");

/// `pls.path_model`
pub(super) const PATH_MODEL: Doc = Doc {
    formula: "weights from 1: proxies Z = LV·E with inner weights E by the scheme, mode A w = \
         cov(x, Z), mode B w = C⁻¹·cov(x, Z), variance 1, until no weight changes by 1e-10; \
         paths and R² by regression; index = 100·Σw̃(x̄ - min)/(Σw̃·(max - min)) with w̃ = \
         w/sd if standardised",
    source: "Lohmöller (1989); Tenenhaus et al. (2005); Fornell et al. (1996) for the index",
    input: &[DATA, MODEL, SCHEME, STANDARDIZE, SCALE],
    result: &[
        given("n", Count, "respondents with all answers"),
        given(
            "paths",
            List(&Object(&[
                given("from", Text, "latent variable it comes from"),
                given("to", Text, "latent variable it leads to"),
                given("coef", Number, "standardised coefficient"),
            ])),
            "paths in the order given",
        ),
        given(
            "r2",
            Named(&Number),
            "share of the variance explained, of each latent variable with predecessors",
        ),
        given(
            "weights",
            Named(&Number),
            "outer weight of each item, for latent variables of variance 1",
        ),
        given("loadings", Named(&Number), "correlation of each item with its latent variable"),
        given("communality", Named(&Number), "loading² of each item"),
        given(
            "ave",
            Named(&Number),
            "mean communality of each block; below 0.5 the items share too little",
        ),
        given(
            "rho_c",
            Named(&OrNull(&Number)),
            "composite reliability of each block; null for a single item",
        ),
        given(
            "gof",
            Number,
            "goodness of fit √(mean communality of blocks of several items · mean R²)",
        ),
        given(
            "index_weights",
            Named(&OrNull(&Number)),
            "unstandardised weight of each item as a part of those of its block",
        ),
        given(
            "total_effects",
            List(&Object(&[
                given("from", Text, "where it comes from"),
                given("to", Text, "where it goes"),
                given("effect", Number, "sum over all ways of the product of their coefficients"),
            ])),
            "effects that are not 0, ordered by `from`, then `to`, as the latent variables are",
        ),
        given("lv_corr", MATRIX, "correlations of the latent variables"),
        optional(
            "index",
            Named(&OrNull(&Number)),
            "index of each latent variable, 0 to 100; null when an item has a negative weight",
        ),
        optional(
            "negative_weights",
            TEXTS,
            "items with a negative weight in the units of the data; they are probably reversed",
        ),
        REASON,
    ],
    example: r#"
        {"data": {"q1": [7, 8, 5, 9, 6, 4, 8, 7, 3, 9], "q2": [6, 8, 5, 9, 7, 3, 8, 6, 4, 8],
        "s1": [6, 9, 4, 8, 7, 4, 7, 7, 3, 9], "s2": [7, 8, 5, 8, 6, 5, 8, 6, 4, 9]}, "model":
        {"latents": [{"id": "Q", "items": ["q1", "q2"]}, {"id": "S", "items": ["s1", "s2"]}],
        "paths": [{"from": "Q", "to": "S"}]}, "scale": {"min": 1, "max": 10}}"#,
};

/// `pls.bootstrap`
pub(super) const SPREAD: Doc = Doc {
    formula: "standard error = standard deviation (n - 1) of the replicates; percentile interval \
         with type-7 quantiles at (1 ± confidence)/2. A replicate without a fit, or an \
         index with a negative weight, is left out; fewer than 90 % valid replicates give \
         no interval",
    source: "Efron & Tibshirani (1993)",
    input: &[
        DATA,
        MODEL,
        SCHEME,
        STANDARDIZE,
        SCALE,
        optional(
            "resamples",
            List(&COUNTS),
            "resamples as positions of complete rows, from 0; not beside the next two",
        ),
        or("n_resamples", Count, "2000", "resamples to draw").within("1 to 100000"),
        SEED,
        CONF_LEVEL,
    ],
    result: &[
        given("n", Count, "respondents with all answers"),
        given("n_resamples", Count, "resamples"),
        optional("seed", Count, "seed of the resamples, unless they were given"),
        given("valid", Count, "resamples that have a fit"),
        given(
            "paths",
            List(&Object(&[
                given("from", Text, "latent variable it comes from"),
                given("to", Text, "latent variable it leads to"),
                given("coef", Number, "coefficient in the data"),
                given("se", Number, "standard error"),
                given("ci_low", Number, "lower end of the percentile interval"),
                given("ci_high", Number, "upper end of the percentile interval"),
            ])),
            "paths in the order given",
        ),
        optional(
            "index",
            Named(&Object(&[
                given(
                    "value",
                    Number,
                    "index in the data, 0 to 100; null when an item has a negative weight",
                ),
                given("se", Number, "standard error"),
                given(
                    "ci_low",
                    Number,
                    "lower end of the percentile interval; null below 90 % valid",
                ),
                given(
                    "ci_high",
                    Number,
                    "upper end of the percentile interval; null below 90 % valid",
                ),
                given("valid", Count, "resamples that give an index"),
            ])),
            "index of each latent variable; only with a scale",
        ),
        optional(
            "negative_weights",
            TEXTS,
            "items with a negative weight in the units of the data; they are probably reversed",
        ),
        REASON,
    ],
    example: r#"
        {"data": {"q1": [7, 8, 5, 9, 6, 4, 8, 7, 3, 9], "q2": [6, 8, 5, 9, 7, 3, 8, 6, 4, 8],
        "s1": [6, 9, 4, 8, 7, 4, 7, 7, 3, 9], "s2": [7, 8, 5, 8, 6, 5, 8, 6, 4, 9]}, "model":
        {"latents": [{"id": "Q", "items": ["q1", "q2"]}, {"id": "S", "items": ["s1", "s2"]}],
        "paths": [{"from": "Q", "to": "S"}]}, "scale": {"min": 1, "max": 10}, "n_resamples": 50,
        "seed": 7}"#,
};

/// `acsi.index`
pub(super) const ACSI: Doc = Doc {
    formula: "100·Σ w_j(x̄_j - min)/(Σ w_j·(max - min))",
    source: "Fornell et al. (1996)",
    input: &[
        required(
            "items",
            List(&Object(&[
                required("values", VALUES, "an answer per respondent; null is a missing one"),
                required("weight", Number, "unstandardised weight").within("not negative"),
            ])),
            "items of the index",
        ),
        required("scale_min", Number, "lowest answer"),
        required("scale_max", Number, "highest answer").within("above scale_min"),
    ],
    result: &[
        given("n", Count, "respondents with all answers"),
        given("means", NUMBERS, "mean of each item"),
        given("index", Number, "index, 0 to 100"),
        REASON,
    ],
    example: r#"
        {"items": [{"values": [7, 8, 5], "weight": 0.4}, {"values": [6, 9, 5], "weight": 0.6}],
        "scale_min": 1, "scale_max": 10}"#,
};
