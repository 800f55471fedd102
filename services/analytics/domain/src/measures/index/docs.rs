//! What is said of the methods of indices and weights.

use crate::measures::field::Kind::{
    Choice, Count, Flag, Likewise, List, Named, Number, Object, OrNull, Share, Text,
};
use crate::measures::field::{
    CONF_LEVEL, Doc, Field, Kind, MATRIX, NUMBERS, REASON, TEXTS, VALUES, WEIGHTS, given, optional,
    or, required,
};

/// A node of a nested tree.
const NODE: Kind = Object(&[
    required("id", Text, "name, given once"),
    optional("weight", Number, "weight among its siblings; needed below the root")
        .within("not negative"),
    optional("children", Likewise, "the nodes below; none for a leaf"),
]);

const LEVEL: Kind = Object(&[
    required("ids", TEXTS, "names of what is compared"),
    required("matrix", MATRIX, JUDGEMENTS).within(RECIPROCAL),
]);
const JUDGEMENTS: &str = "how many times as important the row is as the column";
const RECIPROCAL: &str = "above 0, with 1 / value on the other side of the diagonal";

const REPAIRS: Field = given(
    "repairs",
    List(&Object(&[
        given("i", Count, "position of the first criterion, from 0"),
        given("j", Count, "position of the second criterion, larger than `i`"),
        given("given", Number, "the judgement as given: how many times as important i is as j"),
        given("implied", Number, "what the other judgements imply"),
        given(
            "suggested",
            Number,
            "the step of Saaty's scale (1/9, …, 1/2, 1, 2, …, 9) next to that",
        ),
        given(
            "cr",
            Number,
            "consistency ratio of the whole with that step in place of the judgement",
        ),
    ])),
    "judgements to ask again, the most helpful first; none when consistent",
);

/// `csi.tree`
pub(super) const TREE: Doc = Doc {
    formula: "item_means: leaf = Σwy/Σw of its answers, node = Σ share·child/Σ share over the \
         children that have a value, linearised se; respondent: the same roll-up per \
         respondent with enough coverage, then mean and se of the scores; t(n-1) interval",
    source: "weighted index of means; linearisation as Cochran (1977)",
    input: &[
        optional("tree", NODE, "root of the nested tree; this or nodes must be given")
            .within("up to 10,000 nodes, 20 levels"),
        optional(
            "nodes",
            List(&Object(&[
                required("id", Text, "name, given once"),
                optional("parent", Text, "id of the node above; none for the root"),
                optional("weight", Number, "weight among its siblings; needed below the root")
                    .within("not negative"),
            ])),
            "the same tree as a list",
        ),
        required(
            "responses",
            List(&Named(&OrNull(&Number))),
            "answers of each respondent by leaf; absent is missing",
        ),
        optional(
            "grade_map",
            Named(&Number),
            "score of each grade; without it the answers are scores",
        ),
        or(
            "mode",
            Choice(&["item_means", "respondent"]),
            "\"item_means\"",
            "what is averaged first",
        ),
        or(
            "min_coverage",
            Share,
            "0.5",
            "weight of the leaves a respondent must answer (respondent)",
        ),
        WEIGHTS,
        CONF_LEVEL,
    ],
    result: &[
        given("n", Count, "respondents with at least one answer"),
        given("index", Number, "value of the root"),
        optional("nodes", Named(&OrNull(&Number)), "value of every node (item_means)"),
        given("leaf_n", Named(&Count), "answers of each leaf"),
        optional(
            "leaf_weights",
            Named(&Share),
            "what each leaf counts in the index among those that were answered (item_means)",
        ),
        given("se", Number, "standard error of the index"),
        given("ci_low", Number, "lower end of the t interval"),
        given("ci_high", Number, "upper end of the t interval"),
        optional("n_scored", Count, "respondents who answered enough to be scored (respondent)"),
        optional(
            "scores",
            VALUES,
            "score of each respondent; null for one who answered too little (respondent)",
        ),
        optional("sd", Number, "sample standard deviation of the scores (respondent)"),
        REASON,
    ],
    example: r#"
        {"tree": {"id": "all", "children": [{"id": "staff", "weight": 2}, {"id": "speed",
        "weight": 1}]}, "responses": [{"staff": 80, "speed": 60}, {"staff": 100}]}"#,
};

/// `ahp.weights`
pub(super) const AHP: Doc = Doc {
    formula: "principal right eigenvector scaled to sum 1; ci = (λ - n)/(n - 1), cr = ci/ri; \
         consistent below 0.1. Beside it the normalised geometric means of the rows",
    source: "Saaty (1980), with its table of random indices",
    input: &[required("matrix", MATRIX, JUDGEMENTS).within(RECIPROCAL)],
    result: &[
        given("weights", NUMBERS, "weights, which sum to 1"),
        given(
            "lambda_max",
            Number,
            "largest eigenvalue; as many as there are criteria when all judgements agree",
        ),
        given("ci", Number, "consistency index (λ - n)/(n - 1)"),
        given("ri", Number, "random index: the consistency index of random judgements"),
        given("cr", Number, "consistency ratio ci/ri"),
        given("consistent", Flag, "true if the consistency ratio is below 0.1"),
        given("weights_geometric", NUMBERS, "weights by row geometric means, which sum to 1"),
        REPAIRS,
        REASON,
    ],
    example: r#"{"matrix": [[1, 3, 5], [0.3333333333333333, 1, 2], [0.2, 0.5, 1]]}"#,
};

/// `ahp.hierarchy`
pub(super) const HIERARCHY: Doc = Doc {
    formula: "global weight of a leaf = weight of its criterion × its weight within; a criterion \
         without sub-criteria is itself a leaf",
    source: "Saaty (1980)",
    input: &[
        required("criteria", LEVEL, "the criteria"),
        optional(
            "sub",
            Named(&LEVEL),
            "what divides a criterion, by criterion; one without is a leaf",
        ),
    ],
    result: &[
        given("criteria", Named(&Number), "weights of the criteria, which sum to 1"),
        given("global", Named(&Number), "weights of the leaves in the whole, which sum to 1"),
        given(
            "cr",
            Named(&OrNull(&Number)),
            "consistency ratio of each matrix: `criteria`, and the criteria that have their own",
        ),
        REASON,
    ],
    example: r#"
        {"criteria": {"ids": ["service", "price"], "matrix": [[1, 2], [0.5, 1]]}, "sub":
        {"service": {"ids": ["staff", "speed"], "matrix": [[1, 3], [0.3333333333333333, 1]]}}}"#,
};

/// `ahp.group`
pub(super) const GROUP: Doc = Doc {
    formula: "entry by entry the weighted geometric mean of the judgements, then as ahp.weights",
    source: "Aczél & Saaty (1983), aggregation of individual judgements",
    input: &[
        required("matrices", List(&MATRIX), "the judgements of each expert, as for ahp.weights")
            .within("1 or more, of one size"),
        optional("expert_weights", NUMBERS, "weight of each expert; equal without")
            .within("not negative"),
    ],
    result: &[
        given("matrix", MATRIX, "the judgements taken together"),
        given("weights", NUMBERS, "weights, which sum to 1"),
        given(
            "lambda_max",
            Number,
            "largest eigenvalue; as many as there are criteria when all judgements agree",
        ),
        given("ci", Number, "consistency index (λ - n)/(n - 1)"),
        given("ri", Number, "random index: the consistency index of random judgements"),
        given("cr", Number, "consistency ratio ci/ri"),
        given("consistent", Flag, "true if the consistency ratio is below 0.1"),
        given("weights_geometric", NUMBERS, "weights by row geometric means, which sum to 1"),
        REPAIRS,
        given("expert_cr", VALUES, "consistency ratio of each expert"),
    ],
    example: r#"{"matrices": [[[1, 2], [0.5, 1]], [[1, 4], [0.25, 1]]], "expert_weights": [2, 1]}"#,
};

/// `weights.priority_matrix`
pub(super) const PRIORITY_MATRIX: Doc = Doc {
    formula: "score = ½ + Σ a_ij over the others, so that no weight is 0; weight = score/Σ \
         scores",
    source: "forced decision method with the diagonal counting one half",
    input: &[required(
        "matrix",
        MATRIX,
        "1 where the row is more important than the column, else 0, 0.5 when alike",
    )
    .within("0, 0.5 or 1; 0.5 on the diagonal")],
    result: &[
        given("scores", NUMBERS, "½ plus the points of each row"),
        given("weights", NUMBERS, "weights, which sum to 1"),
    ],
    example: r#"{"matrix": [[0.5, 1, 1], [0, 0.5, 0.5], [0, 0.5, 0.5]]}"#,
};

/// `weights.entropy`
pub(super) const ENTROPY: Doc = Doc {
    formula: "p_ij = x_ij/Σ_i x_ij, e_j = -Σ p·ln p/ln m with 0·ln 0 = 0, weight = (1 - e_j)/Σ(1 \
         - e). No scaling to the range beforehand",
    source: "Shannon (1948); Zeleny (1982)",
    input: &[required(
        "matrix",
        MATRIX,
        "a row per object, a value per indicator; two objects or more",
    )
    .within("not negative")],
    result: &[
        given("entropy", List(&Share), "entropy of each indicator relative to its maximum"),
        given("weights", NUMBERS, "weights, which sum to 1"),
    ],
    example: r#"{"matrix": [[3, 40], [5, 42], [9, 41]]}"#,
};

/// `weights.combine`
pub(super) const COMBINE: Doc = Doc {
    formula: "multiplicative a·b/Σ a·b; linear α·a/Σa + (1 - α)·b/Σb",
    source: "multiplicative and additive synthesis of weights",
    input: &[
        required("subjective", NUMBERS, "weights by judgement").within("not negative"),
        required("objective", NUMBERS, "weights of the same indicators from data")
            .within("not negative"),
        or(
            "method",
            Choice(&["multiplicative", "linear"]),
            "\"multiplicative\"",
            "how they are put together",
        ),
        or("alpha", Share, "0.5", "what the subjective weights count (linear)"),
    ],
    result: &[given("weights", NUMBERS, "weights, which sum to 1"), REASON],
    example: r#"
        {"subjective": [0.5, 0.3, 0.2], "objective": [0.2, 0.3, 0.5], "method": "linear", "alpha":
        0.6}"#,
};
