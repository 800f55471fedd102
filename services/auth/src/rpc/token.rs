//! How credentials become tokens.

pub mod attempts;
pub mod client;
pub mod password;
pub mod refresh;

use auth_domain::{permission::PermissionSet, scope, session::ACCESS_LIFE_S};
use kit::{
    auth::{AUDIENCE, Claims, ISSUER, suspended},
    error::{Result, ServiceError},
};
use proto::{
    auth::v1::CreateTokenResponse,
    common::v1::{Kind, Reason},
    names,
};
use uuid::Uuid;

use crate::{
    core::Core,
    store::{Connection, organisations},
};

/// Key of `ErrorInfo.metadata` under which the error code of RFC 6749 stands.
pub const OAUTH_ERROR: &str = "oauth_error";

/// Name of the RPC in audit records.
const ACTION: &str = "manyi.auth.v1.TokenService/CreateToken";

/// Whom an access token is for.
pub struct Bearer {
    /// Organisation.
    pub org: Uuid,
    /// Kind of caller.
    pub kind: Kind,
    /// User or client.
    pub subject: Uuid,
    /// Session of a user.
    pub session: Option<Uuid>,
    /// Device of a device's client.
    pub device: Option<Uuid>,
    /// What a client's token is limited to.
    pub scopes: Option<PermissionSet>,
}

/// A new access token in an answer. No transaction may be open.
pub async fn answer(
    core: &Core,
    bearer: Bearer,
    refresh_token: String,
) -> Result<CreateTokenResponse> {
    let now_s = core.now_us() / 1_000_000;
    let collection = if bearer.session.is_some() { "users" } else { "clients" };
    let claims = Claims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: bare(collection, bearer.subject),
        org: bare("organisations", bearer.org),
        kind: bearer.kind as i32,
        sid: bearer.session.map(|id| bare("sessions", id)),
        dev: bearer.device.map(|id| bare("devices", id)),
        scp: bearer.scopes.map(PermissionSet::numbers),
        iat: now_s,
        nbf: now_s,
        exp: now_s + ACCESS_LIFE_S,
        jti: Uuid::new_v4().simple().to_string(),
    };
    Ok(CreateTokenResponse {
        access_token: core.signing.sign(&claims).await?,
        token_type: "Bearer".to_owned(),
        expires_in: i32::try_from(ACCESS_LIFE_S).unwrap_or(i32::MAX),
        refresh_token,
        scope: bearer.scopes.map(scope::print).unwrap_or_default(),
    })
}

/// Requires the organisation to be in service. Asked only once the credential is known to be
/// right, so that a stranger learns nothing.
///
/// # Errors
/// FAILED_PRECONDITION with ORGANISATION_SUSPENDED.
pub async fn check_in_service(conn: &impl Connection, org: Uuid) -> Result<()> {
    let organisation = organisations::find(conn, org).await?;
    match organisation.and_then(|organisation| organisation.suspend_us) {
        Some(_) => Err(suspended().with_metadata(OAUTH_ERROR, "unauthorized_client")),
        None => Ok(()),
    }
}

/// The one answer to a wrong credential, whatever is wrong with it.
fn bad_credentials(oauth_error: &str) -> ServiceError {
    let text = "the credentials are wrong";
    ServiceError::unauthenticated(Reason::BadCredentials, text)
        .with_metadata(OAUTH_ERROR, oauth_error)
}

/// Requires a form field.
fn required<'a>(field: &str, value: &'a str) -> Result<&'a str> {
    if value.is_empty() {
        let error = ServiceError::invalid(field, "is required");
        return Err(error.with_metadata(OAUTH_ERROR, "invalid_request"));
    }
    Ok(value)
}

/// The part of a name after the slash.
fn bare(collection: &str, id: Uuid) -> String {
    let name = names::print(collection, id);
    name.rsplit('/').next().unwrap_or_default().to_owned()
}
