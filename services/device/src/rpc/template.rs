//! Templates.

use std::sync::Arc;

use kit::{
    audit,
    auth::{Caller, open_request},
    clock::new_id,
    error::{Result, ServiceError},
    idempotency,
};
use proto::{
    common::v1::Reason,
    device::v1::{self, template_service_server::TemplateService},
    names,
};
use serde_json::json;
use tonic::{Code, Request, Response, Status};

use crate::{convert, events, nudge::Nudge, state::App, store};

/// The template service.
pub struct Templates(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait::async_trait]
impl TemplateService for Templates {
    async fn create_template(
        &self,
        request: Request<v1::CreateTemplateRequest>,
    ) -> Answer<v1::Template> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(create(&self.0, &caller, request).await?))
    }

    async fn get_template(&self, request: Request<v1::GetTemplateRequest>) -> Answer<v1::Template> {
        let (caller, request) = open_request(request)?;
        let id = convert::id("templates", "name", &request.name)?;
        let found =
            store::template::find(self.0.db.read(), caller.org, id).await.map_err(Status::from)?;
        let template = found.ok_or_else(|| ServiceError::not_found("template"))?;
        Ok(Response::new(convert::template::to_proto(&template)))
    }

    async fn list_templates(
        &self,
        request: Request<v1::ListTemplatesRequest>,
    ) -> Answer<v1::ListTemplatesResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(list(&self.0, &caller, &request).await?))
    }

    async fn retire_template(
        &self,
        request: Request<v1::RetireTemplateRequest>,
    ) -> Answer<v1::Template> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(retire(&self.0, &caller, &request).await?))
    }
}

async fn create(
    app: &App,
    caller: &Caller,
    request: v1::CreateTemplateRequest,
) -> Result<v1::Template> {
    caller.authorize_organisation()?;
    let org = caller.org;
    let wanted = request.template.clone().unwrap_or_default();
    let now_us = app.clock.now_us();
    let template = convert::template::draft_of(wanted)
        .finish(new_id(app.clock.as_ref()), org, now_us)
        .map_err(|refused| convert::error(refused, "template."))?;
    let tx = app.db.begin().await?;
    let key = &request.request_id;
    if let Some(answer) = idempotency::replay(&tx, caller, key, &request).await? {
        return Ok(answer);
    }
    let mut group = Vec::new();
    if template.is_default {
        // One at a time, or two defaults could be made at once.
        store::shift::lock(tx.conn(), org).await?;
        for mut former in store::template::defaults(tx.conn(), org).await? {
            former.is_default = false;
            group.push(events::template(&former));
        }
        store::template::clear_default(tx.conn(), org).await?;
    }
    store::template::insert(tx.conn(), &template).await?;
    group.push(events::template(&template));
    app.outbox.append(&tx, events::pack(group)).await?;
    let object = names::print("templates", template.id);
    let detail = json!({ "displayName": template.display_name, "default": template.is_default });
    audit::record(&tx, caller, &object, None, detail, app.clock.as_ref()).await?;
    let answer = convert::template::to_proto(&template);
    idempotency::remember(&tx, caller, key, &request, &answer, app.clock.as_ref()).await?;
    tx.commit().await?;
    changed(app, org);
    Ok(answer)
}

fn changed(app: &App, org: uuid::Uuid) {
    app.outbox.committed();
    app.templates.forget(org);
    app.nudges.send(Nudge::Organisation(org));
}

async fn list(
    app: &App,
    caller: &Caller,
    request: &v1::ListTemplatesRequest,
) -> Result<v1::ListTemplatesResponse> {
    // An organisation that has made none has the standard one.
    app.templates.default_of(caller.org).await?;
    let key = format!("templates|{}|{}", caller.org, request.show_retired);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let (conn, org) = (app.db.read(), caller.org);
    let mut found =
        store::template::list(conn, org, request.show_retired, page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |t| (t.create_us, t.id));
    let templates = found.iter().map(convert::template::to_proto).collect();
    Ok(v1::ListTemplatesResponse { templates, next_page_token })
}

async fn retire(
    app: &App,
    caller: &Caller,
    request: &v1::RetireTemplateRequest,
) -> Result<v1::Template> {
    caller.authorize_organisation()?;
    let id = convert::id("templates", "name", &request.name)?;
    let absent = || ServiceError::not_found("template");
    let tx = app.db.begin().await?;
    let found = store::template::find(tx.conn(), caller.org, id).await?;
    let mut template = found.ok_or_else(absent)?;
    if template.retire_us.is_some() {
        return Ok(convert::template::to_proto(&template));
    }
    if template.is_default {
        let text = "it is the default template; make another one the default first";
        return Err(ServiceError::new(Code::FailedPrecondition, Reason::InUse, text));
    }
    let now_us = app.clock.now_us();
    template.retire_us = Some(now_us);
    store::template::retire(tx.conn(), caller.org, id, now_us).await?;
    app.outbox.append(&tx, events::pack(vec![events::template(&template)])).await?;
    let detail = json!({ "retired": true });
    audit::record(&tx, caller, &request.name, None, detail, app.clock.as_ref()).await?;
    tx.commit().await?;
    changed(app, caller.org);
    Ok(convert::template::to_proto(&template))
}
