//! Operators ask for the next call: each gets another one, the longest due first.

use std::collections::BTreeSet;

use proto::{
    common::v1::{Permission, Reason},
    names,
    survey::v1::{self, AttemptOutcome as Outcome, ResponseChannel as Channel},
    time,
};
use tonic::{Code, Response};
use uuid::Uuid;

use super::claiming::{calls, claim, operators, record, release};
use super::scene::{Scene, scenes};
use crate::tests::world::{NOW_US, fields, refusal};

const MINUTE_S: u64 = 60;
const MINUTE_US: i64 = 60_000_000;

type Answer = Result<v1::ClaimNextInvitationResponse, tonic::Status>;

fn of(campaign: &str) -> v1::ClaimNextInvitationRequest {
    v1::ClaimNextInvitationRequest { campaign: campaign.to_owned(), ..Default::default() }
}

async fn ask(scene: &Scene, by: &str, request: v1::ClaimNextInvitationRequest) -> Answer {
    let request = kit::rpc::bearer(request, by);
    Ok(scene.invitations().claim_next_invitation(request).await?.into_inner())
}

async fn next(scene: &Scene, by: &str, campaign: &str) -> Option<v1::Invitation> {
    ask(scene, by, of(campaign)).await.unwrap().invitation
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_operators_at_once_each_gets_another_call() {
    for scene in scenes().await {
        let world = &scene.world.name;
        let calls = calls(&scene, 12, |_| ()).await;
        let campaign = &calls[0].campaign;
        let tokens: [String; 16] = operators(&scene).await;
        let asked = tokens.iter().map(|by| ask(&scene, by, of(campaign)));
        let answers = futures::future::join_all(asked).await;
        let (mut taken, mut nothing) = (Vec::new(), 0);
        for answer in answers {
            let answer = answer.unwrap();
            assert_eq!(answer.invitation.is_none(), answer.next_time.is_some(), "{world}");
            match answer.invitation {
                Some(invitation) => taken.push(invitation),
                None => nothing += 1,
            }
        }
        assert_eq!((taken.len(), nothing), (12, 4), "{world}");
        let names: BTreeSet<&str> = taken.iter().map(|i| i.name.as_str()).collect();
        let claimants: BTreeSet<&str> = taken.iter().map(|i| i.claimant.as_str()).collect();
        assert_eq!((names.len(), claimants.len()), (12, 12), "{world}: nobody is called twice");
        for stored in scene.invited(campaign).await {
            let told = taken.iter().find(|i| i.name == stored.name).unwrap();
            assert_eq!(told.claimant, stored.claimant, "{world}: as it was told");
        }
    }
}

#[tokio::test]
async fn the_longest_due_comes_first_and_what_is_not_due_or_not_free_does_not_come() {
    for scene in scenes().await {
        let world = &scene.world.name;
        let calls = calls(&scene, 4, |campaign| campaign.claim_minutes = 10).await;
        let campaign = &calls[0].campaign;
        let [a, b] = operators(&scene).await;
        // One is taken, one refused, one is due again in a day, and its time is known.
        claim(&scene, &b, &calls[1].name).await.unwrap();
        record(&scene, &b, &calls[2].name, Outcome::Refused).await;
        record(&scene, &b, &calls[3].name, Outcome::Busy).await;
        let first = next(&scene, &a, campaign).await.unwrap();
        assert_eq!(first.name, calls[0].name, "{world}");
        assert_eq!(first.claim_expire_time, Some(time::from_us(NOW_US + 10 * MINUTE_US)));
        let none = ask(&scene, &a, of(campaign)).await.unwrap();
        assert_eq!(none.invitation, None, "{world}: what the caller has does not come again");
        assert_eq!(none.next_time, Some(time::from_us(NOW_US + 10 * MINUTE_US)));
        // Given back it is the next one again, of whoever asks.
        release(&scene, &a, &first.name).await;
        assert_eq!(next(&scene, &b, campaign).await.unwrap().name, calls[0].name);
        record(&scene, &b, &calls[0].name, Outcome::Ineligible).await;
        scene.world.pass(10 * MINUTE_S);
        assert_eq!(next(&scene, &a, campaign).await.unwrap().name, calls[1].name, "{world}");
        record(&scene, &a, &calls[1].name, Outcome::WrongContact).await;
        let none = ask(&scene, &a, of(campaign)).await.unwrap();
        let day_us = 86_400_000_000;
        assert_eq!((none.invitation, none.next_time), (None, Some(time::from_us(NOW_US + day_us))));
        scene.world.pass(86_400);
        assert_eq!(next(&scene, &a, campaign).await.unwrap().name, calls[3].name, "{world}");
        record(&scene, &a, &calls[3].name, Outcome::Refused).await;
        let end = ask(&scene, &a, of(campaign)).await.unwrap();
        assert_eq!(end, v1::ClaimNextInvitationResponse::default(), "{world}: worked off");
    }
}

#[tokio::test]
async fn after_the_most_attempts_nobody_is_called_again() {
    for scene in scenes().await {
        let world = &scene.world.name;
        let calls = calls(&scene, 1, |campaign| campaign.attempts_max = 2).await;
        let campaign = &calls[0].campaign;
        let [a] = operators(&scene).await;
        for attempt in 1..=2 {
            let taken = next(&scene, &a, campaign).await.unwrap();
            assert_eq!(taken.attempt, attempt, "{world}");
            record(&scene, &a, &taken.name, Outcome::NoAnswer).await;
            scene.world.pass(2 * 86_400);
        }
        let end = ask(&scene, &a, of(campaign)).await.unwrap();
        assert_eq!(end, v1::ClaimNextInvitationResponse::default(), "{world}");
        let list = v1::ListInvitationsRequest {
            campaign: campaign.clone(),
            work_list: true,
            ..Default::default()
        };
        let list = scene.invitations().list_invitations(scene.world.as_admin(list)).await;
        assert_eq!(list.unwrap().into_inner().invitations, [], "{world}");
        // Without the limit it would come: nothing else keeps it from the list.
        let unlimited = v1::UpdateCampaignRequest {
            campaign: Some(v1::Campaign { name: campaign.clone(), ..Default::default() }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["attempts_max".into()] }),
        };
        scene.campaigns().update_campaign(scene.world.as_admin(unlimited)).await.unwrap();
        assert_eq!(next(&scene, &a, campaign).await.unwrap().attempt, 3, "{world}");
    }
}

#[tokio::test]
async fn asking_again_with_the_same_request_id_gives_the_same_call() {
    for scene in scenes().await {
        let calls = calls(&scene, 2, |_| ()).await;
        let campaign = &calls[0].campaign;
        let [a, b] = operators(&scene).await;
        let request_id = Uuid::now_v7().to_string();
        let named = v1::ClaimNextInvitationRequest { request_id, ..of(campaign) };
        let first = ask(&scene, &a, named.clone()).await.unwrap();
        assert_eq!(ask(&scene, &a, named.clone()).await.unwrap(), first, "{}", scene.world.name);
        let other = ask(&scene, &b, named.clone()).await.unwrap();
        assert_ne!(other.invitation.unwrap().name, first.invitation.unwrap().name);
        // Nothing is remembered of an answer without a call: a later one may have one.
        let [c] = operators(&scene).await;
        assert_eq!(ask(&scene, &c, named.clone()).await.unwrap().invitation, None);
        release(&scene, &a, &calls[0].name).await;
        assert!(ask(&scene, &c, named).await.unwrap().invitation.is_some());
    }
}

#[tokio::test]
async fn channel_unit_and_permission_narrow_what_comes() {
    for scene in scenes().await {
        let calls = calls(&scene, 1, |_| ()).await;
        let campaign = &calls[0].campaign;
        let [a] = operators(&scene).await;
        let by = |channel: Channel| v1::ClaimNextInvitationRequest {
            channel: channel as i32,
            ..of(campaign)
        };
        let at = |unit: Uuid| v1::ClaimNextInvitationRequest {
            unit: names::print("units", unit),
            ..of(campaign)
        };
        let refused = ask(&scene, &a, by(Channel::Email)).await.map(Response::new);
        assert_eq!(fields(refused).1, ["channel"]);
        assert_eq!(ask(&scene, &a, by(Channel::Visit)).await.unwrap(), Default::default());
        let [own, other] = scene.world.org.branches;
        assert_eq!(ask(&scene, &a, at(other)).await.unwrap(), Default::default());
        let reader = scene.world.org.user(scene.world.org.root, &[Permission::CampaignRead]).await;
        let refused = ask(&scene, &reader, of(campaign)).await.map(Response::new);
        assert_eq!(refusal(refused).0, Code::PermissionDenied);
        let both = v1::ClaimNextInvitationRequest { channel: Channel::Phone as i32, ..at(own) };
        assert!(ask(&scene, &a, both).await.unwrap().invitation.is_some());
        scene.close(campaign).await;
        let closed = ask(&scene, &a, of(campaign)).await.map(Response::new);
        assert_eq!(refusal(closed), (Code::FailedPrecondition, Reason::WrongState));
    }
}
