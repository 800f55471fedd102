//! Triggers, and what they called for.

use kit::{
    audit,
    auth::Caller,
    clock::new_id,
    error::{Result, ServiceError},
    idempotency,
};
use proto::{common::v1::Permission, names, survey::v1, time};
use serde_json::json;
use survey_domain::{
    campaign::State as CampaignState,
    record::{Action, DueTrigger, InteractionKind, Trigger},
};
use uuid::Uuid;

use super::{access::unit_in_use, record_convert::campaign_opt, segments};
use crate::{convert, state::App, store};

/// Triggers of a list, and of an organisation.
const LIST_MAX: u64 = 1_000;

fn trigger_to(trigger: &Trigger) -> v1::Trigger {
    v1::Trigger {
        name: names::print("triggers", trigger.id),
        unit: names::print("units", trigger.unit),
        display_name: trigger.display_name.clone(),
        kind: trigger.kind as i32,
        action: trigger.action as i32,
        campaign: names::print_opt("campaigns", trigger.campaign),
        delay_hours: trigger.delay_hours,
        create_time: Some(time::from_us(trigger.create_us)),
        retire_time: time::from_us_opt(trigger.retire_us),
        node: trigger.node.clone(),
        segment: names::print_opt("segments", trigger.segment),
        quiet_days: trigger.quiet_days,
        yearly_max: trigger.yearly_max,
        late_days: trigger.late_days,
    }
}

/// A trigger invites in the name of whoever makes it: that takes the right to invite.
async fn must_be_able_to_invite(app: &App, caller: &Caller, campaign: Uuid) -> Result<()> {
    let found = store::fieldwork::campaign::find(app.db.read(), caller.org, campaign).await?;
    let found = found.ok_or_else(|| ServiceError::not_found("campaign"))?;
    caller.authorize_object_for(Permission::CampaignManage, found.unit, "campaign")?;
    if found.state == CampaignState::Closed {
        return Err(ServiceError::wrong_state("the campaign is closed"));
    }
    if !found.settings.channels().iter().any(|channel| channel.is_personal()) {
        return Err(ServiceError::wrong_state("the campaign has no channel for invitations"));
    }
    Ok(())
}

/// Creates a trigger.
pub async fn create(
    app: &App,
    caller: &Caller,
    request: &v1::CreateTriggerRequest,
) -> Result<v1::Trigger> {
    let given = request.trigger.clone().unwrap_or_default();
    let unit = convert::id("units", "trigger.unit", &given.unit)?;
    unit_in_use(caller, unit)?;
    let missing = |field: &str| ServiceError::invalid(field, "is required");
    let trigger = Trigger {
        id: new_id(app.clock.as_ref()),
        org: caller.org,
        unit,
        display_name: given.display_name,
        kind: InteractionKind::from_number(given.kind).ok_or_else(|| missing("trigger.kind"))?,
        action: Action::from_number(given.action).ok_or_else(|| missing("trigger.action"))?,
        campaign: campaign_opt("trigger.campaign", &given.campaign)?,
        delay_hours: given.delay_hours,
        create_us: app.clock.now_us(),
        retire_us: None,
        node: given.node,
        segment: convert::id_opt("segments", "trigger.segment", &given.segment)?,
        quiet_days: given.quiet_days,
        yearly_max: given.yearly_max,
        late_days: given.late_days,
    };
    trigger.check().map_err(|wrong| convert::error(wrong, "trigger."))?;
    if let Some(campaign) = trigger.campaign {
        must_be_able_to_invite(app, caller, campaign).await?;
    }
    if let Some(segment) = trigger.segment {
        segments::readable(app, caller, segment).await?;
    }
    let answer = trigger_to(&trigger);
    let tx = app.db.begin().await?;
    let key = &request.request_id;
    if let Some(answer) = idempotency::replay(&tx, caller, key, request).await? {
        return Ok(answer);
    }
    let known = store::trigger::list(tx.conn(), caller.org, None, false, LIST_MAX).await?;
    if known.len() as u64 >= LIST_MAX {
        return Err(super::classes::limit(format!("the organisation has {LIST_MAX} triggers")));
    }
    store::trigger::insert(tx.conn(), &trigger).await?;
    let detail = json!({ "displayName": trigger.display_name });
    audit::record(&tx, caller, &answer.name, Some(unit), detail, app.clock.as_ref()).await?;
    idempotency::remember(&tx, caller, key, request, &answer, app.clock.as_ref()).await?;
    tx.commit().await?;
    Ok(answer)
}

/// Lists triggers.
pub async fn list(
    app: &App,
    caller: &Caller,
    request: &v1::ListTriggersRequest,
) -> Result<v1::ListTriggersResponse> {
    let units = caller.visible()?.narrowed(None)?;
    let (conn, retired) = (app.db.read(), request.show_retired);
    let found = store::trigger::list(conn, caller.org, units.as_deref(), retired, LIST_MAX).await?;
    Ok(v1::ListTriggersResponse { triggers: found.iter().map(trigger_to).collect() })
}

/// Stops a trigger.
pub async fn retire(app: &App, caller: &Caller, name: &str) -> Result<v1::Trigger> {
    let id = convert::id("triggers", "name", name)?;
    let found = store::trigger::find(app.db.read(), caller.org, id).await?;
    let mut trigger = found.ok_or_else(|| ServiceError::not_found("trigger"))?;
    caller.authorize_object(trigger.unit, "trigger")?;
    let now_us = app.clock.now_us();
    let tx = app.db.begin().await?;
    let table = "customer_trigger";
    if store::customer_schema::retire(tx.conn(), table, caller.org, id, now_us).await? {
        trigger.retire_us = Some(now_us);
        let (unit, detail) = (Some(trigger.unit), json!({ "retired": true }));
        audit::record(&tx, caller, name, unit, detail, app.clock.as_ref()).await?;
        tx.commit().await?;
    }
    Ok(trigger_to(&trigger))
}

fn due_to(due: &DueTrigger) -> v1::DueTrigger {
    v1::DueTrigger {
        trigger: names::print("triggers", due.trigger),
        customer: names::print("customers", due.customer),
        interaction: names::print("interactions", due.interaction),
        action: due.action as i32,
        campaign: names::print_opt("campaigns", due.campaign),
        due_time: Some(time::from_us(due.due_us)),
        done_time: time::from_us_opt(due.done_us),
        outcome: due.outcome.map(|outcome| outcome as i32).unwrap_or_default(),
        invitation: names::print_opt("invitations", due.invitation),
    }
}

/// What triggers called for.
pub async fn list_due(
    app: &App,
    caller: &Caller,
    request: &v1::ListDueTriggersRequest,
) -> Result<v1::ListDueTriggersResponse> {
    let unit = convert::id_opt("units", "unit", &request.unit)?;
    let filter = store::due_trigger::Filter {
        units: caller.visible()?.narrowed(unit)?,
        trigger: convert::id_opt("triggers", "trigger", &request.trigger)?,
        show_done: request.show_done,
    };
    let key =
        format!("due|{}|{}|{}|{}", caller.org, request.unit, request.show_done, request.trigger);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let mut found =
        store::due_trigger::list(app.db.read(), caller.org, &filter, page.after, page.limit)
            .await?;
    let next_page_token = page.close(&mut found, |last| (last.due_us, last.id));
    let due_triggers = found.iter().map(due_to).collect();
    Ok(v1::ListDueTriggersResponse { due_triggers, next_page_token })
}
