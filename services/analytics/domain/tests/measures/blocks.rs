//! Laws of reliability, validity and agreement.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{close, compute, near, number, same};

/// Answers that share something, so that most blocks are reliable.
fn block(k: usize) -> impl Strategy<Value = Vec<Vec<i64>>> {
    vec((1i64..=5, vec(-2i64..=2, k)), 12..40).prop_map(|rows| {
        let row = |(common, own): (i64, Vec<i64>)| own.iter().map(|o| common * 2 + o).collect();
        rows.into_iter().map(row).collect()
    })
}

fn turned(rows: &[Vec<i64>]) -> Vec<Vec<i64>> {
    rows.iter().rev().map(|row| row.iter().rev().copied().collect()).collect()
}

fn moved(rows: &[Vec<i64>], by: f64, times: f64) -> Vec<Vec<f64>> {
    rows.iter().map(|row| row.iter().map(|v| *v as f64 * times + by).collect()).collect()
}

fn column(rows: &[Vec<i64>], j: usize) -> Vec<i64> {
    rows.iter().map(|row| row[j]).collect()
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|v| v.as_f64().expect("a number")).collect()
}

proptest! {
    #[test]
    fn omega_does_not_depend_on_order_units_or_repetition(
        items in block(4), times in 0.1f64..10.0, by in -50.0f64..50.0,
    ) {
        let found = compute("reliability.omega", json!({"items": items}));
        let others = [
            json!(turned(&items)),
            json!(moved(&items, by, times)),
            json!(items.iter().chain(&items).collect::<Vec<_>>()),
        ];
        for items in others {
            let other = compute("reliability.omega", json!({"items": items}));
            prop_assert!(near(&found["omega"], &other["omega"], 1e-6), "{found} {other}");
        }
        if found["omega"].is_number() {
            prop_assert!((0.0..=1.0).contains(&number(&found, "omega")));
            // At the optimum the model explains each variance exactly.
            let parts = list(&found["loadings_std"]);
            for (l, u) in parts.iter().zip(list(&found["uniqueness_std"])) {
                prop_assert!((l * l + u - 1.0).abs() < 1e-6, "{found}");
            }
        }
    }

    #[test]
    fn three_items_have_omega_in_closed_form(items in block(3)) {
        let found = compute("reliability.omega", json!({"items": items}));
        let r = |i, j| {
            let (y, x) = (column(&items, i), column(&items, j));
            let found = compute("importance.correlation", json!({"y": y, "x": {"x": x}}));
            found["pearson"]["x"].as_f64()
        };
        if let (Some(a), Some(b), Some(c)) = (r(0, 1), r(0, 2), r(1, 2)) {
            let squares = [a * b / c, a * c / b, b * c / a];
            if squares.iter().all(|square| (1e-4..0.999).contains(square)) {
                for (found, square) in list(&found["loadings_std"]).iter().zip(squares) {
                    prop_assert!((found * found - square).abs() < 1e-7, "{found} {square}");
                }
            } else if squares.iter().any(|square| !(0.0..1.001).contains(square)) {
                prop_assert!(found["omega"].is_null(), "{found}");
            }
        }
    }

    #[test]
    fn averaged_consistency_and_guttman_are_alpha(items in block(4)) {
        let alpha = compute("reliability.alpha", json!({"items": items}));
        let icc = compute("reliability.icc", json!({"ratings": items}));
        prop_assert!(same(&alpha["alpha"], &icc["icc3k"]), "{alpha} {icc}");
        let halves: Vec<_> =
            items.iter().map(|row| [row[0] + row[2], row[1] + row[3]]).collect();
        let alpha = compute("reliability.alpha", json!({"items": halves}));
        let split = compute("reliability.split_half", json!({"items": items}));
        prop_assert!(same(&alpha["alpha"], &split["guttman"]), "{alpha} {split}");
        prop_assert!(same(&split["spearman_brown"], &split["horst"]), "{split}");
    }

    #[test]
    fn intraclass_correlations_ignore_units_order_and_hold_their_intervals(
        items in block(3), times in 0.1f64..10.0, by in -50.0f64..50.0,
    ) {
        let found = compute("reliability.icc", json!({"ratings": items}));
        let ratings = moved(&turned(&items), by, times);
        let other = compute("reliability.icc", json!({"ratings": ratings}));
        for key in ["icc1", "icc2", "icc3", "icc1k", "icc2k", "icc3k"] {
            prop_assert!(near(&found[key], &other[key], 1e-8), "{key} {found} {other}");
            let ends = &found[format!("{key}_ci")];
            if let (Some(value), Some(ends)) = (found[key].as_f64(), ends.as_array()) {
                let end = |i: usize| ends[i].as_f64().expect("a number");
                prop_assert!(end(0) <= value + 1e-9 && value <= end(1) + 1e-9, "{key} {found}");
            }
        }
    }

    #[test]
    fn a_paired_test_is_the_interval_of_the_differences(
        pairs in vec((1i64..=7, 1i64..=7), 2..30),
    ) {
        let (first, second): (Vec<i64>, Vec<i64>) = pairs.iter().copied().unzip();
        let found =
            compute("reliability.test_retest", json!({"first": first, "second": second}));
        let differences: Vec<i64> = pairs.iter().map(|(a, b)| b - a).collect();
        let summary = compute("descriptive.summary", json!({"values": differences}));
        prop_assert!(same(&found["mean_diff"], &summary["mean"]));
        prop_assert!(same(&found["ci_low"], &summary["ci_low"]), "{found} {summary}");
        let back = compute("reliability.test_retest", json!({"first": second, "second": first}));
        prop_assert!(same(&found["p"], &back["p"]) && same(&found["r"], &back["r"]));
        if let Some(p) = found["p"].as_f64() {
            prop_assert_eq!(found["significant"].as_bool(), Some(p <= 0.05));
        }
    }

    #[test]
    fn correlations_of_a_block_ignore_order_units_and_repetition(
        items in block(4), times in 0.1f64..10.0, by in -50.0f64..50.0,
    ) {
        let both = |items: Value| {
            let kmo = compute("validity.kmo_bartlett", json!({"items": items}));
            (kmo, compute("validity.eigenvalues", json!({"items": items})))
        };
        let (kmo, eigen) = both(json!(items));
        for other in [json!(turned(&items)), json!(moved(&items, by, times))] {
            let (other_kmo, other_eigen) = both(other);
            prop_assert!(near(&kmo["kmo"], &other_kmo["kmo"], 1e-6), "{kmo} {other_kmo}");
            prop_assert!(near(&kmo["chi2"], &other_kmo["chi2"], 1e-6));
            prop_assert!(near(&eigen["eigenvalues"], &other_eigen["eigenvalues"], 1e-8));
        }
        let (twice, _) = both(json!(items.iter().chain(&items).collect::<Vec<_>>()));
        prop_assert!(near(&kmo["kmo"], &twice["kmo"], 1e-6));
        if eigen["eigenvalues"].is_array() {
            prop_assert!(close(list(&eigen["eigenvalues"]).iter().sum(), 4.0));
        }
        if kmo["kmo"].is_number() {
            prop_assert!((0.0..=1.0).contains(&number(&kmo, "kmo")));
        }
    }

    #[test]
    fn single_items_have_their_correlation_as_ratio(items in block(2)) {
        let (a, b) = (column(&items, 0), column(&items, 1));
        let blocks = json!([{"id": "A", "items": ["a"]}, {"id": "B", "items": ["b"]}]);
        let found = compute("validity.htmt", json!({"data": {"a": a, "b": b}, "blocks": blocks}));
        let r = compute("importance.correlation", json!({"y": a, "x": {"b": b}}));
        if let Some(r) = r["pearson"]["b"].as_f64() {
            let ratio = number(&found["htmt"][0], "htmt");
            prop_assert!(close(ratio, r.abs()), "{found}");
        }
    }

    #[test]
    fn coders_and_units_may_come_in_any_order(ratings in block(6), by in 1i64..50) {
        let ratings: Vec<Vec<i64>> = ratings.into_iter().take(4).collect();
        for level in ["nominal", "ordinal", "interval"] {
            let alpha = |ratings: Value| {
                let input = json!({"ratings": ratings, "level": level});
                compute("agreement.krippendorff", input)["alpha"].clone()
            };
            let found = alpha(json!(ratings));
            prop_assert!(same(&found, &alpha(json!(turned(&ratings)))));
            let renamed: Vec<Vec<i64>> =
                ratings.iter().map(|row| row.iter().map(|v| v * 3 + by).collect()).collect();
            prop_assert!(same(&found, &alpha(json!(renamed))), "{level}");
            let stretched: Vec<Vec<i64>> =
                ratings.iter().map(|row| row.iter().map(|v| v.pow(3)).collect()).collect();
            if level != "interval" {
                prop_assert!(same(&found, &alpha(json!(stretched))), "{level}");
            }
            // Coders who copy each other agree.
            let copied = alpha(json!([ratings[0], ratings[0], ratings[0]]));
            prop_assert!(copied.is_null() || close(copied.as_f64().expect("a number"), 1.0));
        }
    }

    #[test]
    fn kappa_does_not_depend_on_names_or_repetition(table in vec(vec(0u64..20, 3), 3)) {
        let found = compute("agreement.cohen_kappa", json!({"table": table}));
        let renamed: Vec<Vec<u64>> =
            table.iter().rev().map(|row| row.iter().rev().copied().collect()).collect();
        let twice: Vec<Vec<u64>> =
            table.iter().map(|row| row.iter().map(|v| v * 2).collect()).collect();
        for other in [renamed, twice] {
            let other = compute("agreement.cohen_kappa", json!({"table": other}));
            prop_assert!(same(&found["kappa"], &other["kappa"]), "{found} {other}");
        }
        if let Some(kappa) = found["kappa"].as_f64() {
            prop_assert!(kappa <= 1.0 + 1e-12);
        }
    }

    #[test]
    fn a_run_is_as_long_as_its_answers(answers in vec(1i64..=3, 0..12), at in 0usize..12) {
        let found = compute("quality.longstring", json!({"rows": [answers], "min_items": 1}));
        let mut gap: Vec<Value> = answers.iter().map(|v| json!(v)).collect();
        gap.insert(at.min(answers.len()), Value::Null);
        let other = compute("quality.longstring", json!({"rows": [gap], "min_items": 1}));
        prop_assert_eq!(&found, &other);
        let longest = (1..=answers.len())
            .filter(|n| answers.windows(*n).any(|run| run.iter().all(|v| *v == run[0])))
            .max();
        prop_assert_eq!(&found["longest_run"][0], &json!(longest.unwrap_or(0)));
    }
}

#[test]
fn a_bootstrap_interval_repeats_itself_and_holds_the_figure() {
    let items: Vec<Vec<i64>> = (0..60i64)
        .map(|i| (0..4i64).map(|j| i % 7 + (i * (j + 3) * 5 + i * i) % (4 + j)).collect())
        .collect();
    for (method, figure, key) in [
        ("reliability.omega", "omega", "omega_ci"),
        ("reliability.split_half", "spearman_brown", "spearman_brown_ci"),
    ] {
        let run =
            |seed: u64| compute(method, json!({"items": items, "n_resamples": 300, "seed": seed}));
        let found = run(4);
        assert_eq!(found, run(4), "{method}");
        assert_ne!(found[key], run(5)[key], "{method}");
        let (low, high) = (number(&found[key], "low"), number(&found[key], "high"));
        let value = number(&found, figure);
        assert!(low < value && value < high && high <= 1.0, "{found}");
        assert!(compute(method, json!({"items": items})).get(key).is_none());
    }
}

#[test]
fn a_hundred_thousand_respondents_are_answered() {
    let items: Vec<Vec<usize>> =
        (0..100_000).map(|i| (0..10).map(|j| (i / 5 + i * (j + 1) % 13) % 5).collect()).collect();
    let found = compute("reliability.alpha", json!({"items": items}));
    assert_eq!(found["n"], 100_000);
    assert!(number(&found, "ci_high") - number(&found, "ci_low") < 0.02, "{found}");
}
