//! Checks tokens. The algorithm is fixed by our keys, never by the token; a token that was
//! found good is remembered, since checking costs as much as a whole network hop.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
    time::{Duration, Instant},
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
use tokio::sync::Mutex;
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
/// The key set is read again after this time even if nothing is unknown.
const KEYS_AGE_MAX: Duration = Duration::from_secs(60);
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

/// Checks tokens against the keys of auth and of this installation. Cheap to clone.
#[derive(Clone)]
pub struct Verifier {
    inner: Arc<Inner>,
}

struct Inner {
    source: Arc<dyn KeySource>,
    clock: SharedClock,
    keys: ArcSwap<HashMap<String, DecodingKey>>,
    internal: DecodingKey,
    fetched: Mutex<Option<Instant>>,
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
            fetched: Mutex::new(None),
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
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let known = self.inner.remembered.read().ok().and_then(|map| map.get(&digest).cloned());
        if let Some(verified) = known {
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
            map.insert(digest, verified.clone());
        }
        Ok(verified)
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

    /// The key set, read again when it lacks `kid` or is old.
    async fn keys_with(&self, kid: &str) -> Result<Arc<HashMap<String, DecodingKey>>> {
        let keys = self.inner.keys.load_full();
        let mut fetched = self.inner.fetched.lock().await;
        let age = fetched.map(|at| at.elapsed());
        let wanted = match age {
            None => true,
            Some(age) => age > KEYS_AGE_MAX || (!keys.contains_key(kid) && age > REFETCH_GAP),
        };
        // Someone else may have fetched while this call waited for the lock.
        let keys = self.inner.keys.load_full();
        if !wanted {
            return Ok(keys);
        }
        match self.inner.source.keys().await {
            Ok(jwks) => {
                let fresh: HashMap<_, _> = jwks
                    .into_iter()
                    .filter_map(|jwk| {
                        Some((jwk.kid, DecodingKey::from_ed_components(&jwk.x).ok()?))
                    })
                    .collect();
                self.inner.keys.store(Arc::new(fresh));
                *fetched = Some(Instant::now());
                self.forget();
            }
            // The last good set stays in use: fail neither open nor at once.
            Err(error) if keys.is_empty() => {
                tracing::warn!(%error, "no public keys");
                return Err(ServiceError::unavailable("tokens cannot be checked now"));
            }
            Err(error) => {
                tracing::warn!(%error, "public keys not refreshed");
                *fetched = Some(Instant::now());
            }
        }
        Ok(self.inner.keys.load_full())
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
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    struct NoKeys;

    #[async_trait]
    impl KeySource for NoKeys {
        async fn keys(&self) -> Result<Vec<Jwk>> {
            Ok(Vec::new())
        }
    }

    fn verifier() -> Verifier {
        Verifier::new(Arc::new(NoKeys), &[1; 32], Arc::new(SystemClock))
    }

    #[tokio::test]
    async fn internal_tokens_are_good_in_their_own_installation_only() {
        let verifier = verifier();
        let good = InternalTokens::new(&[1; 32]).internal();
        assert_eq!(verifier.verify(&good).await.unwrap().kind, Kind::Internal);
        let operator = InternalTokens::new(&[1; 32]).operator();
        assert_eq!(verifier.verify(&operator).await.unwrap().kind, Kind::Operator);
        let foreign = InternalTokens::new(&[2; 32]).internal();
        let error = verifier.verify(&foreign).await.unwrap_err();
        assert_eq!(error.reason(), Reason::TokenInvalid);
    }

    #[tokio::test]
    async fn forged_tokens_are_refused() {
        let verifier = verifier();
        let good = InternalTokens::new(&[1; 32]).internal();
        let parts: Vec<&str> = good.split('.').collect();
        let header = |json: &str| BASE64_URL_SAFE_NO_PAD.encode(json);
        let none = header(r#"{"alg":"none","kid":"internal"}"#);
        let hmac = header(r#"{"alg":"HS256","kid":"internal"}"#);
        let twice = header(r#"{"alg":"EdDSA","alg":"EdDSA","kid":"internal"}"#);
        let jwk = header(r#"{"alg":"EdDSA","kid":"internal","jwk":{}}"#);
        let crit = header(r#"{"alg":"EdDSA","kid":"internal","crit":["x"]}"#);
        let path = header(r#"{"alg":"EdDSA","kid":"../../dev/null"}"#);
        let mut forged: Vec<String> = [none, hmac, twice, jwk, crit, path]
            .iter()
            .map(|head| format!("{head}.{}.{}", parts[1], parts[2]))
            .collect();
        let other = header(r#"{"iss":"manyi","aud":"manyi","sub":"operator"}"#);
        forged.push(format!("{}.{other}.{}", parts[0], parts[2]));
        forged.push(format!("{}.{}.", parts[0], parts[1]));
        forged.push(format!("{good}.x"));
        forged.push(format!("{good}="));
        forged.push(String::new());
        forged.push("x".repeat(10_000));
        for token in forged {
            let error = verifier.verify(&token).await.unwrap_err();
            assert_eq!(error.reason(), Reason::TokenInvalid, "{token}");
        }
    }

    #[tokio::test]
    async fn an_expired_token_is_refused_even_if_remembered() {
        let clock =
            Arc::new(crate::clock::ScriptedClock::new(crate::clock::Clock::now_us(&SystemClock)));
        let verifier = Verifier::new(Arc::new(NoKeys), &[1; 32], clock.clone());
        let token = InternalTokens::new(&[1; 32]).internal();
        verifier.verify(&token).await.unwrap();
        clock.advance(Duration::from_secs(120));
        let error = verifier.verify(&token).await.unwrap_err();
        assert_eq!(error.reason(), Reason::TokenExpired);
    }
}
