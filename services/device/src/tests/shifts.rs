//! Shifts through the contract.

use proto::{
    common::v1::{Permission, Reason},
    device::v1::{self, ShiftState, event::Change},
    names, time,
};
use tonic::{Code, Response, Status};
use uuid::Uuid;

use super::world::{NOW_US, S, World, bearer, refusal, worlds};

struct At<'a> {
    world: &'a World,
    window: Uuid,
}

impl At<'_> {
    async fn sign_in(&self, number: &str, us: i64) -> Result<v1::Shift, Status> {
        let request = v1::SignInRequest {
            event_id: Uuid::now_v7().to_string(),
            window: names::print("units", self.window),
            staff_number: number.into(),
            event_time: Some(time::from_us(us)),
        };
        let answer = self.world.shifts().sign_in(self.world.as_admin(request)).await;
        answer.map(Response::into_inner)
    }

    fn event(&self, us: i64) -> v1::ShiftEventRequest {
        v1::ShiftEventRequest {
            event_id: Uuid::now_v7().to_string(),
            window: names::print("units", self.window),
            event_time: Some(time::from_us(us)),
        }
    }

    async fn sign_out(&self, us: i64) -> Result<v1::Shift, Status> {
        let request = self.world.as_admin(self.event(us));
        self.world.shifts().sign_out(request).await.map(Response::into_inner)
    }

    async fn pause(&self, us: i64) -> Result<v1::Shift, Status> {
        let request = self.world.as_admin(self.event(us));
        self.world.shifts().pause(request).await.map(Response::into_inner)
    }

    async fn resume(&self, us: i64) -> Result<v1::Shift, Status> {
        let request = self.world.as_admin(self.event(us));
        self.world.shifts().resume(request).await.map(Response::into_inner)
    }
}

async fn list(world: &World, open_only: bool) -> Vec<v1::Shift> {
    let request = v1::ListShiftsRequest { open_only, ..Default::default() };
    let answer = world.shifts().list_shifts(world.as_admin(request)).await.unwrap();
    answer.into_inner().shifts
}

fn span(shift: &v1::Shift) -> (i64, Option<i64>) {
    let second = |t: &prost_types::Timestamp| (time::to_us(t) - NOW_US) / S;
    (shift.start_time.as_ref().map(second).unwrap(), shift.end_time.as_ref().map(second))
}

#[tokio::test]
async fn signing_in_ends_what_was_before_here_and_elsewhere() {
    for world in worlds().await {
        let one = At { world: &world, window: world.org.windows[0] };
        let two = At { world: &world, window: world.org.windows[1] };
        let first = one.sign_in("1001", NOW_US).await.unwrap();
        assert_eq!(first.state(), ShiftState::OnDuty);
        assert_eq!(first.staff, names::print("staff", world.org.staff[0]));
        world.pass(300);
        one.sign_in("1002", NOW_US + 100 * S).await.unwrap();
        two.sign_in("1002", NOW_US + 200 * S).await.unwrap();
        let spans: Vec<_> = list(&world, false).await.iter().map(span).collect();
        assert_eq!(spans, [(200, None), (100, Some(200)), (0, Some(100))], "{}", world.name);
        assert_eq!(list(&world, true).await.len(), 1);
        let ended = two.sign_out(NOW_US + 250 * S).await.unwrap();
        assert_eq!((ended.state(), span(&ended)), (ShiftState::Ended, (200, Some(250))));
        assert!(list(&world, true).await.is_empty(), "{}", world.name);
    }
}

#[tokio::test]
async fn the_same_event_again_changes_nothing_and_another_with_its_id_is_refused() {
    for world in worlds().await {
        let event_id = Uuid::now_v7().to_string();
        let request = |number: &str, at: Option<i64>| v1::SignInRequest {
            event_id: event_id.clone(),
            window: names::print("units", world.org.windows[0]),
            staff_number: number.into(),
            event_time: at.map(time::from_us),
        };
        let mut client = world.shifts();
        let first = client.sign_in(world.as_admin(request("1001", None))).await.unwrap();
        world.pass(30);
        let again = client.sign_in(world.as_admin(request("1001", None))).await.unwrap();
        assert_eq!(first.get_ref(), again.get_ref(), "{}", world.name);
        let timed = request("1001", Some(NOW_US));
        let timed = client.sign_in(world.as_admin(timed)).await.unwrap();
        assert_eq!(first.get_ref(), timed.get_ref(), "{}", world.name);
        let other = client.sign_in(world.as_admin(request("1002", None))).await;
        assert_eq!(refusal(other), (Code::AlreadyExists, Reason::AlreadyExists));
        assert_eq!(world.events().await.len(), 1, "{}", world.name);
    }
}

#[tokio::test]
async fn late_events_rewrite_history() {
    for world in worlds().await {
        let at = At { world: &world, window: world.org.windows[0] };
        world.pass(1_000);
        at.sign_in("1001", NOW_US).await.unwrap();
        at.sign_out(NOW_US + 900 * S).await.unwrap();
        at.sign_in("1002", NOW_US + 400 * S).await.unwrap();
        at.pause(NOW_US + 500 * S).await.unwrap();
        at.pause(NOW_US + 450 * S).await.unwrap();
        at.resume(NOW_US + 600 * S).await.unwrap();
        let shifts = list(&world, false).await;
        let spans: Vec<_> = shifts.iter().map(span).collect();
        assert_eq!(spans, [(400, Some(900)), (0, Some(400))], "{}", world.name);
        assert_eq!(shifts[0].paused.map(|p| p.seconds), Some(150));
    }
}

#[tokio::test]
async fn a_late_sign_in_credits_services_and_ratings_anew() {
    for world in worlds().await {
        let window = world.org.windows[0];
        let (_, token) = world.device_at(window).await;
        let at = At { world: &world, window };
        at.sign_in("1001", NOW_US).await.unwrap();
        world.pass(600);
        let encounter = Uuid::now_v7();
        let event = |kind: v1::EncounterEventKind, second: i64| v1::EncounterEvent {
            encounter_id: encounter.to_string(),
            kind: kind as i32,
            event_time: Some(time::from_us(NOW_US + second * S)),
            ..Default::default()
        };
        let events = vec![
            event(v1::EncounterEventKind::Started, 200),
            event(v1::EncounterEventKind::Finished, 300),
        ];
        let write = v1::BatchWriteEncounterEventsRequest { events };
        world.encounters().batch_write_encounter_events(bearer(write, &token)).await.unwrap();
        let staff = async || {
            let request = v1::GetEncounterRequest { name: names::print("encounters", encounter) };
            let found = world.encounters().get_encounter(world.as_admin(request)).await;
            found.unwrap().into_inner().staff
        };
        assert_eq!(staff().await, names::print("staff", world.org.staff[0]), "{}", world.name);
        at.sign_in("1002", NOW_US + 150 * S).await.unwrap();
        assert_eq!(staff().await, names::print("staff", world.org.staff[1]), "{}", world.name);

        let told = world.events().await;
        let facts: Vec<_> = told
            .iter()
            .filter_map(|c| if let Change::Encounter(e) = c { Some(e.clone()) } else { None })
            .collect();
        assert_eq!(facts.len(), 2, "{}", world.name);
        assert_eq!(facts[1].retract, facts[0].assert);
        let now = facts[1].assert.as_ref().unwrap();
        assert_eq!(now.staff, names::print("staff", world.org.staff[1]));
    }
}

#[tokio::test]
async fn a_sign_out_before_the_sign_in_is_an_error_and_one_of_the_next_day_is_not() {
    for world in worlds().await {
        let at = At { world: &world, window: world.org.windows[0] };
        let nobody = at.sign_out(NOW_US).await.map(Response::new);
        assert_eq!(refusal(nobody), (Code::FailedPrecondition, Reason::WrongState));
        at.sign_in("1001", NOW_US).await.unwrap();
        for us in [NOW_US - S, NOW_US] {
            let early = at.sign_out(us).await.map(Response::new);
            assert_eq!(refusal(early), (Code::InvalidArgument, Reason::InvalidField));
        }
        let future = at.sign_out(NOW_US + 3_600 * S).await.map(Response::new);
        assert_eq!(refusal(future), (Code::InvalidArgument, Reason::InvalidField));
        let paused = at.pause(NOW_US - S).await.map(Response::new);
        assert_eq!(refusal(paused).0, Code::FailedPrecondition);

        world.pass(30 * 3_600);
        let late = at.sign_out(NOW_US + 30 * 3_600 * S).await.unwrap();
        assert_eq!(span(&late), (0, Some(14 * 3_600)), "{}", world.name);
        assert!(late.ended_by_policy);
        let real = at.sign_out(NOW_US + 8 * 3_600 * S).await.unwrap();
        assert_eq!(span(&real), (0, Some(8 * 3_600)), "{}", world.name);
        assert!(!real.ended_by_policy);
    }
}

#[tokio::test]
async fn forgotten_shifts_are_ended_by_the_sweep() {
    for world in worlds().await {
        let at = At { world: &world, window: world.org.windows[0] };
        at.sign_in("1001", NOW_US).await.unwrap();
        world.pass(15 * 3_600);
        let before = list(&world, false).await;
        crate::sweep::turn(&world.app).await;
        crate::sweep::turn(&world.app).await;
        let after = list(&world, false).await;
        assert_eq!(before, after, "{}", world.name);
        assert!(after[0].ended_by_policy);
        assert_eq!(world.events().await.len(), 2, "{}", world.name);
    }
}

#[tokio::test]
async fn a_device_signs_in_at_its_own_window_only() {
    for world in worlds().await {
        let (_, token) = world.device_at(world.org.windows[0]).await;
        let request = |window: Option<Uuid>, number: &str| v1::SignInRequest {
            event_id: Uuid::now_v7().to_string(),
            window: names::print_opt("units", window),
            staff_number: number.into(),
            event_time: None,
        };
        let mut client = world.shifts();
        let own = client.sign_in(bearer(request(None, "1001"), &token)).await.unwrap();
        assert_eq!(own.into_inner().window, names::print("units", world.org.windows[0]));
        let other = request(Some(world.org.windows[1]), "1001");
        let other = client.sign_in(bearer(other, &token)).await;
        assert_eq!(refusal(other).0, Code::NotFound, "{}", world.name);
        let nobody = client.sign_in(bearer(request(None, "9999"), &token)).await;
        assert_eq!(refusal(nobody), (Code::NotFound, Reason::NotFound));
        let mut bad = request(None, "1001");
        bad.event_id = "nonsense".into();
        let bad = client.sign_in(bearer(bad, &token)).await;
        assert_eq!(refusal(bad), (Code::InvalidArgument, Reason::InvalidField));
        // Before it was put there, it stood nowhere.
        let mut early = request(None, "1001");
        early.event_time = Some(time::from_us(NOW_US - S));
        let early = client.sign_in(bearer(early, &token)).await;
        assert_eq!(refusal(early), (Code::FailedPrecondition, Reason::WrongState));

        let partner = world.org.client(world.org.branches[0], &[Permission::ShiftWrite], None);
        let partner = partner.await;
        let none = client.sign_in(bearer(request(None, "1001"), &partner)).await;
        assert_eq!(refusal(none), (Code::InvalidArgument, Reason::InvalidField));
        let branch = request(Some(world.org.branches[0]), "1001");
        let branch = client.sign_in(bearer(branch, &partner)).await;
        assert_eq!(refusal(branch), (Code::InvalidArgument, Reason::InvalidField));
        let foreign = request(Some(world.org.windows[2]), "1001");
        let foreign = client.sign_in(bearer(foreign, &partner)).await;
        assert_eq!(refusal(foreign), (Code::NotFound, Reason::NotFound), "{}", world.name);
    }
}

#[tokio::test]
async fn many_sign_ins_at_once_leave_one_person_at_the_window() {
    for world in worlds().await {
        world.pass(100);
        let calls = (0..20_i64).map(|i| {
            let world = &world;
            let at = At { world, window: world.org.windows[usize::try_from(i % 2).unwrap()] };
            async move {
                let number = (1001 + i % 4).to_string();
                at.sign_in(&number, NOW_US + i * S).await
            }
        });
        for answer in futures::future::join_all(calls).await {
            answer.unwrap();
        }
        let shifts = list(&world, false).await;
        assert_eq!(shifts.len(), 20, "{}", world.name);
        for a in &shifts {
            for b in shifts.iter().filter(|b| span(b).0 > span(a).0) {
                if a.window == b.window || a.staff == b.staff {
                    let end = span(a).1.expect("an earlier shift is over");
                    assert!(end <= span(b).0, "{}: {a:?} {b:?}", world.name);
                }
            }
        }
    }
}

#[tokio::test]
async fn services_that_meet_sign_ins_are_credited_as_if_they_had_come_in_order() {
    for world in worlds().await {
        let window = world.org.windows[0];
        let (_, token) = world.device_at(window).await;
        world.pass(1_000);
        let sign_ins = async {
            for i in 0..15_i64 {
                let at = At { world: &world, window };
                let number = (1001 + i % 4).to_string();
                at.sign_in(&number, NOW_US + (i * 37 % 15) * 60 * S).await.unwrap();
            }
        };
        let starts = async {
            for i in 0..30_i64 {
                let event = v1::EncounterEvent {
                    encounter_id: Uuid::now_v7().to_string(),
                    kind: v1::EncounterEventKind::Started as i32,
                    event_time: Some(time::from_us(NOW_US + (i * 31 % 930) * S)),
                    ..Default::default()
                };
                let write = v1::BatchWriteEncounterEventsRequest { events: vec![event] };
                let mut client = world.encounters();
                client.batch_write_encounter_events(bearer(write, &token)).await.unwrap();
            }
        };
        tokio::join!(sign_ins, starts);
        let shifts = list(&world, false).await;
        let request = v1::ListEncountersRequest::default();
        let found = world.encounters().list_encounters(world.as_admin(request)).await.unwrap();
        for encounter in found.into_inner().encounters {
            let second = (time::to_us(encounter.start_time.as_ref().unwrap()) - NOW_US) / S;
            let there = shifts.iter().find(|shift| {
                let (from, to) = span(shift);
                from <= second && to.is_none_or(|to| second < to)
            });
            let staff = there.map(|shift| shift.staff.clone()).unwrap_or_default();
            assert_eq!(encounter.staff, staff, "{} at {second}", world.name);
        }
    }
}

#[tokio::test]
async fn a_retired_window_takes_only_what_happened_before() {
    for world in worlds().await {
        let window = world.org.windows[0];
        let (_, token) = world.device_at(window).await;
        world.pass(100);
        let retired = proto::auth::v1::Unit {
            name: names::print("units", window),
            parent: names::print("units", world.org.branches[0]),
            kind: proto::auth::v1::UnitKind::Window as i32,
            display_name: "W0".into(),
            valid_to: Some(time::from_us(NOW_US + 50 * S)),
            ..Default::default()
        };
        world.org.apply(vec![proto::auth::v1::event::Change::UnitChanged(retired)]).await;
        let at = At { world: &world, window };
        at.sign_in("1001", NOW_US + 40 * S).await.unwrap();
        let late = at.sign_in("1001", NOW_US + 60 * S).await.map(Response::new);
        assert_eq!(refusal(late), (Code::FailedPrecondition, Reason::WrongState));
        let request = v1::SignInRequest {
            event_id: Uuid::now_v7().to_string(),
            staff_number: "1001".into(),
            ..Default::default()
        };
        let device = world.shifts().sign_in(bearer(request, &token)).await;
        assert_eq!(refusal(device), (Code::FailedPrecondition, Reason::WrongState));
    }
}
