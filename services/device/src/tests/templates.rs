//! Templates and policy through the contract.

use proto::{
    common::v1::{Permission, Reason},
    device::v1::{self, event::Change},
};
use tonic::Code;

use super::world::{World, bearer, refusal, worlds};

fn graded(count: usize) -> v1::Template {
    v1::Template {
        display_name: format!("{count} grades"),
        items: vec![v1::TemplateItem { code: "overall".into(), text: None }],
        grades: vec![v1::Grade::default(); count],
        ..Default::default()
    }
}

async fn create(world: &World, template: v1::Template) -> Result<v1::Template, tonic::Status> {
    let request = v1::CreateTemplateRequest { template: Some(template), request_id: String::new() };
    let answer = world.templates().create_template(world.as_admin(request)).await;
    answer.map(tonic::Response::into_inner)
}

async fn list(world: &World) -> Vec<v1::Template> {
    let request = v1::ListTemplatesRequest::default();
    let answer = world.templates().list_templates(world.as_admin(request)).await;
    answer.unwrap().into_inner().templates
}

#[tokio::test]
async fn an_organisation_has_the_standard_template_until_it_makes_its_own() {
    for world in worlds().await {
        let before = list(&world).await;
        assert_eq!(before.len(), 1, "{}", world.name);
        assert!(before[0].default_template && before[0].grades.len() == 5);
        let label = before[0].grades[4].label.clone().unwrap();
        assert_eq!(label.texts["zh-CN"], "非常满意");

        world.pass(1);
        let own =
            create(&world, v1::Template { default_template: true, ..graded(10) }).await.unwrap();
        let after = list(&world).await;
        assert_eq!((after.len(), after[0].name == own.name), (2, true));
        assert!(after[0].default_template && !after[1].default_template, "{}", world.name);
        let told = world.events().await;
        let told: Vec<bool> = told
            .iter()
            .filter_map(
                |c| if let Change::Template(t) = c { Some(t.default_template) } else { None },
            )
            .collect();
        assert_eq!(told, [true, false, true], "{}", world.name);

        let retire = |name: &str| v1::RetireTemplateRequest { name: name.to_owned() };
        let default = world.templates().retire_template(world.as_admin(retire(&own.name))).await;
        assert_eq!(refusal(default), (Code::FailedPrecondition, Reason::InUse));
        let old = retire(&before[0].name);
        let old = world.templates().retire_template(world.as_admin(old)).await.unwrap();
        assert!(old.into_inner().retire_time.is_some());
        assert_eq!(list(&world).await.len(), 1, "{}", world.name);
    }
}

#[tokio::test]
async fn every_scale_can_be_made_and_is_read_back_as_it_was_made() {
    for world in worlds().await {
        for count in [2, 3, 4, 5, 7, 10, 11, 0] {
            let mut template = graded(count);
            if count == 0 {
                template.scale_max = 100;
            }
            let made = create(&world, template).await.unwrap();
            let request = v1::GetTemplateRequest { name: made.name.clone() };
            let read = world.templates().get_template(world.as_admin(request)).await.unwrap();
            assert_eq!(read.into_inner(), made, "{}: {count}", world.name);
        }
    }
}

#[tokio::test]
async fn an_unsound_template_names_its_field() {
    let world = worlds().await.remove(0);
    let check = async |change: fn(&mut v1::Template), field: &str| {
        let mut template = graded(5);
        change(&mut template);
        let error = create(&world, template).await.unwrap_err();
        let error = kit::error::ServiceError::from(error);
        assert_eq!(error.code(), Code::InvalidArgument, "{field}");
        assert_eq!(error.violations()[0].field, field);
    };
    check(|t| t.grades.truncate(1), "template.grades").await;
    check(|t| t.grades[1].score_0_100 = 200.0, "template.grades[1].score0100").await;
    check(|t| t.items.push(t.items[0].clone()), "template.items[1].code").await;
    check(|t| t.prompt_timeout_s = 1_000, "template.promptTimeoutS").await;
    check(|t| t.scale_max = 9, "template.scaleMax").await;
    check(|t| t.grades[0].score_0_100 = f64::NAN, "template.grades[0].score0100").await;
    check(|t| t.display_name = " ".into(), "template.displayName").await;
}

#[tokio::test]
async fn only_the_organisations_administrators_make_templates() {
    for world in worlds().await {
        let branch = world.org.user(world.org.branches[0], &[Permission::TemplateManage]).await;
        let request =
            v1::CreateTemplateRequest { template: Some(graded(5)), request_id: "k".into() };
        let denied = world.templates().create_template(bearer(request.clone(), &branch)).await;
        assert_eq!(refusal(denied).0, Code::PermissionDenied, "{}", world.name);
        let mut client = world.templates();
        let one = client.create_template(world.as_admin(request.clone())).await.unwrap();
        let two = client.create_template(world.as_admin(request)).await.unwrap();
        assert_eq!(one.into_inner(), two.into_inner(), "{}", world.name);
    }
}

#[tokio::test]
async fn the_policy_is_changed_as_a_whole_by_version() {
    for world in worlds().await {
        let mut client = world.policies();
        let get = v1::GetRatingPolicyRequest {};
        let before = client.get_rating_policy(world.as_admin(get)).await.unwrap().into_inner();
        assert_eq!((before.burst_count, before.shift_max_h), (3, 14), "{}", world.name);
        let mut wanted = v1::RatingPolicy {
            default_after_working_days: 5,
            holidays: vec!["2026-10-01".into()],
            etag: before.etag.clone(),
            ..Default::default()
        };
        let update =
            |p: &v1::RatingPolicy| v1::UpdateRatingPolicyRequest { policy: Some(p.clone()) };
        let after = client.update_rating_policy(world.as_admin(update(&wanted))).await;
        let after = after.unwrap().into_inner();
        assert_eq!((after.default_after_working_days, after.burst_window_ms), (5, 10_000));
        assert_eq!(world.audited().await, 1);
        wanted.burst_count = 9;
        let stale = client.update_rating_policy(world.as_admin(update(&wanted))).await;
        assert_eq!(refusal(stale), (Code::Aborted, Reason::StaleVersion), "{}", world.name);
        wanted.etag = after.etag;
        wanted.holidays = vec!["soon".into()];
        let error = client.update_rating_policy(world.as_admin(update(&wanted))).await.unwrap_err();
        let error = kit::error::ServiceError::from(error);
        assert_eq!(error.violations()[0].field, "policy.holidays[0]", "{}", world.name);
    }
}

#[tokio::test]
async fn of_defaults_that_are_made_at_once_one_stays() {
    for world in worlds().await {
        let world = &world;
        let calls =
            (0..6).map(|_| create(world, v1::Template { default_template: true, ..graded(5) }));
        for answer in futures::future::join_all(calls).await {
            answer.unwrap();
        }
        let defaults = list(world).await.iter().filter(|t| t.default_template).count();
        assert_eq!(defaults, 1, "{}", world.name);
    }
}
