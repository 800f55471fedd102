//! Everything that is secret: keys from the installation's seed, hashes of tokens and
//! secrets, and the encryption of signing keys at rest. None of it shows in `Debug`.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use kit::{
    auth::derive,
    error::{Result, ServiceError},
};
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// Begins every refresh token, so that one is recognised wherever it is found.
const REFRESH_PREFIX: &str = "mrt_";
/// Begins every client secret.
const CLIENT_PREFIX: &str = "mcs_";

/// Keys derived from the installation's seed, one for each purpose.
pub struct Secrets {
    refresh: hmac::Key,
    successor: hmac::Key,
    client: hmac::Key,
    account: hmac::Key,
    seal: LessSafeKey,
}

impl Secrets {
    /// From the installation's seed.
    pub fn new(seed: &[u8; 32]) -> Self {
        let mac = |purpose: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, &derive(seed, purpose));
        let seal = UnboundKey::new(&AES_256_GCM, &derive(seed, b"manyi auth signing keys"))
            .expect("32 bytes are a key of this cipher");
        Self {
            refresh: mac(b"manyi auth refresh tokens"),
            successor: mac(b"manyi auth successors of refresh tokens"),
            client: mac(b"manyi auth client secrets"),
            account: mac(b"manyi auth accounts"),
            seal: LessSafeKey::new(seal),
        }
    }

    /// A new refresh token of 256 random bits.
    pub fn new_refresh_token(&self) -> String {
        print(REFRESH_PREFIX, &rand::random())
    }

    /// The one token that follows on a refresh token. It can be computed again, so that a
    /// lost answer can be repeated without keeping the token itself.
    pub fn successor(&self, token: &str) -> String {
        print(REFRESH_PREFIX, &sign(&self.successor, &[token.as_bytes()]))
    }

    /// Keyed hash under which a refresh token is kept.
    pub fn refresh_hash(&self, token: &str) -> [u8; 32] {
        sign(&self.refresh, &[token.as_bytes()])
    }

    /// A new client secret of 256 random bits.
    pub fn new_client_secret(&self) -> String {
        print(CLIENT_PREFIX, &rand::random())
    }

    /// Keyed hash under which a client's secret is kept.
    pub fn client_hash(&self, client: Uuid, secret: &str) -> [u8; 32] {
        sign(&self.client, &[client.as_bytes(), secret.as_bytes()])
    }

    /// Keyed hash that stands for an account, existing or not, in the count of failures; with
    /// an earlier session for the account as it is used from that session's device.
    pub fn account(&self, org: Uuid, login_key: &str, device: Option<Uuid>) -> Vec<u8> {
        let device = device.unwrap_or(Uuid::nil());
        sign(&self.account, &[org.as_bytes(), device.as_bytes(), login_key.as_bytes()]).to_vec()
    }

    /// Keyed hash that stands for a prefix of addresses in the count of failures.
    pub fn prefix(&self, prefix: [u8; 8]) -> Vec<u8> {
        sign(&self.account, &[b"prefix", &prefix]).to_vec()
    }

    /// Encrypts the private part of a signing key.
    pub fn seal(&self, kid: &str, private: &[u8]) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut sealed = private.to_vec();
        let aad = Aad::from(kid.as_bytes());
        self.seal
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .map_err(|_| ServiceError::internal("a signing key could not be encrypted"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Decrypts the private part of a signing key.
    ///
    /// # Errors
    /// INTERNAL when it was encrypted with another seed or altered.
    pub fn open(&self, kid: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let failed = || ServiceError::internal("a signing key is not of this installation's seed");
        let (nonce, sealed) = sealed.split_first_chunk().ok_or_else(failed)?;
        let mut opened = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let aad = Aad::from(kid.as_bytes());
        let private = self.seal.open_in_place(nonce, aad, &mut opened).map_err(|_| failed())?;
        Ok(private.to_vec())
    }
}

/// Whether two hashes are the same, in a time that does not depend on where they differ.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

fn print(prefix: &str, bytes: &[u8; 32]) -> String {
    format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

fn sign(key: &hmac::Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    let tag = context.sign();
    tag.as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_key_opens_with_its_seed_and_id_only() {
        let secrets = Secrets::new(&[1; 32]);
        let sealed = secrets.seal("k1", b"private").unwrap();
        assert!(!sealed.windows(7).any(|w| w == b"private"));
        assert_eq!(secrets.open("k1", &sealed).unwrap(), b"private");
        assert!(secrets.open("k2", &sealed).is_err());
        assert!(Secrets::new(&[2; 32]).open("k1", &sealed).is_err());
        assert!(secrets.open("k1", &sealed[..5]).is_err());
    }

    #[test]
    fn a_successor_is_always_the_same_and_no_token_is_made_twice() {
        let secrets = Secrets::new(&[1; 32]);
        let token = secrets.new_refresh_token();
        assert_eq!(secrets.successor(&token), secrets.successor(&token));
        assert_ne!(token, secrets.successor(&token));
        assert_ne!(token, secrets.new_refresh_token());
        assert_ne!(secrets.refresh_hash(&token), Secrets::new(&[2; 32]).refresh_hash(&token));
    }
}
