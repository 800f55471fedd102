//! What figures say after a branch was moved to another region, or changed its time zone.

use analytics_domain::fact::Fact;
use kit::{feed::Consumer as _, rpc::bearer};
use proto::{
    analytics::v1::{
        FigureFilter, FigureSource, GroupBy, IndexLeaf, LeafStatistic, QueryFiguresRequest,
        QueryFiguresResponse, RankUnitsRequest, RatingLeaf, Tree, WatchFiguresRequest,
        comparison_service_client::ComparisonServiceClient,
        figure_service_client::FigureServiceClient,
    },
    common::v1::{Permission, Reason},
    names,
};
use uuid::Uuid;

use super::{
    model::{Random, change_event, group},
    service::{ask, put, rating, today},
    survey,
    world::World,
};

const READ: [Permission; 1] = [Permission::AnalyticsRead];
const MINUTE_US: i64 = 60_000_000;
const DAY_US: i64 = 1_440 * MINUTE_US;

fn at(fact: Fact, us: i64) -> Fact {
    let mut fact = fact;
    match &mut fact {
        Fact::Rating(rating) => rating.time_us = us,
        Fact::Encounter(encounter) => encounter.time_us = us,
    }
    fact
}

fn unit(id: Uuid) -> String {
    names::print("units", id)
}

/// Ratings of each row, by unit or window.
fn counts(answer: &QueryFiguresResponse) -> Vec<(String, i64)> {
    let key = |row: &proto::analytics::v1::FigureRow| {
        let key = row.key.clone().unwrap();
        if key.unit.is_empty() { key.window } else { key.unit }
    };
    let mut counts: Vec<_> = answer.rows.iter().map(|row| (key(row), row.n)).collect();
    counts.sort();
    counts
}

fn sorted(counts: &[(Uuid, i64)]) -> Vec<(String, i64)> {
    let mut counts: Vec<_> = counts.iter().map(|(id, n)| (unit(*id), *n)).collect();
    counts.sort();
    counts
}

/// A rating at each branch; a minute later the first branch goes to another region, and a
/// minute after that is rated once more. The region that it went to.
async fn moved(world: &World) -> Uuid {
    let now = world.now_us();
    let before = now - 2 * MINUTE_US;
    put(world, 1, &[at(rating(world, 0, 5), before), at(rating(world, 2, 4), before)]).await;
    let west = world.restructure(now - MINUTE_US, now + DAY_US).await;
    put(world, 2, &[rating(world, 0, 1)]).await;
    west
}

fn by(group: GroupBy, request: QueryFiguresRequest) -> QueryFiguresRequest {
    QueryFiguresRequest { group_by: vec![group as i32], ..request }
}

#[tokio::test]
async fn a_rating_counts_for_the_region_that_its_branch_belonged_to_then() {
    for world in World::everywhere().await {
        let west = moved(&world).await;
        let (east, [moved, stayed]) = (world.org.region, world.org.branches);
        let token = world.org.user(world.org.root, &READ).await;
        let of = |id| by(GroupBy::Unit, today(id));
        let answer = ask(&world, &token, of(world.org.root)).await.unwrap();
        assert_eq!(counts(&answer), sorted(&[(east, 2), (west, 1)]), "{}", world.name);
        let answer = ask(&world, &token, of(east)).await.unwrap();
        assert_eq!(counts(&answer), sorted(&[(moved, 1), (stayed, 1)]));
        let answer = ask(&world, &token, of(west)).await.unwrap();
        assert_eq!(counts(&answer), sorted(&[(moved, 1)]));
        let present = |id| QueryFiguresRequest { tree: Tree::Present as i32, ..of(id) };
        let answer = ask(&world, &token, present(world.org.root)).await.unwrap();
        assert_eq!(counts(&answer), sorted(&[(east, 1), (west, 2)]), "as they stand now");
        let answer = ask(&world, &token, present(west)).await.unwrap();
        assert_eq!(counts(&answer), sorted(&[(moved, 2)]));
        assert_eq!(answer.total.unwrap().n, 2);
    }
}

#[tokio::test]
async fn a_regional_manager_sees_what_has_left_only_in_the_totals() {
    for world in World::everywhere().await {
        let west = moved(&world).await;
        let (east, [moved, stayed]) = (world.org.region, world.org.branches);
        let former = world.org.user(east, &READ).await;
        let answer = ask(&world, &former, by(GroupBy::Unit, today(east))).await.unwrap();
        assert_eq!(counts(&answer), sorted(&[(east, 1), (stayed, 1)]), "{}", world.name);
        assert_eq!(answer.total.unwrap().n, 2);
        let answer = ask(&world, &former, by(GroupBy::Window, today(east))).await.unwrap();
        let window = unit(world.org.windows[2]);
        assert_eq!(counts(&answer), [("-".to_owned(), 1), (window, 1)]);
        let windows = vec![unit(world.org.windows[0])];
        let filter = Some(FigureFilter { windows, ..Default::default() });
        let one = QueryFiguresRequest { filter, ..today(east) };
        assert_eq!(ask(&world, &former, one).await.unwrap().total.unwrap().n, 0);
        let hidden = ask(&world, &former, today(moved)).await.unwrap_err();
        assert_eq!(hidden.reason(), Reason::NotFound);

        let present = world.org.user(west, &READ).await;
        let answer = ask(&world, &present, by(GroupBy::Unit, today(west))).await.unwrap();
        assert_eq!(counts(&answer), sorted(&[(moved, 1)]), "from the move on");
        let whole = ask(&world, &present, today(moved)).await.unwrap();
        assert_eq!(whole.total.unwrap().n, 2, "the branch itself with its past");
    }
}

#[tokio::test]
async fn live_figures_and_rankings_use_the_tree_as_it_was() {
    let world = World::in_memory().await;
    let west = moved(&world).await;
    let east = world.org.region;
    let former = world.org.user(east, &READ).await;
    let request = WatchFiguresRequest { unit: unit(east), ..Default::default() };
    let mut client = FigureServiceClient::new(world.channel());
    let mut stream = client.watch_figures(bearer(request, &former)).await.unwrap().into_inner();
    let state = stream.message().await.unwrap().unwrap();
    assert_eq!((state.total.unwrap().n, state.rows.len()), (2, 2));
    assert!(state.rows.iter().all(|row| {
        row.key.as_ref().is_some_and(|key| key.unit != unit(world.org.branches[0]))
    }));

    let statistic = LeafStatistic::Satisfied as i32;
    let rating = Some(RatingLeaf { statistic, ..Default::default() });
    let request = RankUnitsRequest {
        below: unit(world.org.root),
        measure: Some(IndexLeaf { rating, ..Default::default() }),
        from: "2026-11-01".to_owned(),
        to: "2026-11-30".to_owned(),
        minimum_n: 1,
        ..Default::default()
    };
    let all = world.org.user(world.org.root, &READ).await;
    let mut client = ComparisonServiceClient::new(world.channel());
    let found = client.rank_units(bearer(request, &all)).await.unwrap().into_inner();
    let ranked: Vec<_> = found.rows.iter().map(|row| (row.unit.clone(), row.n, row.raw)).collect();
    assert_eq!(ranked, [(unit(east), 2, Some(100.0)), (unit(west), 1, Some(0.0))]);
}

#[tokio::test]
async fn a_rebuild_after_a_change_of_zone_puts_every_rating_on_the_day_that_it_had() {
    let us = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_microsecond();
    for world in World::everywhere().await {
        // Half an hour before midnight in Shanghai, and half an hour after it in Tokyo.
        let first = at(rating(&world, 0, 5), us("2026-11-20T15:30:00Z"));
        let second = at(rating(&world, 1, 4), us("2026-11-21T15:30:00Z"));
        put(&world, 1, std::slice::from_ref(&first)).await;
        let (zoned, moved) = (us("2026-11-21T00:00:00Z"), us("2026-11-21T01:00:00Z"));
        world.restructure(moved, zoned).await;
        put(&world, 2, std::slice::from_ref(&second)).await;
        let token = world.org.user(world.org.root, &READ).await;
        let request = QueryFiguresRequest {
            from: "2026-11-19".to_owned(),
            to: "2026-11-23".to_owned(),
            group_by: vec![GroupBy::Day as i32, GroupBy::Staff as i32],
            ..today(world.org.branches[0])
        };
        let reader = [Permission::AnalyticsRead, Permission::AnalyticsRankStaff];
        let staff = world.org.user(world.org.root, &reader).await;
        let days = |answer: &QueryFiguresResponse| -> Vec<(String, i64)> {
            let period = |row: &proto::analytics::v1::FigureRow| row.key.clone().unwrap().period;
            answer.rows.iter().map(|row| (period(row), row.n)).collect()
        };
        let before = ask(&world, &staff, request.clone()).await.unwrap();
        let expected = [("2026-11-20".to_owned(), 1), ("2026-11-22".to_owned(), 1)];
        assert_eq!(days(&before), expected, "{}", world.name);
        let cells = world.dump().await;

        let world = world.begun_again().await;
        assert_eq!(world.dump().await, Vec::<String>::new());
        put(&world, 3, std::slice::from_ref(&second)).await;
        put(&world, 4, std::slice::from_ref(&first)).await;
        assert_eq!(world.dump().await, cells, "{}", world.name);
        let after = ask(&world, &staff, request).await.unwrap();
        assert_eq!((after.rows, after.total), (before.rows, before.total));

        // What is taken back is looked for where it was counted.
        let event = change_event(&world, Some(&first), None);
        world.apply(vec![group(5, &[event])]).await;
        let left = ask(&world, &token, today(world.org.region)).await.unwrap();
        assert_eq!(left.total.unwrap().n, 0);
        let month = QueryFiguresRequest { from: "2026-11-01".to_owned(), ..today(world.org.root) };
        assert_eq!(ask(&world, &token, month).await.unwrap().total.unwrap().n, 1);
    }
}

#[tokio::test]
async fn a_fact_of_a_move_that_is_not_known_here_yet_waits_for_it() {
    let world = World::in_memory().await;
    let now = world.now_us();
    let mut fact = rating(&world, 0, 5);
    if let Fact::Rating(rating) = &mut fact {
        rating.site_since_us = Some(now - MINUTE_US);
    }
    let told = group(1, &[change_event(&world, None, Some(&fact))]);
    let applying = world.apply(vec![told]);
    let learning = async {
        tokio::task::yield_now().await;
        world.restructure(now - MINUTE_US, now + DAY_US).await
    };
    let ((), west) = tokio::join!(applying, learning);
    let token = world.org.user(west, &READ).await;
    assert_eq!(ask(&world, &token, today(west)).await.unwrap().total.unwrap().n, 1);
}

#[tokio::test]
async fn an_answer_says_where_its_site_stood_before_the_move_is_known_here() {
    let world = World::in_memory().await;
    let now = world.now_us();
    let mut answer = survey::response(&world, &mut Random::new(3));
    answer.place.site = world.org.branches[0];
    answer.place.unit = answer.place.site;
    (answer.place.suspect, answer.place.anonymous) = (false, false);
    (answer.time_us, answer.site_since_us) = (now, Some(now - MINUTE_US));
    let mut events = survey::version_events(&world);
    events.push(survey::change(&world, None, Some(&answer)));
    let applier = &world.service.answers.applier;
    applier.cursor().await.unwrap();
    let learning = async {
        tokio::task::yield_now().await;
        world.restructure(now - MINUTE_US, now + DAY_US).await
    };
    let (applied, west) = tokio::join!(applier.apply(vec![survey::group(1, &events)]), learning);
    applied.unwrap();
    let token = world.org.user(west, &READ).await;
    let source = FigureSource::Questionnaires as i32;
    let request = || QueryFiguresRequest { source, ..today(west) };
    let found = ask(&world, &token, request()).await.unwrap();
    assert_eq!(found.total.unwrap().responses, 1, "the region that it had moved to");

    let gone = survey::group(2, &[survey::change(&world, Some(&answer), None)]);
    applier.apply(vec![gone]).await.unwrap();
    assert_eq!(ask(&world, &token, request()).await.unwrap().total.unwrap().responses, 0);
}
