//! Operators take invitations: one at a time, for a while, and nobody calls twice.

use std::collections::BTreeMap;

use proto::{
    common::v1::{Permission, Reason},
    survey::v1::{
        self, AttemptOutcome as Outcome, InvitationState as State, ResponseChannel as Channel,
    },
    time,
};
use tonic::Code;

use super::scene::{Scene, census, scenes};
use crate::tests::world::{NOW_US, fields, refusal};

const HALF_HOUR_S: u64 = 1_800;
const WORK: [Permission; 2] = [Permission::CampaignRead, Permission::ResponseEnter];

/// Operators, by their tokens.
pub async fn operators<const N: usize>(scene: &Scene) -> [String; N] {
    let mut tokens = Vec::new();
    for _ in 0..N {
        tokens.push(scene.world.org.user(scene.world.org.root, &WORK).await);
    }
    tokens.try_into().unwrap()
}

/// An open campaign by telephone that so many customers were invited to.
pub async fn calls(
    scene: &Scene,
    customers: usize,
    change: impl FnOnce(&mut v1::Campaign),
) -> Vec<v1::Invitation> {
    scene.customers([customers, 0]).await;
    let channels = vec![Channel::Phone as i32];
    let mut draft = v1::Campaign { sampling: Some(census()), channels, ..scene.draft() };
    change(&mut draft);
    let campaign = scene.create(draft).await;
    scene.draw(&campaign.name).await;
    scene.open(&campaign.name).await;
    scene.invited(&campaign.name).await
}

pub type Answer = Result<tonic::Response<v1::Invitation>, tonic::Status>;

pub async fn claim(scene: &Scene, by: &str, name: &str) -> Answer {
    let request = v1::ClaimInvitationRequest { name: name.to_owned() };
    scene.invitations().claim_invitation(kit::rpc::bearer(request, by)).await
}

pub async fn release(scene: &Scene, by: &str, name: &str) -> v1::Invitation {
    let request = v1::ReleaseInvitationRequest { name: name.to_owned() };
    let answer = scene.invitations().release_invitation(kit::rpc::bearer(request, by)).await;
    answer.unwrap().into_inner()
}

pub async fn record(scene: &Scene, by: &str, name: &str, outcome: Outcome) {
    let outcome = outcome as i32;
    let request = v1::RecordAttemptRequest { name: name.to_owned(), outcome, ..Default::default() };
    scene.invitations().record_attempt(kit::rpc::bearer(request, by)).await.unwrap();
}

/// The list of calls as an operator sees it.
async fn list(scene: &Scene, by: &str, campaign: &str, all: bool) -> Vec<v1::Invitation> {
    let request = v1::ListInvitationsRequest {
        campaign: campaign.to_owned(),
        work_list: true,
        include_claimed: all,
        ..Default::default()
    };
    let answer = scene.invitations().list_invitations(kit::rpc::bearer(request, by)).await;
    answer.unwrap().into_inner().invitations
}

#[tokio::test]
async fn what_one_operator_took_is_not_on_the_list_of_others_until_the_time_is_over() {
    for scene in scenes().await {
        let calls = calls(&scene, 3, |_| ()).await;
        let [a, b] = operators(&scene).await;
        let (name, campaign) = (&calls[0].name, &calls[0].campaign);
        let taken = claim(&scene, &a, name).await.unwrap().into_inner();
        let half_hour = NOW_US + 1_800_000_000;
        assert_eq!(taken.claim_expire_time, Some(time::from_us(half_hour)));
        assert!(taken.claimant.starts_with("users/"));
        assert_eq!(refusal(claim(&scene, &b, name).await).0, Code::AlreadyExists);
        assert_eq!(list(&scene, &a, campaign, false).await.len(), 3, "{}", scene.world.name);
        let free = list(&scene, &b, campaign, false).await;
        assert!(free.len() == 2 && free.iter().all(|i| i.name != *name && i.claimant.is_empty()));
        let all = list(&scene, &b, campaign, true).await;
        let shown: Vec<_> = all.iter().filter(|i| i.claimant == taken.claimant).collect();
        assert!(all.len() == 3 && shown.len() == 1 && shown[0].name == *name);

        // The same operator may take it again, and has it for half an hour from then on.
        scene.world.pass(HALF_HOUR_S / 2);
        let again = claim(&scene, &a, name).await.unwrap().into_inner();
        assert_eq!(again.claim_expire_time, Some(time::from_us(half_hour + 900_000_000)));
        scene.world.pass(HALF_HOUR_S - 1);
        assert_eq!(refusal(claim(&scene, &b, name).await).0, Code::AlreadyExists);
        scene.world.pass(1);
        assert_eq!(list(&scene, &b, campaign, false).await.len(), 3);
        assert!(list(&scene, &b, campaign, true).await.iter().all(|i| i.claimant.is_empty()));
        let moved = claim(&scene, &b, name).await.unwrap().into_inner();
        assert_ne!(moved.claimant, taken.claimant);
        assert_eq!(refusal(claim(&scene, &a, name).await).0, Code::AlreadyExists);
    }
}

#[tokio::test]
async fn an_outcome_and_giving_back_free_an_invitation_and_an_interview_does_not() {
    for scene in scenes().await {
        let calls = calls(&scene, 2, |campaign| campaign.claim_minutes = 5).await;
        let [a, b] = operators(&scene).await;
        let name = &calls[0].name;
        let taken = claim(&scene, &a, name).await.unwrap().into_inner();
        assert_eq!(taken.claim_expire_time, Some(time::from_us(NOW_US + 300_000_000)));
        assert_eq!(release(&scene, &b, name).await.claimant, taken.claimant, "not theirs");
        assert!(release(&scene, &a, name).await.claimant.is_empty());
        release(&scene, &a, name).await;
        claim(&scene, &b, name).await.unwrap();
        record(&scene, &b, name, Outcome::Started).await;
        assert_eq!(refusal(claim(&scene, &a, name).await).0, Code::AlreadyExists);
        // What somebody else reports is noted, and the invitation stays with who has it.
        record(&scene, &a, name, Outcome::Busy).await;
        assert_eq!(refusal(claim(&scene, &a, name).await).0, Code::AlreadyExists);
        record(&scene, &b, name, Outcome::NoAnswer).await;
        claim(&scene, &a, name).await.unwrap();
        record(&scene, &a, name, Outcome::Refused).await;
        let ended = refusal(claim(&scene, &b, name).await);
        assert_eq!(ended, (Code::FailedPrecondition, Reason::WrongState));
        let shown = scene.invited(&calls[0].campaign).await;
        let shown = shown.iter().find(|i| i.name == *name).unwrap();
        assert!(shown.state() == State::Refused && shown.claimant.is_empty());

        let longer = v1::UpdateCampaignRequest {
            campaign: Some(v1::Campaign {
                name: calls[0].campaign.clone(),
                claim_minutes: 10,
                ..Default::default()
            }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["claim_minutes".to_owned()] }),
        };
        let changed = scene.campaigns().update_campaign(scene.world.as_admin(longer)).await;
        assert_eq!(changed.unwrap().into_inner().claim_minutes, 10);
        let taken = claim(&scene, &a, &calls[1].name).await.unwrap().into_inner();
        assert_eq!(taken.claim_expire_time, Some(time::from_us(NOW_US + 600_000_000)));
        scene.close(&calls[0].campaign).await;
        scene.sweep().await;
        let shown = scene.invited(&calls[0].campaign).await;
        assert!(shown.iter().all(|i| i.claimant.is_empty()), "{}", scene.world.name);
        let closed = refusal(claim(&scene, &a, &calls[1].name).await);
        assert_eq!(closed, (Code::FailedPrecondition, Reason::WrongState));
    }
}

#[tokio::test]
async fn only_calls_and_visits_can_be_taken_and_only_by_who_may_enter_answers() {
    for scene in scenes().await {
        let email = |campaign: &mut v1::Campaign| campaign.channels = vec![Channel::Email as i32];
        let sent = calls(&scene, 1, email).await;
        let [a] = operators(&scene).await;
        let refused = refusal(claim(&scene, &a, &sent[0].name).await);
        assert_eq!(refused, (Code::FailedPrecondition, Reason::WrongState));
        let reader = [Permission::CampaignRead];
        let reader = scene.world.org.user(scene.world.org.root, &reader).await;
        let refused = refusal(claim(&scene, &reader, &sent[0].name).await);
        assert_eq!(refused.0, Code::PermissionDenied);
        let minutes = v1::Campaign { claim_minutes: 1_441, ..scene.draft() };
        let request = v1::CreateCampaignRequest { campaign: Some(minutes), ..Default::default() };
        let refused = scene.campaigns().create_campaign(scene.world.as_admin(request)).await;
        assert_eq!(fields(refused).1, ["campaign.claimMinutes"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_operators_at_once_one_gets_each_invitation() {
    for scene in scenes().await {
        let calls = calls(&scene, 5, |_| ()).await;
        let tokens: [String; 20] = operators(&scene).await;
        let attempts = tokens.iter().flat_map(|by| calls.iter().map(move |call| (by, call)));
        let attempts = attempts.map(|(by, call)| {
            let scene = &scene;
            async move { (call.name.clone(), claim(scene, by, &call.name).await) }
        });
        let mut winners: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, answer) in futures::future::join_all(attempts).await {
            match answer {
                Ok(taken) => {
                    winners.entry(name).or_default().push(taken.into_inner().claimant);
                }
                Err(status) => assert_eq!(status.code(), Code::AlreadyExists, "{status:?}"),
            }
        }
        assert_eq!(winners.len(), 5, "{}", scene.world.name);
        for shown in scene.invited(&calls[0].campaign).await {
            assert_eq!(winners[&shown.name], [shown.claimant], "{}", scene.world.name);
        }
    }
}
