//! What is refused, and with which reason.

use proto::{
    common::v1::Reason,
    survey::v1::{self, Answer, FormState, answer::Value},
};
use survey_domain::{
    campaign::State,
    quota::{Group, Quota},
};
use tonic::Code;
use uuid::Uuid;

use super::scene::{grade, open_campaign, place, scenes, settings, words};
use crate::{
    fieldwork::link::Claim,
    store::fieldwork::{campaign, link},
    tests::world::{NOW_US, fields, refusal},
};

#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_altered_links_and_drafts_lead_nowhere() {
    for scene in scenes(|_| {}).await {
        let mut altered = scene.link.clone();
        altered.replace_range(5..6, if &altered[5..6] == "A" { "B" } else { "A" });
        let mut draft =
            open_campaign(&scene.world, scene.campaign.settings.questionnaire, settings());
        draft.state = State::Draft;
        let conn = scene.world.app.db.read();
        campaign::insert(conn, &draft, None).await.unwrap();
        let known = link::find(conn, scene.campaign.org, scene.link_id).await.unwrap().unwrap();
        let of_draft = link::Link { id: Uuid::now_v7(), campaign: draft.id, ..known };
        link::insert(conn, &of_draft).await.unwrap();
        let nobody = scene.world.app.links.code(Claim::Open(Uuid::now_v7()));
        let of_draft = scene.world.app.links.code(Claim::Open(of_draft.id));
        for link in [altered, nobody, of_draft, "x".into(), "-".repeat(200)] {
            let request = v1::SubmitResponseRequest {
                link: link.clone(),
                submission_id: Uuid::now_v7().to_string(),
                ..Default::default()
            };
            let refused = refusal(scene.submit(request).await);
            assert_eq!(refused, (Code::NotFound, Reason::NotFound), "{link}");
            let open = v1::OpenFormRequest { link, ..Default::default() };
            let refused = refusal(scene.respondents().open_form(open).await);
            assert_eq!(refused, (Code::NotFound, Reason::NotFound));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_takes_answers_between_its_times_only() {
    let day = 86_400_000_000;
    let change = |settings: &mut survey_domain::campaign::Settings| {
        settings.open_us = Some(NOW_US + day);
        settings.close_us = Some(NOW_US + 3 * day);
    };
    for scene in scenes(change).await {
        let state = || async {
            let open = v1::OpenFormRequest { link: scene.link.clone(), ..Default::default() };
            scene.respondents().open_form(open).await.unwrap().into_inner().state()
        };
        let bare = || v1::SubmitResponseRequest {
            link: scene.link.clone(),
            submission_id: Uuid::now_v7().to_string(),
            answers: vec![grade("overall", "", 4)],
            ..Default::default()
        };
        assert_eq!(state().await, FormState::NotYetOpen);
        let refused = refusal(scene.submit(bare()).await);
        assert_eq!(refused, (Code::FailedPrecondition, Reason::SurveyClosed));
        scene.world.pass(2 * 86_400);
        assert_eq!(state().await, FormState::Open);
        scene.submit(bare()).await.unwrap();
        scene.world.pass(2 * 86_400);
        assert_eq!(state().await, FormState::Closed);
        let refused = refusal(scene.submit(bare()).await);
        assert_eq!(refused, (Code::FailedPrecondition, Reason::SurveyClosed));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_quota_closes_politely() {
    for world in crate::tests::world::worlds().await {
        let branch = world.org.branches[0];
        let change = |settings: &mut survey_domain::campaign::Settings| {
            settings.quotas = vec![Quota { group: Group::Unit(branch), limit: 2 }];
        };
        let scene = super::scene::Scene::new(world, &change).await;
        let (_, link) = scene.open_link(1_000, -1).await;
        let waiting = scene.submission(&link).await;
        for _ in 0..2 {
            let request = scene.submission(&link).await;
            scene.submit(request).await.unwrap();
        }
        let refused = refusal(scene.submit(waiting).await);
        assert_eq!(refused, (Code::FailedPrecondition, Reason::SurveyClosed));
        let open = v1::OpenFormRequest { link, language: "en".into(), ..Default::default() };
        let opened = scene.respondents().open_form(open).await.unwrap().into_inner();
        assert_eq!(opened.state(), FormState::QuotaFull);
        assert!(opened.closing_text.contains("Thank you"));
        assert_eq!(scene.world.count("response").await, 2);
    }
}

fn number(question: &str, number: f64) -> Answer {
    Answer { question: question.into(), value: Some(Value::Number(number)), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_do_not_fit_are_refused_with_their_places() {
    let all = scenes(|_| {}).await;
    let scene = &all[0];
    let good = scene.submission(&scene.link).await;
    let overall = || grade("overall", "", 4);
    for (answers, field) in [
        (vec![], "answers[overall]"),
        (vec![grade("overall", "", 6)], "answers[0]"),
        (vec![grade("overall", "", 0)], "answers[0]"),
        (vec![overall(), grade("nps", "", 11)], "answers[1]"),
        (vec![overall(), grade("nps", "", -1)], "answers[1]"),
        (vec![overall(), number("nps", 9.5)], "answers[1]"),
        (vec![overall(), place(&["shop", "phone"])], "answers[1]"),
        (vec![overall(), place(&["elsewhere"])], "answers[1]"),
        (vec![overall(), overall()], "answers[1]"),
        (vec![overall(), grade("nothing", "", 1)], "answers[1]"),
        (vec![overall(), grade("matrix", "r10", 1)], "answers[1]"),
        (vec![overall(), words(&"x".repeat(10_001))], "answers[1]"),
    ] {
        let request = v1::SubmitResponseRequest { answers, ..good.clone() };
        let (code, found) = fields(scene.submit(request).await);
        assert_eq!((code, found), (Code::InvalidArgument, vec![field.to_owned()]));
    }
    let lines = v1::SubmitResponseRequest {
        answers: vec![overall(), words(&"\n".repeat(10_000))],
        ..good.clone()
    };
    scene.submit(lines).await.unwrap();
    for (id, version) in [("", 0), ("7", 0), ("00000000-0000-0000-0000-000000000000", 0)] {
        let request =
            v1::SubmitResponseRequest { submission_id: id.into(), version, ..good.clone() };
        let (code, found) = fields(scene.submit(request).await);
        assert_eq!((code, found), (Code::InvalidArgument, vec!["submissionId".to_owned()]));
    }
    let request = v1::SubmitResponseRequest { version: 2, ..good };
    let (code, found) = fields(scene.submit(request).await);
    assert_eq!((code, found), (Code::InvalidArgument, vec!["version".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_opens_nothing_else_and_no_token_is_needed() {
    let all = scenes(|_| {}).await;
    let scene = &all[0];
    let request = v1::ListResponsesRequest::default();
    let refused = scene.responses().list_responses(scene.bearer(request, &scene.link)).await;
    assert_eq!(refusal(refused).0, Code::Unauthenticated);
    let refused = scene.responses().get_response(v1::GetResponseRequest::default()).await;
    assert_eq!(refusal(refused).0, Code::Unauthenticated);
    scene.world.org.suspend(true).await;
    let request = scene.world.as_admin(v1::ListResponsesRequest::default()).into_inner();
    drop(request);
    let open = v1::OpenFormRequest { link: scene.link.clone(), ..Default::default() };
    let refused = refusal(scene.respondents().open_form(open).await);
    assert_eq!(refused, (Code::FailedPrecondition, Reason::OrganisationSuspended));
}
