//! What is said of the methods of scores.

use crate::measures::field::Kind::{Choice, Count, Flag, Integer, Number, Share};
use crate::measures::field::{
    CONF_LEVEL, COUNTS, Doc, MIN_N, NUMBERS, REASON, VALUES, WEIGHTS, given, optional, or, required,
};

/// `descriptive.summary`
pub(super) const SUMMARY: Doc = Doc {
    formula: "mean Σx/n, sd with n - 1, se sd/√n, interval mean ± t(n-1)·se, quartiles by linear \
         interpolation at (n-1)p. With weights: mean Σwx/Σw, sd √[n/(n-1)·Σw(x-mean)²/Σw], \
         linearised se √[n/(n-1)·Σ(w(x-mean))²]/Σw, n_eff (Σw)²/Σw², all unchanged when \
         every weight is multiplied by the same number",
    source: "Cochran (1977), Sampling Techniques; Kish (1965) for the effective number",
    input: &[required("values", VALUES, "answers; null is a missing one"), WEIGHTS, CONF_LEVEL],
    result: &[
        given("n", Count, "answers used"),
        given("n_missing", Count, "rows without an answer"),
        given("mean", Number, "mean"),
        given("min", Number, "smallest value"),
        optional("q1", Number, "first quartile"),
        optional("median", Number, "median"),
        optional("q3", Number, "third quartile"),
        given("max", Number, "largest value"),
        given("sd", Number, "sample standard deviation"),
        given("se", Number, "standard error of the mean"),
        given("ci_low", Number, "lower end of the t interval of the mean"),
        given("ci_high", Number, "upper end of the t interval of the mean"),
        optional("sum_weights", Number, "Σw"),
        optional("n_eff", Number, "(Σw)²/Σw²; absent without answers"),
        REASON,
    ],
    example: r#"{"values": [4, 5, null, 3, 5, 2]}"#,
};

/// `proportion.interval`
pub(super) const PROPORTION: Doc = Doc {
    formula: "with z the normal quantile: Wilson (p + z²/2n ± z√(p(1-p)/n + z²/4n²))/(1 + z²/n); \
         Clopper-Pearson B(α/2; x, n-x+1) to B(1-α/2; x+1, n-x); Agresti-Coull Wald on x + \
         z²/2 of n + z²; limits clipped to [0, 1]",
    source: "Wilson (1927); Clopper & Pearson (1934); Agresti & Coull (1998)",
    input: &[
        required("successes", Count, "answers that meet the condition").within("0 to n"),
        required("n", Count, "answers"),
        or(
            "method",
            Choice(&["wilson", "clopper_pearson", "agresti_coull", "wald"]),
            "\"wilson\"",
            "kind of interval",
        ),
        CONF_LEVEL,
    ],
    result: &[
        given("p", Number, "successes ÷ answers"),
        given("low", Number, "lower end"),
        given("high", Number, "upper end"),
        REASON,
    ],
    example: r#"{"successes": 41, "n": 53}"#,
};

/// `csat.topbox`
pub(super) const TOP_BOX: Doc = Doc {
    formula: "top Σw[x > max-k]/Σw, bottom Σw[x < min+k]/Σw, net top - bottom; interval of \
         Wilson with n_eff = (Σw)²/Σw². low_base: n < `min_n`",
    source: "the usual top-box score; Wilson (1927); Kish (1965)",
    input: &[
        required("values", VALUES, "answers; null is a missing one"),
        WEIGHTS,
        required("scale_min", Integer, "lowest point of the scale").of("points"),
        required("scale_max", Integer, "highest point of the scale")
            .of("points")
            .within("above scale_min, at most 1001 points"),
        required("boxes", Count, "points at the top that count as satisfied")
            .within("1 to the points of the scale"),
        CONF_LEVEL,
        MIN_N,
    ],
    result: &[
        given("n", Count, "valid answers"),
        given("n_missing", Count, "rows without an answer"),
        given("n_invalid", Count, "answers that are no point of the scale"),
        given("low_base", Flag, "true below the minimum number of answers"),
        given("counts", COUNTS, "answers per point, lowest first, without weights"),
        given("n_eff", Number, "effective number of answers"),
        given("mean", Number, "mean"),
        given("top_share", Number, "share of the top boxes"),
        given("top_low", Number, "lower end of its Wilson interval"),
        given("top_high", Number, "upper end of its Wilson interval"),
        given("bottom_share", Number, "share of as many bottom boxes"),
        given("net", Number, "top minus bottom"),
        REASON,
    ],
    example: r#"{"values": [5, 4, 2, null, 5], "scale_min": 1, "scale_max": 5, "boxes": 2}"#,
};

/// `nps.score`
pub(super) const NPS: Doc = Doc {
    formula: "with p the share of 9-10 and d of 0-6: 100(p - d), se 100√[(p+d-(p-d)²)/n_eff]; \
         the adjusted interval adds three pseudo-answers: n' = n_eff+3, p' = \
         (p·n_eff+¾)/n', d' alike. Limits are clipped to [-100, 100]",
    source: "Reichheld (2003); Rocks (2016), The American Statistician 70(4), for the interval",
    input: &[
        required(
            "values",
            VALUES,
            "answers to how likely one is to recommend; null is a missing one",
        )
        .within("0 to 10"),
        WEIGHTS,
        CONF_LEVEL,
        MIN_N,
    ],
    result: &[
        given("n", Count, "valid answers"),
        given("n_missing", Count, "rows without an answer"),
        given("n_invalid", Count, "answers that are no whole number from 0 to 10"),
        given("low_base", Flag, "true below the minimum number of answers"),
        given("n_eff", Number, "effective number of answers"),
        given("promoters", Number, "share of 9 and 10"),
        given("passives", Number, "share of 7 and 8"),
        given("detractors", Number, "share of 0 to 6"),
        given("nps", Number, "the score"),
        given("se", Number, "its standard error"),
        given("ci_low", Number, "lower end of the Wald interval"),
        given("ci_high", Number, "upper end of the Wald interval"),
        given("adj_low", Number, "lower end of the adjusted Wald interval, the one to show"),
        given("adj_high", Number, "upper end of the adjusted Wald interval, the one to show"),
        REASON,
    ],
    example: r#"{"values": [10, 9, 7, 6, 8, 10, 3]}"#,
};

/// `ces.score`
pub(super) const EFFORT: Doc = Doc {
    formula: "with direction effort x becomes min + max - x before anything else; the easy share \
         counts x > max - easy_boxes, with Wilson's interval. Without `easy_boxes` it is 3 \
         on seven points and 2 on five",
    source: "Dixon, Freeman & Toman (2010); Wilson (1927)",
    input: &[
        required("values", VALUES, "answers; null is a missing one"),
        or("scale_min", Integer, "1", "lowest point of the scale").of("points"),
        required("scale_max", Integer, "highest point of the scale")
            .of("points")
            .within("above scale_min, at most 1001 points"),
        required("direction", Choice(&["ease", "effort"]), "what a high answer means"),
        optional(
            "easy_boxes",
            Count,
            "points that count as easy; 2 of 5 or 3 of 7, else to be given",
        )
        .within("1 to the points"),
        CONF_LEVEL,
    ],
    result: &[
        given("n", Count, "valid answers"),
        given("n_missing", Count, "rows without an answer"),
        given("n_invalid", Count, "answers that are no point of the scale"),
        given("mean", Number, "mean, in points"),
        given("easy_share", Share, "share of the easy boxes"),
        given("easy_low", Number, "lower end of its Wilson interval"),
        given("easy_high", Number, "upper end of its Wilson interval"),
        given("ci_low", Number, "lower end of the t interval of the mean"),
        given("ci_high", Number, "upper end of the t interval of the mean"),
        REASON,
    ],
    example: r#"{"values": [6, 7, 5, 2], "scale_max": 7, "direction": "ease"}"#,
};

/// `grade.score`
pub(super) const GRADE: Doc = Doc {
    formula: "points map[g-1], mean with t interval; satisfied: the two top grades, with \
         Wilson's interval; dissatisfied: the two bottom grades. The map belongs to the \
         survey: 0/40/60/80/100 by default, and never exchanged for another silently",
    source: "the five-grade scale of Chinese satisfaction surveys; Wilson (1927)",
    input: &[
        required("grades", VALUES, "grades, 1 the worst; null is a missing one")
            .within("1 to the length of grade_map"),
        or("grade_map", NUMBERS, "[0,40,60,80,100]", "points of each grade, worst first")
            .of("points"),
        CONF_LEVEL,
    ],
    result: &[
        given("n", Count, "grades given"),
        given("n_missing", Count, "rows without a grade"),
        given("counts", COUNTS, "grades per step, worst first"),
        given("score", Number, "mean points"),
        given("satisfied_share", Number, "share of the two top grades (满意率)"),
        given("satisfied_low", Number, "lower end of its Wilson interval"),
        given("satisfied_high", Number, "upper end of its Wilson interval"),
        given("dissatisfied_share", Number, "share of the two bottom grades"),
        given("sd", Number, "standard deviation of the points"),
        given("se", Number, "standard error of the score"),
        given("ci_low", Number, "lower end of the t interval of the score; it may lie off the map"),
        given(
            "ci_high",
            Number,
            "upper end of the t interval of the score; it may lie off the map",
        ),
        REASON,
    ],
    example: r#"{"grades": [5, 4, 4, null, 2]}"#,
};

/// `csd.ratio`
pub(super) const CSD: Doc = Doc {
    formula: "csd = mean(P)/mean(E), se √[Σ(P - csd·E)²/(n(n-1))]/|mean(E)|, t(n-1) interval; \
         gap mean(P - E) with paired t interval; mean of P/E over the pairs with E > 0 \
         beside it",
    source: "Cochran (1977) for the ratio of means; Parasuraman, Zeithaml & Berry (1988) for \
         the gap",
    input: &[
        required(
            "perceived",
            VALUES,
            "what was experienced, by respondent; null is a missing answer",
        ),
        required("expected", VALUES, "what was expected, by the same respondents"),
        CONF_LEVEL,
    ],
    result: &[
        given("n", Count, "complete pairs"),
        given("n_ratio", Count, "complete pairs with a positive expectation"),
        given("mean_of_ratios", Number, "mean of perceived ÷ expected over those"),
        given("gap", Number, "mean of perceived minus expected"),
        given("csd", Number, "mean perceived ÷ mean expected: the headline"),
        given("gap_se", Number, "standard error of the gap"),
        given("gap_ci_low", Number, "lower end of the paired t interval of the gap"),
        given("gap_ci_high", Number, "upper end of the paired t interval of the gap"),
        given("se", Number, "standard error of CSD"),
        given("ci_low", Number, "lower end of the t interval of CSD"),
        given("ci_high", Number, "upper end of the t interval of CSD"),
        REASON,
    ],
    example: r#"{"perceived": [4, 5, 3, 4], "expected": [5, 5, 4, null]}"#,
};

/// `share.distribution`
pub(super) const DISTRIBUTION: Doc = Doc {
    formula: "floor(count·100·10^d/total); the missing units go to the largest remainders, ties \
         to the earlier category. Exact integer arithmetic",
    source: "Hamilton's method of apportionment",
    input: &[
        required("counts", COUNTS, "answers of each category"),
        or("decimals", Count, "0", "places after the point").within("0 to 10"),
    ],
    result: &[given("percent", VALUES, "percentage of each category, 0 to 100"), REASON],
    example: r#"{"counts": [34, 33, 33], "decimals": 1}"#,
};

/// `evaluation.counter`
pub(super) const COUNTER: Doc = Doc {
    formula: "with Σ the presses: participation Σ/served, satisfied top two/Σ, dissatisfied \
         bottom two/Σ, score Σmap·counts/Σ. `defaulted` services, recorded as satisfied \
         after a time-out, are in no rate but satisfied_rate_incl_default = (top two + \
         defaulted)/(Σ + defaulted)",
    source: "definition",
    input: &[
        required("served", Count, "customers served"),
        required("counts", COUNTS, "presses of each grade, worst first"),
        or("defaulted", Count, "0", "services that a time-out recorded as satisfied"),
        or("grade_map", NUMBERS, "[0,40,60,80,100]", "points of each grade, worst first")
            .of("points"),
    ],
    result: &[
        given("evaluated", Count, "presses"),
        given("participation", Number, "presses ÷ customers served"),
        given("satisfied_rate", Number, "share of the two top grades"),
        given("dissatisfied_rate", Number, "share of the two bottom grades"),
        given("score", Number, "mean points"),
        given(
            "satisfied_rate_incl_default",
            Number,
            "share of the two top grades when time-outs count as satisfied",
        ),
        REASON,
    ],
    example: r#"{"served": 500, "counts": [5, 12, 40, 160, 120], "defaulted": 100}"#,
};
