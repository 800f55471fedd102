//! What all handlers share.

use std::sync::Arc;

use auth_domain::event::Event;
use kit::{
    clock::{SharedClock, new_id},
    db::Db,
    directory::Directory,
    feed::Outbox,
    page::PageTokens,
};
use uuid::Uuid;

use crate::{hasher::Hasher, secrets::Secrets, signing::SigningKeys};

/// The parts of the service.
pub struct Core {
    /// Its database.
    pub db: Db,
    /// Its clock.
    pub clock: SharedClock,
    /// The feed that others follow.
    pub outbox: Outbox,
    /// What every service knows of identity, this one at once.
    pub directory: Directory,
    /// Page tokens.
    pub pages: PageTokens,
    /// Passwords.
    pub hasher: Hasher,
    /// Keys of the installation's seed.
    pub secrets: Arc<Secrets>,
    /// Keys of access tokens.
    pub signing: SigningKeys,
}

impl Core {
    /// Now, in microseconds since 1970 UTC.
    pub fn now_us(&self) -> i64 {
        self.clock.now_us()
    }

    /// A new id.
    pub fn new_id(&self) -> Uuid {
        new_id(self.clock.as_ref())
    }

    /// Tells this process at once what was committed.
    pub async fn committed(&self, org: Uuid, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        let events: Vec<_> = events.iter().map(|event| crate::events::event(org, event)).collect();
        self.directory.apply_now(&events).await;
        self.outbox.committed();
    }
}
