//! Lists, changes and heartbeats of devices.

use proto::{
    common::v1::Reason,
    device::v1::{self, DeviceKind, DeviceState},
    names, time,
};
use tonic::Code;
use uuid::Uuid;

use super::{
    devices::{creation, get, terminal},
    world::{S, bearer, refusal, worlds},
};

#[tokio::test]
async fn pages_of_devices_hold_each_device_once() {
    for world in worlds().await {
        for i in 0..5 {
            let mut device = terminal(world.org.branches[0]);
            device.display_name = format!("D{i}");
            world.devices().create_device(world.as_admin(creation(device, ""))).await.unwrap();
        }
        let (mut token, mut seen) = (String::new(), Vec::new());
        loop {
            let request = v1::ListDevicesRequest {
                page_size: 2,
                page_token: token.clone(),
                ..Default::default()
            };
            let page = world.devices().list_devices(world.as_admin(request)).await.unwrap();
            let page = page.into_inner();
            seen.extend(page.devices.into_iter().map(|d| d.display_name));
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
            let foreign = v1::ListDevicesRequest {
                show_retired: true,
                page_token: token.clone(),
                ..Default::default()
            };
            let foreign = world.devices().list_devices(world.as_admin(foreign)).await;
            assert_eq!(refusal(foreign), (Code::InvalidArgument, Reason::BadToken));
        }
        seen.sort();
        assert_eq!(seen, ["D0", "D1", "D2", "D3", "D4"], "{}", world.name);
    }
}

#[tokio::test]
async fn a_change_names_its_fields_and_its_version() {
    for world in worlds().await {
        let (id, _) = world.device_at(world.org.windows[0]).await;
        let before = get(&world, &names::print("devices", id)).await;
        let mut client = world.devices();
        let mut wanted = v1::Device {
            name: before.name.clone(),
            display_name: "新名".into(),
            language: "en".into(),
            etag: before.etag.clone(),
            ..Default::default()
        };
        let change = |device: &v1::Device, paths: &[&str]| v1::UpdateDeviceRequest {
            device: Some(device.clone()),
            update_mask: Some(prost_types::FieldMask {
                paths: paths.iter().map(|p| (*p).to_owned()).collect(),
            }),
        };
        // The display name is required by the contract even where it does not change.
        let only = change(&wanted, &["language"]);
        let after = client.update_device(world.as_admin(only)).await;
        let after = after.unwrap().into_inner();
        assert_eq!((after.display_name.as_str(), after.language.as_str()), ("Terminal", "en"));
        let stale = client.update_device(world.as_admin(change(&wanted, &["language"]))).await;
        assert_eq!(refusal(stale), (Code::Aborted, Reason::StaleVersion), "{}", world.name);
        wanted.etag.clear();
        let odd = client.update_device(world.as_admin(change(&wanted, &["state"]))).await;
        assert_eq!(refusal(odd), (Code::InvalidArgument, Reason::InvalidField));
        wanted.template = names::print("templates", Uuid::now_v7());
        let absent = client.update_device(world.as_admin(change(&wanted, &["template"]))).await;
        assert_eq!(refusal(absent), (Code::InvalidArgument, Reason::InvalidField));
    }
}

#[tokio::test]
async fn a_heartbeat_reports_and_learns() {
    for world in worlds().await {
        let (id, token) = world.device_at(world.org.windows[0]).await;
        let name = names::print("devices", id);
        let mut client = world.devices();
        let now_us = super::world::NOW_US;
        let mut beat = v1::HeartbeatRequest {
            name: name.clone(),
            clock: Some(v1::SendClock {
                device_time: Some(time::from_us(now_us - 3_600 * S)),
                monotonic_ms: 5_000,
                boot_id: "boot-1".into(),
            }),
            firmware_version: "2.0".into(),
            backlog: 7,
            dropped: vec![v1::SequenceRange { first: 3, last: 12 }],
            epoch: 1,
            ..Default::default()
        };
        let answer = client.heartbeat(bearer(beat.clone(), &token)).await.unwrap().into_inner();
        let config = answer.config.unwrap();
        assert_eq!(config.window, names::print("units", world.org.windows[0]));
        assert_eq!(answer.server_time, Some(time::from_us(now_us)));
        let shown = get(&world, &name).await;
        assert_eq!((shown.backlog, shown.dropped_count), (7, 10), "{}", world.name);
        assert_eq!(shown.firmware_version, "2.0");

        beat.config_etag = config.etag;
        beat.dropped = vec![v1::SequenceRange { first: 3, last: 14 }];
        let answer = client.heartbeat(bearer(beat.clone(), &token)).await.unwrap().into_inner();
        assert_eq!(answer.config, None);
        assert_eq!(get(&world, &name).await.dropped_count, 12);

        for (change, field) in [
            ((|b| b.backlog = -1) as fn(&mut v1::HeartbeatRequest), "backlog"),
            (|b| b.epoch = 0, "epoch"),
            (|b| b.dropped[0].last = 1, "dropped[0]"),
            (|b| b.dropped[0].last = i64::MAX, "dropped[0]"),
            (|b| b.done_prompts = vec!["x".into()], "donePrompts[0]"),
            (|b| b.clock.as_mut().unwrap().monotonic_ms = -1, "clock.monotonicMs"),
        ] {
            let mut bad = beat.clone();
            change(&mut bad);
            let error = client.heartbeat(bearer(bad, &token)).await.unwrap_err();
            let error = kit::error::ServiceError::from(error);
            assert_eq!(error.violations()[0].field, field, "{}", world.name);
        }
        let mut foreign = beat.clone();
        foreign.done_prompts = vec![names::print("prompts", Uuid::now_v7())];
        let foreign = client.heartbeat(bearer(foreign, &token)).await;
        assert_eq!(refusal(foreign).0, Code::NotFound);
    }
}

#[tokio::test]
async fn the_last_word_of_a_device_survives_a_restart() {
    for world in worlds().await {
        let (id, token) = world.device_at(world.org.windows[0]).await;
        world.pass(30);
        let name = names::print("devices", id);
        let beat = v1::HeartbeatRequest { name: name.clone(), ..Default::default() };
        world.devices().heartbeat(bearer(beat, &token)).await.unwrap();
        let now_us = super::world::NOW_US + 30 * S;
        world.app.presence.flush(&world.app.db, now_us).await.unwrap();
        let mut after = v1::device_service_client::DeviceServiceClient::new(world.restarted());
        let request = v1::GetDeviceRequest { name };
        let shown = after.get_device(world.as_admin(request)).await.unwrap().into_inner();
        assert_eq!(shown.last_seen_time, Some(time::from_us(now_us)), "{}", world.name);
        assert!(shown.online);
    }
}

#[tokio::test]
async fn an_import_source_needs_neither_code_nor_window() {
    for world in worlds().await {
        let mut source = terminal(world.org.branches[0]);
        source.kind = DeviceKind::Import as i32;
        let mut client = world.devices();
        let created = client.create_device(world.as_admin(creation(source.clone(), ""))).await;
        let created = created.unwrap().into_inner();
        assert_eq!(created.pairing_code, None, "{}", world.name);
        assert_eq!(created.device.unwrap().state(), DeviceState::Active);
        source.unit = names::print("units", world.org.windows[0]);
        let at_window = client.create_device(world.as_admin(creation(source, ""))).await;
        assert_eq!(refusal(at_window), (Code::InvalidArgument, Reason::InvalidField));
    }
}
