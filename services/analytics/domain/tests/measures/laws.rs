//! Laws of the scores and of alpha: order, units, weights and repetition.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{close, compute, number, same};

fn answers() -> impl Strategy<Value = Vec<i64>> {
    vec(0i64..=10, 2..40)
}

/// Methods of single answers with an input for them.
fn tiles(values: &[i64], weights: Option<&[f64]>) -> Vec<(&'static str, Value)> {
    let mut tiles = vec![
        ("descriptive.summary", json!({"values": values})),
        ("nps.score", json!({"values": values})),
        ("csat.topbox", json!({"values": values, "scale_min": 0, "scale_max": 10, "boxes": 3})),
    ];
    if let Some(weights) = weights {
        tiles.iter_mut().for_each(|(_, input)| input["weights"] = json!(weights));
    }
    tiles
}

proptest! {
    #[test]
    fn the_order_of_answers_does_not_matter(values in answers()) {
        let mut turned = values.clone();
        turned.reverse();
        for ((name, a), (_, b)) in tiles(&values, None).into_iter().zip(tiles(&turned, None)) {
            prop_assert!(same(&compute(name, a), &compute(name, b)));
        }
    }

    #[test]
    fn equal_weights_change_nothing_and_only_ratios_matter(
        values in answers(), weights in vec(0.1f64..5.0, 40),
    ) {
        let weights = &weights[..values.len()];
        let scaled: Vec<f64> = weights.iter().map(|w| w * 1e-7).collect();
        let pairs = tiles(&values, Some(weights)).into_iter().zip(tiles(&values, Some(&scaled)));
        for ((name, a), (_, b)) in pairs {
            let (mut a, mut b) = (compute(name, a), compute(name, b));
            a["sum_weights"] = Value::Null;
            b["sum_weights"] = Value::Null;
            prop_assert!(same(&a, &b), "{a} {b}");
        }
        let plain = compute("csat.topbox", tiles(&values, None)[2].1.clone());
        let equal = vec![2.5; values.len()];
        let weighted = compute("csat.topbox", tiles(&values, Some(&equal))[2].1.clone());
        prop_assert!(same(&plain, &weighted));
    }

    #[test]
    fn asking_twice_keeps_the_figure_and_narrows_the_interval(values in answers()) {
        let doubled: Vec<i64> = values.iter().chain(&values).copied().collect();
        for (key, (once, twice)) in ["mean", "nps", "top_share"]
            .into_iter()
            .zip(tiles(&values, None).into_iter().zip(tiles(&doubled, None)))
        {
            let (once, twice) = (compute(once.0, once.1), compute(twice.0, twice.1));
            prop_assert!(close(number(&once, key), number(&twice, key)));
            let (low, high) = match key {
                "top_share" => ("top_low", "top_high"),
                _ => ("ci_low", "ci_high"),
            };
            let width = |v: &Value| number(v, high) - number(v, low);
            prop_assert!(width(&twice) <= width(&once) + 1e-12);
        }
    }

    #[test]
    fn moving_and_stretching_a_scale_moves_and_stretches_the_summary(
        values in answers(), by in -1e3f64..1e3, times in 0.01f64..100.0,
    ) {
        let moved: Vec<f64> = values.iter().map(|v| *v as f64 * times + by).collect();
        let a = compute("descriptive.summary", json!({"values": values}));
        let b = compute("descriptive.summary", json!({"values": moved}));
        for key in ["mean", "median", "ci_low", "ci_high", "min", "max"] {
            prop_assert!(close(number(&a, key) * times + by, number(&b, key)), "{key}: {a} {b}");
        }
        prop_assert!((number(&a, "sd") * times - number(&b, "sd")).abs() < 1e-6);
    }

    #[test]
    fn alpha_does_not_depend_on_order_units_or_repetition(
        items in vec(vec(1i64..=7, 4), 3..20), times in 0.1f64..10.0, by in -50.0f64..50.0,
    ) {
        let alpha = |items: Value| {
            compute("reliability.alpha", json!({"items": items}))["alpha"].clone()
        };
        let first = alpha(json!(items));
        let rows: Vec<_> = items.iter().rev().collect();
        prop_assert!(same(&first, &alpha(json!(rows))));
        let columns: Vec<Vec<i64>> =
            items.iter().map(|row| row.iter().rev().copied().collect()).collect();
        prop_assert!(same(&first, &alpha(json!(columns))));
        let doubled: Vec<_> = items.iter().chain(&items).collect();
        prop_assert!(same(&first, &alpha(json!(doubled))));
        let rescaled: Vec<Vec<f64>> =
            items.iter().map(|row| row.iter().map(|v| *v as f64 * times + by).collect()).collect();
        let rescaled = alpha(json!(rescaled));
        let near = |v: &Value| v.as_f64().map(|v| (v * 1e6).round() / 1e6);
        prop_assert!(near(&first).is_none() == near(&rescaled).is_none());
        if let (Some(a), Some(b)) = (first.as_f64(), rescaled.as_f64()) {
            prop_assert!((a - b).abs() <= 1e-6 * a.abs().max(1.0));
            prop_assert!(a <= 1.0 + 1e-12);
        }
    }

    #[test]
    fn every_interval_of_a_share_lies_in_bounds_around_it(n in 1u64..5000, part in 0.0f64..=1.0) {
        let x = (n as f64 * part) as u64;
        for method in ["wilson", "clopper_pearson", "agresti_coull", "wald"] {
            let found =
                compute("proportion.interval", json!({"successes": x, "n": n, "method": method}));
            let (low, p, high) =
                (number(&found, "low"), number(&found, "p"), number(&found, "high"));
            prop_assert!((0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high));
            prop_assert!(low <= p + 1e-12 && p <= high + 1e-12, "{method} {found}");
        }
    }

    #[test]
    fn percentages_add_up_to_one_hundred(
        counts in vec(0u64..1_000_000, 1..12), decimals in 0u64..4,
    ) {
        let found = compute("share.distribution", json!({"counts": counts, "decimals": decimals}));
        let percent = found["percent"].as_array().expect("a list");
        if counts.iter().sum::<u64>() == 0 {
            prop_assert!(percent.iter().all(Value::is_null));
        } else {
            let sum: f64 = percent.iter().map(|v| v.as_f64().expect("a number")).sum();
            prop_assert!((sum - 100.0).abs() < 1e-9);
            let unit = 10f64.powi(-(decimals as i32));
            let total: u64 = counts.iter().sum();
            for (count, percent) in counts.iter().zip(percent) {
                let exact = *count as f64 * 100.0 / total as f64;
                prop_assert!((percent.as_f64().expect("a number") - exact).abs() < unit + 1e-9);
            }
        }
    }

    #[test]
    fn differences_change_sign_with_their_sides(a in answers(), b in answers()) {
        let there = compute("compare.welch_t", json!({"a": a, "b": b}));
        let back = compute("compare.welch_t", json!({"a": b, "b": a}));
        prop_assert!(close(number(&there, "mean_diff"), -number(&back, "mean_diff")));
        prop_assert!(same(&there["p"], &back["p"]));
        prop_assert!(close(number(&there, "ci_low"), -number(&back, "ci_high")));
    }
}

#[test]
fn values_far_from_zero_keep_their_spread() {
    let far = compute("descriptive.summary", json!({"values": [1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0]}));
    assert!(close(number(&far, "sd"), 1.0), "{far}");
    let tenths = compute("descriptive.summary", json!({"values": vec![0.1; 7]}));
    assert_eq!(number(&tenths, "sd"), 0.0);
    let shifted = json!({"perceived": [0.3, 0.5, 0.9], "expected": [0.2, 0.4, 0.8]});
    assert_eq!(number(&compute("csd.ratio", shifted), "gap_se"), 0.0);
}
