//! A caller of the gateway: holds the way there and a credential, gets and renews tokens, and
//! repeats calls that can succeed later. Every call of the contract may be repeated: creates
//! carry a request id, items their own ids.

pub mod credentials;
pub mod lists;

use std::{
    future::Future,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use kit::{
    auth::{CONSISTENCY_HEADER, InternalTokens},
    error::ServiceError,
    rpc::{self, Chan},
};
use proto::{
    auth::v1::{
        CreateTokenRequest, CreateTokenResponse, GetJwksRequest, GetSelfRequest, Self_,
        token_service_client::TokenServiceClient,
    },
    common::v1::Reason,
};
use tokio::sync::Mutex;
use tonic::{
    Code, Request, Response, Status,
    metadata::{Ascii, MetadataMap, MetadataValue},
};

pub use credentials::Credentials;

use crate::error::{Error, Result};

/// Deadline of one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long before its end a token is renewed.
const RENEW_BEFORE: Duration = Duration::from_secs(60);
/// How long a call is repeated while the suite is away or busy.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same before the suite has answered for the first time: the address may be wrong.
const PATIENCE_AT_FIRST: Duration = Duration::from_secs(5);
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// A caller of the gateway. Cheap to clone; clones share the token.
#[derive(Clone)]
pub struct Client {
    chan: Chan,
    inner: Arc<Inner>,
}

struct Inner {
    credentials: Credentials,
    /// Whether the suite has ever answered.
    reached: AtomicBool,
    held: Mutex<Option<Held>>,
    /// State of the tree and the grants that our own changes led to; sent along, so that the
    /// next call is decided on that state or a later one.
    seen: std::sync::Mutex<Option<MetadataValue<Ascii>>>,
}

struct Held {
    access: String,
    refresh: String,
    ends: Instant,
}

impl Client {
    /// A caller over an existing channel.
    pub fn over(chan: Chan, credentials: Credentials) -> Self {
        let inner = Inner {
            credentials,
            reached: AtomicBool::new(false),
            held: Mutex::default(),
            seen: std::sync::Mutex::default(),
        };
        Self { chan, inner: Arc::new(inner) }
    }

    /// A caller of the gateway at `address`, such as `http://127.0.0.1:8080`. Connects when
    /// it is first needed. Fails when the address makes no sense.
    pub fn connect(address: &str, credentials: Credentials) -> Result<Self> {
        let chan = rpc::connect(address).map_err(|e| Error::call(format!("using {address}"), e))?;
        Ok(Self::over(chan, credentials))
    }

    /// The same way with another credential.
    pub fn with_credentials(&self, credentials: Credentials) -> Self {
        let other = Self::over(self.chan.clone(), credentials);
        let seen = self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        *other.inner.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        other.inner.reached.store(self.inner.reached.load(Ordering::Relaxed), Ordering::Relaxed);
        other
    }

    /// A caller that acts as the operator of the installation whose seed this is.
    pub fn operator(address: &str, seed: &[u8; 32]) -> Result<Self> {
        Self::connect(address, Credentials::Operator(InternalTokens::new(seed)))
    }

    /// The channel, for streaming calls.
    pub fn chan(&self) -> Chan {
        self.chan.clone()
    }

    /// `message` with a valid token, for streaming calls; without deadline.
    pub async fn request<M>(&self, message: M) -> Result<Request<M>> {
        let mut request = rpc::bearer(message, &self.token().await?);
        let seen = self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(token) = seen {
            request.metadata_mut().insert(CONSISTENCY_HEADER, token);
        }
        Ok(request)
    }

    fn remember(&self, metadata: &MetadataMap) {
        self.inner.reached.store(true, Ordering::Relaxed);
        if let Some(token) = metadata.get(CONSISTENCY_HEADER) {
            let mut seen = self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner);
            *seen = Some(token.clone());
        }
    }

    /// A valid access token.
    pub async fn token(&self) -> Result<String> {
        if let Credentials::Operator(tokens) = &self.inner.credentials {
            return Ok(tokens.operator());
        }
        let mut held = self.inner.held.lock().await;
        if let Some(token) = held.as_ref().filter(|h| h.ends > Instant::now()) {
            return Ok(token.access.clone());
        }
        let fresh = match held.take().filter(|h| !h.refresh.is_empty()) {
            Some(old) => match self.exchange(refresh_request(&old.refresh)).await {
                // A session that was ended elsewhere is begun anew with the credential.
                Err(error) if !error.is_code(Code::Unavailable) => self.sign_in().await?,
                other => other?,
            },
            None => self.sign_in().await?,
        };
        let life = Duration::from_secs(u64::try_from(fresh.expires_in).unwrap_or_default());
        let token = fresh.access_token.clone();
        *held = Some(Held {
            access: fresh.access_token,
            refresh: fresh.refresh_token,
            ends: Instant::now() + life.saturating_sub(RENEW_BEFORE).max(life / 2),
        });
        Ok(token)
    }

    async fn sign_in(&self) -> Result<CreateTokenResponse> {
        self.exchange(self.inner.credentials.token_request()).await
    }

    async fn exchange(&self, request: CreateTokenRequest) -> Result<CreateTokenResponse> {
        let mut patience = Patience::new(self.inner.reached.load(Ordering::Relaxed));
        loop {
            let mut call = Request::new(request.clone());
            call.set_timeout(CALL_TIMEOUT);
            match TokenServiceClient::new(self.chan.clone()).create_token(call).await {
                Ok(answer) => {
                    self.inner.reached.store(true, Ordering::Relaxed);
                    return Ok(answer.into_inner());
                }
                Err(status) => patience.wait_or_fail("signing in", status).await?,
            }
        }
    }

    /// Makes sure that the suite answers, with less patience than a call has.
    pub async fn reach(&self) -> Result<()> {
        let keys = self.call("reaching the suite", GetJwksRequest {}, |chan, request| async move {
            TokenServiceClient::new(chan).get_jwks(request).await
        });
        keys.await.map(drop)
    }

    /// Who this caller is.
    pub async fn whoami(&self) -> Result<Self_> {
        self.call("asking who we are", GetSelfRequest {}, |chan, request| async move {
            TokenServiceClient::new(chan).get_self(request).await
        })
        .await
    }

    /// Makes a call and repeats it while the suite is away or busy, at most for 30 s (5 s before
    /// it has ever answered). `what` says in errors what was tried, such as `creating unit 3`.
    pub async fn call<M, R, F, Fut>(&self, what: &str, message: M, send: F) -> Result<R>
    where
        M: Clone,
        F: Fn(Chan, Request<M>) -> Fut,
        Fut: Future<Output = std::result::Result<Response<R>, Status>>,
    {
        let mut patience = Patience::new(self.inner.reached.load(Ordering::Relaxed));
        let mut renewed = false;
        loop {
            let mut request = self.request(message.clone()).await?;
            request.set_timeout(CALL_TIMEOUT);
            let status = match send(self.chan.clone(), request).await {
                Ok(answer) => {
                    self.remember(answer.metadata());
                    return Ok(answer.into_inner());
                }
                Err(status) => status,
            };
            if status.code() == Code::Unauthenticated && !renewed {
                renewed = true;
                self.forget_token().await;
            } else {
                patience.wait_or_fail(what, status).await?;
            }
        }
    }

    /// Gets a new token before the next call, because the present one was refused.
    pub async fn forget_token(&self) {
        if let Some(held) = self.inner.held.lock().await.as_mut() {
            held.ends = Instant::now();
        }
    }
}

fn refresh_request(token: &str) -> CreateTokenRequest {
    CreateTokenRequest {
        grant_type: "refresh_token".to_owned(),
        refresh_token: token.to_owned(),
        ..CreateTokenRequest::default()
    }
}

/// Waits longer and longer between tries, and gives up in the end.
struct Patience {
    until: Instant,
    pause: Duration,
}

impl Patience {
    fn new(reached: bool) -> Self {
        let patience = if reached { PATIENCE } else { PATIENCE_AT_FIRST };
        Self { until: Instant::now() + patience, pause: PAUSE_MIN }
    }

    /// Returns after a pause if trying again makes sense, with the error otherwise.
    async fn wait_or_fail(&mut self, what: &str, status: Status) -> Result<()> {
        let error = ServiceError::from(status);
        let pause = error.retry_after().unwrap_or_default().max(self.pause);
        if !can_repeat(&error) || Instant::now() + pause > self.until {
            return Err(Error::call(what, error));
        }
        tracing::debug!(%what, %error, "trying again");
        tokio::time::sleep(pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        Ok(())
    }
}

/// Whether the same call can succeed later without anyone doing anything about it.
pub fn can_repeat(error: &ServiceError) -> bool {
    match error.code() {
        Code::Unavailable => true,
        Code::ResourceExhausted => {
            !matches!(error.reason(), Reason::TooLarge | Reason::LimitReached)
        }
        // Lost against another transaction, which the suite marks with a time to wait.
        Code::Aborted => error.retry_after().is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_passing_troubles_are_tried_again() {
        assert!(can_repeat(&ServiceError::unavailable("away")));
        let busy = |reason| ServiceError::exhausted(reason, "busy", Duration::from_secs(1));
        assert!(can_repeat(&busy(Reason::QuotaExceeded)));
        assert!(!can_repeat(&busy(Reason::TooLarge)));
        assert!(!can_repeat(&ServiceError::stale()));
        assert!(!can_repeat(&ServiceError::denied()));
    }
}
