//! Sign-ins of people.

use std::sync::Arc;

use auth_domain::{event::Event, session::Session};
use kit::{
    auth::{Caller, open_request},
    directory::Subject,
    error::{Result, ServiceError},
};
use proto::{
    auth::v1::{
        self as pb, ListSessionsRequest, ListSessionsResponse, RevokeSessionRequest,
        session_service_server::SessionService,
    },
    common::v1::Permission,
    names,
};
use serde_json::json;
use tonic::{Request, Response};
use uuid::Uuid;

use super::{Answer, answered, id_of, optional_id, users::check_manages};
use crate::{
    core::Core,
    events,
    store::{Connection, sessions, users},
    work::{Note, Work},
};

/// Handlers of the session service.
pub struct Sessions(pub Arc<Core>);

#[tonic::async_trait]
impl SessionService for Sessions {
    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Answer<ListSessionsResponse> {
        let (caller, message) = open_request(request)?;
        let asked = optional_id("users", "user", &message.user)?;
        let user = match (asked, caller.subject) {
            (None, Subject::User(own)) => own,
            (Some(user), _) => user,
            _ => return Err(ServiceError::denied().into()),
        };
        authorize(self.0.db.read(), &caller, user, "user").await?;
        let now_us = self.0.now_us();
        let alive = sessions::alive(self.0.db.read(), caller.org, user, now_us).await?;
        let sessions = alive.iter().map(events::session).collect();
        Ok(Response::new(ListSessionsResponse { sessions }))
    }

    async fn revoke_session(&self, request: Request<RevokeSessionRequest>) -> Answer<pb::Session> {
        Ok(self.revoke(request).await?)
    }
}

impl Sessions {
    async fn revoke(
        &self,
        request: Request<RevokeSessionRequest>,
    ) -> Result<Response<pb::Session>> {
        let (caller, message) = open_request(request)?;
        let id = id_of("sessions", "name", &message.name)?;
        let mut work = Work::begin(&self.0, caller.org).await?;
        let found = sessions::find(work.conn(), caller.org, id).await?;
        let session = found.ok_or_else(|| ServiceError::not_found("session"))?;
        let unit = authorize(work.conn(), &caller, session.user, "session").await?;
        check_manages(&caller, session.user)?;
        if session.revoke_us.is_some() {
            return Ok(Response::new(events::session(&session)));
        }
        let session = end(&mut work, session).await?;
        let detail = json!({ "user": names::print("users", session.user) });
        work.note(Note::ok(&caller, names::print("sessions", id), unit, detail));
        Ok(answered(events::session(&session), &work.commit().await?))
    }
}

/// Who may see and end sessions of `user`: the user, and whoever may do so on the user's unit.
/// The unit of the user.
async fn authorize(
    conn: &impl Connection,
    caller: &Caller,
    user: Uuid,
    what: &str,
) -> Result<Option<Uuid>> {
    let unit = users::find(conn, caller.org, user).await?.map(|user| user.unit);
    if caller.subject == Subject::User(user) {
        return Ok(unit);
    }
    let unit = unit.ok_or_else(|| ServiceError::not_found(what))?;
    caller.authorize_object_for(Permission::SessionRevoke, unit, what)?;
    Ok(Some(unit))
}

/// Ends a session here and, through the feed, everywhere.
pub async fn end(work: &mut Work, session: Session) -> Result<Session> {
    let session = Session { revoke_us: Some(work.now_us), ..session };
    sessions::update(work.conn(), work.org(), &session).await?;
    work.emit(Event::SessionRevoked(session.id, work.now_us));
    Ok(session)
}

/// Ends all sessions of a user but one.
pub async fn end_sessions(work: &mut Work, user: Uuid, except: Option<Uuid>) -> Result<()> {
    let alive = sessions::alive(work.conn(), work.org(), user, work.now_us).await?;
    for session in alive.into_iter().filter(|session| Some(session.id) != except) {
        end(work, session).await?;
    }
    Ok(())
}
