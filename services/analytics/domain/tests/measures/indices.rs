//! Laws of the hierarchical index, of pairwise comparisons and of other weights.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::inputs::judgements;
use crate::{close, compute, number, same};

/// Answers to the leaves a1, a2, b and c.
fn answers() -> impl Strategy<Value = Vec<Vec<Option<i64>>>> {
    vec(vec(prop_oneof![4 => (1i64..=10).prop_map(Some), 1 => Just(None)], 4), 2..12)
}

fn responses(answers: &[Vec<Option<i64>>]) -> Value {
    let row =
        |row: &Vec<Option<i64>>| json!({"a1": row[0], "a2": row[1], "b": row[2], "c": row[3]});
    json!(answers.iter().map(row).collect::<Vec<_>>())
}

fn tree(w: &[f64]) -> Value {
    json!({"id": "r", "children": [
        {"id": "a", "weight": w[0], "children": [
            {"id": "a1", "weight": w[1]}, {"id": "a2", "weight": w[2]},
        ]},
        {"id": "b", "weight": w[3]},
        {"id": "c", "weight": w[4]},
    ]})
}

fn csi(tree: &Value, responses: Value, mode: &str) -> Value {
    compute("csi.tree", json!({"tree": tree, "responses": responses, "mode": mode}))
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().expect("a list").iter().map(|v| v.as_f64().expect("a number")).collect()
}

proptest! {
    #[test]
    fn an_index_depends_neither_on_order_nor_on_the_size_of_the_weights(
        answers in answers(), w in vec(0.1f64..5.0, 5), times in 0.01f64..100.0,
    ) {
        for mode in ["item_means", "respondent"] {
            let first = csi(&tree(&w), responses(&answers), mode);
            let turned: Vec<_> = answers.iter().rev().cloned().collect();
            let mut other = csi(&tree(&w), responses(&turned), mode);
            if let Some(Value::Array(scores)) = other.get_mut("scores") {
                scores.reverse();
            }
            prop_assert!(same(&first, &other), "{first} {other}");
            let scaled: Vec<f64> = w.iter().enumerate()
                .map(|(i, w)| if i == 1 || i == 2 { w * 7.0 } else { w * times })
                .collect();
            prop_assert!(same(&first, &csi(&tree(&scaled), responses(&answers), mode)));
            let ones = vec![times; answers.len()];
            let weighted = json!({"tree": tree(&w), "responses": responses(&answers),
                "mode": mode, "weights": ones});
            prop_assert!(same(&first, &compute("csi.tree", weighted)));
        }
    }

    #[test]
    fn a_list_of_nodes_is_the_same_tree(answers in answers(), w in vec(0.1f64..5.0, 5)) {
        let nodes = json!([
            {"id": "c", "parent": "r", "weight": w[4]},
            {"id": "a1", "parent": "a", "weight": w[1]},
            {"id": "a", "parent": "r", "weight": w[0]},
            {"id": "r"},
            {"id": "b", "parent": "r", "weight": w[3]},
            {"id": "a2", "parent": "a", "weight": w[2]},
        ]);
        let listed =
            compute("csi.tree", json!({"nodes": nodes, "responses": responses(&answers)}));
        prop_assert!(same(&listed, &csi(&tree(&w), responses(&answers), "item_means")));
    }

    #[test]
    fn what_is_shown_above_is_the_mean_of_what_is_shown_below(
        answers in answers(), w in vec(0.1f64..5.0, 5),
    ) {
        let found = csi(&tree(&w), responses(&answers), "item_means");
        let value = |node: &str| found["nodes"][node].as_f64();
        let mean = |children: &[(&str, f64)]| {
            let shown: Vec<(f64, f64)> =
                children.iter().filter_map(|(id, w)| Some((value(id)?, *w))).collect();
            let sum: f64 = shown.iter().map(|(_, w)| w).sum();
            (sum > 0.0).then(|| shown.iter().map(|(v, w)| v * w).sum::<f64>() / sum)
        };
        let agree = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => close(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        prop_assert!(agree(value("a"), mean(&[("a1", w[1]), ("a2", w[2])])));
        prop_assert!(agree(value("r"), mean(&[("a", w[0]), ("b", w[3]), ("c", w[4])])));
        prop_assert!(agree(found["index"].as_f64(), value("r")));
        let parts = ["a1", "a2", "b", "c"]
            .map(|leaf| value(leaf).unwrap_or(0.0) * number(&found["leaf_weights"], leaf));
        if let Some(index) = found["index"].as_f64() {
            prop_assert!(close(parts.iter().sum(), index));
            let all: Vec<f64> = answers.iter().flatten().flatten().map(|v| *v as f64).collect();
            let low = all.iter().copied().fold(f64::MAX, f64::min);
            let high = all.iter().copied().fold(f64::MIN, f64::max);
            prop_assert!(low - 1e-9 <= index && index <= high + 1e-9);
        }
    }

    #[test]
    fn complete_answers_give_one_index_both_ways(
        answers in vec(vec((1i64..=10).prop_map(Some), 4), 3..12), w in vec(0.1f64..5.0, 5),
        weights in vec(0.1f64..3.0, 12),
    ) {
        let input = |mode: &str| json!({"tree": tree(&w), "responses": responses(&answers),
            "mode": mode, "min_coverage": 1, "weights": weights[..answers.len()]});
        let items = compute("csi.tree", input("item_means"));
        let people = compute("csi.tree", input("respondent"));
        for key in ["index", "se", "ci_low", "ci_high"] {
            prop_assert!(close(number(&items, key), number(&people, key)), "{items} {people}");
        }
        prop_assert_eq!(number(&people, "n_scored"), answers.len() as f64);
    }

    #[test]
    fn asking_everybody_twice_keeps_the_index_and_narrows_it(
        answers in answers(), w in vec(0.1f64..5.0, 5),
    ) {
        let doubled: Vec<_> = answers.iter().chain(&answers).cloned().collect();
        let once = csi(&tree(&w), responses(&answers), "item_means");
        let twice = csi(&tree(&w), responses(&doubled), "item_means");
        prop_assert!(same(&once["nodes"], &twice["nodes"]));
        if let (Some(once), Some(twice)) = (once["se"].as_f64(), twice["se"].as_f64()) {
            prop_assert!(twice <= once + 1e-12);
        }
    }

    #[test]
    fn scores_by_grade_are_the_scores_themselves(
        answers in answers(), times in 0.1f64..30.0, by in -50.0f64..50.0,
    ) {
        let w = [2.0, 1.0, 1.0, 1.0, 3.0];
        let score = |grade: i64| grade as f64 * times + by;
        let map: serde_json::Map<String, Value> =
            (1..=10).map(|grade| (grade.to_string(), json!(score(grade)))).collect();
        let by_map = compute("csi.tree",
            json!({"tree": tree(&w), "responses": responses(&answers), "grade_map": map}));
        let plain = csi(&tree(&w), responses(&answers), "item_means");
        if let Some(index) = plain["index"].as_f64() {
            prop_assert!((number(&by_map, "index") - (index * times + by)).abs() < 1e-9);
        }
        if let Some(se) = plain["se"].as_f64() {
            prop_assert!((number(&by_map, "se") - se * times).abs() < 1e-9);
        }
    }

    #[test]
    fn judgements_that_agree_give_back_their_weights(weights in vec(0.01f64..1.0, 1..12)) {
        let matrix: Vec<Vec<f64>> =
            weights.iter().map(|a| weights.iter().map(|b| a / b).collect()).collect();
        let found = compute("ahp.weights", json!({"matrix": matrix}));
        let sum: f64 = weights.iter().sum();
        for (found, weight) in numbers(&found["weights"]).iter().zip(&weights) {
            prop_assert!(close(*found, weight / sum));
        }
        prop_assert!(same(&found["weights"], &found["weights_geometric"]));
        prop_assert!(close(number(&found, "lambda_max"), weights.len() as f64));
        prop_assert_eq!(&found["cr"], &json!(0.0));
        prop_assert_eq!(&found["consistent"], &json!(true));
        prop_assert_eq!(&found["repairs"], &json!([]));
    }

    #[test]
    fn the_weights_are_the_principal_eigenvector(matrix in judgements(1..9)) {
        let found = compute("ahp.weights", json!({"matrix": matrix}));
        if found["weights"].is_array() {
            let (weights, lambda) = (numbers(&found["weights"]), number(&found, "lambda_max"));
            prop_assert!(close(weights.iter().sum(), 1.0));
            prop_assert!(lambda >= matrix.len() as f64 * (1.0 - 1e-9));
            for (row, weight) in matrix.iter().zip(&weights) {
                let image: f64 = row.iter().zip(&weights).map(|(a, w)| a * w).sum();
                prop_assert!((image - lambda * weight).abs() <= 1e-9 * image.abs(), "{found}");
            }
        } else {
            prop_assert_eq!(&found["reason"], &json!("not_converged"));
        }
    }

    #[test]
    fn the_order_of_criteria_does_not_matter(
        matrix in judgements(3..4), order in Just(vec![0usize, 1, 2]).prop_shuffle(),
    ) {
        let turned: Vec<Vec<f64>> =
            order.iter().map(|&i| order.iter().map(|&j| matrix[i][j]).collect()).collect();
        let a = compute("ahp.weights", json!({"matrix": matrix}));
        let b = compute("ahp.weights", json!({"matrix": turned}));
        prop_assert!(same(&a["lambda_max"], &b["lambda_max"]));
        let (a_weights, b_weights) = (numbers(&a["weights"]), numbers(&b["weights"]));
        for (place, &i) in order.iter().enumerate() {
            prop_assert!(close(a_weights[i], b_weights[place]));
        }
        // With three criteria both ways give the same weights.
        prop_assert!(same(&a["weights"], &a["weights_geometric"]), "{a}");
    }

    #[test]
    fn a_repair_lowers_the_inconsistency_to_what_it_says(matrix in judgements(3..8)) {
        let found = compute("ahp.weights", json!({"matrix": matrix}));
        let repairs = found["repairs"].as_array().expect("a list");
        prop_assert!(repairs.is_empty() || found["consistent"] == json!(false));
        for repair in repairs {
            let at = |key: &str| number(repair, key) as usize;
            let (i, j) = (at("i"), at("j"));
            prop_assert!(close(matrix[i][j], number(repair, "given")));
            prop_assert!(number(repair, "cr") < number(&found, "cr"));
            let mut repaired = matrix.clone();
            repaired[i][j] = number(repair, "suggested");
            repaired[j][i] = 1.0 / repaired[i][j];
            let again = compute("ahp.weights", json!({"matrix": repaired}));
            prop_assert!(close(number(&again, "cr"), number(repair, "cr")));
        }
    }

    #[test]
    fn experts_who_agree_are_one_expert(
        matrix in judgements(2..6), weights in vec(0.1f64..9.0, 3),
    ) {
        let one = compute("ahp.weights", json!({"matrix": matrix}));
        let three = json!({"matrices": [matrix, matrix, matrix], "expert_weights": weights});
        let three = compute("ahp.group", three);
        if let (Some(a), Some(b)) = (one["cr"].as_f64(), three["cr"].as_f64()) {
            prop_assert!((a - b).abs() <= 1e-6 * a.abs().max(1.0), "{one} {three}");
        }
        let alone = compute("ahp.group", json!({"matrices": [matrix]}));
        prop_assert_eq!(one["weights"].is_null(), alone["weights"].is_null());
    }

    #[test]
    fn global_weights_sum_to_one(a in judgements(3..4), b in judgements(2..3)) {
        let input = json!({
            "criteria": {"ids": ["x", "y", "z"], "matrix": a},
            "sub": {"y": {"ids": ["y1", "y2"], "matrix": b}},
        });
        let found = compute("ahp.hierarchy", input);
        let global = found["global"].as_object().expect("weights");
        let sum: f64 = global.values().map(|v| v.as_f64().expect("a weight")).sum();
        prop_assert!(close(sum, 1.0));
        let within = number(&found["global"], "y1") + number(&found["global"], "y2");
        prop_assert!(close(within, number(&found["criteria"], "y")));
    }

    #[test]
    fn entropy_weights_know_neither_units_nor_order(
        matrix in vec(vec(1i64..100, 3), 2..10), times in 1e-6f64..1e6,
    ) {
        let first = compute("weights.entropy", json!({"matrix": matrix}));
        let changed: Vec<Vec<f64>> = matrix.iter().rev()
            .map(|row| vec![row[0] as f64 * times, row[1] as f64, row[2] as f64 / times])
            .collect();
        let changed = compute("weights.entropy", json!({"matrix": changed}));
        for (a, b) in numbers(&first["weights"]).iter().zip(numbers(&changed["weights"])) {
            prop_assert!((a - b).abs() < 1e-7, "{first} {changed}");
        }
        prop_assert!(close(numbers(&first["weights"]).iter().sum(), 1.0));
        prop_assert!(numbers(&first["entropy"]).iter().all(|e| (0.0..=1.0).contains(e)));
    }

    #[test]
    fn combined_weights_lie_between_what_they_combine(
        a in vec(0.01f64..5.0, 4), b in vec(0.01f64..5.0, 4), alpha in 0.0f64..=1.0,
    ) {
        let both = |a: &[f64], b: &[f64], method: &str| {
            let input =
                json!({"subjective": a, "objective": b, "method": method, "alpha": alpha});
            numbers(&compute("weights.combine", input)["weights"])
        };
        let (a_sum, b_sum): (f64, f64) = (a.iter().sum(), b.iter().sum());
        for (i, weight) in both(&a, &b, "linear").iter().enumerate() {
            let (x, y) = (a[i] / a_sum, b[i] / b_sum);
            prop_assert!(x.min(y) - 1e-12 <= *weight && *weight <= x.max(y) + 1e-12);
        }
        let (one, other) = (both(&a, &b, "multiplicative"), both(&b, &a, "multiplicative"));
        prop_assert!(one.iter().zip(&other).all(|(a, b)| close(*a, *b)));
        prop_assert!(close(one.iter().sum(), 1.0));
        let even = both(&a, &[1.0; 4], "multiplicative");
        prop_assert!(even.iter().zip(&a).all(|(w, a)| close(*w, a / a_sum)));
    }
}

#[test]
fn a_leaf_that_nobody_answered_says_why_though_there_is_an_index() {
    let tree = tree(&[3.0, 0.0, 1e50, 2.0, 4e49]);
    let answers = json!([{"a2": 4, "b": 5}, {"b": 2, "c": 1}, {"a2": 3, "c": 5}]);
    let input = json!({"tree": tree, "responses": answers, "weights": [1e50, 2.5, 1e-320]});
    let found = compute("csi.tree", input);
    assert!(found["index"].is_number() && found["se"].is_number(), "{found}");
    assert!(found["nodes"]["a1"].is_null() && found["nodes"]["a2"].is_number(), "{found}");
    assert_eq!(found["reason"], json!("no_data"));
}

#[test]
fn an_inconsistent_comparison_is_given_hints() {
    // The second row contradicts itself: 1 is far above 0, 2 is far above 1, 0 is above 2.
    let matrix = json!([
        [1, 3, 5, 7],
        [1.0 / 3.0, 1, 2, 1.0 / 9.0],
        [0.2, 0.5, 1, 2],
        [1.0 / 7.0, 9, 0.5, 1]
    ]);
    let found = compute("ahp.weights", json!({"matrix": matrix}));
    assert_eq!(found["consistent"], json!(false));
    let first = &found["repairs"][0];
    assert_eq!((&first["i"], &first["j"]), (&json!(1), &json!(3)), "{found}");
    assert!(number(first, "suggested") >= 1.0, "{found}");
    assert!(number(first, "cr") < 0.1, "{found}");
}

#[test]
fn more_criteria_than_the_table_of_random_indices_have_no_ratio() {
    let found = compute("ahp.weights", json!({"matrix": vec![vec![1; 16]; 16]}));
    assert!(found["cr"].is_null() && found["ri"].is_null() && found["consistent"].is_null());
    assert_eq!(found["reason"], json!("no_data"));
    assert!(close(numbers(&found["weights"])[3], 1.0 / 16.0));
}
