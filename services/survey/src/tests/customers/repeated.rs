//! Creating calls of customers' data that are sent again.

use proto::{common::v1::Reason, names, survey::v1};
use tonic::Code;

use crate::tests::world::{World, refusal, worlds};

const CONFLICT: (Code, Reason) = (Code::AlreadyExists, Reason::IdempotencyConflict);

fn attribute(code: &str) -> v1::CreateCustomerAttributeRequest {
    let attribute = v1::CustomerAttribute {
        code: code.to_owned(),
        value_type: v1::AttributeType::Text as i32,
        ..Default::default()
    };
    v1::CreateCustomerAttributeRequest { attribute: Some(attribute), request_id: "a".to_owned() }
}

fn segment(world: &World, display_name: &str) -> v1::CreateSegmentRequest {
    let segment = v1::Segment {
        unit: names::print("units", world.org.root),
        display_name: display_name.to_owned(),
        filter: "purchase_count > 0".to_owned(),
        ..Default::default()
    };
    v1::CreateSegmentRequest { segment: Some(segment), request_id: "s".to_owned() }
}

fn competitor(display_name: &str) -> v1::CreateCompetitorRequest {
    let competitor = v1::Competitor { display_name: display_name.to_owned(), ..Default::default() };
    v1::CreateCompetitorRequest { competitor: Some(competitor), request_id: "c".to_owned() }
}

fn trigger(world: &World, display_name: &str) -> v1::CreateTriggerRequest {
    let trigger = v1::Trigger {
        unit: names::print("units", world.org.root),
        display_name: display_name.to_owned(),
        kind: v1::InteractionKind::Complaint as i32,
        action: v1::TriggerAction::CallBack as i32,
        ..Default::default()
    };
    v1::CreateTriggerRequest { trigger: Some(trigger), request_id: "t".to_owned() }
}

#[tokio::test]
async fn what_is_created_twice_with_one_id_is_there_once() {
    for world in worlds().await {
        let make = async |code: &str| {
            world.schema().create_customer_attribute(world.as_admin(attribute(code))).await
        };
        let first = make("city").await.unwrap().into_inner();
        assert_eq!(make("city").await.unwrap().into_inner(), first, "{}", world.name);
        assert_eq!(refusal(make("town").await), CONFLICT);

        let make = async |name: &str| {
            world.schema().create_segment(world.as_admin(segment(&world, name))).await
        };
        let first = make("A").await.unwrap().into_inner();
        assert_eq!(make("A").await.unwrap().into_inner(), first, "{}", world.name);
        assert_eq!(refusal(make("B").await), CONFLICT);

        let make = async |name: &str| {
            world.competitors().create_competitor(world.as_admin(competitor(name))).await
        };
        let first = make("A").await.unwrap().into_inner();
        assert_eq!(make("A").await.unwrap().into_inner(), first, "{}", world.name);
        assert_eq!(refusal(make("B").await), CONFLICT);

        let make = async |name: &str| {
            world.records().create_trigger(world.as_admin(trigger(&world, name))).await
        };
        let first = make("A").await.unwrap().into_inner();
        assert_eq!(make("A").await.unwrap().into_inner(), first, "{}", world.name);
        assert_eq!(refusal(make("B").await), CONFLICT);
        for table in ["customer_attribute", "segment", "competitor", "customer_trigger"] {
            assert_eq!(world.count(table).await, 1, "{}: {table}", world.name);
        }
    }
}
