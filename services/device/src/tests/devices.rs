//! The life of a device.

use std::sync::atomic::Ordering;

use proto::{
    common::v1::{Permission, Reason},
    device::v1::{self, DeviceKind, DeviceState, event::Change},
    names,
};
use tonic::Code;
use uuid::Uuid;

use super::world::{DEVICE, World, bearer, refusal, worlds};

pub(super) fn terminal(unit: Uuid) -> v1::Device {
    v1::Device {
        display_name: "窗口一".into(),
        kind: DeviceKind::ButtonTerminal as i32,
        unit: names::print("units", unit),
        ..Default::default()
    }
}

pub(super) fn creation(device: v1::Device, request_id: &str) -> v1::CreateDeviceRequest {
    v1::CreateDeviceRequest { device: Some(device), request_id: request_id.into() }
}

fn enrolment(code: &str) -> v1::EnrollDeviceRequest {
    v1::EnrollDeviceRequest {
        pairing_code: code.into(),
        serial_number: "SN-1".into(),
        firmware_version: "1.0".into(),
    }
}

pub(super) async fn get(world: &World, name: &str) -> v1::Device {
    let request = v1::GetDeviceRequest { name: name.into() };
    world.devices().get_device(world.as_admin(request)).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_device_is_registered_enrolled_once_and_seen_online() {
    for world in worlds().await {
        let window = world.org.windows[0];
        let mut client = world.devices();
        let request = creation(terminal(window), "");
        let created = client.create_device(world.as_admin(request)).await.unwrap().into_inner();
        let device = created.device.unwrap();
        assert_eq!(device.state(), DeviceState::Registered, "{}", world.name);
        let code = created.pairing_code.unwrap().code;
        assert_eq!(code.len(), 9);

        let enrolled = client.enroll_device(enrolment(&code.to_lowercase())).await.unwrap();
        let enrolled = enrolled.into_inner();
        assert_eq!(enrolled.client_secret, "secret 1");
        assert_eq!(enrolled.template.unwrap().grades.len(), 5);
        let shown = get(&world, &device.name).await;
        assert_eq!(shown.state(), DeviceState::Active);
        assert_eq!((shown.serial_number.as_str(), shown.online), ("SN-1", true));

        let again = client.enroll_device(enrolment(&code)).await;
        assert_eq!(refusal(again), (Code::InvalidArgument, Reason::PairingCodeInvalid));
        assert_eq!(world.auth.issued.lock().unwrap().len(), 1);

        world.pass(91);
        assert!(!get(&world, &device.name).await.online);
        let kinds = world.events().await;
        let states: Vec<i32> = kinds
            .iter()
            .filter_map(|c| if let Change::Device(d) = c { Some(d.state) } else { None })
            .collect();
        assert_eq!(states, [DeviceState::Registered as i32, DeviceState::Active as i32]);
        assert_eq!(world.audited().await, 2, "{}", world.name);
    }
}

#[tokio::test]
async fn a_repeated_creation_is_the_same_device_with_the_same_code() {
    for world in worlds().await {
        let mut client = world.devices();
        let request = || creation(terminal(world.org.branches[0]), "key-1");
        let first = client.create_device(world.as_admin(request())).await.unwrap().into_inner();
        let second = client.create_device(world.as_admin(request())).await.unwrap().into_inner();
        assert_eq!(first, second, "{}", world.name);
        assert!(first.pairing_code.is_some());
        let other = creation(terminal(world.org.branches[1]), "key-1");
        let other = client.create_device(world.as_admin(other)).await;
        assert_eq!(refusal(other), (Code::AlreadyExists, Reason::IdempotencyConflict));
        world.pass(25 * 3_600);
        let late = client.create_device(world.as_admin(request())).await.unwrap().into_inner();
        assert_eq!(late.pairing_code, None);
        let code = first.pairing_code.unwrap().code;
        let expired = client.enroll_device(enrolment(&code)).await;
        assert_eq!(refusal(expired), (Code::InvalidArgument, Reason::PairingCodeInvalid));
    }
}

#[tokio::test]
async fn the_sixth_wrong_code_within_a_minute_is_refused_unread() {
    for world in worlds().await {
        let request = creation(terminal(world.org.windows[0]), "");
        let created = world.devices().create_device(world.as_admin(request)).await.unwrap();
        let code = created.into_inner().pairing_code.unwrap().code;
        let mut client = world.devices();
        for wrong in ["", "0000-0000", "AAAA-AAAA", "nonsense", "７777-7777", "U"] {
            let answer = client.enroll_device(enrolment(wrong)).await;
            let (code, reason) = refusal(answer);
            assert_eq!(code, Code::InvalidArgument, "{wrong}");
            // An empty code is refused before it is looked up.
            let expected =
                if wrong.is_empty() { Reason::InvalidField } else { Reason::PairingCodeInvalid };
            assert_eq!(reason, expected, "{wrong}");
        }
        let sixth = client.enroll_device(enrolment(&code)).await;
        assert_eq!(refusal(sixth), (Code::ResourceExhausted, Reason::TooManyAttempts));
        // Somebody behind another address is not kept out.
        let mut elsewhere = tonic::Request::new(enrolment("0000-0000"));
        elsewhere.metadata_mut().insert("x-manyi-client-address", "192.0.2.7".parse().unwrap());
        let elsewhere = client.enroll_device(elsewhere).await;
        assert_eq!(refusal(elsewhere).0, Code::InvalidArgument);
        world.pass(60);
        client.enroll_device(enrolment(&code)).await.unwrap();
    }
}

#[tokio::test]
async fn a_code_survives_an_auth_that_is_away() {
    for world in worlds().await {
        let request = creation(terminal(world.org.windows[0]), "");
        let created = world.devices().create_device(world.as_admin(request)).await.unwrap();
        let code = created.into_inner().pairing_code.unwrap().code;
        world.auth.away.store(true, Ordering::SeqCst);
        let answer = world.devices().enroll_device(enrolment(&code)).await;
        assert_eq!(refusal(answer).0, Code::Unavailable, "{}", world.name);
        world.auth.away.store(false, Ordering::SeqCst);
        world.devices().enroll_device(enrolment(&code)).await.unwrap();
    }
}

#[tokio::test]
async fn of_many_enrolments_at_once_one_wins_and_its_credential_is_the_last() {
    for world in worlds().await {
        let request = creation(terminal(world.org.windows[0]), "");
        let created = world.devices().create_device(world.as_admin(request)).await.unwrap();
        let code = created.into_inner().pairing_code.unwrap().code;
        let calls = (0..8).map(|_| {
            let (mut client, code) = (world.devices(), code.clone());
            async move { client.enroll_device(enrolment(&code)).await }
        });
        let answers = futures::future::join_all(calls).await;
        let won: Vec<_> = answers.into_iter().filter_map(Result::ok).collect();
        assert_eq!(won.len(), 1, "{}", world.name);
        let issued = world.auth.issued.lock().unwrap().len();
        assert_eq!(won[0].get_ref().client_secret, format!("secret {issued}"));
    }
}

#[tokio::test]
async fn a_new_code_makes_the_old_one_useless() {
    for world in worlds().await {
        let mut client = world.devices();
        let request = creation(terminal(world.org.windows[0]), "");
        let created = client.create_device(world.as_admin(request)).await.unwrap().into_inner();
        let (old, device) = (created.pairing_code.unwrap().code, created.device.unwrap().name);
        world.pass(1);
        let request = v1::CreatePairingCodeRequest { name: device };
        let new = client.create_pairing_code(world.as_admin(request)).await.unwrap().into_inner();
        assert_ne!(new.code, old);
        assert!(client.enroll_device(enrolment(&old)).await.is_err(), "{}", world.name);
        client.enroll_device(enrolment(&new.code)).await.unwrap();
    }
}

#[tokio::test]
async fn a_device_moves_between_windows_and_its_places_are_remembered() {
    for world in worlds().await {
        let (id, _) = world.device_at(world.org.windows[0]).await;
        let name = names::print("devices", id);
        let mut client = world.devices();
        let assign = |window: Option<Uuid>| v1::AssignDeviceRequest {
            name: name.clone(),
            window: names::print_opt("units", window),
        };
        world.pass(10);
        let moved = assign(Some(world.org.windows[2]));
        let moved = client.assign_device(world.as_admin(moved)).await.unwrap().into_inner();
        assert_eq!(moved.window, names::print("units", world.org.windows[2]));
        assert_eq!(get(&world, &name).await.unit, moved.window, "{}", world.name);
        world.pass(10);
        client.assign_device(world.as_admin(assign(None))).await.unwrap();
        let nowhere = client.assign_device(world.as_admin(assign(None))).await;
        assert_eq!(refusal(nowhere).0, Code::FailedPrecondition);
        let branch =
            client.assign_device(world.as_admin(assign(Some(world.org.branches[0])))).await;
        assert_eq!(refusal(branch), (Code::InvalidArgument, Reason::InvalidField));

        let list = v1::ListAssignmentsRequest {
            name: name.clone(),
            page_size: 1,
            page_token: String::new(),
        };
        let page = client.list_assignments(world.as_admin(list.clone())).await.unwrap();
        let page = page.into_inner();
        assert_eq!(page.assignments[0].window, moved.window);
        assert!(page.assignments[0].to.is_some());
        let next = v1::ListAssignmentsRequest { page_token: page.next_page_token, ..list };
        let next = client.list_assignments(world.as_admin(next)).await.unwrap().into_inner();
        assert_eq!(next.assignments[0].window, names::print("units", world.org.windows[0]));
        assert_eq!(next.next_page_token, "", "{}", world.name);
    }
}

#[tokio::test]
async fn what_is_revoked_works_no_more_even_while_auth_is_away() {
    for world in worlds().await {
        let (id, token) = world.device_at(world.org.windows[0]).await;
        let name = names::print("devices", id);
        let mut client = world.devices();
        world.auth.away.store(true, Ordering::SeqCst);
        let revoke = v1::RevokeDeviceRequest { name: name.clone() };
        let revoked = client.revoke_device(world.as_admin(revoke.clone())).await.unwrap();
        assert_eq!(revoked.into_inner().state(), DeviceState::Revoked, "{}", world.name);
        let beat = v1::HeartbeatRequest { name: name.clone(), ..Default::default() };
        let beat = client.heartbeat(bearer(beat, &token)).await;
        assert_eq!(refusal(beat), (Code::PermissionDenied, Reason::Revoked));
        let code = v1::CreatePairingCodeRequest { name: name.clone() };
        let code = client.create_pairing_code(world.as_admin(code)).await;
        assert_eq!(refusal(code), (Code::FailedPrecondition, Reason::WrongState));

        assert_eq!(world.auth.ended.lock().unwrap().len(), 0);
        world.auth.away.store(false, Ordering::SeqCst);
        crate::sweep::turn(&world.app).await;
        crate::sweep::turn(&world.app).await;
        assert_eq!(world.auth.ended.lock().unwrap().concat(), name, "{}", world.name);
        // The same call again changes nothing.
        client.revoke_device(world.as_admin(revoke)).await.unwrap();
        assert_eq!(world.auth.ended.lock().unwrap().len(), 1);

        let retire = v1::RetireDeviceRequest { name };
        let retired = client.retire_device(world.as_admin(retire)).await.unwrap().into_inner();
        assert_eq!(retired.state(), DeviceState::Retired);
        let list = client.list_devices(world.as_admin(v1::ListDevicesRequest::default())).await;
        assert!(list.unwrap().into_inner().devices.is_empty());
        let all = v1::ListDevicesRequest { show_retired: true, ..Default::default() };
        let all = client.list_devices(world.as_admin(all)).await.unwrap().into_inner();
        assert_eq!(all.devices.len(), 1, "{}", world.name);
    }
}

#[tokio::test]
async fn everybody_sees_only_the_devices_of_its_own_units() {
    for world in worlds().await {
        let (ours, token) = world.device_at(world.org.windows[0]).await;
        let (theirs, _) = world.device_at(world.org.windows[2]).await;
        let manager = [Permission::DeviceRead, Permission::DeviceManage];
        let manager = world.org.user(world.org.branches[0], &manager).await;
        let mut client = world.devices();
        let list = client.list_devices(bearer(v1::ListDevicesRequest::default(), &manager)).await;
        let seen: Vec<String> =
            list.unwrap().into_inner().devices.into_iter().map(|d| d.name).collect();
        assert_eq!(seen, [names::print("devices", ours)], "{}", world.name);
        let request = |id| v1::GetDeviceRequest { name: names::print("devices", id) };
        let absent = refusal(client.get_device(bearer(request(Uuid::now_v7()), &manager)).await);
        let hidden = refusal(client.get_device(bearer(request(theirs), &manager)).await);
        assert_eq!(absent, (Code::NotFound, Reason::NotFound));
        assert_eq!(absent, hidden);
        let own = client.get_device(bearer(request(ours), &token)).await.unwrap().into_inner();
        assert_eq!(own.name, names::print("devices", ours));
        let other = refusal(client.get_device(bearer(request(theirs), &token)).await);
        assert_eq!(other.0, Code::NotFound);
        // A credential that reaches further is still for its own device alone.
        let wide = world.org.client(world.org.root, DEVICE, Some(ours)).await;
        let beat =
            v1::HeartbeatRequest { name: names::print("devices", theirs), ..Default::default() };
        let beat = client.heartbeat(bearer(beat, &wide)).await;
        assert_eq!(refusal(beat), (Code::PermissionDenied, Reason::PermissionDenied));

        let elsewhere = v1::ListDevicesRequest {
            unit: names::print("units", world.org.branches[1]),
            ..Default::default()
        };
        let elsewhere = client.list_devices(bearer(elsewhere, &manager)).await;
        assert_eq!(refusal(elsewhere).0, Code::NotFound);
        let away = v1::AssignDeviceRequest {
            name: names::print("devices", ours),
            window: names::print("units", world.org.windows[2]),
        };
        let away = client.assign_device(bearer(away, &manager)).await;
        assert_eq!(refusal(away).0, Code::NotFound, "{}", world.name);
    }
}

#[tokio::test]
async fn another_organisations_device_does_not_exist() {
    for world in worlds().await {
        let (ours, _) = world.device_at(world.org.windows[0]).await;
        let clock = world.clock.clone();
        let other = kit::testing::TestOrg::new(&world.app.directory, &world.keys, clock).await;
        let admin = other.user(other.root, super::world::ADMIN).await;
        let request = v1::GetDeviceRequest { name: names::print("devices", ours) };
        let answer = world.devices().get_device(bearer(request, &admin)).await;
        assert_eq!(refusal(answer), (Code::NotFound, Reason::NotFound), "{}", world.name);
    }
}
