//! The keys that sign access tokens, as this process holds them: loaded from the database,
//! looked at again every few seconds, since another replica may have made a new one.

use std::sync::Arc;

use async_trait::async_trait;
use auth_domain::signing::{KEYS_MAX, PUBLISH_US, Slot, retired, signer};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kit::{
    auth::{Claims, KeySource},
    clock::SharedClock,
    db::{Db, WriteTx},
    error::{Result, ServiceError},
};
use proto::{auth::v1::Jwk, common::v1::Reason};
use sea_orm::ConnectionTrait;
use tokio::sync::RwLock;
use uuid::Uuid;

use crate::{
    secrets::Secrets,
    store::signing_keys::{self, StoredKey},
};

/// How long loaded keys are used without looking: 2 seconds. Shorter than the time between
/// publishing a key and signing with it, so that no replica signs with a key too late.
const LOADED_US: i64 = 2_000_000;

/// Signs access tokens. Cheap to clone.
#[derive(Clone)]
pub struct SigningKeys {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    clock: SharedClock,
    secrets: Arc<Secrets>,
    loaded: RwLock<Loaded>,
}

#[derive(Default)]
struct Loaded {
    until_us: i64,
    keys: Vec<LoadedKey>,
}

#[derive(Clone)]
struct LoadedKey {
    slot: Slot,
    public_x: String,
    private: EncodingKey,
}

impl SigningKeys {
    /// Keys in `db`, encrypted with a key of `secrets`.
    pub fn new(db: Db, clock: SharedClock, secrets: Arc<Secrets>) -> Self {
        let loaded = RwLock::default();
        Self { inner: Arc::new(Inner { db, clock, secrets, loaded }) }
    }

    /// Makes the first key if there is none. The caller holds the installation's lock.
    pub async fn ensure(&self, tx: &WriteTx) -> Result<()> {
        if signing_keys::list(tx.conn()).await?.is_empty() {
            self.create(tx.conn(), self.inner.clock.now_us()).await?;
        }
        Ok(())
    }

    /// Makes a new key, which signs after the time that verifiers need to hear of it; its id.
    /// The caller holds the installation's lock.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED with LIMIT_REACHED when too many keys still verify.
    pub async fn rotate(&self, tx: &WriteTx) -> Result<String> {
        if signing_keys::list(tx.conn()).await?.len() >= KEYS_MAX {
            let text = "too many keys still verify; wait until the oldest have retired";
            return Err(ServiceError::new(
                tonic::Code::ResourceExhausted,
                Reason::LimitReached,
                text,
            ));
        }
        self.create(tx.conn(), self.inner.clock.now_us() + PUBLISH_US).await
    }

    /// Looks at the database again at the next use.
    pub async fn reload(&self) {
        self.inner.loaded.write().await.until_us = i64::MIN;
    }

    /// Removes keys that no good token can name any more; their ids. The caller holds the
    /// installation's lock.
    pub async fn retire(&self, tx: &WriteTx) -> Result<Vec<String>> {
        let slots: Vec<Slot> =
            signing_keys::list(tx.conn()).await?.into_iter().map(|key| key.slot).collect();
        let over = retired(&slots, self.inner.clock.now_us());
        let kids: Vec<String> = over.into_iter().map(|slot| slot.kid.clone()).collect();
        if !kids.is_empty() {
            signing_keys::delete(tx.conn(), kids.clone()).await?;
        }
        Ok(kids)
    }

    /// An access token with these claims.
    pub async fn sign(&self, claims: &Claims) -> Result<String> {
        let keys = self.loaded().await?;
        let slots: Vec<Slot> = keys.iter().map(|key| key.slot.clone()).collect();
        let slot = signer(&slots, self.inner.clock.now_us());
        let key = slot.and_then(|slot| keys.iter().find(|key| key.slot.kid == slot.kid));
        let key = key.ok_or_else(|| ServiceError::internal("there is no key to sign with"))?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(key.slot.kid.clone());
        jsonwebtoken::encode(&header, claims, &key.private).map_err(ServiceError::internal)
    }

    async fn create(&self, conn: &impl ConnectionTrait, active_us: i64) -> Result<String> {
        let pair = Ed25519KeyPair::generate().map_err(ServiceError::internal)?;
        let private: Pkcs8V1Der<'_> = pair.as_der().map_err(ServiceError::internal)?;
        let kid = format!("k_{}", Uuid::now_v7().simple());
        let key = StoredKey {
            sealed: self.inner.secrets.seal(&kid, private.as_ref())?,
            public_key: pair.public_key().as_ref().to_vec(),
            slot: Slot { kid: kid.clone(), active_us },
        };
        signing_keys::insert(conn, key, self.inner.clock.now_us()).await?;
        Ok(kid)
    }

    async fn loaded(&self) -> Result<Vec<LoadedKey>> {
        let now_us = self.inner.clock.now_us();
        {
            let loaded = self.inner.loaded.read().await;
            if now_us < loaded.until_us {
                return Ok(loaded.keys.clone());
            }
        }
        let stored = signing_keys::list(self.inner.db.read()).await?;
        let keys: Result<Vec<_>> = stored.into_iter().map(|key| self.load(key)).collect();
        let keys = keys?;
        let mut loaded = self.inner.loaded.write().await;
        *loaded = Loaded { until_us: now_us + LOADED_US, keys: keys.clone() };
        Ok(keys)
    }

    fn load(&self, key: StoredKey) -> Result<LoadedKey> {
        let private = self.inner.secrets.open(&key.slot.kid, &key.sealed)?;
        Ok(LoadedKey {
            slot: key.slot,
            public_x: BASE64_URL_SAFE_NO_PAD.encode(&key.public_key),
            private: EncodingKey::from_ed_der(&private),
        })
    }
}

#[async_trait]
impl KeySource for SigningKeys {
    async fn keys(&self) -> Result<Vec<Jwk>> {
        let keys = self.loaded().await?;
        let slots: Vec<Slot> = keys.iter().map(|key| key.slot.clone()).collect();
        let over = retired(&slots, self.inner.clock.now_us());
        let jwk = |key: LoadedKey| Jwk {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            kid: key.slot.kid,
            x: key.public_x,
            r#use: "sig".to_owned(),
            alg: "EdDSA".to_owned(),
        };
        Ok(keys.into_iter().filter(|key| !over.contains(&&key.slot)).map(jwk).collect())
    }
}
