//! What is said of the methods of control charts.

use crate::measures::change::MOMENTS;
use crate::measures::field::Kind::{Count, Flag, List, Number, Object};
use crate::measures::field::{COUNTS, Doc, NUMBERS, REASON, VALUES, given, optional, or, required};

/// `control.p_chart`
pub(super) const P_CHART: Doc = Doc {
    formula: "p̄ = Σx/Σn of the baseline, limits p̄ ± sigma·√(p̄(1-p̄)/n_i) clipped to [0, 1]. \
         Laney: z_i = (p_i - p̄)/√(p̄(1-p̄)/n_i), σ_z = mean |z_i - z_(i-1)| of the \
         baseline ÷ (2/√π), limits widened by σ_z",
    source: "Shewhart (1931); Laney (2002)",
    input: &[
        required("counts", COUNTS, "events of each period"),
        required("sizes", COUNTS, "answers of each period, at least its events"),
        optional(
            "baseline",
            Count,
            "how many of the first points the limits come from; all without",
        ),
        or("sigma", Number, "3", "width of the limits in standard errors")
            .within("above 0, at most 100"),
        or("laney", Flag, "false", "also Laney's limits, for shares that vary more than chance"),
    ],
    result: &[
        given("center", Number, "share of the baseline as a whole"),
        given("p", VALUES, "share of each period; null for a period without answers"),
        given("ucl", VALUES, "upper limit of each period"),
        given("lcl", VALUES, "lower limit"),
        given("out", COUNTS, "positions strictly outside, from 0"),
        optional(
            "sigma_z",
            Number,
            "how much wider than chance the shares vary from one period to the next",
        ),
        optional("laney_ucl", VALUES, "upper limit of each period"),
        optional("laney_lcl", VALUES, "lower limit"),
        optional("laney_out", COUNTS, "positions strictly outside"),
        REASON,
    ],
    example: r#"{"counts": [2, 4, 3, 9], "sizes": [20, 31, 25, 28], "laney": true}"#,
};

/// `control.u_chart`
pub(super) const U_CHART: Doc = Doc {
    formula: "ū = Σc/Σe of the baseline, limits ū ± sigma·√(ū/e_i), the lower one at least 0",
    source: "Shewhart (1931); Montgomery",
    input: &[
        required("counts", COUNTS, "events of each period, such as complaints"),
        required(
            "exposure",
            NUMBERS,
            "how much each period was exposed, such as services or hours",
        )
        .within("not negative"),
        optional(
            "baseline",
            Count,
            "how many of the first points the limits come from; all without",
        ),
        or("sigma", Number, "3", "width of the limits in standard errors")
            .within("above 0, at most 100"),
    ],
    result: &[
        given("center", Number, "events per exposure of the baseline as a whole"),
        given(
            "u",
            VALUES,
            "events per exposure of each period; null for a period without exposure",
        ),
        given("ucl", VALUES, "upper limit of each period"),
        given("lcl", VALUES, "lower limit, never negative"),
        given("out", COUNTS, "positions strictly outside, from 0"),
        REASON,
    ],
    example: r#"{"counts": [3, 5, 2, 14], "exposure": [100, 120, 80.5, 110]}"#,
};

/// `control.xmr`
pub(super) const XMR: Doc = Doc {
    formula: "centre = mean, MR̄ = mean |x_i - x_(i-1)| of the baseline, sigma = MR̄/d2, limits \
         centre ± 3·sigma, limit of the moving range MR̄·(1 + 3·d3/d2); d2 = 2/√π, d3 = √(2 \
         - 4/π)",
    source: "Shewhart (1931); Montgomery",
    input: &[
        required("values", VALUES, "a value per period; null is a gap"),
        optional(
            "baseline",
            Count,
            "how many of the first points the limits come from; all without",
        ),
    ],
    result: &[
        given("center", Number, "mean of the baseline"),
        given("sigma", Number, "standard deviation from the mean moving range"),
        given("ucl", Number, "upper limit of the values"),
        given("lcl", Number, "lower limit"),
        given("mr_center", Number, "mean moving range of the baseline"),
        given("mr_ucl", Number, "upper limit of the moving range"),
        given("out", COUNTS, "positions of values strictly outside, from 0"),
        given(
            "mr_out",
            COUNTS,
            "positions of values whose distance from the value before is above its limit",
        ),
        REASON,
    ],
    example: r#"{"values": [82.4, 83.4, 80.9, 82.3, 76.0], "baseline": 4}"#,
};

/// `control.xbar`
pub(super) const XBAR: Doc = Doc {
    formula: "centre = Σn·mean/Σn, sigma = √(Σ(n-1)s²/Σ(n-1)), limits centre ± width·sigma/√n_i",
    source: "Shewhart (1931); Spiegelhalter (2005) for the funnel",
    input: &[
        required("groups", List(&Object(&MOMENTS)), "the units"),
        or("sigma", Number, "3", "width of the limits in standard errors")
            .within("above 0, at most 100"),
    ],
    result: &[
        given("center", Number, "mean over all units, weighted by n"),
        given("sigma", Number, "standard deviation within units"),
        given("ucl", VALUES, "upper limit of each unit; null for a unit without values"),
        given("lcl", VALUES, "lower limit"),
        given("out", COUNTS, "positions of units strictly outside, from 0"),
        REASON,
    ],
    example: r#"{"groups": [{"n": 30, "mean": 81, "sd": 12}, {"n": 45, "mean": 72, "sd": 14}]}"#,
};

/// `control.ewma`
pub(super) const EWMA: Doc = Doc {
    formula: "z_0 = μ0, z_i = λx_i + (1-λ)z_(i-1), limits μ0 ± L·σ0·√{λ/(2-λ)·[1 - (1-λ)^2i]}",
    source: "Roberts (1959)",
    input: &[
        required("values", VALUES, "a value per period; null is a gap"),
        required("lambda", Number, "what the newest value counts").within("above 0, at most 1"),
        required("l", Number, "width of the limits in standard errors").within("0 to 1e6"),
        required("mu0", Number, "level when all is well"),
        required("sigma0", Number, "standard deviation when all is well").within("above 0"),
    ],
    result: &[
        given("ewma", VALUES, "the average after each value; null where the value is missing"),
        given("ucl", VALUES, "upper limit"),
        given("lcl", VALUES, "lower limit"),
        given("out", COUNTS, "positions strictly outside, from 0"),
        REASON,
    ],
    example: r#"
        {"values": [82.4, 83.4, 80.9, 76.0], "lambda": 0.2, "l": 2.7, "mu0": 82, "sigma0": 1.5}"#,
};

/// `control.cusum`
pub(super) const CUSUM: Doc = Doc {
    formula: "C⁺ = max(0, C⁺ + x - (μ0 + kσ0)), C⁻ = max(0, C⁻ + (μ0 - kσ0) - x)",
    source: "Page (1954); Montgomery",
    input: &[
        required("values", VALUES, "a value per period; null is a gap"),
        required("mu0", Number, "level when all is well"),
        required("sigma0", Number, "standard deviation when all is well").within("above 0"),
        required("k", Number, "slack that is not summed").of("sigma0").within("0 to 1e6"),
        required("h", Number, "sum at which a signal is given").of("sigma0").within("0 to 1e6"),
    ],
    result: &[
        given(
            "c_plus",
            VALUES,
            "sum of what was too high, after each value; null where the value is missing",
        ),
        given("c_minus", VALUES, "sum of what was too low"),
        given("out", COUNTS, "positions where either sum is above h·σ0, from 0"),
        REASON,
    ],
    example: r#"{"values": [82.4, 83.4, 80.9, 76.0], "mu0": 82, "sigma0": 1.5, "k": 0.5, "h": 5}"#,
};

/// `control.nelson`
pub(super) const NELSON: Doc = Doc {
    formula: "rule 1 |z| > 3; rule 2 nine in a row on one side; rule 3 six in a row rising or \
         falling; rule 5 two of three beyond 2; rule 6 four of five beyond 1 on the same \
         side",
    source: "Nelson (1984)",
    input: &[required("z", VALUES, "standardised points; null is a gap").of("standard deviations")],
    result: &[
        given("rule1", COUNTS, "|z| > 3"),
        given("rule2", COUNTS, "nine in a row on one side; 0 is on neither"),
        given("rule3", COUNTS, "six in a row strictly rising or falling"),
        given("rule5", COUNTS, "two of three beyond 2 on the same side"),
        given("rule6", COUNTS, "four of five beyond 1 on the same side"),
    ],
    example: r#"{"z": [0.2, 3.2, 0.1, -2.1, null, -2.5]}"#,
};
