//! The stream that a terminal holds.

use std::time::Duration;

use proto::{
    common::v1::Reason,
    device::v1::{self, EncounterEventKind},
    names,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};
use uuid::Uuid;

use super::world::{World, bearer, refusal, worlds};

struct Open {
    send: mpsc::Sender<v1::HeartbeatRequest>,
    receive: Streaming<v1::HeartbeatResponse>,
}

async fn open(world: &World, device: Uuid, token: &str) -> Result<Open, Status> {
    let (send, requests) = mpsc::channel(4);
    let name = names::print("devices", device);
    send.send(v1::HeartbeatRequest { name, ..Default::default() }).await.unwrap();
    let request = bearer(ReceiverStream::new(requests), token);
    let receive = world.devices().connect(request).await?.into_inner();
    Ok(Open { send, receive })
}

async fn next(open: &mut Open) -> Result<v1::HeartbeatResponse, Status> {
    let message = tokio::time::timeout(Duration::from_secs(5), open.receive.message());
    Ok(message.await.expect("an answer comes soon")?.expect("the stream goes on"))
}

async fn prompt(world: &World, token: &str) -> Uuid {
    let encounter = Uuid::now_v7();
    let event = v1::EncounterEvent {
        encounter_id: encounter.to_string(),
        kind: EncounterEventKind::Prompted as i32,
        ..Default::default()
    };
    let request = v1::BatchWriteEncounterEventsRequest { events: vec![event] };
    let answer = world.encounters().batch_write_encounter_events(bearer(request, token)).await;
    assert_eq!(answer.unwrap().into_inner().results[0].code, 0);
    encounter
}

#[tokio::test]
async fn prompts_and_configuration_arrive_at_once() {
    for world in worlds().await {
        let (device, token) = world.device_at(world.org.windows[0]).await;
        let mut open = open(&world, device, &token).await.unwrap();
        let first = next(&mut open).await.unwrap();
        assert!(first.config.is_some() && first.prompts.is_empty(), "{}", world.name);

        let encounter = prompt(&world, &token).await;
        let pushed = next(&mut open).await.unwrap();
        assert_eq!(pushed.prompts.len(), 1, "{}", world.name);
        assert_eq!(pushed.prompts[0].encounter, names::print("encounters", encounter));

        let change = v1::UpdateDeviceRequest {
            device: Some(v1::Device {
                name: names::print("devices", device),
                display_name: "Terminal".into(),
                unit: names::print("units", world.org.windows[0]),
                language: "en".into(),
                ..Default::default()
            }),
            update_mask: None,
        };
        world.devices().update_device(world.as_admin(change)).await.unwrap();
        let pushed = next(&mut open).await.unwrap();
        assert_eq!(pushed.config.unwrap().language, "en", "{}", world.name);

        // Once shown, the prompt is not asked for again, here or by polling.
        let done = v1::HeartbeatRequest {
            name: names::print("devices", device),
            done_prompts: vec![first_prompt(&world, device, &token).await],
            ..Default::default()
        };
        open.send.send(done).await.unwrap();
        assert!(next(&mut open).await.unwrap().prompts.is_empty(), "{}", world.name);
    }
}

async fn first_prompt(world: &World, device: Uuid, token: &str) -> String {
    let name = names::print("devices", device);
    let beat = v1::HeartbeatRequest { name, ..Default::default() };
    let answer = world.devices().heartbeat(bearer(beat, token)).await.unwrap().into_inner();
    answer.prompts[0].name.clone()
}

#[tokio::test]
async fn prompts_of_another_replica_arrive_by_polling() {
    for world in worlds().await {
        let (device, token) = world.device_at(world.org.windows[0]).await;
        let mut open = open(&world, device, &token).await.unwrap();
        next(&mut open).await.unwrap();
        let stop = tokio_util::sync::CancellationToken::new();
        let poll =
            world.app.nudges.clone().poll(world.app.db.clone(), world.clock.clone(), stop.clone());
        let poll = tokio::spawn(poll);
        let other = world.restarted();
        let event = v1::EncounterEvent {
            encounter_id: Uuid::now_v7().to_string(),
            kind: EncounterEventKind::Prompted as i32,
            ..Default::default()
        };
        let request = v1::BatchWriteEncounterEventsRequest { events: vec![event] };
        let mut other = v1::encounter_service_client::EncounterServiceClient::new(other);
        other.batch_write_encounter_events(bearer(request, &token)).await.unwrap();
        assert_eq!(next(&mut open).await.unwrap().prompts.len(), 1, "{}", world.name);
        stop.cancel();
        poll.await.unwrap();
    }
}

#[tokio::test]
async fn a_third_stream_of_one_device_is_refused() {
    for world in worlds().await {
        let (device, token) = world.device_at(world.org.windows[0]).await;
        let mut first = open(&world, device, &token).await.unwrap();
        let mut second = open(&world, device, &token).await.unwrap();
        next(&mut first).await.unwrap();
        next(&mut second).await.unwrap();
        let mut third = open(&world, device, &token).await.unwrap();
        let refused = next(&mut third).await.map(tonic::Response::new);
        assert_eq!(
            refusal(refused),
            (Code::ResourceExhausted, Reason::DuplicateIdentity),
            "{}",
            world.name
        );
        drop(first);
        // Room is made as soon as the server notices that the first one is gone.
        let mut tries = 0;
        loop {
            let mut again = open(&world, device, &token).await.unwrap();
            if next(&mut again).await.is_ok() {
                break;
            }
            tries += 1;
            assert!(tries < 100, "{}", world.name);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn a_stream_ends_when_its_device_is_revoked() {
    for world in worlds().await {
        let (device, token) = world.device_at(world.org.windows[0]).await;
        let mut open = open(&world, device, &token).await.unwrap();
        next(&mut open).await.unwrap();
        let revoke = v1::RevokeDeviceRequest { name: names::print("devices", device) };
        world.devices().revoke_device(world.as_admin(revoke)).await.unwrap();
        let ended = next(&mut open).await.map(tonic::Response::new);
        assert_eq!(refusal(ended), (Code::PermissionDenied, Reason::Revoked), "{}", world.name);
    }
}

#[tokio::test]
async fn a_stream_is_of_one_device_and_of_sound_messages() {
    for world in worlds().await {
        let (device, token) = world.device_at(world.org.windows[0]).await;
        let bad: [fn(&mut v1::HeartbeatRequest); 3] = [
            |m| m.name = names::print("devices", Uuid::now_v7()),
            |m| m.name.clear(),
            |m| m.firmware_version = "x".repeat(65),
        ];
        for change in bad {
            let mut open = open(&world, device, &token).await.unwrap();
            next(&mut open).await.unwrap();
            let mut message = v1::HeartbeatRequest {
                name: names::print("devices", device),
                ..Default::default()
            };
            change(&mut message);
            open.send.send(message).await.unwrap();
            let refused = next(&mut open).await.map(tonic::Response::new);
            assert_eq!(refusal(refused).0, Code::InvalidArgument, "{}", world.name);
        }
    }
}

#[tokio::test]
async fn a_silent_stream_is_ended() {
    let world = worlds().await.remove(0);
    let (device, token) = world.device_at(world.org.windows[0]).await;
    let mut open = open(&world, device, &token).await.unwrap();
    next(&mut open).await.unwrap();
    let ended = loop {
        match open.receive.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("ended without a reason"),
            Err(status) => break status,
        }
    };
    let refused = refusal::<()>(Err(ended));
    assert_eq!(refused, (Code::DeadlineExceeded, Reason::DeadlineExceeded));
}
