//! Inputs that are probably right for the methods that plan, weight, watch and rank.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::fuzz::{any_number, five, options, rows, small, values};

fn share() -> BoxedStrategy<Value> {
    (0.0f64..=1.0).prop_map(Value::from).boxed()
}

fn count() -> BoxedStrategy<Value> {
    prop_oneof![
        9 => 0i64..300,
        1 => select(vec![1_000_000, 1_000_000_000_000]),
    ]
    .prop_map(Value::from)
    .boxed()
}

fn weight() -> impl Strategy<Value = Value> {
    prop_oneof![8 => 0.0f64..5.0, 1 => Just(0.0), 1 => 0.0f64..1e50].prop_map(Value::from)
}

/// An object that holds some of `names`.
fn by_name(
    names: &[&'static str],
    value: impl Strategy<Value = Value> + 'static,
) -> BoxedStrategy<Value> {
    let names: Vec<&'static str> = names.to_vec();
    let each = vec(prop_oneof![9 => value.prop_map(Some), 1 => Just(None)], names.len());
    each.prop_map(move |values| {
        let given = names.iter().zip(values);
        Value::Object(given.filter_map(|(n, v)| Some(((*n).to_owned(), v?))).collect())
    })
    .boxed()
}

fn tree() -> BoxedStrategy<Value> {
    let node = |id: &'static str, weight: Value| json!({"id": id, "weight": weight});
    vec(weight(), 5)
        .prop_map(move |w| {
            let mut branch = node("a", w[0].clone());
            branch["children"] = json!([node("a1", w[1].clone()), node("a2", w[2].clone())]);
            let (b, c) = (node("b", w[3].clone()), node("c", w[4].clone()));
            json!({"id": "r", "children": [branch, b, c]})
        })
        .boxed()
}

/// A list of nodes; now and then one hangs below itself.
fn nodes() -> BoxedStrategy<Value> {
    let names = ["r", "a", "b", "a1", "a2", "c"];
    vec(0usize..6, 5)
        .prop_map(move |above| {
            let below = above.iter().enumerate().map(|(i, above)| {
                let parent = if *above > i + 1 { names[0] } else { names[*above] };
                json!({"id": names[i + 1], "parent": parent, "weight": i})
            });
            let nodes: Vec<Value> = std::iter::once(json!({"id": "r"})).chain(below).collect();
            json!(nodes)
        })
        .boxed()
}

/// A matrix of judgements, consistent or not.
pub fn judgements(n: std::ops::Range<usize>) -> BoxedStrategy<Vec<Vec<f64>>> {
    let step = prop_oneof![8 => (1i32..=9).prop_map(f64::from), 1 => 1e-40f64..1e40];
    n.prop_flat_map(move |n| (Just(n), vec((step.clone(), any::<bool>()), n * n)))
        .prop_map(|(n, steps)| {
            let mut matrix = vec![vec![1.0; n]; n];
            for i in 0..n {
                for j in 0..i {
                    let (step, inverse) = steps[i * n + j];
                    matrix[i][j] = if inverse { 1.0 / step } else { step };
                    matrix[j][i] = 1.0 / matrix[i][j];
                }
            }
            matrix
        })
        .boxed()
}

fn priorities() -> BoxedStrategy<Value> {
    vec(0i32..3, 9)
        .prop_map(|points| {
            let mut matrix = vec![vec![0.5; 3]; 3];
            for i in 0..3 {
                for j in 0..i {
                    matrix[i][j] = f64::from(points[i * 3 + j]) / 2.0;
                    matrix[j][i] = 1.0 - matrix[i][j];
                }
            }
            json!(matrix)
        })
        .boxed()
}

fn level(ids: [&'static str; 3]) -> BoxedStrategy<Value> {
    judgements(3..4).prop_map(move |matrix| json!({"ids": ids, "matrix": matrix})).boxed()
}

fn words() -> BoxedStrategy<Value> {
    let word = select(vec!["排队", "好", "慢", "态度", ""]);
    vec(vec(word, 0..5), 0..5).prop_map(|words| json!(words)).boxed()
}

fn texts(names: &'static [&'static str]) -> BoxedStrategy<Value> {
    vec(select(names.to_vec()), 5).prop_map(|texts| json!(texts)).boxed()
}

fn flags() -> BoxedStrategy<Value> {
    vec(select(vec![json!(true), json!(false), json!(1), json!(0)]), 5)
        .prop_map(Value::from)
        .boxed()
}

fn gaps(of: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    prop_oneof![9 => of, 1 => Just(Value::Null)]
}

fn list(of: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    vec(of, 0..6).prop_map(Value::from).boxed()
}

fn moments() -> BoxedStrategy<Value> {
    (count(), any_number(), weight(), any::<bool>())
        .prop_map(|(n, mean, sd, missing)| match missing {
            true => json!({"id": "b", "n": 0, "mean": null, "sd": null}),
            false => json!({"id": "b", "n": n, "mean": mean, "sd": sd}),
        })
        .boxed()
}

fn without_id(strategy: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    strategy
        .prop_map(|mut value| {
            value.as_object_mut().map(|fields: &mut Map<String, Value>| fields.remove("id"));
            value
        })
        .boxed()
}

fn tally() -> BoxedStrategy<Value> {
    (count(), 0.0f64..=1.0)
        .prop_map(|(n, share)| {
            let successes = (n.as_f64().unwrap_or(0.0) * share).floor();
            json!({"id": "b", "n": n, "successes": successes})
        })
        .boxed()
}

fn stratum() -> BoxedStrategy<Value> {
    (count(), weight()).prop_map(|(size, sd)| json!({"id": "s", "size": size, "sd": sd})).boxed()
}

/// Bounds that are in order.
fn bounds() -> BoxedStrategy<Value> {
    vec((0.0f64..=1.0, 0.0f64..=1.0), 5)
        .prop_map(|rows| {
            json!(rows.iter().map(|(a, b)| [a.min(*b), a.max(*b)]).collect::<Vec<_>>())
        })
        .boxed()
}

/// Something that is probably right for a field, for the methods known here.
pub fn plausible(method: &str, field: &str) -> Option<BoxedStrategy<Value>> {
    let family = method.split('.').next().unwrap_or_default();
    if field == "conf_level" {
        return None;
    }
    match family {
        "csi" | "ahp" | "weights" => index(method, field),
        "control" => control(method, field),
        "sample" | "response" => sampling(field),
        "weighting" | "ranking" => weighting(method, field),
        "retention" | "loyalty" | "churn" => loyalty(method, field),
        "text" => text(field),
        _ => None,
    }
}

fn index(method: &str, field: &str) -> Option<BoxedStrategy<Value>> {
    Some(match (method, field) {
        ("csi.tree", "tree") => tree(),
        ("csi.tree", "nodes") => prop_oneof![9 => Just(Value::Null), 1 => nodes()].boxed(),
        ("csi.tree", "responses") => {
            let grade = prop_oneof![9 => 1i64..=5, 1 => 0i64..8].prop_map(Value::from);
            vec(by_name(&["a1", "a2", "b", "c"], grade), 5).prop_map(Value::from).boxed()
        }
        ("csi.tree", "grade_map") => {
            let names = ["1", "2", "3", "4", "5"];
            prop_oneof![1 => Just(Value::Null), 1 => by_name(&names, any_number())].boxed()
        }
        ("csi.tree", "mode") => options(&["item_means", "respondent"]),
        ("csi.tree", "min_coverage") => share(),
        ("csi.tree", "weights") => five(weight()),
        ("ahp.weights", "matrix") => judgements(1..7).prop_map(|m| json!(m)).boxed(),
        ("ahp.group", "matrices") => {
            vec(judgements(3..4), 1..4).prop_map(|matrices| json!(matrices)).boxed()
        }
        ("ahp.group", "expert_weights") => {
            prop_oneof![3 => Just(Value::Null), 1 => list(weight())].boxed()
        }
        ("ahp.hierarchy", "criteria") => level(["x", "y", "z"]),
        ("ahp.hierarchy", "sub") => by_name(&["x"], level(["x1", "x2", "x3"])),
        ("weights.priority_matrix", "matrix") => priorities(),
        ("weights.entropy", "matrix") => rows(weight()),
        ("weights.combine", "subjective" | "objective") => five(weight()),
        ("weights.combine", "method") => options(&["multiplicative", "linear"]),
        ("weights.combine", "alpha") => share(),
        _ => return None,
    })
}

fn control(method: &str, field: &str) -> Option<BoxedStrategy<Value>> {
    Some(match field {
        "counts" => five(small()),
        "sizes" => five(prop_oneof![1 => (0i64..20).prop_map(Value::from), 3 => count()]),
        "exposure" => five(weight()),
        "baseline" => (0i64..6).prop_map(Value::from).boxed(),
        "sigma" | "l" | "k" | "h" => (0.01f64..5.0).prop_map(Value::from).boxed(),
        "laney" => any::<bool>().prop_map(Value::from).boxed(),
        "lambda" => share(),
        "sigma0" => (1e-9f64..1e3).prop_map(Value::from).boxed(),
        "mu0" => any_number().boxed(),
        "groups" if method == "control.xbar" => list(without_id(moments())),
        "values" | "z" => prop_oneof![1 => five(any_number()), 1 => values(any_number())].boxed(),
        _ => return None,
    })
}

fn sampling(field: &str) -> Option<BoxedStrategy<Value>> {
    Some(match field {
        "margin" => (1e-4f64..10.0).prop_map(Value::from).boxed(),
        "p" | "e" | "response_rate" | "threshold" => share(),
        "population" => prop_oneof![1 => Just(Value::Null), 3 => count()].boxed(),
        "deff" | "sd" => (0.01f64..30.0).prop_map(Value::from).boxed(),
        "strata" => list(stratum()),
        "method" => options(&["proportional", "neyman", "equal"]),
        "min_per_stratum" => small().boxed(),
        "sent" => (50i64..90).prop_map(Value::from).boxed(),
        "returned" => (8i64..30).prop_map(Value::from).boxed(),
        "n" | "I" | "P" | "R" | "NC" | "O" | "UH" | "UO" => count(),
        _ => return None,
    })
}

fn weighting(method: &str, field: &str) -> Option<BoxedStrategy<Value>> {
    let shares = || by_name(&["f", "m"], weight());
    Some(match (method, field) {
        ("weighting.rake", "categories") => by_name(&["age", "sex"], texts(&["f", "m"])),
        ("weighting.rake", "targets") => by_name(&["age", "sex"], shares()),
        (_, "targets") => shares(),
        (_, "stratum" | "class") => texts(&["f", "m"]),
        (_, "responded") => flags(),
        (_, "base_weights") => prop_oneof![1 => Just(Value::Null), 1 => five(weight())].boxed(),
        ("ranking.eb_proportion", "branches") => list(tally()),
        ("ranking.eb_mean", "branches") => list(moments()),
        _ => return None,
    })
}

fn loyalty(method: &str, field: &str) -> Option<BoxedStrategy<Value>> {
    Some(match (method, field) {
        ("retention.rates", "start") => (0i64..400).prop_map(Value::from).boxed(),
        ("retention.rates", "end") => (100i64..200).prop_map(Value::from).boxed(),
        ("retention.rates", "new") => (0i64..120).prop_map(Value::from).boxed(),
        ("retention.by_satisfaction", "counts") => five(count()),
        ("retention.by_satisfaction", "table") => bounds(),
        (_, "purchases" | "own" | "durations") => five(gaps(small())),
        (_, "category") => five(gaps((8i64..20).prop_map(Value::from))),
        (_, "events" | "y") => flags(),
        (_, "x") => {
            let column = prop_oneof![3 => five(small()), 1 => five(any_number())];
            by_name(&["u", "v"], column)
        }
        (_, "scores") => five(any_number()),
        (_, "focal") => (0i64..6).prop_map(Value::from).boxed(),
        ("loyalty.revenue_retention", "start") => weight().boxed(),
        (_, "churned" | "contraction" | "expansion" | "retention" | "discount") => share(),
        (_, "margin") => any_number().boxed(),
        _ => return None,
    })
}

fn text(field: &str) -> Option<BoxedStrategy<Value>> {
    Some(match field {
        "documents" | "group_a" | "group_b" => words(),
        "stopwords" => texts(&["好", "差"]),
        "top" => small().boxed(),
        "alpha0" => (0.1f64..20.0).prop_map(Value::from).boxed(),
        _ => return None,
    })
}
