//! What is said of the methods of sampling and response.

use crate::measures::field::Kind::{Choice, Count, Flag, List, Number, Object, Share, Text};
use crate::measures::field::{
    CONF_LEVEL, COUNTS, Doc, MIN_N, REASON, given, optional, or, required,
};

/// `sample.size_proportion`
pub(super) const SIZE_PROPORTION: Doc = Doc {
    formula: "n0 = z²·p(1-p)/margin²·deff; of a population N n0/(1 + (n0-1)/N); rounded up, at \
         least `min_n`, at most N; invitations n ÷ response rate rounded up. z is the full \
         quantile",
    source: "Cochran (1977); Kish (1965) for the design effect",
    input: &[
        required("margin", Number, "half the width of the interval wanted")
            .of("share")
            .within("above 0"),
        or("p", Share, "0.5", "share to be expected; 0.5 is the safest"),
        optional("population", Count, "size of the population; without end when left out")
            .of("people"),
        CONF_LEVEL,
        or("deff", Number, "1", "design effect of clusters and weights").within("above 0"),
        or("response_rate", Number, "1", "share of the invited who will answer")
            .within("above 0, at most 1"),
        MIN_N,
    ],
    result: &[
        given("n0", Number, "answers needed from a population without end"),
        given("n_exact", Number, "answers needed from this population, before rounding"),
        given("n", Count, "answers needed"),
        given("invites", Count, "invitations needed"),
    ],
    example: r#"{"margin": 0.05, "population": 1200, "response_rate": 0.7}"#,
};

/// `sample.size_mean`
pub(super) const SIZE_MEAN: Doc = Doc {
    formula: "n0 = (z·sd/margin)²; of a population N n0/(1 + n0/N); rounded up, at least \
         `min_n`, at most N",
    source: "Cochran (1977)",
    input: &[
        required(
            "margin",
            Number,
            "half the width of the interval wanted, in the unit of the values",
        )
        .within("above 0"),
        required("sd", Number, "standard deviation to be expected").within("not negative"),
        optional("population", Count, "size of the population; without end when left out")
            .of("people"),
        CONF_LEVEL,
        MIN_N,
    ],
    result: &[
        given("n0", Number, "answers needed from a population without end"),
        given("n_exact", Number, "answers needed from this population, before rounding"),
        given("n", Count, "answers needed"),
    ],
    example: r#"{"margin": 2.5, "sd": 18, "population": 900}"#,
};

/// `sample.margin`
pub(super) const MARGIN: Doc = Doc {
    formula: "z·√[p(1-p)/n·(N-n)/(N-1)]",
    source: "Cochran (1977)",
    input: &[
        required("n", Count, "answers"),
        or("p", Share, "0.5", "share that was found"),
        optional("population", Count, "size of the population; without end when left out")
            .of("people"),
        CONF_LEVEL,
    ],
    result: &[given("margin", Number, "half the width of the interval, as a share"), REASON],
    example: r#"{"n": 200, "population": 1500}"#,
};

/// `sample.allocate`
pub(super) const ALLOCATE: Doc = Doc {
    formula: "quota = n·M/ΣM with M = N, N·S or 1; strata above their size are taken whole, then \
         those below the minimum get it, each time the rest is divided anew; largest \
         remainders at the end",
    source: "Neyman (1934); Cochran (1977); Hamilton's method for the rest",
    input: &[
        required(
            "strata",
            List(&Object(&[
                optional("id", Text, "name, for the reader"),
                required("size", Count, "people of the stratum"),
                optional("sd", Number, "standard deviation; needed for neyman")
                    .within("not negative"),
            ])),
            "parts of the population",
        ),
        required("n", Count, "size of the whole sample"),
        required(
            "method",
            Choice(&["proportional", "neyman", "equal"]),
            "what the parts are in proportion to",
        ),
        or("min_per_stratum", Count, "0", "least sample of a stratum that has so many"),
    ],
    result: &[
        given("allocation", COUNTS, "sample of each stratum"),
        given("total", Count, "their sum"),
    ],
    example: r#"
        {"strata": [{"id": "city", "size": 900}, {"id": "county", "size": 300}], "n": 100,
        "method": "proportional"}"#,
};

/// `response.aapor`
pub(super) const AAPOR: Doc = Doc {
    formula: "RR1 = I/(I+P+R+NC+O+UH+UO), RR2 with I+P; RR3, RR4 with e·(UH+UO); RR5, RR6 \
         without them; COOP1 = I/(I+P+R+O), COOP2 with I+P; COOP3 = I/(I+P+R), COOP4 with \
         I+P; REF = R and CON = I+P+R+O over the bases of RR1, RR3, RR5",
    source: "AAPOR Standard Definitions",
    input: &[
        required("I", Number, "complete interviews").within("not negative"),
        required("P", Number, "partial interviews").within("not negative"),
        required("R", Number, "refusals and breaks-off").within("not negative"),
        required("NC", Number, "not contacted").within("not negative"),
        required("O", Number, "other eligible cases").within("not negative"),
        required("UH", Number, "unknown whether there is a household").within("not negative"),
        required("UO", Number, "unknown for other reasons").within("not negative"),
        required("e", Share, "share of the unknown that is eligible"),
    ],
    result: &[
        given("RR1", Number, "complete interviews of all"),
        given("RR2", Number, "with partial ones"),
        given("RR3", Number, "as RR1, of the unknown only those estimated to be eligible"),
        given("RR4", Number, "as RR3, with partial ones"),
        given("RR5", Number, "as RR1, without the unknown"),
        given("RR6", Number, "as RR5, with partial ones"),
        given("COOP1", Number, "complete interviews of all who were reached"),
        given("COOP2", Number, "with partial ones"),
        given("COOP3", Number, "complete interviews of all who were reached and able"),
        given("COOP4", Number, "with partial ones"),
        given("REF1", Number, "refusals, of the base of RR1"),
        given("REF2", Number, "of the base of RR3"),
        given("REF3", Number, "of the base of RR5"),
        given("CON1", Number, "reached, of the base of RR1"),
        given("CON2", Number, "of the base of RR3"),
        given("CON3", Number, "of the base of RR5"),
        REASON,
    ],
    example: r#"{"I": 420, "P": 35, "R": 180, "NC": 220, "O": 15, "UH": 90, "UO": 40, "e": 0.6}"#,
};

/// `response.return_rate`
pub(super) const RETURN_RATE: Doc = Doc {
    formula: "returned/(sent - undeliverable), valid/(sent - undeliverable), valid/returned; \
         enough from threshold and min_n on",
    source: "the satisfaction guideline this suite follows",
    input: &[
        required("sent", Count, "questionnaires sent"),
        or("undeliverable", Count, "0", "of these, not delivered"),
        required("returned", Count, "of the delivered, returned"),
        required("valid", Count, "of the returned, usable"),
        or("threshold", Share, "0.7", "least return rate"),
        MIN_N,
    ],
    result: &[
        given("return_rate", Number, "returned ÷ delivered"),
        given("valid_rate", Number, "usable ÷ delivered"),
        given("validity_share", Number, "usable ÷ returned"),
        given("meets_return_threshold", Flag, "true if the return rate reaches the threshold"),
        given("meets_min_n", Flag, "true if there are enough usable ones"),
        REASON,
    ],
    example: r#"{"sent": 100, "undeliverable": 4, "returned": 72, "valid": 66}"#,
};
