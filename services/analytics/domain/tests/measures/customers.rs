//! Laws of league tables, of loyalty and churn, and of comments.

use std::time::{Duration, Instant};

use analytics_domain::measures::ranking::shares::{Tally, rank_shares};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{close, compute, number, same};

fn tallies() -> impl Strategy<Value = Vec<(u64, u64)>> {
    vec((0u64..200).prop_flat_map(|n| (Just(n), 0..=n)), 2..15)
}

fn share_table(rows: &[(u64, u64)]) -> Value {
    let branches: Vec<Value> = rows
        .iter()
        .enumerate()
        .map(|(i, (n, x))| json!({"id": format!("b{i}"), "n": n, "successes": x}))
        .collect();
    compute("ranking.eb_proportion", json!({"branches": branches}))
}

fn mean_table(rows: &[(u64, f64, f64)]) -> Value {
    let branches: Vec<Value> = rows
        .iter()
        .enumerate()
        .map(|(i, (n, mean, sd))| json!({"id": format!("b{i}"), "n": n, "mean": mean, "sd": sd}))
        .collect();
    compute("ranking.eb_mean", json!({"branches": branches}))
}

fn branches(table: &Value) -> &Vec<Value> {
    table["branches"].as_array().expect("branches")
}

/// A binary outcome with two drivers that overlap.
fn customers() -> impl Strategy<Value = Vec<(bool, f64, f64)>> {
    let some = vec((any::<bool>(), 0i32..6, 0i32..6), 20..60);
    some.prop_map(|rows| {
        // Both outcomes at all four corners: no combination of drivers tells them apart.
        let corners = [(0, 0), (0, 5), (5, 0), (5, 5)];
        let corners = corners.iter().flat_map(|&(u, v)| [(true, u, v), (false, u, v)]);
        let all = corners.chain(rows);
        all.map(|(left, u, v)| (left, f64::from(u), f64::from(v))).collect()
    })
}

fn risk(rows: &[(bool, f64, f64)]) -> Value {
    let y: Vec<bool> = rows.iter().map(|row| row.0).collect();
    let u: Vec<f64> = rows.iter().map(|row| row.1).collect();
    let v: Vec<f64> = rows.iter().map(|row| row.2).collect();
    compute("churn.logistic", json!({"y": y, "x": {"u": u, "v": v}}))
}

proptest! {
    #[test]
    fn a_shrunken_share_lies_between_its_own_and_that_of_all(rows in tallies()) {
        let table = share_table(&rows);
        if rows.iter().all(|(n, _)| *n == 0) {
            prop_assert!(table["branches"].is_null() && table["reason"] == json!("no_data"));
            return Ok(());
        }
        let mean = number(&table, "mean");
        let mut ranks = Vec::new();
        for branch in branches(&table) {
            let (low, shrunk, high) =
                (number(branch, "low"), number(branch, "shrunk"), number(branch, "high"));
            let raw = branch["raw"].as_f64().unwrap_or(mean);
            prop_assert!(raw.min(mean) - 1e-9 <= shrunk && shrunk <= raw.max(mean) + 1e-9);
            prop_assert!((0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high) && low <= high);
            ranks.push(number(branch, "rank") as usize);
        }
        ranks.sort_unstable();
        prop_assert_eq!(ranks, (1..=rows.len()).collect::<Vec<_>>());
    }

    #[test]
    fn the_order_of_branches_moves_ranks_only_among_equals(rows in tallies()) {
        let table = share_table(&rows);
        prop_assume!(table["branches"].is_array());
        let turned: Vec<_> = rows.iter().rev().copied().collect();
        let turned = share_table(&turned);
        for (a, b) in branches(&table).iter().zip(branches(&turned).iter().rev()) {
            prop_assert!(close(number(a, "shrunk"), number(b, "shrunk")));
            let same_rank = a["rank"] == b["rank"];
            let tied = branches(&table).iter()
                .filter(|other| close(number(other, "shrunk"), number(a, "shrunk")))
                .count();
            prop_assert!(same_rank || tied > 1, "{table} {turned}");
        }
    }

    #[test]
    fn failures_shrink_as_successes_do(rows in tallies()) {
        let failed: Vec<_> = rows.iter().map(|(n, x)| (*n, n - x)).collect();
        let (a, b) = (share_table(&rows), share_table(&failed));
        prop_assume!(a["branches"].is_array());
        for (a, b) in branches(&a).iter().zip(branches(&b)) {
            prop_assert!(close(number(a, "shrunk"), 1.0 - number(b, "shrunk")));
            prop_assert!((number(a, "low") - (1.0 - number(b, "high"))).abs() < 1e-9);
        }
    }

    #[test]
    fn means_shrink_in_every_unit_alike(
        rows in vec((0u64..80, 0.0f64..100.0, 0.5f64..30.0), 2..12),
        times in 0.1f64..10.0, by in -100.0f64..100.0,
    ) {
        let table = mean_table(&rows);
        prop_assume!(table["branches"].is_array());
        let moved: Vec<_> =
            rows.iter().map(|(n, mean, sd)| (*n, mean * times + by, sd * times)).collect();
        let moved = mean_table(&moved);
        let mean = number(&table, "grand_mean");
        for (a, b) in branches(&table).iter().zip(branches(&moved)) {
            for key in ["shrunk", "low", "high"] {
                prop_assert!((number(a, key) * times + by - number(b, key)).abs() < 1e-6);
            }
            let raw = a["raw"].as_f64().unwrap_or(mean);
            let shrunk = number(a, "shrunk");
            prop_assert!(raw.min(mean) - 1e-9 <= shrunk && shrunk <= raw.max(mean) + 1e-9);
            prop_assert!((0.0..=1.0).contains(&number(a, "reliability")));
        }
    }

    #[test]
    fn very_large_branches_keep_what_is_their_own(shares in vec(0.1f64..0.9, 3..8)) {
        let n = 1_000_000_000u64;
        let rows: Vec<_> = shares.iter().map(|s| (n, (s * n as f64) as u64)).collect();
        let table = share_table(&rows);
        prop_assume!(number(&table, "tau2") > 1e-5);
        for branch in branches(&table) {
            prop_assert!((number(branch, "raw") - number(branch, "shrunk")).abs() < 1e-4);
        }
    }

    #[test]
    fn without_censoring_survival_is_the_share_still_there(
        durations in vec(0u32..20, 1..40), times in 0.1f64..10.0,
    ) {
        let n = durations.len() as f64;
        let all = vec![true; durations.len()];
        let found = compute("churn.kaplan_meier", json!({"durations": durations, "events": all}));
        for step in found["table"].as_array().expect("steps") {
            let time = number(step, "time");
            let left = durations.iter().filter(|d| f64::from(**d) > time).count() as f64;
            prop_assert!(close(number(step, "survival"), left / n));
            if let (Some(low), Some(high)) = (step["low"].as_f64(), step["high"].as_f64()) {
                let survival = number(step, "survival");
                prop_assert!(low <= survival + 1e-12 && survival <= high + 1e-12);
            }
        }
        let scaled: Vec<f64> = durations.iter().map(|d| f64::from(*d) * times).collect();
        let scaled = compute("churn.kaplan_meier", json!({"durations": scaled, "events": all}));
        prop_assert!(close(number(&scaled, "median"), number(&found, "median") * times));
    }

    #[test]
    fn survival_of_everybody_twice_is_survival_once(
        rows in vec((0u32..20, any::<bool>()), 1..40),
    ) {
        let (durations, events): (Vec<u32>, Vec<bool>) = rows.into_iter().unzip();
        let twice = |list: &Value| {
            let list = list.as_array().expect("a list");
            json!(list.iter().chain(list).collect::<Vec<_>>())
        };
        let (d, e) = (json!(durations), json!(events));
        let once = compute("churn.kaplan_meier", json!({"durations": d, "events": e}));
        let doubled = json!({"durations": twice(&d), "events": twice(&e)});
        let doubled = compute("churn.kaplan_meier", doubled);
        let curve = |found: &Value| {
            let steps = found["table"].as_array().expect("steps").iter();
            json!(steps.map(|s| json!([s["time"], s["survival"]])).collect::<Vec<_>>())
        };
        prop_assert!(same(&curve(&once), &curve(&doubled)));
        prop_assert!(same(&once["median"], &doubled["median"]));
    }

    #[test]
    fn risks_depend_neither_on_units_nor_on_order_nor_on_repetition(
        rows in customers(), times in 0.1f64..10.0, by in -50.0f64..50.0,
    ) {
        let found = risk(&rows);
        prop_assume!(found["coef"].is_object());
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * a.abs().max(1.0);
        let moved: Vec<_> =
            rows.iter().rev().map(|(left, u, v)| (*left, u * times + by, *v)).collect();
        let moved = risk(&moved);
        prop_assert!(near(number(&found["coef"], "u"), number(&moved["coef"], "u") * times));
        prop_assert!(near(number(&found["coef"], "v"), number(&moved["coef"], "v")));
        for key in ["loglik", "auc", "brier", "mcfadden_r2"] {
            prop_assert!(near(number(&found, key), number(&moved, key)), "{found} {moved}");
        }
        let twice: Vec<_> = rows.iter().chain(&rows).copied().collect();
        let twice = risk(&twice);
        prop_assert!(near(number(&found["coef"], "v"), number(&twice["coef"], "v")));
        let root = 2.0f64.sqrt();
        prop_assert!(near(number(&found["se"], "v"), number(&twice["se"], "v") * root));
        let stayed: Vec<_> = rows.iter().map(|(left, u, v)| (!left, *u, *v)).collect();
        let stayed = risk(&stayed);
        prop_assert!(near(number(&found["coef"], "v"), -number(&stayed["coef"], "v")));
        prop_assert!(near(number(&found["p"], "u"), number(&stayed["p"], "u")));
    }

    #[test]
    fn one_driver_of_two_values_gives_the_odds_ratio_of_the_table(t in vec(1usize..20, 4)) {
        let cells = [(true, 1.0), (true, 0.0), (false, 1.0), (false, 0.0)];
        let rows: Vec<(bool, f64)> =
            cells.iter().zip(&t).flat_map(|(cell, n)| vec![*cell; *n]).collect();
        let (y, u): (Vec<bool>, Vec<f64>) = rows.into_iter().unzip();
        let found = compute("churn.logistic", json!({"y": y, "x": {"u": u}}));
        let expected = (t[0] * t[3]) as f64 / (t[1] * t[2]) as f64;
        prop_assert!((number(&found["odds_ratio"], "u") / expected - 1.0).abs() < 1e-8);
        let se = t.iter().map(|n| 1.0 / *n as f64).sum::<f64>().sqrt();
        prop_assert!((number(&found["se"], "u") - se).abs() < 1e-8);
    }

    #[test]
    fn expected_retention_lies_within_its_bounds(counts in vec(0u32..50, 5)) {
        let found = compute("retention.by_satisfaction", json!({"counts": counts}));
        if let Some(expected) = found["expected"].as_f64() {
            prop_assert!(number(&found, "low") <= expected && expected <= number(&found, "high"));
            let rest = number(&found, "n") - number(&found, "expected_lost");
            prop_assert!(close(rest, expected * number(&found, "n")));
        }
    }

    #[test]
    fn shares_of_the_wallet_sum_to_the_wallet(scores in vec(1u32..11, 1..8)) {
        let shares = (0..scores.len()).map(|focal| {
            let input = json!({"scores": scores, "focal": focal});
            number(&compute("loyalty.wallet_allocation", input), "share")
        });
        prop_assert!(close(shares.sum(), 1.0));
    }

    #[test]
    fn words_do_not_depend_on_the_order_of_comments(
        a in vec(vec(prop::sample::select(vec!["排队", "好", "慢"]), 0..5), 1..6),
        b in vec(vec(prop::sample::select(vec!["排队", "好", "慢"]), 0..5), 1..6),
    ) {
        let keywords = |documents: Value| {
            compute("text.tfidf", json!({"documents": documents, "top": 9}))
        };
        let turned: Vec<_> = a.iter().rev().collect();
        prop_assert_eq!(keywords(json!(a)), keywords(json!(turned)));
        let contrast = |a: &Value, b: &Value| {
            compute("text.log_odds", json!({"group_a": a, "group_b": b, "alpha0": 5}))
        };
        let (a, b) = (json!(a), json!(b));
        let (ab, ba) = (contrast(&a, &b), contrast(&b, &a));
        prop_assert_eq!(&ab["reason"], &ba["reason"]);
        for marker in ab["terms"].as_array().unwrap_or(&Vec::new()) {
            let terms = ba["terms"].as_array().expect("terms");
            let other = terms.iter().find(|other| other["term"] == marker["term"]);
            let other = other.expect("the same words");
            prop_assert!(close(number(marker, "z"), -number(other, "z")));
        }
    }
}

#[test]
fn a_table_of_three_thousand_branches_is_quick() {
    let rows: Vec<Tally> = (0..3000u64)
        .map(|i| Tally::new(100 + i % 900, 50 + i * 7 % 50).expect("a tally"))
        .collect();
    let start = Instant::now();
    let table = rank_shares(&rows, 0.95).expect("a table");
    // Without optimisation, on a busy machine; 24 ms when it is idle.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!(table.branches.map(|branches| branches.len()), Some(3000));
}

#[test]
fn drivers_that_cannot_be_fitted_are_told() {
    let y = [0, 1, 0, 1, 1, 0];
    let cases = [
        (json!({"u": [1, 2, 3, 4, 5, 6], "v": [2, 4, 6, 8, 10, 12]}), "singular"),
        (json!({"u": [1, 1, 1, 1, 1, 1]}), "zero_variance"),
        (json!({"u": [0, 1, 0, 1, 1, 1]}), "separation"),
        (json!({"u": [0, 5, 1, 6, 7, 2]}), "separation"),
        (json!({"u": [null, null, null, null, null, null]}), "no_data"),
        (json!({"u": [1, 2, null, null, null, null]}), "n_too_small"),
    ];
    for (x, reason) in cases {
        let found = compute("churn.logistic", json!({"y": y, "x": x}));
        assert!(found["coef"].is_null(), "{found}");
        assert_eq!(found["reason"], json!(reason), "{x} {found}");
    }
}

#[test]
fn drivers_that_tell_nothing_order_nobody() {
    // As many left as stayed in every corner, so that all have a risk of one half.
    let corners = [0.0, 1.0, 5.0].map(|u| [0.0, 2.0, 5.0].map(|v| (u, v))).concat();
    let rows = corners.iter().flat_map(|(u, v)| [true, false].map(|y| (y, u * 0.1 - 46.7, *v)));
    let found = risk(&rows.collect::<Vec<_>>());
    assert_eq!(number(&found, "auc"), 0.5, "{found}");
    assert!(number(&found, "mcfadden_r2") >= 0.0, "{found}");
}

#[test]
fn a_branch_with_little_to_show_does_not_top_the_table() {
    let table = share_table(&[(3, 3), (1000, 900), (800, 500), (900, 650), (0, 0)]);
    let first = branches(&table).iter().find(|branch| branch["rank"] == json!(1));
    assert_eq!(first.map(|branch| &branch["id"]), Some(&json!("b1")), "{table}");
    assert_eq!(branches(&table)[4]["reason"], json!("no_data"));
}
