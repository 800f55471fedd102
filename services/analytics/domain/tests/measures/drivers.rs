//! Laws of the importance of drivers.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{close, compute, near, number, same};

/// An outcome that depends on some of its drivers.
fn drivers(p: usize) -> impl Strategy<Value = (Vec<f64>, Vec<Vec<f64>>)> {
    vec((vec(1i64..=7, p), -3i64..=3), 12..30).prop_map(|rows| {
        let outcome = |(x, e): &(Vec<i64>, i64)| {
            let sum: i64 = x.iter().enumerate().map(|(j, x)| x * (3 - j as i64)).sum();
            (sum + e) as f64
        };
        let y = rows.iter().map(outcome).collect();
        let p = rows[0].0.len();
        // Each driver takes something from the one before, so that they are correlated.
        let value = |x: &[i64], j: usize| (x[j] * 2 + if j > 0 { x[j - 1] } else { 0 }) as f64;
        (y, (0..p).map(|j| rows.iter().map(|(x, _)| value(x, j)).collect()).collect())
    })
}

fn named(x: &[Vec<f64>], order: &[usize]) -> Value {
    let columns = order.iter().map(|&j| (format!("x{j}"), json!(x[j])));
    Value::Object(Map::from_iter(columns))
}

fn r2(y: &[f64], x: &[Vec<f64>], set: &[usize]) -> f64 {
    if set.is_empty() {
        return 0.0;
    }
    number(&compute("importance.regression", json!({"y": y, "x": named(x, set)})), "r2")
}

fn sum(named: &Value) -> f64 {
    named.as_object().expect("an object").values().map(|v| v.as_f64().expect("a number")).sum()
}

proptest! {
    #[test]
    fn weights_and_values_add_up_to_what_is_explained((y, x) in drivers(3)) {
        let input = json!({"y": y, "x": named(&x, &[0, 1, 2])});
        let regression = compute("importance.regression", input.clone());
        for method in ["importance.johnson", "importance.shapley"] {
            let found = compute(method, input.clone());
            prop_assert!(same(&found["r2"], &regression["r2"]));
            if found["r2"].is_number() {
                prop_assert!((sum(&found["raw"]) - number(&found, "r2")).abs() < 1e-8, "{found}");
                prop_assert!(close(sum(&found["share"]), 1.0));
                let parts = found["raw"].as_object().expect("an object");
                prop_assert!(parts.values().all(|v| v.as_f64().expect("a number") > -1e-12));
            }
        }
    }

    #[test]
    fn a_shapley_value_is_the_mean_gain_over_all_orders((y, x) in drivers(3)) {
        let found = compute("importance.shapley", json!({"y": y, "x": named(&x, &[0, 1, 2])}));
        prop_assume!(found["r2"].is_number());
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        for j in 0..3 {
            let gain = |order: &[usize; 3]| {
                let at = order.iter().position(|i| *i == j).expect("in every order");
                r2(&y, &x, &order[..=at]) - r2(&y, &x, &order[..at])
            };
            let mean = orders.iter().map(gain).sum::<f64>() / 6.0;
            let value = number(&found["raw"], &format!("x{j}"));
            prop_assert!((value - mean).abs() < 1e-8, "{value} {mean}");
        }
    }

    #[test]
    fn importance_does_not_depend_on_order_units_or_repetition(
        (y, x) in drivers(3), times in 0.1f64..10.0, by in -50.0f64..50.0,
    ) {
        let moved: Vec<Vec<f64>> =
            x.iter().map(|x| x.iter().map(|v| v * times + by).collect()).collect();
        let twice = |x: &[f64]| x.iter().chain(x).copied().collect::<Vec<f64>>();
        let doubled: Vec<Vec<f64>> = x.iter().map(|x| twice(x)).collect();
        for method in ["importance.johnson", "importance.shapley", "importance.regression"] {
            let key = if method == "importance.regression" { "beta" } else { "raw" };
            let of = |y: &[f64], x: Value| compute(method, json!({"y": y, "x": x}))[key].clone();
            let found = of(&y, named(&x, &[0, 1, 2]));
            prop_assert!(near(&found, &of(&y, named(&x, &[2, 0, 1])), 1e-7));
            prop_assert!(near(&found, &of(&y, named(&moved, &[0, 1, 2])), 1e-7));
            prop_assert!(near(&found, &of(&twice(&y), named(&doubled, &[0, 1, 2])), 1e-7));
        }
    }

    #[test]
    fn one_driver_has_all_of_it((y, x) in drivers(1)) {
        let input = json!({"y": y, "x": {"x": x[0]}});
        let single = compute("importance.correlation", input.clone());
        let regression = compute("importance.regression", input.clone());
        prop_assume!(regression["f"].is_number());
        let r = number(&single["pearson"], "x");
        prop_assert!(close(number(&regression["beta"], "x"), r));
        prop_assert!(same(&regression["p"]["x"], &single["p"]["x"]), "{regression} {single}");
        prop_assert!(same(&regression["f_p"], &single["p"]["x"]));
        for method in ["importance.johnson", "importance.shapley"] {
            let found = compute(method, input.clone());
            prop_assert!(close(number(&found["raw"], "x"), r * r), "{found}");
        }
    }

    #[test]
    fn a_rank_correlation_ignores_a_stretched_scale((y, x) in drivers(2)) {
        let stretched: Vec<f64> = x[0].iter().map(|v| v.powi(3)).collect();
        let of = |x: &[f64]| compute("importance.correlation", json!({"y": y, "x": {"x": x}}));
        let (plain, stretched) = (of(&x[0]), of(&stretched));
        prop_assert!(same(&plain["spearman"], &stretched["spearman"]), "{plain} {stretched}");
        if let Some(r) = plain["pearson"]["x"].as_f64() {
            prop_assert!(r.abs() <= 1.0);
            if let Some(low) = plain["ci_low"]["x"].as_f64() {
                prop_assert!(low < r && r < number(&plain["ci_high"], "x"));
            }
        }
    }

    #[test]
    fn an_item_that_gets_better_leaves_the_bad_quadrants(
        values in vec((0i64..10, 0i64..10), 2..8), cut in 1i64..9,
    ) {
        let items = |lift: i64| -> Value {
            let items = values.iter().enumerate();
            items.map(|(i, (importance, performance))| {
                let performance = performance + lift;
                json!({"id": i.to_string(), "importance": importance, "performance": performance})
            }).collect()
        };
        let of = |lift: i64| {
            compute("ipa.quadrants", json!({
                "items": items(lift), "cut": "value", "cut_importance": cut, "cut_performance": cut,
            }))["quadrants"].clone()
        };
        let (before, after) = (of(0), of(10));
        for i in 0..values.len() {
            let key = i.to_string();
            let expected = match before[&key].as_str().expect("a quadrant") {
                "concentrate_here" | "keep_up" => "keep_up",
                _ => "possible_overkill",
            };
            prop_assert_eq!(&after[&key], expected);
        }
        // At the mean cut a shift of all changes nothing.
        let mean = |lift| compute("ipa.quadrants", json!({"items": items(lift)}));
        prop_assert_eq!(&mean(0)["quadrants"], &mean(7)["quadrants"]);
    }

    #[test]
    fn kano_coefficients_are_shares(counts in vec(0u64..50, 6), times in 2u64..5) {
        let of = |times: u64| {
            let keys = ["A", "O", "M", "I", "R", "Q"].into_iter().map(str::to_owned);
            let counts = keys.zip(counts.iter().map(|count| json!(count * times)));
            compute("kano.coefficients", json!({"counts": Value::Object(counts.collect())}))
        };
        let found = of(1);
        prop_assert!(same(&found, &of(times)));
        if let (Some(better), Some(worse)) = (found["better"].as_f64(), found["worse"].as_f64()) {
            prop_assert!((0.0..=1.0).contains(&better) && (-1.0..=0.0).contains(&worse));
        }
    }
}

#[test]
fn drivers_without_correlation_keep_their_own_share() {
    // A full design of three factors in two steps.
    let factor = |j: u32| (0..16u32).map(|i| f64::from(i >> j & 1)).collect::<Vec<f64>>();
    let x = [factor(0), factor(1), factor(2)];
    let noise = factor(3);
    let y: Vec<f64> = (0..16).map(|i| 3.0 * x[0][i] + 2.0 * x[1][i] + x[2][i] + noise[i]).collect();
    for method in ["importance.johnson", "importance.shapley"] {
        let found = compute(method, json!({"y": y, "x": named(&x, &[0, 1, 2])}));
        for (j, expected) in [9.0, 4.0, 1.0].into_iter().enumerate() {
            assert!(close(number(&found["raw"], &format!("x{j}")), expected / 15.0), "{found}");
        }
    }
}

#[test]
fn fifteen_drivers_are_answered_exactly() {
    let x: Vec<Vec<f64>> = (0..15)
        .map(|j| (0..40).map(|i| f64::from((i * i * (j + 3) + i * 7) % (11 + j))).collect())
        .collect();
    let y: Vec<f64> = (0..40).map(|i| x[0][i] + x[3][i] - x[7][i]).collect();
    let order: Vec<usize> = (0..15).collect();
    let found = compute("importance.shapley", json!({"y": y, "x": named(&x, &order)}));
    assert!(close(sum(&found["raw"]), 1.0) && close(number(&found, "r2"), 1.0), "{found}");
}

#[test]
fn intervals_of_shares_repeat_themselves_and_hold_the_share() {
    let x: Vec<Vec<f64>> = (0..3)
        .map(|j| (0..50).map(|i| f64::from((i * (j + 2) * 7 + i * i) % 11)).collect())
        .collect();
    let y: Vec<f64> = (0..50).map(|i| 2.0 * x[0][i] + x[1][i] + (i % 4) as f64).collect();
    for method in ["importance.johnson", "importance.shapley"] {
        let input = json!({"y": y, "x": named(&x, &[0, 1, 2]), "n_resamples": 200, "seed": 3});
        let found = compute(method, input.clone());
        assert_eq!(found, compute(method, input));
        for (name, share) in found["share"].as_object().expect("an object") {
            let share = share.as_f64().expect("a number");
            let ends = &found["share_ci"];
            assert!(number(&ends["low"], name) < share && share < number(&ends["high"], name));
        }
    }
}
