//! What is suspect is kept and marked, and a person decides.

use proto::{
    common::v1::{Permission, Reason},
    names,
    survey::v1::{self, ResponseMark, ReviewDecision, event::Change},
};
use tonic::Code;
use uuid::Uuid;

use super::scene::{Scene, grade, scenes};
use crate::{store::fieldwork::count::measure, tests::world::refusal};

async fn marks_of(
    scene: &Scene,
    request: v1::SubmitResponseRequest,
) -> (String, Vec<ResponseMark>) {
    let receipt = scene.submit(request).await.unwrap().into_inner();
    let stored = scene.response(&receipt.receipt).await;
    assert_eq!(stored.suspect, !stored.marks.is_empty());
    (receipt.receipt, stored.marks().collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn robots_get_a_receipt_like_everybody_and_are_marked() {
    for scene in scenes(|_| {}).await {
        let (_, link) = scene.open_link(1_000, -1).await;
        let good = scene.submission(&link).await;
        let (_, marks) = marks_of(&scene, good).await;
        assert_eq!(marks, []);
        let filled = scene.submission(&link).await;
        let filled = v1::SubmitResponseRequest { website: "http://x".into(), ..filled };
        let (_, marks) = marks_of(&scene, filled).await;
        assert_eq!(marks, [ResponseMark::Honeypot]);
        let blind = scene.submission(&link).await;
        let blind = v1::SubmitResponseRequest { session: String::new(), ..blind };
        let (_, marks) = marks_of(&scene, blind).await;
        assert_eq!(marks, [ResponseMark::NoPageView]);
        let start = v1::StartResponseRequest { link: link.clone(), ..Default::default() };
        let started = scene.respondents().start_response(start).await.unwrap().into_inner();
        let fast = v1::SubmitResponseRequest {
            link: link.clone(),
            session: started.session,
            submission_id: Uuid::now_v7().to_string(),
            answers: vec![grade("overall", "", 4)],
            ..Default::default()
        };
        let (_, marks) = marks_of(&scene, fast).await;
        assert_eq!(marks, [ResponseMark::TooFast]);
        assert_eq!(scene.total(measure::OPEN).await, 4);
        assert_eq!(scene.total(measure::OPEN_SUSPECT).await, 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_straight_line_in_haste_is_marked_and_a_careful_one_is_not() {
    let all = scenes(|_| {}).await;
    let scene = &all[0];
    let (_, link) = scene.open_link(1_000, -1).await;
    let line = || {
        let rows = (0..10).map(|row| grade("matrix", &format!("r{row}"), 5));
        std::iter::once(grade("overall", "", 5)).chain(rows).collect::<Vec<_>>()
    };
    for (seconds, want) in [(20, vec![ResponseMark::StraightLining]), (40, vec![])] {
        let start = v1::StartResponseRequest { link: link.clone(), ..Default::default() };
        let started = scene.respondents().start_response(start).await.unwrap().into_inner();
        scene.world.pass(seconds);
        let request = v1::SubmitResponseRequest {
            link: link.clone(),
            session: started.session,
            submission_id: Uuid::now_v7().to_string(),
            answers: line(),
            ..Default::default()
        };
        assert_eq!(marks_of(scene, request).await.1, want, "{seconds} s");
    }
}

async fn review(
    scene: &Scene,
    name: &str,
    decision: ReviewDecision,
    token: &str,
) -> Result<tonic::Response<v1::Response>, tonic::Status> {
    let request = v1::ReviewResponseRequest {
        name: name.into(),
        decision: decision as i32,
        note: "looked at".into(),
    };
    scene.responses().review_response(scene.bearer(request, token)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reviewer_releases_and_confirms_and_the_feed_follows() {
    for scene in scenes(|_| {}).await {
        let request = scene.submission(&scene.link).await;
        let request = v1::SubmitResponseRequest { website: "x".into(), ..request };
        let (name, _) = marks_of(&scene, request).await;
        let reader = scene.world.org.user(scene.world.org.root, &[Permission::ResponseRead]).await;
        let refused = refusal(review(&scene, &name, ReviewDecision::Released, &reader).await);
        assert_eq!(refused, (Code::PermissionDenied, Reason::PermissionDenied));
        let admin = scene.world.admin.clone();
        let audited = scene.world.audited().await;
        let released = review(&scene, &name, ReviewDecision::Released, &admin).await.unwrap();
        let released = released.into_inner();
        assert!(!released.suspect && released.reviewer.starts_with("users/us_"));
        assert_eq!(released.marks, [ResponseMark::Honeypot as i32]);
        assert_eq!(scene.world.audited().await, audited + 1);
        assert_eq!(scene.total(measure::OPEN_SUSPECT).await, 0);
        review(&scene, &name, ReviewDecision::Released, &admin).await.unwrap();
        assert_eq!(scene.world.audited().await, audited + 1, "nothing changed");
        review(&scene, &name, ReviewDecision::Confirmed, &admin).await.unwrap();
        assert_eq!(scene.total(measure::OPEN_SUSPECT).await, 1);
        let refused = refusal(review(&scene, &name, ReviewDecision::Unspecified, &admin).await);
        assert_eq!(refused, (Code::InvalidArgument, Reason::InvalidField));
        let suspect: Vec<(Option<bool>, Option<bool>)> = scene
            .world
            .events()
            .await
            .into_iter()
            .filter_map(|event| match event {
                Change::Response(change) => Some((
                    change.retract.map(|facts| facts.suspect),
                    change.assert.map(|facts| facts.suspect),
                )),
                _ => None,
            })
            .collect();
        let expected = [(None, Some(true)), (Some(true), Some(false)), (Some(false), Some(true))];
        assert_eq!(suspect, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn erasure_leaves_the_grades_and_takes_the_words_and_the_person() {
    for scene in scenes(|_| {}).await {
        let customer = Uuid::now_v7();
        let (_, link) = scene.invite(Some(customer)).await;
        let request = scene.submission(&link).await;
        let (name, _) = marks_of(&scene, request).await;
        let stored = scene.response(&name).await;
        assert_eq!(stored.customer, names::print("customers", customer));
        let events = scene.world.events().await.len();
        let app = &scene.world.app;
        let tx = app.db.begin().await.unwrap();
        let erased = crate::responses::forget_customer(&tx, scene.campaign.org, customer).await;
        assert_eq!(erased.unwrap(), 1);
        tx.commit().await.unwrap();
        let stored = scene.response(&name).await;
        assert_eq!(stored.answers, [grade("overall", "", 4)]);
        assert!(stored.erased && stored.customer.is_empty());
        assert_eq!(scene.world.events().await.len(), events, "figures do not change");
    }
}
