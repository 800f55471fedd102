//! Opening a link, saving, going on, submitting.

use proto::{
    survey::v1::{self, FormState, event::Change},
    time,
};
use tonic::Code;
use uuid::Uuid;

use super::scene::{grade, scenes, words};
use crate::tests::world::{NOW_US, fields, refusal};

fn open(link: &str, session: &str) -> v1::OpenFormRequest {
    v1::OpenFormRequest { link: link.into(), session: session.into(), language: String::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_begun_saved_resumed_and_submitted() {
    for scene in scenes(|_| {}).await {
        let mut client = scene.respondents();
        let opened = client.open_form(open(&scene.link, "")).await.unwrap().into_inner();
        assert_eq!(opened.state(), FormState::Open);
        assert_eq!(opened.languages, ["zh-CN", "en"]);
        assert_eq!(opened.form.unwrap().sections[0].questions.len(), 6);
        let started = scene.begun(&scene.link).await;
        let save = v1::SaveResponseRequest {
            link: scene.link.clone(),
            session: started.session.clone(),
            answers: vec![grade("overall", "", 3)],
            ..Default::default()
        };
        let saved = client.save_response(save.clone()).await.unwrap().into_inner();
        assert!(saved.form.is_some());
        let again = v1::SaveResponseRequest { answers: vec![grade("overall", "", 5)], ..save };
        client.save_response(again).await.unwrap();
        let opened = client.open_form(open(&scene.link, &started.session)).await.unwrap();
        let opened = opened.into_inner();
        assert_eq!(opened.answers, [grade("overall", "", 5)]);
        assert_eq!(opened.session, started.session);
        assert_eq!(scene.world.count("response_draft").await, 1);
        let submit = v1::SubmitResponseRequest {
            link: scene.link.clone(),
            session: opened.session,
            submission_id: Uuid::now_v7().to_string(),
            answers: vec![grade("overall", "", 5), words("<script>{{7*7}}")],
            language: "en".into(),
            ..Default::default()
        };
        let receipt = scene.submit(submit).await.unwrap().into_inner();
        assert_eq!(receipt.closing_text, "Thank you");
        assert_eq!(scene.world.count("response_draft").await, 0);
        let stored = scene.response(&receipt.receipt).await;
        assert_eq!(stored.answers, [grade("overall", "", 5), words("<script>{{7*7}}")]);
        assert_eq!((stored.duration_s, stored.suspect), (Some(60), false));
        assert_eq!(stored.channel(), v1::ResponseChannel::QrCode);
        let events = scene.world.events().await;
        let facts = events.iter().find_map(|event| match event {
            Change::Response(change) => change.assert.clone(),
            _ => None,
        });
        let facts = facts.unwrap();
        assert_eq!(facts.answers.len(), 1, "texts are not countable");
        assert_eq!((facts.unit, facts.campaign), (stored.unit, scene.name()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_personal_link_finds_its_draft_again_on_another_machine() {
    for scene in scenes(|_| {}).await {
        let (_, link) = scene.invite(None).await;
        let mut client = scene.respondents();
        let started = scene.begun(&link).await;
        let save = v1::SaveResponseRequest {
            link: link.clone(),
            session: started.session,
            answers: vec![grade("overall", "", 2)],
            ..Default::default()
        };
        client.save_response(save).await.unwrap();
        let opened = client.open_form(open(&link, "")).await.unwrap().into_inner();
        assert_eq!(opened.answers, [grade("overall", "", 2)]);
        assert!(!opened.session.is_empty());
        let again = scene.begun(&link).await;
        assert_eq!(again.form.unwrap().seed, opened.form.unwrap().seed, "the order stays");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_good_for_its_link_alone() {
    for scene in scenes(|_| {}).await {
        let (_, other) = scene.open_link(20, 1).await;
        let started = scene.begun(&scene.link).await;
        for session in [started.session.as_str(), "AAAA", "not base64!"] {
            let save = v1::SaveResponseRequest {
                link: other.clone(),
                session: session.into(),
                answers: Vec::new(),
                ..Default::default()
            };
            let found = fields(scene.respondents().save_response(save).await);
            assert_eq!(found, (Code::InvalidArgument, vec!["session".to_owned()]));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_are_small_bounded_and_expire() {
    for scene in scenes(|_| {}).await {
        let (_, link) = scene.open_link(1, 1).await;
        let mut client = scene.respondents();
        let save = |session: String, text: usize| {
            let request = v1::SaveResponseRequest {
                link: link.clone(),
                session,
                answers: vec![words(&"x".repeat(text))],
                ..Default::default()
            };
            let mut request = tonic::Request::new(request);
            let address = super::scene::ADDRESS.parse().unwrap();
            request.metadata_mut().insert("x-manyi-client-address", address);
            request
        };
        let start = || async {
            let request = v1::StartResponseRequest { link: link.clone(), ..Default::default() };
            scene.respondents().start_response(request).await.unwrap().into_inner().session
        };
        for _ in 0..5 {
            client.save_response(save(start().await, 10)).await.unwrap();
        }
        let (code, _) = refusal(client.save_response(save(start().await, 10)).await);
        assert_eq!(code, Code::ResourceExhausted);
        assert_eq!(scene.world.count("response_draft").await, 5);
        scene.world.pass(31 * 86_400);
        let engine = scene.world.respond().engine().clone();
        crate::respond::sweep::once(&engine).await.unwrap();
        assert_eq!(scene.world.count("response_draft").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_says_since_when_its_site_had_stood_where_it_stood() {
    for scene in scenes(|_| {}).await {
        let first = scene.submission(&scene.link).await;
        scene.submit(first).await.unwrap();
        let move_us = NOW_US + 300_000_000;
        scene.world.org.move_branch(move_us).await;
        let before = scene.submission(&scene.link).await;
        scene.submit(before).await.unwrap();
        scene.world.pass(300);
        let after = scene.submission(&scene.link).await;
        scene.submit(after).await.unwrap();
        let events = scene.world.events().await;
        let facts = events.iter().filter_map(|event| match event {
            Change::Response(change) => change.assert.as_ref(),
            _ => None,
        });
        let since: Vec<i64> =
            facts.map(|f| time::to_us_opt(f.site_since.as_ref()).unwrap()).collect();
        assert_eq!(since, [0, 0, move_us], "{}", scene.world.name);
    }
}
