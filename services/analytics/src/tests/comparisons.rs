//! Rankings, funnels, importance, targets, score cards, alerts, the calendar and the honesty
//! checks, through the service's own door.

use std::time::Duration;

use analytics_domain::fact::{Encounter, End, Fact, Rating};
use kit::{clock::Clock as _, error::ServiceError, rpc::bearer};
use proto::{
    analytics::v1::{
        self as api, Alignment, CalendarDay, CompareWith, ComputeScoreCardRequest,
        CreateAlertRuleRequest, CreateScoreCardRequest, DayKind, DeleteAlertRuleRequest,
        DetectWithholdingRequest, GetVerificationRequest, IndexLeaf, LeafStatistic,
        ListAlertRulesRequest, ListAlertsRequest, ListCalendarDaysRequest, ListScoreCardsRequest,
        ListTargetsRequest, PlotFunnelRequest, ProposeTargetsRequest, QueryFiguresRequest,
        RankUnitsRequest, RatingLeaf, ScoreCard, ScoreCardMeasure, SetCalendarDaysRequest,
        SetTargetRequest, Target, TrafficLight, alert_service_client::AlertServiceClient,
        calendar_service_client::CalendarServiceClient,
        comparison_service_client::ComparisonServiceClient,
        figure_service_client::FigureServiceClient,
        integrity_service_client::IntegrityServiceClient,
        score_card_service_client::ScoreCardServiceClient,
        target_service_client::TargetServiceClient,
    },
    common::v1::{Permission, Reason},
    names,
};
use tonic::Code;

use super::{
    model::{change_event, group, template_events},
    service::{rating, served},
    world::World,
};
use crate::alerts;

const READ: [Permission; 1] = [Permission::AnalyticsRead];

pub fn satisfied() -> Option<IndexLeaf> {
    let statistic = LeafStatistic::Satisfied as i32;
    Some(IndexLeaf {
        rating: Some(RatingLeaf { statistic, ..Default::default() }),
        ..Default::default()
    })
}

fn mean() -> Option<IndexLeaf> {
    Some(IndexLeaf { rating: Some(RatingLeaf::default()), ..Default::default() })
}

pub async fn tell(world: &World, number: usize, facts: &[Fact]) {
    let mut events = template_events(world);
    events.extend(facts.iter().map(|fact| change_event(world, None, Some(fact))));
    world.apply(vec![group(number, &events)]).await;
}

/// Ratings at the windows of the first branch (mostly good) and of the second (half bad), and
/// three perfect ones at window 3.
fn grades(world: &World) -> Vec<Fact> {
    let mut facts = Vec::new();
    for number in 0..120 {
        facts.push(rating(world, number % 2, if number % 10 == 0 { 1 } else { 5 }));
        facts.push(rating(world, 2, if number % 2 == 0 { 1 } else { 5 }));
    }
    facts.extend((0..3).map(|_| rating(world, 3, 5)));
    facts
}

fn range() -> (String, String) {
    ("2026-11-01".to_owned(), "2026-11-30".to_owned())
}

#[tokio::test]
async fn few_ratings_are_drawn_to_the_mean_and_ranked_only_from_the_minimum_on() {
    for world in World::everywhere().await {
        tell(&world, 1, &grades(&world)).await;
        let token = world.org.user(world.org.root, &READ).await;
        let mut client = ComparisonServiceClient::new(world.channel());
        let (from, to) = range();
        let request = RankUnitsRequest {
            below: names::print("units", world.org.branches[1]),
            measure: satisfied(),
            from: from.clone(),
            to: to.clone(),
            minimum_n: 1,
            ..Default::default()
        };
        let found = client.rank_units(bearer(request.clone(), &token)).await.unwrap().into_inner();
        assert_eq!(found.rows.len(), 2, "{}", world.name);
        let few = found.rows.iter().find(|row| row.n == 3).unwrap();
        assert_eq!(few.raw, Some(100.0));
        assert!(few.shrunk.unwrap() < 100.0 && few.high.unwrap() - few.low.unwrap() > 5.0);
        assert_eq!(few.rank, 1);
        let ten = RankUnitsRequest { minimum_n: 0, ..request };
        let found = client.rank_units(bearer(ten.clone(), &token)).await.unwrap().into_inner();
        assert_eq!((found.rows.len(), found.excluded.len()), (1, 1));
        assert_eq!((found.excluded[0].raw, found.excluded[0].rank), (None, 0));
        for measure in [satisfied(), mean()] {
            let below = names::print("units", world.org.region);
            let request = RankUnitsRequest { below, measure, ..ten.clone() };
            let found = client.rank_units(bearer(request, &token)).await.unwrap().into_inner();
            let ranks: Vec<i32> = found.rows.iter().map(|row| row.rank).collect();
            assert_eq!(ranks, [1, 2], "{}: {:?}", world.name, found.method);
            assert_eq!(found.rows[0].unit, names::print("units", world.org.branches[0]));
        }
        let request = PlotFunnelRequest {
            below: names::print("units", world.org.region),
            measure: satisfied(),
            from,
            to,
            ..Default::default()
        };
        let plot = client.plot_funnel(bearer(request.clone(), &token)).await.unwrap().into_inner();
        let signals: Vec<i32> = plot.points.iter().map(|point| point.signal).collect();
        assert!(signals.contains(&2) && signals.contains(&-2), "{signals:?}");
        assert!(plot.curve.first().unwrap().low_95 < plot.curve.last().unwrap().low_95);
        let no_share = PlotFunnelRequest { measure: mean(), ..request };
        let refused = client.plot_funnel(bearer(no_share, &token)).await.unwrap_err();
        assert_eq!(ServiceError::from(refused).violations()[0].field, "measure");
    }
}

#[tokio::test]
async fn targets_have_lights_and_are_proposed_slightly_above_the_level() {
    for world in World::everywhere().await {
        tell(&world, 1, &grades(&world)).await;
        let manager = [Permission::AnalyticsRead, Permission::TargetManage];
        let token = world.org.user(world.org.root, &manager).await;
        let mut client = TargetServiceClient::new(world.channel());
        // The first branch reaches 90; the second 51.
        for (branch, indicator, value) in
            [(0, "satisfied", 88.0), (0, "more satisfied", 94.0), (1, "satisfied", 60.0)]
        {
            let target = Target {
                unit: names::print("units", world.org.branches[branch]),
                indicator: indicator.to_owned(),
                measure: satisfied(),
                value,
                ..Default::default()
            };
            let request = SetTargetRequest { target: Some(target) };
            let first = client.set_target(bearer(request.clone(), &token)).await.unwrap();
            let second = client.set_target(bearer(request, &token)).await.unwrap();
            assert_eq!(first.into_inner().name, second.into_inner().name, "one per indicator");
        }
        let (from, to) = range();
        let unit = names::print("units", world.org.root);
        let request = ListTargetsRequest { unit, from: from.clone(), to: to.clone() };
        let found = client.list_targets(bearer(request.clone(), &token)).await.unwrap();
        let found = found.into_inner();
        let mut lights: Vec<(f64, TrafficLight)> =
            found.targets.iter().map(|target| (target.value, target.light())).collect();
        lights.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert_eq!(
            lights,
            [(60.0, TrafficLight::Red), (88.0, TrafficLight::Green), (94.0, TrafficLight::Amber)],
            "{}",
            world.name
        );
        // Three ratings, all of them good, are too few for a light.
        let few = Target {
            unit: names::print("units", world.org.windows[3]),
            indicator: "satisfied".to_owned(),
            measure: satisfied(),
            value: 50.0,
            ..Default::default()
        };
        let set = SetTargetRequest { target: Some(few.clone()) };
        client.set_target(bearer(set, &token)).await.unwrap();
        let found = client.list_targets(bearer(request.clone(), &token)).await.unwrap();
        let found = found.into_inner().targets.into_iter().find(|t| t.unit == few.unit).unwrap();
        let shown = (found.n, found.present, found.light());
        assert_eq!(shown, (3, Some(100.0), TrafficLight::Unspecified), "{}", world.name);
        // Before the first rating there is nothing to judge.
        let early = ("2026-01-01".to_owned(), "2026-01-31".to_owned());
        let early = ListTargetsRequest { from: early.0, to: early.1, ..request };
        let found = client.list_targets(bearer(early, &token)).await.unwrap().into_inner();
        assert!(found.targets.iter().all(|t| t.light() == TrafficLight::Unspecified));
        let request = ProposeTargetsRequest {
            below: names::print("units", world.org.region),
            indicator: "satisfied".to_owned(),
            measure: satisfied(),
            from,
            to,
            ..Default::default()
        };
        let found = client.propose_targets(bearer(request, &token)).await.unwrap().into_inner();
        assert_eq!(found.targets.len(), 2);
        for target in found.targets {
            let present = target.present.unwrap();
            assert!(target.value > present && target.value < present + 25.0, "{target:?}");
        }
        let reader = world.org.user(world.org.root, &READ).await;
        let refused = client.set_target(bearer(
            SetTargetRequest {
                target: Some(Target {
                    unit: names::print("units", world.org.root),
                    indicator: "x".to_owned(),
                    measure: satisfied(),
                    ..Default::default()
                }),
            },
            &reader,
        ));
        assert_eq!(refused.await.unwrap_err().code(), Code::PermissionDenied);
    }
}

#[tokio::test]
async fn score_cards_judge_units_and_staff() {
    for world in World::everywhere().await {
        tell(&world, 1, &grades(&world)).await;
        let manager =
            [Permission::AnalyticsRead, Permission::TargetManage, Permission::AnalyticsRankStaff];
        let token = world.org.user(world.org.root, &manager).await;
        let mut client = ScoreCardServiceClient::new(world.channel());
        let measure =
            |id: &str, measure, weight| ScoreCardMeasure { id: id.to_owned(), measure, weight };
        let card = ScoreCard {
            unit: names::print("units", world.org.region),
            title: "November".to_owned(),
            measures: vec![measure("mean", mean(), 2.0), measure("good", satisfied(), 1.0)],
            ..Default::default()
        };
        let request = CreateScoreCardRequest { score_card: Some(card), request_id: "1".to_owned() };
        let card = client.create_score_card(bearer(request.clone(), &token)).await.unwrap();
        let again = client.create_score_card(bearer(request, &token)).await.unwrap();
        assert_eq!(card.get_ref(), again.get_ref());
        let list = ListScoreCardsRequest::default();
        let list = client.list_score_cards(bearer(list, &token)).await.unwrap().into_inner();
        assert_eq!(list.score_cards.len(), 1);
        let (from, to) = range();
        let request = ComputeScoreCardRequest {
            name: card.into_inner().name,
            below: String::new(),
            staff: false,
            from,
            to,
        };
        let found = client.compute_score_card(bearer(request.clone(), &token)).await.unwrap();
        let found = found.into_inner();
        assert_eq!(found.rows.len(), 2);
        assert_eq!(found.rows[0].unit, names::print("units", world.org.branches[0]));
        assert!(found.rows[0].score.unwrap() > found.rows[1].score.unwrap());
        let staff = ComputeScoreCardRequest { staff: true, ..request };
        let found = client.compute_score_card(bearer(staff.clone(), &token)).await.unwrap();
        let found = found.into_inner();
        assert_eq!(found.rows.len(), 4, "{}", world.name);
        let last = found.rows.last().unwrap();
        assert_eq!((last.n, last.score, last.rank), (6, None, 0), "three ratings, two measures");
        assert_eq!(last.staff, names::print("staff", world.org.staff[3]));
        assert_eq!(found.rows[2].staff, names::print("staff", world.org.staff[2]));
        let reader = world.org.user(world.org.root, &READ).await;
        let refused = client.compute_score_card(bearer(staff, &reader)).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
    }
}

/// A rating so many days before now.
pub fn days_ago(world: &World, days: u32, grade: i32) -> Fact {
    let Fact::Rating(rating) = rating(world, 0, grade) else { panic!("a rating") };
    let time_us = world.clock.now_us() - i64::from(days) * 86_400_000_000;
    Fact::Rating(Rating { time_us, ..rating })
}

#[tokio::test]
async fn a_day_outside_its_limits_raises_one_alert() {
    for world in World::everywhere().await {
        let mut facts = Vec::new();
        for day in 1..40 {
            for number in 0..40 {
                // Yesterday most were bad, before it one in ten, a little more on some days.
                let bad = if day == 1 { 30 } else { 4 + day % 3 };
                facts.push(days_ago(&world, day, if number < bad { 1 } else { 5 }));
            }
        }
        tell(&world, 1, &facts).await;
        let manager = [Permission::AnalyticsRead, Permission::TargetManage];
        let token = world.org.user(world.org.root, &manager).await;
        let mut client = AlertServiceClient::new(world.channel());
        let rule = api::AlertRule {
            unit: names::print("units", world.org.root),
            title: "bad day".to_owned(),
            measure: satisfied(),
            baseline_days: 30,
            ..Default::default()
        };
        let request = CreateAlertRuleRequest { alert_rule: Some(rule), ..Default::default() };
        let rule = client.create_alert_rule(bearer(request, &token)).await.unwrap().into_inner();
        let view = world.service.directory.organisation(world.org.org).unwrap();
        assert_eq!(alerts::evaluate(&world.service.app, &view).await.unwrap(), 1, "{}", world.name);
        assert_eq!(alerts::evaluate(&world.service.app, &view).await.unwrap(), 0, "once");
        let list = ListAlertsRequest::default();
        let list = client.list_alerts(bearer(list, &token)).await.unwrap().into_inner().alerts;
        assert_eq!(list.len(), 1);
        let alert = &list[0];
        assert_eq!((alert.n, alert.day.as_str()), (40, "2026-11-21"));
        assert_eq!(alert.unit, names::print("units", world.org.branches[0]));
        assert!(alert.share < alert.low && alert.low < alert.center, "{alert:?}");
        let below = world.org.user(world.org.branches[1], &READ).await;
        let none = client.list_alerts(bearer(ListAlertsRequest::default(), &below)).await;
        assert!(none.unwrap().into_inner().alerts.is_empty(), "another branch's");
        world.clock.advance(Duration::from_secs(86_400));
        assert_eq!(alerts::evaluate(&world.service.app, &view).await.unwrap(), 0, "no answers");
        let name = rule.name;
        let request = DeleteAlertRuleRequest { name: name.clone() };
        client.delete_alert_rule(bearer(request.clone(), &token)).await.unwrap();
        let refused = client.delete_alert_rule(bearer(request, &token)).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
        let rules = ListAlertRulesRequest::default();
        let rules = client.list_alert_rules(bearer(rules, &token)).await.unwrap().into_inner();
        assert!(rules.alert_rules.is_empty());
    }
}

#[tokio::test]
async fn the_calendar_can_be_extended_and_lays_like_days_side_by_side() {
    for world in World::everywhere().await {
        let manager = [Permission::AnalyticsRead, Permission::CalendarManage];
        let token = world.org.user(world.org.root, &manager).await;
        let mut client = CalendarServiceClient::new(world.channel());
        let day = CalendarDay {
            date: "2027-02-06".to_owned(),
            kind: DayKind::Off as i32,
            title: "春节".to_owned(),
            ..Default::default()
        };
        let request = SetCalendarDaysRequest { days: vec![day.clone()] };
        let set = client.set_calendar_days(bearer(request, &token)).await.unwrap().into_inner();
        assert!(set.days[0].own && set.days[0].lunar_date == "2027-01-01");
        let request =
            ListCalendarDaysRequest { from: "2026-10-01".to_owned(), to: "2026-10-10".to_owned() };
        let list = client.list_calendar_days(bearer(request, &token)).await.unwrap().into_inner();
        assert_eq!((list.days.len(), list.days[0].kind()), (10, DayKind::Off));
        assert_eq!(list.days[9].kind(), DayKind::Working, "a Saturday made up for");
        assert_eq!(list.days[9].weekday, 6);
        let below = world.org.user(world.org.region, &manager).await;
        let request = SetCalendarDaysRequest { days: vec![day] };
        let refused = client.set_calendar_days(bearer(request, &below)).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "the organisation's calendar");
        aligned(&world, &token).await;
    }
}

async fn aligned(world: &World, token: &str) {
    let mut client = FigureServiceClient::new(world.channel());
    let mut request = QueryFiguresRequest {
        unit: names::print("units", world.org.root),
        from: "2026-02-17".to_owned(),
        to: "2026-02-23".to_owned(),
        compare_with: CompareWith::SamePeriodLastYear as i32,
        ..Default::default()
    };
    for (alignment, first) in [
        (Alignment::Date, "2025-02-16T16:00:00Z"),
        (Alignment::Weekday, "2025-02-17T16:00:00Z"),
        (Alignment::Lunar, "2025-01-28T16:00:00Z"),
    ] {
        request.alignment = alignment as i32;
        let found = client.query_figures(bearer(request.clone(), token)).await.unwrap();
        let from = found.into_inner().total.unwrap().comparison.unwrap().from.unwrap();
        let from = proto::time::to_us(&from);
        let wanted: jiff::Timestamp = first.parse().unwrap();
        assert_eq!(from, wanted.as_microsecond(), "{} {alignment:?}", world.name);
    }
    working_days(world, token).await;
    request.group_by = vec![api::GroupBy::Day as i32];
    let refused = client.query_figures(bearer(request, token)).await.unwrap_err();
    assert_eq!(ServiceError::from(refused).reason(), Reason::InvalidField);
}

/// The earlier period has as many working days; a day that the organisation takes off moves it.
async fn working_days(world: &World, token: &str) {
    let mut figures = FigureServiceClient::new(world.channel());
    let mut calendar = CalendarServiceClient::new(world.channel());
    let request = QueryFiguresRequest {
        unit: names::print("units", world.org.root),
        // Monday to Friday, and the days before them.
        from: "2026-11-16".to_owned(),
        to: "2026-11-20".to_owned(),
        compare_with: CompareWith::PreviousPeriod as i32,
        alignment: Alignment::WorkingDay as i32,
        ..Default::default()
    };
    for (off, first) in [(false, "2026-11-08T16:00:00Z"), (true, "2026-11-05T16:00:00Z")] {
        if off {
            let day = CalendarDay {
                date: "2026-11-11".to_owned(),
                kind: DayKind::Off as i32,
                title: "停电".to_owned(),
                ..Default::default()
            };
            let set = SetCalendarDaysRequest { days: vec![day] };
            calendar.set_calendar_days(bearer(set, token)).await.unwrap();
        }
        let found = figures.query_figures(bearer(request.clone(), token)).await.unwrap();
        let from = found.into_inner().total.unwrap().comparison.unwrap().from.unwrap();
        let wanted: jiff::Timestamp = first.parse().unwrap();
        let from = proto::time::to_us(&from);
        assert_eq!(from, wanted.as_microsecond(), "{}: a day off {off}", world.name);
    }
}

#[tokio::test]
async fn who_asks_half_as_often_is_found_and_nobody_else() {
    for world in World::everywhere().await {
        let mut facts = Vec::new();
        for number in 0..400 {
            for window in 0..2 {
                let Fact::Encounter(one) = served(&world, window) else { panic!("a service") };
                let prompted = number % 10 != 0 && !(window == 1 && number % 2 == 0);
                let end = if prompted { End::Rated } else { End::Open };
                let time_us = one.time_us - i64::from(number % 5) * 86_400_000_000;
                facts.push(Fact::Encounter(Encounter { prompted, end, time_us, ..one }));
            }
        }
        tell(&world, 1, &facts).await;
        let permissions = [Permission::AnalyticsRankStaff];
        let token = world.org.user(world.org.root, &permissions).await;
        let (from, to) = range();
        let request = DetectWithholdingRequest {
            unit: names::print("units", world.org.branches[0]),
            from,
            to,
            ..Default::default()
        };
        let mut client = IntegrityServiceClient::new(world.channel());
        let found = client.detect_withholding(bearer(request.clone(), &token)).await.unwrap();
        let found = found.into_inner();
        let flagged: Vec<bool> = found.rows.iter().map(|row| row.flagged).collect();
        assert_eq!(flagged, [true, false], "{}", world.name);
        assert_eq!(found.rows[0].staff, names::print("staff", world.org.staff[1]));
        assert!(found.rows[0].odds_ratio.unwrap() < 0.3 && !found.model.is_empty());
        let list = &found.rows[0].services;
        assert!(list.starts_with("/v1/encounters?unit=units/u_"), "{list}");
        assert!(list.contains(&format!("&staff={}&unpromptedOnly=true&", found.rows[0].staff)));
        let reader = world.org.user(world.org.root, &READ).await;
        let refused = client.detect_withholding(bearer(request, &reader)).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
    }
}

#[tokio::test]
async fn figures_explain_themselves_and_say_what_trust_marks_change() {
    for world in World::everywhere().await {
        let mut facts = grades(&world);
        for fact in facts.iter_mut().take(60) {
            let Fact::Rating(rating) = fact else { panic!("a rating") };
            rating.distrusted = true;
        }
        tell(&world, 1, &facts).await;
        let permissions = [Permission::AnalyticsRead, Permission::RatingRead];
        let token = world.org.user(world.org.root, &permissions).await;
        let (from, to) = range();
        let request = QueryFiguresRequest {
            unit: names::print("units", world.org.root),
            from,
            to,
            group_by: vec![api::GroupBy::Item as i32],
            ..Default::default()
        };
        let mut client = IntegrityServiceClient::new(world.channel());
        let found = client.compare_trust(bearer(request.clone(), &token)).await.unwrap();
        let total = found.into_inner().total.unwrap();
        assert_eq!((total.trusted.unwrap().n, total.all.unwrap().n), (183, 243));
        assert!((total.distrusted_share.unwrap() - 60.0 / 243.0).abs() < 1e-12);
        assert!(total.csat_change.unwrap().abs() > 0.0);

        let found = client.explain_figures(bearer(request, &token)).await.unwrap().into_inner();
        assert_eq!((found.n, found.exclusions[0].cause.as_str()), (183, "distrusted"));
        assert_eq!(found.definition_hash.len(), 64);
        assert!(found.question.contains("Headquarters") && !found.definitions.is_empty());
        let allowed: Vec<bool> = found.drill_down.iter().map(|list| list.allowed).collect();
        assert_eq!(allowed, [true, true, true, false], "services need another permission");
        let tree = "&tree=TREE_AS_OF_SERVICE";
        assert!(found.drill_down.iter().all(|list| list.path.contains(tree)), "as the figure");

        let request = GetVerificationRequest {};
        let none = client.get_verification(bearer(request, &token)).await.unwrap().into_inner();
        assert_eq!((none.runs, none.time), (0, None));
        let report = crate::reconcile::Report { equal: true, ..Default::default() };
        crate::verifier::keep(&world.db, world.org.org, report, world.now_us()).await.unwrap();
        let found = client.get_verification(bearer(request, &token)).await.unwrap().into_inner();
        assert!(found.equal && found.runs == 1 && found.mismatches == 0);
    }
}
