//! The feed and the counts.

use std::time::Duration;

use futures::StreamExt as _;
use proto::{
    common::v1::{ListEventsRequest, Reason, WatchEventsRequest},
    device::v1::{self, EncounterEventKind},
    names,
};
use tonic::Code;
use uuid::Uuid;

use super::world::{World, bearer, refusal, worlds};

async fn start_some(world: &World, token: &str, count: usize) {
    let started = || v1::EncounterEvent {
        encounter_id: Uuid::now_v7().to_string(),
        kind: EncounterEventKind::Started as i32,
        ..Default::default()
    };
    let events = (0..count).map(|_| started()).collect();
    let request = v1::BatchWriteEncounterEventsRequest { events };
    world.encounters().batch_write_encounter_events(bearer(request, token)).await.unwrap();
}

#[tokio::test]
async fn other_services_follow_the_feed_and_nobody_else_does() {
    for world in worlds().await {
        let (_, token) = world.device_at(world.org.windows[0]).await;
        let list = ListEventsRequest::default();
        let denied = world.feed().list_events(world.as_admin(list.clone())).await;
        assert_eq!(refusal(denied).0, Code::PermissionDenied, "{}", world.name);
        let page = world.feed().list_events(world.as_service(list)).await.unwrap().into_inner();
        assert!(page.at_end && !page.groups.is_empty(), "{}", world.name);

        let watch = WatchEventsRequest { after: page.next.clone() };
        let mut stream =
            world.feed().watch_events(world.as_service(watch)).await.unwrap().into_inner();
        start_some(&world, &token, 1).await;
        let group = tokio::time::timeout(Duration::from_secs(5), stream.message());
        let group = group.await.unwrap().unwrap().unwrap();
        let order = kit::feed::compare_positions(&group.position, &page.next).unwrap();
        assert!(order.is_gt(), "{}", world.name);

        let bad = WatchEventsRequest { after: "nonsense".into() };
        let bad = world
            .feed()
            .watch_events(world.as_service(bad))
            .await
            .map(|_| tonic::Response::new(()));
        assert_eq!(refusal(bad), (Code::InvalidArgument, Reason::BadToken));
    }
}

#[tokio::test]
async fn counts_hold_at_their_position() {
    for world in worlds().await {
        let (_, token) = world.device_at(world.org.windows[0]).await;
        start_some(&world, &token, 3).await;
        let request = v1::CountSourceRequest {
            organisation: names::print("organisations", world.org.org),
            ..Default::default()
        };
        let count = async || {
            let answer = world.feed().count_source(world.as_service(request.clone())).await;
            whole(answer.unwrap().into_inner().map(|message| message.unwrap()).collect().await)
        };
        let first = count().await;
        assert_eq!(first.encounters.len(), 1, "{}", world.name);
        assert_eq!(first.encounters[0].count, 3);
        assert_eq!(first.encounters[0].site, names::print("units", world.org.branches[0]));
        let end = world.app.outbox.position().await.unwrap();
        assert_eq!(first.position, end, "{}", world.name);

        // While others write, a count is that of its own position.
        let counts = async {
            for _ in 0..5 {
                let counted = count().await;
                let n = usize::try_from(counted.encounters[0].count).unwrap();
                let mut told = 0;
                let mut after = String::new();
                while kit::feed::compare_positions(&after, &counted.position).unwrap().is_lt() {
                    let page = world.app.outbox.list(&after, 1).await.unwrap();
                    after = page.next;
                    told += encounters_in(&page.groups[0].events);
                }
                assert_eq!(n, told, "{}", world.name);
            }
        };
        let writes = async {
            for _ in 0..20 {
                start_some(&world, &token, 2).await;
            }
        };
        tokio::join!(counts, writes);
    }
}

/// The counts of all messages, with the position of the first one.
fn whole(messages: Vec<v1::CountSourceResponse>) -> v1::CountSourceResponse {
    let mut whole = v1::CountSourceResponse::default();
    for (place, message) in messages.into_iter().enumerate() {
        assert_eq!(message.position.is_empty(), place > 0, "the first message alone has it");
        whole.position += &message.position;
        whole.ratings.extend(message.ratings);
        whole.encounters.extend(message.encounters);
        whole.ratings_so_far = message.ratings_so_far;
        whole.encounters_so_far = message.encounters_so_far;
    }
    whole
}

fn encounters_in(events: &bytes::Bytes) -> usize {
    use prost::Message as _;
    let events = v1::Events::decode(events.clone()).unwrap().items;
    let is_new = |event: &v1::Event| match &event.change {
        Some(v1::event::Change::Encounter(change)) => change.retract.is_none(),
        _ => false,
    };
    events.iter().filter(|event| is_new(event)).count()
}

#[tokio::test]
async fn the_background_work_ends_when_it_is_told_to() {
    for world in worlds().await {
        let stop = tokio_util::sync::CancellationToken::new();
        let name = world.name.clone();
        let background = tokio::spawn(world.service().background(stop.clone()));
        tokio::time::sleep(Duration::from_millis(50)).await;
        stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(10), background).await;
        ended.unwrap_or_else(|_| panic!("{name}: it goes on")).unwrap();
    }
}
