//! What a token says, and the tokens that services of one installation make for each other.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    hkdf,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proto::common::v1::Kind;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

use crate::clock::{Clock, SystemClock};

/// `iss` of every token.
pub const ISSUER: &str = "manyi";
/// `aud` of every token.
pub const AUDIENCE: &str = "manyi";
/// Key id of tokens made by the installation's own processes.
pub const INTERNAL_KID: &str = "internal";
/// Life of an internal token.
const INTERNAL_LIFE_S: i64 = 60;

/// Claims of an access token. Unknown and repeated claims are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Always [`ISSUER`].
    pub iss: String,
    /// Always [`AUDIENCE`].
    pub aud: String,
    /// `us_…` or `c_…`; the name of a service or `operator` for internal tokens.
    pub sub: String,
    /// `o_…`; empty for internal tokens.
    pub org: String,
    /// Number of a `Kind`.
    pub kind: i32,
    /// Session of a user: `se_…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Device of a device client: `d_…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dev: Option<String>,
    /// Permissions that a client's token is limited to, by number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scp: Option<Vec<i32>>,
    /// Seconds since 1970 at which it was made.
    pub iat: i64,
    /// Not valid before.
    pub nbf: i64,
    /// Not valid from here on.
    pub exp: i64,
    /// Unique id of the token.
    pub jti: String,
}

/// Makes short-lived tokens for calls between the installation's own processes, signed with a
/// key that all of them derive from the installation's seed. Cheap to clone.
#[derive(Clone)]
pub struct InternalTokens {
    signer: Arc<EncodingKey>,
    public_x: String,
}

impl InternalTokens {
    /// From the installation's seed.
    pub fn new(seed: &[u8; 32]) -> Self {
        let derived = derive(seed, b"manyi internal tokens");
        let pair = Ed25519KeyPair::from_seed_unchecked(&derived)
            .expect("a seed of 32 bytes is a key of this curve");
        let der: Pkcs8V1Der<'_> = pair.as_der().expect("a fresh key can be printed");
        Self {
            signer: Arc::new(EncodingKey::from_ed_der(der.as_ref())),
            public_x: BASE64_URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()),
        }
    }

    /// Token of a service.
    pub fn internal(&self) -> String {
        self.sign("service", Kind::Internal)
    }

    /// Token of whoever runs the installation.
    pub fn operator(&self) -> String {
        self.sign("operator", Kind::Operator)
    }

    /// Public part, base64url.
    pub(crate) fn public_x(&self) -> &str {
        &self.public_x
    }

    fn sign(&self, sub: &str, kind: Kind) -> String {
        let now_s = SystemClock.now_us() / 1_000_000;
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: sub.to_owned(),
            org: String::new(),
            kind: kind as i32,
            sid: None,
            dev: None,
            scp: None,
            iat: now_s,
            nbf: now_s,
            exp: now_s + INTERNAL_LIFE_S,
            jti: Uuid::now_v7().simple().to_string(),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(INTERNAL_KID.to_owned());
        jsonwebtoken::encode(&header, &claims, &self.signer)
            .expect("plain claims and an Ed25519 key always sign")
    }
}

/// A 32-byte key for one purpose from the installation's seed (HKDF-SHA-256, RFC 5869).
pub fn derive(seed: &[u8; 32], purpose: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"manyi")
        .extract(seed)
        .expand(&[purpose], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key))
        .expect("32 bytes are one block of this hash");
    key
}
