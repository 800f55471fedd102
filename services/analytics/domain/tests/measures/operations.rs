//! Laws of control charts, sample sizes and weights of respondents.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{close, compute, number, same};

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().expect("a list").iter().map(|v| v.as_f64().expect("a number")).collect()
}

proptest! {
    #[test]
    fn a_chart_of_failures_mirrors_the_chart_of_successes(
        rows in vec((0u64..30, 30u64..60), 2..20), laney in any::<bool>(),
    ) {
        let (x, n): (Vec<u64>, Vec<u64>) = rows.into_iter().unzip();
        let chart = |x: &[u64]| {
            compute("control.p_chart", json!({"counts": x, "sizes": n, "laney": laney}))
        };
        let failed: Vec<u64> = x.iter().zip(&n).map(|(x, n)| n - x).collect();
        let (a, b) = (chart(&x), chart(&failed));
        prop_assert!(close(number(&a, "center"), 1.0 - number(&b, "center")));
        prop_assert_eq!(&a["out"], &b["out"]);
        prop_assert_eq!(&a["laney_out"], &b["laney_out"]);
        for (ucl, lcl) in numbers(&a["ucl"]).iter().zip(numbers(&b["lcl"])) {
            prop_assert!(close(*ucl, 1.0 - lcl));
        }
    }

    #[test]
    fn what_comes_after_the_baseline_does_not_move_the_limits(
        base in vec(-50.0f64..50.0, 3..10), later in vec(-500.0f64..500.0, 0..5),
        times in 0.1f64..10.0, by in -100.0f64..100.0,
    ) {
        let chart = |values: &[f64]| {
            compute("control.xmr", json!({"values": values, "baseline": base.len()}))
        };
        let all: Vec<f64> = base.iter().chain(&later).copied().collect();
        let (short, long) = (chart(&base), chart(&all));
        for key in ["center", "sigma", "ucl", "lcl", "mr_ucl"] {
            prop_assert!(same(&short[key], &long[key]));
        }
        let moved: Vec<f64> = all.iter().map(|v| v * times + by).collect();
        let moved = chart(&moved);
        prop_assert!((number(&moved, "ucl") - (number(&long, "ucl") * times + by)).abs() < 1e-6);
        prop_assert!((number(&moved, "sigma") - number(&long, "sigma") * times).abs() < 1e-6);
    }

    #[test]
    fn drift_downwards_is_drift_upwards_in_a_mirror(values in vec(-9i64..9, 0..30)) {
        let mirror: Vec<i64> = values.iter().map(|v| -v).collect();
        let cusum = |values: &[i64]| compute("control.cusum",
            json!({"values": values, "mu0": 0, "sigma0": 2, "k": 0.5, "h": 4}));
        let (a, b) = (cusum(&values), cusum(&mirror));
        prop_assert!(same(&a["c_plus"], &b["c_minus"]));
        prop_assert_eq!(&a["out"], &b["out"]);
        let ewma = |values: &[i64]| compute("control.ewma",
            json!({"values": values, "mu0": 0, "sigma0": 2, "lambda": 0.3, "l": 2.7}));
        prop_assert_eq!(&ewma(&values)["out"], &ewma(&mirror)["out"]);
        let runs = |values: &[i64]| compute("control.nelson", json!({"z": values}));
        prop_assert_eq!(runs(&values), runs(&mirror));
        // With all weight on the newest value the average is the value.
        let newest = compute("control.ewma",
            json!({"values": values, "mu0": 0, "sigma0": 2, "lambda": 1, "l": 3}));
        prop_assert!(same(&newest["ewma"], &json!(values)));
    }

    #[test]
    fn a_missing_period_breaks_no_chart(values in vec(-5.0f64..5.0, 2..15), at in 0usize..15) {
        let at = at.min(values.len());
        let mut gap: Vec<Option<f64>> = values.iter().copied().map(Some).collect();
        gap.insert(at, None);
        let chart = |values: Value| compute("control.xmr", json!({"values": values}));
        let (whole, with_gap) = (chart(json!(values)), chart(json!(gap)));
        for key in ["center", "sigma", "mr_ucl"] {
            prop_assert!(same(&whole[key], &with_gap[key]));
        }
        let cusum = |values: Value| compute("control.cusum",
            json!({"values": values, "mu0": 0, "sigma0": 1, "k": 0.5, "h": 5}));
        let (whole, with_gap) = (cusum(json!(values)), cusum(json!(gap)));
        prop_assert!(with_gap["c_plus"][at].is_null());
        let last = |v: &Value| v["c_plus"].as_array().and_then(|list| list.last().cloned());
        prop_assert!(at == values.len() || last(&whole) == last(&with_gap));
    }

    #[test]
    fn a_funnel_narrows_with_the_root_of_n(
        units in vec((1u64..500, 0.0f64..100.0, 0.5f64..30.0), 2..20),
    ) {
        let groups: Vec<Value> =
            units.iter().map(|(n, mean, sd)| json!({"n": n, "mean": mean, "sd": sd})).collect();
        let chart = compute("control.xbar", json!({"groups": groups}));
        prop_assume!(chart["sigma"].is_number());
        let (center, sigma) = (number(&chart, "center"), number(&chart, "sigma"));
        for ((n, mean, _), ucl) in units.iter().zip(numbers(&chart["ucl"])) {
            prop_assert!(close((ucl - center) * (*n as f64).sqrt(), 3.0 * sigma));
            prop_assert!(*mean <= 100.0);
        }
        let turned: Vec<&Value> = groups.iter().rev().collect();
        let turned = compute("control.xbar", json!({"groups": turned}));
        prop_assert!(close(number(&turned, "sigma"), sigma));
        prop_assert!(close(number(&turned, "center"), center));
    }

    #[test]
    fn the_sample_found_reaches_the_margin_asked_for(
        margin in 0.01f64..0.4, p in 0.05f64..0.95, population in 1u64..100_000,
        confidence in 0.5f64..0.999,
    ) {
        let plan = json!({"margin": margin, "p": p, "population": population,
            "conf_level": confidence});
        let found = compute("sample.size_proportion", plan.clone());
        let n = number(&found, "n");
        prop_assert!(n <= population as f64 && (n >= 10.0 || n == population as f64));
        let reached = json!({"n": n, "p": p, "population": population, "conf_level": confidence});
        let reached = number(&compute("sample.margin", reached), "margin");
        prop_assert!(reached <= margin * (1.0 + 1e-6), "{reached} {found}");
        let mut infinite = plan;
        infinite["population"] = Value::Null;
        prop_assert!(number(&compute("sample.size_proportion", infinite), "n") >= n);
        // A share is a mean of zeros and ones; the corrections for the population differ by one.
        let sd = (p * (1.0 - p)).sqrt();
        let mean = json!({"margin": margin, "sd": sd, "conf_level": confidence});
        let mean = compute("sample.size_mean", mean);
        prop_assert!(close(number(&mean, "n0"), number(&found, "n0")));
    }

    #[test]
    fn a_division_adds_up_and_overdraws_nobody(
        strata in vec((0u64..400, 0.0f64..20.0), 1..12), n in 0u64..3000, min in 0u64..5,
        method in prop::sample::select(vec!["proportional", "neyman", "equal"]),
    ) {
        let rows: Vec<Value> =
            strata.iter().map(|(size, sd)| json!({"size": size, "sd": sd})).collect();
        let input = json!({"strata": rows, "n": n, "method": method, "min_per_stratum": min});
        let population: u64 = strata.iter().map(|(size, _)| size).sum();
        let least: u64 = strata.iter().map(|(size, _)| (*size).min(min)).sum();
        let found = analytics_domain::measures::find("sample.allocate")
            .expect("a known method")
            .compute(&input);
        let Ok(found) = found else {
            prop_assert!(least > n && n < population);
            return Ok(());
        };
        let parts = numbers(&found["allocation"]);
        prop_assert!(close(parts.iter().sum(), n.min(population) as f64), "{found}");
        for (part, (size, _)) in parts.iter().zip(&strata) {
            prop_assert!(*part <= *size as f64 && *part >= (*size).min(min) as f64, "{found}");
        }
        if method == "proportional" && min == 0 && population > 0 {
            for (part, (size, _)) in parts.iter().zip(&strata) {
                let quota = n.min(population) as f64 * *size as f64 / population as f64;
                prop_assert!((part - quota).abs() < 1.0 + 1e-6);
            }
        }
    }

    #[test]
    fn response_rates_are_in_order(o in vec(0u32..500, 7), e in 0.0f64..=1.0, times in 1u32..9) {
        let rates = |times: u32| {
            let o: Vec<u32> = o.iter().map(|v| v * times).collect();
            compute("response.aapor", json!({"I": o[0], "P": o[1], "R": o[2], "NC": o[3],
                "O": o[4], "UH": o[5], "UO": o[6], "e": e}))
        };
        let found = rates(1);
        prop_assert!(same(&found, &rates(times)));
        for (less, more) in [("RR1", "RR2"), ("RR1", "RR3"), ("RR3", "RR5"), ("RR2", "RR4"),
            ("RR4", "RR6"), ("COOP1", "COOP2"), ("COOP1", "COOP3"), ("COOP3", "COOP4"),
            ("REF1", "REF2"), ("REF2", "REF3"), ("CON1", "CON2"), ("CON2", "CON3")]
        {
            if let (Some(less), Some(more)) = (found[less].as_f64(), found[more].as_f64()) {
                prop_assert!(less <= more + 1e-12);
            }
        }
    }

    #[test]
    fn raked_weights_meet_every_margin(
        rows in vec((0usize..2, 0usize..3), 12..60), shares in vec(0.2f64..1.0, 5),
        base in vec(0.5f64..2.0, 60), times in 0.1f64..100.0,
    ) {
        let (sexes, ages) = (["f", "m"], ["18", "35", "55"]);
        // Every combination is there, so that the targets do not contradict each other.
        let rows: Vec<(usize, usize)> =
            (0..2).flat_map(|s| (0..3).map(move |a| (s, a))).chain(rows).collect();
        let base: Vec<f64> = rows.iter().zip(base.iter().cycle()).map(|(_, w)| *w).collect();
        let sex: Vec<_> = rows.iter().map(|(s, _)| sexes[*s]).collect();
        let age: Vec<_> = rows.iter().map(|(_, a)| ages[*a]).collect();
        let input = |times: f64| json!({
            "categories": {"sex": sex, "age": age},
            "targets": {
                "sex": {"f": shares[0] * times, "m": shares[1] * times},
                "age": {"18": shares[2], "35": shares[3], "55": shares[4]},
            },
            "base_weights": base.iter().map(|w| w * times).collect::<Vec<_>>(),
        });
        let found = compute("weighting.rake", input(1.0));
        prop_assert!(same(&found, &compute("weighting.rake", input(times))), "{found}");
        let weights = numbers(&found["weights"]);
        let n = weights.len() as f64;
        prop_assert!(close(weights.iter().sum::<f64>() / n, 1.0));
        let share = |keep: &dyn Fn(usize) -> bool| {
            let kept = weights.iter().enumerate().filter(|(i, _)| keep(*i));
            kept.map(|(_, w)| w).sum::<f64>() / n
        };
        let whole = shares[0] + shares[1];
        prop_assert!(close(share(&|i| rows[i].0 == 0), shares[0] / whole));
        let whole = shares[2] + shares[3] + shares[4];
        prop_assert!(close(share(&|i| rows[i].1 == 2), shares[4] / whole));
        // Those alike in everything keep their proportions.
        for i in 0..rows.len() {
            if rows[i] == rows[0] {
                prop_assert!(close(weights[i] * base[0], weights[0] * base[i]));
            }
        }
    }

    #[test]
    fn one_variable_raked_is_post_stratified(
        strata in vec(0usize..3, 0..30), targets in vec(0.1f64..9.0, 3),
    ) {
        let names = ["a", "b", "c"];
        let all: Vec<&str> = strata.iter().chain(&[0, 1, 2]).map(|i| names[*i]).collect();
        let targets = json!({"a": targets[0], "b": targets[1], "c": targets[2]});
        let post = compute("weighting.poststratify", json!({"stratum": all, "targets": targets}));
        let rake = json!({"categories": {"s": all}, "targets": {"s": targets}});
        let rake = compute("weighting.rake", rake);
        for key in ["weights", "deff", "n_eff"] {
            prop_assert!(same(&post[key], &rake[key]));
        }
        prop_assert!(number(&post, "deff") >= 1.0 - 1e-12);
    }

    #[test]
    fn those_who_answered_stand_for_all_who_were_invited(
        people in vec((0usize..3, any::<bool>(), 0.1f64..5.0), 1..40),
    ) {
        let names = ["a", "b", "c"];
        let class: Vec<&str> = people.iter().map(|p| names[p.0]).collect();
        let responded: Vec<bool> = people.iter().map(|p| p.1).collect();
        let base: Vec<f64> = people.iter().map(|p| p.2).collect();
        let found = compute("weighting.nonresponse",
            json!({"class": class, "responded": responded, "base_weights": base}));
        if found["weights"].is_null() {
            prop_assert_eq!(&found["reason"], &json!("empty_cell"));
        } else {
            let sum: f64 = numbers(&found["weights"]).iter().sum();
            prop_assert!(close(sum, base.iter().sum()));
        }
    }
}

#[test]
fn targets_that_contradict_each_other_are_told() {
    // Everybody is f and young or m and old, so that no weights give half f and a tenth young.
    let input = json!({
        "categories": {"sex": ["f", "m", "m"], "age": ["young", "old", "old"]},
        "targets": {"sex": {"f": 0.5, "m": 0.5}, "age": {"young": 0.1, "old": 0.9}},
    });
    let found = compute("weighting.rake", input);
    assert_eq!(found["reason"], json!("not_converged"), "{found}");
    assert_eq!(found["converged"], json!(false));
    let zero = json!({"categories": {"s": ["f", "m"]}, "targets": {"s": {"f": 1, "m": 0}}});
    assert_eq!(compute("weighting.rake", zero)["weights"], json!([2.0, 0.0]));
}

#[test]
fn who_does_not_count_gets_no_weight() {
    let input = json!({"stratum": ["a", "a", "b", "b"], "targets": {"a": 1, "b": 1},
        "base_weights": [1, null, 0, 3]});
    let found = compute("weighting.poststratify", input);
    assert!(same(&found["weights"], &json!([1.0, 0.0, 0.0, 1.0])), "{found}");
    let input = json!({"class": ["a", "a", "b"], "responded": [true, false, false],
        "base_weights": [2, 2, 0]});
    let found = compute("weighting.nonresponse", input);
    assert!(same(&found["weights"], &json!([4.0, 0.0, 0.0])), "{found}");
}
