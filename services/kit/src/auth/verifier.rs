//! Checks tokens. The algorithm is fixed by our keys, never by the token; a token that was
//! found good is remembered, since checking costs as much as a whole network hop.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
    time::Duration,
};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use proto::{
    auth::v1::{GetJwksRequest, Jwk, token_service_client::TokenServiceClient},
    common::v1::{Kind, Reason},
    names,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};
use uuid::Uuid;

use super::tokens::{AUDIENCE, Claims, INTERNAL_KID, ISSUER, InternalTokens};
use crate::{
    clock::SharedClock,
    directory::{PermissionSet, Subject},
    error::{Result, ServiceError},
    rpc::Chan,
};

/// Tolerance for clocks of two machines.
const LEEWAY_S: i64 = 10;
/// Longest token looked at.
const TOKEN_LEN_MAX: usize = 4_096;
/// An unknown key id leads to at most one look at the key set in this time.
const REFETCH_GAP: Duration = Duration::from_secs(10);
/// The same when the last look failed.
const FAILED_GAP: Duration = Duration::from_millis(500);
/// The key set is read again after this time even if nothing is unknown.
const KEYS_AGE_MAX: Duration = Duration::from_secs(60);
/// Longest time to read it. Whoever is known to be good has waited long enough then.
const LOOK_TIME: Duration = Duration::from_secs(2);
/// Remembered tokens.
const CACHE_MAX: usize = 20_000;

/// Where public keys come from.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// All keys that may verify now.
    async fn keys(&self) -> Result<Vec<Jwk>>;
}

/// The keys of the auth service, read through the contract.
pub struct RemoteKeys(TokenServiceClient<Chan>);

impl RemoteKeys {
    /// Through `auth`.
    pub fn new(auth: Chan) -> Self {
        Self(TokenServiceClient::new(auth))
    }
}

#[async_trait]
impl KeySource for RemoteKeys {
    async fn keys(&self) -> Result<Vec<Jwk>> {
        Ok(self.0.clone().get_jwks(GetJwksRequest {}).await?.into_inner().keys)
    }
}

/// What a good token says.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Organisation; nil for internal callers.
    pub org: Uuid,
    /// Who.
    pub subject: Subject,
    /// Kind of caller.
    pub kind: Kind,
    /// Device of a device client.
    pub device: Option<Uuid>,
    /// Session of a user.
    pub session: Option<Uuid>,
    /// What the token is limited to.
    pub scopes: Option<PermissionSet>,
    /// Seconds since 1970 from which on it is not valid.
    pub expire_s: i64,
}

type Remembered = RwLock<HashMap<[u8; 32], Arc<Verified>>>;
type Keys = HashMap<String, DecodingKey>;

/// The last look at the key set.
#[derive(Debug, Clone, Copy)]
struct Look {
    at: Instant,
    failed: bool,
}

impl Look {
    fn is_due(self, known: bool) -> bool {
        let gap = if self.failed { FAILED_GAP } else { REFETCH_GAP };
        self.at.elapsed() > if known { KEYS_AGE_MAX } else { gap }
    }
}

/// Checks tokens against the keys of auth and of this installation. Cheap to clone.
#[derive(Clone)]
pub struct Verifier {
    inner: Arc<Inner>,
}

struct Inner {
    source: Arc<dyn KeySource>,
    clock: SharedClock,
    keys: ArcSwap<Keys>,
    internal: DecodingKey,
    look: Mutex<Option<Look>>,
    remembered: Remembered,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenHeader {
    alg: String,
    kid: String,
    #[serde(default)]
    typ: Option<String>,
}

impl Verifier {
    /// With keys from `source` and the installation's own key.
    pub fn new(source: Arc<dyn KeySource>, seed: &[u8; 32], clock: SharedClock) -> Self {
        let x = InternalTokens::new(seed).public_x().to_owned();
        let internal =
            DecodingKey::from_ed_components(&x).expect("our own public key is well formed");
        let inner = Inner {
            source,
            clock,
            keys: ArcSwap::default(),
            internal,
            look: Mutex::new(None),
            remembered: RwLock::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// What a token says, if it is good now.
    ///
    /// # Errors
    /// UNAUTHENTICATED with TOKEN_INVALID or TOKEN_EXPIRED; UNAVAILABLE when the keys cannot
    /// be read and none are known.
    pub async fn verify(&self, token: &str) -> Result<Arc<Verified>> {
        if token.len() > TOKEN_LEN_MAX {
            return Err(invalid());
        }
        if let Some(verified) = self.remembered(token) {
            self.check_expiry(verified.expire_s)?;
            return Ok(verified);
        }
        let verified = Arc::new(self.verify_anew(token).await?);
        if let Ok(mut map) = self.inner.remembered.write() {
            if map.len() >= CACHE_MAX {
                let now_s = self.now_s();
                map.retain(|_, verified| verified.expire_s > now_s);
                if map.len() >= CACHE_MAX {
                    map.clear();
                }
            }
            map.insert(digest(token), verified.clone());
        }
        Ok(verified)
    }

    /// What a token says that was found good before; it may have expired since.
    pub fn remembered(&self, token: &str) -> Option<Arc<Verified>> {
        self.inner.remembered.read().ok()?.get(&digest(token)).cloned()
    }

    async fn verify_anew(&self, token: &str) -> Result<Verified> {
        let header = strict_header(token).ok_or_else(invalid)?;
        if header.alg != "EdDSA" || header.typ.as_deref().is_some_and(|typ| typ != "JWT") {
            return Err(invalid());
        }
        let claims = if header.kid == INTERNAL_KID {
            self.decode(token, &self.inner.internal)?
        } else {
            let keys = self.keys_with(&header.kid).await?;
            self.decode(token, keys.get(&header.kid).ok_or_else(invalid)?)?
        };
        self.check_times(&claims)?;
        let verified = read(&claims).ok_or_else(invalid)?;
        let internal = matches!(verified.kind, Kind::Internal | Kind::Operator);
        // Auth's keys never make internal callers, and the other way round.
        if internal != (header.kid == INTERNAL_KID) {
            return Err(invalid());
        }
        Ok(verified)
    }

    fn decode(&self, token: &str, key: &DecodingKey) -> Result<Claims> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        // Times are checked below against the clock of the service.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let decoded = jsonwebtoken::decode::<Claims>(token, key, &validation);
        decoded.map(|data| data.claims).map_err(|_| invalid())
    }

    fn check_times(&self, claims: &Claims) -> Result<()> {
        let now_s = self.now_s();
        let sane = claims.iat <= claims.exp && claims.nbf <= claims.exp && claims.iat > 0;
        if !sane || claims.nbf > now_s + LEEWAY_S || claims.iat > now_s + LEEWAY_S {
            return Err(invalid());
        }
        self.check_expiry(claims.exp)
    }

    fn check_expiry(&self, expire_s: i64) -> Result<()> {
        if self.now_s() >= expire_s.saturating_add(LEEWAY_S) {
            let text = "the token has expired";
            return Err(ServiceError::unauthenticated(Reason::TokenExpired, text));
        }
        Ok(())
    }

    /// The key set, read again when it lacks `kid` or is old. While auth cannot be asked the
    /// last good set stays in use: fail neither open nor at once.
    async fn keys_with(&self, kid: &str) -> Result<Arc<Keys>> {
        let keys = self.inner.keys.load_full();
        let mut look = match self.inner.look.try_lock() {
            Ok(look) => look,
            // Somebody asks at this moment; who can be checked does not wait for that.
            Err(_) if keys.contains_key(kid) => return Ok(keys),
            Err(_) => self.inner.look.lock().await,
        };
        let known = self.inner.keys.load().contains_key(kid);
        if look.is_none_or(|look| look.is_due(known)) {
            // A caller that gives up while auth stands still has looked, too.
            *look = Some(Look { at: Instant::now(), failed: true });
            let failed = !self.read_keys().await;
            *look = Some(Look { at: Instant::now(), failed });
        }
        let keys = self.inner.keys.load_full();
        if look.is_some_and(|look| look.failed) && !keys.contains_key(kid) {
            return Err(ServiceError::unavailable("tokens cannot be checked now"));
        }
        Ok(keys)
    }

    /// Reads the key set; false when that failed.
    async fn read_keys(&self) -> bool {
        let late = || ServiceError::unavailable("auth does not answer in time");
        let read = timeout(LOOK_TIME, self.inner.source.keys()).await;
        let jwks = match read.unwrap_or_else(|_| Err(late())) {
            Ok(jwks) => jwks,
            Err(error) => {
                tracing::warn!(%error, "public keys not read");
                return false;
            }
        };
        let keys = jwks
            .into_iter()
            .filter_map(|jwk| Some((jwk.kid, DecodingKey::from_ed_components(&jwk.x).ok()?)));
        self.inner.keys.store(Arc::new(keys.collect()));
        self.forget();
        true
    }

    /// Forgets remembered tokens, so that those of a withdrawn key are checked again.
    pub fn forget(&self) {
        if let Ok(mut map) = self.inner.remembered.write() {
            map.clear();
        }
    }

    fn now_s(&self) -> i64 {
        self.inner.clock.now_us() / 1_000_000
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn invalid() -> ServiceError {
    ServiceError::unauthenticated(Reason::TokenInvalid, "the token is not valid")
}

/// The header, if it holds nothing but `alg`, `kid` and `typ`: keys and certificates that a
/// token brings along are never looked at.
fn strict_header(token: &str) -> Option<TokenHeader> {
    let mut segments = token.split('.');
    let header = segments.next()?;
    let rest = (segments.next()?, segments.next()?, segments.next());
    if rest.0.is_empty() || rest.1.is_empty() || rest.2.is_some() {
        return None;
    }
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(header).ok()?).ok()
}

fn read(claims: &Claims) -> Option<Verified> {
    let kind = Kind::try_from(claims.kind).ok()?;
    let (org, subject) = match kind {
        Kind::Internal => (Uuid::nil(), Subject::Internal),
        Kind::Operator => (Uuid::nil(), Subject::Operator),
        Kind::User => (
            names::parse_id("organisations", &claims.org)?,
            Subject::User(names::parse_id("users", &claims.sub)?),
        ),
        Kind::Device | Kind::Partner => (
            names::parse_id("organisations", &claims.org)?,
            Subject::Client(names::parse_id("clients", &claims.sub)?),
        ),
        Kind::Unspecified => return None,
    };
    let optional = |collection: &str, id: &Option<String>| match id {
        None => Some(None),
        Some(id) => names::parse_id(collection, id).map(Some),
    };
    let device = optional("devices", &claims.dev)?;
    let session = optional("sessions", &claims.sid)?;
    // A user without session or a device client without device could never be revoked.
    let complete = match kind {
        Kind::User => session.is_some(),
        Kind::Device => device.is_some(),
        _ => true,
    };
    let scopes = claims.scp.as_deref().map(PermissionSet::from_numbers);
    let expire_s = claims.exp;
    complete.then_some(Verified { org, subject, kind, device, session, scopes, expire_s })
}

#[cfg(test)]
mod tests;
