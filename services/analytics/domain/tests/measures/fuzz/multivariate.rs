//! Inputs of methods that use several columns at once.

use analytics_domain::measures;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::{any_number, five, input_of, object, options, rows, small, values};

/// Rows of columns that belong together.
const ROWS: usize = 14;
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// Something that is probably right for a field of these families.
pub fn plausible(method: &str, field: &str) -> Option<BoxedStrategy<Value>> {
    Some(match (method, field) {
        ("reliability.split_half", "split") => options(&["odd_even", "first_second"]),
        ("agreement.krippendorff", "level") => options(&["nominal", "ordinal", "interval"]),
        ("pls.path_model" | "pls.bootstrap", "scheme") => {
            options(&["path", "centroid", "factorial"])
        }
        (_, "standardize") => any::<bool>().prop_map(Value::from).boxed(),
        ("ipa.quadrants", "cut") => options(&["mean", "value"]),
        ("ipa.quadrants", "cut_importance" | "cut_performance") => {
            prop_oneof![Just(Value::Null), small(), any_number()].boxed()
        }
        ("ipa.quadrants", "items") => {
            named(&["id", "importance", "performance"], vec(prop_oneof![small(), null()], 2))
        }
        ("acsi.index", "items") => weighted_items(),
        ("acsi.index", "scale_min") => Just(json!(0)).boxed(),
        (_, "scale") => select(vec![
            json!({"min": 0, "max": 7}),
            json!({"min": 0, "max": 7}),
            json!({"min": -1e50, "max": 1e50}),
            Value::Null,
            json!({"min": 1, "max": 1}),
        ])
        .boxed(),
        ("kano.coefficients", "counts") => object(&["A", "O", "M", "I", "R", "Q"]).boxed(),
        ("quality.longstring", "rows") => vec(values(small()), 0..5).prop_map(Value::from).boxed(),
        (_, "ratings") => {
            prop_oneof![rows(prop_oneof![6 => small(), 1 => null()]), rows(any_number())].boxed()
        }
        ("reliability.test_retest", "first" | "second") => {
            prop_oneof![5 => five(small()), 2 => five(any_number()), 1 => values(small())].boxed()
        }
        // Long enough for omega, which needs more rows than items.
        ("reliability.omega" | "validity.kmo_bartlett", "items") => prop_oneof![
            vec(vec(small(), 3), 8..12).prop_map(|rows| json!(rows)),
            rows(any_number()),
        ]
        .boxed(),
        ("churn.logistic", _) => return None,
        (_, "y") => column(),
        (_, "x" | "data") => columns(),
        ("validity.htmt", "blocks") => select(vec![
            json!([{"id": "A", "items": ["a", "b"]}, {"id": "B", "items": ["c", "d", "e"]}]),
            json!([{"id": "A", "items": ["a"]}, {"id": "B", "items": ["f"]}]),
            json!([{"id": "A", "items": ["a"]}, {"id": "A", "items": ["g"]}]),
        ])
        .boxed(),
        (_, "model") => model(),
        ("pls.bootstrap", "resamples") => prop_oneof![
            6 => null(),
            1 => vec(vec(0i64..10, 2..12), 1..5).prop_map(|lists| json!(lists)),
        ]
        .boxed(),
        (_, "n_resamples") => (1i64..12).prop_map(Value::from).boxed(),
        _ => return None,
    })
}

fn null() -> impl Strategy<Value = Value> + Clone {
    Just(Value::Null)
}

fn column() -> BoxedStrategy<Value> {
    prop_oneof![
        6 => vec(small(), ROWS),
        2 => vec(prop_oneof![20 => small(), 1 => null()], ROWS),
        2 => vec(any_number(), ROWS),
    ]
    .prop_map(Value::from)
    .boxed()
}

fn columns() -> BoxedStrategy<Value> {
    vec(column(), NAMES.len())
        .prop_map(|columns| {
            Value::Object(NAMES.iter().map(|name| (*name).to_owned()).zip(columns).collect())
        })
        .boxed()
}

/// Objects of these fields; the first is a name that differs, the others come from `values`.
fn named(
    fields: &'static [&'static str],
    values: impl Strategy<Value = Vec<Value>> + 'static,
) -> BoxedStrategy<Value> {
    vec(values, 0..5)
        .prop_map(move |items| {
            let items = items.into_iter().enumerate().map(|(i, values)| {
                let all = std::iter::once(json!(format!("item {i}"))).chain(values);
                Value::Object(fields.iter().map(|f| (*f).to_owned()).zip(all).collect())
            });
            items.collect()
        })
        .boxed()
}

fn weighted_items() -> BoxedStrategy<Value> {
    let values = vec(prop_oneof![9 => (0i64..5).prop_map(Value::from), 1 => null()], 5);
    vec((values, small()), 0..4)
        .prop_map(|items| {
            let items = items.into_iter();
            items.map(|(values, weight)| json!({"values": values, "weight": weight})).collect()
        })
        .boxed()
}

fn model() -> BoxedStrategy<Value> {
    let mode = || select(vec!["A", "B"]);
    let path = |from: &str, to: &str| json!({"from": from, "to": to});
    let paths = select(vec![
        vec![path("X", "Y"), path("Y", "Z")],
        vec![path("X", "Y"), path("X", "Z"), path("Y", "Z")],
        vec![path("X", "Z"), path("Y", "Z")],
        vec![path("X", "Y"), path("Y", "Z"), path("Z", "X")],
        vec![path("X", "Y"), path("Y", "W")],
        vec![path("X", "Y"), path("X", "Y"), path("Y", "Z")],
        vec![path("X", "Y")],
    ]);
    let items = select(vec![
        [vec!["a", "b"], vec!["c"], vec!["d", "e", "f"]],
        [vec!["a", "b"], vec!["c", "d"], vec!["e", "f"]],
        [vec!["a"], vec!["b"], vec!["c"]],
        [vec!["a", "b"], vec!["b"], vec!["g"]],
    ]);
    (mode(), mode(), mode(), items, paths)
        .prop_map(|(x, y, z, items, paths)| {
            let [first, second, third] = items;
            json!({"latents": [
                {"id": "X", "mode": x, "items": first},
                {"id": "Y", "mode": y, "items": second},
                {"id": "Z", "mode": z, "items": third},
            ], "paths": paths})
        })
        .boxed()
}

/// True if every null has a reason beside it or above it. A single item has no composite
/// reliability, and a block with a negative weight no index: the items are listed.
fn explained(value: &Value, above: bool) -> bool {
    match value {
        Value::Null => above,
        Value::Array(values) => values.iter().all(|value| explained(value, above)),
        Value::Object(fields) => fields.iter().all(|(name, value)| {
            let listed = name == "index" && fields.contains_key("negative_weights");
            let known = name == "rho_c" || listed || fields.contains_key("reason");
            explained(value, above || known)
        }),
        Value::Number(number) => number.as_f64().is_some_and(f64::is_finite),
        _ => true,
    }
}

#[test]
fn every_missing_number_of_several_columns_says_why() {
    let families = ["reliability", "agreement", "validity", "importance", "ipa", "kano", "pls"];
    let own = |name: &str| families.contains(&name.split('.').next().unwrap_or_default());
    for method in measures::all().filter(|method| own(method.name)) {
        let mut config = ProptestConfig::default();
        config.cases = config.cases.max(1000);
        config.failure_persistence = None;
        let mut runner = TestRunner::new(config);
        let outcome = runner.run(&input_of(method), |input| {
            if let Ok(output) = method.compute(&input) {
                prop_assert!(explained(&output, false), "{} {input}: {output}", method.name);
            }
            Ok(())
        });
        assert!(outcome.is_ok(), "{outcome:?}");
    }
}

#[test]
fn errors_of_drivers_and_blocks_name_the_field() {
    let data = json!({"a": [1, 2, 3], "b": [2, 3, 5], "c": [1, 1, 2]});
    let blocks = |items: Value| json!({"data": data, "blocks": [{"id": "A", "items": items}]});
    let many: Value = (0..16).map(|i| (format!("x{i}"), json!([1, 2]))).collect();
    let shapley = json!({"y": [1, 2], "x": many});
    let item = |id: &str| json!({"id": id, "importance": 1, "performance": 2});
    super::check_errors(&[
        ("importance.johnson", json!({"y": [1, 2], "x": {"a": [1]}}), "x.a"),
        ("importance.johnson", json!({"y": [1, 2], "x": {}}), "x"),
        ("importance.johnson", json!({"y": [1], "x": {"a": ["1"]}}), "x.a[0]"),
        ("importance.shapley", shapley, "x"),
        ("importance.shapley", json!({"y": [], "x": {"a": []}, "n_resamples": 0}), "n_resamples"),
        ("ipa.quadrants", json!({"items": [item("a"), item("a")]}), "items[1].id"),
        ("ipa.quadrants", json!({"items": [], "cut": "value"}), "cut_importance"),
        ("kano.coefficients", json!({"counts": {"A": 1}}), "counts.O"),
        ("quality.longstring", json!({"rows": [], "min_items": 0}), "min_items"),
        ("reliability.icc", json!({"ratings": [[1, 2], [1]]}), "ratings[1]"),
        ("reliability.split_half", json!({"items": [[1, 2]], "split": "thirds"}), "split"),
        ("reliability.test_retest", json!({"first": [1], "second": []}), "second"),
        ("reliability.omega", json!({"items": [vec![1; 101]]}), "items"),
        ("agreement.krippendorff", json!({"ratings": [[1]]}), "level"),
        ("agreement.cohen_kappa", json!({"table": [[1, 2], [3, -4]]}), "table[1][1]"),
        ("agreement.cohen_kappa", json!({"table": [[1, 2]]}), "table[0]"),
        ("validity.htmt", blocks(json!([])), "blocks[0].items"),
        ("validity.htmt", blocks(json!(["z"])), "blocks[0].items[0]"),
        ("validity.htmt", blocks(json!(["a", "a"])), "blocks[0].items[1]"),
    ]);
}

#[test]
fn errors_of_models_name_the_field() {
    let data = json!({"a": [1, 2, 3], "b": [2, 3, 5], "c": [1, 1, 2]});
    let model = |item: &str, paths: &[(&str, &str)]| {
        let path = |(from, to): &(&str, &str)| json!({"from": from, "to": to});
        let paths: Vec<Value> = paths.iter().map(path).collect();
        let latents = json!([
            {"id": "X", "mode": "A", "items": ["a"]}, {"id": "Y", "items": ["b", item]},
        ]);
        json!({"data": data, "model": {"latents": latents, "paths": paths}})
    };
    let path = [("X", "Y")];
    let mut scaled = model("c", &path);
    scaled["scale"] = json!({"min": 1, "max": 4});
    let mut drawn = model("c", &path);
    drawn["resamples"] = json!([[0, 1], [2, 3]]);
    let index = |value: i64, weight: i64, max: i64| {
        let items = json!([{"values": [value], "weight": weight}]);
        json!({"items": items, "scale_min": 1, "scale_max": max})
    };
    super::check_errors(&[
        ("pls.path_model", model("z", &path), "model.latents[1].items[1]"),
        ("pls.path_model", model("a", &path), "model.latents[1].items[1]"),
        ("pls.path_model", model("c", &[]), "model.latents[0]"),
        ("pls.path_model", model("c", &[("X", "Y"), ("Y", "X")]), "model.paths"),
        ("pls.path_model", model("c", &[("X", "Y"), ("X", "Y")]), "model.paths[1]"),
        ("pls.path_model", model("c", &[("X", "Q")]), "model.paths[0].to"),
        ("pls.path_model", model("c", &[("X", "X")]), "model.paths[0]"),
        ("pls.path_model", scaled, "data.b[2]"),
        ("pls.bootstrap", drawn, "resamples[1][1]"),
        ("acsi.index", index(1, 1, 1), "scale_max"),
        ("acsi.index", index(1, -1, 5), "items[0].weight"),
        ("acsi.index", index(0, 1, 5), "items[0].values[0]"),
    ]);
}
