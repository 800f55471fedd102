//! The tower layer before every handler: token, standing, rule. What the rule table does not
//! allow never reaches a handler.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response, header::AUTHORIZATION};
use proto::{
    common::v1::{Kind, Reason},
    methods::{Method, table},
};
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};
use uuid::Uuid;

use super::{Caller, Verified, Verifier};
use crate::{
    clock::SharedClock,
    consistency::{self, Followed, Token},
    directory::{CONSISTENCY_WAIT_MAX, Directory, unknown_organisation},
    error::{Result, ServiceError},
    layers::Acquainted,
};

/// Header that carries the position of a change which a later call must see.
pub const CONSISTENCY_HEADER: &str = consistency::HEADER;
/// How long a call waits for its organisation to arrive here.
const ORGANISATION_WAIT: Duration = Duration::from_secs(2);

/// Puts access control before a service's routes.
#[derive(Clone)]
pub struct AuthLayer {
    verifier: Verifier,
    directory: Directory,
    clock: SharedClock,
    feeds: Vec<Followed>,
}

impl AuthLayer {
    /// Decides with `verifier` who calls and with `directory` what it may do.
    pub fn new(verifier: Verifier, directory: Directory, clock: SharedClock) -> Self {
        Self { verifier, directory, clock, feeds: Vec::new() }
    }

    /// Besides auth's feed the service follows these; calls wait for what their consistency
    /// tokens name of them.
    #[must_use]
    pub fn following(mut self, feeds: Vec<Followed>) -> Self {
        self.feeds = feeds;
        self
    }

    async fn admit(&self, path: &str, headers: &HeaderMap) -> Result<Option<Caller>> {
        let Some(method) = table().get(path) else {
            // Health and reflection have no rule; anything else is unknown to the contract.
            let open = path.starts_with("/grpc.health.") || path.starts_with("/grpc.reflection.");
            return if open { Ok(None) } else { Err(unknown_method()) };
        };
        if method.rule.anonymous {
            return Ok(Some(self.caller(None, method)));
        }
        let verified = self.verifier.verify(bearer_of(headers)?).await?;
        self.settle(&verified, headers).await?;
        let caller = self.caller(Some(&verified), method);
        if !method.allows(verified.kind) {
            return Err(wrong_kind(&method.rule.kinds));
        }
        caller.check_standing()?;
        Ok(Some(caller))
    }

    /// Waits for state that the call depends on and that is still on its way here.
    async fn settle(&self, verified: &Verified, headers: &HeaderMap) -> Result<()> {
        if let Some(token) = headers.get(CONSISTENCY_HEADER) {
            let token = Token::parse(token.to_str().unwrap_or("?"))?;
            for position in token.of("auth") {
                self.directory.wait_for(position, CONSISTENCY_WAIT_MAX).await?;
            }
            for feed in &self.feeds {
                for position in token.of(feed.service) {
                    feed.reach(position, CONSISTENCY_WAIT_MAX).await?;
                }
            }
        }
        if matches!(verified.kind, Kind::Internal | Kind::Operator) {
            return Ok(());
        }
        let mut changes = self.directory.changes();
        let known = async {
            while self.directory.organisation(verified.org).is_none() {
                if changes.changed().await.is_err() {
                    break;
                }
            }
        };
        let arrived = tokio::time::timeout(ORGANISATION_WAIT, known).await;
        arrived.map_err(|_| unknown_organisation())
    }

    fn caller(&self, verified: Option<&Verified>, method: &Arc<Method>) -> Caller {
        Caller::new(verified, method.clone(), self.directory.clone(), self.clock.clone())
    }
}

impl Acquainted for AuthLayer {
    /// Nothing but a look at the tokens that were found good before: who comes for the first
    /// time is a stranger for one call.
    fn whose(&self, headers: &HeaderMap) -> Uuid {
        let known = bearer_of(headers).ok().and_then(|token| self.verifier.remembered(token));
        known.map_or(Uuid::nil(), |verified| match verified.kind {
            // The services' own calls are not the strangers'.
            Kind::Internal | Kind::Operator => Uuid::max(),
            _ => verified.org,
        })
    }
}

/// PERMISSION_DENIED that says whose call it is: no right would help the caller.
fn wrong_kind(kinds: &[i32]) -> ServiceError {
    let names: Vec<&str> = kinds
        .iter()
        .filter_map(|kind| match Kind::try_from(*kind) {
            Ok(Kind::User) => Some("people"),
            Ok(Kind::Device) => Some("devices"),
            Ok(Kind::Partner) => Some("partner systems"),
            Ok(Kind::Operator) => Some("the operator of the installation"),
            Ok(Kind::Internal | Kind::Unspecified) | Err(_) => None,
        })
        .collect();
    if names.is_empty() {
        return ServiceError::denied();
    }
    let text = format!("this call is only for {}", names.join(" and "));
    ServiceError::new(Code::PermissionDenied, Reason::PermissionDenied, text)
}

/// The answer of a call that wrote to a feed says where.
fn marked(mut response: Response<Body>, written: Option<String>) -> Response<Body> {
    let failed = Status::from_header_map(response.headers()).is_some_and(|s| s.code() != Code::Ok);
    if let Some(value) = written.and_then(|mark| mark.parse().ok()).filter(|_| !failed) {
        response.headers_mut().insert(CONSISTENCY_HEADER, value);
    }
    response
}

fn unknown_method() -> ServiceError {
    ServiceError::new(Code::Unimplemented, Reason::UnknownMethod, "no such method")
}

/// The one bearer token of a request.
fn bearer_of(headers: &HeaderMap) -> Result<&str> {
    let missing =
        || ServiceError::unauthenticated(Reason::NoCredential, "send an access token as bearer");
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or_else(missing)?;
    if values.next().is_some() {
        let text = "more than one authorization header";
        return Err(ServiceError::unauthenticated(Reason::TokenInvalid, text));
    }
    let text = value.to_str().map_err(|_| missing())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() {
        Ok(token)
    } else {
        Err(missing())
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        AuthService { layer: self.clone(), inner }
    }
}

/// A service behind [`AuthLayer`].
#[derive(Clone)]
pub struct AuthService<S> {
    layer: AuthLayer,
    inner: S,
}

impl<S> Service<Request<Body>> for AuthService<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, std::result::Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<std::result::Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // The ready service is used; the clone waits for the next call.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let layer = self.layer.clone();
        Box::pin(async move {
            match layer.admit(request.uri().path(), request.headers()).await {
                Ok(caller) => {
                    if let Some(caller) = caller {
                        request.extensions_mut().insert(caller);
                    }
                    let (answer, written) = consistency::scope(inner.call(request)).await;
                    answer.map(|response| marked(response, written))
                }
                Err(error) => Ok(Status::from(error).into_http()),
            }
        })
    }
}
