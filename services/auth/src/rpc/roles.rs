//! Roles of an organisation.

use std::sync::Arc;

use auth_domain::{
    event::Event,
    permission::PermissionSet,
    role::{BuiltIn, CUSTOM_ROLES_MAX, Role, check_permissions},
    text,
};
use kit::{
    auth::{Caller, open_change, open_request},
    error::{Result, ServiceError},
    idempotency,
    mask::Mask,
};
use proto::{
    auth::v1::{
        self as pb, CreateRoleRequest, DeleteRoleRequest, DeleteRoleResponse, UpdateRoleRequest,
    },
    common::v1::Reason,
    names,
};
use serde_json::json;
use tonic::{Code, Request, Response};
use uuid::Uuid;

use super::{answered, check_etag, held_on, refusal};
use crate::{
    core::Core,
    events,
    store::{Connection, grants, roles},
    work::{Note, Work},
};

/// Id of a role by its name.
///
/// # Errors
/// NOT_FOUND for a word that is no built-in role.
pub fn role_id(name: &str) -> Result<Uuid> {
    let built_in = || {
        let word = name.strip_prefix("roles/")?;
        BuiltIn::from_word(word).map(BuiltIn::id)
    };
    names::parse("roles", name).or_else(built_in).ok_or_else(|| ServiceError::not_found("role"))
}

/// A role that has to exist.
pub async fn find(conn: &impl Connection, org: Uuid, id: Uuid) -> Result<Role> {
    roles::find(conn, org, id).await?.ok_or_else(|| ServiceError::not_found("role"))
}

/// Defines a role.
pub async fn create(
    core: &Arc<Core>,
    request: Request<CreateRoleRequest>,
) -> Result<Response<pb::Role>> {
    let (caller, message) = open_request(request)?;
    caller.authorize_organisation()?;
    let given = message.role.clone().unwrap_or_default();
    let role = Role {
        id: core.new_id(),
        display_name: text::display_name("role.displayName", &given.display_name)
            .map_err(refusal)?,
        permissions: PermissionSet::from_numbers(&given.permissions),
        built_in: false,
        version: 1,
    };
    check_permissions(role.permissions, held_at_top(&caller)?).map_err(refusal)?;
    let mut work = Work::begin(core, caller.org).await?;
    let key = &message.request_id;
    if let Some(earlier) = idempotency::replay(work.tx(), &caller, key, &message).await? {
        return Ok(Response::new(earlier));
    }
    let count = roles::list(work.conn(), caller.org).await?.len() as u64;
    if count >= CUSTOM_ROLES_MAX {
        let text = "the organisation has as many roles as it may have";
        return Err(ServiceError::new(Code::ResourceExhausted, Reason::LimitReached, text));
    }
    check_name(&work, &role).await?;
    roles::insert(work.conn(), caller.org, &role).await?;
    let answer = events::role(&role);
    work.note(note(&caller, &role));
    work.emit(Event::Role(role));
    let clock = core.clock.as_ref();
    idempotency::remember(work.tx(), &caller, key, &message, &answer, clock).await?;
    Ok(answered(answer, &work.commit().await?))
}

/// Changes a role.
pub async fn update(
    core: &Arc<Core>,
    request: Request<UpdateRoleRequest>,
) -> Result<Response<pb::Role>> {
    let (caller, message) = open_change(request, "role")?;
    caller.authorize_organisation()?;
    let given = message.role.unwrap_or_default();
    let id = role_id(&given.name)?;
    let mask = Mask::read(message.update_mask.as_ref(), &["display_name", "permissions"])?;
    let mut work = Work::begin(core, caller.org).await?;
    let before = find(work.conn(), caller.org, id).await?;
    if before.built_in {
        return Err(ServiceError::wrong_state("built-in roles cannot be changed"));
    }
    check_etag(&given.etag, before.version)?;
    let mut role = before.clone();
    if mask.covers("display_name", !given.display_name.is_empty()) {
        role.display_name =
            text::display_name("role.displayName", &given.display_name).map_err(refusal)?;
    }
    if mask.covers("permissions", !given.permissions.is_empty()) {
        role.permissions = PermissionSet::from_numbers(&given.permissions);
        // Neither given nor taken may be more than the caller holds.
        let held = held_at_top(&caller)?;
        check_permissions(role.permissions, held).map_err(refusal)?;
        check_permissions(before.permissions, held).map_err(refusal)?;
    }
    if role == before {
        return Ok(Response::new(events::role(&role)));
    }
    check_name(&work, &role).await?;
    role.version += 1;
    roles::update(work.conn(), caller.org, &role).await?;
    work.note(note(&caller, &role));
    let answer = events::role(&role);
    work.emit(Event::Role(role));
    Ok(answered(answer, &work.commit().await?))
}

/// Removes a role that nobody holds.
pub async fn delete(
    core: &Arc<Core>,
    request: Request<DeleteRoleRequest>,
) -> Result<Response<DeleteRoleResponse>> {
    let (caller, message) = open_request(request)?;
    caller.authorize_organisation()?;
    let id = role_id(&message.name)?;
    let mut work = Work::begin(core, caller.org).await?;
    let role = find(work.conn(), caller.org, id).await?;
    if role.built_in {
        return Err(ServiceError::wrong_state("built-in roles cannot be removed"));
    }
    if grants::count_of_role(work.conn(), caller.org, id).await? > 0 {
        let text = "the role is held by someone";
        return Err(ServiceError::new(Code::FailedPrecondition, Reason::InUse, text));
    }
    roles::delete(work.conn(), caller.org, id).await?;
    work.note(note(&caller, &role));
    work.emit(Event::RoleRemoved(role));
    Ok(answered(DeleteRoleResponse {}, &work.commit().await?))
}

fn held_at_top(caller: &Caller) -> Result<PermissionSet> {
    match caller.view()?.root() {
        Some(root) => held_on(caller, root),
        None => Ok(PermissionSet::EMPTY),
    }
}

async fn check_name(work: &Work, role: &Role) -> Result<()> {
    if roles::name_taken(work.conn(), work.org(), &role.display_name, role.id).await? {
        return Err(ServiceError::already_exists("a role has this name already"));
    }
    Ok(())
}

fn note(caller: &Caller, role: &Role) -> Note {
    let detail = json!({
        "displayName": role.display_name,
        "permissions": role.permissions.numbers(),
    });
    Note::ok(caller, events::role_name(role.id), None, detail)
}
