//! Templates for whoever needs one quickly: remembered for two seconds, since their standing
//! may change, and looked up in the database otherwise.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
    time::{Duration, Instant},
};

use device_domain::template::{Template, standard};
use kit::{clock::SharedClock, db::Db, error::Result, feed::Outbox};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{events, store};

const FRESH: Duration = Duration::from_secs(2);
/// Templates remembered at most; then all are forgotten.
const REMEMBERED_MAX: usize = 10_000;

type Remembered<K> = RwLock<HashMap<K, (Instant, Arc<Template>)>>;

/// Templates of all organisations. Cheap to clone.
#[derive(Clone)]
pub struct Templates {
    db: Db,
    clock: SharedClock,
    outbox: Outbox,
    by_id: Arc<Remembered<(Uuid, Uuid)>>,
    defaults: Arc<Remembered<Uuid>>,
}

impl Templates {
    /// Over the service's own database.
    pub fn new(db: Db, clock: SharedClock, outbox: Outbox) -> Self {
        let (by_id, defaults) = (Arc::default(), Arc::default());
        Self { db, clock, outbox, by_id, defaults }
    }

    /// One template, retired or not.
    pub async fn get(&self, org: Uuid, id: Uuid) -> Result<Option<Arc<Template>>> {
        if let Some(known) = recall(&self.by_id, &(org, id)) {
            return Ok(Some(known));
        }
        let found = store::template::find(self.db.read(), org, id).await?;
        Ok(found.map(|template| remember(&self.by_id, (org, id), template)))
    }

    /// What devices show that have no template of their own. An organisation that has made
    /// none gets the standard one. Never call it inside of a transaction: it may begin one.
    pub async fn default_of(&self, org: Uuid) -> Result<Arc<Template>> {
        if let Some(known) = recall(&self.defaults, &org) {
            return Ok(known);
        }
        let now_us = self.clock.now_us();
        let marked = store::template::defaults(self.db.read(), org).await?;
        let found = match marked.into_iter().find(|template| template.is_shown_at(now_us)) {
            Some(found) => found,
            None => self.standard_of(org, now_us).await?,
        };
        Ok(remember(&self.defaults, org, found))
    }

    /// What a device shows: its own template while that may be shown, else the default.
    pub async fn shown_by(&self, org: Uuid, own: Option<Uuid>) -> Result<Arc<Template>> {
        if let Some(id) = own
            && let Some(template) = self.get(org, id).await?
            && template.is_shown_at(self.clock.now_us())
        {
            return Ok(template);
        }
        self.default_of(org).await
    }

    /// Forgets what is remembered of an organisation, after a change of its templates.
    pub fn forget(&self, org: Uuid) {
        if let Ok(mut all) = self.by_id.write() {
            all.retain(|(owner, _), _| *owner != org);
        }
        if let Ok(mut all) = self.defaults.write() {
            all.remove(&org);
        }
    }

    /// The standard template, made when it is needed for the first time.
    async fn standard_of(&self, org: Uuid, now_us: i64) -> Result<Template> {
        let id = standard_id(org);
        if let Some(found) = store::template::find(self.db.read(), org, id).await? {
            return Ok(found);
        }
        let mut template = standard(id, org, now_us);
        // Where a marked default has run out, its successor is only the stopgap.
        template.is_default = store::template::defaults(self.db.read(), org).await?.is_empty();
        let tx = self.db.begin().await?;
        if store::template::insert(tx.conn(), &template).await? {
            let group = events::pack(vec![events::template(&template)]);
            self.outbox.append(&tx, group).await?;
            tx.commit().await?;
            self.outbox.committed();
        }
        Ok(template)
    }
}

/// The same for every replica, whoever makes it first.
fn standard_id(org: Uuid) -> Uuid {
    let digest = Sha256::new().chain_update(b"manyi standard template").chain_update(org);
    derived_id(digest)
}

/// A UUID of version 8 from a digest.
pub(crate) fn derived_id(digest: Sha256) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.finalize()[..16]);
    let builder = uuid::Builder::from_bytes(bytes).with_version(uuid::Version::Custom);
    builder.with_variant(uuid::Variant::RFC4122).into_uuid()
}

fn recall<K: std::hash::Hash + Eq>(all: &Remembered<K>, key: &K) -> Option<Arc<Template>> {
    let all = all.read().ok()?;
    let (since, template) = all.get(key)?;
    (since.elapsed() < FRESH).then(|| template.clone())
}

fn remember<K: std::hash::Hash + Eq>(
    all: &Remembered<K>,
    key: K,
    template: Template,
) -> Arc<Template> {
    let template = Arc::new(template);
    if let Ok(mut all) = all.write() {
        if all.len() >= REMEMBERED_MAX {
            all.clear();
        }
        all.insert(key, (Instant::now(), template.clone()));
    }
    template
}
