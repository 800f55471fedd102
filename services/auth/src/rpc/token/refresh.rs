//! Refresh tokens: each is exchanged once for a successor; a second exchange means that it was
//! stolen, and ends the session.

use std::sync::Arc;

use auth_domain::{
    session::{Refresh, RefreshState, Session, refresh},
    user::User,
};
use kit::error::{Result, reason_name};
use proto::{
    auth::v1::{CreateTokenRequest, CreateTokenResponse},
    common::v1::{Kind, Reason},
    names,
};
use serde_json::json;

use super::{ACTION, Bearer, answer, bad_credentials, check_in_service, required};
use crate::{
    core::Core,
    rpc::sessions::end,
    store::{sessions, users},
    work::{Note, Work},
};

/// Exchanges a refresh token.
pub async fn exchange(core: &Arc<Core>, form: CreateTokenRequest) -> Result<CreateTokenResponse> {
    let token = required("refreshToken", &form.refresh_token)?;
    let bad = || bad_credentials("invalid_grant");
    // Refresh tokens are only for people: no client owns one.
    if !form.client_id.is_empty() {
        return Err(bad());
    }
    let hash = core.secrets.refresh_hash(token);
    let known = sessions::find_token(core.db.read(), &hash).await?.ok_or_else(bad)?;
    let mut work = Work::begin(core, known.org).await?;
    let stored = sessions::find_token(work.conn(), &hash).await?.ok_or_else(bad)?;
    let found = sessions::find(work.conn(), known.org, stored.session).await?;
    let session = found.ok_or_else(bad)?;
    let user = users::find(work.conn(), known.org, session.user).await?.ok_or_else(bad)?;
    if user.disabled {
        return Err(bad());
    }
    check_in_service(work.conn(), known.org).await?;
    let successor = core.secrets.successor(token);
    let successor_hash = core.secrets.refresh_hash(&successor);
    let next = sessions::find_token(work.conn(), &successor_hash).await?;
    let state = RefreshState {
        used_us: stored.used_us,
        repeated: stored.repeated,
        successor_used: next.is_some_and(|next| next.used_us.is_some()),
    };
    let (org, now_us) = (known.org, work.now_us);
    match refresh(&session, state, now_us) {
        Refresh::Over => return Err(bad()),
        Refresh::Reuse => {
            work.note(reused(&session, &user));
            end(&mut work, session).await?;
            work.commit().await?;
            return Err(bad());
        }
        Refresh::Repeat => {
            let used_us = stored.used_us.unwrap_or(now_us);
            sessions::set_token_used(work.conn(), org, &hash, used_us, true).await?;
        }
        Refresh::Rotate => {
            sessions::set_token_used(work.conn(), org, &hash, now_us, false).await?;
            let hash = successor_hash.to_vec();
            sessions::insert_token(work.conn(), org, session.id, hash, now_us).await?;
            sessions::update(work.conn(), org, &session.clone().refreshed(now_us)).await?;
            work.note(refreshed(&session, &user));
        }
    }
    work.commit().await?;
    let bearer = Bearer {
        org,
        kind: Kind::User,
        subject: session.user,
        session: Some(session.id),
        device: None,
        scopes: None,
    };
    answer(core, bearer, successor).await
}

/// Ends the session of a refresh token, used or not. An unknown token is no error.
pub async fn revoke(core: &Arc<Core>, token: &str) -> Result<()> {
    let hash = core.secrets.refresh_hash(token);
    let Some(known) = sessions::find_token(core.db.read(), &hash).await? else { return Ok(()) };
    let mut work = Work::begin(core, known.org).await?;
    let found = sessions::find(work.conn(), known.org, known.session).await?;
    let Some(session) = found.filter(|session| session.revoke_us.is_none()) else {
        return Ok(());
    };
    let user = users::find(work.conn(), known.org, session.user).await?;
    work.note(Note {
        actor: names::print("users", session.user),
        action: "manyi.auth.v1.TokenService/RevokeToken".to_owned(),
        object: names::print("sessions", session.id),
        unit: user.map(|user| user.unit),
        outcome: "ok".to_owned(),
        detail: json!({}),
    });
    end(&mut work, session).await?;
    work.commit().await?;
    Ok(())
}

fn refreshed(session: &Session, user: &User) -> Note {
    Note {
        actor: names::print("users", user.id),
        action: ACTION.to_owned(),
        object: names::print("sessions", session.id),
        unit: Some(user.unit),
        outcome: "ok".to_owned(),
        detail: json!({ "grantType": "refresh_token" }),
    }
}

fn reused(session: &Session, user: &User) -> Note {
    Note {
        actor: "anonymous".to_owned(),
        action: ACTION.to_owned(),
        object: names::print("sessions", session.id),
        unit: Some(user.unit),
        outcome: reason_name(Reason::BadCredentials).to_owned(),
        detail: json!({
            "grantType": "refresh_token",
            "reused": true,
            "user": names::print("users", user.id),
        }),
    }
}
