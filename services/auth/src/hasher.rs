//! Hashing of passwords: argon2id, one at a time, since each takes 19 MiB and a core.

use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use kit::error::{Result, ServiceError};
use proto::common::v1::Reason;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory in KiB, passes and lanes: the first choice of the OWASP cheat sheet.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Hashes at one time in this process.
const AT_ONCE: usize = 1;
/// How long a call waits for its turn before it is told to come back.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// Hashes and checks passwords. Cheap to clone.
#[derive(Clone)]
pub struct Hasher {
    turns: Arc<Semaphore>,
    /// Checked for accounts that do not exist, so that they take as long as others.
    dummy: Arc<str>,
}

impl Hasher {
    /// Ready for use; takes the time of one hash.
    pub fn new() -> Result<Self> {
        let nobody: [u8; 16] = rand::random();
        let dummy = hash(&nobody)?;
        Ok(Self { turns: Arc::new(Semaphore::new(AT_ONCE)), dummy: dummy.into() })
    }

    /// Hash of a password in PHC form, with a fresh salt.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED with OVERLOADED when too many wait.
    pub async fn hash(&self, password: String) -> Result<String> {
        self.run(move || hash(password.as_bytes())).await?
    }

    /// Whether a password is the one of a hash; `None` takes as long and is never right.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED with OVERLOADED when too many wait.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.dummy.to_string());
        self.run(move || Ok(verify(password.as_bytes(), &hash)? && known)).await?
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let turn = self.turn().await?;
        let work = move || {
            // Held to the end of the work, also when the caller has gone away.
            let _turn = turn;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(ServiceError::internal)
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        let turn = self.turns.clone().acquire_owned();
        match tokio::time::timeout(WAIT_MAX, turn).await {
            Ok(turn) => turn.map_err(ServiceError::internal),
            Err(_) => Err(ServiceError::exhausted(
                Reason::Overloaded,
                "too many people sign in at this moment",
                WAIT_MAX,
            )),
        }
    }
}

fn hash(password: &[u8]) -> Result<String> {
    let hashed: PasswordHash = argon2()?.hash_password(password).map_err(ServiceError::internal)?;
    Ok(hashed.to_string())
}

fn verify(password: &[u8], hash: &str) -> Result<bool> {
    let hash = PasswordHash::new(hash).map_err(ServiceError::internal)?;
    Ok(argon2()?.verify_password(password, &hash).is_ok())
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(ServiceError::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_is_argon2id_and_fits_only_its_password() {
        let hasher = Hasher::new().unwrap();
        let hash = hasher.hash("  🐎 horse ".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let good = hasher.verify("  🐎 horse ".to_owned(), Some(hash.clone())).await.unwrap();
        let trimmed = hasher.verify("🐎 horse".to_owned(), Some(hash)).await.unwrap();
        let unknown = hasher.verify("  🐎 horse ".to_owned(), None).await.unwrap();
        assert!(good && !trimmed && !unknown);
    }

    #[tokio::test]
    async fn who_waits_longer_than_a_second_is_sent_away() {
        let hasher = Hasher::new().unwrap();
        let _busy = hasher.turns.clone().acquire_owned().await.unwrap();
        let error = hasher.hash("whatever".to_owned()).await.unwrap_err();
        assert_eq!(error.reason(), Reason::Overloaded);
        assert!(error.retry_after().is_some());
    }
}
