//! Laws of PLS path models and their bootstrap.

use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{close, compute, near, number, same};

const NAMES: [&str; 6] = ["a1", "a2", "b1", "b2", "c1", "c2"];

/// Answers of 0 to 10 to three blocks of two items that depend on each other.
fn answers() -> impl Strategy<Value = Vec<Vec<f64>>> {
    vec((0i64..=8, vec(0i64..=2, 6)), 12..30).prop_map(|rows| {
        let row = |(common, own): &(i64, Vec<i64>)| {
            own.iter().map(|own| (common + own) as f64).collect::<Vec<f64>>()
        };
        rows.iter().map(row).collect()
    })
}

fn data(rows: &[Vec<f64>]) -> Value {
    let column = |j: usize| rows.iter().map(|row| row[j]).collect::<Vec<f64>>();
    let columns = NAMES.iter().enumerate().map(|(j, name)| ((*name).to_owned(), json!(column(j))));
    Value::Object(Map::from_iter(columns))
}

fn model(mode: &str) -> Value {
    json!({"latents": [
        {"id": "A", "mode": mode, "items": ["a1", "a2"]},
        {"id": "B", "mode": "A", "items": ["b1", "b2"]},
        {"id": "C", "mode": "A", "items": ["c1", "c2"]},
    ], "paths": [
        {"from": "A", "to": "B"}, {"from": "A", "to": "C"}, {"from": "B", "to": "C"},
    ]})
}

fn fit(rows: &[Vec<f64>], scheme: &str) -> Value {
    let scale = json!({"min": -100, "max": 100});
    let input = json!({"data": data(rows), "model": model("A"), "scheme": scheme, "scale": scale});
    compute("pls.path_model", input)
}

proptest! {
    #[test]
    fn a_path_model_does_not_depend_on_order_units_or_repetition(
        rows in answers(), times in 0.5f64..5.0,
    ) {
        for scheme in ["path", "centroid", "factorial"] {
            let found = fit(&rows, scheme);
            let reversed: Vec<_> = rows.iter().rev().cloned().collect();
            let doubled: Vec<_> = rows.iter().chain(&rows).cloned().collect();
            let mut scaled = rows.clone();
            scaled.iter_mut().for_each(|row| row[2] *= times);
            for (name, other) in [("order", reversed), ("copies", doubled), ("units", scaled)] {
                let other = fit(&other, scheme);
                for key in ["paths", "r2", "loadings", "total_effects"] {
                    prop_assert!(near(&found[key], &other[key], 1e-6), "{name} {found} {other}");
                }
                let index = |found: &Value| found["index"].clone();
                if name != "units" {
                    prop_assert!(near(&index(&found), &index(&other), 1e-6), "{name}");
                }
            }
        }
    }

    #[test]
    fn an_index_moves_with_its_scale(
        rows in answers(), by in -20.0f64..20.0, times in 0.1f64..5.0,
    ) {
        let index = |rows: &[Vec<f64>], min: f64, max: f64| {
            let scale = json!({"min": min, "max": max});
            let input = json!({"data": data(rows), "model": model("A"), "scale": scale});
            compute("pls.path_model", input)["index"].clone()
        };
        let moved: Vec<Vec<f64>> =
            rows.iter().map(|row| row.iter().map(|v| v * times + by).collect()).collect();
        // Rounding may put an answer on the end of the scale just outside.
        let ends = (-0.01 * times + by, 10.01 * times + by);
        let (there, back) = (index(&rows, -0.01, 10.01), index(&moved, ends.0, ends.1));
        prop_assert!(near(&there, &back, 1e-6), "{there} {back}");
        for value in there.as_object().into_iter().flat_map(Map::values) {
            prop_assert!(value.as_f64().is_none_or(|v| (0.0..=100.0).contains(&v)), "{there}");
        }
    }

    #[test]
    fn single_items_give_their_correlation_and_their_mean(rows in answers()) {
        let model = json!({"latents": [
            {"id": "A", "mode": "A", "items": ["a1"]}, {"id": "C", "mode": "B", "items": ["c1"]},
        ], "paths": [{"from": "A", "to": "C"}]});
        let scale = json!({"min": 0, "max": 10});
        let columns = data(&rows);
        let input = json!({"data": columns, "model": model, "scale": scale});
        let found = compute("pls.path_model", input);
        let x = json!({"x": columns["a1"]});
        let r = compute("importance.correlation", json!({"y": columns["c1"], "x": x}));
        prop_assume!(found["paths"].is_array());
        let coef = number(&found["paths"][0], "coef");
        prop_assert!(close(coef.abs(), number(&r["pearson"], "x").abs()), "{found} {r}");
        let mean = compute("descriptive.summary", json!({"values": columns["a1"]}));
        prop_assert!(close(number(&found["index"], "A"), 10.0 * number(&mean, "mean")));
        let alone = json!({"a1": 1.0, "c1": 1.0});
        prop_assert!(same(&found["index_weights"], &alone));
    }

    #[test]
    fn the_mean_of_all_respondents_is_a_resample_without_spread(rows in answers()) {
        let all: Vec<usize> = (0..rows.len()).collect();
        let scale = json!({"min": 0, "max": 10});
        let input = json!({
            "data": data(&rows), "model": model("B"), "scale": scale,
            "resamples": [all, all, all.iter().rev().collect::<Vec<_>>()],
        });
        let found = compute("pls.bootstrap", input);
        if let Some(paths) = found["paths"].as_array() {
            for path in paths {
                prop_assert!(number(path, "se") < 1e-6, "{path}");
                prop_assert!(near(&path["ci_low"], &path["coef"], 1e-6), "{path}");
            }
            for index in found["index"].as_object().expect("an object").values() {
                prop_assert!(near(&index["ci_high"], &index["value"], 1e-6), "{index}");
            }
        }
    }

    #[test]
    fn an_index_of_given_weights_lies_between_its_items(
        values in vec(vec(1i64..=10, 3), 1..20), weights in vec(0.0f64..3.0, 3),
    ) {
        let item = |j: usize, weight: f64| {
            json!({"values": values.iter().map(|row| row[j]).collect::<Vec<_>>(), "weight": weight})
        };
        let of = |items: Vec<Value>| {
            compute("acsi.index", json!({"items": items, "scale_min": 1, "scale_max": 10}))
        };
        let found = of((0..3).map(|j| item(j, weights[j])).collect());
        prop_assume!(found["index"].is_number());
        let single = |j| number(&of(vec![item(j, 1.0)]), "index");
        let singles = [single(0), single(1), single(2)];
        let (low, high) = (singles.iter().fold(100.0f64, |a, b| a.min(*b)),
            singles.iter().fold(0.0f64, |a, b| a.max(*b)));
        let index = number(&found, "index");
        prop_assert!(low - 1e-9 <= index && index <= high + 1e-9, "{found}");
        let scaled = of((0..3).map(|j| item(2 - j, weights[2 - j] * 1e-6)).collect());
        prop_assert!(close(index, number(&scaled, "index")));
    }
}

/// The ACSI model with 27 items answered by 250 people.
fn large() -> Value {
    let blocks = [("EX", 4), ("QU", 6), ("VA", 3), ("SA", 5), ("CO", 4), ("LO", 5)];
    let mut data = Map::new();
    let mut latents = Vec::new();
    let mut state = 1u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % 3
    };
    let common: Vec<u64> = (0..250).map(|_| next() + next() + next() + 1).collect();
    for (id, items) in blocks {
        let own: Vec<u64> = (0..250).map(|i| common[i] + next()).collect();
        let names: Vec<String> = (1..=items).map(|j| format!("{id}{j}")).collect();
        for name in &names {
            let values: Vec<u64> = own.iter().map(|v| (v + next()).min(10)).collect();
            data.insert(name.clone(), json!(values));
        }
        latents.push(json!({"id": id, "mode": "A", "items": names}));
    }
    let paths = [
        ("EX", "QU"),
        ("EX", "VA"),
        ("EX", "SA"),
        ("QU", "VA"),
        ("QU", "SA"),
        ("VA", "SA"),
        ("SA", "CO"),
        ("SA", "LO"),
        ("CO", "LO"),
    ];
    let paths = paths.map(|(from, to)| json!({"from": from, "to": to}));
    json!({
        "data": data, "model": {"latents": latents, "paths": paths}, "scheme": "path",
        "scale": {"min": 0, "max": 10}, "n_resamples": 5000, "seed": 20,
    })
}

#[test]
fn five_thousand_resamples_of_a_large_model_are_quick_and_repeat_themselves() {
    let input = large();
    let start = Instant::now();
    let found = compute("pls.bootstrap", input.clone());
    let taken = start.elapsed();
    println!("5,000 resamples took {taken:?}");
    assert!(taken < Duration::from_secs(60), "took {taken:?}");
    assert_eq!(found["valid"], 5000);
    for path in found["paths"].as_array().expect("paths") {
        let coef = number(path, "coef");
        assert!(number(path, "ci_low") <= coef && coef <= number(path, "ci_high"), "{path}");
    }
    let run = |seed: u64| {
        let mut few = input.clone();
        (few["seed"], few["n_resamples"]) = (json!(seed), json!(300));
        compute("pls.bootstrap", few)
    };
    assert_eq!(run(20), run(20), "the seed decides");
    assert_ne!(run(20), run(21));
}

#[test]
fn resamples_without_a_fit_are_counted_and_cost_the_interval() {
    // Most resamples of twelve people lack the one who answered differently.
    let mut rows: Vec<Vec<f64>> =
        (0..12).map(|i| (0..6).map(|j| f64::from((i * (j + 2) + i * i) % 7)).collect()).collect();
    for (i, row) in rows.iter_mut().enumerate() {
        (row[0], row[1]) = (if i == 5 { 4.0 } else { 3.0 }, row[2] + row[4] * 0.5);
    }
    let input = json!({"data": data(&rows), "model": model("A"), "n_resamples": 200, "seed": 1});
    let found = compute("pls.bootstrap", input);
    let valid = number(&found, "valid");
    assert!(100.0 < valid && valid < 180.0, "{found}");
    assert_eq!(found["reason"], "n_too_small");
    assert!(found["paths"][0]["ci_low"].is_null() && found["paths"][0]["se"].is_number());
}
