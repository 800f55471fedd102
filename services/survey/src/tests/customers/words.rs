//! What a known customer writes in answers: encrypted for the person, shown to those who may see
//! it, exported with everything else, and gone with the person.

use proto::{names, survey::v1};
use survey_domain::invitation::State;
use uuid::Uuid;

use super::privacy::{holds, raw};
use crate::tests::{
    responses::scene::{Scene, grade, words},
    world::worlds,
};

/// What is written in a draft, as a text, as a remark and beside an option.
const WRITTEN: [&str; 4] = ["KANARI-DRAFT", "KANARI-TEXT", "KANARI-REMARK", "KANARI-OTHER"];

async fn scenes() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for world in worlds().await {
        scenes.push(Scene::new(world, &|_| {}).await);
    }
    scenes
}

fn answers() -> Vec<v1::Answer> {
    let mut graded = grade("overall", "", 2);
    graded.comment = WRITTEN[2].to_owned();
    let chosen = v1::ChosenOptions { ids: vec!["other".to_owned()] };
    let other = v1::Answer {
        question: "place".to_owned(),
        value: Some(v1::answer::Value::Options(chosen)),
        specified: [("other".to_owned(), WRITTEN[3].to_owned())].into(),
        ..Default::default()
    };
    vec![graded, other, words(WRITTEN[1])]
}

/// What is left of them without words.
fn counted() -> Vec<v1::Answer> {
    let mut left = answers();
    left.truncate(2);
    left[0].comment.clear();
    left[1].specified.clear();
    left
}

/// Somebody who saves a draft and answers another campaign's link: names of customer and response.
async fn wrote(scene: &Scene) -> (String, String) {
    let name = scene.world.add(scene.world.person("A")).await.name;
    let customer = names::parse("customers", &name).unwrap();
    let (_, link) = scene.invite(Some(customer)).await;
    let begun = scene.begun(&link).await;
    let save = v1::SaveResponseRequest {
        link: link.clone(),
        session: begun.session.clone(),
        answers: vec![words(WRITTEN[0])],
        ..Default::default()
    };
    scene.respondents().save_response(save).await.unwrap();
    let open = v1::OpenFormRequest { link: link.clone(), ..Default::default() };
    let opened = scene.respondents().open_form(open).await.unwrap().into_inner();
    assert_eq!(opened.answers, [words(WRITTEN[0])], "what was saved is found again");
    assert_written_nowhere(scene).await;
    let export = subject(scene, &name).await;
    assert!(export.contains(WRITTEN[0]), "an unfinished answer is held on the person too");
    let submit = v1::SubmitResponseRequest {
        link,
        session: begun.session,
        submission_id: Uuid::now_v7().to_string(),
        answers: answers(),
        ..Default::default()
    };
    let receipt = scene.submit(submit.clone()).await.unwrap().into_inner().receipt;
    let again = scene.submit(submit).await.unwrap().into_inner().receipt;
    assert_eq!(again, receipt, "the same content is known although it is encrypted");
    (name, receipt)
}

async fn assert_written_nowhere(scene: &Scene) {
    let bytes = raw(&scene.world).await;
    for text in WRITTEN {
        assert!(!holds(&bytes, text.as_bytes()), "{}: {text}", scene.world.name);
    }
}

async fn subject(scene: &Scene, name: &str) -> String {
    let request = v1::ExportSubjectRequest { name: name.to_owned() };
    let export = scene.world.subjects().export_subject(scene.world.as_admin(request)).await;
    export.unwrap().into_inner().csv
}

async fn erase(scene: &Scene, name: &str) {
    let erase = v1::EraseSubjectRequest { name: name.to_owned(), ..Default::default() };
    scene.world.subjects().erase_subject(scene.world.as_admin(erase)).await.unwrap();
}

#[tokio::test]
async fn words_are_read_by_those_who_may_and_lie_nowhere_in_plain() {
    for scene in scenes().await {
        let (name, receipt) = wrote(&scene).await;
        assert_written_nowhere(&scene).await;
        assert_eq!(scene.response(&receipt).await.answers, answers(), "{}", scene.world.name);
        let list = v1::ListResponsesRequest { campaign: scene.name(), ..Default::default() };
        let list = scene.responses().list_responses(scene.world.as_admin(list)).await.unwrap();
        assert_eq!(list.into_inner().responses[0].answers, answers());
        let review = v1::ReviewResponseRequest {
            name: receipt.clone(),
            decision: v1::ReviewDecision::Confirmed as i32,
            note: String::new(),
        };
        let judged = scene.responses().review_response(scene.world.as_admin(review)).await;
        assert_eq!(judged.unwrap().into_inner().answers, answers());
        assert_eq!(scene.response(&receipt).await.answers, answers(), "a decision keeps the words");
        assert_written_nowhere(&scene).await;
        let ask = v1::ExportResponsesRequest { campaign: scene.name(), ..Default::default() };
        let pieces = scene.responses().export_responses(scene.world.as_admin(ask)).await.unwrap();
        let mut pieces = pieces.into_inner();
        let mut file = String::new();
        while let Some(piece) = pieces.message().await.unwrap() {
            file.push_str(&piece.lines);
        }
        let export = subject(&scene, &name).await;
        for text in &WRITTEN[1..] {
            assert!(file.contains(text) && export.contains(text), "{}: {text}", scene.world.name);
        }
    }
}

#[tokio::test]
async fn an_erasure_takes_the_words_and_leaves_what_is_counted() {
    for scene in scenes().await {
        let (name, receipt) = wrote(&scene).await;
        let events = scene.world.events().await.len();
        erase(&scene, &name).await;
        let left = scene.response(&receipt).await;
        assert_eq!(left.answers, counted(), "{}", scene.world.name);
        assert!(left.erased && left.customer.is_empty());
        assert_eq!(scene.world.events().await.len(), events, "no figure changes");
        assert_written_nowhere(&scene).await;
    }
}

#[tokio::test]
async fn a_draft_goes_with_the_person_and_a_link_that_was_open_names_nobody_afterwards() {
    for scene in scenes().await {
        let name = scene.world.add(scene.world.person("A")).await.name;
        let customer = names::parse("customers", &name).unwrap();
        let (invitation, link) = scene.invite(Some(customer)).await;
        let begun = scene.begun(&link).await;
        let save = v1::SaveResponseRequest {
            link: link.clone(),
            session: begun.session.clone(),
            answers: vec![words(WRITTEN[0])],
            ..Default::default()
        };
        scene.respondents().save_response(save).await.unwrap();
        erase(&scene, &name).await;
        assert_eq!(scene.world.count("response_draft").await, 0, "{}", scene.world.name);
        assert_eq!(scene.state_of(invitation).await, State::Refused, "nobody is reminded");
        let submit = v1::SubmitResponseRequest {
            link,
            session: begun.session,
            submission_id: Uuid::now_v7().to_string(),
            answers: vec![grade("overall", "", 5)],
            ..Default::default()
        };
        let receipt = scene.submit(submit).await.unwrap().into_inner().receipt;
        assert_eq!(scene.response(&receipt).await.customer, "");
    }
}

#[tokio::test]
async fn words_stay_readable_when_two_customers_become_one() {
    for scene in scenes().await {
        let (other, receipt) = wrote(&scene).await;
        let stay = scene.world.add(scene.world.person("B")).await.name;
        let merge = v1::MergeCustomersRequest { name: stay.clone(), other, etag: String::new() };
        scene.world.customers().merge_customers(scene.world.as_admin(merge)).await.unwrap();
        let read = scene.response(&receipt).await;
        assert_eq!((read.answers, read.customer), (answers(), stay.clone()));
        assert_written_nowhere(&scene).await;
        erase(&scene, &stay).await;
        assert_eq!(scene.response(&receipt).await.answers, counted(), "{}", scene.world.name);
    }
}

#[tokio::test]
async fn words_of_nobody_in_particular_are_kept_as_they_are() {
    for scene in scenes().await {
        let request = scene.submission(&scene.link).await;
        let request = v1::SubmitResponseRequest { answers: answers(), ..request };
        let receipt = scene.submit(request).await.unwrap().into_inner().receipt;
        assert_eq!(scene.response(&receipt).await.answers, answers(), "{}", scene.world.name);
        // The control of the other tests: words that are not encrypted are found.
        let bytes = raw(&scene.world).await;
        assert!(bytes.is_empty() || holds(&bytes, WRITTEN[1].as_bytes()));
    }
}
