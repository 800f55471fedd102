//! Many answers from one place.

use std::time::Duration;

use proto::{
    common::v1::Reason,
    survey::v1::{self, ResponseMark},
};
use survey_domain::proof_of_work::solve;
use tonic::Code;
use uuid::Uuid;

use super::scene::{ADDRESS, Scene, grade, scenes};
use crate::{store::respondent, tests::world::refusal};

fn quick(link: &str) -> v1::SubmitResponseRequest {
    v1::SubmitResponseRequest {
        link: link.into(),
        submission_id: Uuid::now_v7().to_string(),
        answers: vec![grade("overall", "", 4)],
        ..Default::default()
    }
}

async fn solved(scene: &Scene, request: v1::SubmitResponseRequest) -> v1::SubmitResponseRequest {
    let ask = v1::CreateChallengeRequest {
        link: request.link.clone(),
        submission_id: request.submission_id.clone(),
    };
    let challenge = scene.respondents().create_challenge(ask).await.unwrap().into_inner();
    let bits = u32::try_from(challenge.difficulty_bits).unwrap();
    let solution = solve(&challenge.challenge, bits, 1 << 26).unwrap();
    v1::SubmitResponseRequest { challenge: challenge.challenge, solution, ..request }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_twenty_first_answer_of_a_minute_needs_a_challenge() {
    for scene in scenes(|_| {}).await {
        let (_, link) = scene.open_link(20, -1).await;
        for n in 0..20 {
            let neighbour = format!("203.0.113.{n}");
            scene.submit_from(quick(&link), &neighbour).await.unwrap();
        }
        let more = quick(&link);
        let refused = refusal(scene.submit_from(more.clone(), ADDRESS).await);
        assert_eq!(refused, (Code::ResourceExhausted, Reason::ChallengeRequired));
        let wrong = v1::SubmitResponseRequest {
            challenge: "x".into(),
            solution: "y".into(),
            ..more.clone()
        };
        let refused = refusal(scene.submit_from(wrong, ADDRESS).await);
        assert_eq!(refused, (Code::ResourceExhausted, Reason::ChallengeRequired));
        assert_eq!(scene.world.count("response").await, 20);
        // Others are not concerned.
        scene.submit_from(quick(&link), "198.51.100.1").await.unwrap();
        scene.submit_from(quick(&link), "2001:db8::1").await.unwrap();
        let answered = scene.submit_from(solved(&scene, more).await, ADDRESS).await.unwrap();
        let stored = scene.response(&answered.into_inner().receipt).await;
        assert!(stored.suspect && stored.marks().any(|mark| mark == ResponseMark::AddressBurst));
        scene.world.clock.advance(Duration::from_secs(75));
        scene.submit_from(quick(&link), ADDRESS).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_answers_as_often_as_the_link_says() {
    for scene in scenes(|_| {}).await {
        let (_, link) = scene.open_link(1_000, 2).await;
        let from = |browser: &str| v1::SubmitResponseRequest {
            browser_token: browser.into(),
            ..quick(&link)
        };
        scene.submit(from("one")).await.unwrap();
        scene.submit(from("one")).await.unwrap();
        let third = from("one");
        let refused = refusal(scene.submit(third.clone()).await);
        assert_eq!(refused, (Code::ResourceExhausted, Reason::ChallengeRequired));
        scene.submit(from("two")).await.unwrap();
        let answered = scene.submit(solved(&scene, third).await).await.unwrap().into_inner();
        let stored = scene.response(&answered.receipt).await;
        assert!(stored.marks().any(|mark| mark == ResponseMark::BrowserRepeated));
        // The key has changed since then; the browser is still known.
        scene.world.pass(11 * 86_400);
        let refused = refusal(scene.submit(from("one")).await);
        assert_eq!(refused, (Code::ResourceExhausted, Reason::ChallengeRequired));
        // And is not any more when the key was destroyed.
        scene.world.pass(20 * 86_400);
        let engine = scene.world.respond().engine().clone();
        crate::respond::sweep::once(&engine).await.unwrap();
        scene.submit(from("one")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_live_for_thirty_days_and_windows_for_minutes() {
    for scene in scenes(|_| {}).await {
        let request =
            v1::SubmitResponseRequest { browser_token: "a browser".into(), ..quick(&scene.link) };
        scene.submit_from(request, ADDRESS).await.unwrap();
        let app = &scene.world.app;
        let engine = scene.world.respond().engine().clone();
        assert_eq!(scene.world.count("respondent_window").await, 1);
        let keys = respondent::keys(app.db.read()).await.unwrap();
        assert_eq!(keys.len(), 1);
        scene.world.pass(600);
        crate::respond::sweep::once(&engine).await.unwrap();
        assert_eq!(scene.world.count("respondent_window").await, 0);
        scene.world.pass(30 * 86_400);
        crate::respond::sweep::once(&engine).await.unwrap();
        assert_eq!(respondent::keys(app.db.read()).await.unwrap(), []);
        assert_eq!(scene.world.count("respondent_browser").await, 0);
    }
}
