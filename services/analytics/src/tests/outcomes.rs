//! Retention, retests and withheld questions, with services that know persons and single
//! services played by the test.

use std::sync::{Arc, Mutex};

use kit::{error::ServiceError, rpc::bearer};
use proto::{
    analytics::v1::{
        AnswerSelection, ComputeRetentionRequest, DetectWithholdingRequest, EstimateRetestRequest,
        comparison_service_client::ComparisonServiceClient,
        index_service_client::IndexServiceClient, integrity_service_client::IntegrityServiceClient,
    },
    common::v1::Permission,
    device::v1::{
        CountPromptingRequest, CountPromptingResponse, PromptingCount,
        prompting_service_server::PromptingService,
    },
    names,
    survey::v1::{
        CountOutcomesRequest, CountOutcomesResponse, ListRetestsRequest, ListRetestsResponse,
        OutcomeCount, Retest, outcome_service_server::OutcomeService,
    },
    time,
};
use tonic::{Code, Request, Response, Status};

use super::{indices, survey::QUESTIONNAIRE, world::World};

/// What the services asked are to say, and what they were asked last.
#[derive(Default)]
struct Script {
    outcomes: CountOutcomesResponse,
    retests: ListRetestsResponse,
    prompting: CountPromptingResponse,
    asked_outcomes: Option<CountOutcomesRequest>,
    asked_retests: Option<ListRetestsRequest>,
    asked_prompting: Option<CountPromptingRequest>,
}

/// Says what the test wants.
#[derive(Clone, Default)]
pub struct FakeOutcomes(Arc<Mutex<Script>>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl OutcomeService for FakeOutcomes {
    async fn count_outcomes(
        &self,
        request: Request<CountOutcomesRequest>,
    ) -> Answer<CountOutcomesResponse> {
        let mut script = self.0.lock().unwrap();
        script.asked_outcomes = Some(request.into_inner());
        Ok(Response::new(script.outcomes.clone()))
    }

    async fn list_retests(
        &self,
        request: Request<ListRetestsRequest>,
    ) -> Answer<ListRetestsResponse> {
        let mut script = self.0.lock().unwrap();
        script.asked_retests = Some(request.into_inner());
        Ok(Response::new(script.retests.clone()))
    }
}

#[tonic::async_trait]
impl PromptingService for FakeOutcomes {
    async fn count_prompting(
        &self,
        request: Request<CountPromptingRequest>,
    ) -> Answer<CountPromptingResponse> {
        let mut script = self.0.lock().unwrap();
        script.asked_prompting = Some(request.into_inner());
        Ok(Response::new(script.prompting.clone()))
    }
}

fn selection() -> Option<AnswerSelection> {
    Some(AnswerSelection {
        questionnaire: names::print("questionnaires", QUESTIONNAIRE),
        from: "2026-11-01".to_owned(),
        to: "2026-11-30".to_owned(),
        ..Default::default()
    })
}

fn kind(grade: i32, bought_before: bool, purchases: i32, customers: i64) -> OutcomeCount {
    let amount_cents = i64::from(purchases) * customers * 1_000;
    let amount_squares = f64::from(purchases * 10).powi(2) * customers as f64;
    OutcomeCount { grade, bought_before, purchases, customers, amount_cents, amount_squares }
}

#[tokio::test]
async fn retention_is_told_by_grade_and_small_groups_are_hidden() {
    let world = World::in_memory().await;
    indices::told(&world, 10).await;
    let counts = vec![
        kind(2, true, 0, 8),
        kind(2, true, 1, 2),
        kind(9, true, 2, 9),
        kind(9, true, 0, 1),
        kind(9, false, 1, 5),
    ];
    world.survey.outcomes.0.lock().unwrap().outcomes =
        CountOutcomesResponse { counts: counts.clone(), unfinished: 3 };
    let token = world.org.user(world.org.branches[0], &[Permission::AnalyticsRead]).await;
    let mut client = ComparisonServiceClient::new(world.channel());
    let request = ComputeRetentionRequest {
        unit: names::print("units", world.org.branches[0]),
        answers: selection(),
        item: "satisfaction1".to_owned(),
        follow_up_days: 0,
    };
    let found = client.compute_retention(bearer(request.clone(), &token)).await.unwrap();
    let found = found.into_inner();
    assert_eq!((found.follow_up_days, found.unfinished), (180, 3));
    let shares: Vec<(i32, Option<f64>)> =
        found.rows.iter().map(|row| (row.grade, row.retention)).collect();
    assert_eq!(shares, [(2, Some(0.2)), (9, Some(0.9))]);
    let high = &found.rows[1];
    assert!(high.low.unwrap() < 0.9 && high.high.unwrap() > 0.9);
    assert_eq!((high.customers, high.later_buyers), (15, 14));
    assert_eq!(high.amount_cents_per_customer, Some(23_000.0 / 15.0));
    assert_eq!(found.total.unwrap().retention, Some(11.0 / 20.0));
    let link = found.link.unwrap();
    assert!(link.rho.unwrap() > 0.5 && link.rho_p.unwrap() < 0.01 && link.reason.is_empty());
    assert!(link.odds_ratio.unwrap() > 1.0 && link.odds_low.unwrap() > 1.0);
    assert_eq!(found.expected, None, "the table is of five grades");

    // What is asked for is the time of the unit's own days, and nobody else's answers.
    let asked = world.survey.outcomes.0.lock().unwrap().asked_outcomes.clone().unwrap();
    let answers = asked.answers.unwrap();
    assert_eq!(answers.unit, names::print("units", world.org.branches[0]));
    assert_eq!(answers.organisation, names::print("organisations", world.org.org));
    let from = time::to_us(&answers.from.unwrap());
    let midnight: jiff::Timestamp = "2026-10-31T16:00:00Z".parse().unwrap();
    assert_eq!((from, asked.follow_up_days), (midnight.as_microsecond(), 180));

    few_are_hidden(&world, &token, request, counts).await;
}

async fn few_are_hidden(
    world: &World,
    token: &str,
    request: ComputeRetentionRequest,
    counts: Vec<OutcomeCount>,
) {
    let mut client = ComparisonServiceClient::new(world.channel());
    // Four customers are hidden, and so is whoever would tell of them by subtraction.
    let mut few = counts;
    few.push(kind(5, true, 1, 4));
    world.survey.outcomes.0.lock().unwrap().outcomes.counts = few;
    let found = client.compute_retention(bearer(request.clone(), token)).await.unwrap();
    let rows = found.into_inner().rows;
    let hidden: Vec<bool> = rows.iter().map(|row| row.suppressed).collect();
    assert_eq!(hidden, [true, true, false]);
    assert!(rows.iter().take(2).all(|row| row.customers == 0 && row.retention.is_none()));

    for (change, field) in [
        (ComputeRetentionRequest { item: "nobody".to_owned(), ..request.clone() }, "item"),
        (ComputeRetentionRequest { follow_up_days: 2_000, ..request.clone() }, "followUpDays"),
    ] {
        let refused = client.compute_retention(bearer(change, token)).await.unwrap_err();
        assert_eq!(ServiceError::from(refused).violations()[0].field, field);
    }
    let above = ComputeRetentionRequest { unit: names::print("units", world.org.root), ..request };
    let refused = client.compute_retention(bearer(above, token)).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}

#[tokio::test]
async fn answers_given_twice_are_compared_and_few_of_them_are_hidden() {
    let world = World::in_memory().await;
    indices::told(&world, 10).await;
    let pairs =
        [(10.0, 20.0), (30.0, 30.0), (50.0, 55.0), (60.0, 65.0), (80.0, 80.0), (90.0, 100.0)];
    let retests = pairs.map(|(first, second)| Retest { first, second });
    world.survey.outcomes.0.lock().unwrap().retests =
        ListRetestsResponse { retests: retests.into(), incomplete: 2 };
    let token = world.org.user(world.org.root, &[Permission::AnalyticsRead]).await;
    let mut client = IndexServiceClient::new(world.channel());
    let request = EstimateRetestRequest {
        unit: names::print("units", world.org.root),
        answers: selection(),
        ..Default::default()
    };
    let found = client.estimate_retest(bearer(request.clone(), &token)).await.unwrap();
    let found = found.into_inner();
    assert_eq!((found.n, found.incomplete, found.reason.as_str()), (6, 2, ""));
    assert_eq!(found.mean_difference, Some(5.0));
    // Differences 10, 0, 5, 5, 0, 10: sd √20, t = 5/(√20/√6) = √7.5.
    assert!((found.t.unwrap() - 7.5_f64.sqrt()).abs() < 1e-9);
    assert_eq!(found.stable, Some(false), "p is {:?}", found.p);
    assert!(found.correlation.unwrap() > 0.98 && found.icc.unwrap() > 0.9);
    assert!(found.icc.unwrap() < found.correlation.unwrap(), "a shift is no agreement");
    let asked = world.survey.outcomes.0.lock().unwrap().asked_retests.clone().unwrap();
    assert_eq!((asked.least_days, asked.most_days, asked.items.len()), (7, 60, 12));

    let strict = EstimateRetestRequest { alpha: 0.01, ..request.clone() };
    let found = client.estimate_retest(bearer(strict, &token)).await.unwrap().into_inner();
    assert_eq!(found.stable, Some(true));
    world.survey.outcomes.0.lock().unwrap().retests.retests.truncate(4);
    let found = client.estimate_retest(bearer(request.clone(), &token)).await.unwrap();
    let found = found.into_inner();
    assert!(found.suppressed && found.n == 0 && found.mean_difference.is_none());
    world.survey.outcomes.0.lock().unwrap().retests.retests.clear();
    let found = client.estimate_retest(bearer(request.clone(), &token)).await.unwrap();
    assert_eq!(found.into_inner().reason, "no_data");
    for (change, field) in [
        (EstimateRetestRequest { items: vec!["nobody".to_owned()], ..request.clone() }, "items[0]"),
        (EstimateRetestRequest { least_days: -1, ..request.clone() }, "leastDays"),
        (EstimateRetestRequest { least_days: 9, most_days: 8, ..request.clone() }, "mostDays"),
        (EstimateRetestRequest { alpha: 1.0, ..request.clone() }, "alpha"),
    ] {
        let refused = client.estimate_retest(bearer(change, &token)).await.unwrap_err();
        assert_eq!(ServiceError::from(refused).violations()[0].field, field);
    }
}

/// Services of two members of staff on ten days. Both ask after nine of ten short services and
/// after three of ten long ones; the second one serves mostly long ones.
fn services(world: &World, withheld: bool) -> Vec<PromptingCount> {
    let mut counts = Vec::new();
    for day in 1..=10 {
        for (member, (short, long)) in [(0, (40, 10)), (1, (10, 40))] {
            for (length_class, served, asked) in
                [(1, short, short * 9 / 10), (5, long, long * 3 / 10)]
            {
                for after_bad in [false, true] {
                    let fewer = withheld && after_bad;
                    counts.push(PromptingCount {
                        site: names::print("units", world.org.branches[0]),
                        staff: names::print("staff", world.org.staff[member]),
                        date: format!("2026-11-{day:02}"),
                        length_class,
                        after_bad,
                        served,
                        prompted: if fewer { asked / 3 } else { asked },
                        ..Default::default()
                    });
                }
            }
        }
    }
    counts
}

#[tokio::test]
async fn who_serves_longer_is_not_accused_when_services_of_like_length_are_compared() {
    let world = World::in_memory().await;
    world.device.outcomes.0.lock().unwrap().prompting =
        CountPromptingResponse { counts: services(&world, false) };
    let token = world.org.user(world.org.root, &[Permission::AnalyticsRankStaff]).await;
    let mut client = IntegrityServiceClient::new(world.channel());
    let request = DetectWithholdingRequest {
        unit: names::print("units", world.org.branches[0]),
        from: "2026-11-01".to_owned(),
        to: "2026-11-30".to_owned(),
        by_service: true,
        ..Default::default()
    };
    let found = client.detect_withholding(bearer(request.clone(), &token)).await.unwrap();
    let found = found.into_inner();
    assert_eq!(found.rows.len(), 2);
    assert!(found.rows.iter().all(|row| !row.flagged), "alike at like work: {:?}", found.rows);
    let rate = |row: usize| found.rows[row].prompted as f64 / found.rows[row].served as f64;
    assert!((rate(0) - rate(1)).abs() > 0.3, "though their rates differ");
    let flagged: Vec<&str> =
        found.factors.iter().filter(|f| f.flagged).map(|f| f.factor.as_str()).collect();
    assert_eq!(flagged, ["length_600_1200"], "{:?}", found.factors);
    assert!(found.model.contains("length of the service"));

    world.device.outcomes.0.lock().unwrap().prompting =
        CountPromptingResponse { counts: services(&world, true) };
    let found = client.detect_withholding(bearer(request, &token)).await.unwrap().into_inner();
    let after_bad = found.factors.iter().find(|factor| factor.factor == "after_bad").unwrap();
    assert!(after_bad.flagged && after_bad.odds_ratio.unwrap() < 0.5, "{after_bad:?}");
    assert!(found.rows.iter().all(|row| !row.flagged));
    let asked = world.device.outcomes.0.lock().unwrap().asked_prompting.clone().unwrap();
    assert_eq!(asked.unit, names::print("units", world.org.branches[0]));
    let days = time::to_us(&asked.to.unwrap()) - time::to_us(&asked.from.unwrap());
    assert_eq!(days, 30 * 86_400_000_000);
}
