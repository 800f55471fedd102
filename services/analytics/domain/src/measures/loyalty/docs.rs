//! What is said of the methods of loyalty.

use crate::measures::field::Kind::{Bit, Count, List, Named, Number, Object, OrNull, Share};
use crate::measures::field::{
    COLUMNS, CONF_LEVEL, COUNTS, Doc, NUMBERS, REASON, VALUES, given, or, required,
};

/// `retention.rates`
pub(super) const RATES: Doc = Doc {
    formula: "retained = end - new, retention = retained/start with Wilson's interval, churn = 1 \
         - retention, expected lifetime = 1/churn",
    source: "Wilson (1927) for the interval",
    input: &[
        required("start", Count, "customers at the start of the period"),
        required("end", Count, "customers at its end"),
        required("new", Count, "of these, new ones"),
        CONF_LEVEL,
    ],
    result: &[
        given("retained", Count, "customers of the start who are still there"),
        given("retention", Number, "their share"),
        given("churn", Number, "the share of those who left"),
        given("low", Number, "lower end of Wilson's interval of the retention"),
        given("high", Number, "upper end of Wilson's interval of the retention"),
        given(
            "expected_lifetime",
            Number,
            "periods that a customer stays when churn goes on like this",
        ),
        REASON,
    ],
    example: r#"{"start": 400, "end": 420, "new": 75}"#,
};

/// `retention.by_satisfaction`
pub(super) const BY_SATISFACTION: Doc = Doc {
    formula: "expected = Σ share·(low + high)/2, bounds Σ share·bound, lost n·(1 - expected)",
    source: "the retention table of the satisfaction guideline this suite follows",
    input: &[
        required("counts", COUNTS, "customers of each grade, worst first"),
        or(
            "table",
            List(&List(&Share)),
            "[[0,0.05],[0.15,0.2],[0.6,0.65],[0.8,0.85],[0.92,0.97]]",
            "low and high retention of each grade",
        ),
    ],
    result: &[
        given("n", Count, "graded customers"),
        given("expected", Number, "share to expect"),
        given("low", Number, "share at the lower bounds"),
        given("high", Number, "share at the upper bounds"),
        given("expected_lost", Number, "customers who will leave"),
        REASON,
    ],
    example: r#"{"counts": [4, 9, 30, 80, 57]}"#,
};

/// `loyalty.repurchase`
pub(super) const REPURCHASE: Doc = Doc {
    formula: "customers with ≥ 2 ÷ customers with ≥ 1, Wilson's interval",
    source: "Wilson (1927) for the interval",
    input: &[
        required("purchases", VALUES, "purchases of each customer; null is unknown")
            .within("whole numbers, not negative"),
        CONF_LEVEL,
    ],
    result: &[
        given("n", Count, "customers with a purchase"),
        given("repurchase_rate", Number, "share of them with two or more"),
        given("low", Number, "lower end of Wilson's interval"),
        given("high", Number, "upper end of Wilson's interval"),
        given("mean_purchases", Number, "purchases per customer"),
        REASON,
    ],
    example: r#"{"purchases": [1, 2, 5, 1, 0, null]}"#,
};

/// `loyalty.share_of_wallet`
pub(super) const SHARE_OF_WALLET: Doc = Doc {
    formula: "aggregate = Σ own/Σ category; mean of own/category over those with category > 0",
    source: "definition",
    input: &[
        required("own", VALUES, "what each customer spends here; null is unknown")
            .within("0 to category"),
        required("category", VALUES, "what the same customers spend in the whole category")
            .within("not negative"),
    ],
    result: &[
        given("n", Count, "customers with both amounts who spend in the category"),
        given("aggregate", Number, "Σ own ÷ Σ category"),
        given("mean_individual", Number, "mean of own ÷ category"),
        REASON,
    ],
    example: r#"{"own": [50, 0, 30], "category": [100, 40, 90]}"#,
};

/// `loyalty.wallet_allocation`
pub(super) const WALLET_ALLOCATION: Doc = Doc {
    formula: "share = (1 - rank/(N + 1))·2/N",
    source: "Keiningham, Aksoy, Buoye & Cooil (2011)",
    input: &[
        required("scores", NUMBERS, "satisfaction of one customer with each brand used"),
        required("focal", Count, "position of the brand, from 0"),
    ],
    result: &[
        given("rank", Number, "rank of the brand, 1 the best; tied brands share the mean rank"),
        given("share", Number, "its share of the wallet"),
    ],
    example: r#"{"scores": [9, 7, 9, 5], "focal": 0}"#,
};

/// `loyalty.revenue_retention`
pub(super) const REVENUE_RETENTION: Doc = Doc {
    formula: "grr = (start - churned - contraction)/start; nrr with expansion added",
    source: "definition",
    input: &[
        required("start", Number, "revenue at the start of the period").within("not negative"),
        required("churned", Number, "of this, lost with customers who left").within("not negative"),
        required("contraction", Number, "of this, lost with customers who stay")
            .within("not negative"),
        required("expansion", Number, "revenue won in addition with them").within("not negative"),
    ],
    result: &[
        given("grr", Number, "without what was won in addition"),
        given("nrr", Number, "with it; may be above 1"),
        REASON,
    ],
    example: r#"{"start": 120000, "churned": 9000, "contraction": 3500.5, "expansion": 15000}"#,
};

/// `loyalty.clv`
pub(super) const CLV: Doc = Doc {
    formula: "margin·r/(1 + d - r), with the first margin in the next period; expected lifetime \
         1/(1 - r)",
    source: "the geometric series of margin·rᵗ/(1 + d)ᵗ from t = 1",
    input: &[
        required("margin", Number, "margin of a customer per period"),
        required("retention", Number, "share of customers who stay per period")
            .within("at least 0, below 1"),
        required("discount", Number, "rate of interest per period").within("not negative"),
    ],
    result: &[
        given("clv", Number, "present value of the margins to come, in the unit of the margin"),
        given("expected_lifetime", Number, "periods that a customer stays"),
    ],
    example: r#"{"margin": 120, "retention": 0.8, "discount": 0.1}"#,
};

/// `churn.kaplan_meier`
pub(super) const KAPLAN_MEIER: Doc = Doc {
    formula: "S = Π(1 - d/n) over the times with events; Greenwood's G = Σd/(n(n-d)); log-log \
         interval S^exp(±z·√G/|ln S|)",
    source: "Kaplan & Meier (1958); Greenwood (1926); Kalbfleisch & Prentice (1980) for the \
         interval",
    input: &[
        required("durations", VALUES, "how long each customer has been seen; null is unknown")
            .within("not negative"),
        required(
            "events",
            List(&OrNull(&Bit)),
            "whether each customer left then; false was still there",
        ),
        CONF_LEVEL,
    ],
    result: &[
        given("n", Count, "customers with a duration"),
        given(
            "table",
            List(&Object(&[
                given("time", Number, "the time, in the unit of the durations"),
                given("at_risk", Count, "customers still there just before"),
                given("events", Count, "customers who left"),
                given("survival", Number, "share still there afterwards"),
                given("low", Number, "lower end of the interval; null when nobody is left"),
                given("high", Number, "upper end of the interval; null when nobody is left"),
                REASON,
            ])),
            "the times at which customers left, ascending",
        ),
        given("median", Number, "first time with at most one half still there"),
        REASON,
    ],
    example: r#"{"durations": [1, 2, 2, 3], "events": [1, 1, 0, 1]}"#,
};

/// `churn.logistic`
pub(super) const LOGISTIC: Doc = Doc {
    formula: "maximum likelihood by Newton steps on standardised drivers; se from the inverse \
         information, z and p of Wald, odds ratio e^coef with limits e^(coef ± z·se); AUC \
         from mid-ranks of the risks; Brier score",
    source: "Cox (1958); McFadden (1974); Hanley & McNeil (1982)",
    input: &[
        required("y", List(&OrNull(&Bit)), "whether each customer left; null is unknown"),
        required("x", COLUMNS, "up to 50 drivers by name, an entry per customer"),
        CONF_LEVEL,
    ],
    result: &[
        given("n", Count, "customers used"),
        given("coef", Named(&Number), "change of the log-odds per unit of a driver"),
        given("se", Named(&Number), "standard errors"),
        given("z", Named(&Number), "coef/se"),
        given("p", Named(&Share), "two-sided p-values"),
        given("odds_ratio", Named(&OrNull(&Number)), "e^coef; null beyond the range of a double"),
        given("or_low", Named(&OrNull(&Number)), "lower end of Wald's interval of the odds ratio"),
        given("or_high", Named(&OrNull(&Number)), "upper end of Wald's interval of the odds ratio"),
        given("loglik", Number, "log-likelihood"),
        given("loglik_null", Number, "log-likelihood without drivers"),
        given("mcfadden_r2", Number, "1 - loglik/loglik_null"),
        given(
            "auc",
            Number,
            "chance that a customer who left has a higher risk than one who stayed, ties one half",
        ),
        given("brier", Number, "mean squared difference between risk and outcome"),
        given("fitted_first", NUMBERS, "risk of the first five customers used"),
        REASON,
    ],
    example: r#"{"y": [0, 1, 0, 1, 0, 0, 1, 0], "x": {"satisfaction": [4, 2, 5, 4, 3, 4, 1, 2]}}"#,
};
