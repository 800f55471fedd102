//! Organisations.

use std::sync::Arc;

use auth_domain::{event::Event, text};
use kit::{
    auth::{Caller, open_change, open_request},
    error::{Result, ServiceError},
    idempotency,
    mask::Mask,
};
use proto::{
    auth::v1::{
        CreateOrganisationRequest, CreateOrganisationResponse, GetOrganisationRequest,
        Organisation, ResumeOrganisationRequest, SuspendOrganisationRequest,
        UpdateOrganisationRequest, organisation_service_server::OrganisationService,
    },
    names,
};
use serde_json::{Value, json};
use tonic::{Request, Response};

use super::{Answer, Founding, answered, check_etag, found, id_of, refusal};
use crate::{
    core::Core,
    events,
    store::organisations,
    work::{Note, Work},
};

/// Handlers of the organisation service.
pub struct Organisations(pub Arc<Core>);

#[tonic::async_trait]
impl OrganisationService for Organisations {
    async fn create_organisation(
        &self,
        request: Request<CreateOrganisationRequest>,
    ) -> Answer<CreateOrganisationResponse> {
        Ok(self.create(request).await?)
    }

    async fn get_organisation(
        &self,
        request: Request<GetOrganisationRequest>,
    ) -> Answer<Organisation> {
        let (caller, _) = open_request(request)?;
        let found = organisations::find(self.0.db.read(), caller.org).await?;
        let found = found.ok_or_else(|| ServiceError::not_found("organisation"))?;
        Ok(Response::new(events::organisation(&found)))
    }

    async fn update_organisation(
        &self,
        request: Request<UpdateOrganisationRequest>,
    ) -> Answer<Organisation> {
        Ok(self.update(request).await?)
    }

    async fn suspend_organisation(
        &self,
        request: Request<SuspendOrganisationRequest>,
    ) -> Answer<Organisation> {
        let (caller, message) = open_request(request)?;
        let detail = json!({ "suspended": true, "remark": message.remark });
        Ok(self.put_into_service(&caller, &message.name, false, detail).await?)
    }

    async fn resume_organisation(
        &self,
        request: Request<ResumeOrganisationRequest>,
    ) -> Answer<Organisation> {
        let (caller, message) = open_request(request)?;
        let detail = json!({ "suspended": false });
        Ok(self.put_into_service(&caller, &message.name, true, detail).await?)
    }
}

impl Organisations {
    async fn create(
        &self,
        request: Request<CreateOrganisationRequest>,
    ) -> Result<Response<CreateOrganisationResponse>> {
        let core = &self.0;
        let (caller, mut message) = open_request(request)?;
        let given = message.organisation.clone().unwrap_or_default();
        let founding = Founding::check(
            "organisation.",
            [&given.slug, &given.display_name, &given.time_zone],
            [("ownerLogin", &message.owner_login), ("ownerPassword", &message.owner_password)],
        )?;
        let password_hash = founding.hash(core).await?;
        // What is remembered of the request must not help to guess the password.
        message.owner_password.clear();
        let mut work = Work::begin(core, core.new_id()).await?;
        let key = message.request_id.clone();
        if let Some(earlier) = idempotency::replay(work.tx(), &caller, &key, &message).await? {
            return Ok(Response::new(earlier));
        }
        let founded = found(core, &mut work, &founding, password_hash).await?;
        let root = founded.headquarters.id;
        let answer = CreateOrganisationResponse {
            organisation: Some(events::organisation(&founded.organisation)),
            headquarters: Some(events::unit(&founded.headquarters, &[root])),
            owner: Some(events::user(&founded.owner)),
        };
        let object = names::print("organisations", work.org());
        work.note(Note::ok(&caller, object, Some(root), json!({ "slug": given.slug })));
        idempotency::remember(work.tx(), &caller, &key, &message, &answer, core.clock.as_ref())
            .await?;
        Ok(answered(answer, &work.commit().await?))
    }

    /// Suspends an organisation or takes it into service again; nothing if it is so already.
    async fn put_into_service(
        &self,
        caller: &Caller,
        name: &str,
        serving: bool,
        detail: Value,
    ) -> Result<Response<Organisation>> {
        let id = id_of("organisations", "name", name)?;
        let absent = || ServiceError::not_found("organisation");
        // Before there is a chain of audit records for what does not exist.
        organisations::find(self.0.db.read(), id).await?.ok_or_else(absent)?;
        let mut work = Work::begin(&self.0, id).await?;
        let mut organisation = organisations::find(work.conn(), id).await?.ok_or_else(absent)?;
        if organisation.suspend_us.is_none() == serving {
            return Ok(Response::new(events::organisation(&organisation)));
        }
        organisation.suspend_us = (!serving).then_some(work.now_us);
        organisation.version += 1;
        organisations::update(work.conn(), &organisation).await?;
        work.note(Note::ok(caller, name.to_owned(), None, detail));
        let answer = events::organisation(&organisation);
        work.emit(Event::Organisation(organisation));
        Ok(answered(answer, &work.commit().await?))
    }

    async fn update(
        &self,
        request: Request<UpdateOrganisationRequest>,
    ) -> Result<Response<Organisation>> {
        let (caller, message) = open_change(request, "organisation")?;
        caller.authorize_organisation()?;
        let given = message.organisation.unwrap_or_default();
        let mask = Mask::read(message.update_mask.as_ref(), &["display_name", "time_zone"])?;
        let mut work = Work::begin(&self.0, caller.org).await?;
        let found = organisations::find(work.conn(), caller.org).await?;
        let mut organisation = found.ok_or_else(|| ServiceError::not_found("organisation"))?;
        check_etag(&given.etag, organisation.version)?;
        mask.keeps("organisation.slug", &given.slug, &organisation.slug)?;
        let before = organisation.clone();
        if mask.covers("display_name", !given.display_name.is_empty()) {
            organisation.display_name =
                text::display_name("organisation.displayName", &given.display_name)
                    .map_err(refusal)?;
        }
        if mask.covers("time_zone", !given.time_zone.is_empty()) {
            let zone = text::time_zone("organisation.timeZone", &given.time_zone);
            let mut zone = zone.map_err(refusal)?;
            if zone.is_empty() {
                text::TIME_ZONE_DEFAULT.clone_into(&mut zone);
            }
            organisation.change_zone(zone, work.now_us);
        }
        if organisation == before {
            return Ok(Response::new(events::organisation(&organisation)));
        }
        organisation.version += 1;
        organisations::update(work.conn(), &organisation).await?;
        let detail = json!({
            "displayName": organisation.display_name,
            "timeZone": organisation.time_zone,
        });
        let object = names::print("organisations", caller.org);
        work.note(Note::ok(&caller, object, None, detail));
        let answer = events::organisation(&organisation);
        work.emit(Event::Organisation(organisation));
        Ok(answered(answer, &work.commit().await?))
    }
}
