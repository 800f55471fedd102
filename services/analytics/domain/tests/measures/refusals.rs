//! Inputs that no data could make right are refused with the field that is wrong, and inputs of
//! any size are answered or refused, never left to run.

use std::time::{Duration, Instant};

use analytics_domain::measures::comparison::{means, ranks};
use analytics_domain::measures::index::tree::{Part, Tree};
use analytics_domain::measures::sampling::allocation::{Allocation, Stratum, allocate};
use analytics_domain::measures::{self, Invalid};
use analytics_domain::measures::{
    change::period::PeriodMean, comparison::adjust::Correction, control::means::xbar,
    ranking::means::rank_means, ranking::shares::Tally, ranking::shares::rank_shares,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::fuzz::input_of;

/// True if every null has a reason beside it or above it. The scores of respondents and what is
/// listed period by period are explained by the documentation of the method.
fn explained(value: &Value, reason_above: bool) -> bool {
    match value {
        Value::Null => reason_above,
        Value::Array(values) => values.iter().all(|value| explained(value, reason_above)),
        Value::Object(fields) => {
            let reason = reason_above || fields.contains_key("reason");
            fields.iter().all(|(name, value)| name == "scores" || explained(value, reason))
        }
        Value::Number(number) => number.as_f64().is_some_and(f64::is_finite),
        _ => true,
    }
}

#[test]
fn every_missing_number_of_these_families_says_why() {
    let families = [
        "csi",
        "ahp",
        "weights",
        "control",
        "sample",
        "response",
        "weighting",
        "ranking",
        "retention",
        "loyalty",
        "churn",
        "text",
    ];
    let mine = |name: &str| families.contains(&name.split('.').next().unwrap_or_default());
    for method in measures::all().filter(|method| mine(method.name)) {
        let cases = Config::default().cases.max(500);
        let mut runner =
            TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
        let answered = std::cell::Cell::new(0);
        let outcome = runner.run(&input_of(method), |input| {
            if let Ok(output) = method.compute(&input) {
                answered.set(answered.get() + 1);
                prop_assert!(explained(&output, false), "{} {input} gave {output}", method.name);
            }
            Ok(())
        });
        assert!(outcome.is_ok(), "{outcome:?}");
        let answered = answered.get();
        assert!(answered * 20 >= cases, "{} answers only {answered} of {cases}", method.name);
    }
}

fn refusal(name: &str, input: &Value) -> Invalid {
    let found = measures::find(name).expect("a known method").compute(input);
    found.expect_err(&format!("{name} must refuse {input}"))
}

#[test]
fn a_wrong_tree_is_refused_with_the_place_of_the_fault() {
    let leaf = |id: &str, weight: f64| json!({"id": id, "weight": weight});
    let with = |tree: Value| json!({"tree": tree, "responses": []});
    let nodes = |nodes: Value| json!({"nodes": nodes, "responses": []});
    let root = json!({"id": "r"});
    let cases = [
        (json!({"responses": []}), "tree"),
        (json!({"tree": root, "nodes": [root], "responses": []}), "nodes"),
        (with(json!({"id": "r", "children": [leaf("a", -1.0)]})), "tree.children[0].weight"),
        (
            with(json!({"id": "r", "children": [leaf("a", 1.0), leaf("a", 1.0)]})),
            "tree.children[1].id",
        ),
        (
            with(json!({"id": "r", "children": [leaf("a", 0.0), leaf("b", 0.0)]})),
            "tree.children[0].weight",
        ),
        (with(json!({"id": "r", "children": [{"id": "a"}]})), "tree.children[0].weight"),
        // The root hangs below itself.
        (with(json!({"id": "r", "children": [leaf("r", 1.0)]})), "tree.children[0].id"),
        (with(json!({"children": []})), "tree.id"),
        (with(json!({"id": "r", "kids": []})), "tree.kids"),
        (
            nodes(json!([root, {"id": "a", "parent": "b", "weight": 1},
                {"id": "b", "parent": "a", "weight": 1}])),
            "nodes[1].parent",
        ),
        (nodes(json!([{"id": "a", "parent": "a", "weight": 1}])), "nodes[0].parent"),
        (nodes(json!([root, {"id": "a", "parent": "x", "weight": 1}])), "nodes[1].parent"),
        (nodes(json!([root, {"id": "s"}])), "nodes[1].parent"),
        (json!({"tree": root, "responses": [{"q": 1}]}), "responses[0].q"),
        (json!({"tree": root, "responses": [{"r": 6}], "grade_map": {"5": 1}}), "responses[0].r"),
        (json!({"tree": root, "responses": [], "grade_map": {"top": 1}}), "grade_map"),
        (json!({"tree": root, "responses": [], "mode": "median"}), "mode"),
        (json!({"tree": root, "responses": [{}], "weights": [1, 2]}), "weights"),
        (
            json!({"tree": root, "responses": [], "mode": "respondent", "min_coverage": 2}),
            "min_coverage",
        ),
    ];
    for (input, field) in cases {
        let error = refusal("csi.tree", &input);
        assert_eq!(error.field, field, "{input}: {error}");
    }
}

#[test]
fn a_tree_too_deep_is_refused() {
    let mut tree = json!({"id": "n0", "weight": 1});
    for level in 1..60 {
        tree = json!({"id": format!("n{level}"), "weight": 1, "children": [tree]});
    }
    let error = refusal("csi.tree", &json!({"tree": tree, "responses": []}));
    assert!(error.field.ends_with("children") && error.problem.contains("20 levels"), "{error}");
}

#[test]
fn refusals_name_the_field() {
    let level = json!({"ids": ["x", "y"], "matrix": [[1, 2], [0.5, 1]]});
    let cases = [
        ("ahp.weights", json!({"matrix": []}), "matrix"),
        ("ahp.weights", json!({"matrix": [[1, 2]]}), "matrix[0]"),
        ("ahp.weights", json!({"matrix": [[1, 2], [0.4, 1]]}), "matrix[1][0]"),
        ("ahp.weights", json!({"matrix": [[1, 0], [0, 1]]}), "matrix[1][0]"),
        ("ahp.weights", json!({"matrix": [[2]]}), "matrix[0][0]"),
        (
            "ahp.hierarchy",
            json!({"criteria": {"ids": ["x"], "matrix": level["matrix"]}}),
            "criteria.ids",
        ),
        ("ahp.hierarchy", json!({"criteria": level, "sub": {"q": level}}), "sub.q"),
        ("ahp.hierarchy", json!({"criteria": level, "sub": {"x": level}}), "sub"),
        ("ahp.group", json!({"matrices": []}), "matrices"),
        ("ahp.group", json!({"matrices": [[[1, 2], [1, 1]]]}), "matrices[0][1][0]"),
        ("ahp.group", json!({"matrices": [[[1]]], "expert_weights": [0]}), "expert_weights"),
        ("weights.priority_matrix", json!({"matrix": [[0.5, 1], [0.5, 0.5]]}), "matrix[1][0]"),
        ("weights.priority_matrix", json!({"matrix": [[0.7]]}), "matrix[0][0]"),
        ("weights.entropy", json!({"matrix": [[1, 2]]}), "matrix"),
        ("weights.entropy", json!({"matrix": [[1, 0], [2, 0]]}), "matrix[0][1]"),
        ("weights.entropy", json!({"matrix": [[1], [null]]}), "matrix[1][0]"),
        ("weights.combine", json!({"subjective": [1], "objective": []}), "objective"),
        ("control.p_chart", json!({"counts": [3], "sizes": [2]}), "counts[0]"),
        ("control.p_chart", json!({"counts": [1], "sizes": [2], "baseline": 2}), "baseline"),
        ("control.u_chart", json!({"counts": [1], "exposure": [-1]}), "exposure[0]"),
        (
            "control.ewma",
            json!({"values": [], "lambda": 0, "l": 3, "mu0": 0, "sigma0": 1}),
            "lambda",
        ),
        ("control.cusum", json!({"values": [], "mu0": 0, "sigma0": 0, "k": 1, "h": 5}), "sigma0"),
        ("sample.size_proportion", json!({"margin": 0}), "margin"),
        ("sample.size_proportion", json!({"margin": 0.05, "response_rate": 0}), "response_rate"),
        ("sample.size_proportion", json!({"margin": 1e-12}), "margin"),
        ("sample.size_mean", json!({"margin": 1, "sd": -1}), "sd"),
        ("sample.margin", json!({"n": 5, "population": 4}), "n"),
        ("sample.allocate", json!({"strata": [{"size": 9}], "n": 3, "method": "best"}), "method"),
        (
            "sample.allocate",
            json!({"strata": [{"size": 9}], "n": 3, "method": "neyman"}),
            "strata[0].sd",
        ),
        (
            "sample.allocate",
            json!({"strata": [{"size": 9}], "n": 3, "method": "equal", "min_per_stratum": 4}),
            "min_per_stratum",
        ),
        ("response.return_rate", json!({"sent": 5, "returned": 6, "valid": 6}), "returned"),
        ("weighting.rake", json!({"categories": {}, "targets": {}}), "categories"),
        ("weighting.rake", json!({"categories": {"s": ["f"]}, "targets": {}}), "targets.s"),
        (
            "weighting.rake",
            json!({"categories": {"s": ["f"]}, "targets": {"s": {"m": 1}}}),
            "categories.s[0]",
        ),
        (
            "weighting.rake",
            json!({"categories": {"s": ["f"]}, "targets": {"s": {"f": 0}}}),
            "targets.s",
        ),
        (
            "weighting.rake",
            json!({"categories": {"s": ["f"]}, "targets": {"s": {"f": -1}}}),
            "targets.s.f",
        ),
        (
            "weighting.poststratify",
            json!({"stratum": ["a"], "targets": {"a": 1}, "base_weights": [-1]}),
            "base_weights[0]",
        ),
        ("weighting.nonresponse", json!({"class": ["a"], "responded": [null]}), "responded[0]"),
        (
            "ranking.eb_proportion",
            json!({"branches": [{"id": "a", "n": 1, "successes": 2}]}),
            "branches[0].successes",
        ),
        (
            "ranking.eb_mean",
            json!({"branches": [{"id": "a", "n": 2, "mean": 2}]}),
            "branches[0].sd",
        ),
        ("retention.rates", json!({"start": 1, "end": 1, "new": 2}), "new"),
        ("retention.by_satisfaction", json!({"counts": [1], "table": [[0.5, 0.4]]}), "table[0]"),
        ("loyalty.repurchase", json!({"purchases": [1.5]}), "purchases[0]"),
        ("loyalty.share_of_wallet", json!({"own": [2], "category": [1]}), "own[0]"),
        ("loyalty.wallet_allocation", json!({"scores": [1], "focal": 1}), "focal"),
        ("loyalty.clv", json!({"margin": 1, "retention": 1, "discount": 0}), "retention"),
        ("churn.kaplan_meier", json!({"durations": [-1], "events": [1]}), "durations[0]"),
        ("churn.kaplan_meier", json!({"durations": [1], "events": [2]}), "events[0]"),
        ("churn.logistic", json!({"y": [2], "x": {}}), "y[0]"),
        ("churn.logistic", json!({"y": [1], "x": {"intercept": [1]}}), "x.intercept"),
        ("text.tfidf", json!({"documents": [["a", 1]], "top": 1}), "documents[0][1]"),
        ("text.log_odds", json!({"group_a": [], "group_b": [], "alpha0": 0}), "alpha0"),
    ];
    for (name, input, field) in cases {
        let error = refusal(name, &input);
        assert_eq!(error.field, field, "{name} {input}: {error}");
    }
}

#[test]
fn a_million_groups_are_answered_or_refused_at_once() {
    const MILLION: usize = 1_000_000;
    let start = Instant::now();
    let tallies = vec![Tally::new(3, 2).expect("a tally"); MILLION];
    assert_eq!(rank_shares(&tallies, 0.95).expect_err("too many").field, "branches");
    let means = vec![PeriodMean { n: 3, mean: 2.0, sd: 1.0 }; MILLION];
    assert_eq!(rank_means(&means, 0.95).expect_err("too many").field, "branches");
    assert!(xbar(&means, 3.0).expect("a chart").out.is_empty());
    let strata = vec![Stratum { size: 3, sd: 1.0 }; MILLION];
    let divided = allocate(&strata, 5, Allocation::Neyman, 0);
    assert_eq!(divided.expect_err("too many").field, "strata");
    let parts: Vec<Part> = (0..MILLION)
        .map(|i| Part { id: i.to_string(), parent: (i > 0).then(|| "0".into()), weight: 1.0 })
        .collect();
    assert!(Tree::new(&parts).expect_err("too many").problem.contains("10,000"));
    let groups: Vec<Vec<Option<f64>>> =
        (0..MILLION).map(|i| vec![Some((i % 7) as f64), Some(3.0)]).collect();
    assert!(means::anova(&groups).f.is_some());
    assert!(ranks::kruskal(&groups).h.is_some());
    let pairs = means::pairwise_welch(&groups, Correction::Holm);
    assert_eq!(pairs.expect_err("too many").field, "groups");
    assert_eq!(ranks::dunn(&groups, Correction::Holm).expect_err("too many").field, "groups");
    // Without optimisation, on a busy machine.
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}
