//! What is refused: repeated creations, bad definitions, too many, too far above.

use prost::Message as _;
use proto::{
    common::v1::{Permission, Reason},
    names,
    survey::v1,
};
use sea_orm::{ConnectionTrait, Statement};
use tonic::Code;

use super::{life::create, sample};
use crate::tests::world::{bearer, fields, refusal, worlds};

#[tokio::test]
async fn a_repeated_creation_is_one_questionnaire() {
    for world in worlds().await {
        let request = v1::CreateQuestionnaireRequest {
            questionnaire: Some(v1::Questionnaire {
                unit: names::print("units", world.org.branches[0]),
                definition: Some(sample::definition()),
                ..Default::default()
            }),
            request_id: "once".into(),
        };
        let mut client = world.questionnaires();
        let one = client.create_questionnaire(world.as_admin(request.clone())).await.unwrap();
        let one = one.into_inner();
        for _ in 0..20 {
            // Each repetition is read and written anew, as the maps of a client are.
            let bytes = request.encode_to_vec();
            let again = v1::CreateQuestionnaireRequest::decode(bytes.as_slice()).unwrap();
            let again = client.create_questionnaire(world.as_admin(again)).await.unwrap();
            assert_eq!(again.into_inner(), one, "{}", world.name);
        }
        let mut text = request.clone();
        let definition = text.questionnaire.as_mut().unwrap().definition.as_mut().unwrap();
        definition.title.insert("en".into(), "Another title".into());
        let conflict = client.create_questionnaire(world.as_admin(text)).await;
        assert_eq!(refusal(conflict), (Code::AlreadyExists, Reason::IdempotencyConflict));
        let mut other = request;
        other.questionnaire.as_mut().unwrap().unit = names::print("units", world.org.root);
        let conflict = client.create_questionnaire(world.as_admin(other)).await;
        assert_eq!(refusal(conflict), (Code::AlreadyExists, Reason::IdempotencyConflict));
        assert_eq!(world.count("questionnaire").await, 1, "{}", world.name);
    }
}

#[tokio::test]
async fn bad_definitions_are_refused_with_their_places() {
    for world in worlds().await {
        let mut client = world.questionnaires();
        let mut check = async |change: fn(&mut v1::Definition), place: &str| {
            let mut definition = sample::definition();
            change(&mut definition);
            let request = v1::CreateQuestionnaireRequest {
                questionnaire: Some(v1::Questionnaire {
                    unit: names::print("units", world.org.root),
                    definition: Some(definition),
                    ..Default::default()
                }),
                request_id: String::new(),
            };
            let refused = client.create_questionnaire(world.as_admin(request)).await;
            let (code, found) = fields(refused);
            assert_eq!(code, Code::InvalidArgument, "{place}");
            let place = format!("questionnaire.definition.{place}");
            assert!(found.contains(&place), "{place} is not in {found:?}");
        };
        check(|d| d.sections.clear(), "sections").await;
        check(|d| d.sections[0].questions[1].id = "overall".into(), "sections[0].questions[1].id")
            .await;
        check(|d| d.sections[0].questions[0].kind = 0, "sections[0].questions[0].kind").await;
        check(|d| d.sections[0].questions[0].kind = 99, "sections[0].questions[0].kind").await;
        check(
            |d| d.sections[0].questions[5].jumps[0].to = "overall".into(),
            "sections[0].questions[5].jumps[0].to",
        )
        .await;
        check(
            |d| d.sections[0].questions[2].options[1].id = "o0".into(),
            "sections[0].questions[2].options[1].id",
        )
        .await;
        let mut huge = sample::definition();
        let long = "长".repeat(900);
        for n in 0..250 {
            huge.sections[1].questions.push(v1::Question {
                text: sample::texts(&long, &long),
                ..sample::question(&format!("n{n}"), v1::QuestionType::LongText)
            });
        }
        let request = v1::CheckDefinitionRequest { definition: Some(huge), ..Default::default() };
        let refused = client.check_definition(world.as_admin(request)).await;
        assert_eq!(refusal(refused), (Code::ResourceExhausted, Reason::TooLarge));
    }
}

#[tokio::test]
async fn beyond_ten_thousand_questionnaires_no_more_are_made() {
    for world in worlds().await {
        let first = create(&world, sample::definition()).await;
        let conn = world.app.db.begin().await.unwrap();
        let blob = if world.name == "postgres" { "gen_random_uuid()" } else { "randomblob(16)" };
        let series = if world.name == "postgres" {
            "SELECT generate_series(2, 10000) AS n"
        } else {
            "WITH RECURSIVE s(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM s WHERE n < 10000) \
             SELECT n FROM s"
        };
        let sql = format!(
            "INSERT INTO questionnaire SELECT {blob}, org_id, unit_id, title, title_text, \
             definition, hash, state, version, published_hash, revision, copied_from, create_us, \
             change_us, close_us, delete_us FROM questionnaire, ({series}) AS many"
        );
        let backend = conn.conn().get_database_backend();
        conn.conn().execute_raw(Statement::from_string(backend, sql)).await.unwrap();
        conn.commit().await.unwrap();
        assert_eq!(world.count("questionnaire").await, 10_000, "{}", world.name);
        let request = v1::CopyQuestionnaireRequest {
            source: first.name.clone(),
            unit: first.unit.clone(),
            ..Default::default()
        };
        let refused = world.questionnaires().copy_questionnaire(world.as_admin(request)).await;
        assert_eq!(refusal(refused), (Code::ResourceExhausted, Reason::LimitReached));
        let list = v1::ListQuestionnairesRequest { page_size: 1_000_000, ..Default::default() };
        let page = world.questionnaires().list_questionnaires(world.as_admin(list)).await.unwrap();
        assert_eq!(page.into_inner().questionnaires.len(), 1_000, "{}", world.name);
    }
}

#[tokio::test]
async fn findings_prevent_a_publication_only_when_asked_to() {
    for world in worlds().await {
        let mut definition = sample::definition();
        let leading = sample::texts("难道您不觉得服务很好吗？", "Surely you agree?");
        definition.sections[0].questions[0].text = leading;
        let draft = create(&world, definition).await;
        let mut client = world.questionnaires();
        let mut request = v1::PublishQuestionnaireRequest {
            name: draft.name.clone(),
            etag: draft.etag.clone(),
            refuse_from: v1::LintSeverity::Serious as i32,
            ..Default::default()
        };
        let refused = client.publish_questionnaire(world.as_admin(request.clone())).await;
        assert_eq!(refusal(refused), (Code::FailedPrecondition, Reason::WrongState));
        request.refuse_from = 0;
        client.publish_questionnaire(world.as_admin(request)).await.unwrap();
    }
}

#[tokio::test]
async fn units_below_read_and_only_the_own_subtree_changes() {
    for world in worlds().await {
        let both = [Permission::QuestionnaireRead, Permission::QuestionnaireManage];
        let [here, there] = world.org.branches;
        let manager = world.org.user(here, &both).await;
        let other = world.org.user(there, &both).await;
        let outsider = world.org.user(here, &[Permission::OrgRead]).await;
        let ours = create(&world, sample::definition()).await;
        let mut client = world.questionnaires();
        let copy = v1::CopyQuestionnaireRequest {
            source: ours.name.clone(),
            unit: names::print("units", here),
            ..Default::default()
        };
        let copied = client.copy_questionnaire(bearer(copy.clone(), &manager)).await.unwrap();
        let copied = copied.into_inner();
        assert_eq!(copied.copied_from, ours.name, "{}", world.name);
        let up = v1::CopyQuestionnaireRequest { unit: ours.unit.clone(), ..copy };
        let up = client.copy_questionnaire(bearer(up, &manager)).await;
        assert_ne!(refusal(up).0, Code::Ok, "{}", world.name);
        let read = |of: &v1::Questionnaire| v1::GetQuestionnaireRequest { name: of.name.clone() };
        client.get_questionnaire(bearer(read(&ours), &manager)).await.unwrap();
        let hidden = client.get_questionnaire(bearer(read(&copied), &other)).await;
        assert_eq!(refusal(hidden), (Code::NotFound, Reason::NotFound), "{}", world.name);
        let denied = client.get_questionnaire(bearer(read(&ours), &outsider)).await;
        assert_eq!(refusal(denied).0, Code::PermissionDenied, "{}", world.name);
        let close =
            |of: &v1::Questionnaire| v1::CloseQuestionnaireRequest { name: of.name.clone() };
        let denied = client.close_questionnaire(bearer(close(&ours), &manager)).await;
        assert_eq!(refusal(denied).0, Code::PermissionDenied, "{}", world.name);
        let hidden = client.close_questionnaire(bearer(close(&copied), &other)).await;
        assert_eq!(refusal(hidden).0, Code::NotFound, "{}", world.name);
        let list = v1::ListQuestionnairesRequest::default();
        let seen = async |token: &str, unit: &str| {
            let list = v1::ListQuestionnairesRequest { unit: unit.to_owned(), ..list.clone() };
            let page = world.questionnaires().list_questionnaires(bearer(list, token)).await;
            let mut names: Vec<String> =
                page.unwrap().into_inner().questionnaires.into_iter().map(|q| q.name).collect();
            names.sort_unstable();
            names
        };
        let mut all = vec![ours.name.clone(), copied.name.clone()];
        all.sort_unstable();
        assert_eq!(seen(&manager, "").await, all, "{}", world.name);
        assert_eq!(seen(&other, "").await, std::slice::from_ref(&ours.name), "{}", world.name);
        assert_eq!(seen(&world.admin, "").await, all, "{}", world.name);
        assert_eq!(seen(&manager, &copied.unit).await, std::slice::from_ref(&copied.name));
        assert_eq!(seen(&manager, &ours.unit).await, all, "{}", world.name);
        client.close_questionnaire(bearer(close(&copied), &manager)).await.unwrap();
    }
}
