//! The service through its own door: permissions, errors, streams.

use std::time::Duration;

use analytics_domain::fact::{Encounter, End, Fact, Grade, Place, Rating};
use kit::{
    error::ServiceError,
    rpc::{Chan, bearer},
};
use proto::{
    analytics::v1::{
        CompareWith, FigureFilter, FigureRow, FigureSource, GroupBy, QueryFiguresRequest,
        QueryFiguresResponse, WatchFiguresRequest, WatchFiguresResponse,
        figure_service_client::FigureServiceClient,
    },
    auth::v1::{Staff, event::Change as AuthChange},
    common::v1::{Permission, Reason},
    names,
};
use tonic::{Code, Streaming};
use uuid::Uuid;

use super::{
    model::{TEMPLATES, change_event, group, template_events},
    world::World,
};

pub fn rating(world: &World, window: usize, grade: i32) -> Fact {
    Fact::Rating(Rating {
        place: place(world, window),
        time_us: world.now_us(),
        channel: 1,
        template: TEMPLATES[0],
        grades: vec![("overall".to_owned(), Grade::new(grade).unwrap())],
        distrusted: false,
        site_since_us: None,
    })
}

pub fn served(world: &World, window: usize) -> Fact {
    Fact::Encounter(Encounter {
        place: place(world, window),
        time_us: world.now_us(),
        served: true,
        prompted: true,
        shown: true,
        end: End::Rated,
        service_ms: Some(90_000),
        waiting_ms: None,
        site_since_us: None,
    })
}

fn place(world: &World, window: usize) -> Place {
    Place {
        org: world.org.org,
        site: world.org.branches[window / 2],
        window: world.org.windows[window],
        staff: world.org.staff[window],
        business_type: "loan".to_owned(),
    }
}

pub async fn put(world: &World, number: usize, facts: &[Fact]) {
    let mut events = template_events(world);
    events.extend(facts.iter().map(|fact| change_event(world, None, Some(fact))));
    world.apply(vec![group(number, &events)]).await;
}

pub fn today(unit: Uuid) -> QueryFiguresRequest {
    QueryFiguresRequest {
        unit: names::print("units", unit),
        from: "2026-11-22".to_owned(),
        to: "2026-11-22".to_owned(),
        ..Default::default()
    }
}

pub async fn ask(
    world: &World,
    token: &str,
    request: QueryFiguresRequest,
) -> Result<QueryFiguresResponse, ServiceError> {
    let mut client = FigureServiceClient::new(world.channel());
    let answer = client.query_figures(bearer(request, token)).await;
    answer.map(tonic::Response::into_inner).map_err(ServiceError::from)
}

#[tokio::test]
async fn a_branch_manager_reads_the_figures_of_the_branch() {
    for world in World::everywhere().await {
        let facts =
            [rating(&world, 0, 5), rating(&world, 0, 5), rating(&world, 1, 1), served(&world, 0)];
        put(&world, 1, &facts).await;
        let token = world.org.user(world.org.branches[0], &[Permission::AnalyticsRead]).await;
        let mut request = today(world.org.branches[0]);
        request.group_by = vec![GroupBy::Unit as i32];
        request.compare_with = CompareWith::PreviousPeriod as i32;
        let answer = ask(&world, &token, request).await.unwrap();
        assert_eq!(answer.rows.len(), 2, "{}", world.name);
        let row = &answer.rows[0];
        let key = row.key.as_ref().unwrap();
        assert_eq!(key.unit, names::print("units", world.org.windows[0]));
        assert_eq!((key.display_name.as_str(), row.n, row.served), ("W0", 2, 1));
        assert_eq!(row.coverage.as_ref().unwrap().value, Some(1.0));
        assert_eq!(row.service_s, Some(90.0));
        assert_eq!(row.comparison.as_ref().unwrap().n, 0);
        let total = answer.total.unwrap();
        assert_eq!(total.grades.iter().map(|g| g.count).collect::<Vec<_>>(), [1, 0, 0, 0, 2]);
        assert_eq!(total.bad_per_10000.map(f64::round), Some(3333.0));
        assert_eq!(answer.watermark, "0.1");
        assert_eq!(
            (answer.time_zone.as_str(), answer.definition_hash.len()),
            ("Asia/Shanghai", 64)
        );
    }
}

#[tokio::test]
async fn other_branches_other_organisations_and_nothing_look_the_same() {
    let world = World::in_memory().await;
    let read = [Permission::AnalyticsRead];
    let token = world.org.user(world.org.branches[0], &read).await;
    for unit in [world.org.branches[1], world.org.root, world.other.root, Uuid::now_v7()] {
        let error = ask(&world, &token, today(unit)).await.unwrap_err();
        assert_eq!((error.code(), error.reason()), (Code::NotFound, Reason::NotFound));
        assert_eq!(error.message(), "no such unit");
        let request =
            WatchFiguresRequest { unit: names::print("units", unit), ..Default::default() };
        let error = watch(world.channel(), &token, request).await.unwrap_err();
        assert_eq!((error.code(), error.reason()), (Code::NotFound, Reason::NotFound));
    }
    let device = world.org.user(world.org.branches[0], &[Permission::DeviceRead]).await;
    let error = ask(&world, &device, today(world.org.branches[0])).await.unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn figures_of_single_staff_members_need_a_permission_or_are_ones_own() {
    let world = World::in_memory().await;
    put(&world, 1, &[rating(&world, 0, 5), rating(&world, 1, 4)]).await;
    let branch = world.org.branches[0];
    let by_staff =
        || QueryFiguresRequest { group_by: vec![GroupBy::Staff as i32], ..today(branch) };
    let of = |staff: Uuid| QueryFiguresRequest {
        filter: Some(FigureFilter {
            staff: vec![names::print("staff", staff)],
            ..Default::default()
        }),
        ..today(branch)
    };
    let manager = [Permission::AnalyticsRead, Permission::AnalyticsRankStaff];
    let manager = world.org.user(branch, &manager).await;
    assert_eq!(ask(&world, &manager, by_staff()).await.unwrap().rows.len(), 2);

    let (user, token) = world.org.user_with_id(branch, &[Permission::AnalyticsRead]).await;
    let error = ask(&world, &token, by_staff()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::PermissionDenied);
    let staff = Staff {
        name: names::print("staff", world.org.staff[0]),
        unit: names::print("units", branch),
        user: names::print("users", user),
        display_name: "S0".to_owned(),
        ..Default::default()
    };
    world.org.apply(vec![AuthChange::StaffChanged(staff)]).await;
    let own = ask(&world, &token, by_staff()).await.unwrap();
    assert_eq!(own.rows.len(), 1);
    assert_eq!(own.rows[0].key.as_ref().unwrap().staff, names::print("staff", world.org.staff[0]));
    assert_eq!(own.total.unwrap().n, 1);
    assert_eq!(ask(&world, &token, of(world.org.staff[0])).await.unwrap().total.unwrap().n, 1);
    let error = ask(&world, &token, of(world.org.staff[1])).await.unwrap_err();
    assert_eq!(error.reason(), Reason::PermissionDenied);
}

#[tokio::test]
async fn a_moved_window_keeps_its_figures_and_leaves_its_branch_what_was_given_there() {
    for world in World::everywhere().await {
        let mut late = rating(&world, 0, 5);
        put(&world, 1, &[late.clone()]).await;
        world.org.move_window(0, 1, world.now_us()).await;
        // Given in the new branch after the move.
        if let Fact::Rating(rating) = &mut late {
            rating.place.site = world.org.branches[1];
        }
        put(&world, 2, &[late]).await;
        let token = world.org.user(world.org.root, &[Permission::AnalyticsRead]).await;
        for (unit, n) in
            [(world.org.branches[0], 1), (world.org.branches[1], 1), (world.org.windows[0], 2)]
        {
            let answer = ask(&world, &token, today(unit)).await.unwrap();
            assert_eq!(answer.total.unwrap().n, n, "{}", world.name);
        }
    }
}

#[tokio::test]
async fn staff_see_the_figures_of_their_own_services_and_no_others() {
    for world in World::everywhere().await {
        put(&world, 1, &[rating(&world, 0, 5), rating(&world, 1, 4), rating(&world, 2, 3)]).await;
        let [branch, other] = world.org.branches;
        let own = [Permission::OrgRead, Permission::AnalyticsReadOwn];
        let (user, token) = world.org.user_with_id(branch, &own).await;
        let nobody = ask(&world, &token, today(branch)).await.unwrap_err();
        assert_eq!(nobody.code(), Code::PermissionDenied, "{}", world.name);
        world.org.link_staff(0, user).await;

        let grouped =
            |group: GroupBy| QueryFiguresRequest { group_by: vec![group as i32], ..today(branch) };
        for group in [GroupBy::Unit, GroupBy::Staff, GroupBy::Window, GroupBy::Day] {
            let answer = ask(&world, &token, grouped(group)).await.unwrap();
            assert_eq!((answer.rows.len(), answer.total.unwrap().n), (1, 1), "{}", world.name);
        }
        let of = |staff: usize| QueryFiguresRequest {
            filter: Some(FigureFilter {
                staff: vec![names::print("staff", world.org.staff[staff])],
                ..Default::default()
            }),
            ..today(branch)
        };
        assert_eq!(ask(&world, &token, of(0)).await.unwrap().total.unwrap().n, 1);
        let colleague = ask(&world, &token, of(1)).await.unwrap_err();
        assert_eq!(colleague.code(), Code::PermissionDenied, "{}", world.name);
        let elsewhere = ask(&world, &token, today(other)).await.unwrap_err();
        assert_eq!(elsewhere.code(), Code::NotFound, "{}", world.name);
        // The live stream is for those who see the unit.
        let request =
            WatchFiguresRequest { unit: names::print("units", branch), ..Default::default() };
        let live = watch(world.channel(), &token, request).await.unwrap_err();
        assert_eq!(live.code(), Code::PermissionDenied, "{}", world.name);
        let answers =
            QueryFiguresRequest { source: FigureSource::Questionnaires as i32, ..today(branch) };
        let answers = ask(&world, &token, answers).await.unwrap_err();
        assert_eq!(answers.code(), Code::PermissionDenied, "{}", world.name);
    }
}

type Spoil = fn(&mut QueryFiguresRequest);

#[tokio::test]
async fn bad_questions_are_told_what_is_wrong() {
    let world = World::in_memory().await;
    let token = world.org.user(world.org.root, &[Permission::AnalyticsRead]).await;
    let fields: [(Spoil, &str); 11] = [
        (|r| r.from.clear(), "from"),
        (|r| r.from = "yesterday".to_owned(), "from"),
        (|r| r.to = "2026-11-31".to_owned(), "to"),
        (|r| r.to = "2026-11-21".to_owned(), "to"),
        (|r| r.time_zone = "Mars/Olympus".to_owned(), "timeZone"),
        (|r| r.group_by = vec![0], "groupBy[0]"),
        (|r| r.group_by = vec![1, 2, 3, 4], "groupBy"),
        (|r| r.confidence = 1.0, "confidence"),
        (|r| r.row_limit = -1, "rowLimit"),
        (|r| r.unit = "units/7".to_owned(), "unit"),
        (
            |r| {
                let channels = vec!["CHANNEL_PIGEON".to_owned()];
                r.filter = Some(FigureFilter { channels, ..Default::default() });
            },
            "filter.channels[0]",
        ),
    ];
    for (spoil, field) in fields {
        let mut request = today(world.org.root);
        spoil(&mut request);
        let error = ask(&world, &token, request).await.unwrap_err();
        let named: Vec<&str> = error.violations().iter().map(|v| v.field.as_str()).collect();
        assert_eq!((error.reason(), named), (Reason::InvalidField, vec![field]), "{error}");
    }
}

#[tokio::test]
async fn questions_that_cannot_be_answered_say_why() {
    let world = World::in_memory().await;
    let token = world.org.user(world.org.root, &[Permission::AnalyticsRead]).await;
    let reasons: [(Spoil, Reason); 6] = [
        (
            |r| {
                r.from = "1026-01-01".to_owned();
                r.group_by = vec![GroupBy::Hour as i32];
            },
            Reason::TooManyBuckets,
        ),
        (
            |r| {
                r.from = "1026-01-01".to_owned();
                r.group_by = vec![GroupBy::Day as i32];
            },
            Reason::TooManyBuckets,
        ),
        (
            |r| r.group_by = vec![GroupBy::Hour as i32, GroupBy::Staff as i32],
            Reason::PermissionDenied,
        ),
        (
            |r| r.group_by = vec![GroupBy::Hour as i32, GroupBy::Window as i32],
            Reason::GroupingNotSupported,
        ),
        (
            |r| r.group_by = vec![GroupBy::Day as i32, GroupBy::Month as i32],
            Reason::GroupingNotSupported,
        ),
        (|r| r.from = "2026-11-01T00:00:01Z".to_owned(), Reason::GroupingNotSupported),
    ];
    for (spoil, reason) in reasons {
        let mut request = today(world.org.root);
        spoil(&mut request);
        let error = ask(&world, &token, request).await.unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
    }
    let mut ages = today(world.org.root);
    ages.from = "1026-01-01".to_owned();
    assert!(ask(&world, &token, ages).await.is_ok(), "a thousand years in one row");
}

#[tokio::test]
async fn more_rows_than_the_limit_are_refused() {
    let world = World::in_memory().await;
    put(&world, 1, &[rating(&world, 0, 5), rating(&world, 2, 4)]).await;
    let token = world.org.user(world.org.root, &[Permission::AnalyticsRead]).await;
    let mut request = today(world.org.region);
    request.group_by = vec![GroupBy::Unit as i32];
    request.row_limit = 2;
    assert_eq!(ask(&world, &token, request.clone()).await.unwrap().rows.len(), 2);
    request.row_limit = 1;
    let error = ask(&world, &token, request).await.unwrap_err();
    assert_eq!(error.reason(), Reason::TooManyBuckets);
}

async fn watch(
    channel: Chan,
    token: &str,
    request: WatchFiguresRequest,
) -> Result<Streaming<WatchFiguresResponse>, ServiceError> {
    let stream = FigureServiceClient::new(channel).watch_figures(bearer(request, token)).await;
    stream.map(tonic::Response::into_inner).map_err(ServiceError::from)
}

async fn next(stream: &mut Streaming<WatchFiguresResponse>) -> WatchFiguresResponse {
    let message = tokio::time::timeout(Duration::from_secs(20), stream.message()).await;
    message.expect("a message in time").expect("no error").expect("no end")
}

fn counts(rows: &[FigureRow]) -> Vec<(String, i64)> {
    rows.iter().map(|row| (row.key.as_ref().unwrap().display_name.clone(), row.n)).collect()
}

#[tokio::test]
async fn a_watcher_gets_a_snapshot_then_changes_and_can_resume() {
    for world in World::everywhere().await {
        put(&world, 1, &[rating(&world, 0, 5), rating(&world, 1, 4)]).await;
        let branch = world.org.branches[0];
        let token = world.org.user(branch, &[Permission::AnalyticsRead]).await;
        let request = |resume_token: &str| WatchFiguresRequest {
            unit: names::print("units", branch),
            resume_token: resume_token.to_owned(),
            ..Default::default()
        };
        let mut stream = watch(world.channel(), &token, request("")).await.unwrap();
        let first = next(&mut stream).await;
        assert!(first.snapshot, "{}", world.name);
        assert_eq!(counts(&first.rows), [("W0".to_owned(), 1), ("W1".to_owned(), 1)]);

        put(&world, 2, &[rating(&world, 2, 5)]).await;
        put(&world, 3, &[rating(&world, 1, 5)]).await;
        let second = next(&mut stream).await;
        assert!(!second.snapshot);
        assert_eq!(counts(&second.rows), [("W1".to_owned(), 2)], "{}", world.name);
        assert_eq!(second.total.as_ref().unwrap().n, 3);
        drop(stream);

        let mut same = watch(world.channel(), &token, request(&second.resume_token)).await.unwrap();
        let resumed = next(&mut same).await;
        assert_eq!((resumed.snapshot, resumed.rows.len()), (false, 0), "nothing was missed");
        let mut late = watch(world.channel(), &token, request(&first.resume_token)).await.unwrap();
        let resumed = next(&mut late).await;
        assert_eq!((resumed.snapshot, resumed.rows.len()), (true, 2), "something was missed");

        let mut bad = vec!["x".to_owned(), format!("{}A", second.resume_token)];
        let other = world.org.user(world.org.root, &[Permission::AnalyticsRead]).await;
        let of_region =
            WatchFiguresRequest { unit: names::print("units", world.org.region), ..request("") };
        let mut region = watch(world.channel(), &other, of_region).await.unwrap();
        bad.push(next(&mut region).await.resume_token);
        for bad in bad {
            let error = watch(world.channel(), &token, request(&bad)).await.unwrap_err();
            assert_eq!(error.reason(), Reason::BadToken);
        }
    }
}

#[tokio::test]
async fn a_new_day_begins_with_a_snapshot() {
    let world = World::in_memory().await;
    put(&world, 1, &[rating(&world, 0, 5)]).await;
    let token = world.org.user(world.org.root, &[Permission::AnalyticsRead]).await;
    let unit = names::print("units", world.org.root);
    let request = WatchFiguresRequest { unit, ..Default::default() };
    let mut stream = watch(world.channel(), &token, request).await.unwrap();
    assert_eq!(next(&mut stream).await.total.unwrap().n, 1);
    world.clock.advance(Duration::from_secs(86_400));
    let tomorrow = next(&mut stream).await;
    assert_eq!((tomorrow.snapshot, tomorrow.total.unwrap().n), (true, 0));
}

#[tokio::test]
async fn a_stream_ends_when_the_permission_goes() {
    let world = World::in_memory().await;
    let token = world.org.client(world.org.root, &[Permission::AnalyticsRead], None).await;
    let unit = names::print("units", world.org.root);
    let request = WatchFiguresRequest { unit, ..Default::default() };
    let mut stream = watch(world.channel(), &token, request).await.unwrap();
    next(&mut stream).await;
    world.clock.advance(Duration::from_secs(2 * 365 * 86_400));
    let ended = tokio::time::timeout(Duration::from_secs(20), stream.message()).await.unwrap();
    let error = ServiceError::from(ended.unwrap_err());
    assert_eq!(error.reason(), Reason::TokenExpired);
}
