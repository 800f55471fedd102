//! Forms, answers, findings, and versions side by side.

use proto::survey::v1::{self, ItemChangeKind, answer::Value};
use tonic::Code;

use super::{
    life::{change, create, publish},
    sample,
};
use crate::tests::world::{World, fields, worlds};

fn answer(question: &str, part: &str, value: Value) -> v1::Answer {
    v1::Answer {
        question: question.to_owned(),
        part: part.to_owned(),
        value: Some(value),
        ..Default::default()
    }
}

async fn render(world: &World, request: v1::RenderFormRequest) -> v1::Form {
    let form = world.questionnaires().render_form(world.as_admin(request)).await;
    form.unwrap().into_inner()
}

fn ids(form: &v1::Form) -> Vec<&str> {
    form.sections.iter().flat_map(|s| &s.questions).map(|q| q.id.as_str()).collect()
}

#[tokio::test]
async fn the_form_follows_the_answers_and_fills_placeholders() {
    for world in worlds().await {
        let draft = create(&world, sample::definition()).await;
        let empty = v1::RenderFormRequest {
            name: draft.name.clone(),
            language: "en-GB".into(),
            seed: 7,
            ..Default::default()
        };
        let form = render(&world, empty.clone()).await;
        assert_eq!((form.language.as_str(), form.title.as_str()), ("en", "Satisfaction"));
        assert!(!ids(&form).contains(&"why"), "{}", world.name);
        assert_eq!(form.ending.as_ref().unwrap().id, "thanks");
        assert_eq!(render(&world, empty.clone()).await, form, "{}", world.name);
        let elements: Vec<&str> = form.orders.iter().map(|o| o.element.as_str()).collect();
        assert_eq!(elements, ["several", "matrix/rows"]);
        assert_eq!(form.orders[0].ids[2], "other", "{}", world.name);
        let answered = v1::RenderFormRequest {
            answers: vec![
                answer("overall", "", Value::Grade(1)),
                answer("recommend", "", Value::Grade(0)),
            ],
            attributes: [("name".to_owned(), "<b>Li</b>".to_owned())].into(),
            html: true,
            ..empty
        };
        let form = render(&world, answered).await;
        assert_eq!(ids(&form), ["overall", "why", "single", "several", "pair", "recommend"]);
        let why = &form.sections[0].questions[1];
        assert_eq!(why.text, "Why grade, &lt;b&gt;Li&lt;/b&gt;?", "{}", world.name);
        let ending = form.ending.unwrap();
        assert_eq!((ending.id.as_str(), ending.screened_out), ("sorry", true));
        assert_eq!(form.sections[0].questions[0].grades[0].reasons.len(), 2);
        assert_eq!(form.sections[0].questions[4].parts.len(), 2);
    }
}

#[tokio::test]
async fn answers_are_checked_against_the_version_without_being_kept() {
    for world in worlds().await {
        let draft = create(&world, sample::definition()).await;
        publish(&world, &draft).await;
        let request = |answers: Vec<v1::Answer>| v1::CheckAnswersRequest {
            name: draft.name.clone(),
            version: 1,
            answers,
            ..Default::default()
        };
        let mut client = world.questionnaires();
        let good = request(vec![
            answer("overall", "", Value::Grade(4)),
            answer("why", "", Value::Text("hidden".into())),
        ]);
        let checked = client.check_answers(world.as_admin(good)).await.unwrap().into_inner();
        assert_eq!(checked.dropped.len(), 1, "{}", world.name);
        assert_eq!(checked.dropped[0].rule(), v1::AnswerRule::Hidden);
        assert_eq!((checked.ending.as_str(), checked.screened_out), ("thanks", false));
        let mut refused = async |answers: Vec<v1::Answer>, field: &str| {
            let found = fields(client.check_answers(world.as_admin(request(answers))).await);
            assert_eq!(found, (Code::InvalidArgument, vec![field.to_owned()]), "{}", world.name);
        };
        let overall = || answer("overall", "", Value::Grade(4));
        refused(vec![], "answers[overall]").await;
        refused(vec![overall(), answer("nobody", "", Value::Grade(4))], "answers[1]").await;
        refused(vec![overall(), answer("recommend", "", Value::Grade(11))], "answers[1]").await;
        refused(vec![overall(), answer("recommend", "", Value::Grade(-1))], "answers[1]").await;
        refused(vec![overall(), answer("recommend", "", Value::Number(9.5))], "answers[1]").await;
        let two = v1::ChosenOptions { ids: vec!["o0".into(), "o1".into()] };
        refused(vec![overall(), answer("single", "", Value::Options(two))], "answers[1]").await;
        let foreign = v1::ChosenOptions { ids: vec!["none".into()] };
        refused(vec![overall(), answer("single", "", Value::Options(foreign))], "answers[1]").await;
        refused(vec![overall(), answer("short", "", Value::Text("123456".into()))], "answers[1]")
            .await;
        refused(vec![overall(), answer("amount", "", Value::Number(f64::NAN))], "answers[1]").await;
        assert_eq!(world.count("questionnaire_version").await, 1);
    }
}

#[tokio::test]
async fn findings_are_told_in_both_languages() {
    for world in worlds().await {
        let mut definition = sample::definition();
        definition.sections[0].questions[0].text =
            sample::texts("您对态度和效率总体是否满意？", "How satisfied are you overall?");
        let draft = create(&world, definition.clone()).await;
        for (language, reason) in [("zh-CN", "两件事"), ("en", "two things")] {
            let request = v1::LintQuestionnaireRequest {
                name: draft.name.clone(),
                language: language.to_owned(),
                ..Default::default()
            };
            let found = world.questionnaires().lint_questionnaire(world.as_admin(request)).await;
            let found = found.unwrap().into_inner();
            assert!(found.minutes > 0.0);
            let double = v1::LintRule::DoubleBarrelled;
            let finding = found.findings.iter().find(|f| f.rule() == double).unwrap();
            assert_eq!(finding.place, "sections[0].questions[0].text[zh-CN]");
            assert!(finding.reason.contains(reason), "{}", finding.reason);
            assert!(!finding.suggestion.is_empty());
        }
        definition.sections[0].questions[0].scale = "none".into();
        let check =
            v1::CheckDefinitionRequest { definition: Some(definition), language: "en".into() };
        let checked = world.questionnaires().check_definition(world.as_admin(check)).await;
        let checked = checked.unwrap().into_inner();
        assert_eq!(checked.problems[0].place, "sections[0].questions[0].scale");
        assert_eq!((checked.findings.len(), checked.hash.as_str()), (0, ""));
    }
}

#[tokio::test]
async fn versions_are_joined_item_by_item_with_their_reasons() {
    for world in worlds().await {
        let draft = create(&world, sample::definition()).await;
        let first = publish(&world, &draft).await.questionnaire.unwrap();
        let mut definition = sample::definition();
        definition.sections[0].questions[2].options.push(sample::option("o9"));
        definition.sections[0].questions[5].text = sample::texts("推荐吗？", "Recommend?");
        let second = change(&world, &first, definition.clone()).await;
        let second = publish(&world, &second).await.questionnaire.unwrap();
        definition.sections[0].questions[2].options.pop();
        definition.sections[1].questions.pop();
        definition.sections[1].questions.pop();
        definition.sections[1].questions.pop();
        let third = change(&world, &second, definition).await;
        publish(&world, &third).await;
        let request =
            v1::JoinQuestionnaireVersionsRequest { name: draft.name.clone(), versions: Vec::new() };
        let mut client = world.questionnaires();
        let joined = client.join_questionnaire_versions(world.as_admin(request)).await;
        let joined = joined.unwrap().into_inner();
        assert_eq!(joined.versions, [1, 2, 3], "{}", world.name);
        let item = |id: &str| joined.items.iter().find(|item| item.item == id).unwrap();
        let groups = |id: &str| -> Vec<Vec<i32>> {
            item(id).groups.iter().map(|group| group.versions.clone()).collect()
        };
        assert_eq!(groups("overall"), [vec![1, 2, 3]]);
        assert_eq!(groups("single"), [vec![1, 3], vec![2]], "{}", world.name);
        assert_eq!(groups("recommend"), [vec![1, 2, 3]]);
        assert_eq!(groups("amount"), [vec![1, 2]]);
        let kinds = |id: &str| -> Vec<(ItemChangeKind, bool)> {
            item(id).changes.iter().map(|c| (c.kind(), c.joinable)).collect()
        };
        let options = (ItemChangeKind::Options, false);
        assert_eq!(kinds("single"), [options, options], "{}", world.name);
        assert_eq!(kinds("recommend"), [(ItemChangeKind::Text, true)]);
        assert_eq!(kinds("amount"), [(ItemChangeKind::Removed, false)]);
    }
}
