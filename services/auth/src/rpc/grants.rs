//! Roles and who has them where.

use std::sync::Arc;

use auth_domain::{
    event::Event,
    grant::{GRANTS_PER_USER_MAX, Grant, check_role},
    role::BuiltIn,
};
use kit::{
    auth::{Caller, open_request},
    error::{Result, ServiceError},
};
use proto::{
    auth::v1::{
        self as pb, CreateGrantRequest, CreateRoleRequest, DeleteGrantRequest, DeleteGrantResponse,
        DeleteRoleRequest, DeleteRoleResponse, ListGrantsRequest, ListGrantsResponse,
        ListRolesRequest, ListRolesResponse, UpdateRoleRequest, grant_service_server::GrantService,
    },
    common::v1::Reason,
    names,
};
use serde_json::json;
use tonic::{Code, Request, Response};
use uuid::Uuid;

use super::{
    Answer, answered, held_on, id_of, refusal,
    roles::{self as role_handlers, role_id},
    scan,
    units::find_in_use,
    users::{self as user_handlers, check_not_last_owner},
};
use crate::{
    core::Core,
    events,
    store::{grants, roles},
    work::{Note, Work},
};

/// Handlers of the grant service.
pub struct Grants(pub Arc<Core>);

#[tonic::async_trait]
impl GrantService for Grants {
    async fn list_roles(&self, request: Request<ListRolesRequest>) -> Answer<ListRolesResponse> {
        let (caller, _) = open_request(request)?;
        let found = roles::list(self.0.db.read(), caller.org).await?;
        let roles = found.iter().map(events::role).collect();
        Ok(Response::new(ListRolesResponse { roles }))
    }

    async fn create_role(&self, request: Request<CreateRoleRequest>) -> Answer<pb::Role> {
        Ok(role_handlers::create(&self.0, request).await?)
    }

    async fn update_role(&self, request: Request<UpdateRoleRequest>) -> Answer<pb::Role> {
        Ok(role_handlers::update(&self.0, request).await?)
    }

    async fn delete_role(&self, request: Request<DeleteRoleRequest>) -> Answer<DeleteRoleResponse> {
        Ok(role_handlers::delete(&self.0, request).await?)
    }

    async fn create_grant(&self, request: Request<CreateGrantRequest>) -> Answer<pb::Grant> {
        Ok(self.create(request).await?)
    }

    async fn list_grants(&self, request: Request<ListGrantsRequest>) -> Answer<ListGrantsResponse> {
        Ok(self.list(request).await?)
    }

    async fn delete_grant(
        &self,
        request: Request<DeleteGrantRequest>,
    ) -> Answer<DeleteGrantResponse> {
        Ok(self.delete(request).await?)
    }
}

impl Grants {
    async fn create(&self, request: Request<CreateGrantRequest>) -> Result<Response<pb::Grant>> {
        let core = &self.0;
        let (caller, message) = open_request(request)?;
        let given = message.grant.unwrap_or_default();
        let unit = id_of("units", "grant.unit", &given.unit)?;
        caller.authorize(unit)?;
        let user = names::parse("users", &given.subject).ok_or_else(|| {
            let text = "is no user; a client acts by its own scopes";
            ServiceError::invalid("grant.subject", text)
        })?;
        let grant = Grant {
            id: core.new_id(),
            user,
            role: role_id(&given.role)?,
            unit,
            create_us: core.now_us(),
        };
        let mut work = Work::begin(core, caller.org).await?;
        let holder = user_handlers::find(work.conn(), caller.org, user).await?;
        if caller.permissions_on(holder.unit)?.is_empty() {
            return Err(ServiceError::not_found("user"));
        }
        let role = role_handlers::find(work.conn(), caller.org, grant.role).await?;
        check_role(held_on(&caller, unit)?, role.permissions).map_err(refusal)?;
        find_in_use(work.conn(), caller.org, unit).await?;
        if let Some(same) = grants::find_same(work.conn(), caller.org, &grant).await? {
            return Ok(Response::new(events::grant(&same)));
        }
        let held = grants::of_user(work.conn(), caller.org, user).await?.len() as u64;
        if held >= GRANTS_PER_USER_MAX {
            let text = "the user holds as many grants as one may";
            return Err(ServiceError::new(Code::ResourceExhausted, Reason::LimitReached, text));
        }
        grants::insert(work.conn(), caller.org, &grant).await?;
        let answer = events::grant(&grant);
        work.note(note(&caller, &grant));
        work.emit(Event::Grant(grant));
        Ok(answered(answer, &work.commit().await?))
    }

    async fn list(
        &self,
        request: Request<ListGrantsRequest>,
    ) -> Result<Response<ListGrantsResponse>> {
        let (caller, message) = open_request(request)?;
        let visible = caller.visible()?;
        let listed = format!("grants|{}|{}", caller.org, message.subject);
        let page = self.0.pages.open(listed, message.page_size, &message.page_token)?;
        let user = names::parse("users", &message.subject);
        if user.is_none() && !message.subject.is_empty() {
            // Clients hold no grants.
            return Ok(Response::new(ListGrantsResponse::default()));
        }
        let narrowed = visible.narrowed(None)?;
        let fetch = |after: Option<Uuid>, limit| {
            let (conn, units) = (self.0.db.read().clone(), narrowed.clone());
            let org = caller.org;
            async move { grants::list(&conn, org, user, units.as_deref(), after, limit).await }
        };
        let keep = |row: &Grant| visible.contains(row.unit);
        let (rows, next_page_token) = scan::fill(page, fetch, |row| row.id, keep).await?;
        Ok(Response::new(ListGrantsResponse {
            grants: rows.iter().map(events::grant).collect(),
            next_page_token,
        }))
    }

    async fn delete(
        &self,
        request: Request<DeleteGrantRequest>,
    ) -> Result<Response<DeleteGrantResponse>> {
        let (caller, message) = open_request(request)?;
        let id = id_of("grants", "name", &message.name)?;
        let mut work = Work::begin(&self.0, caller.org).await?;
        let found = grants::find(work.conn(), caller.org, id).await?;
        let grant = found.ok_or_else(|| ServiceError::not_found("grant"))?;
        caller.authorize_object(grant.unit, "grant")?;
        let role = role_handlers::find(work.conn(), caller.org, grant.role).await?;
        check_role(held_on(&caller, grant.unit)?, role.permissions).map_err(refusal)?;
        let of_top = caller.view()?.root() == Some(grant.unit);
        if of_top && grant.role == BuiltIn::Owner.id() {
            check_not_last_owner(&work, &caller, grant.user).await?;
        }
        grants::delete(work.conn(), caller.org, id).await?;
        work.note(note(&caller, &grant));
        work.emit(Event::GrantRemoved(id));
        Ok(answered(DeleteGrantResponse {}, &work.commit().await?))
    }
}

fn note(caller: &Caller, grant: &Grant) -> Note {
    let detail = json!({
        "subject": names::print("users", grant.user),
        "role": events::role_name(grant.role),
    });
    Note::ok(caller, names::print("grants", grant.id), Some(grant.unit), detail)
}
