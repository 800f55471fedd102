//! Triggers: an interaction invites its customer once, and who is spared is left out with the
//! reason.

use std::collections::BTreeMap;

use futures::future::join_all;
use proto::{
    names,
    survey::v1::{
        self, InteractionKind as Kind, InvitationState, TriggerOutcome as Outcome,
        customer_record_service_client::CustomerRecordServiceClient,
        customer_schema_service_client::CustomerSchemaServiceClient, event::Change,
    },
    time,
};
use survey_domain::customer::{Consents, State};
use tonic::Code;
use uuid::Uuid;

use super::scene::{Scene, customer, scenes};
use crate::{
    fieldwork::triggering,
    tests::world::{NOW_US, refusal},
};

const DAY_S: u64 = 86_400;
const DAY_US: i64 = 86_400_000_000;

/// An open campaign of the region by e-mail.
async fn campaign(scene: &Scene) -> String {
    let campaign = scene.create(scene.draft()).await;
    scene.open(&campaign.name).await.name
}

fn survey_after_delivery(scene: &Scene, campaign: &str) -> v1::Trigger {
    v1::Trigger {
        unit: names::print("units", scene.world.org.root),
        display_name: "after delivery".to_owned(),
        kind: Kind::Delivery as i32,
        action: v1::TriggerAction::Survey as i32,
        campaign: campaign.to_owned(),
        ..Default::default()
    }
}

async fn create(scene: &Scene, trigger: v1::Trigger) -> v1::Trigger {
    let request = v1::CreateTriggerRequest { trigger: Some(trigger), ..Default::default() };
    let mut client = CustomerRecordServiceClient::new(scene.world.chan.clone());
    client.create_trigger(scene.world.as_admin(request)).await.unwrap().into_inner()
}

fn delivery(item: &str, customer: Uuid, at_us: i64) -> v1::Interaction {
    v1::Interaction {
        item_id: item.to_owned(),
        customer: names::print("customers", customer),
        kind: Kind::Delivery as i32,
        time: Some(time::from_us(at_us)),
        ..Default::default()
    }
}

async fn record(scene: &Scene, interactions: Vec<v1::Interaction>) {
    let request = v1::BatchRecordInteractionsRequest { interactions };
    let mut client = CustomerRecordServiceClient::new(scene.world.chan.clone());
    let answer = client.batch_record_interactions(scene.world.as_admin(request)).await.unwrap();
    let results = answer.into_inner().results;
    assert!(results.iter().all(|result| result.code == 0), "{results:?}");
}

async fn due(scene: &Scene) -> Vec<v1::DueTrigger> {
    let request =
        v1::ListDueTriggersRequest { show_done: true, page_size: 1_000, ..Default::default() };
    let mut client = CustomerRecordServiceClient::new(scene.world.chan.clone());
    let answer = client.list_due_triggers(scene.world.as_admin(request)).await.unwrap();
    answer.into_inner().due_triggers
}

/// What came of each, by customer; several of one customer in the order in which they were due.
async fn outcomes(scene: &Scene) -> BTreeMap<String, Vec<Outcome>> {
    let mut outcomes: BTreeMap<String, Vec<Outcome>> = BTreeMap::new();
    for due in due(scene).await {
        let outcome = due.outcome();
        assert_eq!(outcome == Outcome::Invited, !due.invitation.is_empty());
        assert_eq!(outcome == Outcome::Unspecified, due.done_time.is_none());
        outcomes.entry(due.customer).or_default().push(outcome);
    }
    outcomes
}

async fn report(scene: &Scene, invitation: &str, state: InvitationState) {
    let report = v1::InvitationReport {
        invitation: invitation.to_owned(),
        state: state as i32,
        ..Default::default()
    };
    let request = v1::BatchReportInvitationsRequest { reports: vec![report] };
    let answer = scene.invitations().batch_report_invitations(scene.world.as_admin(request)).await;
    let results = answer.unwrap().into_inner().results;
    assert!(results.iter().all(|result| result.code == 0), "{results:?}");
}

#[tokio::test]
async fn an_interaction_invites_its_customer_once_when_it_is_due() {
    for scene in scenes().await {
        let campaign = campaign(&scene).await;
        let rule = v1::Trigger { delay_hours: 24, ..survey_after_delivery(&scene, &campaign) };
        let trigger = create(&scene, rule).await;
        let customers = scene.customers([1, 0]).await;
        for _ in 0..2 {
            record(&scene, vec![delivery("D-1", customers[0], NOW_US)]).await;
            scene.sweep().await;
        }
        assert!(scene.invited(&campaign).await.is_empty(), "{}", scene.world.name);
        scene.world.pass(DAY_S);
        for _ in 0..2 {
            scene.sweep().await;
            record(&scene, vec![delivery("D-1", customers[0], NOW_US)]).await;
        }
        let invited = scene.invited(&campaign).await;
        assert_eq!(invited.len(), 1);
        assert_eq!(invited[0].customer, names::print("customers", customers[0]));
        assert_eq!(invited[0].state(), InvitationState::Queued);
        let told = scene.world.events().await;
        let told = told.iter().filter(|event| matches!(event, Change::InvitationDue(_)));
        assert_eq!(told.count(), 1);
        let due = due(&scene).await;
        assert_eq!(due.len(), 1);
        assert_eq!((due[0].outcome(), &due[0].invitation), (Outcome::Invited, &invited[0].name));
        assert_eq!(due[0].trigger, trigger.name);
        let status = scene.status(&campaign).await;
        assert_eq!(status.total.unwrap().queued, 1);
    }
}

#[tokio::test]
async fn who_is_spared_is_left_out_with_the_reason() {
    for scene in scenes().await {
        let unit = names::print("units", scene.world.org.branches[0]);
        let draft = scene.create(v1::Campaign { unit, ..scene.draft() }).await;
        let campaign = scene.open(&draft.name).await.name;
        create(&scene, survey_after_delivery(&scene, &campaign)).await;
        let fresh = |branch| customer(&scene.world, branch, "external");
        let mut people = [fresh(0), fresh(0), fresh(0), fresh(1), fresh(0), fresh(0)];
        people[1].consents = Consents::default();
        (people[2].hashes.email, people[2].hashes.phone) = (None, None);
        people[4].state = State::Retired;
        scene.add(&people).await;
        let days_ago = |index: usize| if index == 5 { 31 } else { 1 };
        let batch = people.iter().enumerate();
        let batch =
            batch.map(|(i, p)| delivery(&i.to_string(), p.id, NOW_US - days_ago(i) * DAY_US));
        record(&scene, batch.collect()).await;
        scene.sweep().await;
        let found = outcomes(&scene).await;
        let found = people.each_ref().map(|p| found[&names::print("customers", p.id)].clone());
        assert_eq!(
            found,
            [
                vec![Outcome::Invited],
                vec![Outcome::NoConsent],
                vec![Outcome::NoContact],
                vec![Outcome::Outside],
                vec![Outcome::Retired],
                vec![Outcome::TooLate],
            ],
            "{}",
            scene.world.name
        );
        assert_eq!(scene.invited(&campaign).await.len(), 1);
    }
}

#[tokio::test]
async fn a_customer_is_asked_again_as_the_trigger_s_rule_of_fatigue_says() {
    for scene in scenes().await {
        let spared = campaign(&scene).await;
        create(&scene, survey_after_delivery(&scene, &spared)).await;
        let always = campaign(&scene).await;
        let rule = survey_after_delivery(&scene, &always);
        let rule = v1::Trigger { kind: Kind::Order as i32, quiet_days: -1, yearly_max: 2, ..rule };
        create(&scene, rule).await;
        let who = scene.customers([1, 0]).await[0];
        let order = |item: &str, at_us| v1::Interaction {
            kind: Kind::Order as i32,
            ..delivery(item, who, at_us)
        };
        // Two at once: the second finds the first one's invitation waiting.
        record(&scene, vec![order("O-1", NOW_US - 2), order("O-2", NOW_US - 1)]).await;
        scene.sweep().await;
        report(&scene, &scene.invited(&always).await[0].name, InvitationState::Refused).await;
        record(&scene, vec![order("O-3", NOW_US), delivery("D-1", who, NOW_US)]).await;
        scene.world.pass(1);
        scene.sweep().await;
        let second = scene.invited(&always).await;
        assert_eq!(second.len(), 2, "{}: one customer, one campaign, twice", scene.world.name);
        for invitation in second.iter().filter(|i| i.state() != InvitationState::Refused) {
            report(&scene, &invitation.name, InvitationState::Refused).await;
        }
        record(&scene, vec![order("O-4", NOW_US + 1)]).await;
        scene.sweep().await;
        let expected = [
            Outcome::Invited,
            Outcome::AlreadyInvited,
            Outcome::Invited,
            Outcome::AskedRecently,
            Outcome::AskedOften,
        ];
        let mut found = outcomes(&scene).await[&names::print("customers", who)].clone();
        // The order and the delivery of the same instant have no order.
        found[2..4].sort_unstable_by_key(|outcome| *outcome as i32);
        assert_eq!(found, expected);
        assert!(scene.invited(&spared).await.is_empty());
    }
}

#[tokio::test]
async fn a_trigger_looks_at_node_and_segment_when_the_interaction_arrives() {
    for scene in scenes().await {
        let campaign = campaign(&scene).await;
        let segment = v1::Segment {
            unit: names::print("units", scene.world.org.root),
            display_name: "important".to_owned(),
            filter: "importance >= 5".to_owned(),
            ..Default::default()
        };
        let request = v1::CreateSegmentRequest { segment: Some(segment), ..Default::default() };
        let mut schema = CustomerSchemaServiceClient::new(scene.world.chan.clone());
        let segment = schema.create_segment(scene.world.as_admin(request)).await.unwrap();
        let segment = segment.into_inner().name;
        let rule = survey_after_delivery(&scene, &campaign);
        let rule = v1::Trigger { node: "installed".to_owned(), segment, ..rule };
        assert_eq!(create(&scene, rule.clone()).await.node, "installed");
        let mut people = [1.0, 9.0].map(|importance| {
            let mut person = customer(&scene.world, 0, "external");
            person.importance = importance;
            person
        });
        people[1].unit = scene.world.org.branches[1];
        scene.add(&people).await;
        let mut batch = Vec::new();
        for (i, person) in people.iter().enumerate() {
            for node in ["", "installed", "sent"] {
                let at = delivery(&format!("{i}{node}"), person.id, NOW_US);
                let unit = names::print("units", scene.world.org.branches[0]);
                batch.push(v1::Interaction { node: node.to_owned(), unit, ..at });
            }
        }
        record(&scene, batch).await;
        scene.sweep().await;
        let invited = scene.invited(&campaign).await;
        assert_eq!(invited.len(), 1, "{}", scene.world.name);
        assert_eq!(invited[0].customer, names::print("customers", people[1].id));
        let place = names::print("units", scene.world.org.branches[0]);
        assert_eq!(invited[0].unit, place, "it is about the place where it happened");
        let foreign = v1::Trigger { segment: names::print("segments", Uuid::now_v7()), ..rule };
        let request = v1::CreateTriggerRequest { trigger: Some(foreign), ..Default::default() };
        let mut client = CustomerRecordServiceClient::new(scene.world.chan.clone());
        let refused = client.create_trigger(scene.world.as_admin(request)).await;
        assert_eq!(refusal(refused).0, Code::NotFound);
    }
}

#[tokio::test]
async fn what_a_draft_is_called_for_waits_and_what_is_over_invites_nobody() {
    for scene in scenes().await {
        let draft = scene.create(scene.draft()).await.name;
        create(&scene, survey_after_delivery(&scene, &draft)).await;
        let people = scene.customers([2, 0]).await;
        record(&scene, vec![delivery("1", people[0], NOW_US)]).await;
        // Longer than the days in which a late one counts: it did not arrive late.
        scene.world.pass(40 * DAY_S);
        scene.sweep().await;
        assert_eq!(due(&scene).await[0].outcome(), Outcome::Unspecified);
        scene.open(&draft).await;
        scene.sweep().await;
        assert_eq!(scene.invited(&draft).await.len(), 1, "{}", scene.world.name);
        scene.close(&draft).await;
        record(&scene, vec![delivery("2", people[1], NOW_US + 39 * DAY_US)]).await;
        scene.sweep().await;
        let found = outcomes(&scene).await;
        assert_eq!(found[&names::print("customers", people[1])], [Outcome::CampaignOver]);
        assert_eq!(scene.invited(&draft).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_who_invite_at_once_invite_each_customer_once() {
    for scene in scenes().await {
        let campaign = campaign(&scene).await;
        create(&scene, survey_after_delivery(&scene, &campaign)).await;
        let people = scene.customers([450, 0]).await;
        for (chunk, people) in people.chunks(150).enumerate() {
            let batch = people.iter().enumerate();
            let batch = batch.map(|(i, who)| delivery(&format!("{chunk}-{i}"), *who, NOW_US));
            record(&scene, batch.collect()).await;
        }
        let app = &scene.world.app;
        while due(&scene).await.iter().any(|due| due.done_time.is_none()) {
            join_all((0..4).map(|_| triggering::invite_due(app))).await;
        }
        let invited = scene.invited(&campaign).await;
        assert_eq!(invited.len(), people.len(), "{}", scene.world.name);
        let told = scene.world.events().await;
        let told = told.iter().filter(|event| matches!(event, Change::InvitationDue(_)));
        assert_eq!(told.count(), people.len());
        assert!(due(&scene).await.iter().all(|due| due.outcome() == Outcome::Invited));
        assert_eq!(scene.status(&campaign).await.total.unwrap().queued, 450);
    }
}
