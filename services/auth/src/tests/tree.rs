//! The tree of units.

use prost_types::FieldMask;

use super::*;

async fn shift(world: &World, name: &str, parent: &str) -> Result<Unit> {
    let request =
        MoveUnitRequest { name: name.to_owned(), parent: parent.to_owned(), etag: String::new() };
    got(world.units().move_unit(bearer(request, &world.owner)).await)
}

async fn retire(world: &World, name: &str) -> Result<Unit> {
    let request = RetireUnitRequest { name: name.to_owned() };
    got(world.units().retire_unit(bearer(request, &world.owner)).await)
}

async fn list(world: &World, token: &str, request: ListUnitsRequest) -> Vec<Unit> {
    let (mut found, mut request) = (Vec::new(), request);
    loop {
        let page = got(world.units().list_units(bearer(request.clone(), token)).await).unwrap();
        found.extend(page.units);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return found;
        }
    }
}

#[tokio::test]
async fn units_are_made_listed_moved_and_retired() {
    for world in worlds().await {
        let north = world.unit(&world.root, "north").await;
        world.advance(1);
        let south = world.unit(&world.root, "south").await;
        let branch = world.unit(&north, "branch").await;
        let moved = shift(&world, &branch, &south).await.unwrap();
        assert_eq!(moved.path, [world.root.clone(), south.clone(), branch.clone()]);
        assert_eq!(moved.etag, "2");
        // Again is no change.
        assert_eq!(shift(&world, &branch, &south).await.unwrap().etag, "2");

        let all =
            list(&world, &world.owner, ListUnitsRequest { page_size: 1, ..Default::default() });
        let names: Vec<_> = all.await.into_iter().map(|unit| unit.name).collect();
        assert_eq!(names, [&world.root, &north, &south, &branch].map(String::clone));

        refused(&world, retire(&world, &south).await, Reason::InUse);
        refused(&world, retire(&world, &world.root).await, Reason::WrongState);
        assert!(retire(&world, &branch).await.unwrap().valid_to.is_some());
        retire(&world, &branch).await.unwrap();
        retire(&world, &south).await.unwrap();
        refused(&world, shift(&world, &branch, &north).await, Reason::WrongState);
        refused(&world, shift(&world, &north, &south).await, Reason::WrongState);
        let used = list(&world, &world.owner, ListUnitsRequest::default()).await;
        assert_eq!(used.len(), 2);
        let request = ListUnitsRequest { show_retired: true, ..Default::default() };
        assert_eq!(list(&world, &world.owner, request).await.len(), 4);
        // A retired unit's name is free again.
        world.unit(&world.root, "south").await;
    }
}

#[tokio::test]
async fn what_would_not_be_a_tree_is_refused() {
    for world in worlds().await {
        let a = world.unit(&world.root, "a").await;
        let b = world.unit(&a, "b").await;
        refused(&world, shift(&world, &a, &b).await, Reason::Cycle);
        refused(&world, shift(&world, &a, &a).await, Reason::Cycle);
        refused(&world, shift(&world, &world.root, &b).await, Reason::Cycle);
        let same = world.try_unit(&world.owner, &world.root, " a ").await;
        refused(&world, same, Reason::AlreadyExists);
        world.unit(&world.root, "b").await;
        refused(&world, shift(&world, &b, &world.root).await, Reason::AlreadyExists);
        for (kind, reason) in [(0, Reason::InvalidField), (1, Reason::InvalidField)] {
            let unit = Unit {
                parent: a.clone(),
                kind,
                display_name: "x".to_owned(),
                ..Default::default()
            };
            let request = CreateUnitRequest { unit: Some(unit), ..Default::default() };
            let made = got(world.units().create_unit(bearer(request, &world.owner)).await);
            refused(&world, made, reason);
        }
        let mut deep = b;
        for level in 4..=32 {
            deep = world.unit(&deep, &format!("level {level}")).await;
        }
        let deeper = world.try_unit(&world.owner, &deep, "level 33").await;
        refused(&world, deeper, Reason::Cycle);
        let c = world.unit(&world.root, "c").await;
        refused(&world, shift(&world, &a, &c).await, Reason::Cycle);
    }
}

#[tokio::test]
async fn of_two_opposite_moves_at_once_one_wins() {
    for world in worlds().await {
        for round in 0..5 {
            let a = world.unit(&world.root, &format!("a{round}")).await;
            let b = world.unit(&world.root, &format!("b{round}")).await;
            let both = tokio::join!(shift(&world, &a, &b), shift(&world, &b, &a));
            let (won, lost) = match both {
                (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won, lost),
                other => panic!("{}: {other:?}", world.name),
            };
            let reasons = [Reason::StaleVersion, Reason::Cycle];
            assert!(reasons.contains(&lost.reason()), "{}: {lost}", world.name);
            assert_eq!(won.path.len(), 3);
        }
    }
}

#[tokio::test]
async fn a_change_names_its_fields_and_the_version_it_was_made_on() {
    for world in worlds().await {
        let name = world.unit(&world.root, "branch").await;
        let update = async |unit: Unit, paths: &[&str]| {
            let paths = paths.iter().map(|path| (*path).to_owned()).collect();
            let unit = Unit { name: name.clone(), ..unit };
            let mask = Some(FieldMask { paths });
            let request = UpdateUnitRequest { unit: Some(unit), update_mask: mask };
            got(world.units().update_unit(bearer(request, &world.owner)).await)
        };
        let hours = |weekday| OpeningHours { weekday, open_minute: 540, close_minute: 1020 };
        let given = Unit {
            code: "B-1".to_owned(),
            time_zone: "asia/urumqi".to_owned(),
            opening_hours: vec![hours(2), hours(1)],
            etag: "1".to_owned(),
            ..Default::default()
        };
        let unit = update(given.clone(), &[]).await.unwrap();
        assert_eq!((unit.display_name.as_str(), unit.code.as_str()), ("branch", "B-1"));
        assert_eq!((unit.time_zone.as_str(), unit.etag.as_str()), ("Asia/Urumqi", "2"));
        assert_eq!(unit.opening_hours[0].weekday, 1);
        refused(&world, update(given, &[]).await, Reason::StaleVersion);
        let cleared = update(Unit::default(), &["openingHours", "code"]).await.unwrap();
        assert!(cleared.opening_hours.is_empty() && cleared.code.is_empty());
        assert_eq!(cleared.time_zone, "Asia/Urumqi");
        refused(&world, update(Unit::default(), &["parent"]).await, Reason::InvalidField);
        refused(&world, update(Unit::default(), &["display_name"]).await, Reason::InvalidField);
        let elsewhere = Unit { parent: random_name("units"), ..Default::default() };
        refused(&world, update(elsewhere, &[]).await, Reason::InvalidField);
        let zone = Unit { time_zone: "Mars/Base".to_owned(), ..Default::default() };
        refused(&world, update(zone, &[]).await, Reason::InvalidField);
    }
}

#[tokio::test]
async fn a_moved_unit_shows_its_former_parents_and_since_when() {
    for world in worlds().await {
        let (a, b) = (world.unit(&world.root, "a").await, world.unit(&world.root, "b").await);
        let unit = world.unit(&a, "unit").await;
        for to in [&b, &world.root] {
            world.advance(60);
            shift(&world, &unit, to).await.unwrap();
        }
        let request = GetUnitRequest { name: unit };
        let unit = got(world.units().get_unit(bearer(request, &world.owner)).await).unwrap();
        let former: Vec<&str> = unit.former_parents.iter().map(|f| f.parent.as_str()).collect();
        assert_eq!(former, [a, b], "{}", world.name);
        let begun = |at: usize| unit.former_parents[at].from_time.unwrap().seconds;
        assert_eq!((begun(0), begun(1) - begun(0)), (unit.valid_from.unwrap().seconds, 60));
        assert_eq!(unit.move_time.unwrap().seconds - begun(1), 60);
    }
}

#[tokio::test]
async fn a_repeated_creation_with_the_same_id_makes_one_unit() {
    for world in worlds().await {
        let request = |name: &str| CreateUnitRequest {
            unit: Some(Unit {
                parent: world.root.clone(),
                kind: UnitKind::Region as i32,
                display_name: name.to_owned(),
                ..Default::default()
            }),
            request_id: "once".to_owned(),
        };
        let create = async |name: &str| {
            got(world.units().create_unit(bearer(request(name), &world.owner)).await)
        };
        let first = create("region").await.unwrap();
        assert_eq!(create("region").await.unwrap(), first);
        refused(&world, create("other").await, Reason::IdempotencyConflict);
    }
}

#[tokio::test]
async fn other_organisations_units_do_not_exist() {
    for world in worlds().await {
        let (_, foreign, stranger) = world.other_organisation("other").await;
        let own = world.unit(&world.root, "own").await;
        for id in [foreign.clone(), random_name("units")] {
            let mut errors = Vec::new();
            let get = GetUnitRequest { name: id.clone() };
            errors.push(got(world.units().get_unit(bearer(get, &world.owner)).await).unwrap_err());
            errors.push(shift(&world, &own, &id).await.unwrap_err());
            errors.push(shift(&world, &id, &own).await.unwrap_err());
            errors.push(world.try_unit(&world.owner, &id, "x").await.unwrap_err());
            errors.push(world.try_user(&world.owner, "x", &id).await.unwrap_err());
            for error in errors {
                assert_eq!(error.message(), "no such unit", "{}", world.name);
            }
        }
        let seen = list(&world, &stranger, ListUnitsRequest::default()).await;
        assert_eq!(seen.len(), 1);
    }
}

#[tokio::test]
async fn page_tokens_belong_to_their_list() {
    let world = worlds().await.remove(0);
    world.unit(&world.root, "a").await;
    let first = ListUnitsRequest { page_size: 1, ..Default::default() };
    let page = got(world.units().list_units(bearer(first, &world.owner)).await).unwrap();
    let other = ListUnitsRequest {
        page_token: page.next_page_token,
        show_retired: true,
        ..Default::default()
    };
    let other = got(world.units().list_units(bearer(other, &world.owner)).await);
    refused(&world, other, Reason::BadToken);
}
