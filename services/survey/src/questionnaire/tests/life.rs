//! Creating, changing, publishing, closing and deleting.

use proto::{
    common::v1::Reason,
    names,
    survey::v1::{self, QuestionnaireState, event::Change},
};
use tonic::Code;

use super::sample;
use crate::tests::world::{World, fields, refusal, worlds};

pub async fn create(world: &World, definition: v1::Definition) -> v1::Questionnaire {
    let request = v1::CreateQuestionnaireRequest {
        questionnaire: Some(v1::Questionnaire {
            unit: names::print("units", world.org.root),
            definition: Some(definition),
            ..Default::default()
        }),
        request_id: String::new(),
    };
    let created = world.questionnaires().create_questionnaire(world.as_admin(request)).await;
    created.unwrap().into_inner()
}

pub async fn publish(world: &World, of: &v1::Questionnaire) -> v1::PublishQuestionnaireResponse {
    let request = v1::PublishQuestionnaireRequest {
        name: of.name.clone(),
        etag: of.etag.clone(),
        ..Default::default()
    };
    let made = world.questionnaires().publish_questionnaire(world.as_admin(request)).await;
    made.unwrap().into_inner()
}

pub async fn change(
    world: &World,
    of: &v1::Questionnaire,
    definition: v1::Definition,
) -> v1::Questionnaire {
    let questionnaire = v1::Questionnaire {
        name: of.name.clone(),
        etag: of.etag.clone(),
        definition: Some(definition),
        ..Default::default()
    };
    let request =
        v1::UpdateQuestionnaireRequest { questionnaire: Some(questionnaire), update_mask: None };
    let changed = world.questionnaires().update_questionnaire(world.as_admin(request)).await;
    changed.unwrap().into_inner()
}

async fn get(world: &World, name: &str) -> v1::Questionnaire {
    let request = v1::GetQuestionnaireRequest { name: name.to_owned() };
    let found = world.questionnaires().get_questionnaire(world.as_admin(request)).await;
    found.unwrap().into_inner()
}

#[tokio::test]
async fn a_published_version_never_changes_and_a_change_makes_a_new_one() {
    for world in worlds().await {
        let draft = create(&world, sample::definition()).await;
        assert_eq!(draft.state(), QuestionnaireState::Draft, "{}", world.name);
        assert_eq!(draft.definition, Some(sample::definition()), "{}", world.name);
        let first = publish(&world, &draft).await;
        let (now, version) = (first.questionnaire.unwrap(), first.version.unwrap());
        assert_eq!((version.version, now.version, now.unpublished_changes), (1, 1, false));
        assert_eq!(now.state(), QuestionnaireState::Published);
        let mut definition = sample::definition();
        definition.title.insert("en".into(), "Other".into());
        world.pass(60);
        let changed = change(&world, &now, definition.clone()).await;
        assert!(changed.unpublished_changes, "{}", world.name);
        let second = publish(&world, &changed).await.version.unwrap();
        assert_eq!(second.version, 2);
        assert_ne!(second.hash, version.hash);
        let mut client = world.questionnaires();
        let named =
            |version| v1::GetQuestionnaireVersionRequest { name: now.name.clone(), version };
        let kept = client.get_questionnaire_version(world.as_admin(named(1))).await.unwrap();
        assert_eq!(kept.into_inner(), version, "{}", world.name);
        let absent = client.get_questionnaire_version(world.as_admin(named(3))).await;
        assert_eq!(refusal(absent).0, Code::NotFound);
        let zero = client.get_questionnaire_version(world.as_admin(named(0))).await;
        assert_eq!(fields(zero), (Code::InvalidArgument, vec!["version".to_owned()]));
        let list = v1::ListQuestionnaireVersionsRequest {
            name: now.name.clone(),
            page_size: 1,
            ..Default::default()
        };
        let page = client.list_questionnaire_versions(world.as_admin(list.clone())).await.unwrap();
        let page = page.into_inner();
        assert_eq!(page.versions[0].version, 2, "{}", world.name);
        let next =
            v1::ListQuestionnaireVersionsRequest { page_token: page.next_page_token, ..list };
        let page = client.list_questionnaire_versions(world.as_admin(next)).await.unwrap();
        let page = page.into_inner();
        assert_eq!((page.versions[0].version, page.next_page_token.as_str()), (1, ""));
        assert_eq!(page.versions[0].hash, version.hash);
        assert_eq!(world.audited().await, 4, "{}", world.name);
    }
}

#[tokio::test]
async fn publication_tells_others_the_countable_items() {
    for world in worlds().await {
        let draft = create(&world, sample::definition()).await;
        let version = publish(&world, &draft).await.version.unwrap();
        publish(&world, &get(&world, &draft.name).await).await;
        let events = world.events().await;
        let [Change::Version(told)] = events.as_slice() else {
            panic!("{}: {events:?}", world.name);
        };
        assert_eq!((&told.questionnaire, told.version), (&draft.name, 1));
        assert_eq!(told.hash, version.hash);
        let ids: Vec<&str> = told.items.iter().map(|item| item.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "overall",
                "overall/reasons",
                "single",
                "several",
                "pair/expected",
                "pair/expected/reasons",
                "pair/perceived",
                "pair/perceived/reasons",
                "recommend",
                "matrix/r1",
                "matrix/r2",
                "ranked",
                "compared/o0:o1",
                "compared/o0:o2",
                "compared/o1:o2",
                "effort",
                "amount",
            ]
        );
        let overall = &told.items[0];
        assert_eq!((overall.grade_min, overall.grade_max), (1, 5));
        assert_eq!(overall.scores_0_100, [0.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(
            (overall.satisfied_grades.clone(), overall.bad_grades.clone()),
            (vec![4, 5], vec![1, 2])
        );
        assert_eq!(overall.section, "first");
        assert!(told.items[8].nps && !overall.nps);
        let pair: Vec<&str> = told.items[12].options.iter().map(|o| o.id.as_str()).collect();
        assert_eq!(pair, ["o0", "o1"], "{}", world.name);
    }
}

#[tokio::test]
async fn stale_etags_change_nothing() {
    for world in worlds().await {
        let draft = create(&world, sample::definition()).await;
        let mut definition = sample::definition();
        definition.introduction.clear();
        let now = change(&world, &draft, definition.clone()).await;
        let mut client = world.questionnaires();
        let request = |etag: &str| v1::PublishQuestionnaireRequest {
            name: draft.name.clone(),
            etag: etag.to_owned(),
            ..Default::default()
        };
        let stale = client.publish_questionnaire(world.as_admin(request(&draft.etag))).await;
        assert_eq!(refusal(stale), (Code::Aborted, Reason::StaleVersion), "{}", world.name);
        let none = client.publish_questionnaire(world.as_admin(request(""))).await;
        assert_eq!(fields(none), (Code::InvalidArgument, vec!["etag".to_owned()]));
        let update = v1::UpdateQuestionnaireRequest {
            questionnaire: Some(v1::Questionnaire {
                name: draft.name.clone(),
                etag: draft.etag.clone(),
                definition: Some(definition),
                ..Default::default()
            }),
            update_mask: None,
        };
        let stale = client.update_questionnaire(world.as_admin(update)).await;
        assert_eq!(refusal(stale), (Code::Aborted, Reason::StaleVersion), "{}", world.name);
        // The same call again leads to the same version.
        let one = client.publish_questionnaire(world.as_admin(request(&now.etag))).await.unwrap();
        let two = client.publish_questionnaire(world.as_admin(request(&now.etag))).await.unwrap();
        assert_eq!(one.into_inner(), two.into_inner(), "{}", world.name);
        assert_eq!(world.count("questionnaire_version").await, 1);
    }
}

#[tokio::test]
async fn of_publications_at_once_each_version_is_one() {
    for world in worlds().await {
        let draft = create(&world, sample::definition()).await;
        let (world, draft) = (&world, &draft);
        let calls = (0..8).map(|_| async move { publish(world, draft).await.version.unwrap() });
        let versions = futures::future::join_all(calls).await;
        assert!(versions.iter().all(|version| *version == versions[0]), "{}", world.name);
        assert_eq!(world.count("questionnaire_version").await, 1, "{}", world.name);
        assert_eq!(world.events().await.len(), 1, "{}", world.name);
    }
}

#[tokio::test]
async fn what_is_closed_stays_as_it_is() {
    for world in worlds().await {
        let draft = create(&world, sample::definition()).await;
        publish(&world, &draft).await;
        let mut client = world.questionnaires();
        let close = v1::CloseQuestionnaireRequest { name: draft.name.clone() };
        let closed = client.close_questionnaire(world.as_admin(close.clone())).await.unwrap();
        let closed = closed.into_inner();
        assert_eq!(closed.state(), QuestionnaireState::Closed, "{}", world.name);
        let again = client.close_questionnaire(world.as_admin(close)).await.unwrap().into_inner();
        assert_eq!(again, closed, "{}", world.name);
        let update = v1::UpdateQuestionnaireRequest {
            questionnaire: Some(v1::Questionnaire {
                name: draft.name.clone(),
                definition: Some(sample::definition()),
                ..Default::default()
            }),
            update_mask: None,
        };
        let refused = client.update_questionnaire(world.as_admin(update)).await;
        assert_eq!(refusal(refused), (Code::FailedPrecondition, Reason::WrongState));
        let request = v1::PublishQuestionnaireRequest {
            name: draft.name.clone(),
            etag: closed.etag,
            ..Default::default()
        };
        let refused = client.publish_questionnaire(world.as_admin(request)).await;
        assert_eq!(refusal(refused), (Code::FailedPrecondition, Reason::WrongState));
    }
}

#[tokio::test]
async fn drafts_are_deleted_and_published_ones_only_leave_the_lists() {
    for world in worlds().await {
        let (one, two) = (
            create(&world, sample::definition()).await,
            create(&world, sample::definition()).await,
        );
        publish(&world, &two).await;
        let mut client = world.questionnaires();
        let delete = |name: &str, force| {
            world.as_admin(v1::DeleteQuestionnaireRequest { name: name.to_owned(), force })
        };
        client.delete_questionnaire(delete(&one.name, false)).await.unwrap();
        let gone = v1::GetQuestionnaireRequest { name: one.name.clone() };
        let gone = client.get_questionnaire(world.as_admin(gone)).await;
        assert_eq!(refusal(gone), (Code::NotFound, Reason::NotFound), "{}", world.name);
        let used = client.delete_questionnaire(delete(&two.name, false)).await;
        assert_eq!(refusal(used), (Code::FailedPrecondition, Reason::InUse), "{}", world.name);
        client.delete_questionnaire(delete(&two.name, true)).await.unwrap();
        let list = v1::ListQuestionnairesRequest::default();
        let list = client.list_questionnaires(world.as_admin(list)).await.unwrap().into_inner();
        assert!(list.questionnaires.is_empty(), "{}", world.name);
        let kept = v1::GetQuestionnaireVersionRequest { name: two.name.clone(), version: 1 };
        client.get_questionnaire_version(world.as_admin(kept)).await.unwrap();
        assert_eq!(get(&world, &two.name).await.state(), QuestionnaireState::Closed);
        let again = client.delete_questionnaire(delete(&two.name, true)).await;
        assert_eq!(refusal(again).0, Code::NotFound, "{}", world.name);
    }
}
