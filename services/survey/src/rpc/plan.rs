//! Plans of measurements.

use std::sync::Arc;

use kit::{
    audit,
    auth::{Caller, open_change, open_request},
    clock::new_id,
    db::WriteTx,
    error::{Result, ServiceError},
    idempotency,
    mask::Mask,
};
use proto::{
    names,
    survey::v1::{self, plan_service_server::PlanService},
};
use serde_json::json;
use survey_domain::plan::{
    Outcome, Plan, Round, calendar,
    step::{Change, Kind, State, Steps},
};
use tonic::{Request, Response, Status};

use crate::{
    convert,
    fieldwork::{access, convert as shown, planning, status},
    state::App,
    store::fieldwork as stored,
};

/// The plan service.
pub struct Plans(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait::async_trait]
impl PlanService for Plans {
    async fn create_plan(&self, request: Request<v1::CreatePlanRequest>) -> Answer<v1::Plan> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(create(&self.0, &caller, &request).await?))
    }

    async fn get_plan(&self, request: Request<v1::GetPlanRequest>) -> Answer<v1::Plan> {
        let (caller, request) = open_request(request)?;
        let plan = access::plan(&self.0, &caller, "name", &request.name).await?;
        Ok(Response::new(shown::plan::plan(&plan, self.0.clock.now_us())))
    }

    async fn list_plans(
        &self,
        request: Request<v1::ListPlansRequest>,
    ) -> Answer<v1::ListPlansResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(list(&self.0, &caller, &request).await?))
    }

    async fn update_plan(&self, request: Request<v1::UpdatePlanRequest>) -> Answer<v1::Plan> {
        let (caller, request) = open_change(request, "plan")?;
        Ok(Response::new(update(&self.0, &caller, request).await?))
    }

    async fn update_plan_step(
        &self,
        request: Request<v1::UpdatePlanStepRequest>,
    ) -> Answer<v1::Plan> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(update_step(&self.0, &caller, &request).await?))
    }

    async fn record_plan_result(
        &self,
        request: Request<v1::RecordPlanResultRequest>,
    ) -> Answer<v1::Plan> {
        let (caller, request) = open_request(request)?;
        let mut plan = access::plan(&self.0, &caller, "name", &request.name).await?;
        let given = request.result.unwrap_or_default();
        plan.round.outcome = shown::plan::outcome_of(&given, &plan.round.outcome)?;
        let detail = json!({ "round": plan.round.number, "result": "recorded" });
        Ok(Response::new(save(&self.0, &caller, plan, detail).await?))
    }

    async fn list_plan_rounds(
        &self,
        request: Request<v1::ListPlanRoundsRequest>,
    ) -> Answer<v1::ListPlanRoundsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(list_rounds(&self.0, &caller, &request).await?))
    }

    async fn assess_plan(
        &self,
        request: Request<v1::AssessPlanRequest>,
    ) -> Answer<v1::AssessPlanResponse> {
        let (caller, request) = open_request(request)?;
        let plan = access::plan(&self.0, &caller, "name", &request.name).await?;
        Ok(Response::new(assess(&self.0, &plan).await?))
    }

    async fn retire_plan(&self, request: Request<v1::RetirePlanRequest>) -> Answer<v1::Plan> {
        let (caller, request) = open_request(request)?;
        let mut plan = access::plan(&self.0, &caller, "name", &request.name).await?;
        if plan.retire_us.is_some() {
            return Ok(Response::new(shown::plan::plan(&plan, self.0.clock.now_us())));
        }
        plan.retire_us = Some(self.0.clock.now_us());
        let detail = json!({ "retired": true });
        Ok(Response::new(save(&self.0, &caller, plan, detail).await?))
    }
}

async fn create(app: &App, caller: &Caller, request: &v1::CreatePlanRequest) -> Result<v1::Plan> {
    let given = request.plan.clone().unwrap_or_default();
    let unit = convert::id("units", "plan.unit", &given.unit)?;
    access::unit_in_use(caller, unit, "plan.unit")?;
    check_name(&given.display_name)?;
    let calendar = given.calendar.clone().unwrap_or_default();
    let calendar = shown::plan::calendar_of(&calendar, "plan.calendar.")?;
    let view = caller.view()?;
    let now_us = app.clock.now_us();
    let today = calendar::day_of(now_us, &view.time_zone_of(unit));
    let refused = |refused| convert::error(refused, "plan.calendar.");
    calendar.check_new(today).map_err(refused)?;
    let plan = Plan {
        id: new_id(app.clock.as_ref()),
        org: caller.org,
        unit,
        display_name: given.display_name.clone(),
        template: template(app, caller, unit, given.campaign_template.as_ref()).await?,
        time_zone: view.time_zone_name_of(unit),
        round: Round {
            number: 1,
            date: calendar.first,
            campaign: None,
            steps: steps(caller, &given.steps)?,
            outcome: Outcome::default(),
        },
        calendar,
        create_us: now_us,
        retire_us: None,
        version: 1,
    };
    let tx = app.db.begin().await?;
    if let Some(answer) = idempotency::replay(&tx, caller, &request.request_id, request).await? {
        return Ok(answer);
    }
    let next_us = planning::next_us(&plan, now_us);
    stored::plan::insert(tx.conn(), &plan, next_us).await?;
    let answer = shown::plan::plan(&plan, now_us);
    record(app, &tx, caller, &plan, json!({ "displayName": plan.display_name })).await?;
    let key = &request.request_id;
    idempotency::remember(&tx, caller, key, request, &answer, app.clock.as_ref()).await?;
    tx.commit().await?;
    Ok(answer)
}

fn check_name(name: &str) -> Result<()> {
    if name.trim().is_empty() {
        return Err(ServiceError::invalid("plan.displayName", "is required"));
    }
    Ok(())
}

async fn template(
    app: &App,
    caller: &Caller,
    unit: uuid::Uuid,
    given: Option<&v1::Campaign>,
) -> Result<Option<survey_domain::campaign::Settings>> {
    let Some(given) = given else { return Ok(None) };
    let prefix = "plan.campaignTemplate.";
    let own = names::print("units", unit);
    if !given.unit.is_empty() && given.unit != own {
        return Err(ServiceError::invalid(format!("{prefix}unit"), "is not the plan's"));
    }
    if given.open_time.is_some() || given.close_time.is_some() {
        let text = "is given by the calendar";
        return Err(ServiceError::invalid(format!("{prefix}openTime"), text));
    }
    let settings = shown::settings_of(given, prefix)?;
    access::check_settings(app, caller, unit, &settings, prefix).await?;
    Ok(Some(settings))
}

fn steps(caller: &Caller, given: &[v1::PlanStep]) -> Result<Steps> {
    let mut steps = Steps::new();
    let mut seen = Vec::new();
    for (i, step) in given.iter().enumerate() {
        let field = |name: &str| format!("plan.steps[{i}].{name}");
        let kind = Kind::from_number(step.kind).filter(|kind| !seen.contains(kind));
        let Some(kind) = kind else {
            return Err(ServiceError::invalid(field("kind"), "is no step, or named twice"));
        };
        seen.push(kind);
        let change = Change {
            state: None,
            owner: Some(owner(caller, &field("owner"), &step.owner)?),
            offset_days: step.offset_days,
            note: Some(step.note.clone()),
        };
        let refused = |refused| convert::error(refused, &field(""));
        steps.change(kind, change, 0).map_err(refused)?;
    }
    Ok(steps)
}

/// A member of staff who still works here.
fn owner(caller: &Caller, field: &str, name: &str) -> Result<Option<uuid::Uuid>> {
    let Some(id) = convert::id_opt("staff", field, name)? else { return Ok(None) };
    let view = caller.view()?;
    let staff = view.staff(id).ok_or_else(|| ServiceError::not_found("staff member"))?;
    if staff.retired {
        return Err(ServiceError::wrong_state("the staff member has left"));
    }
    Ok(Some(id))
}

async fn record(
    app: &App,
    tx: &WriteTx,
    caller: &Caller,
    plan: &Plan,
    detail: serde_json::Value,
) -> Result<()> {
    let object = names::print("plans", plan.id);
    audit::record(tx, caller, &object, Some(plan.unit), detail, app.clock.as_ref()).await
}

async fn save(
    app: &App,
    caller: &Caller,
    mut plan: Plan,
    detail: serde_json::Value,
) -> Result<v1::Plan> {
    let now_us = app.clock.now_us();
    let tx = app.db.begin().await?;
    let next_us = planning::next_us(&plan, now_us);
    stored::plan::save(tx.conn(), &mut plan, next_us).await?;
    record(app, &tx, caller, &plan, detail).await?;
    tx.commit().await?;
    Ok(shown::plan::plan(&plan, now_us))
}

fn must_run(plan: &Plan) -> Result<()> {
    match plan.retire_us {
        Some(_) => Err(ServiceError::wrong_state("the plan was ended")),
        None => Ok(()),
    }
}

async fn update(app: &App, caller: &Caller, request: v1::UpdatePlanRequest) -> Result<v1::Plan> {
    let given = request.plan.unwrap_or_default();
    let mut plan = access::plan(app, caller, "plan.name", &given.name).await?;
    convert::must_be_current(&given.etag, plan.version)?;
    must_run(&plan)?;
    let changeable = ["display_name", "calendar", "campaign_template"];
    let mask = Mask::read(request.update_mask.as_ref(), &changeable)?;
    if mask.covers("display_name", !given.display_name.is_empty()) {
        check_name(&given.display_name)?;
        plan.display_name = given.display_name.clone();
    }
    if mask.covers("calendar", given.calendar.is_some()) {
        let wanted = given.calendar.clone().unwrap_or_default();
        let wanted = shown::plan::calendar_of(&wanted, "plan.calendar.")?;
        let later = plan.round.number > 1 || plan.round.campaign.is_some();
        if later && (wanted.cadence, wanted.first) != (plan.calendar.cadence, plan.calendar.first) {
            let text = "the rounds have begun: cadence and first day are fixed";
            return Err(ServiceError::wrong_state(text));
        }
        plan.calendar = wanted;
        if !later {
            plan.round.date = wanted.first;
        }
    }
    if mask.covers("campaign_template", given.campaign_template.is_some()) {
        let wanted = given.campaign_template.as_ref();
        plan.template = template(app, caller, plan.unit, wanted).await?;
    }
    let detail = json!({ "displayName": plan.display_name });
    save(app, caller, plan, detail).await
}

async fn update_step(
    app: &App,
    caller: &Caller,
    request: &v1::UpdatePlanStepRequest,
) -> Result<v1::Plan> {
    let mut plan = access::plan(app, caller, "name", &request.name).await?;
    convert::must_be_current(&request.etag, plan.version)?;
    must_run(&plan)?;
    let kind = Kind::from_number(request.kind);
    let kind = kind.ok_or_else(|| ServiceError::invalid("kind", "is required"))?;
    let owner = owner(caller, "owner", &request.owner)?;
    if request.remove_owner && owner.is_some() {
        return Err(ServiceError::invalid("removeOwner", "contradicts owner"));
    }
    let change = Change {
        state: State::from_number(request.state),
        owner: if request.remove_owner { Some(None) } else { owner.map(Some) },
        offset_days: request.offset_days,
        note: request.note.clone(),
    };
    let now_us = app.clock.now_us();
    let changed = plan.round.steps.change(kind, change, now_us);
    changed.map_err(|refused| convert::error(refused, ""))?;
    let detail = json!({
        "round": plan.round.number,
        "step": request.kind,
        "state": request.state,
    });
    save(app, caller, plan, detail).await
}

async fn list(
    app: &App,
    caller: &Caller,
    request: &v1::ListPlansRequest,
) -> Result<v1::ListPlansResponse> {
    let unit = convert::id_opt("units", "unit", &request.unit)?;
    let units = caller.visible()?.narrowed(unit)?;
    let key = format!("plans|{}|{}|{}", caller.org, request.unit, request.show_retired);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let which = (units.as_deref(), request.show_retired);
    let conn = app.db.read();
    let mut found = stored::plan::list(conn, caller.org, which, page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |plan| (plan.create_us, plan.id));
    let now_us = app.clock.now_us();
    let plans = found.iter().map(|plan| shown::plan::plan(plan, now_us)).collect();
    Ok(v1::ListPlansResponse { plans, next_page_token })
}

async fn list_rounds(
    app: &App,
    caller: &Caller,
    request: &v1::ListPlanRoundsRequest,
) -> Result<v1::ListPlanRoundsResponse> {
    let plan = access::plan(app, caller, "name", &request.name).await?;
    let key = format!("plan rounds|{}|{}", caller.org, plan.id);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let conn = app.db.read();
    let mut found = stored::plan::rounds(conn, plan.org, plan.id, page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |round| round.number);
    let rounds = found.iter().map(shown::plan::round).collect();
    Ok(v1::ListPlanRoundsResponse { rounds, next_page_token })
}

async fn assess(app: &App, plan: &Plan) -> Result<v1::AssessPlanResponse> {
    use survey_domain::{
        campaign::finding::{Finding, Kind},
        plan::findings,
    };
    let conn = app.db.read();
    let campaign = match plan.round.campaign {
        Some(id) => stored::campaign::find(conn, plan.org, id).await?,
        None => None,
    };
    let mut found = match &campaign {
        Some(campaign) => status::read(app, campaign, None).await?.findings,
        None => vec![Finding::plain(Kind::NoCampaign)],
    };
    let today = calendar::day_of(app.clock.now_us(), &planning::zone(plan));
    found.extend(findings(&plan.round, today));
    found.sort_by_key(|finding| (!finding.kind.is_blocking(), finding.kind));
    Ok(v1::AssessPlanResponse {
        valid: found.iter().all(|finding| !finding.kind.is_blocking()),
        findings: found.iter().map(shown::finding).collect(),
    })
}
