//! Saves of unfinished answers that overtake each other on their way here.

use futures::future::join_all;
use proto::survey::v1;
use tonic::Code;

use super::scene::{Scene, grade, scenes};
use crate::tests::world::fields;

/// A save with a number and a grade.
fn numbered(link: &str, session: &str, revision: i64, value: i32) -> v1::SaveResponseRequest {
    v1::SaveResponseRequest {
        link: link.to_owned(),
        session: session.to_owned(),
        answers: vec![grade("overall", "", value)],
        revision,
    }
}

async fn save(scene: &Scene, request: v1::SaveResponseRequest) -> v1::SavedResponse {
    scene.respondents().save_response(request).await.unwrap().into_inner()
}

async fn opened(scene: &Scene, link: &str, session: &str) -> v1::OpenedForm {
    let (link, session) = (link.to_owned(), session.to_owned());
    let request = v1::OpenFormRequest { link, session, ..Default::default() };
    scene.respondents().open_form(request).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_that_was_overtaken_changes_nothing_and_is_told_what_stands() {
    for scene in scenes(|_| {}).await {
        let (link, session) = (scene.link.clone(), scene.begun(&scene.link).await.session);
        let numbered = |revision, value| numbered(&link, &session, revision, value);
        let third = save(&scene, numbered(3, 5)).await;
        assert!(third.revision == 3 && !third.superseded && third.answers.is_empty());
        scene.world.pass(7);
        let second = save(&scene, numbered(2, 1)).await;
        assert!(second.superseded && second.revision == 3, "{}", scene.world.name);
        assert_eq!(second.answers, [grade("overall", "", 5)]);
        assert_eq!((second.form, second.save_time), (third.form, third.save_time));
        // The same once more is a repetition; the same number from another page is not.
        assert!(!save(&scene, numbered(3, 5)).await.superseded);
        assert!(save(&scene, numbered(3, 4)).await.superseded);
        let found = opened(&scene, &link, &session).await;
        assert_eq!((found.revision, found.answers), (3, vec![grade("overall", "", 5)]));
        assert_eq!(save(&scene, numbered(4, 2)).await.revision, 4);
        // Whoever does not count saves in the order of arrival.
        for revision in 5..7 {
            let saved = save(&scene, numbered(0, 3)).await;
            assert!(saved.revision == revision && !saved.superseded);
        }
        for revision in [-1, (1 << 53) + 1] {
            let refused = scene.respondents().save_response(numbered(revision, 3)).await;
            assert_eq!(fields(refused), (Code::InvalidArgument, vec!["revision".to_owned()]));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_saves_that_arrive_together_in_any_order_the_last_one_stands() {
    for scene in scenes(|_| {}).await {
        let (_, link) = scene.invite(None).await;
        let started = scene.begun(&link).await;
        assert_eq!(started.revision, 0);
        let saves = [7, 3, 12, 1, 9, 11, 2, 10, 5, 8, 4, 6].map(|revision| {
            let value = 1 + i32::try_from(revision).unwrap() % 5;
            save(&scene, numbered(&link, &started.session, revision, value))
        });
        for saved in join_all(saves).await {
            assert!(saved.revision <= 12);
        }
        let found = opened(&scene, &link, "").await;
        assert_eq!((found.revision, found.answers), (12, vec![grade("overall", "", 3)]));
        assert_eq!(scene.begun(&link).await.revision, 12, "{}", scene.world.name);
    }
}
