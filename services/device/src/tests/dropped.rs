//! Messages that devices had to drop.

use proto::{
    common::v1::Reason,
    device::v1::{self, rating_service_client::RatingServiceClient},
    names, time,
};
use tonic::Code;
use uuid::Uuid;

use super::world::{NOW_US, S, World, bearer, refusal, worlds};

fn beat(name: &str, dropped: &[(i64, i64)]) -> v1::HeartbeatRequest {
    let range = |(first, last): &(i64, i64)| v1::SequenceRange { first: *first, last: *last };
    v1::HeartbeatRequest {
        name: name.to_owned(),
        dropped: dropped.iter().map(range).collect(),
        epoch: 1,
        ..Default::default()
    }
}

async fn send(world: &World, token: &str, sequences: &[i64]) -> v1::BatchCreateRatingsResponse {
    let message = |sequence: &i64| v1::RatingMessage {
        rating_id: Uuid::now_v7().to_string(),
        epoch: 1,
        sequence: *sequence,
        grade: 5,
        device_time: Some(time::from_us(NOW_US + sequence * 60 * S)),
        ..Default::default()
    };
    let ratings = sequences.iter().map(message).collect();
    let request = v1::BatchCreateRatingsRequest { ratings, clock: None };
    let mut client = RatingServiceClient::new(world.chan.clone());
    client.batch_create_ratings(bearer(request, token)).await.unwrap().into_inner()
}

#[tokio::test]
async fn what_a_device_dropped_is_listed_and_missed_no_more() {
    for world in worlds().await {
        let (id, token) = world.device_at(world.org.windows[0]).await;
        let name = names::print("devices", id);
        world.pass(7_200);
        let range = |first, last| v1::SequenceRange { first, last };
        let answer = send(&world, &token, &[1, 2, 6, 12]).await;
        assert_eq!(answer.acknowledgements[0].missing, [range(3, 5), range(7, 11)]);

        let mut client = world.devices();
        let beaten = client.heartbeat(bearer(beat(&name, &[(3, 5), (8, 9)]), &token)).await;
        let known = beaten.unwrap().into_inner().acknowledgements;
        assert_eq!(known[0].contiguous_sequence, 6, "{}", world.name);
        assert_eq!(known[0].missing, [range(7, 7), range(10, 11)], "{}", world.name);
        // What turns up again is stored like anything else.
        let found = send(&world, &token, &[4, 7]).await;
        assert!(found.results.iter().all(|result| result.code == 0 && !result.duplicate));
        assert_eq!(found.acknowledgements[0].contiguous_sequence, 9);

        world.pass(60);
        client.heartbeat(bearer(beat(&name, &[(10, 11)]), &token)).await.unwrap();
        let mut request =
            v1::ListDroppedRangesRequest { name: name.clone(), page_size: 2, ..Default::default() };
        let mut listed = Vec::new();
        loop {
            let page = client.list_dropped_ranges(world.as_admin(request.clone())).await.unwrap();
            let page = page.into_inner();
            listed.extend(page.ranges.iter().map(|r| (r.epoch, r.first, r.last)));
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        assert_eq!(listed, [(1, 10, 11), (1, 8, 9), (1, 3, 5)], "{}", world.name);
        request.page_token = "nonsense".into();
        let bad = client.list_dropped_ranges(world.as_admin(request.clone())).await;
        assert_eq!(refusal(bad), (Code::InvalidArgument, Reason::BadToken));
        request.name = names::print("devices", Uuid::now_v7());
        request.page_token.clear();
        let absent = client.list_dropped_ranges(world.as_admin(request)).await;
        assert_eq!(refusal(absent).0, Code::NotFound);
    }
}

#[tokio::test]
async fn a_device_speaks_the_languages_of_the_contract_or_none() {
    for world in worlds().await {
        for (language, good) in
            [("", true), ("zh-CN", true), ("en", true), ("zh", false), ("EN", false), ("x", false)]
        {
            let device = v1::Device {
                display_name: "Terminal".into(),
                kind: v1::DeviceKind::NetworkTerminal as i32,
                unit: names::print("units", world.org.windows[0]),
                language: language.into(),
                ..Default::default()
            };
            let request =
                v1::CreateDeviceRequest { device: Some(device), request_id: String::new() };
            let answer = world.devices().create_device(world.as_admin(request)).await;
            assert_eq!(answer.is_ok(), good, "{} {language}", world.name);
        }
    }
}
