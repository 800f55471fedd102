//! Bridges, imports, and reading ratings back.

use device_domain::rating_stored::Channel;
use proto::device::v1::{
    BatchImportRatingsRequest, BatchImportRatingsResponse, GetRatingRequest, ImportedRating,
    ListRatingsRequest, Rating as ShownRating, Tree,
};
use tonic::Code;

use super::*;

#[tokio::test]
async fn a_bridge_speaks_for_the_devices_below_it_and_no_others() {
    for world in worlds().await {
        let (near, _) = world.sender_at(0).await;
        let (near_too, _) = world.sender_at(1).await;
        let (far, _) = world.sender_at(2).await;
        let other = world.other_org().await;
        let foreign = world.device_since(&other, 0, NOW - DAY).await;
        let token =
            world.org.client(world.org.branches[0], &[Permission::RatingSubmit], None).await;
        let of = |device: Uuid, sequence| RatingMessage {
            device: names::print("devices", device),
            ..message(sequence)
        };
        let sent =
            vec![of(near, 1), of(far, 1), of(near_too, 1), of(foreign, 1), of(near, 2), message(3)];
        let answer = world.send(&token, sent).await;
        let unknown = (5, "NOT_FOUND", false);
        let want = [NEW, unknown, NEW, unknown, NEW, (3, "INVALID_FIELD", false)];
        assert_eq!(short(&answer.results), want, "{}", world.name);
        let acks: Vec<_> = answer.acknowledgements.iter().map(|a| a.contiguous_sequence).collect();
        assert_eq!(acks, [2, 1]);
        // The same id from another device is another rating.
        let mut same = of(near_too, 2);
        same.rating_id = message(1).rating_id;
        let mut twin = of(near, 3);
        twin.rating_id.clone_from(&same.rating_id);
        assert_eq!(short(&world.send(&token, vec![same, twin]).await.results), [NEW, NEW]);
    }
}

fn imported(world: &World, device: Uuid, window: usize) -> ImportedRating {
    ImportedRating {
        message: Some(RatingMessage {
            rating_id: Uuid::now_v7().to_string(),
            device: names::print("devices", device),
            grade: 2,
            ..Default::default()
        }),
        unit: names::print("units", world.org.windows[window]),
        staff: names::print("staff", world.org.staff[window]),
        business_type: "loan".into(),
        press_time: Some(time::from_us(NOW - 3_000 * DAY)),
    }
}

async fn import(
    world: &World,
    token: &str,
    ratings: Vec<ImportedRating>,
) -> BatchImportRatingsResponse {
    let request = BatchImportRatingsRequest { ratings };
    let mut client = RatingServiceClient::new(world.chan.clone());
    client.batch_import_ratings(bearer(request, token)).await.unwrap().into_inner()
}

#[tokio::test]
async fn an_import_done_twice_counts_once() {
    for world in worlds().await {
        let source = world.device_of(&world.org, world.org.root, None, Kind::Import, NOW).await;
        let token = world.org.user(world.org.root, &[Permission::RatingImport]).await;
        let mut sent: Vec<ImportedRating> =
            (0..200).map(|i| imported(&world, source, i % 4)).collect();
        sent[0].unit = names::print("units", world.org.branches[1]);
        sent[0].staff.clear();
        for (call, want) in [NEW, AGAIN].into_iter().enumerate() {
            let answer = import(&world, &token, sent.clone()).await;
            assert!(short(&answer.results).iter().all(|r| *r == want), "{call} {answer:?}");
        }
        let stored = world.stored().await;
        assert_eq!(stored.len(), 200, "{}", world.name);
        let branch = stored.iter().find(|r| r.window.is_none()).unwrap();
        assert_eq!((branch.site, branch.staff), (world.org.branches[1], None));
        assert!(stored.iter().all(|r| r.channel == Channel::Import && r.marks.is_empty()));
        assert!(stored.iter().all(|r| r.press_us == NOW - 3_000 * DAY));
        assert_eq!(stored.iter().filter(|r| r.business_type == "loan").count(), 200);
        sent[5].business_type = "card".into();
        let answer = import(&world, &token, sent[5..6].to_vec()).await;
        assert_eq!(short(&answer.results), [(6, "ALREADY_EXISTS", false)]);
        world.check_feed().await;
    }
}

#[tokio::test]
async fn an_import_is_vouched_for_only_within_sight() {
    let world = small_world().await;
    let source = world.device_of(&world.org, world.org.branches[0], None, Kind::Import, NOW).await;
    let far_source = world.device_of(&world.org, world.org.root, None, Kind::Import, NOW).await;
    let (terminal, device_token) = world.sender().await;
    let token = world.org.user(world.org.branches[0], &[Permission::RatingImport]).await;
    let good = imported(&world, source, 0);
    let mut bad_grade = imported(&world, source, 0);
    bad_grade.message.as_mut().unwrap().grade = 9;
    let sent = vec![
        good.clone(),
        imported(&world, source, 2),
        ImportedRating { staff: names::print("staff", world.org.staff[3]), ..good.clone() },
        imported(&world, terminal, 0),
        imported(&world, far_source, 0),
        ImportedRating { press_time: None, ..good.clone() },
        ImportedRating { press_time: Some(time::from_us(NOW + DAY)), ..good.clone() },
        ImportedRating { message: None, ..good.clone() },
        bad_grade,
    ];
    let answer = import(&world, &token, sent).await;
    let found: Vec<(i32, &str)> =
        answer.results.iter().map(|r| (r.code, r.field.as_str())).collect();
    let want = [
        (0, ""),
        (5, "unit"),
        (5, "staff"),
        (3, "message.device"),
        (5, ""),
        (3, "pressTime"),
        (3, "pressTime"),
        (3, "message.device"),
        (3, "message.grade"),
    ];
    assert_eq!(found, want);
    // An import source is no terminal.
    let bridge = world.org.client(world.org.root, &[Permission::RatingSubmit], None).await;
    let mut message = message(1);
    message.device = names::print("devices", source);
    assert_eq!(world.send(&bridge, vec![message]).await.results[0].code, 3);
    let request = BatchImportRatingsRequest { ratings: vec![good] };
    let mut client = RatingServiceClient::new(world.chan.clone());
    let denied = client.batch_import_ratings(bearer(request, &device_token)).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
}

async fn list(world: &World, token: &str, request: ListRatingsRequest) -> Vec<ShownRating> {
    let mut found = Vec::new();
    let mut request = ListRatingsRequest { page_size: 7, ..request };
    loop {
        let mut client = RatingServiceClient::new(world.chan.clone());
        let page = client.list_ratings(bearer(request.clone(), token)).await.unwrap().into_inner();
        assert!(page.ratings.len() <= 7);
        found.extend(page.ratings);
        if page.next_page_token.is_empty() {
            return found;
        }
        request.page_token = page.next_page_token;
    }
}

#[tokio::test]
async fn lists_page_latest_first_and_show_what_may_be_seen() {
    for world in worlds().await {
        let mut devices = Vec::new();
        for window in 0..4 {
            let (device, token) = world.sender_at(window).await;
            devices.push(device);
            let mut sent = messages(1..=10);
            for (index, message) in sent.iter_mut().enumerate() {
                message.grade = 1 + index as i32 % 5;
            }
            sent[3].response_ms = 1;
            world.send(&token, sent).await;
        }
        let reader = [Permission::RatingRead];
        let all = world.org.user(world.org.root, &reader).await;
        let everything = list(&world, &all, ListRatingsRequest::default()).await;
        assert_eq!(everything.len(), 40, "{}", world.name);
        let times: Vec<_> =
            everything.iter().map(|r| time::to_us(&r.press_time.unwrap())).collect();
        assert!(times.is_sorted_by(|a, b| a >= b));
        let names: std::collections::HashSet<_> = everything.iter().map(|r| &r.name).collect();
        assert_eq!(names.len(), 40);
        assert!(everything.iter().all(|r| r.score_0_100 >= 0.0 && r.staff.is_empty()));

        let branch = world.org.user(world.org.branches[0], &reader).await;
        let count = |token: &str, request| {
            let token = token.to_owned();
            let world = &world;
            async move { list(world, &token, request).await.len() }
        };
        let base = ListRatingsRequest::default;
        assert_eq!(count(&branch, base()).await, 20);
        let window = names::print("units", world.org.windows[1]);
        let one = ListRatingsRequest { unit: window, ..base() };
        assert_eq!(count(&branch, one).await, 10);
        assert_eq!(count(&all, ListRatingsRequest { bad_only: true, ..base() }).await, 16);
        assert_eq!(count(&all, ListRatingsRequest { marked_only: true, ..base() }).await, 4);
        let device = names::print("devices", devices[3]);
        assert_eq!(count(&all, ListRatingsRequest { device, ..base() }).await, 10);
        let from = Some(time::from_us(NOW - HOUR + 3 * MINUTE));
        let to = Some(time::from_us(NOW - HOUR + 5 * MINUTE));
        assert_eq!(count(&all, ListRatingsRequest { from, to, ..base() }).await, 8);
    }
}

#[tokio::test]
async fn what_may_not_be_seen_does_not_exist() {
    let world = small_world().await;
    let (_, token) = world.sender().await;
    let stored = world.send(&token, messages([1])).await.results.remove(0).receipt;
    let get = |token: String, name: String| {
        let world = &world;
        async move {
            let mut client = RatingServiceClient::new(world.chan.clone());
            let request = GetRatingRequest { name };
            client.get_rating(bearer(request, &token)).await.map(|r| r.into_inner())
        }
    };
    let reader = [Permission::RatingRead];
    let branch = world.org.user(world.org.branches[0], &reader).await;
    assert_eq!(get(branch, stored.clone()).await.unwrap().name, stored);
    let far = world.org.user(world.org.branches[1], &reader).await;
    let other = world.other_org().await;
    let foreign = other.user(other.root, &reader).await;
    let random = names::print("ratings", Uuid::now_v7());
    let errors = [
        get(far.clone(), stored.clone()).await.unwrap_err(),
        get(far, random.clone()).await.unwrap_err(),
        get(foreign, stored.clone()).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.code(), error.message()), (Code::NotFound, "no such rating"));
    }
    let blind = world.org.user(world.org.branches[0], &[Permission::OrgRead]).await;
    assert_eq!(get(blind, stored).await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_list_follows_the_tree_that_it_is_asked_for_as_figures_do() {
    for world in worlds().await {
        let org = &world.org;
        let mut tokens = Vec::new();
        for window in [0, 2, 3] {
            tokens.push(world.sender_at(window).await.1);
        }
        // The first branch leaves the region at minute 5; at minute 6 it gets the last window.
        let west = org.move_branch(NOW - HOUR + 5 * MINUTE).await;
        org.move_window(3, 0, NOW - HOUR + 6 * MINUTE).await;
        for token in &tokens {
            let sent = world.send(token, messages(1..=10)).await;
            assert!(short(&sent.results).iter().all(|r| *r == NEW), "{}", world.name);
        }
        let reader = [Permission::RatingRead];
        let all = org.user(org.root, &reader).await;
        let count = async |token: &str, unit: Uuid, tree: Tree| {
            let unit = names::print("units", unit);
            let request = ListRatingsRequest { unit, tree: tree as i32, ..Default::default() };
            list(&world, token, request).await.len()
        };
        let (east, branch, window) = (org.region, org.branches[0], org.windows[3]);
        for (unit, then, now, standing) in [
            (east, 4 + 10 + 5, 10 + 5, 10),
            (west, 6 + 5, 10 + 5, 10 + 10),
            (branch, 10 + 5, 10 + 5, 10 + 10),
            (window, 10, 10, 10),
            (org.root, 30, 30, 30),
        ] {
            let found = [Tree::AsOfService, Tree::Present, Tree::Unspecified];
            let mut counts = Vec::new();
            for tree in found {
                counts.push(count(&all, unit, tree).await);
            }
            assert_eq!(counts, [then, now, standing], "{}: {unit}", world.name);
        }
        // What has left is not shown to whoever may not see it where it stands now.
        let former = org.user(east, &reader).await;
        assert_eq!(count(&former, east, Tree::AsOfService).await, 10, "{}", world.name);
        let unit = names::print("units", west);
        let request = ListRatingsRequest { unit, tree: 1, ..Default::default() };
        let mut client = RatingServiceClient::new(world.chan.clone());
        let refused = client.list_ratings(bearer(request, &former)).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
    }
}
