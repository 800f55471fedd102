//! People who do not want to be asked any more, or are no customers any more: nothing that was
//! prepared for them before is carried out.

use proto::{
    names,
    survey::v1::{
        self, InvitationState as State, ResponseChannel as Channel,
        customer_service_client::CustomerServiceClient,
        respondent_service_client::RespondentServiceClient,
        subject_service_client::SubjectServiceClient,
    },
};
use survey_domain::customer::Personal;
use tonic::Code;
use uuid::Uuid;

use super::scene::{Scene, census, customer as new_customer, scenes};
use crate::tests::{
    customers::import_files,
    world::{fields, refusal},
};

const DAY_S: u64 = 86_400;

fn customer(id: Uuid) -> String {
    names::print("customers", id)
}

async fn consent(scene: &Scene, id: Uuid, given: bool) {
    let request = v1::SetConsentRequest {
        name: customer(id),
        purpose: v1::ConsentPurpose::Survey as i32,
        given,
        source: "by telephone".to_owned(),
    };
    let mut client = CustomerServiceClient::new(scene.world.chan.clone());
    client.set_consent(scene.world.as_admin(request)).await.unwrap();
}

async fn consents(scene: &Scene, id: Uuid) -> Vec<(bool, String)> {
    let mut client = CustomerServiceClient::new(scene.world.chan.clone());
    let request = v1::ListConsentsRequest { name: customer(id) };
    let list = client.list_consents(scene.world.as_admin(request)).await.unwrap().into_inner();
    list.consents.into_iter().map(|c| (c.given, c.source)).collect()
}

/// An open campaign by e-mail that everybody of the first branch was invited to.
async fn running(scene: &Scene, channels: Vec<i32>) -> String {
    let draft = v1::Campaign {
        sampling: Some(census()),
        channels,
        reminders: vec![v1::ReminderRule { after_days: 2 }],
        fatigue: Some(v1::FatigueRule { quiet_days: -1, yearly_max: -1 }),
        ..scene.draft()
    };
    let campaign = scene.create(draft).await.name;
    scene.draw(&campaign).await;
    scene.open(&campaign).await;
    campaign
}

/// Customers who are to be handed a link.
async fn due(scene: &Scene, campaign: &str) -> Vec<v1::InvitationContact> {
    let request = v1::ListDueInvitationsRequest {
        campaign: campaign.to_owned(),
        page_size: 100,
        ..Default::default()
    };
    let answer = scene.invitations().list_due_invitations(scene.world.as_admin(request)).await;
    answer.unwrap().into_inner().invitations
}

async fn due_names(scene: &Scene, campaign: &str) -> Vec<String> {
    let due = due(scene, campaign).await.into_iter();
    let mut names: Vec<String> = due.map(|c| c.invitation.unwrap().customer).collect();
    names.sort_unstable();
    names
}

async fn hand_over(scene: &Scene, campaign: &str) {
    let reports = due(scene, campaign).await.into_iter().map(|contact| v1::InvitationReport {
        invitation: contact.invitation.unwrap().name,
        state: State::HandedOver as i32,
        ..Default::default()
    });
    let request = v1::BatchReportInvitationsRequest { reports: reports.collect() };
    let done = scene.invitations().batch_report_invitations(scene.world.as_admin(request)).await;
    assert!(done.unwrap().into_inner().results.iter().all(|r| r.reason.is_empty()));
}

fn sorted(ids: &[Uuid]) -> Vec<String> {
    let mut names: Vec<String> = ids.iter().map(|id| customer(*id)).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn who_says_no_in_a_file_is_not_sent_a_link_either() {
    for scene in scenes().await {
        let world = &scene.world;
        let mut numbered = Vec::new();
        for number in ["K1", "K2"] {
            let mut customer = new_customer(world, 0, "internal");
            let personal = Personal {
                external_id: number.to_owned(),
                display_name: number.to_owned(),
                email: format!("{number}@example.com"),
                ..Personal::default()
            };
            customer.sealed = world.app.vault.seal_new(customer.id, &personal).unwrap();
            customer.hashes = world.app.vault.hashes(customer.org, &personal);
            numbered.push(customer);
        }
        scene.add(&numbered).await;
        let campaign = running(&scene, vec![Channel::Email as i32]).await;
        assert_eq!(due(&scene, &campaign).await.len(), 2, "{}", world.name);
        let file = b"external_id,consent_survey\nK1,false\nK2,true\n";
        let done = import_files::import(world, import_files::declared(world, file), file).await;
        assert_eq!(done.error_count, 0, "{done:?}");
        assert_eq!(due_names(&scene, &campaign).await, [customer(numbered[1].id)]);
    }
}

#[tokio::test]
async fn who_withdraws_the_consent_is_neither_sent_a_link_nor_reminded() {
    for scene in scenes().await {
        let all = scene.customers([4, 0]).await;
        let campaign = running(&scene, vec![Channel::Email as i32]).await;
        assert_eq!(due_names(&scene, &campaign).await, sorted(&all), "{}", scene.world.name);
        consent(&scene, all[0], false).await;
        assert_eq!(due_names(&scene, &campaign).await, sorted(&all[1..]));
        hand_over(&scene, &campaign).await;
        consent(&scene, all[1], false).await;
        // Consent for something else is another matter.
        let request = v1::SetConsentRequest {
            name: customer(all[2]),
            purpose: v1::ConsentPurpose::Marketing as i32,
            given: false,
            source: String::new(),
        };
        let mut client = CustomerServiceClient::new(scene.world.chan.clone());
        client.set_consent(scene.world.as_admin(request)).await.unwrap();
        scene.world.pass(3 * DAY_S);
        scene.sweep().await;
        assert_eq!(due_names(&scene, &campaign).await, sorted(&all[2..]), "reminders");
        let status = scene.status(&campaign).await;
        let total = status.total.unwrap();
        assert_eq!((total.refused, total.handed_over, total.queued), (2, 2, 0));
        // Who said no belongs to those who were asked.
        scene.close(&campaign).await;
        scene.sweep().await;
        let rates = scene.status(&campaign).await.rates.unwrap();
        assert_eq!(rates.rr1, Some(0.0));
        assert_eq!(rates.refusal, Some(0.5), "{}", scene.world.name);
    }
}

#[tokio::test]
async fn who_is_out_of_reach_is_taken_off_the_list_of_operators_as_well() {
    for scene in scenes().await {
        let world = &scene.world;
        let all = scene.customers([4, 0]).await;
        let campaign = running(&scene, vec![Channel::Phone as i32]).await;
        let list = async || {
            let request = v1::ListInvitationsRequest {
                campaign: campaign.clone(),
                work_list: true,
                ..Default::default()
            };
            let list = scene.invitations().list_invitations(world.as_admin(request)).await;
            let list = list.unwrap().into_inner().invitations.into_iter();
            let mut names: Vec<String> = list.map(|i| i.customer).collect();
            names.sort_unstable();
            names
        };
        assert_eq!(list().await, sorted(&all), "{}", world.name);
        let mut client = CustomerServiceClient::new(world.chan.clone());
        let change = v1::UpdateCustomerRequest {
            customer: Some(v1::Customer {
                name: customer(all[0]),
                preferences: Some(v1::ContactPreferences {
                    do_not_contact: true,
                    ..Default::default()
                }),
                ..Default::default()
            }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["preferences".to_owned()] }),
        };
        client.update_customer(world.as_admin(change)).await.unwrap();
        let retire = v1::RetireCustomerRequest { name: customer(all[1]) };
        client.retire_customer(world.as_admin(retire)).await.unwrap();
        let erase = v1::EraseSubjectRequest { name: customer(all[2]), ..Default::default() };
        let mut subjects = SubjectServiceClient::new(world.chan.clone());
        subjects.erase_subject(world.as_admin(erase)).await.unwrap();
        assert_eq!(list().await, sorted(&all[3..]), "{}", world.name);
        let total = scene.status(&campaign).await.total.unwrap();
        assert_eq!((total.refused, total.ineligible, total.queued), (2, 1, 1));
    }
}

#[tokio::test]
async fn operators_see_between_which_hours_somebody_may_be_called() {
    for scene in scenes().await {
        let mut late = super::scene::customer(&scene.world, 0, "external");
        (late.preferences.from_hour, late.preferences.to_hour) = (17, 20);
        scene.add(std::slice::from_ref(&late)).await;
        let campaign = running(&scene, vec![Channel::Phone as i32]).await;
        let name = scene.invited(&campaign).await.remove(0).name;
        let request = v1::GetInvitationContactRequest { name };
        let mut client = scene.invitations();
        let contact = client.get_invitation_contact(scene.world.as_admin(request)).await.unwrap();
        let contact = contact.into_inner();
        assert_eq!((contact.call_from_hour, contact.call_to_hour), (17, 20));
    }
}

#[tokio::test]
async fn what_was_prepared_for_somebody_who_said_no_is_never_sent() {
    for scene in scenes().await {
        let all = scene.customers([3, 0]).await;
        let draft = v1::Campaign { sampling: Some(census()), ..scene.draft() };
        let campaign = scene.create(draft).await.name;
        scene.draw(&campaign).await;
        consent(&scene, all[0], false).await;
        scene.open(&campaign).await;
        assert_eq!(due_names(&scene, &campaign).await, sorted(&all[1..]), "{}", scene.world.name);
        let total = scene.status(&campaign).await.total.unwrap();
        assert_eq!((total.ineligible, total.queued, total.prepared), (1, 2, 0));
    }
}

fn code(contact: &v1::InvitationContact) -> String {
    contact.link.rsplit('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_respondent_declines_one_survey_or_all_of_them() {
    for scene in scenes().await {
        let world = &scene.world;
        let all = scene.customers([2, 0]).await;
        let campaign = running(&scene, vec![Channel::Email as i32]).await;
        let other = running(&scene, vec![Channel::Email as i32]).await;
        let contacts = due(&scene, &campaign).await;
        hand_over(&scene, &campaign).await;
        let decline = async |link: &str, leave_alone| {
            let request = v1::DeclineInvitationRequest {
                link: link.to_owned(),
                leave_alone,
                language: "zh-CN".to_owned(),
            };
            let mut client = RespondentServiceClient::new(world.chan.clone());
            client.decline_invitation(request).await
        };
        let of = |id: Uuid| {
            let is = |c: &&v1::InvitationContact| {
                c.invitation.as_ref().unwrap().customer == customer(id)
            };
            contacts.iter().find(is).unwrap()
        };
        for _ in 0..2 {
            let said = decline(&code(of(all[0])), false).await.unwrap().into_inner();
            assert!(!said.leave_alone && said.closing_text.contains("本次"), "{said:?}");
        }
        assert_eq!(due_names(&scene, &other).await, sorted(&all), "one survey only");
        assert_eq!(scene.status(&campaign).await.total.unwrap().refused, 1, "{}", world.name);
        for _ in 0..2 {
            let said = decline(&code(of(all[1])), true).await.unwrap().into_inner();
            assert!(said.leave_alone);
        }
        assert_eq!(due_names(&scene, &other).await, sorted(&all[..1]), "all surveys");
        let noted = consents(&scene, all[1]).await;
        assert_eq!(noted, [(false, "the person, by a personal link".to_owned())]);
        scene.world.pass(3 * DAY_S);
        scene.sweep().await;
        assert!(due(&scene, &campaign).await.is_empty(), "nobody is reminded");
        // Who declined one survey may think better of it.
        let submit = v1::SubmitResponseRequest {
            link: code(of(all[0])),
            submission_id: Uuid::now_v7().to_string(),
            answers: vec![v1::Answer {
                question: "nps".to_owned(),
                value: Some(v1::answer::Value::Grade(9)),
                ..Default::default()
            }],
            ..Default::default()
        };
        let mut client = RespondentServiceClient::new(world.chan.clone());
        client.submit_response(submit).await.unwrap();
        let total = scene.status(&campaign).await.total.unwrap();
        assert_eq!((total.answered, total.refused), (1, 1));
        assert_eq!(refusal(decline("nonsense", true).await).0, Code::NotFound);
    }
}

#[tokio::test]
async fn an_open_link_invites_nobody_who_could_decline() {
    let scenes = scenes().await;
    let scene = &scenes[0];
    let draft = v1::Campaign { channels: vec![Channel::QrCode as i32], ..scene.draft() };
    let campaign = scene.create(draft).await.name;
    scene.open(&campaign).await;
    let create = v1::CreateLinkRequest {
        campaign,
        link: Some(v1::Link { channel: Channel::QrCode as i32, ..Default::default() }),
        request_id: String::new(),
    };
    let link = scene.invitations().create_link(scene.world.as_admin(create)).await.unwrap();
    let link = link.into_inner().link.rsplit('/').next().unwrap().to_owned();
    let mut client = RespondentServiceClient::new(scene.world.chan.clone());
    let request = v1::DeclineInvitationRequest { link, ..Default::default() };
    let refused = client.decline_invitation(request).await;
    assert_eq!(fields(refused), (Code::InvalidArgument, vec!["link".to_owned()]));
}
