//! No input panics, and no number is missing without an explanation.

mod multivariate;

use analytics_domain::measures::{self, Method};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

use crate::{docs, inputs};

pub fn any_number() -> impl Strategy<Value = Value> {
    prop_oneof![
        30 => (-3i64..13).prop_map(Value::from),
        10 => (-100.0f64..100.0).prop_map(Value::from),
        6 => select(vec![0.0, -0.0, 1e-320, 1e-50, 1e9, 1e12, 1e49, -1e50, 1e50])
            .prop_map(Value::from),
        3 => (-1e50f64..1e50).prop_map(Value::from),
        3 => any::<i32>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
    ]
}

fn junk() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any_number(),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((".{0,4}", inner), 0..4).prop_map(|fields| Value::Object(Map::from_iter(fields))),
        ]
    })
}

pub fn values(number: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    vec(prop_oneof![8 => number, 1 => Just(Value::Null)], 0..9).prop_map(Value::from)
}

pub fn small() -> impl Strategy<Value = Value> {
    (0i64..8).prop_map(Value::from)
}

pub fn options(names: &[&str]) -> BoxedStrategy<Value> {
    select(names.iter().map(|name| json!(name)).collect::<Vec<_>>()).boxed()
}

fn object(fields: &'static [&'static str]) -> impl Strategy<Value = Value> {
    vec(small(), fields.len()).prop_map(|values| {
        Value::Object(fields.iter().map(|f| (*f).to_owned()).zip(values).collect())
    })
}

/// Rows of one length.
pub fn rows(number: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    let number = number.boxed();
    let rows = (1usize..5).prop_flat_map(move |k| vec(vec(number.clone(), k), 0..7));
    rows.prop_map(|rows| json!(rows)).boxed()
}

/// Five numbers, so that the lists of one input often have the same length.
pub fn five(number: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    vec(number, 5).prop_map(Value::from).boxed()
}

fn month() -> impl Strategy<Value = Value> {
    (2020i64..2023, 1i64..13, object(&["n", "mean", "sd"])).prop_map(|(year, month, mut row)| {
        row["period"] = json!(format!("{year}-{month:02}"));
        row
    })
}

/// Something that is probably right for a field.
fn plausible(method: &str, field: &str) -> BoxedStrategy<Value> {
    if let Some(known) = multivariate::plausible(method, field) {
        return known;
    }
    if let Some(strategy) = inputs::plausible(method, field) {
        return strategy;
    }
    match (method, field) {
        (_, "conf_level" | "alpha") => (0.0001f64..1.0).prop_map(Value::from).boxed(),
        ("proportion.interval", "method") => {
            options(&["wilson", "clopper_pearson", "agresti_coull", "wald"])
        }
        ("compare.mann_whitney", "method") => options(&["asymptotic", "exact"]),
        (_, "method") => options(&["holm", "bh", "bonferroni"]),
        (_, "adjust") => options(&["holm", "bh", "bonferroni", "none"]),
        (_, "direction") => options(&["ease", "effort"]),
        (_, "granularity") => options(&["day", "week", "month", "quarter", "year"]),
        (_, "period") => options(&[
            "2024-02-29",
            "2020-W53",
            "2024-02",
            "2024-Q1",
            "2024",
            "0001-W01",
            "0001",
            "9998",
            "9998-12-31",
            "9999-12-31",
            "-2024",
            "2024-W99",
            "2024-Q5",
        ]),
        (_, "as_of") => options(&["2024-02-29", "2024-03-15", "9998-12-31", "2024-13-01"]),
        (_, "current" | "previous") => object(&["n", "mean", "sd"]).boxed(),
        (_, "series") => vec(month(), 0..5).prop_map(Value::from).boxed(),
        (_, "items") => rows(prop_oneof![9 => any_number(), 1 => Just(Value::Null)]),
        (_, "table") => rows(prop_oneof![9 => small(), 1 => (0.0f64..1e50).prop_map(Value::from)]),
        (_, "groups") => prop_oneof![
            vec(values(any_number()), 0..5).prop_map(Value::from),
            vec(values(small()), 0..5).prop_map(Value::from),
        ]
        .boxed(),
        ("compare.nps_diff", _) => object(&["promoters", "passives", "detractors"]).boxed(),
        (_, "p_values") => values((0.0f64..=1.0).prop_map(Value::from)).boxed(),
        (_, "scale_min") => (-1i64..2).prop_map(Value::from).boxed(),
        (_, "scale_max") => select(vec![json!(5), json!(7), json!(10)]).boxed(),
        (_, "boxes" | "easy_boxes") => (1i64..4).prop_map(Value::from).boxed(),
        (_, "n" | "n1" | "n2" | "served") => {
            select(vec![0i64, 7, 100, 1_000_000, 1_000_000_000_000]).prop_map(Value::from).boxed()
        }
        (_, "grades") => values((1i64..6).prop_map(Value::from)).boxed(),
        (_, "counts" | "weights" | "item_variances" | "item_sds") => {
            prop_oneof![6 => five(small()), 1 => values(small()), 1 => five(any_number())].boxed()
        }
        (_, "grade_map" | "values" | "perceived" | "expected") => {
            prop_oneof![3 => five(small()), 1 => values(small()), 3 => five(any_number())].boxed()
        }
        (_, "a" | "b") => prop_oneof![values(small()), values(any_number())].boxed(),
        _ => prop_oneof![6 => small(), 1 => any_number()].boxed(),
    }
}

pub fn input_of(method: &'static Method) -> impl Strategy<Value = Value> {
    let each: Vec<_> = method
        .doc
        .input
        .iter()
        .map(|field| {
            prop_oneof![
                4 => Just(None),
                1 => junk().prop_map(Some),
                40 => plausible(method.name, field.name).prop_map(Some),
            ]
        })
        .collect();
    each.prop_map(|given| {
        let named = method.doc.input.iter().map(|field| field.name.to_owned()).zip(given);
        Value::Object(named.filter_map(|(name, value)| Some((name, value?))).collect())
    })
}

fn some_call() -> impl Strategy<Value = (&'static Method, Value)> {
    let methods: Vec<_> = measures::all().collect();
    select(methods).prop_flat_map(|method| (Just(method), input_of(method)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(30_000)))]

    #[test]
    fn no_input_panics_and_every_null_says_why((method, input) in some_call()) {
        let name = method.name;
        let found = method.compute(&input);
        if let Ok(output) = &found {
            prop_assert_eq!(docs::documented(method, output), Ok(()), "{} {}", name, output);
        }
        match found {
            Err(error) => {
                prop_assert!(!error.field.is_empty() && !error.problem.is_empty());
            }
            Ok(Value::Object(output)) => {
                prop_assert!(
                    !output.values().any(Value::is_null) || output.contains_key("reason"),
                    "{name} gave {output:?} without a reason"
                );
            }
            Ok(other) => prop_assert!(false, "{name} gave {other}"),
        }
    }

    #[test]
    fn any_json_is_answered_or_refused(input in junk()) {
        for method in measures::all() {
            let _ = method.compute(&input);
        }
    }
}

#[test]
fn every_method_answers_many_of_these_inputs() {
    let mut runner = TestRunner::deterministic();
    for method in measures::all() {
        let inputs = input_of(method);
        let answered = (0..400).filter(|_| {
            let input = inputs.new_tree(&mut runner).expect("inputs can be made").current();
            method.compute(&input).is_ok()
        });
        let answered = answered.count();
        // reliability.alpha_summary refuses variances and deviations together, mostly both given.
        assert!(answered >= 20, "{} answers only {answered} of 400", method.name);
    }
}

#[test]
fn errors_name_the_field() {
    let cases = [
        ("descriptive.summary", json!([1, 2]), "input"),
        ("descriptive.summary", json!({}), "values"),
        ("descriptive.summary", json!({"values": [1, "2"]}), "values[1]"),
        ("descriptive.summary", json!({"values": [1], "wieghts": [1]}), "wieghts"),
        ("descriptive.summary", json!({"values": [1, 2], "weights": [1]}), "weights"),
        ("descriptive.summary", json!({"values": [1, 2], "weights": [1, -1]}), "weights[1]"),
        ("descriptive.summary", json!({"values": [1], "conf_level": 1}), "conf_level"),
        ("descriptive.summary", json!({"values": [1e300]}), "values[0]"),
        ("proportion.interval", json!({"successes": 1.5, "n": 2}), "successes"),
        ("proportion.interval", json!({"successes": 1, "n": 2, "method": "best"}), "method"),
        ("csat.topbox", json!({"values": [], "scale_min": 1, "scale_max": 5, "boxes": 6}), "boxes"),
        (
            "csat.topbox",
            json!({"values": [], "scale_min": 5, "scale_max": 5, "boxes": 1}),
            "scale_max",
        ),
        ("ces.score", json!({"values": [1], "scale_max": 7}), "direction"),
        ("ces.score", json!({"values": [1], "scale_max": 9, "direction": "ease"}), "easy_boxes"),
        ("grade.score", json!({"grades": [1, 2.5]}), "grades[1]"),
        ("csd.ratio", json!({"perceived": [1], "expected": []}), "expected"),
        ("share.distribution", json!({"counts": [1, -1]}), "counts[1]"),
        ("evaluation.counter", json!({"served": 1, "counts": [1, 0, 0, 0, 1]}), "served"),
        ("reliability.alpha", json!({"items": [[1, 2], [1]]}), "items[1]"),
        ("reliability.alpha", json!({"items": [[1, true]]}), "items[0][1]"),
        (
            "reliability.alpha_summary",
            json!({"item_sds": [1, -1], "total_variance": 3}),
            "item_sds[1]",
        ),
        (
            "compare.nps_diff",
            json!({"a": {"promoters": 1, "passives": 0}, "b": {}}),
            "a.detractors",
        ),
        ("compare.two_proportions", json!({"x1": 1, "n1": 1, "x2": 3, "n2": 2}), "x2"),
        ("change.mean", json!({"current": {"n": 3, "mean": 1}}), "current.sd"),
        ("change.mean", json!({"current": {"n": 0, "average": 1}}), "current.average"),
    ];
    check_errors(&cases);
}

fn check_errors(cases: &[(&str, Value, &str)]) {
    for (name, input, field) in cases {
        let found = measures::find(name).expect("a known method").compute(input);
        match found {
            Err(error) => assert_eq!(error.field, *field, "{name} {input}: {error}"),
            Ok(output) => panic!("{name} {input} gave {output}"),
        }
    }
}
