//! Attributes, classes, segments and competitors.

use proto::{
    common::v1::{Permission, Reason},
    names,
    survey::v1::{self, event::Change},
};
use tonic::Code;

use crate::tests::world::{World, bearer, fields, refusal, worlds};

async fn define(world: &World, code: &str, kind: v1::AttributeType, personal: bool) {
    let attribute = v1::CustomerAttribute {
        code: code.to_owned(),
        value_type: kind as i32,
        personal,
        ..Default::default()
    };
    let request =
        v1::CreateCustomerAttributeRequest { attribute: Some(attribute), ..Default::default() };
    world.schema().create_customer_attribute(world.as_admin(request)).await.unwrap();
}

#[tokio::test]
async fn attributes_are_typed_and_personal_ones_are_hidden() {
    for world in worlds().await {
        define(&world, "size", v1::AttributeType::Integer, false).await;
        define(&world, "pass", v1::AttributeType::Text, true).await;
        let mut person = world.person("A");
        person.attributes.insert("size".to_owned(), "+07".to_owned());
        person.personal_attributes.insert("pass".to_owned(), "E123".to_owned());
        let made = world.add(person).await;
        assert_eq!(made.attributes["size"], "7", "{}", world.name);
        assert_eq!(made.personal_attributes["pass"], "E123");
        let reader = world.org.user(world.org.root, &[Permission::CustomerRead]).await;
        let request = v1::GetCustomerRequest { name: made.name.clone() };
        let seen = world.customers().get_customer(bearer(request, &reader)).await.unwrap();
        let seen = seen.into_inner();
        assert_eq!(seen.attributes["size"], "7");
        assert!(seen.personal_attributes.is_empty());
        for (plain, code, value) in
            [(true, "size", "x"), (true, "pass", "E1"), (false, "size", "1"), (true, "no", "1")]
        {
            let mut wrong = world.person("B");
            let place = if plain { &mut wrong.attributes } else { &mut wrong.personal_attributes };
            place.insert(code.to_owned(), value.to_owned());
            let request = v1::CreateCustomerRequest { customer: Some(wrong), ..Default::default() };
            let refused = world.customers().create_customer(world.as_admin(request)).await;
            assert_eq!(refusal(refused).0, Code::InvalidArgument, "{code}={value}");
        }
        let list = v1::ListCustomerAttributesRequest { show_retired: false };
        let known = world.schema().list_customer_attributes(world.as_admin(list)).await.unwrap();
        let known = known.into_inner().attributes;
        assert_eq!(known.len(), 2);
        let retire = v1::RetireCustomerAttributeRequest { name: known[1].name.clone() };
        world.schema().retire_customer_attribute(world.as_admin(retire)).await.unwrap();
        assert_eq!(world.look(&made.name).await.attributes["size"], "7", "stored values stay");
    }
}

#[tokio::test]
async fn classes_have_weights_that_others_learn_of() {
    for world in worlds().await {
        let list = v1::ListCustomerClassesRequest { show_retired: false };
        let known = world.schema().list_customer_classes(world.as_admin(list)).await.unwrap();
        let known = known.into_inner().customer_classes;
        let codes: Vec<&str> = known.iter().map(|class| class.code.as_str()).collect();
        assert_eq!(codes, ["competitor", "external", "intermediate", "internal"]);
        let class = v1::CustomerClass { code: "vip".to_owned(), weight: 2.5, ..Default::default() };
        let request = v1::CreateCustomerClassRequest {
            customer_class: Some(class),
            request_id: "r".to_owned(),
        };
        let vip = world.schema().create_customer_class(world.as_admin(request.clone())).await;
        let vip = vip.unwrap().into_inner();
        let again = world.schema().create_customer_class(world.as_admin(request)).await;
        assert_eq!(again.unwrap().into_inner(), vip, "{}", world.name);
        let change = v1::UpdateCustomerClassRequest {
            customer_class: Some(v1::CustomerClass {
                name: known[1].name.clone(),
                weight: 0.5,
                ..Default::default()
            }),
            update_mask: None,
        };
        world.schema().update_customer_class(world.as_admin(change)).await.unwrap();
        let weights: Vec<(String, f64)> = world
            .events()
            .await
            .into_iter()
            .filter_map(|change| match change {
                Change::CustomerClass(class) => Some((class.customer_class, class.weight)),
                _ => None,
            })
            .collect();
        assert_eq!(weights.len(), 6, "four built-in ones, one own, one change");
        assert!(weights.contains(&(vip.name.clone(), 2.5)));
        assert_eq!(weights[5], (known[1].name.clone(), 0.5));
        let retire = v1::RetireCustomerClassRequest { name: known[1].name.clone() };
        let refused = world.schema().retire_customer_class(world.as_admin(retire)).await;
        assert_eq!(refusal(refused).1, Reason::WrongState);
        let retire = v1::RetireCustomerClassRequest { name: vip.name.clone() };
        world.schema().retire_customer_class(world.as_admin(retire)).await.unwrap();
        let late = v1::Customer { customer_class: vip.name, ..world.person("A") };
        let late = v1::CreateCustomerRequest { customer: Some(late), ..Default::default() };
        let late = world.customers().create_customer(world.as_admin(late)).await;
        assert_eq!(fields(late).1, ["customer.customerClass"]);
        let branch = world.org.user(world.org.branches[0], crate::tests::world::ADMIN).await;
        let own = v1::CustomerClass { code: "own".to_owned(), ..Default::default() };
        let own =
            v1::CreateCustomerClassRequest { customer_class: Some(own), ..Default::default() };
        let own = world.schema().create_customer_class(bearer(own, &branch)).await;
        assert_eq!(refusal(own).0, Code::PermissionDenied);
    }
}

#[tokio::test]
async fn segments_are_kept_in_canonical_form_and_used_below_their_unit() {
    for world in worlds().await {
        define(&world, "city", v1::AttributeType::Text, false).await;
        for (name, city) in [("A", "北京"), ("B", "上海"), ("C", "北京")] {
            let mut person = world.person(name);
            person.attributes.insert("city".to_owned(), city.to_owned());
            world.add(person).await;
        }
        let segment = v1::Segment {
            unit: names::print("units", world.org.root),
            display_name: "Beijing".to_owned(),
            filter: "attr.city  =  \"北京\" AND class='external'".to_owned(),
            ..Default::default()
        };
        let request = v1::CreateSegmentRequest { segment: Some(segment), ..Default::default() };
        let segment = world.schema().create_segment(world.as_admin(request)).await.unwrap();
        let segment = segment.into_inner();
        assert_eq!(segment.filter, "attr.city = '北京' and class = 'external'");
        let branch = world.org.user(world.org.branches[0], &[Permission::CustomerRead]).await;
        let request =
            v1::ListCustomersRequest { segment: segment.name.clone(), ..Default::default() };
        let found = world.customers().list_customers(bearer(request, &branch)).await.unwrap();
        assert_eq!(found.into_inner().customers.len(), 2, "{}", world.name);
        let check = v1::CheckSegmentRequest {
            filter: "attr.city is not empty and not attr.city = '北京'".to_owned(),
            ..Default::default()
        };
        let checked = world.schema().check_segment(world.as_admin(check)).await.unwrap();
        let checked = checked.into_inner();
        assert_eq!((checked.count, checked.of), (1, 3));
        for filter in ["class = 1", "attr.none = 'a'", "1 = 1; DROP TABLE customer", "("] {
            let check = v1::CheckSegmentRequest { filter: filter.to_owned(), ..Default::default() };
            let refused = world.schema().check_segment(world.as_admin(check)).await;
            assert_eq!(fields(refused), (Code::InvalidArgument, vec!["filter".to_owned()]));
        }
        let list = v1::ListSegmentsRequest::default();
        let listed = world.schema().list_segments(bearer(list, &branch)).await.unwrap();
        assert_eq!(listed.into_inner().segments.len(), 1);
        let retire = v1::RetireSegmentRequest { name: segment.name };
        let manager = world.org.user(world.org.branches[0], crate::tests::world::ADMIN).await;
        let refused = world.schema().retire_segment(bearer(retire.clone(), &manager)).await;
        assert_eq!(refusal(refused).0, Code::NotFound);
        world.schema().retire_segment(world.as_admin(retire)).await.unwrap();
    }
}

#[tokio::test]
async fn competitors_have_products_and_customers() {
    for world in worlds().await {
        let product = |code: &str| v1::CompetitorProduct {
            code: code.to_owned(),
            our_product: "X1".to_owned(),
            ..Default::default()
        };
        let rival = v1::Competitor {
            display_name: "Rival".to_owned(),
            products: vec![product("R1"), product("R2")],
            ..Default::default()
        };
        let request = v1::CreateCompetitorRequest { competitor: Some(rival), ..Default::default() };
        let rival = world.competitors().create_competitor(world.as_admin(request)).await;
        let rival = rival.unwrap().into_inner();
        let theirs = v1::Customer { competitor: rival.name.clone(), ..world.person("A") };
        world.add(theirs).await;
        let get = v1::GetCompetitorRequest { name: rival.name.clone() };
        let seen = world.competitors().get_competitor(world.as_admin(get)).await.unwrap();
        assert_eq!(seen.into_inner().customer_count, 1, "{}", world.name);
        let request =
            v1::ListCustomersRequest { competitor: rival.name.clone(), ..Default::default() };
        let found = world.customers().list_customers(world.as_admin(request)).await.unwrap();
        assert_eq!(found.into_inner().customers.len(), 1);
        let twice = v1::UpdateCompetitorRequest {
            competitor: Some(v1::Competitor {
                name: rival.name.clone(),
                products: vec![product("R1"), product("R1")],
                ..Default::default()
            }),
            update_mask: None,
        };
        let twice = world.competitors().update_competitor(world.as_admin(twice)).await;
        assert_eq!(fields(twice).1, ["competitor.products[1].code"]);
        let retire = v1::RetireCompetitorRequest { name: rival.name };
        world.competitors().retire_competitor(world.as_admin(retire)).await.unwrap();
        let list = v1::ListCompetitorsRequest { show_retired: false };
        let left = world.competitors().list_competitors(world.as_admin(list)).await.unwrap();
        assert_eq!(left.into_inner().competitors, []);
    }
}

#[tokio::test]
async fn a_repeated_definition_with_labels_in_many_languages_answers_the_same() {
    for world in worlds().await {
        let label = |n: u32| (format!("x-{n}"), format!("label {n}"));
        let class = v1::CustomerClass {
            code: "gold".to_owned(),
            label: (0..12).map(label).collect(),
            weight: 2.0,
            ..Default::default()
        };
        let create = |class: &v1::CustomerClass| {
            world.as_admin(v1::CreateCustomerClassRequest {
                customer_class: Some(class.clone()),
                request_id: "one".to_owned(),
            })
        };
        let made = world.schema().create_customer_class(create(&class)).await.unwrap();
        let made = made.into_inner();
        for _ in 0..5 {
            let again = world.schema().create_customer_class(create(&class)).await.unwrap();
            assert_eq!(again.into_inner(), made, "{}", world.name);
        }
        let mut other = class;
        other.label.extend([label(12)]);
        let other = world.schema().create_customer_class(create(&other)).await;
        assert_eq!(refusal(other), (Code::AlreadyExists, Reason::IdempotencyConflict));
    }
}
