//! Copies, the library, documents, and questionnaires from elsewhere.

use proto::{names, survey::v1};
use tonic::Code;

use super::{
    life::{create, publish},
    sample,
};
use crate::{
    questionnaire::SCHEMA_1_NAME,
    tests::world::{World, fields, refusal, worlds},
};

async fn document(world: &World, name: &str, version: i32) -> v1::QuestionnaireDocument {
    let request = v1::ExportQuestionnaireRequest { name: name.to_owned(), version };
    let exported = world.questionnaires().export_questionnaire(world.as_admin(request)).await;
    exported.unwrap().into_inner()
}

#[tokio::test]
async fn an_exported_document_imports_as_the_same_questionnaire() {
    for world in worlds().await {
        let draft = create(&world, sample::definition()).await;
        let version = publish(&world, &draft).await.version.unwrap();
        let exported = document(&world, &draft.name, 1).await;
        assert_eq!((exported.schema.as_str(), exported.version), (SCHEMA_1_NAME, 1));
        assert_eq!(exported.hash, version.hash, "{}", world.name);
        let mut client = world.questionnaires();
        let request = v1::ImportQuestionnaireRequest {
            unit: names::print("units", world.org.branches[1]),
            document: Some(exported.clone()),
            request_id: String::new(),
        };
        let imported = client.import_questionnaire(world.as_admin(request.clone())).await.unwrap();
        let imported = imported.into_inner();
        assert_eq!(imported.definition, Some(sample::definition()), "{}", world.name);
        assert_ne!(imported.name, draft.name);
        let again = document(&world, &imported.name, 0).await;
        assert_eq!(again.hash, exported.hash, "{}", world.name);
        let mut check = async |change: fn(&mut v1::QuestionnaireDocument), field: &str| {
            let mut request = request.clone();
            change(request.document.as_mut().unwrap());
            let refused = client.import_questionnaire(world.as_admin(request)).await;
            assert_eq!(fields(refused), (Code::InvalidArgument, vec![field.to_owned()]));
        };
        check(|d| d.schema = "manyi-questionnaire/9".into(), "document.schema").await;
        check(|d| d.hash = "0".repeat(64), "document.hash").await;
        check(
            |d| d.definition.as_mut().unwrap().valid_from = "soon".into(),
            "document.definition.validFrom",
        )
        .await;
    }
}

#[tokio::test]
async fn every_template_of_the_library_is_copied_edited_and_published() {
    for world in worlds().await {
        let mut client = world.questionnaires();
        let list = v1::ListQuestionnaireTemplatesRequest {};
        let list = client.list_questionnaire_templates(world.as_admin(list)).await.unwrap();
        let templates = list.into_inner().templates;
        assert!(templates.len() >= 9, "{}", world.name);
        for template in templates {
            let key = template.key.clone();
            let get = v1::GetQuestionnaireTemplateRequest { key: key.clone() };
            let whole = client.get_questionnaire_template(world.as_admin(get)).await.unwrap();
            assert!(!whole.into_inner().definition.unwrap().sections.is_empty(), "{key}");
            let copy = v1::CopyQuestionnaireRequest {
                template: key.clone(),
                unit: names::print("units", world.org.root),
                title: [("zh-CN".to_owned(), "我们的调查".to_owned())].into(),
                ..Default::default()
            };
            let copied = client.copy_questionnaire(world.as_admin(copy)).await.unwrap();
            let copied = copied.into_inner();
            assert_eq!(copied.copied_from, key);
            assert_eq!(copied.definition.as_ref().unwrap().title["zh-CN"], "我们的调查");
            let lint = v1::LintQuestionnaireRequest {
                name: copied.name.clone(),
                language: "en".into(),
                ..Default::default()
            };
            let found = client.lint_questionnaire(world.as_admin(lint)).await.unwrap().into_inner();
            let grave = v1::LintSeverity::Warning as i32;
            assert!(found.findings.iter().all(|f| f.severity < grave), "{key}: {found:?}");
            publish(&world, &copied).await;
        }
        let get = v1::GetQuestionnaireTemplateRequest { key: "none".into() };
        let absent = client.get_questionnaire_template(world.as_admin(get)).await;
        assert_eq!(refusal(absent).0, Code::NotFound);
    }
}

#[tokio::test]
async fn a_copy_names_one_source() {
    let world = worlds().await.remove(0);
    let draft = create(&world, sample::definition()).await;
    let check = async |source: &str, template: &str, version: i32| {
        let request = v1::CopyQuestionnaireRequest {
            source: source.to_owned(),
            template: template.to_owned(),
            version,
            unit: draft.unit.clone(),
            ..Default::default()
        };
        refusal(world.questionnaires().copy_questionnaire(world.as_admin(request)).await).0
    };
    assert_eq!(check("", "", 0).await, Code::InvalidArgument);
    assert_eq!(check(&draft.name, "nps", 0).await, Code::InvalidArgument);
    assert_eq!(check("", "none", 0).await, Code::NotFound);
    assert_eq!(check(&draft.name, "", 7).await, Code::NotFound);
    assert_eq!(check(&draft.name, "", -1).await, Code::InvalidArgument);
    let nobody = names::print("questionnaires", uuid::Uuid::now_v7());
    assert_eq!(check(&nobody, "", 0).await, Code::NotFound);
}

#[tokio::test]
async fn a_surveyjs_document_becomes_a_draft_with_a_report() {
    for world in worlds().await {
        let json = r#"{"title": "Visit", "pages": [{"name": "one", "elements": [
            {"type": "rating", "name": "grade", "title": "Grade", "rateMax": 5},
            {"type": "file", "name": "photo"}
        ]}]}"#;
        let request = |dry_run, json: &str| v1::ImportSurveyJsRequest {
            unit: names::print("units", world.org.root),
            json: json.to_owned(),
            dry_run,
            request_id: String::new(),
        };
        let mut client = world.questionnaires();
        let tried = client.import_survey_js(world.as_admin(request(true, json))).await.unwrap();
        let tried = tried.into_inner();
        assert_eq!(world.count("questionnaire").await, 0, "{}", world.name);
        let made = client.import_survey_js(world.as_admin(request(false, json))).await.unwrap();
        let made = made.into_inner();
        assert_eq!(tried.remarks, made.remarks, "{}", world.name);
        let pointers: Vec<&str> = made.remarks.iter().map(|r| r.pointer.as_str()).collect();
        assert_eq!(pointers, ["/pages/0/elements/1"], "{}", world.name);
        let questionnaire = made.questionnaire.unwrap();
        assert_eq!(questionnaire.definition, tried.questionnaire.unwrap().definition);
        publish(&world, &questionnaire).await;
        for bad in ["{", "[]", "{}", "{\"pages\": []}"] {
            let refused = client.import_survey_js(world.as_admin(request(false, bad))).await;
            assert_eq!(fields(refused), (Code::InvalidArgument, vec!["json".to_owned()]), "{bad}");
        }
    }
}

#[tokio::test]
async fn the_schema_is_served() {
    let world = worlds().await.remove(0);
    let get = |version| world.as_admin(v1::GetQuestionnaireSchemaRequest { version });
    let mut client = world.questionnaires();
    let schema = client.get_questionnaire_schema(get(0)).await.unwrap().into_inner();
    let parsed: serde_json::Value = serde_json::from_str(&schema.json_schema).unwrap();
    assert_eq!((schema.version, &parsed["title"]), (1, &SCHEMA_1_NAME.into()));
    assert_eq!(refusal(client.get_questionnaire_schema(get(2)).await).0, Code::NotFound);
}
