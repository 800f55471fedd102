//! Laws of comparisons: what must agree when the same question is asked in two ways.

use analytics_domain::measures;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{close, compute, number, same};

fn grades(n: std::ops::Range<usize>) -> impl Strategy<Value = Vec<i64>> {
    vec(1i64..=5, n)
}

/// True if two outputs have the same number, or both have none.
fn agree(a: &Value, b: Option<f64>) -> bool {
    match (a.as_f64(), b) {
        (Some(a), Some(b)) => close(a, b),
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// Chance of the first cell of a 2×2 table with these margins, by multiplying fractions.
fn hypergeometric(x: u64, row: u64, column: u64, n: u64) -> f64 {
    let choose = |n: u64, k: u64| (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product::<f64>();
    choose(row, x) * choose(n - row, column - x) / choose(n, column)
}

proptest! {
    #[test]
    fn two_groups_give_the_same_answer_as_two_samples(a in grades(2..20), b in grades(2..20)) {
        let groups = json!({"groups": [a, b]});
        let welch = compute("compare.welch_t", json!({"a": a, "b": b}));
        let anova = compute("compare.anova", groups.clone());
        let squared = welch["t"].as_f64().map(|t| t * t);
        if anova["welch_f"].is_number() {
            prop_assert!(agree(&anova["welch_f"], squared), "{anova} {welch}");
            prop_assert!(same(&anova["welch_p"], &welch["p"]));
        }
        let pair = &compute("compare.pairwise_welch", groups.clone())["pairs"][0];
        prop_assert!(same(&pair["p_adj"], &welch["p"]));
        let kruskal = compute("compare.kruskal", groups.clone());
        let dunn = compute("compare.dunn", groups);
        let squared = dunn["pairs"][0]["z"].as_f64().map(|z| z * z);
        prop_assert!(agree(&kruskal["h"], squared), "{kruskal} {dunn}");
        prop_assert!(agree(&kruskal["p"], dunn["pairs"][0]["p"].as_f64()));
    }

    #[test]
    fn an_exact_rank_test_counts_every_arrangement(
        order in Just((0usize..9).collect::<Vec<_>>()).prop_shuffle(), n_a in 1usize..9,
    ) {
        let (a, b) = order.split_at(n_a);
        let found =
            compute("compare.mann_whitney", json!({"a": a, "b": b, "method": "exact"}));
        let u = |chosen: u32| -> usize {
            (0..9).filter(|i| chosen >> i & 1 == 1)
                .map(|i| (0..i).filter(|j| chosen >> j & 1 == 0).count())
                .sum()
        };
        let own = u(a.iter().map(|i| 1 << i).sum());
        let larger = own.max(a.len() * b.len() - own);
        let all: Vec<u32> = (0..1 << 9).filter(|c: &u32| c.count_ones() as usize == n_a).collect();
        let extreme = all.iter().filter(|chosen| u(**chosen) >= larger).count();
        let p = (2.0 * extreme as f64 / all.len() as f64).min(1.0);
        prop_assert!(close(number(&found, "u"), own as f64));
        prop_assert!(close(number(&found, "p"), p), "{found} {p}");
    }

    #[test]
    fn fishers_test_sums_the_tables_that_are_not_more_probable(
        a in 0u64..25, b in 0u64..25, c in 0u64..25, d in 0u64..25,
    ) {
        let (row, column, n) = (a + b, a + c, a + b + c + d);
        prop_assume!(row > 0 && column > 0 && row < n && column < n);
        let found = compute("compare.chi_square", json!({"table": [[a, b], [c, d]]}));
        let own = hypergeometric(a, row, column, n);
        let p: f64 = ((row + column).saturating_sub(n)..=row.min(column))
            .map(|x| hypergeometric(x, row, column, n))
            .filter(|chance| *chance <= own * (1.0 + 1e-7))
            .sum();
        prop_assert!(close(number(&found, "fisher_p"), p), "{found} {p}");
        let turned = compute("compare.chi_square", json!({"table": [[d, b], [c, a]]}));
        prop_assert!(close(number(&found, "chi2"), number(&turned, "chi2")));
    }

    #[test]
    fn corrections_are_ordered_and_keep_the_order_of_p_values(p in vec(0.0f64..=1.0, 1..15)) {
        let corrected = |how| {
            let found = compute("multiple.adjust", json!({"p_values": p, "method": how}));
            let list = found["adjusted"].as_array().expect("a list").clone();
            list.iter().map(|v| v.as_f64().expect("a number")).collect::<Vec<_>>()
        };
        let (bh, holm, bonferroni) = (corrected("bh"), corrected("holm"), corrected("bonferroni"));
        for i in 0..p.len() {
            prop_assert!(p[i] <= bh[i] + 1e-15 && bh[i] <= holm[i] + 1e-12);
            prop_assert!(holm[i] <= bonferroni[i] + 1e-15 && bonferroni[i] <= 1.0);
            for j in 0..p.len() {
                prop_assert!(p[i] > p[j] || holm[i] <= holm[j] + 1e-15);
                prop_assert!(p[i] > p[j] || bh[i] <= bh[j] + 1e-15);
            }
        }
    }

    #[test]
    fn groups_may_come_in_any_order(
        a in grades(2..15), b in grades(2..15), c in grades(2..15),
    ) {
        for method in ["compare.anova", "compare.kruskal"] {
            let there = compute(method, json!({"groups": [a, b, c]}));
            let back = compute(method, json!({"groups": [c, b, a]}));
            prop_assert!(same(&there, &back), "{there} {back}");
        }
    }

    #[test]
    fn a_trend_turns_with_time_and_moves_with_its_level(
        values in vec(-50.0f64..50.0, 3..20), by in -1e3f64..1e3,
    ) {
        let there = compute("trend.linear", json!({"values": values}));
        let turned: Vec<f64> = values.iter().rev().map(|v| v + by).collect();
        let back = compute("trend.linear", json!({"values": turned}));
        prop_assert!((number(&there, "slope") + number(&back, "slope")).abs() < 1e-8);
    }

    #[test]
    fn change_of_raw_values_is_that_of_their_moments(a in grades(2..30), b in grades(2..30)) {
        let period = |values: &[i64]| {
            let found = compute("descriptive.summary", json!({"values": values}));
            json!({"n": values.len(), "mean": found["mean"], "sd": found["sd"]})
        };
        let change =
            compute("change.mean", json!({"current": period(&a), "previous": period(&b)}));
        let welch = compute("compare.welch_t", json!({"a": a, "b": b}));
        prop_assert!(same(&change["diff"], &welch["mean_diff"]));
        prop_assert!(agree(&change["p"], welch["p"].as_f64()), "{change} {welch}");
    }

    #[test]
    fn periods_follow_each_other_without_a_gap(
        year in 2i32..9998, month in 1i32..=12, week in 1i32..=53, as_of in 0i64..400,
    ) {
        let cases = [
            ("year", format!("{year:04}")),
            ("quarter", format!("{year:04}-Q{}", (month + 2) / 3)),
            ("month", format!("{year:04}-{month:02}")),
            ("week", format!("{year:04}-W{week:02}")),
            ("day", format!("{year:04}-{month:02}-28")),
        ];
        let method = measures::find("period.compare").expect("a known method");
        for (granularity, period) in cases {
            let mut input = json!({"granularity": granularity, "period": period});
            let Ok(whole) = method.compute(&input) else {
                // Only years with 53 weeks have a week 53.
                prop_assert!(granularity == "week" && week == 53);
                continue;
            };
            prop_assert_eq!(&whole["previous_end"], &whole["start"]);
            let date = |v: &Value| v.as_str().expect("a date").parse::<jiff::civil::Date>();
            let date = |v: &Value| date(v).expect("a date");
            let day = date(&whole["start"]).saturating_add(jiff::Span::new().days(as_of));
            input["as_of"] = json!(day.to_string());
            let Ok(cut) = method.compute(&input) else { continue };
            for end in ["end", "previous_end", "yoy_end"] {
                prop_assert!(date(&cut[end]) <= date(&whole[end]));
            }
            prop_assert!(date(&cut["start"]) < date(&cut["end"]));
        }
    }
}

#[test]
fn large_tables_and_samples_are_answered() {
    let table = compute("compare.chi_square", json!({"table": [[4e5, 6e5], [399_000, 601_000]]}));
    let (p, exact) = (number(&table, "p"), number(&table, "fisher_p"));
    assert!((p - exact).abs() < 1e-3, "{table}");
    let ranks: Vec<usize> = (0..200).collect();
    let (a, b) = ranks.split_at(100);
    let found = compute("compare.mann_whitney", json!({"a": a, "b": b, "method": "exact"}));
    assert!(number(&found, "p") < 1e-50, "{found}");
}
