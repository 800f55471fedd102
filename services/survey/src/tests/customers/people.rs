//! Adding, seeing, changing, finding, merging.

use proto::{
    common::v1::{Permission, Reason},
    names,
    survey::v1,
};
use tonic::Code;

use crate::tests::world::{bearer, fields, refusal, worlds};

fn mask(paths: &[&str]) -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: paths.iter().map(|p| (*p).to_owned()).collect() })
}

#[tokio::test]
async fn personal_fields_are_shown_to_those_alone_who_may_see_them() {
    for world in worlds().await {
        let mut person = world.person("李雷");
        person.phone = "138 0013 8000".to_owned();
        person.birthday = "1990/3/8".to_owned();
        let made = world.add(person).await;
        assert_eq!(made.display_name, "李雷", "{}", world.name);
        assert_eq!(made.birthday, "1990-03-08");
        assert!(!made.personal_hidden);
        let reader = world.org.user(world.org.region, &[Permission::CustomerRead]).await;
        let request = v1::GetCustomerRequest { name: made.name.clone() };
        let seen = world.customers().get_customer(bearer(request.clone(), &reader)).await;
        let seen = seen.unwrap().into_inner();
        assert!(seen.personal_hidden);
        for text in [&seen.display_name, &seen.phone, &seen.birthday, &seen.external_id] {
            assert_eq!(text, "");
        }
        assert_eq!(seen.unit, made.unit);
        let find =
            v1::FindCustomersRequest { phone: "+8613800138000".to_owned(), ..Default::default() };
        let refused = world.customers().find_customers(bearer(find.clone(), &reader)).await;
        assert_eq!(refusal(refused).0, Code::PermissionDenied);
        let other = world.org.user(world.org.branches[1], crate::tests::world::ADMIN).await;
        let hidden = world.customers().get_customer(bearer(request, &other)).await;
        assert_eq!(refusal(hidden), (Code::NotFound, Reason::NotFound));
        let elsewhere = world.customers().find_customers(bearer(find.clone(), &other)).await;
        assert_eq!(elsewhere.unwrap().into_inner().customers, []);
        let found = world.customers().find_customers(world.as_admin(find)).await.unwrap();
        assert_eq!(found.into_inner().customers[0].name, made.name);
    }
}

#[tokio::test]
async fn a_repeated_creation_answers_the_same_customer() {
    for world in worlds().await {
        let request = v1::CreateCustomerRequest {
            customer: Some(world.person("A")),
            request_id: "one".to_owned(),
            ..Default::default()
        };
        let first = world.customers().create_customer(world.as_admin(request.clone())).await;
        let again = world.customers().create_customer(world.as_admin(request.clone())).await;
        assert_eq!(first.unwrap().into_inner(), again.unwrap().into_inner(), "{}", world.name);
        assert_eq!(world.count("customer").await, 1);
        let other = v1::CreateCustomerRequest { customer: Some(world.person("B")), ..request };
        let other = world.customers().create_customer(world.as_admin(other)).await;
        assert_eq!(refusal(other), (Code::AlreadyExists, Reason::IdempotencyConflict));
    }
}

#[tokio::test]
async fn changes_touch_the_named_fields_and_refuse_old_versions() {
    for world in worlds().await {
        let mut person = world.person("A");
        person.email = "a@example.org".to_owned();
        let made = world.add(person).await;
        let change = |etag: &str, display_name: &str, paths: &[&str]| v1::UpdateCustomerRequest {
            customer: Some(v1::Customer {
                name: made.name.clone(),
                etag: etag.to_owned(),
                display_name: display_name.to_owned(),
                importance: 7.0,
                ..Default::default()
            }),
            update_mask: mask(paths),
        };
        let named = change(&made.etag, "B", &["display_name"]);
        let named = world.customers().update_customer(world.as_admin(named)).await.unwrap();
        let named = named.into_inner();
        assert_eq!((named.display_name.as_str(), named.importance), ("B", 1.0), "{}", world.name);
        assert_eq!(named.email, "a@example.org");
        let stale = change(&made.etag, "C", &["display_name"]);
        let stale = world.customers().update_customer(world.as_admin(stale)).await;
        assert_eq!(refusal(stale), (Code::Aborted, Reason::StaleVersion));
        let odd = change("", "C", &["state"]);
        let odd = world.customers().update_customer(world.as_admin(odd)).await;
        assert_eq!(fields(odd).1, ["updateMask.paths[0]"]);
        let gone = change("", "", &["display_name", "email"]);
        let gone = world.customers().update_customer(world.as_admin(gone)).await;
        assert_eq!(fields(gone).1, ["customer.displayName"]);
    }
}

#[tokio::test]
async fn wrong_fields_are_named() {
    for world in worlds().await {
        let blank = || world.person("A");
        for (field, customer) in [
            ("customer.unit", v1::Customer { unit: String::new(), ..blank() }),
            ("customer.displayName", v1::Customer { display_name: String::new(), ..blank() }),
            ("customer.phone", v1::Customer { phone: "12".to_owned(), ..blank() }),
            ("customer.email", v1::Customer { email: "x".to_owned(), ..blank() }),
            ("customer.birthday", v1::Customer { birthday: "1990-02-30".to_owned(), ..blank() }),
            ("customer.since", v1::Customer { since: "x".to_owned(), ..blank() }),
            ("customer.importance", v1::Customer { importance: -1.0, ..blank() }),
            (
                "customer.attributes",
                v1::Customer {
                    attributes: [("none".to_owned(), "1".to_owned())].into(),
                    ..blank()
                },
            ),
            (
                "customer.customerClass",
                v1::Customer {
                    customer_class: names::print("customerClasses", uuid::Uuid::now_v7()),
                    ..blank()
                },
            ),
            (
                "customer.competitor",
                v1::Customer {
                    competitor: names::print("competitors", uuid::Uuid::now_v7()),
                    ..blank()
                },
            ),
        ] {
            let request =
                v1::CreateCustomerRequest { customer: Some(customer), ..Default::default() };
            let refused = world.customers().create_customer(world.as_admin(request)).await;
            assert_eq!(fields(refused), (Code::InvalidArgument, vec![field.to_owned()]));
        }
        assert_eq!(world.count("customer").await, 0, "{}", world.name);
    }
}

#[tokio::test]
async fn lists_go_on_page_by_page_and_by_filter() {
    for world in worlds().await {
        for number in 0..25 {
            let mut person = world.person(&format!("P{number}"));
            person.importance = f64::from(number) + 1.0;
            world.add(person).await;
        }
        for (filter, want) in [("", 25), ("importance > 20", 5), ("importance < 0", 0)] {
            let (mut seen, mut token) = (Vec::new(), String::new());
            loop {
                let request = v1::ListCustomersRequest {
                    filter: filter.to_owned(),
                    page_size: 4,
                    page_token: token,
                    ..Default::default()
                };
                let page = world.customers().list_customers(world.as_admin(request)).await;
                let page = page.unwrap().into_inner();
                seen.extend(page.customers.into_iter().map(|customer| customer.name));
                token = page.next_page_token;
                if token.is_empty() {
                    break;
                }
            }
            let all = seen.len();
            seen.dedup();
            assert_eq!((all, seen.len()), (want, want), "{} {filter}", world.name);
        }
        let foreign =
            v1::ListCustomersRequest { page_token: "AAAA".to_owned(), ..Default::default() };
        let foreign = world.customers().list_customers(world.as_admin(foreign)).await;
        assert_eq!(refusal(foreign).1, Reason::BadToken);
    }
}

#[tokio::test]
async fn duplicates_are_found_and_merged_with_their_history() {
    for world in worlds().await {
        let mut one = world.person("李雷");
        one.phone = "13800138000".to_owned();
        let one = world.add(one).await;
        world.pass(1);
        let mut two = world.person("Li Lei");
        two.phone = "+86 138 0013 8000".to_owned();
        two.email = "li@example.org".to_owned();
        two.external_id = "K-7".to_owned();
        let two = world.add(two).await;
        world.add(world.person("somebody else")).await;
        let request = v1::ListDuplicatesRequest { page_size: 1, ..Default::default() };
        let found = world.customers().list_duplicates(world.as_admin(request)).await.unwrap();
        let found = found.into_inner();
        assert_eq!(found.groups.len(), 1, "{}", world.name);
        assert_eq!(found.groups[0].customers, [one.name.clone(), two.name.clone()]);
        assert_eq!(found.groups[0].reason, v1::DuplicateReason::Phone as i32);
        assert_eq!(found.next_page_token, "");
        let purchase = v1::Purchase {
            item_id: "1".to_owned(),
            external_id: "K-7".to_owned(),
            time: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 }),
            amount_cents: 500,
            ..Default::default()
        };
        let batch = v1::BatchRecordPurchasesRequest { purchases: vec![purchase] };
        world.records().batch_record_purchases(world.as_admin(batch)).await.unwrap();
        let merge = v1::MergeCustomersRequest {
            name: one.name.clone(),
            other: two.name.clone(),
            etag: String::new(),
        };
        let merged = world.customers().merge_customers(world.as_admin(merge.clone())).await;
        let merged = merged.unwrap().into_inner();
        assert_eq!(merged.email, "li@example.org");
        assert_eq!(world.look(&two.name).await.name, one.name);
        let kept = world.look(&one.name).await;
        assert_eq!(kept.activity.unwrap().purchase_cents, 500);
        assert_eq!(kept.external_id, "K-7");
        let again = world.customers().merge_customers(world.as_admin(merge)).await.unwrap();
        assert_eq!(again.into_inner().name, one.name);
        let request = v1::ListMergesRequest { name: one.name.clone() };
        let history = world.customers().list_merges(world.as_admin(request)).await.unwrap();
        let history = history.into_inner().merges;
        assert_eq!(history.len(), 1);
        assert_eq!(history[0].taken_fields, ["email", "external_id"]);
        assert_eq!(history[0].moved_purchases, 1);
        let find = v1::FindCustomersRequest { external_id: "K-7".to_owned(), ..Default::default() };
        let found = world.customers().find_customers(world.as_admin(find)).await.unwrap();
        assert_eq!(found.into_inner().customers[0].name, one.name);
        let itself = v1::MergeCustomersRequest {
            name: one.name.clone(),
            other: one.name.clone(),
            etag: String::new(),
        };
        let itself = world.customers().merge_customers(world.as_admin(itself)).await;
        assert_eq!(fields(itself).1, ["other"]);
    }
}

#[tokio::test]
async fn consent_has_a_history_and_a_present_state() {
    for world in worlds().await {
        let made = world.add(world.person("A")).await;
        for given in [true, false, true] {
            let request = v1::SetConsentRequest {
                name: made.name.clone(),
                purpose: v1::ConsentPurpose::Survey as i32,
                given,
                source: "counter form".to_owned(),
            };
            world.pass(1);
            world.customers().set_consent(world.as_admin(request)).await.unwrap();
        }
        let now = world.look(&made.name).await;
        assert_eq!(now.consents, [v1::ConsentPurpose::Survey as i32], "{}", world.name);
        let request = v1::ListConsentsRequest { name: made.name.clone() };
        let all = world.customers().list_consents(world.as_admin(request.clone())).await.unwrap();
        let all = all.into_inner().consents;
        assert_eq!(all.iter().map(|c| c.given).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(all[0].source, "counter form");
        let reader = world.org.user(world.org.root, &[Permission::CustomerRead]).await;
        let seen = world.customers().list_consents(bearer(request, &reader)).await.unwrap();
        assert_eq!(seen.into_inner().consents[0].source, "");
    }
}

#[tokio::test]
async fn a_retired_customer_is_listed_on_request_only_and_not_changed() {
    for world in worlds().await {
        let made = world.add(world.person("A")).await;
        let retire = v1::RetireCustomerRequest { name: made.name.clone() };
        for _ in 0..2 {
            let retired = world.customers().retire_customer(world.as_admin(retire.clone())).await;
            assert_eq!(retired.unwrap().into_inner().state, v1::CustomerState::Retired as i32);
        }
        for (show_retired, want) in [(false, 0), (true, 1)] {
            let request = v1::ListCustomersRequest { show_retired, ..Default::default() };
            let page = world.customers().list_customers(world.as_admin(request)).await.unwrap();
            assert_eq!(page.into_inner().customers.len(), want, "{}", world.name);
        }
        let change = v1::UpdateCustomerRequest {
            customer: Some(v1::Customer {
                name: made.name,
                language: "en".to_owned(),
                ..Default::default()
            }),
            update_mask: None,
        };
        let refused = world.customers().update_customer(world.as_admin(change)).await;
        assert_eq!(refusal(refused), (Code::FailedPrecondition, Reason::WrongState));
    }
}
