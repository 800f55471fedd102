//! Answers to questionnaires: cells and figures equal those of counting by hand, small groups
//! of anonymous answers stay hidden, and the source agrees.

mod rows;

use std::collections::BTreeMap;

use analytics_domain::{
    answer::{self, Answer as Given, AnswerKey, Response, ResponseChange},
    cell::Counts,
    pack::{self, Pack},
    period::{Bound, Compare},
    plan::Group,
    time::local_day,
};
use jiff::civil::date;
use kit::{auth::InternalTokens, feed::Consumer as _, rpc::bearer, testing::SEED};
use proto::{
    analytics::v1::{
        FigureFilter, FigureSource, GroupBy, QueryFiguresRequest, RebuildRequest,
        figure_service_client::FigureServiceClient,
        maintenance_service_client::MaintenanceServiceClient,
    },
    common::v1::{Permission, Reason},
    names,
};
use sea_orm::{ConnectionTrait, Statement};
use tonic::Code;
use uuid::Uuid;

use super::{
    model::Random,
    survey::{CLASSES, QUESTIONNAIRE, Told, change, group, groups, response},
    world::World,
};
use rows::{by_hand, dump};

use crate::{
    answers::AnswerFigures,
    figures::{Answer, Filter, Key, Part, Question, Slots},
    freshness::{Freshness, SURVEY},
    store::{
        placements::{self, Tree},
        questionnaires,
    },
};

pub async fn apply(world: &World, groups: Vec<proto::common::v1::EventGroup>) {
    world.service.answers.applier.cursor().await.unwrap();
    world.service.answers.applier.apply(groups).await.unwrap();
}

fn question(world: &World, groups: &[Group]) -> Question {
    Question {
        unit: world.org.root,
        from: Bound::Date(date(2026, 9, 18)),
        to: Bound::Date(date(2026, 10, 25)),
        time_zone: String::new(),
        groups: groups.to_vec(),
        compare: None,
        earlier: None,
        filter: Filter::default(),
        confidence: 0.95,
        row_limit: 10_000,
        tree: Tree::AsOfService,
        seen: Vec::new(),
    }
}

async fn ask(world: &World, question: &Question) -> Answer {
    let view = world.service.directory.organisation(world.org.org).unwrap();
    let cache = std::sync::Arc::new(questionnaires::Cache::default());
    let freshness = Freshness::of(SURVEY);
    let placed = std::sync::Arc::new(placements::Cache::default());
    let figures = AnswerFigures::new(world.db.clone(), cache, placed, freshness, Slots::default());
    figures.answer(&view, question).await.unwrap()
}

/// Responses without promises, so that nothing is hidden.
pub fn open(told: Told) -> Told {
    let mut told = told;
    told.responses.retain(|response| !response.place.anonymous);
    told
}

#[tokio::test]
async fn rows_of_every_group_are_those_of_counting_by_hand() {
    for world in World::everywhere().await {
        let mut random = Random::new(5);
        let told = open(Told::new(&world, &mut random, 200));
        let mut events = super::survey::version_events(&world);
        events.extend(told.responses.iter().map(|r| change(&world, None, Some(r))));
        apply(&world, groups(&events, &mut random)).await;
        let counted: Vec<&Response> = told
            .responses
            .iter()
            .filter(|r| !r.place.suspect && r.time_us > 1_780_000_000_000_000)
            .collect();
        type By = fn(&World, &Response) -> Part;
        let groups: [(Group, By); 7] = [
            (Group::CustomerClass, |_, r| Part::CustomerClass(r.place.customer_class)),
            (Group::Channel, |_, r| Part::Channel(r.place.channel)),
            (Group::Staff, |_, r| Part::Staff(r.place.staff)),
            (Group::Campaign, |_, r| Part::Campaign(r.place.campaign)),
            (Group::Version, |_, r| Part::Version(QUESTIONNAIRE, r.place.version)),
            (Group::Unit, |world, _| Part::Unit(world.org.region)),
            (Group::Day, |world, r| {
                let zone = world.view().time_zone_at(r.place.site, r.time_us);
                Part::Time(local_day(r.time_us, &zone).into())
            }),
        ];
        for (group, part) in groups {
            let answer = ask(&world, &question(&world, &[group])).await;
            let mut expected: BTreeMap<Key, (u64, u64)> = BTreeMap::new();
            for response in &counted {
                let entry = expected.entry(Key(vec![part(&world, response)])).or_default();
                entry.0 += 1;
                let graded = response.answers.iter();
                let graded = graded.filter(|(_, a)| matches!(a, Given::Grade(_)));
                entry.1 += graded.count() as u64;
            }
            let found: BTreeMap<Key, (u64, u64)> = answer
                .rows
                .iter()
                .filter(|row| row.answers.unwrap().responses > 0)
                .map(|row| (row.key.clone(), (row.answers.unwrap().responses, row.figure.n)))
                .collect();
            assert_eq!(found, expected, "{} {group:?}", world.name);
            assert_eq!(answer.total.answers.unwrap().responses, counted.len() as u64);
        }
        check_items(&world, &counted).await;
    }
}

async fn check_items(world: &World, counted: &[&Response]) {
    let answer = ask(world, &question(world, &[Group::Item])).await;
    let item = |code: &str| {
        let key = Key(vec![Part::Question(QUESTIONNAIRE, code.to_owned())]);
        answer.rows.iter().find(|row| row.key == key).unwrap()
    };
    let given = |code: &'static str| {
        counted.iter().flat_map(|r| &r.answers).filter(move |(i, _)| i == code).map(|(_, a)| a)
    };
    let grades: Vec<f64> = given("q1")
        .filter_map(|a| match a {
            Given::Grade(grade) => Some(f64::from(grade.value() - 1) * 25.0),
            _ => None,
        })
        .collect();
    let mean = grades.iter().sum::<f64>() / grades.len() as f64;
    assert!((item("q1").figure.score.mean.unwrap() - mean).abs() < 1e-9, "{}", world.name);
    let skipped = given("q2").filter(|a| **a == Given::NotApplicable).count();
    assert_eq!(item("q2").answers.unwrap().not_applicable, skipped as u64);
    assert!(item("nps").figure.nps.is_some() && item("q1").figure.nps.is_none());
    assert_eq!(item("visits").answers.unwrap().answers, counted.len() as u64);
    assert_eq!(item("visits").figure.n, 0, "numbers have no grade");
    let numbers: Vec<f64> = given("visits")
        .filter_map(|a| if let Given::Number(number) = a { Some(*number) } else { None })
        .collect();
    let n = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    let squares = numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>();
    for row in [item("visits"), &answer.total] {
        let found = row.numbers.unwrap();
        assert_eq!(found.n, numbers.len() as u64, "{}", world.name);
        assert!((found.mean.unwrap() - mean).abs() < 1e-9);
        assert!((found.sd.unwrap() - (squares / (n - 1.0)).sqrt()).abs() < 1e-9);
    }
    assert_eq!(item("q1").numbers, None, "grades are no numbers");

    let answer = ask(world, &question(world, &[Group::Choice])).await;
    let chosen = |option: &str| {
        let key = Key(vec![Part::Choice(QUESTIONNAIRE, "why".to_owned(), option.to_owned())]);
        answer.rows.iter().find(|row| row.key == key).map_or(0, |r| r.answers.unwrap().answers)
    };
    for option in ["speed", "manner"] {
        let by_hand = given("why").filter(
            |a| matches!(a, Given::Options(options) if options.iter().any(|o| o == option)),
        );
        assert_eq!(chosen(option), by_hand.count() as u64, "{} {option}", world.name);
    }
}

#[tokio::test]
async fn figures_say_which_versions_they_join_and_which_items_differ() {
    let world = World::in_memory().await;
    let mut random = Random::new(8);
    let told = Told::new(&world, &mut random, 80);
    apply(&world, groups(&told.events, &mut random)).await;
    let both = ask(&world, &question(&world, &[])).await;
    assert_eq!(both.joined[0].versions, [1, 2]);
    assert_eq!(both.joined[0].differing, ["q2"]);
    let mut only = question(&world, &[]);
    only.filter.item = "q1".to_owned();
    assert_eq!(ask(&world, &only).await.joined[0].differing, [""; 0]);
    only.filter.versions = vec![2];
    only.filter.questionnaires = vec![QUESTIONNAIRE];
    assert_eq!(ask(&world, &only).await.joined[0].versions, [2]);
    assert_ne!(ask(&world, &only).await.definition, both.definition);
}

#[tokio::test]
async fn comparisons_look_at_the_year_before() {
    let world = World::in_memory().await;
    let mut random = Random::new(9);
    let told = Told::new(&world, &mut random, 200);
    apply(&world, groups(&told.events, &mut random)).await;
    let mut question = question(&world, &[Group::Item]);
    question.compare = Some(Compare::LastYear);
    let answer = ask(&world, &question).await;
    let earlier = answer.total.earlier.unwrap();
    assert!(earlier.figure.n > 0 && earlier.figure.n < answer.total.figure.n);
    assert!(answer.rows.iter().any(|row| row.earlier.is_some()));
}

/// `counts` anonymous responses of each class, at one branch.
async fn anonymous(world: &World, counts: [usize; 3]) {
    let mut random = Random::new(21);
    let mut events = super::survey::version_events(world);
    for (class, count) in [Uuid::nil(), CLASSES[0], CLASSES[1]].into_iter().zip(counts) {
        for _ in 0..count {
            let mut one = response(world, &mut random);
            one.time_us = 1_790_000_000_000_000;
            one.place.customer_class = class;
            (one.place.anonymous, one.place.suspect) = (true, false);
            events.push(change(world, None, Some(&one)));
        }
    }
    apply(world, groups(&events, &mut random)).await;
}

#[tokio::test]
async fn small_groups_of_anonymous_answers_are_hidden_also_from_subtraction() {
    for world in World::everywhere().await {
        anonymous(&world, [30, 3, 12]).await;
        let answer = ask(&world, &question(&world, &[Group::CustomerClass])).await;
        let hidden: Vec<bool> = answer.rows.iter().map(|row| row.suppressed).collect();
        assert_eq!(hidden, [false, true, true], "{}", world.name);
        assert_eq!(answer.total.answers.unwrap().responses, 45);
        let row = &answer.rows[1];
        assert_eq!((row.figure.n, row.answers.unwrap().responses), (0, 0), "nothing shows");
        let mut narrow = question(&world, &[]);
        narrow.filter.customer_classes = vec![CLASSES[0]];
        let answer = ask(&world, &narrow).await;
        assert!(answer.total.suppressed && answer.rows[0].suppressed, "{}", world.name);
        narrow.filter.customer_classes = vec![CLASSES[1]];
        assert!(!ask(&world, &narrow).await.total.suppressed);
    }
}

#[tokio::test]
async fn the_feed_is_followed_and_agrees_with_its_source_also_after_a_rebuild() {
    for world in World::everywhere().await {
        let mut random = Random::new(31);
        let mut told = Told::new(&world, &mut random, 60);
        world.survey.commit(groups(&told.events, &mut random), &told.responses);
        let running = world.start();
        let report = running.reconcile().await;
        assert!(report.equal, "{}: {:?}", running.world.name, report.mismatches);
        assert_eq!(report.counted_responses, told.responses.len() as i64);
        let expected = by_hand(&running.world, &told.responses);
        assert_eq!(dump(&running.world).await, expected, "{}", running.world.name);

        let token = InternalTokens::new(&SEED).operator();
        let mut client = MaintenanceServiceClient::new(running.channel.clone());
        client.rebuild(bearer(RebuildRequest {}, &token)).await.unwrap();
        assert!(running.reconcile().await.equal);
        assert_eq!(dump(&running.world).await, expected, "{}", running.world.name);

        let more = response(&running.world, &mut random);
        told.responses.push(more);
        running.world.survey.commit([], &told.responses);
        let report = running.reconcile().await;
        assert!(!report.equal && report.mismatches.len() == 3, "{:?}", report.mismatches);
        running.end().await;
    }
}

fn request(world: &World) -> QueryFiguresRequest {
    QueryFiguresRequest {
        unit: names::print("units", world.org.root),
        from: "2026-09-18".to_owned(),
        to: "2026-10-25".to_owned(),
        source: FigureSource::Questionnaires as i32,
        ..Default::default()
    }
}

#[tokio::test]
async fn requests_for_answers_are_checked() {
    let world = World::in_memory().await;
    let mut random = Random::new(35);
    let told = Told::new(&world, &mut random, 40);
    apply(&world, groups(&told.events, &mut random)).await;
    apply(&world, vec![group(900, &[])]).await;
    let reader = world.org.user(world.org.root, &[Permission::AnalyticsRead]).await;
    let below = world.org.user(world.org.branches[0], &[Permission::AnalyticsRead]).await;
    let mut client = FigureServiceClient::new(world.channel());
    let mut by_class = request(&world);
    by_class.group_by = vec![GroupBy::CustomerClass as i32, GroupBy::Week as i32];
    let answer = client.query_figures(bearer(by_class, &reader)).await.unwrap().into_inner();
    assert!(!answer.rows.is_empty() && !answer.joined_versions[0].same_items);
    assert_eq!(answer.watermark, "0.384");

    let refused = client.query_figures(bearer(request(&world), &below)).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    type Spoil = fn(&mut QueryFiguresRequest);
    let spoils: [(Spoil, Reason); 6] = [
        (|r| r.group_by = vec![GroupBy::Window as i32], Reason::GroupingNotSupported),
        (|r| r.group_by = vec![GroupBy::Hour as i32], Reason::GroupingNotSupported),
        (|r| r.source = FigureSource::Ratings as i32, Reason::GroupingNotSupported),
        (
            |r| r.filter = Some(FigureFilter { versions: vec![1], ..Default::default() }),
            Reason::InvalidField,
        ),
        (
            |r| {
                let channels = vec!["CHANNEL_TERMINAL".to_owned()];
                r.filter = Some(FigureFilter { channels, ..Default::default() });
            },
            Reason::InvalidField,
        ),
        (|r| r.to = "2026-09-20T10:00:00+08:00".to_owned(), Reason::GroupingNotSupported),
    ];
    for (index, (spoil, reason)) in spoils.into_iter().enumerate() {
        let mut spoiled = request(&world);
        spoiled.group_by = vec![GroupBy::Version as i32];
        spoil(&mut spoiled);
        let refused = client.query_figures(bearer(spoiled, &reader)).await.unwrap_err();
        let error = kit::error::ServiceError::from(refused);
        assert_eq!((error.code(), error.reason()), (Code::InvalidArgument, reason), "{index}");
    }
}
