//! What members of staff may read of themselves, and what a suspended organisation may not.

use kit::error::ServiceError;
use proto::{
    common::v1::Reason,
    device::v1::{GetRatingRequest, ListRatingsRequest, ListRatingsResponse, Rating},
};
use tonic::Code;

use super::*;

/// What the built-in role of staff holds, as far as ratings go.
const STAFF: &[Permission] = &[Permission::OrgRead, Permission::RatingReadOwn];

async fn import(world: &World, window: usize, staff: usize) -> String {
    let unit = world.org.branches[window / 2];
    let device = world.device_of(&world.org, unit, None, Kind::Import, NOW - 400 * DAY).await;
    let message = RatingMessage { device: names::print("devices", device), ..message(1) };
    let token = world.org.client(world.org.root, &[Permission::RatingImport], None).await;
    let rating = proto::device::v1::ImportedRating {
        message: Some(message),
        unit: names::print("units", world.org.windows[window]),
        staff: names::print("staff", world.org.staff[staff]),
        press_time: Some(time::from_us(NOW - HOUR)),
        ..Default::default()
    };
    let request = proto::device::v1::BatchImportRatingsRequest { ratings: vec![rating] };
    let mut client = RatingServiceClient::new(world.chan.clone());
    let answer = client.batch_import_ratings(bearer(request, &token)).await.unwrap().into_inner();
    assert_eq!(answer.results[0].code, 0, "{answer:?}");
    answer.results[0].receipt.clone()
}

async fn list(
    world: &World,
    token: &str,
    request: ListRatingsRequest,
) -> kit::error::Result<ListRatingsResponse> {
    let mut client = RatingServiceClient::new(world.chan.clone());
    Ok(client.list_ratings(bearer(request, token)).await?.into_inner())
}

async fn get(world: &World, token: &str, name: &str) -> kit::error::Result<Rating> {
    let request = GetRatingRequest { name: name.to_owned() };
    let mut client = RatingServiceClient::new(world.chan.clone());
    Ok(client.get_rating(bearer(request, token)).await?.into_inner())
}

fn of_staff(world: &World, staff: usize) -> ListRatingsRequest {
    let staff = names::print("staff", world.org.staff[staff]);
    ListRatingsRequest { staff, ..Default::default() }
}

fn code<T: std::fmt::Debug>(result: kit::error::Result<T>) -> Code {
    result.unwrap_err().code()
}

#[tokio::test]
async fn staff_read_their_own_ratings_wherever_given_and_no_others() {
    for world in worlds().await {
        let own = [import(&world, 0, 0).await, import(&world, 3, 0).await];
        let (colleague, far) = (import(&world, 0, 1).await, import(&world, 2, 2).await);
        let (user, token) = world.org.user_with_id(world.org.branches[0], STAFF).await;
        let nobody = list(&world, &token, ListRatingsRequest::default()).await;
        assert_eq!(code(nobody), Code::PermissionDenied, "{}: no member of staff", world.name);
        world.org.link_staff(0, user).await;

        for request in [ListRatingsRequest::default(), of_staff(&world, 0)] {
            let found = list(&world, &token, request).await.unwrap().ratings;
            let mut names: Vec<_> = found.iter().map(|rating| rating.name.clone()).collect();
            names.sort();
            let mut want = own.to_vec();
            want.sort();
            assert_eq!(names, want, "{}", world.name);
        }
        assert_eq!(code(list(&world, &token, of_staff(&world, 1)).await), Code::PermissionDenied);
        let at =
            |unit| ListRatingsRequest { unit: names::print("units", unit), ..Default::default() };
        let here = list(&world, &token, at(world.org.branches[0])).await.unwrap().ratings;
        assert_eq!(here.len(), 1, "{}", world.name);
        let there = list(&world, &token, at(world.org.branches[1])).await;
        assert_eq!(code(there), Code::NotFound, "{}", world.name);

        for name in &own {
            assert_eq!(get(&world, &token, name).await.unwrap().name, *name);
        }
        assert_eq!(code(get(&world, &token, &colleague).await), Code::PermissionDenied);
        assert_eq!(code(get(&world, &token, &far).await), Code::NotFound, "{}", world.name);
    }
}

#[tokio::test]
async fn pages_of_ones_own_ratings_cannot_be_continued_by_another() {
    let world = small_world().await;
    for window in [0, 1] {
        import(&world, window, 0).await;
    }
    let mut tokens = Vec::new();
    for staff in [0, 1] {
        let (user, token) = world.org.user_with_id(world.org.branches[0], STAFF).await;
        world.org.link_staff(staff, user).await;
        tokens.push(token);
    }
    let mut request = ListRatingsRequest { page_size: 1, ..Default::default() };
    request.page_token = list(&world, &tokens[0], request.clone()).await.unwrap().next_page_token;
    assert_eq!(list(&world, &tokens[0], request.clone()).await.unwrap().ratings.len(), 1);
    let error = list(&world, &tokens[1], request).await.unwrap_err();
    assert_eq!(error.reason(), Reason::BadToken);
}

#[tokio::test]
async fn a_suspended_organisation_is_refused_and_its_buffer_arrives_later() {
    for world in worlds().await {
        let (_, token) = world.sender().await;
        let sent = messages([1, 2]);
        world.org.suspend(true).await;
        let refused = world.try_send(&token, sent.clone(), None).await.unwrap_err();
        let refused = ServiceError::from(refused);
        let why = (refused.code(), refused.reason());
        let want = (Code::FailedPrecondition, Reason::OrganisationSuspended);
        assert_eq!(why, want, "{}", world.name);
        let other = world.other_org().await;
        let device = world.device_since(&other, 0, NOW - DAY).await;
        let theirs =
            other.client(other.windows[0], &[Permission::RatingSubmit], Some(device)).await;
        assert_eq!(short(&world.send(&theirs, messages([1])).await.results), [NEW]);

        world.org.suspend(false).await;
        assert_eq!(short(&world.send(&token, sent).await.results), [NEW, NEW]);
    }
}
