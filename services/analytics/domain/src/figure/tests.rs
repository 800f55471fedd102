//! Tests of the figures of a group.

use super::*;

fn template(id: u128, scale: (i32, i32)) -> Template {
    let meaning = |value: i32| Meaning {
        score: f64::from(value - scale.0) * 100.0 / f64::from(scale.1 - scale.0),
        satisfied: value > scale.1 - 2,
        bad: value <= scale.0 + 1,
    };
    Template {
        id: Uuid::from_u128(id),
        items: vec!["overall".to_owned()],
        scale_min: scale.0,
        scale_max: scale.1,
        grades: (scale.0..=scale.1).map(|value| (value, meaning(value))).collect(),
        nps: scale == (0, 10),
        satisfied_from: 0,
        bad_to: 0,
    }
}

fn templates() -> Templates {
    [(5, (1, 5)), (6, (1, 5)), (10, (0, 10))]
        .into_iter()
        .map(|(id, scale)| (Uuid::from_u128(id), Arc::new(template(id, scale))))
        .collect()
}

fn ratings(tally: &mut Tally, template: u128, class: i16, counts: &[(usize, i64)]) {
    let mut row = Counts::default();
    for (index, count) in counts {
        row.grades[*index] = *count;
    }
    let what = What { template: Uuid::from_u128(template), item: String::new(), class, block: 0 };
    tally.add(&what, &row, false);
}

#[test]
fn one_scale_gives_a_distribution_and_a_score() {
    let mut tally = Tally::default();
    ratings(&mut tally, 5, 0, &[(5, 6), (1, 2)]);
    ratings(&mut tally, 6, 0, &[(4, 2)]);
    ratings(&mut tally, 5, 1, &[(1, 3)]);
    let found = figure(&tally, &templates(), 0.95);
    assert_eq!(found.grades, Some(vec![(1, 2), (2, 0), (3, 0), (4, 2), (5, 6)]));
    assert_eq!((found.n, found.distrusted), (10, 3));
    assert_eq!((found.csat.numerator, found.csat.denominator), (8, 10));
    assert_eq!((found.bad.numerator, found.nps), (2, None));
    assert_eq!(found.score.mean, Some(75.0));
}

#[test]
fn the_interval_of_a_mean_score_ends_with_the_scale() {
    let mut tally = Tally::default();
    ratings(&mut tally, 5, 0, &[(5, 20), (3, 1)]);
    let found = figure(&tally, &templates(), 0.95).score;
    let bare = mean_interval_from_counts(&[(100.0, 20), (50.0, 1)], 0.95);
    assert!(bare.interval.unwrap().high > 100.0, "the case has to need it");
    let ends = found.interval.unwrap();
    assert_eq!((found.mean, ends.low, ends.high), (bare.mean, bare.interval.unwrap().low, 100.0));
}

#[test]
fn mixed_scales_sum_what_each_template_means() {
    let mut tally = Tally::default();
    ratings(&mut tally, 5, 0, &[(5, 1)]);
    ratings(&mut tally, 10, 0, &[(10, 2), (8, 1), (0, 1)]);
    let found = figure(&tally, &templates(), 0.95);
    assert_eq!(found.grades, None);
    let nps = found.nps.unwrap();
    assert_eq!((nps.promoters, nps.passives, nps.detractors), (2, 1, 1));
    assert_eq!(nps.estimate.unwrap().nps, 25.0);
    assert_eq!((found.off_nps, found.csat.numerator), (1, 3));
}

#[test]
fn ratings_of_unknown_templates_are_counted_and_nothing_else() {
    let mut tally = Tally::default();
    ratings(&mut tally, 99, 0, &[(5, 4)]);
    let found = figure(&tally, &templates(), 0.95);
    assert_eq!((found.n, found.unknown, found.csat.denominator), (4, 4, 0));
    assert_eq!((found.csat.value(), found.score.mean, found.grades), (None, None, None));
}

#[test]
fn silence_is_satisfied_only_in_the_figure_that_says_so() {
    let mut tally = Tally::default();
    ratings(&mut tally, 5, 0, &[(5, 3), (1, 1)]);
    tally.encounters[Column::Served as usize] = 20;
    tally.encounters[Column::Rated as usize] = 4;
    tally.encounters[Column::Defaulted as usize] = 6;
    tally.encounters[Column::ServiceN as usize] = 2;
    tally.encounters[Column::ServiceMs as usize] = 5_000;
    let found = figure(&tally, &templates(), 0.95);
    assert_eq!(found.csat.value(), Some(0.75));
    assert_eq!(found.csat_with_defaulted.value(), Some(0.9));
    assert_eq!(found.coverage.value(), Some(0.2));
    assert_eq!((found.service_s, found.waiting_s), (Some(2.5), None));
}

#[test]
fn an_empty_group_has_no_figures_and_no_nan() {
    let found = figure(&Tally::default(), &templates(), 0.95);
    assert_eq!(found.coverage.value(), None);
    assert_eq!(found.score.mean, None);
    assert_eq!(found.grades, Some(Vec::new()));
    assert_eq!(differences(&found, &found, 0.95), Differences { csat: None, score: None });
}
