//! AlertService: rules, and the alerts that they have raised.

use std::sync::Arc;

use kit::{
    audit,
    auth::{Caller, open_request},
    clock::new_id,
    error::{Result, ServiceError},
    idempotency,
};
use prost::Message as _;
use proto::{
    analytics::v1::{
        Alert, AlertRule, CreateAlertRuleRequest, DeleteAlertRuleRequest, DeleteAlertRuleResponse,
        ListAlertRulesRequest, ListAlertRulesResponse, ListAlertsRequest, ListAlertsResponse,
        alert_service_server::AlertService,
    },
    names,
};
use serde_json::json;
use tonic::{Request, Response, Status};

use super::{comparison, definition};
use crate::{
    alerts,
    measuring::is_share,
    state::{App, id, shown},
    store::{
        alerts as stored,
        settings::{self, Kind, Setting},
    },
};

/// Days of a baseline when a rule names none.
pub const BASELINE_DAYS: i32 = 56;
/// Width of limits when a rule names none.
pub const SIGMA: f64 = 3.0;

/// The alert service.
pub struct AlertHandler(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[tonic::async_trait]
impl AlertService for AlertHandler {
    async fn create_alert_rule(
        &self,
        request: Request<CreateAlertRuleRequest>,
    ) -> Answer<AlertRule> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(create(&self.0, &caller, request).await?))
    }

    async fn list_alert_rules(
        &self,
        request: Request<ListAlertRulesRequest>,
    ) -> Answer<ListAlertRulesResponse> {
        let (caller, request) = open_request(request)?;
        let (size, token) = (request.page_size, &request.page_token);
        let (found, next_page_token) = page(&self.0, &caller, true, size, token).await?;
        let rules = found.iter().filter_map(|s| AlertRule::decode(&s.body[..]).ok());
        Ok(Response::new(ListAlertRulesResponse { alert_rules: rules.collect(), next_page_token }))
    }

    async fn delete_alert_rule(
        &self,
        request: Request<DeleteAlertRuleRequest>,
    ) -> Answer<DeleteAlertRuleResponse> {
        let (caller, request) = open_request(request)?;
        delete(&self.0, &caller, &request.name).await?;
        Ok(Response::new(DeleteAlertRuleResponse {}))
    }

    async fn list_alerts(&self, request: Request<ListAlertsRequest>) -> Answer<ListAlertsResponse> {
        let (caller, request) = open_request(request)?;
        let (size, token) = (request.page_size, &request.page_token);
        let (found, next_page_token) = page(&self.0, &caller, false, size, token).await?;
        let alerts = found.iter().filter_map(|s| Alert::decode(&s.body[..]).ok());
        Ok(Response::new(ListAlertsResponse { alerts: alerts.collect(), next_page_token }))
    }
}

async fn create(app: &App, caller: &Caller, request: CreateAlertRuleRequest) -> Result<AlertRule> {
    let mut rule = request.alert_rule.clone().unwrap_or_default();
    let unit = id("units", "alertRule.unit", &rule.unit)?;
    caller.authorize(unit)?;
    let leaf = comparison::leaf(rule.measure.as_ref(), "alertRule.measure")?;
    if !is_share(&leaf) {
        return Err(ServiceError::invalid("alertRule.measure", "is no share"));
    }
    rule.measure = Some(definition::leaf_to(&leaf));
    rule.baseline_days = if rule.baseline_days == 0 { BASELINE_DAYS } else { rule.baseline_days };
    if !(14..=366).contains(&rule.baseline_days) {
        return Err(ServiceError::invalid("alertRule.baselineDays", "is not between 14 and 366"));
    }
    rule.sigma = if rule.sigma == 0.0 { SIGMA } else { rule.sigma };
    if !(2.0..=6.0).contains(&rule.sigma) {
        return Err(ServiceError::invalid("alertRule.sigma", "is not between 2 and 6"));
    }
    let rule_id = new_id(app.clock.as_ref());
    rule.name = names::print("alertRules", rule_id);
    let setting =
        Setting { id: rule_id, unit, body: rule.encode_to_vec(), create_us: app.clock.now_us() };
    let tx = app.db.begin().await?;
    let key = &request.request_id;
    if let Some(answer) = idempotency::replay(&tx, caller, key, &request).await? {
        return Ok(answer);
    }
    settings::put(tx.conn(), caller.org, Kind::AlertRule, &setting).await?;
    let detail = json!({ "title": rule.title });
    let clock = app.clock.as_ref();
    audit::record(&tx, caller, &rule.name, Some(unit), detail, clock).await?;
    idempotency::remember(&tx, caller, key, &request, &rule, clock).await?;
    tx.commit().await?;
    Ok(rule)
}

async fn delete(app: &App, caller: &Caller, name: &str) -> Result<()> {
    let rule = id("alertRules", "name", name)?;
    let found = settings::find(app.db.read(), caller.org, Kind::AlertRule, rule).await?;
    let found = found.ok_or_else(|| ServiceError::not_found("alert rule"))?;
    caller.authorize_object(found.unit, "alert rule")?;
    let tx = app.db.begin().await?;
    settings::delete(tx.conn(), caller.org, Kind::AlertRule, rule).await?;
    let told = alerts::clear_rule(app, &tx, caller.org, rule).await?;
    let detail = json!({ "deleted": true });
    audit::record(&tx, caller, name, Some(found.unit), detail, app.clock.as_ref()).await?;
    tx.commit().await?;
    if told {
        app.outbox.committed();
    }
    Ok(())
}

async fn page(
    app: &App,
    caller: &Caller,
    rules: bool,
    size: i32,
    token: &str,
) -> Result<(Vec<Setting>, String)> {
    let units = shown(caller)?;
    let key = format!("alerts|{rules}|{}", caller.org);
    let page = app.pages.open(key, size, token)?;
    let (conn, org, units) = (app.db.read(), caller.org, units.as_deref());
    let mut found = if rules {
        settings::list(conn, org, Kind::AlertRule, units, page.after, page.limit).await?
    } else {
        stored::list(conn, org, units, page.after, page.limit).await?
    };
    let next = page.close(&mut found, |s| (s.create_us, s.id));
    Ok((found, next))
}
