//! Triggers, and what they called for.

use kit::{
    audit,
    auth::Caller,
    clock::new_id,
    error::{Result, ServiceError},
    idempotency,
};
use proto::{names, survey::v1, time};
use serde_json::json;
use survey_domain::record::{Action, DueTrigger, InteractionKind, Trigger};

use super::{
    access::{unit_in_use, unseen},
    page,
    record_convert::campaign_opt,
};
use crate::{convert, convert::print_place, state::App, store};

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
    }
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
    };
    trigger.check().map_err(|wrong| convert::error(wrong, "trigger."))?;
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
    let absent = || ServiceError::not_found("trigger");
    let found = store::trigger::find(app.db.read(), caller.org, id).await?;
    let mut trigger = found.ok_or_else(absent)?;
    caller.authorize(trigger.unit).map_err(|error| unseen(error, absent()))?;
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
    }
}

/// What triggers called for.
pub async fn list_due(
    app: &App,
    caller: &Caller,
    request: &v1::ListDueTriggersRequest,
) -> Result<v1::ListDueTriggersResponse> {
    let unit = convert::id_opt("units", "unit", &request.unit)?;
    let filter = store::trigger::DueFilter {
        units: caller.visible()?.narrowed(unit)?,
        show_done: request.show_done,
    };
    let key = format!("due|{}|{}|{}", caller.org, request.unit, request.show_done);
    let after = page::after_place(app, &key, &request.page_token)?;
    let (read, size) = page::sizes(request.page_size)?;
    let mut found = store::trigger::due(app.db.read(), caller.org, &filter, after, read).await?;
    let next_page_token =
        page::cut(app, &key, &mut found, size, |last| print_place(last.due_us, last.id));
    let due_triggers = found.iter().map(due_to).collect();
    Ok(v1::ListDueTriggersResponse { due_triggers, next_page_token })
}
