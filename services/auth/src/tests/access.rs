//! Roles, grants, and what they must never lead to.

use kit::directory::Subject;
use proto::common::v1::Permission;

use super::*;

async fn role(world: &World, token: &str, name: &str, permissions: &[Permission]) -> Result<Role> {
    let role = Role {
        display_name: name.to_owned(),
        permissions: permissions.iter().map(|p| *p as i32).collect(),
        ..Default::default()
    };
    let request = CreateRoleRequest { role: Some(role), request_id: String::new() };
    got(world.grants().create_role(bearer(request, token)).await)
}

async fn withdraw(world: &World, token: &str, grant: &str) -> Result<DeleteGrantResponse> {
    let request = DeleteGrantRequest { name: grant.to_owned() };
    got(world.grants().delete_grant(bearer(request, token)).await)
}

async fn grants_of(world: &World, user: &str) -> Vec<Grant> {
    let request = ListGrantsRequest { subject: user.to_owned(), ..Default::default() };
    got(world.grants().list_grants(bearer(request, &world.owner)).await).unwrap().grants
}

#[tokio::test]
async fn nobody_gives_more_than_they_hold_or_where_they_hold_nothing() {
    for world in worlds().await {
        let (a, b) = (world.unit(&world.root, "a").await, world.unit(&world.root, "b").await);
        let (_, manager) = world.person("wang", "branch-manager", &a).await;
        let clerk = world.try_user(&world.owner, "clerk", &a).await.unwrap().name;
        let stranger = world.try_user(&world.owner, "stranger", &b).await.unwrap().name;
        world.try_grant(&manager, &clerk, "staff", &a).await.unwrap();
        let above = world.try_grant(&manager, &clerk, "regional-manager", &a).await;
        refused(&world, above, Reason::PermissionDenied);
        let elsewhere = world.try_grant(&manager, &clerk, "staff", &b).await;
        refused(&world, elsewhere, Reason::NotFound);
        let upwards = world.try_grant(&manager, &clerk, "staff", &world.root).await;
        refused(&world, upwards, Reason::NotFound);
        let unseen = world.try_grant(&manager, &stranger, "staff", &a).await;
        refused(&world, unseen, Reason::NotFound);
        let (_, administrator) = world.person("admin", "administrator", &world.root).await;
        let owner = world.try_grant(&administrator, &clerk, "owner", &world.root).await;
        refused(&world, owner, Reason::PermissionDenied);
        let unknown = world.try_grant(&world.owner, &clerk, "emperor", &a).await;
        refused(&world, unknown, Reason::NotFound);
        let client = world.try_grant(&world.owner, &random_name("clients"), "staff", &a).await;
        refused(&world, client, Reason::InvalidField);
        // The same grant twice is the same.
        let first = world.try_grant(&world.owner, &clerk, "analyst", &a).await.unwrap();
        let again = world.try_grant(&world.owner, &clerk, "analyst", &a).await.unwrap();
        assert_eq!(first, again);
        assert_eq!(grants_of(&world, &clerk).await.len(), 2);
    }
}

#[tokio::test]
async fn accounts_that_hold_more_are_out_of_reach() {
    for world in worlds().await {
        let a = world.unit(&world.root, "a").await;
        let (_, manager) = world.person("wang", "branch-manager", &a).await;
        // An owner whose home is the manager's branch.
        let boss = world.try_user(&world.owner, "boss", &a).await.unwrap();
        let grant = world.try_grant(&world.owner, &boss.name, "owner", &world.root).await.unwrap();
        let reset = ResetPasswordRequest { name: boss.name.clone(), password: PASSWORD.to_owned() };
        let reset = got(world.users().reset_password(bearer(reset, &manager)).await);
        refused(&world, reset, Reason::PermissionDenied);
        let user = User { disabled: true, ..boss.clone() };
        let disable = UpdateUserRequest { user: Some(user), update_mask: None };
        let disable = got(world.users().update_user(bearer(disable, &manager)).await);
        refused(&world, disable, Reason::PermissionDenied);
        let (_, administrator) = world.person("admin", "administrator", &world.root).await;
        let withdrawn = withdraw(&world, &administrator, &grant.name).await;
        refused(&world, withdrawn, Reason::PermissionDenied);
        refused(&world, withdraw(&world, &manager, &grant.name).await, Reason::NotFound);
    }
}

#[tokio::test]
async fn the_last_owner_stays() {
    for world in worlds().await {
        let own = world.who(&world.owner).await.unwrap();
        let last = withdraw(&world, &world.owner, &own.grants[0].name).await;
        refused(&world, last, Reason::LastOwner);
        let user = User { name: own.subject.clone(), disabled: true, ..Default::default() };
        let disable = UpdateUserRequest { user: Some(user), update_mask: None };
        let disabled = got(world.users().update_user(bearer(disable, &world.owner)).await);
        refused(&world, disabled, Reason::LastOwner);
        let (_, second) = world.person("second", "owner", &world.root).await;
        withdraw(&world, &world.owner, &own.grants[0].name).await.unwrap();
        // Without the role the first owner may do nothing more, at once.
        let denied = world.try_unit(&world.owner, &world.root, "x").await;
        refused(&world, denied, Reason::PermissionDenied);
        let own = world.who(&second).await.unwrap();
        let last = withdraw(&world, &second, &own.grants[0].name).await;
        refused(&world, last, Reason::LastOwner);
    }
}

#[tokio::test]
async fn two_owners_who_withdraw_each_other_at_once_leave_one() {
    for world in worlds().await {
        let (user, second) = world.person("second", "owner", &world.root).await;
        let first = world.who(&world.owner).await.unwrap().grants[0].name.clone();
        let other = grants_of(&world, &user).await[0].name.clone();
        let both =
            tokio::join!(withdraw(&world, &world.owner, &other), withdraw(&world, &second, &first));
        assert!(both.0.is_ok() != both.1.is_ok(), "{}: {both:?}", world.name);
    }
}

#[tokio::test]
async fn own_roles_work_at_once_and_never_exceed_their_maker() {
    for world in worlds().await {
        let made = role(&world, &world.owner, "读者", &[Permission::OrgRead]).await.unwrap();
        refused(&world, role(&world, &world.owner, "空", &[]).await, Reason::InvalidField);
        let system = role(&world, &world.owner, "x", &[Permission::SystemOperate]).await;
        refused(&world, system, Reason::InvalidField);
        let same = role(&world, &world.owner, "读者", &[Permission::OrgRead]).await;
        refused(&world, same, Reason::AlreadyExists);
        let user = world.try_user(&world.owner, "li", &world.root).await.unwrap().name;
        let word = made.name.trim_start_matches("roles/");
        world.try_grant(&world.owner, &user, word, &world.root).await.unwrap();
        let token = world.sign_in("li").await.access_token;
        let denied = world.try_unit(&token, &world.root, "x").await;
        refused(&world, denied, Reason::PermissionDenied);

        let role = Role {
            name: made.name.clone(),
            permissions: vec![Permission::OrgRead as i32, Permission::OrgEdit as i32],
            ..Default::default()
        };
        let request = UpdateRoleRequest { role: Some(role), update_mask: None };
        world.grants().update_role(bearer(request, &world.owner)).await.unwrap();
        world.try_unit(&token, &world.root, "x").await.unwrap();

        let delete = |name: &str| DeleteRoleRequest { name: name.to_owned() };
        let used = world.grants().delete_role(bearer(delete(&made.name), &world.owner)).await;
        refused(&world, got(used), Reason::InUse);
        let owner = world.grants().delete_role(bearer(delete("roles/owner"), &world.owner)).await;
        refused(&world, got(owner), Reason::WrongState);
        let grant = grants_of(&world, &user).await[0].name.clone();
        withdraw(&world, &world.owner, &grant).await.unwrap();
        world.grants().delete_role(bearer(delete(&made.name), &world.owner)).await.unwrap();
        let listed = world.grants().list_roles(bearer(ListRolesRequest {}, &world.owner)).await;
        assert_eq!(got(listed).unwrap().roles.len(), 9);
    }
}

#[tokio::test]
async fn a_regional_manager_edits_below_the_own_unit_only() {
    for world in worlds().await {
        let region = world.unit(&world.root, "region").await;
        let branch = world.unit(&region, "branch").await;
        let (_, manager) = world.person("zhao", "regional-manager", &region).await;
        let rename = async |name: &str| {
            let unit = Unit {
                name: name.to_owned(),
                display_name: "renamed".to_owned(),
                ..Default::default()
            };
            let request = UpdateUnitRequest { unit: Some(unit), update_mask: None };
            got(world.units().update_unit(bearer(request, &manager)).await)
        };
        rename(&branch).await.unwrap();
        refused(&world, rename(&region).await, Reason::PermissionDenied);
        refused(&world, rename(&world.root).await, Reason::NotFound);
        world.try_unit(&manager, &region, "new").await.unwrap();
    }
}

#[tokio::test]
async fn another_replica_decides_on_the_change_that_a_position_names() {
    for world in worlds().await {
        if world.url.contains("memory") {
            continue;
        }
        let other = world.replica().await;
        let stop = tokio_util::sync::CancellationToken::new();
        let background = tokio::spawn(other.service.clone().background(stop.clone()));
        let a = world.unit(&world.root, "a").await;
        let (user, token) = world.person("wang", "regional-manager", &a).await;
        let grant = grants_of(&world, &user).await[0].name.clone();
        let request = DeleteGrantRequest { name: grant };
        let answer = world.grants().delete_grant(bearer(request, &world.owner)).await.unwrap();
        let position = position_of(&answer);
        let mut call = bearer(GetUnitRequest { name: a }, &token);
        call.metadata_mut().insert(CONSISTENCY_HEADER, position.parse().unwrap());
        let seen = got(other.units().get_unit(call).await);
        refused(&world, seen, Reason::PermissionDenied);
        stop.cancel();
        background.await.unwrap();
    }
}

#[tokio::test]
async fn a_position_is_the_one_of_the_group_in_the_feed() {
    for world in worlds().await {
        let unit = Unit {
            parent: world.root.clone(),
            kind: UnitKind::Region as i32,
            display_name: "r".to_owned(),
            ..Default::default()
        };
        let request = CreateUnitRequest { unit: Some(unit), request_id: String::new() };
        let answer = world.units().create_unit(bearer(request, &world.owner)).await.unwrap();
        let position = position_of(&answer);
        let outbox = &world.service.core.outbox;
        // On PostgreSQL the feed waits for older transactions, those of other tests included.
        for _ in 0..500 {
            if outbox.list(&position, 500).await.unwrap().groups.is_empty()
                && outbox.position().await.unwrap() == position
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let groups = outbox.list("", 500).await.unwrap().groups;
        assert_eq!(groups.last().unwrap().position, position, "{}", world.name);
        assert_eq!(outbox.position().await.unwrap(), position);
    }
}

#[tokio::test]
async fn what_is_known_at_once_is_what_a_reader_of_the_feed_comes_to_know() {
    for world in worlds().await {
        let a = world.unit(&world.root, "a").await;
        let (user, _) = world.person("wang", "branch-manager", &a).await;
        let core = &world.service.core;
        let org = names::parse("organisations", &world.org).unwrap();
        let now = core.directory.organisation(org).unwrap();
        let mut read = kit::directory::OrgView::empty(org);
        for group in core.outbox.list("", 500).await.unwrap().groups {
            let events = <Events as prost::Message>::decode(group.events).unwrap();
            for event in events.items {
                read.apply(&event);
            }
        }
        let read = read.indexed();
        let subject = Subject::User(names::parse("users", &user).unwrap());
        let unit = names::parse("units", &a).unwrap();
        assert_eq!(now.path(unit), read.path(unit));
        assert_eq!(now.permissions(subject, unit), read.permissions(subject, unit));
        assert!(!read.permissions(subject, unit).is_empty());
    }
}
