//! Figures of answers by several groups at once, with their intervals and comparisons: each row
//! is what counting by hand gives.

use std::collections::BTreeMap;

use analytics_domain::{
    answer::{Answer as Given, Response},
    intervals::{mean_interval_from_counts, newcombe_difference, nps_from_counts, wilson},
    time::local_day,
};
use jiff::civil::{Date, date};
use proto::{
    analytics::v1::{
        CompareWith, FigureFilter, FigureRow, FigureSource, GroupBy, GroupKey, QueryFiguresRequest,
        QueryFiguresResponse, figure_service_client::FigureServiceClient,
    },
    common::v1::Permission,
    names,
    survey::v1::ResponseChannel,
};
use uuid::Uuid;

use super::{
    answers::{apply, open},
    model::Random,
    survey::{CLASSES, Told, change, groups, version_events},
    world::World,
};

const ITEMS: [&str; 5] = ["q1", "q2", "nps", "why", "visits"];
const CONFIDENCE: f64 = 0.9;

/// What is counted of an item in a group.
#[derive(Debug, Default, Clone, PartialEq)]
struct Counted {
    /// By score, 0 to 100, and whether the grade counts as satisfied.
    scores: Vec<(f64, bool)>,
    grades: BTreeMap<i32, i64>,
    versions: std::collections::BTreeSet<i32>,
    answers: i64,
    not_applicable: i64,
    refused: i64,
}

impl Counted {
    fn add(&mut self, item: &str, version: i32, given: &Given) {
        self.versions.insert(version);
        match given {
            Given::NotApplicable => self.not_applicable += 1,
            Given::Refused => self.refused += 1,
            Given::Options(_) | Given::Number(_) => self.answers += 1,
            Given::Grade(grade) => {
                self.answers += 1;
                let (low, high) = match (item, version) {
                    ("nps", _) => (0, 10),
                    ("q2", 2) => (1, 7),
                    _ => (1, 5),
                };
                let grade = grade.value();
                let score = f64::from(grade - low) * 100.0 / f64::from(high - low);
                self.scores.push((score, grade >= high - 1));
                *self.grades.entry(grade).or_default() += 1;
            }
        }
    }

    fn n(&self) -> u64 {
        self.scores.len() as u64
    }

    fn satisfied(&self) -> u64 {
        self.scores.iter().filter(|(_, satisfied)| *satisfied).count() as u64
    }

    fn mean(&self) -> Option<f64> {
        let sum: f64 = self.scores.iter().map(|(score, _)| score).sum();
        (!self.scores.is_empty()).then(|| sum / self.scores.len() as f64)
    }
}

fn day_of(world: &World, response: &Response) -> Date {
    let zone = world.view().time_zone_at(response.place.site, response.time_us);
    let number = local_day(response.time_us, &zone);
    date(1970, 1, 1).checked_add(jiff::Span::new().days(number)).unwrap()
}

/// The part of a row's key for a group.
fn shown(key: &GroupKey, group: GroupBy) -> String {
    match group {
        GroupBy::Item => key.item.clone(),
        GroupBy::Unit => key.unit.clone(),
        GroupBy::CustomerClass => key.customer_class.clone(),
        GroupBy::Channel => key.channel.clone(),
        GroupBy::Version => key.version.to_string(),
        GroupBy::Campaign => key.campaign.clone(),
        GroupBy::Day => key.period.clone(),
        other => panic!("{other:?}"),
    }
}

/// The same for an answer.
fn of(world: &World, response: &Response, item: &str, group: GroupBy) -> String {
    let place = &response.place;
    let or_none = |collection: &str, id: Uuid| match id.is_nil() {
        true => "-".to_owned(),
        false => names::print(collection, id),
    };
    match group {
        GroupBy::Item => item.to_owned(),
        GroupBy::Unit => names::print("units", place.site),
        GroupBy::CustomerClass => or_none("customerClasses", place.customer_class),
        GroupBy::Channel => {
            let channel = ResponseChannel::try_from(i32::from(place.channel)).unwrap();
            channel.as_str_name().to_owned()
        }
        GroupBy::Version => place.version.to_string(),
        GroupBy::Campaign => or_none("campaigns", place.campaign),
        GroupBy::Day => day_of(world, response).to_string(),
        other => panic!("{other:?}"),
    }
}

fn by_hand(
    world: &World,
    responses: &[&Response],
    by: &[GroupBy],
    (from, to): (Date, Date),
) -> BTreeMap<Vec<String>, Counted> {
    let mut rows: BTreeMap<Vec<String>, Counted> = BTreeMap::new();
    for response in responses {
        if !(from..=to).contains(&day_of(world, response)) {
            continue;
        }
        for (item, given) in &response.answers {
            let key = by.iter().map(|group| of(world, response, item, *group)).collect();
            rows.entry(key).or_default().add(item, response.place.version, given);
        }
    }
    rows
}

/// A world in which these responses were told, and the responses.
async fn told(world: &World, seed: u64) -> Vec<Response> {
    let mut random = Random::new(seed);
    let told = open(Told::new(world, &mut random, 250));
    let mut events = version_events(world);
    events.extend(told.responses.iter().map(|r| change(world, None, Some(r))));
    apply(world, groups(&events, &mut random)).await;
    told.responses
}

fn days() -> (Date, Date) {
    (date(2026, 9, 18), date(2026, 10, 25))
}

async fn ask(world: &World, request: QueryFiguresRequest) -> QueryFiguresResponse {
    let reader = world.org.user(world.org.root, &[Permission::AnalyticsRead]).await;
    let (from, to) = days();
    let request = QueryFiguresRequest {
        unit: names::print("units", world.org.region),
        from: from.to_string(),
        to: to.to_string(),
        source: FigureSource::Questionnaires as i32,
        confidence: CONFIDENCE,
        row_limit: 10_000,
        ..request
    };
    let mut client = FigureServiceClient::new(world.channel());
    client.query_figures(kit::rpc::bearer(request, &reader)).await.unwrap().into_inner()
}

fn close(found: Option<f64>, wanted: Option<f64>, place: &str) {
    match (found, wanted) {
        (Some(found), Some(wanted)) => {
            assert!((found - wanted).abs() < 1e-9, "{place}: {found} instead of {wanted}");
        }
        (found, wanted) => assert_eq!(found, wanted, "{place}"),
    }
}

/// A row's figures and intervals against what was counted.
fn check(row: &FigureRow, counted: &Counted, item: &str, place: &str) {
    assert_eq!(row.n as u64, counted.n(), "{place}");
    assert_eq!(
        (row.answers, row.not_applicable, row.refused),
        (counted.answers, counted.not_applicable, counted.refused),
        "{place}"
    );
    // Grades of different scales are not added up.
    if item != "q2" || counted.versions.len() == 1 {
        let grades: BTreeMap<i32, i64> =
            row.grades.iter().filter(|g| g.count > 0).map(|g| (g.grade, g.count)).collect();
        assert_eq!(grades, counted.grades, "{place}");
    }
    let csat = row.csat.unwrap_or_default();
    assert_eq!(
        (csat.numerator as u64, csat.denominator as u64),
        (counted.satisfied(), counted.n()),
        "{place}"
    );
    let interval = wilson(counted.satisfied(), counted.n(), CONFIDENCE);
    close(csat.low, interval.map(|i| i.low), place);
    close(csat.high, interval.map(|i| i.high), place);
    let mean = row.score_0_100.unwrap_or_default();
    let scores: Vec<(f64, u64)> = counted.scores.iter().map(|(score, _)| (*score, 1)).collect();
    let wanted = mean_interval_from_counts(&scores, CONFIDENCE);
    close(mean.value, wanted.mean, place);
    // No mean score lies beyond its scale.
    close(mean.low, wanted.interval.map(|i| i.low.max(0.0)), place);
    close(mean.high, wanted.interval.map(|i| i.high.min(100.0)), place);
    if item == "nps" && counted.n() > 0 {
        let between = |low: i32, high: i32| -> u64 {
            counted.grades.range(low..=high).map(|(_, count)| *count as u64).sum()
        };
        let wanted = nps_from_counts(between(9, 10), between(7, 8), between(0, 6), CONFIDENCE);
        close(row.nps.unwrap().value, wanted.map(|nps| nps.nps), place);
    }
}

#[tokio::test]
async fn rows_of_several_groups_at_once_are_those_of_counting_by_hand() {
    for world in World::everywhere().await {
        let responses = told(&world, 41).await;
        let sound: Vec<&Response> = responses.iter().filter(|r| !r.place.suspect).collect();
        use GroupBy::{Campaign, Channel, CustomerClass, Day, Item, Unit, Version};
        for by in [
            [Item, CustomerClass, Channel],
            [Item, Unit, Version],
            [Item, Unit, Day],
            [Item, CustomerClass, Version],
            [Item, Campaign, Channel],
        ] {
            let group_by = by.iter().map(|group| *group as i32).collect();
            let answer = ask(&world, QueryFiguresRequest { group_by, ..Default::default() }).await;
            let mut expected = by_hand(&world, &sound, &by, days());
            assert!(expected.len() > 10);
            for row in &answer.rows {
                let key = row.key.as_ref().unwrap();
                let parts: Vec<String> = by.iter().map(|group| shown(key, *group)).collect();
                let place = format!("{} {parts:?}", world.name);
                let counted = expected.remove(&parts).unwrap_or_else(|| panic!("{place}"));
                check(row, &counted, &parts[0], &place);
            }
            assert!(expected.is_empty(), "{} {by:?}: {:?}", world.name, expected.keys());
        }
    }
}

#[tokio::test]
async fn filters_narrow_what_is_counted_and_suspect_answers_are_told() {
    let world = World::in_memory().await;
    let responses = told(&world, 43).await;
    let this_year = |r: &&Response| r.time_us > 1_780_000_000_000_000;
    let suspect = responses.iter().filter(this_year).filter(|r| r.place.suspect).count();
    assert!(suspect > 3);
    for include_distrusted in [false, true] {
        let filter = FigureFilter {
            customer_classes: vec![names::print("customerClasses", CLASSES[0])],
            include_distrusted,
            ..Default::default()
        };
        let group_by = vec![GroupBy::Item as i32];
        let request = QueryFiguresRequest { group_by, filter: Some(filter), ..Default::default() };
        let answer = ask(&world, request).await;
        let wanted: Vec<&Response> = responses
            .iter()
            .filter(|r| r.place.customer_class == CLASSES[0])
            .filter(|r| include_distrusted || !r.place.suspect)
            .collect();
        let expected = by_hand(&world, &wanted, &[GroupBy::Item], days());
        assert_eq!(answer.rows.len(), ITEMS.len());
        for row in &answer.rows {
            let item = row.key.as_ref().unwrap().item.clone();
            check(row, &expected[&vec![item.clone()]], &item, &item);
        }
    }
    let whole = ask(&world, QueryFiguresRequest::default()).await;
    assert_eq!(whole.total.unwrap().distrusted, suspect as i64);
}

#[tokio::test]
async fn each_row_is_compared_with_the_same_days_of_the_year_before() {
    for world in World::everywhere().await {
        let responses = told(&world, 47).await;
        let sound: Vec<&Response> = responses.iter().filter(|r| !r.place.suspect).collect();
        let by = [GroupBy::Item, GroupBy::CustomerClass];
        let request = QueryFiguresRequest {
            group_by: by.iter().map(|group| *group as i32).collect(),
            compare_with: CompareWith::SamePeriodLastYear as i32,
            ..Default::default()
        };
        let answer = ask(&world, request).await;
        let now = by_hand(&world, &sound, &by, days());
        let then = by_hand(&world, &sound, &by, (date(2025, 9, 18), date(2025, 10, 25)));
        let mut compared = 0;
        for row in &answer.rows {
            let key = row.key.as_ref().unwrap();
            let parts: Vec<String> = by.iter().map(|group| shown(key, *group)).collect();
            let place = format!("{} {parts:?}", world.name);
            let nothing = Counted::default();
            let (now, then) = (&now[&parts], then.get(&parts).unwrap_or(&nothing));
            let comparison = row.comparison.as_ref().unwrap_or_else(|| panic!("{place}"));
            assert_eq!(comparison.n as u64, then.n(), "{place}");
            close(comparison.score_0_100.and_then(|mean| mean.value), then.mean(), &place);
            let (Some(mean), Some(before)) = (now.mean(), then.mean()) else { continue };
            let difference = comparison.score_difference.unwrap();
            close(difference.value, Some(mean - before), &place);
            let shares = ((now.satisfied(), now.n()), (then.satisfied(), then.n()));
            let ((a, n), (b, m)) = shares;
            let wanted = newcombe_difference(a, n, b, m, CONFIDENCE).unwrap();
            let csat = comparison.csat_difference.unwrap();
            close(csat.value, Some(wanted.difference), &place);
            close(csat.low, Some(wanted.interval.low), &place);
            close(csat.high, Some(wanted.interval.high), &place);
            compared += 1;
        }
        assert!(compared >= 6, "{}: {compared}", world.name);
    }
}
