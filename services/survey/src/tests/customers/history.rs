//! Purchases, interactions and triggers.

use proto::{
    common::v1::{Permission, Reason},
    names,
    survey::v1,
    time,
};
use tonic::Code;

use crate::tests::world::{NOW_US, World, bearer, refusal, worlds};

const DAY_US: i64 = 86_400_000_000;

fn purchase(item_id: &str, customer: &str, cents: i64) -> v1::Purchase {
    v1::Purchase {
        item_id: item_id.to_owned(),
        customer: customer.to_owned(),
        time: Some(time::from_us(NOW_US - DAY_US)),
        amount_cents: cents,
        ..Default::default()
    }
}

async fn buy(world: &World, purchases: Vec<v1::Purchase>) -> Vec<v1::RecordResult> {
    let request = v1::BatchRecordPurchasesRequest { purchases };
    let answer = world.records().batch_record_purchases(world.as_admin(request)).await;
    answer.unwrap().into_inner().results
}

#[tokio::test]
async fn a_purchase_counts_once_however_often_it_is_sent() {
    for world in worlds().await {
        let name = world.add(world.person("A")).await.name;
        let batch =
            || vec![purchase("1", &name, 100), purchase("2", &name, 50), purchase("1", &name, 100)];
        let first = buy(&world, batch()).await;
        assert_eq!(
            first.iter().map(|r| (r.code, r.repeated_item)).collect::<Vec<_>>(),
            [(0, false), (0, false), (0, true)],
            "{}",
            world.name
        );
        let again = buy(&world, batch()).await;
        assert!(again.iter().all(|r| r.repeated_item && r.code == 0));
        assert_eq!(again[0].name, first[0].name);
        let other = buy(&world, vec![purchase("1", &name, 999)]).await;
        assert_eq!(
            (other[0].code, other[0].field.as_str()),
            (Code::AlreadyExists as i32, "itemId")
        );
        let activity = world.look(&name).await.activity.unwrap();
        assert_eq!((activity.purchase_count, activity.purchase_cents), (2, 150));
        let list =
            v1::ListPurchasesRequest { customer: name.clone(), page_size: 1, ..Default::default() };
        let page = world.records().list_purchases(world.as_admin(list.clone())).await.unwrap();
        let page = page.into_inner();
        assert_eq!(page.purchases.len(), 1);
        let next = v1::ListPurchasesRequest { page_token: page.next_page_token, ..list };
        let page = world.records().list_purchases(world.as_admin(next)).await.unwrap();
        let page = page.into_inner();
        assert_eq!((page.purchases.len(), page.next_page_token.as_str()), (1, ""));
    }
}

#[tokio::test]
async fn a_bad_item_refuses_itself_alone() {
    for world in worlds().await {
        let name = world.add(world.person("A")).await.name;
        let nobody = names::print("customers", uuid::Uuid::now_v7());
        let good = || purchase("good", &name, 1);
        let results = buy(
            &world,
            vec![
                good(),
                v1::Purchase { item_id: String::new(), ..good() },
                v1::Purchase { item_id: "3".to_owned(), time: None, ..good() },
                v1::Purchase { item_id: "4".to_owned(), amount_cents: -1, ..good() },
                v1::Purchase { item_id: "5".to_owned(), customer: nobody, ..good() },
                v1::Purchase { item_id: "6".to_owned(), external_id: "K".to_owned(), ..good() },
                v1::Purchase { item_id: "7".to_owned(), customer: String::new(), ..good() },
                v1::Purchase {
                    item_id: "8".to_owned(),
                    time: Some(time::from_us(NOW_US + 2 * DAY_US)),
                    ..good()
                },
                v1::Purchase {
                    item_id: "9".to_owned(),
                    competitor: names::print("competitors", uuid::Uuid::now_v7()),
                    ..good()
                },
            ],
        )
        .await;
        let found: Vec<(i32, &str)> = results.iter().map(|r| (r.code, r.field.as_str())).collect();
        let invalid = Code::InvalidArgument as i32;
        assert_eq!(
            found,
            [
                (0, ""),
                (invalid, "itemId"),
                (invalid, "time"),
                (invalid, "amountCents"),
                (Code::NotFound as i32, "customer"),
                (invalid, "customer"),
                (invalid, "customer"),
                (invalid, "time"),
                (invalid, "competitor"),
            ],
            "{}",
            world.name
        );
        let elsewhere =
            world.org.client(world.org.branches[1], &[Permission::CustomerRecord], None).await;
        let request = v1::BatchRecordPurchasesRequest { purchases: vec![good()] };
        let answer = world.records().batch_record_purchases(bearer(request, &elsewhere)).await;
        assert_eq!(answer.unwrap().into_inner().results[0].code, Code::NotFound as i32);
        let none = v1::BatchRecordPurchasesRequest { purchases: Vec::new() };
        let none = world.records().batch_record_purchases(world.as_admin(none)).await;
        assert_eq!(refusal(none).1, Reason::InvalidField);
    }
}

#[tokio::test]
async fn interactions_are_history_and_trigger_what_is_wanted_once() {
    for world in worlds().await {
        let name = world.add(world.person("A")).await.name;
        let trigger = |unit, kind, action, campaign| v1::CreateTriggerRequest {
            trigger: Some(v1::Trigger {
                unit: names::print("units", unit),
                display_name: "after".to_owned(),
                kind,
                action,
                campaign,
                delay_hours: 24,
                ..Default::default()
            }),
            ..Default::default()
        };
        let nothing = names::print("campaigns", uuid::Uuid::now_v7());
        let delivery = v1::InteractionKind::Delivery as i32;
        let complaint = v1::InteractionKind::Complaint as i32;
        let (survey, call) = (v1::TriggerAction::Survey as i32, v1::TriggerAction::CallBack as i32);
        for request in [
            trigger(world.org.root, delivery, call, String::new()),
            trigger(world.org.branches[0], complaint, call, String::new()),
            trigger(world.org.branches[1], delivery, call, String::new()),
        ] {
            world.records().create_trigger(world.as_admin(request)).await.unwrap();
        }
        let lacking = trigger(world.org.root, delivery, survey, String::new());
        let lacking = world.records().create_trigger(world.as_admin(lacking)).await;
        assert_eq!(refusal(lacking).0, Code::InvalidArgument);
        let unknown = trigger(world.org.root, delivery, survey, nothing);
        let unknown = world.records().create_trigger(world.as_admin(unknown)).await;
        assert_eq!(refusal(unknown).0, Code::NotFound);
        let at_us = NOW_US - 2 * DAY_US;
        let item = |id: &str, kind| v1::Interaction {
            item_id: id.to_owned(),
            customer: name.clone(),
            kind,
            time: Some(time::from_us(at_us)),
            reference: "O-77".to_owned(),
            note: "left at the door".to_owned(),
            ..Default::default()
        };
        let batch = v1::BatchRecordInteractionsRequest {
            interactions: vec![item("1", delivery), item("2", complaint)],
        };
        for _ in 0..2 {
            let request = world.as_admin(batch.clone());
            let results = world.records().batch_record_interactions(request).await.unwrap();
            assert!(results.into_inner().results.iter().all(|r| r.code == 0), "{}", world.name);
        }
        let due = v1::ListDueTriggersRequest::default();
        let due = world.records().list_due_triggers(world.as_admin(due)).await.unwrap();
        let due = due.into_inner().due_triggers;
        assert_eq!(due.iter().map(|d| d.action).collect::<Vec<_>>(), [call, call]);
        assert!(due.iter().all(|d| d.due_time == Some(time::from_us(at_us + DAY_US))));
        let called = v1::Interaction {
            time: Some(time::from_us(NOW_US - DAY_US)),
            ..item("3", v1::InteractionKind::Contact as i32)
        };
        let batch = v1::BatchRecordInteractionsRequest { interactions: vec![called] };
        world.records().batch_record_interactions(world.as_admin(batch)).await.unwrap();
        let all = v1::ListDueTriggersRequest { show_done: true, ..Default::default() };
        let all = world.records().list_due_triggers(world.as_admin(all)).await.unwrap();
        let outcomes: Vec<i32> = all.into_inner().due_triggers.iter().map(|d| d.outcome).collect();
        let called = v1::TriggerOutcome::CalledBack as i32;
        assert_eq!(outcomes, [called, called], "a contact sees to the call-backs");
        let activity = world.look(&name).await.activity.unwrap();
        assert_eq!(activity.complaint_count, 1);
        assert_eq!(activity.last_contact_time, Some(time::from_us(at_us + DAY_US)));
        let list = v1::ListInteractionsRequest { customer: name.clone(), ..Default::default() };
        let seen = world.records().list_interactions(world.as_admin(list.clone())).await.unwrap();
        let seen = seen.into_inner().interactions;
        assert_eq!(seen.len(), 3);
        assert_eq!(
            (seen[0].reference.as_str(), seen[0].note.as_str()),
            ("O-77", "left at the door")
        );
        let reader = world.org.user(world.org.root, &[Permission::CustomerRead]).await;
        let seen = world.records().list_interactions(bearer(list, &reader)).await.unwrap();
        assert_eq!(seen.into_inner().interactions[0].note, "");
    }
}
