//! Sign-in with user name and password. Known and unknown accounts get the same answers after
//! the same work.

use std::{net::IpAddr, sync::Arc};

use auth_domain::session::{SESSIONS_MAX, Session};
use kit::error::{Result, ServiceError, reason_name};
use proto::{
    auth::v1::{CreateTokenRequest, CreateTokenResponse},
    common::v1::{Kind, Reason},
    names,
};
use serde_json::json;
use uuid::Uuid;

use super::{
    ACTION, Bearer, OAUTH_ERROR, answer,
    attempts::{Attempt, too_many},
    bad_credentials, check_in_service, required,
};
use crate::{
    core::Core,
    rpc::sessions::end,
    store::{
        organisations, sessions,
        users::{self, Account},
    },
    work::{INSTALLATION, Note, Work},
};

/// Signs a person in who calls from `address`.
pub async fn sign_in(
    core: &Arc<Core>,
    form: CreateTokenRequest,
    address: Option<IpAddr>,
) -> Result<CreateTokenResponse> {
    let login = required("username", &form.username)?;
    required("password", &form.password)?;
    if !form.scope.is_empty() {
        let text = "is only for clients; a person acts by grants";
        let error = ServiceError::invalid("scope", text);
        return Err(error.with_metadata(OAUTH_ERROR, "invalid_scope"));
    }
    let org = organisation(core, &form.organisation).await?;
    let account = users::find_by_login(core.db.read(), org, login).await?;
    let device = known_device(core, org, account.as_ref(), &form.refresh_token).await?;
    let attempt = Attempt::begin(core, org, login, device, address).await?;
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    let right = core.hasher.verify(form.password, hash).await?;
    let mut work = Work::begin(core, org).await?;
    // Read again: password or user may have changed while the hash was computed.
    let present = users::find_by_login(work.conn(), org, login).await?;
    let admitted = account
        .as_ref()
        .zip(present)
        .filter(|(then, now)| right && then.password_hash == now.password_hash)
        .filter(|(_, now)| !now.user.disabled)
        .map(|(_, now)| now);
    if let Some(wait_us) = attempt.settle(&work, admitted.is_some()).await? {
        return Err(too_many(wait_us));
    }
    match admitted {
        Some(account) => {
            if let Err(refused) = check_in_service(work.conn(), org).await {
                let reason = reason_name(refused.reason());
                work.note(note(Some(&account), reason, json!({ "grantType": "password" })));
                work.commit().await?;
                return Err(refused);
            }
            admit(core, work, account).await
        }
        None => {
            let reason = reason_name(Reason::BadCredentials);
            work.note(note(account.as_ref(), reason, json!({ "grantType": "password" })));
            work.commit().await?;
            Err(bad_credentials("invalid_grant"))
        }
    }
}

async fn admit(core: &Arc<Core>, mut work: Work, account: Account) -> Result<CreateTokenResponse> {
    let (org, user) = (work.org(), account.user.id);
    let alive = sessions::alive(work.conn(), org, user, work.now_us).await?;
    for oldest in alive.into_iter().skip(SESSIONS_MAX - 1) {
        end(&mut work, oldest).await?;
    }
    let session = Session::begin(core.new_id(), user, work.now_us);
    sessions::insert(work.conn(), org, &session).await?;
    let token = core.secrets.new_refresh_token();
    let hash = core.secrets.refresh_hash(&token).to_vec();
    sessions::insert_token(work.conn(), org, session.id, hash, work.now_us).await?;
    let detail = json!({
        "grantType": "password",
        "session": names::print("sessions", session.id),
    });
    work.note(note(Some(&account), "ok", detail));
    work.commit().await?;
    let bearer = Bearer {
        org,
        kind: Kind::User,
        subject: user,
        session: Some(session.id),
        device: None,
        scopes: None,
    };
    answer(core, bearer, token).await
}

/// The earlier session of the same person whose refresh token the device still has.
async fn known_device(
    core: &Core,
    org: Uuid,
    account: Option<&Account>,
    token: &str,
) -> Result<Option<Uuid>> {
    if token.is_empty() {
        return Ok(None);
    }
    let hash = core.secrets.refresh_hash(token);
    let known = sessions::find_token(core.db.read(), &hash).await?;
    let Some(known) = known.filter(|known| known.org == org) else { return Ok(None) };
    let session = sessions::find(core.db.read(), org, known.session).await?;
    let own = session.filter(|session| account.is_some_and(|a| a.user.id == session.user));
    Ok(own.map(|session| session.id))
}

/// The organisation to sign in to; the installation itself stands for an unknown one, so that
/// it is looked for, counted and recorded like any other.
async fn organisation(core: &Core, slug: &str) -> Result<Uuid> {
    let conn = core.db.read();
    if !slug.is_empty() {
        let found = organisations::find_by_slug(conn, slug).await?;
        return Ok(found.map_or(INSTALLATION, |found| found.id));
    }
    let only = organisations::find_only(conn).await?;
    only.map(|only| only.id).ok_or_else(|| {
        let error = ServiceError::invalid("organisation", "is required");
        error.with_metadata(OAUTH_ERROR, "invalid_request")
    })
}

fn note(account: Option<&Account>, outcome: &str, detail: serde_json::Value) -> Note {
    let name = account.map(|account| names::print("users", account.user.id));
    let signed_in = name.clone().filter(|_| outcome == "ok");
    Note {
        actor: signed_in.unwrap_or_else(|| "anonymous".to_owned()),
        action: ACTION.to_owned(),
        object: name.unwrap_or_default(),
        unit: account.map(|account| account.user.unit),
        outcome: outcome.to_owned(),
        detail,
    }
}
