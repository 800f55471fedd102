//! Who calls, as far as the gateway needs to know: for quotas, and to refuse bad tokens before
//! a request is read. The services check every token again.

use std::sync::Arc;

use http::{HeaderMap, header};
use kit::{
    auth::{Verified, Verifier},
    error::{Result, ServiceError},
};
use proto::{common::v1::Reason, methods::Method};
use tonic::Code;

/// A caller.
#[derive(Debug, Clone)]
pub enum Identity {
    /// With a good token.
    Known(Arc<Verified>),
    /// Without one, or not checked here.
    Unknown,
}

/// Tells who calls `method`.
///
/// # Errors
/// UNAUTHENTICATED when the method needs a token and there is no good one. That comes before
/// any look at the request itself.
pub async fn identify(
    verifier: Option<&Verifier>,
    headers: &HeaderMap,
    method: &Method,
) -> Result<Identity> {
    if method.rule.anonymous {
        return Ok(Identity::Unknown);
    }
    let token = token_of(headers)?;
    let Some(verifier) = verifier else { return Ok(Identity::Unknown) };
    match verifier.verify(token).await {
        Ok(verified) => Ok(Identity::Known(verified)),
        Err(error) if error.code() == Code::Unauthenticated => Err(error),
        // No keys at the moment; the service may have them.
        Err(_) => Ok(Identity::Unknown),
    }
}

fn token_of(headers: &HeaderMap) -> Result<&str> {
    let missing =
        || ServiceError::unauthenticated(Reason::NoCredential, "send an access token as bearer");
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or_else(missing)?;
    if values.next().is_some() {
        let text = "more than one authorization header";
        return Err(ServiceError::unauthenticated(Reason::TokenInvalid, text));
    }
    let text = value.to_str().map_err(|_| missing())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(missing)?;
    let good = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty();
    if good { Ok(token) } else { Err(missing()) }
}
