//! The token service.

use std::sync::Arc;

use auth_domain::permission::PermissionSet;
use kit::{
    auth::{Caller, KeySource as _, open_request},
    directory::Subject,
    error::{Result, ServiceError},
};
use proto::auth::v1::{
    self as pb, CreateTokenRequest, CreateTokenResponse, GetJwksRequest, GetSelfRequest, Jwks,
    RevokeTokenRequest, RevokeTokenResponse, RotateSigningKeyRequest, RotateSigningKeyResponse,
    token_service_server::TokenService,
};
use serde_json::json;
use tonic::{Request, Response};
use uuid::Uuid;

use super::{
    Answer, held_on,
    token::{OAUTH_ERROR, attempts::address_of, client, password, refresh},
    users,
};
use crate::{
    core::Core,
    events,
    store::{clients, grants, organisations},
    work::{INSTALLATION, Note, Work},
};

/// Handlers of the token service.
pub struct Tokens(pub Arc<Core>);

#[tonic::async_trait]
impl TokenService for Tokens {
    async fn create_token(
        &self,
        request: Request<CreateTokenRequest>,
    ) -> Answer<CreateTokenResponse> {
        let address = address_of(request.metadata());
        let (_, form) = open_request(request)
            .map_err(|error| error.with_metadata(OAUTH_ERROR, "invalid_request"))?;
        let answer = match form.grant_type.as_str() {
            "password" => password::sign_in(&self.0, form, address).await,
            "refresh_token" => refresh::exchange(&self.0, form).await,
            "client_credentials" => client::admit(&self.0, form).await,
            _ => {
                let text = "is none of password, refresh_token and client_credentials";
                let error = ServiceError::invalid("grantType", text);
                Err(error.with_metadata(OAUTH_ERROR, "unsupported_grant_type"))
            }
        };
        Ok(Response::new(answer?))
    }

    async fn revoke_token(
        &self,
        request: Request<RevokeTokenRequest>,
    ) -> Answer<RevokeTokenResponse> {
        let (_, form) = open_request(request)
            .map_err(|error| error.with_metadata(OAUTH_ERROR, "invalid_request"))?;
        refresh::revoke(&self.0, &form.token).await?;
        Ok(Response::new(RevokeTokenResponse {}))
    }

    async fn get_jwks(&self, _: Request<GetJwksRequest>) -> Answer<Jwks> {
        let keys = self.0.signing.keys().await?;
        Ok(Response::new(Jwks { keys }))
    }

    async fn rotate_signing_key(
        &self,
        request: Request<RotateSigningKeyRequest>,
    ) -> Answer<RotateSigningKeyResponse> {
        let (caller, _) = open_request(request)?;
        let mut work = Work::begin(&self.0, INSTALLATION).await?;
        let kid = self.0.signing.rotate(work.tx()).await?;
        work.note(Note::ok(&caller, format!("signingKeys/{kid}"), None, json!({})));
        work.commit().await?;
        self.0.signing.reload().await;
        Ok(Response::new(RotateSigningKeyResponse { kid }))
    }

    async fn get_self(&self, request: Request<GetSelfRequest>) -> Answer<pb::Self_> {
        let (caller, _) = open_request(request)?;
        Ok(Response::new(self.describe(&caller).await?))
    }
}

impl Tokens {
    async fn describe(&self, caller: &Caller) -> Result<pb::Self_> {
        let conn = self.0.db.read();
        let organisation = organisations::find(conn, caller.org).await?;
        let mut answer = pb::Self_ {
            subject: caller.name(),
            kind: caller.kind as i32,
            organisation: organisation.as_ref().map(events::organisation),
            permissions: everywhere(caller)?.numbers(),
            ..Default::default()
        };
        match caller.subject {
            Subject::User(id) => {
                answer.display_name = users::find(conn, caller.org, id).await?.display_name;
                let held = grants::of_user(conn, caller.org, id).await?;
                answer.grants = held.iter().map(events::grant).collect();
            }
            Subject::Client(id) => {
                let client = clients::find(conn, caller.org, id).await?;
                answer.display_name = client.map(|client| client.display_name).unwrap_or_default();
            }
            Subject::Internal | Subject::Operator | Subject::Anonymous => {}
        }
        Ok(answer)
    }
}

/// Everything that a caller holds anywhere, as limited by its token.
fn everywhere(caller: &Caller) -> Result<PermissionSet> {
    let view = caller.view()?;
    let roots: Vec<Uuid> = view.roots_of(caller.subject).map(|(unit, _)| unit).collect();
    roots
        .into_iter()
        .try_fold(PermissionSet::EMPTY, |all, unit| Ok(all.union(held_on(caller, unit)?)))
}
