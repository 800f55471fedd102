//! Users and staff.

use proto::auth::v1::staff_service_client::StaffServiceClient;

use super::*;

async fn staff(world: &World, token: &str, staff: Staff) -> Result<Staff> {
    let request = CreateStaffRequest { staff: Some(staff), request_id: String::new() };
    let mut api = StaffServiceClient::new(world.chan.clone());
    got(api.create_staff(bearer(request, token)).await)
}

fn member(number: &str, unit: &str) -> Staff {
    Staff {
        staff_number: number.to_owned(),
        display_name: format!("员工 {number}"),
        unit: unit.to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn staff_are_made_listed_changed_and_retired() {
    for world in worlds().await {
        let (a, b) = (world.unit(&world.root, "a").await, world.unit(&world.root, "b").await);
        let mut api = StaffServiceClient::new(world.chan.clone());
        let mut made = Vec::new();
        for (number, unit) in [("1003", &a), ("1001", &a), ("1002", &b)] {
            made.push(staff(&world, &world.owner, member(number, unit)).await.unwrap());
        }
        let same = staff(&world, &world.owner, member(" 1001 ", &b)).await;
        refused(&world, same, Reason::AlreadyExists);

        let user = world.try_user(&world.owner, "li", &a).await.unwrap().name;
        let change = Staff { name: made[0].name.clone(), user: user.clone(), ..Default::default() };
        let request = UpdateStaffRequest { staff: Some(change), update_mask: None };
        let changed = got(api.update_staff(bearer(request, &world.owner)).await).unwrap();
        assert_eq!((changed.user.as_str(), changed.staff_number.as_str()), (&*user, "1003"));
        let taken = Staff { user, ..member("1004", &a) };
        refused(&world, staff(&world, &world.owner, taken).await, Reason::AlreadyExists);
        let nobody = Staff { user: random_name("users"), ..member("1004", &a) };
        refused(&world, staff(&world, &world.owner, nobody).await, Reason::NotFound);

        let retire = RetireStaffRequest { name: made[1].name.clone() };
        let retired = got(api.retire_staff(bearer(retire, &world.owner)).await).unwrap();
        assert!(retired.retire_time.is_some());
        let (_, manager) = world.person("wang", "branch-manager", &a).await;
        let numbers = async |request: ListStaffRequest, token: &str| {
            let mut api = StaffServiceClient::new(world.chan.clone());
            let page = got(api.list_staff(bearer(request, token)).await).unwrap();
            let numbers: Vec<_> = page.staff.into_iter().map(|s| s.staff_number).collect();
            numbers
        };
        assert_eq!(numbers(ListStaffRequest::default(), &world.owner).await, ["1002", "1003"]);
        let all = ListStaffRequest { show_retired: true, ..Default::default() };
        assert_eq!(numbers(all.clone(), &world.owner).await, ["1001", "1002", "1003"]);
        assert_eq!(numbers(all, &manager).await, ["1001", "1003"]);
        let one = ListStaffRequest { staff_number: "1002".to_owned(), ..Default::default() };
        assert_eq!(numbers(one.clone(), &world.owner).await, ["1002"]);
        assert!(numbers(one, &manager).await.is_empty());

        for id in [made[2].name.clone(), random_name("staff")] {
            let get = GetStaffRequest { name: id };
            let unseen = got(api.get_staff(bearer(get, &manager)).await);
            let error = refused(&world, unseen, Reason::NotFound);
            assert_eq!(error.message(), "no such staff");
        }
    }
}

#[tokio::test]
async fn a_staff_member_moves_only_where_the_manager_may_put_people() {
    for world in worlds().await {
        let (a, b) = (world.unit(&world.root, "a").await, world.unit(&world.root, "b").await);
        let (_, manager) = world.person("wang", "branch-manager", &a).await;
        let made = staff(&world, &manager, member("1", &a)).await.unwrap();
        refused(&world, staff(&world, &manager, member("2", &b)).await, Reason::NotFound);
        refused(&world, staff(&world, &manager, member("2", &world.root)).await, Reason::NotFound);
        let mut api = StaffServiceClient::new(world.chan.clone());
        let request =
            UpdateStaffRequest { staff: Some(Staff { unit: b, ..made }), update_mask: None };
        let moved = got(api.update_staff(bearer(request, &manager)).await);
        refused(&world, moved, Reason::NotFound);
    }
}

#[tokio::test]
async fn users_are_listed_and_changed_in_the_managers_subtree() {
    for world in worlds().await {
        let a = world.unit(&world.root, "a").await;
        let (_, manager) = world.person("wang", "branch-manager", &a).await;
        let clerk = world.try_user(&manager, "Clerk.1", &a).await.unwrap();
        let same = world.try_user(&manager, "clerk.1", &a).await;
        refused(&world, same, Reason::AlreadyExists);
        refused(&world, world.try_user(&manager, "a b", &a).await, Reason::InvalidField);
        let page = ListUsersRequest { page_size: 1, ..Default::default() };
        let first = got(world.users().list_users(bearer(page.clone(), &manager)).await).unwrap();
        assert_eq!(first.users, std::slice::from_ref(&clerk));
        let second = ListUsersRequest { page_token: first.next_page_token, ..page };
        let second = got(world.users().list_users(bearer(second, &manager)).await).unwrap();
        assert_eq!((second.users[0].login.as_str(), &*second.next_page_token), ("wang", ""));

        let change = User {
            name: clerk.name.clone(),
            language: "en".to_owned(),
            etag: clerk.etag.clone(),
            ..Default::default()
        };
        let request = UpdateUserRequest { user: Some(change), update_mask: None };
        let user = got(world.users().update_user(bearer(request.clone(), &manager)).await).unwrap();
        assert_eq!((user.language.as_str(), user.etag.as_str()), ("en", "2"));
        let stale = got(world.users().update_user(bearer(request, &manager)).await);
        refused(&world, stale, Reason::StaleVersion);
        let mask = prost_types::FieldMask { paths: vec!["password_hash".to_owned()] };
        let request = UpdateUserRequest {
            user: Some(User { name: clerk.name, ..Default::default() }),
            update_mask: Some(mask),
        };
        let masked = got(world.users().update_user(bearer(request, &manager)).await);
        refused(&world, masked, Reason::InvalidField);
    }
}

#[tokio::test]
async fn an_organisation_is_founded_once() {
    for world in worlds().await {
        let mut api = OrganisationServiceClient::new(world.chan.clone());
        let request = |slug: &str, key: &str, password: &str| CreateOrganisationRequest {
            organisation: Some(Organisation {
                slug: slug.to_owned(),
                display_name: "新".to_owned(),
                time_zone: "Europe/Berlin".to_owned(),
                ..Default::default()
            }),
            owner_login: "boss".to_owned(),
            owner_password: password.to_owned(),
            request_id: key.to_owned(),
        };
        let operator = world.tokens.operator();
        let mut create = async |slug: &str, key: &str, password: &str| {
            got(api.create_organisation(bearer(request(slug, key, password), &operator)).await)
        };
        let first = create("new-bank", "k", PASSWORD).await.unwrap();
        assert_eq!(create("new-bank", "k", PASSWORD).await.unwrap(), first);
        refused(&world, create("newer-bank", "k", PASSWORD).await, Reason::IdempotencyConflict);
        refused(&world, create("new-bank", "", PASSWORD).await, Reason::AlreadyExists);
        refused(&world, create("New Bank", "", PASSWORD).await, Reason::InvalidField);
        refused(&world, create("other", "", "12345678").await, Reason::WeakPassword);
        world.token(password_form("new-bank", "boss", PASSWORD)).await.unwrap();
        // Only the operator founds.
        let by_owner = request("third", "", PASSWORD);
        let mut api = OrganisationServiceClient::new(world.chan.clone());
        let denied = got(api.create_organisation(bearer(by_owner, &world.owner)).await);
        refused(&world, denied, Reason::PermissionDenied);

        let change = Organisation { time_zone: "Asia/Tokyo".to_owned(), ..Default::default() };
        let request = UpdateOrganisationRequest { organisation: Some(change), update_mask: None };
        let changed = got(api.update_organisation(bearer(request, &world.owner)).await).unwrap();
        assert_eq!((changed.time_zone.as_str(), changed.slug.as_str()), ("Asia/Tokyo", BANK));
        // Figures of days before stay on the days that they had.
        let former: Vec<_> =
            changed.former_time_zones.iter().map(|zone| zone.time_zone.as_str()).collect();
        assert_eq!(former, ["Asia/Shanghai"], "{}", world.name);
        assert!(changed.time_zone_time.is_some());
    }
}
