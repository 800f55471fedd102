//! Rating policies, remembered for two seconds.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
    time::{Duration, Instant},
};

use device_domain::policy::Policy;
use kit::{db::Db, error::Result};
use uuid::Uuid;

use crate::store;

const FRESH: Duration = Duration::from_secs(2);

/// A policy and when it was read.
type Remembered = (Instant, Arc<Policy>);

/// Policies of all organisations. Cheap to clone.
#[derive(Clone)]
pub struct Policies {
    db: Db,
    known: Arc<RwLock<HashMap<Uuid, Remembered>>>,
}

impl Policies {
    /// Over the service's own database.
    pub fn new(db: Db) -> Self {
        Self { db, known: Arc::default() }
    }

    /// The policy of an organisation, at most two seconds old.
    pub async fn of(&self, org: Uuid) -> Result<Arc<Policy>> {
        let recalled = self.known.read().ok().and_then(|all| all.get(&org).cloned());
        if let Some((since, policy)) = recalled
            && since.elapsed() < FRESH
        {
            return Ok(policy);
        }
        let (policy, _) = store::policy::find(self.db.read(), org).await?;
        let policy = Arc::new(policy);
        if let Ok(mut all) = self.known.write() {
            all.insert(org, (Instant::now(), policy.clone()));
        }
        Ok(policy)
    }

    /// Forgets a policy that was changed.
    pub fn forget(&self, org: Uuid) {
        if let Ok(mut all) = self.known.write() {
            all.remove(&org);
        }
    }
}
