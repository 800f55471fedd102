//! Tests of the intervals against published cases and their laws.

use super::*;
use proptest::prelude::*;

fn close(actual: f64, expected: f64) {
    let tolerance = 1e-9 * expected.abs().max(1.0);
    assert!((actual - expected).abs() <= tolerance, "{actual} is not {expected}");
}

#[test]
fn wilson_meets_a_published_case_and_its_ends() {
    let found = wilson(41, 53, 0.95).expect("data");
    close(found.low, 0.644_737_297_485_389_5);
    close(found.high, 0.865_453_689_897_257_3);
    assert_eq!(wilson(0, 12, 0.95).expect("data").low, 0.0);
    assert_eq!(wilson(12, 12, 0.95).expect("data").high, 1.0);
    assert_eq!(wilson(0, 0, 0.95), None);
    assert_eq!(wilson(2, 1, 0.95), None);
    assert_eq!(wilson(1, 2, 1.0), None);
    assert_eq!(wilson(1, 2, f64::NAN), None);
}

#[test]
fn a_mean_of_one_score_given_often_has_no_spread() {
    let found = mean_interval_from_counts(&[(0.1, 0), (80.1, 3_000_001)], 0.95);
    assert_eq!(found.mean, Some(80.1));
    assert_eq!(found.sd, Some(0.0));
    assert_eq!(found.interval, Some(Interval { low: 80.1, high: 80.1 }));
    assert_eq!(mean_interval_from_counts(&[(5.0, 0)], 0.95).mean, None);
    let one = mean_interval_from_counts(&[(5.0, 1)], 0.95);
    assert_eq!((one.mean, one.sd, one.interval), (Some(5.0), None, None));
}

#[test]
fn a_mean_from_counts_is_the_mean_of_the_ratings() {
    let counts = [(0.0, 1), (40.0, 7), (60.0, 11), (80.0, 13), (100.0, 12)];
    let found = mean_interval_from_counts(&counts, 0.95);
    close(found.mean.expect("mean"), 72.272_727_272_727_27);
    close(found.sd.expect("sd"), 23.709_838_637_218_933);
    let interval = found.interval.expect("interval");
    close(interval.low, 65.064_277_471_038_05);
    close(interval.high, 79.481_177_074_416_5);
}

#[test]
fn nps_of_promoters_only_keeps_an_honest_interval() {
    let found = nps_from_counts(5, 0, 0, 0.95).expect("data");
    assert_eq!((found.nps, found.se), (100.0, 0.0));
    assert_eq!(found.wald, Interval { low: 100.0, high: 100.0 });
    close(found.interval.low, 17.491_453_034_168_966);
    assert_eq!(found.interval.high, 100.0);
    assert_eq!(nps_from_counts(0, 0, 0, 0.95), None);
}

#[test]
fn differences_meet_published_cases() {
    let shares = newcombe_difference(45, 60, 38, 70, 0.95).expect("data");
    close(shares.interval.low, 0.041_686_663_124_142_05);
    close(shares.interval.high, 0.355_244_731_498_012_4);
    close(shares.z.expect("z"), 2.450_633_175_109_701_2);
    close(shares.p_value.expect("p"), 0.014_260_519_908_931_098);
    let means = welch_from_moments(120, 82.5, 14.2 * 14.2, 98, 79.1, 225.0, 0.95);
    let means = means.expect("data");
    close(means.df.expect("df"), 202.518_609_038_793_87);
    close(means.p_value.expect("p"), 0.089_714_925_656_712_45);
    close(means.interval.expect("interval").low, -0.531_770_072_914_327);
}

#[test]
fn data_without_spread_or_answers_give_no_test() {
    let shares = newcombe_difference(10, 10, 20, 20, 0.95).expect("data");
    assert_eq!((shares.difference, shares.z, shares.p_value), (0.0, None, None));
    assert_eq!(newcombe_difference(0, 0, 20, 20, 0.95), None);
    let means = welch_from_moments(3, 4.0, 0.0, 2, 4.0, 0.0, 0.95).expect("data");
    assert_eq!((means.t, means.p_value), (None, None));
    assert_eq!(means.interval, Some(Interval { low: 0.0, high: 0.0 }));
    let one = welch_from_moments(1, 4.0, f64::NAN, 2, 4.5, 0.5, 0.95).expect("data");
    assert_eq!((one.difference, one.interval), (-0.5, None));
    assert_eq!(welch_from_moments(0, 0.0, 0.0, 2, 4.0, 0.0, 0.95), None);
    assert_eq!(welch_from_moments(2, 0.0, -1.0, 2, 4.0, 0.0, 0.95), None);
}

proptest! {
    #[test]
    fn wilson_lies_in_bounds_around_the_share_and_narrows_with_n(
        n in 1u64..u64::MAX / 2, part in 0.0f64..=1.0, confidence in 0.0001f64..0.999_999,
    ) {
        let successes = ((n as f64 * part) as u64).min(n);
        let p = successes as f64 / n as f64;
        let found = wilson(successes, n, confidence).expect("data");
        prop_assert!(0.0 <= found.low && found.low <= p);
        prop_assert!(p <= found.high && found.high <= 1.0);
        if n < u64::MAX / 8 {
            let more = wilson(successes * 4, n * 4, confidence).expect("data");
            prop_assert!(more.high - more.low <= found.high - found.low + 1e-15);
        }
    }

    #[test]
    fn wilson_mirrors_when_success_and_failure_change_places(
        x in 0u64..5000, more in 0u64..5000,
    ) {
        let n = x + more + 1;
        let (a, b) = (wilson(x, n, 0.9).expect("data"), wilson(n - x, n, 0.9).expect("data"));
        prop_assert!((a.low - (1.0 - b.high)).abs() < 1e-12);
        prop_assert!((a.high - (1.0 - b.low)).abs() < 1e-12);
    }

    #[test]
    fn a_difference_changes_its_sign_with_its_sides(
        a in 0u64..500, b in 0u64..500, c in 0u64..500, d in 0u64..500,
    ) {
        let (n1, n2) = (a + b + 1, c + d + 1);
        let there = newcombe_difference(a, n1, c, n2, 0.95).expect("data");
        let back = newcombe_difference(c, n2, a, n1, 0.95).expect("data");
        prop_assert!((there.difference + back.difference).abs() < 1e-15);
        prop_assert!((there.interval.low + back.interval.high).abs() < 1e-12);
        prop_assert!(there.interval.low <= there.difference + 1e-15);
        prop_assert!(there.difference <= there.interval.high + 1e-15);
        prop_assert!(there.p_value.is_none_or(|p| (0.0..=1.0).contains(&p)));
    }

    #[test]
    fn a_mean_does_not_depend_on_how_its_counts_are_split(
        counts in prop::collection::vec((0.0f64..100.0, 1u64..1000), 1..8),
    ) {
        let whole = mean_interval_from_counts(&counts, 0.95);
        let mut split: Vec<_> = counts.iter().rev().map(|&(s, c)| (s, c / 2)).collect();
        split.extend(counts.iter().map(|&(s, c)| (s, c - c / 2)));
        let parts = mean_interval_from_counts(&split, 0.95);
        prop_assert_eq!(whole.n, parts.n);
        let (a, b) = (whole.mean.expect("mean"), parts.mean.expect("mean"));
        prop_assert!((a - b).abs() < 1e-9);
        if let (Some(a), Some(b)) = (whole.sd, parts.sd) {
            prop_assert!((a - b).abs() < 1e-7);
        }
    }

    #[test]
    fn nps_stays_on_its_scale(p in 0u64..1 << 50, q in 0u64..1 << 50, d in 0u64..1 << 50) {
        if let Some(found) = nps_from_counts(p, q, d, 0.99) {
            prop_assert!(found.nps.abs() <= 100.0);
            prop_assert!(found.interval.low >= -100.0 && found.interval.high <= 100.0);
            prop_assert!(found.interval.low <= found.interval.high);
        } else {
            prop_assert_eq!(p + q + d, 0);
        }
    }

    #[test]
    fn welch_never_gives_nan(
        n1 in 1u64..1 << 40, n2 in 1u64..1 << 40, m1 in -1e50f64..1e50, m2 in -1e50f64..1e50,
        v1 in 0.0f64..1e100, v2 in prop::sample::select(vec![0.0, 1e-300, 1.0, 1e100]),
    ) {
        let found = welch_from_moments(n1, m1, v1, n2, m2, v2, 0.95).expect("data");
        prop_assert!(found.difference.is_finite());
        for value in [found.t, found.df, found.p_value].into_iter().flatten() {
            prop_assert!(value.is_finite());
        }
    }
}
