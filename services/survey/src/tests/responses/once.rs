//! Once per submission, once per invitation, whatever is retried and however many come at once.

use proto::{common::v1::Reason, survey::v1};
use survey_domain::invitation::State;
use tonic::Code;

use super::scene::{grade, scenes};
use crate::tests::world::refusal;

#[tokio::test(flavor = "multi_thread")]
async fn the_same_submission_gets_the_same_receipt_and_other_content_is_refused() {
    for scene in scenes(|_| {}).await {
        let first = scene.submission(&scene.link).await;
        let first = v1::SubmitResponseRequest { language: "en".to_owned(), ..first };
        let receipt = scene.submit(first.clone()).await.unwrap().into_inner();
        let again = scene.submit(first.clone()).await.unwrap().into_inner();
        assert_eq!(again.receipt, receipt.receipt);
        assert_eq!(again.submit_time, receipt.submit_time);
        let other = v1::SubmitResponseRequest { answers: vec![grade("overall", "", 1)], ..first };
        let refused = refusal(scene.submit(other.clone()).await);
        assert_eq!(refused, (Code::AlreadyExists, Reason::AlreadyExists));
        assert_eq!(scene.world.count("response").await, 1);
        let ask = v1::GetReceiptRequest {
            // As it is printed, and not its code alone.
            link: format!("https://survey.example/s/{}", other.link),
            submission_id: other.submission_id.clone(),
        };
        let found = scene.respondents().get_receipt(ask).await.unwrap().into_inner();
        assert_eq!(found.receipt, receipt.receipt);
        assert_eq!(found.closing_text, receipt.closing_text, "in the language of the form");
        let unknown = v1::GetReceiptRequest {
            link: other.link,
            submission_id: uuid::Uuid::now_v7().to_string(),
        };
        let refused = refusal(scene.respondents().get_receipt(unknown).await);
        assert_eq!(refused, (Code::NotFound, Reason::NotFound));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_posts_of_one_submission_are_one_response() {
    for scene in scenes(|_| {}).await {
        let request = scene.submission(&scene.link).await;
        let posts = (0..100).map(|_| scene.submit(request.clone()));
        let receipts: Vec<String> = futures::future::join_all(posts)
            .await
            .into_iter()
            .map(|answer| answer.unwrap().into_inner().receipt)
            .collect();
        assert!(receipts.iter().all(|receipt| *receipt == receipts[0]));
        assert_eq!(scene.world.count("response").await, 1);
        assert_eq!(scene.world.count("outbox").await, 2, "the version and one response");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_personal_link_is_answered_once_under_a_hundred_posts() {
    for scene in scenes(|_| {}).await {
        let (invitation, link) = scene.invite(None).await;
        let mut requests = Vec::new();
        for _ in 0..100 {
            let request = scene.submission(&link).await;
            let id = uuid::Uuid::now_v7().to_string();
            requests.push(v1::SubmitResponseRequest { submission_id: id, ..request });
        }
        let posts = requests.into_iter().map(|request| scene.submit(request));
        let answers = futures::future::join_all(posts).await;
        let good = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(good, 1, "{}", scene.world.name);
        for refused in answers.into_iter().filter(Result::is_err) {
            assert_eq!(refusal(refused), (Code::AlreadyExists, Reason::LinkUsed));
        }
        assert_eq!(scene.world.count("response").await, 1);
        assert_eq!(scene.state_of(invitation).await, State::Answered);
        assert_eq!(scene.total(State::Answered as i16).await, 1);
        let open = v1::OpenFormRequest { link, ..Default::default() };
        let opened = scene.respondents().open_form(open).await.unwrap().into_inner();
        assert_eq!(opened.state(), v1::FormState::Answered);
        assert!(opened.form.is_none() && !opened.closing_text.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_accepted_after_the_closing_and_nothing_acknowledged_is_lost() {
    for scene in scenes(|_| {}).await {
        let (_, link) = scene.open_link(10_000, -1).await;
        let mut requests = Vec::new();
        for _ in 0..60 {
            requests.push(scene.submission(&link).await);
        }
        let (early, late) = requests.split_at(30);
        let posts = early.iter().map(|request| scene.submit(request.clone()));
        let (answers, ()) = futures::join!(futures::future::join_all(posts), scene.close());
        let stored = scene.world.count("response").await;
        let acknowledged = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(usize::try_from(stored).unwrap(), acknowledged, "{}", scene.world.name);
        for request in late {
            let refused = refusal(scene.submit(request.clone()).await);
            assert_eq!(refused, (Code::FailedPrecondition, Reason::SurveyClosed));
        }
        assert_eq!(scene.world.count("response").await, stored);
        for (request, answer) in early.iter().zip(answers) {
            // What was stored keeps its receipt for ever.
            if let Ok(receipt) = answer {
                let again = scene.submit(request.clone()).await.unwrap().into_inner();
                assert_eq!(again.receipt, receipt.into_inner().receipt);
            }
        }
    }
}
