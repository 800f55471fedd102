//! Keyed hashes of addresses and browsers. The keys change every ten days and are destroyed
//! thirty days after they were made; from then on no hash can be tied to an address again, by
//! us neither.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use kit::{db::WriteTx, error::Result};
use survey_domain::stuffing::prefix;
use uuid::Uuid;

use super::seal::Seal;
use crate::store::respondent::{self, Hash};

/// How long a key is used for new hashes, in microseconds.
const PERIOD_US: i64 = 10 * 86_400_000_000;
/// Periods that a key lives, from its making to its destruction: thirty days.
pub const PERIODS_KEPT: i64 = 3;

/// The period of a time.
pub fn period_of(us: i64) -> i64 {
    us.div_euclid(PERIOD_US)
}

/// Hashes with the keys of the living periods, latest first.
#[derive(Clone)]
pub struct Hasher {
    seal: Seal,
    keys: Arc<Vec<(i64, Vec<u8>)>>,
}

/// Keys as far as this process knows them.
pub struct Keys {
    seal: Seal,
    known: Mutex<Option<Hasher>>,
}

impl Keys {
    /// None known yet. The stored keys are useless without the installation's seed.
    pub fn new(seed: &[u8; 32]) -> Self {
        Self { seal: Seal::new(seed, "survey respondents"), known: Mutex::default() }
    }

    /// A hasher for the present period. A new period's key is made in this transaction.
    pub async fn hasher(&self, tx: &WriteTx, now_us: i64) -> Result<Hasher> {
        let period = period_of(now_us);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(hasher) = known.filter(|hasher| hasher.period() == Some(period)) {
            return Ok(hasher);
        }
        respondent::key(tx, period, &rand::random::<[u8; 32]>()).await?;
        let oldest = period - PERIODS_KEPT + 1;
        let mut keys = respondent::keys(tx.conn()).await?;
        keys.retain(|(of, _)| (oldest..=period).contains(of));
        keys.sort_unstable_by_key(|(of, _)| std::cmp::Reverse(*of));
        Ok(Hasher { seal: self.seal.clone(), keys: Arc::new(keys) })
    }

    /// Remembers a hasher whose keys are committed.
    pub fn remember(&self, hasher: Hasher) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(hasher);
    }

    /// Forgets what is known, after keys were destroyed.
    pub fn forget(&self) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Hasher {
    /// The period of new hashes.
    pub fn period(&self) -> Option<i64> {
        self.keys.first().map(|(period, _)| *period)
    }

    /// The network of an address, for one link.
    pub fn place(&self, link: Uuid, address: IpAddr) -> Option<Hash> {
        let (_, key) = self.keys.first()?;
        Some(self.seal.hash(&[key, b"network", link.as_bytes(), &prefix(address)]).to_vec())
    }

    /// A browser on one link: as each living key hashes it, latest first.
    pub fn browser(&self, link: Uuid, token: &str) -> Vec<Hash> {
        let hash = |key: &Vec<u8>| {
            self.seal.hash(&[key, b"browser", link.as_bytes(), token.as_bytes()]).to_vec()
        };
        self.keys.iter().map(|(_, key)| hash(key)).collect()
    }
}
