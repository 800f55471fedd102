//! Tokens for devices and partner systems, by id and secret.

use std::sync::Arc;

use auth_domain::{client::ClientKind, scope};
use kit::error::{Result, reason_name};
use proto::{
    auth::v1::{CreateTokenRequest, CreateTokenResponse},
    common::v1::{Kind, Reason},
    names,
};
use serde_json::json;
use uuid::Uuid;

use super::{ACTION, Bearer, OAUTH_ERROR, answer, bad_credentials, check_in_service, required};
use crate::{
    core::Core,
    rpc::refusal,
    secrets::same,
    store::clients::{self, Credential},
    work::{Note, Work},
};

/// A client asks for a token every few minutes; its first of a day is put on record.
const RECORD_EVERY_US: i64 = 24 * 3_600 * 1_000_000;

/// Gives a client an access token.
pub async fn admit(core: &Arc<Core>, form: CreateTokenRequest) -> Result<CreateTokenResponse> {
    let given = required("clientId", &form.client_id)?;
    let secret = required("clientSecret", &form.client_secret)?;
    let id = names::parse_id("clients", given).unwrap_or(Uuid::nil());
    let known = clients::find_credential(core.db.read(), id).await?;
    // An unknown client costs the same comparison.
    let expected = known.as_ref().map(|known| known.secret_hash.as_slice());
    let right = same(&core.secrets.client_hash(id, secret), expected.unwrap_or(&[0; 32]));
    let bad = || bad_credentials("invalid_client");
    let credential = known.ok_or_else(bad)?;
    if !right || credential.client.revoke_us.is_some() {
        record(core, &credential, false).await?;
        return Err(bad());
    }
    check_in_service(core.db.read(), credential.org).await?;
    let scopes = scope::narrow(&form.scope, credential.client.scopes)
        .map_err(|error| refusal(error).with_metadata(OAUTH_ERROR, "invalid_scope"))?;
    let day_ago_us = core.now_us() - RECORD_EVERY_US;
    if credential.seen_us.is_none_or(|seen_us| seen_us <= day_ago_us) {
        record(core, &credential, true).await?;
    }
    let kind = match credential.client.kind {
        ClientKind::Device => Kind::Device,
        ClientKind::Partner => Kind::Partner,
    };
    let bearer = Bearer {
        org: credential.org,
        kind,
        subject: id,
        session: None,
        device: credential.client.device,
        scopes: Some(scopes),
    };
    answer(core, bearer, String::new()).await
}

async fn record(core: &Arc<Core>, credential: &Credential, admitted: bool) -> Result<()> {
    let client = &credential.client;
    let name = names::print("clients", client.id);
    let mut work = Work::begin(core, credential.org).await?;
    if admitted {
        let now_us = work.now_us;
        clients::set_seen(work.conn(), credential.org, client.id, now_us).await?;
    }
    work.note(Note {
        actor: if admitted { name.clone() } else { "anonymous".to_owned() },
        action: ACTION.to_owned(),
        object: name,
        unit: Some(client.unit),
        outcome: if admitted { "ok" } else { reason_name(Reason::BadCredentials) }.to_owned(),
        detail: json!({ "grantType": "client_credentials" }),
    });
    work.commit().await?;
    Ok(())
}
