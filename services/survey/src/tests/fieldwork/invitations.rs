//! Invitations: due, reported, reminded, called and shown as codes.

use std::collections::BTreeSet;

use proto::{
    common::v1::Reason,
    names,
    survey::v1::{
        self, AttemptOutcome as Outcome, InvitationState as State, ResponseChannel as Channel,
        event,
    },
    time,
};
use tonic::Code;

use super::scene::{Scene, census, scenes};
use crate::{
    fieldwork::link::Claim,
    tests::world::{NOW_US, fields, refusal},
};

const DAY_S: u64 = 86_400;

/// An open campaign that everybody of the first branch was invited to.
async fn running(
    scene: &Scene,
    customers: usize,
    change: impl FnOnce(&mut v1::Campaign),
) -> String {
    scene.customers([customers, 0]).await;
    let mut draft = v1::Campaign { sampling: Some(census()), ..scene.draft() };
    change(&mut draft);
    let campaign = scene.create(draft).await;
    scene.draw(&campaign.name).await;
    scene.open(&campaign.name).await;
    campaign.name
}

async fn due(scene: &Scene, campaign: &str) -> Vec<v1::InvitationContact> {
    let request = v1::ListDueInvitationsRequest {
        campaign: campaign.to_owned(),
        page_size: 1000,
        ..Default::default()
    };
    let answer = scene.invitations().list_due_invitations(scene.world.as_admin(request)).await;
    answer.unwrap().into_inner().invitations
}

async fn report(scene: &Scene, reports: Vec<(String, State)>) -> Vec<v1::InvitationReportResult> {
    let reports = reports
        .into_iter()
        .map(|(invitation, state)| v1::InvitationReport {
            invitation,
            state: state as i32,
            ..Default::default()
        })
        .collect();
    let request = v1::BatchReportInvitationsRequest { reports };
    let answer = scene.invitations().batch_report_invitations(scene.world.as_admin(request)).await;
    answer.unwrap().into_inner().results
}

async fn due_events(scene: &Scene) -> Vec<(String, i32)> {
    let events = scene.world.events().await;
    let due = events.into_iter().filter_map(|change| match change {
        event::Change::InvitationDue(due) => Some((due.invitation, due.attempt)),
        _ => None,
    });
    due.collect()
}

#[tokio::test]
async fn due_invitations_are_told_once_and_read_with_contact_and_link() {
    for scene in scenes().await {
        let campaign = running(&scene, 250, |_| ()).await;
        let waiting = due(&scene, &campaign).await;
        assert_eq!(waiting.len(), 250, "{}", scene.world.name);
        let told: BTreeSet<_> = due_events(&scene).await.into_iter().collect();
        let expected: BTreeSet<_> =
            waiting.iter().map(|c| (c.invitation.as_ref().unwrap().name.clone(), 1)).collect();
        assert_eq!(told, expected);
        for contact in &waiting {
            let code = contact.link.strip_prefix("https://survey.example.com/s/").unwrap();
            let name = &contact.invitation.as_ref().unwrap().name;
            let id = names::parse("invitations", name).unwrap();
            assert_eq!(scene.world.app.links.read(code), Some(Claim::Invitation(id)));
            assert!(contact.email.ends_with("@example.com") && !contact.display_name.is_empty());
        }
        // Nothing personal is in the feed.
        let feed = format!("{:?}", scene.world.events().await);
        assert!(!feed.contains("example.com") && !feed.contains("Name "));
    }
}

#[tokio::test]
async fn who_does_not_answer_is_reminded_and_who_refuses_is_not() {
    for scene in scenes().await {
        let rules = [2, 5].map(|after_days| v1::ReminderRule { after_days });
        let campaign = running(&scene, 3, |c| c.reminders = rules.to_vec()).await;
        let names: Vec<String> =
            scene.invited(&campaign).await.into_iter().map(|i| i.name).collect();
        let handed = names.iter().map(|name| (name.clone(), State::HandedOver)).collect();
        report(&scene, handed).await;
        assert!(due(&scene, &campaign).await.is_empty());
        report(&scene, vec![(names[0].clone(), State::Refused)]).await;
        scene.sweep().await;
        assert_eq!(due_events(&scene).await.len(), 3);
        scene.world.pass(2 * DAY_S);
        scene.sweep().await;
        scene.sweep().await;
        let waiting = due(&scene, &campaign).await;
        assert_eq!(waiting.len(), 2, "{}", scene.world.name);
        let told = due_events(&scene).await;
        assert_eq!(told.iter().filter(|(_, attempt)| *attempt == 2).count(), 2);
        report(&scene, vec![(names[1].clone(), State::HandedOver)]).await;
        scene.world.pass(3 * DAY_S);
        scene.sweep().await;
        scene.world.pass(100 * DAY_S);
        scene.sweep().await;
        let told = due_events(&scene).await;
        assert_eq!(told.iter().filter(|(_, attempt)| *attempt == 3).count(), 2);
        assert_eq!(told.len(), 7);
    }
}

#[tokio::test]
async fn each_report_has_its_own_result_and_old_news_change_nothing() {
    for scene in scenes().await {
        let campaign = running(&scene, 4, |_| ()).await;
        let names: Vec<String> =
            scene.invited(&campaign).await.into_iter().map(|i| i.name).collect();
        let unknown = names::print("invitations", uuid::Uuid::now_v7());
        let results = report(
            &scene,
            vec![
                (names[0].clone(), State::HandedOver),
                (names[1].clone(), State::Bounced),
                (names[2].clone(), State::Answered),
                (unknown, State::HandedOver),
                ("nonsense".to_owned(), State::HandedOver),
                (names[0].clone(), State::Opened),
                (names[0].clone(), State::HandedOver),
            ],
        )
        .await;
        let reasons: Vec<&str> = results.iter().map(|r| r.reason.as_str()).collect();
        let expected = ["", "", "INVALID_FIELD", "NOT_FOUND", "INVALID_FIELD", "", ""];
        assert_eq!(reasons, expected, "{}", scene.world.name);
        assert_eq!(results[6].state(), State::Opened);
        let counts = scene.status(&campaign).await.total.unwrap();
        assert_eq!((counts.queued, counts.opened, counts.bounced), (2, 1, 1));
        let request = v1::GetInvitationRequest { name: names[0].clone() };
        let shown = scene.invitations().get_invitation(scene.world.as_admin(request)).await;
        let history: Vec<State> =
            shown.unwrap().into_inner().history.iter().map(|e| e.state()).collect();
        assert_eq!(history, [State::Queued, State::HandedOver, State::Opened]);
    }
}

#[tokio::test]
async fn an_operator_works_through_the_list_of_calls() {
    for scene in scenes().await {
        let phone = |c: &mut v1::Campaign| c.channels = vec![Channel::Phone as i32];
        let campaign = running(&scene, 3, phone).await;
        assert!(due_events(&scene).await.is_empty());
        let work = async || {
            let request = v1::ListInvitationsRequest {
                campaign: campaign.clone(),
                work_list: true,
                ..Default::default()
            };
            let list = scene.invitations().list_invitations(scene.world.as_admin(request)).await;
            list.unwrap().into_inner().invitations
        };
        let calls = work().await;
        assert_eq!(calls.len(), 3);
        let note = |name: &str, outcome: Outcome, id: &str| v1::RecordAttemptRequest {
            name: name.to_owned(),
            outcome: outcome as i32,
            attempt_id: id.to_owned(),
            ..Default::default()
        };
        let record = async |request: v1::RecordAttemptRequest| {
            scene.invitations().record_attempt(scene.world.as_admin(request)).await
        };
        record(note(&calls[0].name, Outcome::NoAnswer, "a1")).await.unwrap();
        let again = record(note(&calls[0].name, Outcome::NoAnswer, "a1")).await.unwrap();
        assert_eq!(again.into_inner().attempt, 2);
        let other = record(note(&calls[0].name, Outcome::Busy, "a1")).await;
        assert_eq!(refusal(other), (Code::AlreadyExists, Reason::IdempotencyConflict));
        record(note(&calls[1].name, Outcome::Refused, "")).await.unwrap();
        let vague = record(note(&calls[2].name, Outcome::CallBack, "")).await;
        assert_eq!(fields(vague).1, ["callBackTime"]);
        let in_an_hour = v1::RecordAttemptRequest {
            call_back_time: Some(time::from_us(NOW_US + 3_600_000_000)),
            ..note(&calls[2].name, Outcome::CallBack, "")
        };
        record(in_an_hour).await.unwrap();
        assert!(work().await.is_empty());
        scene.world.pass(3_600);
        let now: Vec<String> = work().await.into_iter().map(|i| i.name).collect();
        assert_eq!(now, [calls[2].name.clone()]);
        record(note(&calls[2].name, Outcome::Ineligible, "")).await.unwrap();
        scene.world.pass(DAY_S);
        assert_eq!(work().await.len(), 1);
        // Not reached, refused, and one who does not belong to those who are asked.
        let rates = scene.status(&campaign).await.rates.unwrap();
        let parts = (rates.complete, rates.refused, rates.non_contact, rates.unknown);
        assert_eq!(parts, (0, 1, 1, 0), "{}", scene.world.name);
        assert_eq!(rates.refusal, Some(0.5));
    }
}

#[tokio::test]
async fn a_meeting_hands_out_single_use_links_to_unnamed_people() {
    for scene in scenes().await {
        let draft = v1::Campaign { channels: vec![Channel::Meeting as i32], ..scene.draft() };
        let campaign = scene.create(draft).await.name;
        scene.open(&campaign).await;
        let request = v1::CreateInvitationsRequest {
            campaign: campaign.clone(),
            unnamed: 5,
            channel: Channel::Meeting as i32,
            note: "Hall 2".to_owned(),
            unit: names::print("units", scene.world.org.branches[1]),
            request_id: "m1".to_owned(),
            ..Default::default()
        };
        let make = async |request: &v1::CreateInvitationsRequest| {
            let request = scene.world.as_admin(request.clone());
            scene.invitations().create_invitations(request).await
        };
        let made = make(&request).await.unwrap().into_inner();
        let again = make(&request).await.unwrap().into_inner();
        assert_eq!((made.links.len(), &made.links), (5, &again.links), "{}", scene.world.name);
        let each: BTreeSet<&String> = made.links.iter().collect();
        assert_eq!(each.len(), 5);
        assert_eq!(scene.status(&campaign).await.total.unwrap().queued, 5);
        let email = v1::CreateInvitationsRequest {
            channel: Channel::Email as i32,
            request_id: String::new(),
            ..request.clone()
        };
        assert_eq!(fields(make(&email).await).1, ["channel"]);
        scene.close(&campaign).await;
        let late = v1::CreateInvitationsRequest { request_id: String::new(), ..request };
        assert_eq!(refusal(make(&late).await), (Code::FailedPrecondition, Reason::WrongState));
    }
}

#[tokio::test]
async fn links_are_shown_as_codes_and_can_be_ended() {
    for scene in scenes().await {
        let draft = v1::Campaign { channels: vec![Channel::QrCode as i32], ..scene.draft() };
        let campaign = scene.create(draft).await.name;
        scene.open(&campaign).await;
        let create = |channel: Channel| v1::CreateLinkRequest {
            campaign: campaign.clone(),
            link: Some(v1::Link { channel: channel as i32, ..Default::default() }),
            request_id: String::new(),
        };
        let make = async |channel: Channel| {
            let request = scene.world.as_admin(create(channel));
            scene.invitations().create_link(request).await
        };
        let link = make(Channel::QrCode).await.unwrap().into_inner();
        assert_eq!((link.minute_max, link.browser_max), (20, 1));
        assert_eq!(fields(make(Channel::Phone).await).1, ["link.channel"]);
        for (format, content_type, magic) in [
            (v1::QrFormat::Svg, "image/svg+xml", &b"<?xml"[..]),
            (v1::QrFormat::Png, "image/png", &b"\x89PNG"[..]),
        ] {
            let request = v1::GetLinkQrCodeRequest {
                name: link.name.clone(),
                format: format as i32,
                module_pixels: 4,
            };
            let code = scene.invitations().get_link_qr_code(scene.world.as_admin(request)).await;
            let code = code.unwrap().into_inner();
            assert_eq!((code.content_type.as_str(), &code.link), (content_type, &link.link));
            assert!(code.image.starts_with(magic));
        }
        let revoke = || scene.world.as_admin(v1::RevokeLinkRequest { name: link.name.clone() });
        let first = scene.invitations().revoke_link(revoke()).await.unwrap().into_inner();
        scene.world.pass(60);
        let again = scene.invitations().revoke_link(revoke()).await.unwrap().into_inner();
        assert!(first.revoke_time.is_some() && first.revoke_time == again.revoke_time);
    }
}
