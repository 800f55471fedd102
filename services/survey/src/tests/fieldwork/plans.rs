//! Plans: calendars, steps and what is missing.

use proto::{
    common::v1::Reason,
    names,
    survey::v1::{
        self, Cadence, CampaignState, FieldworkFindingKind as Finding, PlanStepKind as Step,
        PlanStepState as StepState,
    },
};
use tonic::Code;

use super::scene::{Scene, census, scenes};
use crate::tests::world::{fields, refusal};

const DAY_S: u64 = 86_400;

fn plan(scene: &Scene) -> v1::Plan {
    v1::Plan {
        unit: names::print("units", scene.world.org.region),
        display_name: "Yearly measurement".to_owned(),
        calendar: Some(v1::PlanCalendar {
            cadence: Cadence::Quarterly as i32,
            first_date: "2026-11-10".to_owned(),
            open_days: 10,
            lead_days: 5,
            auto_open: true,
            ..Default::default()
        }),
        campaign_template: Some(v1::Campaign {
            sampling: Some(census()),
            unit: String::new(),
            ..scene.draft()
        }),
        ..Default::default()
    }
}

async fn create(scene: &Scene, plan: v1::Plan) -> v1::Plan {
    let request = v1::CreatePlanRequest { plan: Some(plan), request_id: String::new() };
    scene.plans().create_plan(scene.world.as_admin(request)).await.unwrap().into_inner()
}

async fn get(scene: &Scene, name: &str) -> v1::Plan {
    let request = v1::GetPlanRequest { name: name.to_owned() };
    scene.plans().get_plan(scene.world.as_admin(request)).await.unwrap().into_inner()
}

async fn campaign(scene: &Scene, name: &str) -> v1::Campaign {
    let request = v1::GetCampaignRequest { name: name.to_owned() };
    scene.campaigns().get_campaign(scene.world.as_admin(request)).await.unwrap().into_inner()
}

#[tokio::test]
async fn the_calendar_makes_opens_and_closes_each_rounds_campaign() {
    for scene in scenes().await {
        scene.customers([4, 0]).await;
        let made = create(&scene, plan(&scene)).await;
        assert_eq!((made.round, made.next_date.as_str()), (1, "2027-02-10"));
        assert_eq!(made.steps.len(), 9);
        scene.sweep().await;
        assert_eq!(get(&scene, &made.name).await.campaign, "", "{}", scene.world.name);
        // 5 November at midnight in China is three days minus nine hours away.
        scene.world.pass(3 * DAY_S - 9 * 3_600);
        tokio::join!(scene.sweep(), scene.sweep());
        assert_eq!(scene.world.count("campaign").await, 1);
        let first = get(&scene, &made.name).await.campaign;
        assert_eq!(campaign(&scene, &first).await.state(), CampaignState::Draft);
        scene.world.pass(5 * DAY_S);
        scene.sweep().await;
        let running = campaign(&scene, &first).await;
        assert_eq!((running.state(), running.open_problem.as_str()), (CampaignState::Open, ""));
        assert_eq!(running.display_name, "Spring 2026-11-10");
        assert_eq!(scene.status(&first).await.total.unwrap().queued, 4);
        scene.world.pass(10 * DAY_S);
        scene.sweep().await;
        assert_eq!(campaign(&scene, &first).await.state(), CampaignState::Closed);
        scene.sweep().await;
        // The next quarter's campaign is made five days before its first day.
        scene.world.pass(77 * DAY_S);
        scene.sweep().await;
        let now = get(&scene, &made.name).await;
        assert_eq!(now.round, 2);
        assert!(!now.campaign.is_empty() && now.campaign != first);
        let request = v1::ListPlanRoundsRequest { name: made.name.clone(), ..Default::default() };
        let rounds = scene.plans().list_plan_rounds(scene.world.as_admin(request)).await;
        let rounds = rounds.unwrap().into_inner().rounds;
        assert_eq!((rounds.len(), rounds[1].campaign.as_str()), (2, first.as_str()));
        let retire = v1::RetirePlanRequest { name: made.name.clone() };
        scene.plans().retire_plan(scene.world.as_admin(retire)).await.unwrap();
        scene.world.pass(400 * DAY_S);
        scene.sweep().await;
        assert_eq!(get(&scene, &made.name).await.round, 2);
    }
}

#[tokio::test]
async fn a_campaign_that_cannot_open_says_why() {
    for scene in scenes().await {
        let mut wanted = plan(&scene);
        // Nobody can be invited by a code on the counter.
        let qr_code = v1::ResponseChannel::QrCode as i32;
        wanted.campaign_template.as_mut().unwrap().channels = vec![qr_code];
        let made = create(&scene, wanted).await;
        scene.world.pass(8 * DAY_S);
        scene.sweep().await;
        scene.sweep().await;
        let name = get(&scene, &made.name).await.campaign;
        let stuck = campaign(&scene, &name).await;
        assert_eq!(stuck.state(), CampaignState::Draft, "{}", scene.world.name);
        assert!(stuck.open_problem.contains("no channel for invitations"));
    }
}

#[tokio::test]
async fn steps_are_worked_through_in_order_and_what_is_missing_is_said() {
    for scene in scenes().await {
        let staff = names::print("staff", scene.world.org.staff[0]);
        let indicators = v1::PlanStep {
            kind: Step::Indicators as i32,
            owner: staff.clone(),
            offset_days: Some(-60),
            ..Default::default()
        };
        let made = create(&scene, v1::Plan { steps: vec![indicators], ..plan(&scene) }).await;
        assert_eq!(made.steps[0].due_date, "2026-09-11");
        let step = async |kind: Step, state: StepState, note: Option<&str>| {
            let request = v1::UpdatePlanStepRequest {
                name: made.name.clone(),
                kind: kind as i32,
                state: state as i32,
                note: note.map(str::to_owned),
                ..Default::default()
            };
            scene.plans().update_plan_step(scene.world.as_admin(request)).await
        };
        let early = step(Step::Sampling, StepState::Done, None).await;
        assert_eq!(refusal(early), (Code::FailedPrecondition, Reason::WrongState));
        let silent = step(Step::Indicators, StepState::Skipped, None).await;
        assert_eq!(fields(silent).1, ["note"]);
        let assess = async || {
            let request = v1::AssessPlanRequest { name: made.name.clone() };
            let answer = scene.plans().assess_plan(scene.world.as_admin(request)).await;
            answer.unwrap().into_inner()
        };
        let found = assess().await;
        assert!(!found.valid);
        let has = |answer: &v1::AssessPlanResponse, kind: Finding| {
            answer.findings.iter().any(|finding| finding.kind() == kind)
        };
        assert_eq!(found.findings[0].kind(), Finding::NoCampaign);
        assert!(has(&found, Finding::AlphaNotComputed) && has(&found, Finding::StepOverdue));
        let overdue = found.findings.iter().filter(|f| f.kind() == Finding::StepOverdue);
        // Indicators and subjects were due before 2 November, sampling was due on 20 October.
        assert_eq!(overdue.count(), 4, "{}", scene.world.name);
        step(Step::Indicators, StepState::Done, None).await.unwrap();
        let result = v1::RecordPlanResultRequest {
            name: made.name.clone(),
            result: Some(v1::PlanResult { alpha: Some(0.65), ..Default::default() }),
        };
        scene.plans().record_plan_result(scene.world.as_admin(result)).await.unwrap();
        let found = assess().await;
        assert!(has(&found, Finding::AlphaTooLow) && !has(&found, Finding::AlphaNotComputed));
    }
}

#[tokio::test]
async fn wrong_plans_name_their_field() {
    let scenes = scenes().await;
    let scene = &scenes[0];
    type Change = fn(&mut v1::Plan);
    let cases: [(Change, &str); 10] = [
        (|p| p.display_name.clear(), "plan.displayName"),
        (|p| p.calendar.as_mut().unwrap().cadence = 0, "plan.calendar.cadence"),
        (
            |p| p.calendar.as_mut().unwrap().first_date = "2026-13-01".into(),
            "plan.calendar.firstDate",
        ),
        (
            |p| p.calendar.as_mut().unwrap().first_date = "2020-01-01".into(),
            "plan.calendar.firstDate",
        ),
        (
            |p| p.calendar.as_mut().unwrap().last_date = "2026-01-01".into(),
            "plan.calendar.lastDate",
        ),
        (|p| p.calendar.as_mut().unwrap().open_days = 367, "plan.calendar.openDays"),
        (|p| p.calendar.as_mut().unwrap().lead_days = -1, "plan.calendar.leadDays"),
        (
            |p| p.campaign_template.as_mut().unwrap().channels = vec![77],
            "plan.campaignTemplate.channels",
        ),
        (|p| p.steps = vec![v1::PlanStep { kind: 0, ..Default::default() }], "plan.steps[0].kind"),
        (
            |p| {
                let offset_days = Some(400);
                p.steps = vec![v1::PlanStep { kind: 1, offset_days, ..Default::default() }];
            },
            "plan.steps[0].offsetDays",
        ),
    ];
    for (change, field) in cases {
        let mut wrong = plan(scene);
        change(&mut wrong);
        let request = v1::CreatePlanRequest { plan: Some(wrong), request_id: String::new() };
        let refused = scene.plans().create_plan(scene.world.as_admin(request)).await;
        assert_eq!(fields(refused), (Code::InvalidArgument, vec![field.to_owned()]), "{field}");
    }
}
