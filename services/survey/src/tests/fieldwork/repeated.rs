//! Creating calls that are sent again, and the days on which a questionnaire may be used.

use proto::{
    common::v1::Reason,
    names,
    survey::v1::{self, CampaignState, ResponseChannel as Channel},
};
use tonic::Code;

use super::scene::{Scene, scenes};
use crate::tests::world::refusal;

const CONFLICT: (Code, Reason) = (Code::AlreadyExists, Reason::IdempotencyConflict);

fn plan(scene: &Scene, display_name: &str) -> v1::CreatePlanRequest {
    let calendar = v1::PlanCalendar {
        cadence: v1::Cadence::Yearly as i32,
        first_date: "2026-12-01".to_owned(),
        ..Default::default()
    };
    let plan = v1::Plan {
        unit: names::print("units", scene.world.org.region),
        display_name: display_name.to_owned(),
        calendar: Some(calendar),
        ..Default::default()
    };
    v1::CreatePlanRequest { plan: Some(plan), request_id: "p".to_owned() }
}

#[tokio::test]
async fn a_plan_a_link_and_invitations_are_made_once_however_often_they_are_asked_for() {
    for scene in scenes().await {
        let world = &scene.world;
        let create =
            async |name: &str| scene.plans().create_plan(world.as_admin(plan(&scene, name))).await;
        let first = create("A").await.unwrap().into_inner();
        assert_eq!(create("A").await.unwrap().into_inner().name, first.name, "{}", world.name);
        assert_eq!(refusal(create("B").await), CONFLICT);
        assert_eq!(world.count("plan").await, 1);

        let channels = vec![Channel::QrCode as i32, Channel::PersonalLink as i32];
        let campaign = scene.create(v1::Campaign { channels, ..scene.draft() }).await.name;
        scene.open(&campaign).await;
        let link = async |display_name: &str| {
            let request = v1::CreateLinkRequest {
                campaign: campaign.clone(),
                link: Some(v1::Link {
                    channel: Channel::QrCode as i32,
                    display_name: display_name.to_owned(),
                    ..Default::default()
                }),
                request_id: "l".to_owned(),
            };
            scene.invitations().create_link(world.as_admin(request)).await
        };
        let first = link("counter").await.unwrap().into_inner();
        assert_eq!(link("counter").await.unwrap().into_inner(), first);
        assert_eq!(refusal(link("door").await), CONFLICT);
        assert_eq!(world.count("open_link").await, 1);

        let invite = async |unnamed| {
            let request = v1::CreateInvitationsRequest {
                campaign: campaign.clone(),
                channel: Channel::PersonalLink as i32,
                unnamed,
                request_id: "i".to_owned(),
                ..Default::default()
            };
            scene.invitations().create_invitations(world.as_admin(request)).await
        };
        let first = invite(3).await.unwrap().into_inner();
        let again = invite(3).await.unwrap().into_inner();
        assert_eq!((first.links.len(), &again.links), (3, &first.links), "{}", world.name);
        assert_eq!(refusal(invite(4).await), CONFLICT);
        assert_eq!(world.count("invitation").await, 3);
    }
}

/// Publishes a questionnaire for some days.
async fn valid(scene: &Scene, valid_from: &str, valid_to: &str) -> String {
    let texts = |text: &str| [("zh-CN".to_owned(), text.to_owned())].into();
    let question = v1::Question {
        id: "nps".to_owned(),
        kind: v1::QuestionType::Nps as i32,
        text: texts("您会推荐我们吗？"),
        ..Default::default()
    };
    let section = v1::Section {
        id: "all".to_owned(),
        title: texts("全部"),
        questions: vec![question],
        ..Default::default()
    };
    let definition = v1::Definition {
        title: texts("问卷"),
        sections: vec![section],
        valid_from: valid_from.to_owned(),
        valid_to: valid_to.to_owned(),
        ..Default::default()
    };
    let create = v1::CreateQuestionnaireRequest {
        questionnaire: Some(v1::Questionnaire {
            unit: names::print("units", scene.world.org.root),
            definition: Some(definition),
            ..Default::default()
        }),
        ..Default::default()
    };
    let mut client = scene.world.questionnaires();
    let made = client.create_questionnaire(scene.world.as_admin(create)).await.unwrap();
    let made = made.into_inner();
    let publish = v1::PublishQuestionnaireRequest {
        name: made.name.clone(),
        etag: made.etag,
        ..Default::default()
    };
    client.publish_questionnaire(scene.world.as_admin(publish)).await.unwrap();
    made.name
}

#[tokio::test]
async fn a_campaign_opens_on_the_days_of_its_questionnaire_only() {
    for scene in scenes().await {
        let world = &scene.world;
        // It is 2 November, nine in the morning in China.
        let open = async |from: &str, to: &str| {
            let questionnaire = valid(&scene, from, to).await;
            let channels = vec![Channel::QrCode as i32];
            let draft = v1::Campaign { questionnaire, channels, ..scene.draft() };
            let name = scene.create(draft).await.name;
            let request = v1::OpenCampaignRequest { name, etag: String::new() };
            scene.campaigns().open_campaign(world.as_admin(request)).await
        };
        for (from, to) in [("", ""), ("2026-11-02", ""), ("2026-01-01", "2026-11-02")] {
            let opened = open(from, to).await.unwrap().into_inner();
            assert_eq!(opened.state(), CampaignState::Open, "{}: {from} {to}", world.name);
        }
        for (from, to) in [("2026-11-03", ""), ("", "2026-11-01")] {
            let refused = open(from, to).await;
            let text = refused.as_ref().unwrap_err().message().to_owned();
            assert!(text.contains(from) && text.contains(to), "{text}");
            assert_eq!(refusal(refused), (Code::FailedPrecondition, Reason::WrongState));
        }
        // Midnight in China is 15 hours away.
        let late = open("2026-11-03", "").await;
        assert!(late.is_err());
        world.pass(15 * 3_600);
        open("2026-11-03", "").await.unwrap();
    }
}
