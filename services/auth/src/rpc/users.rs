//! People who sign in.

use std::sync::Arc;

use auth_domain::{
    event::Event,
    grant::{Standing, check_account, check_owner_stays},
    password, text,
    user::{USERS_MAX, User, check_login, login_key},
};
use kit::{
    auth::{Caller, open_change, open_request},
    directory::Subject,
    error::{Result, ServiceError},
    idempotency,
    mask::Mask,
};
use proto::{
    auth::v1::{
        self as pb, ChangePasswordRequest, ChangePasswordResponse, CreateUserRequest,
        GetUserRequest, ListUsersRequest, ListUsersResponse, ResetPasswordRequest,
        ResetPasswordResponse, UpdateUserRequest, user_service_server::UserService,
    },
    common::v1::Reason,
    names,
};
use serde_json::json;
use tonic::{Code, Request, Response};
use uuid::Uuid;

use super::{
    Answer, answered, check_etag, held_on, id_of, optional_id, refusal, scan,
    sessions::end_sessions,
    token::attempts::{Attempt, too_many},
    units::find_in_use,
};
use crate::{
    core::Core,
    events,
    store::{Connection, failures, grants, users},
    work::{Note, Work},
};

const CHANGEABLE: [&str; 4] = ["display_name", "unit", "language", "disabled"];

/// Handlers of the user service.
pub struct Users(pub Arc<Core>);

#[tonic::async_trait]
impl UserService for Users {
    async fn create_user(&self, request: Request<CreateUserRequest>) -> Answer<pb::User> {
        Ok(self.create(request).await?)
    }

    async fn get_user(&self, request: Request<GetUserRequest>) -> Answer<pb::User> {
        let (caller, message) = open_request(request)?;
        let id = id_of("users", "name", &message.name)?;
        let user = find(self.0.db.read(), caller.org, id).await?;
        caller.authorize_object(user.unit, "user")?;
        Ok(Response::new(events::user(&user)))
    }

    async fn list_users(&self, request: Request<ListUsersRequest>) -> Answer<ListUsersResponse> {
        Ok(self.list(request).await?)
    }

    async fn update_user(&self, request: Request<UpdateUserRequest>) -> Answer<pb::User> {
        Ok(self.update(request).await?)
    }

    async fn reset_password(
        &self,
        request: Request<ResetPasswordRequest>,
    ) -> Answer<ResetPasswordResponse> {
        Ok(self.reset(request).await?)
    }

    async fn change_password(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Answer<ChangePasswordResponse> {
        Ok(self.change(request).await?)
    }
}

impl Users {
    async fn create(&self, request: Request<CreateUserRequest>) -> Result<Response<pb::User>> {
        let core = &self.0;
        let (caller, mut message) = open_request(request)?;
        let given = message.user.clone().unwrap_or_default();
        let unit = id_of("units", "user.unit", &given.unit)?;
        caller.authorize(unit)?;
        check_login("user.login", &given.login).map_err(refusal)?;
        password::check("password", &message.password, &given.login).map_err(refusal)?;
        let user = User {
            id: core.new_id(),
            login: given.login.clone(),
            display_name: text::display_name("user.displayName", &given.display_name)
                .map_err(refusal)?,
            unit,
            language: text::language("user.language", &given.language).map_err(refusal)?,
            disabled: given.disabled,
            version: 1,
            create_us: core.now_us(),
        };
        // What is remembered of the request must not help to guess the password.
        let password = std::mem::take(&mut message.password);
        let password_hash = core.hasher.hash(password).await?;
        let mut work = Work::begin(core, caller.org).await?;
        let key = &message.request_id;
        if let Some(earlier) = idempotency::replay(work.tx(), &caller, key, &message).await? {
            return Ok(Response::new(earlier));
        }
        if users::count(work.conn(), caller.org).await? >= USERS_MAX {
            let text = "the organisation has as many users as it may have";
            return Err(ServiceError::new(Code::ResourceExhausted, Reason::LimitReached, text));
        }
        find_in_use(work.conn(), caller.org, unit).await?;
        if users::find_by_login(work.conn(), caller.org, &user.login).await?.is_some() {
            return Err(ServiceError::already_exists("a user has this sign-in name already"));
        }
        users::insert(work.conn(), caller.org, &user, password_hash).await?;
        let answer = events::user(&user);
        work.note(note(&caller, &user, json!({ "unit": given.unit })));
        work.emit(Event::User(user));
        let clock = core.clock.as_ref();
        idempotency::remember(work.tx(), &caller, key, &message, &answer, clock).await?;
        Ok(answered(answer, &work.commit().await?))
    }

    async fn list(
        &self,
        request: Request<ListUsersRequest>,
    ) -> Result<Response<ListUsersResponse>> {
        let (caller, message) = open_request(request)?;
        let visible = caller.visible()?;
        let unit = optional_id("units", "unit", &message.unit)?;
        if let Some(unit) = unit {
            caller.authorize(unit)?;
        }
        let listed = format!("users|{}|{}", caller.org, message.unit);
        let page = self.0.pages.open(listed, message.page_size, &message.page_token)?;
        let narrowed = visible.narrowed(unit)?;
        let fetch = |after: Option<String>, limit| {
            let (conn, units) = (self.0.db.read().clone(), narrowed.clone());
            let org = caller.org;
            async move { users::list(&conn, org, units.as_deref(), after.as_deref(), limit).await }
        };
        let view = visible.view();
        let inside = |id: Uuid| unit.is_none_or(|unit| view.is_within(id, unit));
        let keep = |row: &User| visible.contains(row.unit) && inside(row.unit);
        let (rows, next_page_token) =
            scan::fill(page, fetch, |row| login_key(&row.login), keep).await?;
        Ok(Response::new(ListUsersResponse {
            users: rows.iter().map(events::user).collect(),
            next_page_token,
        }))
    }

    async fn update(&self, request: Request<UpdateUserRequest>) -> Result<Response<pb::User>> {
        let (caller, message) = open_change(request, "user")?;
        let given = message.user.unwrap_or_default();
        let id = id_of("users", "user.name", &given.name)?;
        let seen = find(self.0.db.read(), caller.org, id).await?;
        caller.authorize_object(seen.unit, "user")?;
        let mask = Mask::read(message.update_mask.as_ref(), &CHANGEABLE)?;
        let mut work = Work::begin(&self.0, caller.org).await?;
        let before = find(work.conn(), caller.org, id).await?;
        caller.authorize_object(before.unit, "user")?;
        check_etag(&given.etag, before.version)?;
        mask.keeps("user.login", &given.login, &before.login)?;
        let mut user = changed(&before, &given, &mask)?;
        if user == before {
            return Ok(Response::new(events::user(&user)));
        }
        if user.unit != before.unit {
            caller.authorize(user.unit)?;
            find_in_use(work.conn(), caller.org, user.unit).await?;
        }
        if user.unit != before.unit || user.disabled != before.disabled {
            check_manages(&caller, id)?;
        }
        if user.disabled && !before.disabled {
            check_not_last_owner(&work, &caller, id).await?;
            end_sessions(&mut work, id, None).await?;
        }
        user.version += 1;
        users::update(work.conn(), caller.org, &user).await?;
        work.note(note(&caller, &user, difference(&before, &user)));
        let answer = events::user(&user);
        work.emit(Event::User(user));
        Ok(answered(answer, &work.commit().await?))
    }

    async fn reset(
        &self,
        request: Request<ResetPasswordRequest>,
    ) -> Result<Response<ResetPasswordResponse>> {
        let core = &self.0;
        let (caller, message) = open_request(request)?;
        let id = id_of("users", "name", &message.name)?;
        let user = find(core.db.read(), caller.org, id).await?;
        caller.authorize_object(user.unit, "user")?;
        if caller.subject == Subject::User(id) {
            let text = "your own password is changed with the present one";
            return Err(ServiceError::wrong_state(text));
        }
        check_manages(&caller, id)?;
        password::check("password", &message.password, &user.login).map_err(refusal)?;
        let password_hash = core.hasher.hash(message.password).await?;
        let mut work = Work::begin(core, caller.org).await?;
        let account = find_account(work.conn(), caller.org, id).await?;
        caller.authorize_object(account.user.unit, "user")?;
        users::set_password(work.conn(), caller.org, &account, password_hash).await?;
        end_sessions(&mut work, id, None).await?;
        let counted = core.secrets.account(caller.org, &login_key(&user.login), None);
        failures::clear(work.conn(), &counted).await?;
        work.note(note(&caller, &account.user, json!({ "password": true })));
        Ok(answered(ResetPasswordResponse {}, &work.commit().await?))
    }

    async fn change(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>> {
        let core = &self.0;
        let (caller, message) = open_request(request)?;
        let Subject::User(id) = caller.subject else { return Err(ServiceError::denied()) };
        let account = find_account(core.db.read(), caller.org, id).await?;
        let login = &account.user.login;
        password::check("newPassword", &message.new_password, login).map_err(refusal)?;
        // A stolen token must not be a way around the growing delay.
        let attempt = Attempt::begin(core, caller.org, login, caller.session, None).await?;
        let known = Some(account.password_hash.clone());
        let right = core.hasher.verify(message.current_password, known).await?;
        let password_hash = core.hasher.hash(message.new_password).await?;
        let mut work = Work::begin(core, caller.org).await?;
        if let Some(wait_us) = attempt.settle(&work, right).await? {
            return Err(too_many(wait_us));
        }
        if !right {
            let mut failed = note(&caller, &account.user, json!({ "password": false }));
            failed.outcome = kit::error::reason_name(Reason::BadCredentials).to_owned();
            work.note(failed);
            work.commit().await?;
            let text = "the present password is wrong";
            return Err(ServiceError::new(Code::FailedPrecondition, Reason::BadCredentials, text));
        }
        users::set_password(work.conn(), caller.org, &account, password_hash).await?;
        end_sessions(&mut work, id, caller.session).await?;
        work.note(note(&caller, &account.user, json!({ "password": true })));
        Ok(answered(ChangePasswordResponse {}, &work.commit().await?))
    }
}

/// A user that has to exist.
pub async fn find(conn: &impl Connection, org: Uuid, id: Uuid) -> Result<User> {
    users::find(conn, org, id).await?.ok_or_else(|| ServiceError::not_found("user"))
}

async fn find_account(conn: &impl Connection, org: Uuid, id: Uuid) -> Result<users::Account> {
    users::find_account(conn, org, id).await?.ok_or_else(|| ServiceError::not_found("user"))
}

/// Whoever takes over, moves or locks an account holds all that the account holds. Oneself
/// always does.
pub fn check_manages(caller: &Caller, user: Uuid) -> Result<()> {
    if caller.subject == Subject::User(user) {
        return Ok(());
    }
    let view = caller.view()?;
    let mut standings = Vec::new();
    for (unit, set) in view.roots_of(Subject::User(user)) {
        let numbers: Vec<i32> = set.iter().map(|p| p as i32).collect();
        let other = auth_domain::permission::PermissionSet::from_numbers(&numbers);
        standings.push(Standing { manager: held_on(caller, unit)?, other });
    }
    check_account(&standings).map_err(refusal)
}

/// Someone stays owner when `leaving` no longer is.
pub async fn check_not_last_owner(work: &Work, caller: &Caller, leaving: Uuid) -> Result<()> {
    let Some(root) = caller.view()?.root() else { return Ok(()) };
    let owners = grants::owners(work.conn(), work.org(), root).await?;
    check_owner_stays(&owners, leaving).map_err(refusal)
}

fn changed(before: &User, given: &pb::User, mask: &Mask) -> Result<User> {
    let mut user = before.clone();
    if mask.covers("display_name", !given.display_name.is_empty()) {
        let name = text::display_name("user.displayName", &given.display_name);
        user.display_name = name.map_err(refusal)?;
    }
    if mask.covers("unit", !given.unit.is_empty()) {
        user.unit = id_of("units", "user.unit", &given.unit)?;
    }
    if mask.covers("language", !given.language.is_empty()) {
        user.language = text::language("user.language", &given.language).map_err(refusal)?;
    }
    if mask.covers("disabled", given.disabled) {
        user.disabled = given.disabled;
    }
    Ok(user)
}

/// Names of changed fields; a display name is personal, so that its values stay out.
fn difference(before: &User, after: &User) -> serde_json::Value {
    let mut changes = serde_json::Map::new();
    if before.display_name != after.display_name {
        changes.insert("displayName".to_owned(), true.into());
    }
    if before.unit != after.unit {
        let (from, to) = (names::print("units", before.unit), names::print("units", after.unit));
        changes.insert("unit".to_owned(), json!({ "from": from, "to": to }));
    }
    if before.language != after.language {
        changes.insert("language".to_owned(), after.language.clone().into());
    }
    if before.disabled != after.disabled {
        changes.insert("disabled".to_owned(), after.disabled.into());
    }
    serde_json::Value::Object(changes)
}

fn note(caller: &Caller, user: &User, detail: serde_json::Value) -> Note {
    Note::ok(caller, names::print("users", user.id), Some(user.unit), detail)
}
