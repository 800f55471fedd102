//! Read model of the auth service in every other service: units, staff, roles, grants,
//! clients and revocations, fed by auth's feed, kept in the service's own database and held
//! in memory. Whoever asks gets an immutable view of one organisation.

use std::{collections::HashMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use prost::Message as _;
use proto::{
    auth::v1::{Event, Events},
    common::v1::{EventGroup, Reason},
};
use tokio::sync::{Mutex, watch};
use uuid::Uuid;

use crate::{
    db::Db,
    error::{Result, ServiceError},
    feed::{Consumer, Inbox, compare_positions},
};

mod permission;
mod store;
mod unit;
mod view;

pub use permission::{PermissionSet, Subject};
pub use unit::{StaffInfo, UnitInfo};
pub use view::OrgView;

/// Name of the followed feed in the inbox.
const SOURCE: &str = "auth";
/// How long a call waits for the state that its consistency token names.
pub const CONSISTENCY_WAIT_MAX: Duration = Duration::from_secs(3);

/// The directory. Cheap to clone.
#[derive(Clone)]
pub struct Directory {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    views: ArcSwap<HashMap<Uuid, Arc<OrgView>>>,
    /// One change at a time: views are copied, changed and swapped.
    writing: Mutex<()>,
    /// Feed position that the views hold.
    position: watch::Sender<String>,
}

impl Directory {
    /// Loads what the database holds.
    pub async fn open(db: Db) -> Result<Self> {
        let position = Inbox::cursor(db.read(), SOURCE).await?;
        let mut views: HashMap<Uuid, OrgView> = HashMap::new();
        for (org, event) in store::load(&db).await? {
            views.entry(org).or_insert_with(|| OrgView::empty(org)).apply(&event);
        }
        let views = views.into_iter().map(|(org, view)| (org, Arc::new(view.indexed()))).collect();
        let inner = Inner {
            db,
            views: ArcSwap::from_pointee(views),
            writing: Mutex::new(()),
            position: watch::Sender::new(position),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The present view of an organisation.
    pub fn organisation(&self, org: Uuid) -> Option<Arc<OrgView>> {
        self.inner.views.load().get(&org).cloned()
    }

    /// All organisations known.
    pub fn organisations(&self) -> Vec<Uuid> {
        self.inner.views.load().keys().copied().collect()
    }

    /// Wakes when something changed.
    pub fn changes(&self) -> watch::Receiver<String> {
        self.inner.position.subscribe()
    }

    /// Waits until the directory holds the state that a consistency token names.
    ///
    /// # Errors
    /// BAD_TOKEN for a token that is none, UNAVAILABLE when the state does not arrive in time.
    pub async fn wait_for(&self, token: &str, limit: Duration) -> Result<()> {
        compare_positions(token, "")?;
        let mut position = self.inner.position.subscribe();
        let reached =
            position.wait_for(|now| compare_positions(now, token).is_ok_and(|order| order.is_ge()));
        match tokio::time::timeout(limit, reached).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(ServiceError::unavailable("the change has not arrived here yet")),
        }
    }

    /// Takes events in without persisting them: for the auth service, right after it
    /// committed them itself, so that it decides on the new state at once.
    pub async fn apply_now(&self, events: &[Event]) {
        let _writing = self.inner.writing.lock().await;
        self.swap(events);
    }

    fn swap(&self, events: &[Event]) {
        let mut views = HashMap::clone(&self.inner.views.load());
        let mut touched: HashMap<Uuid, OrgView> = HashMap::new();
        for event in events {
            let Some(org) = proto::names::parse("organisations", &event.organisation) else {
                tracing::error!(organisation = event.organisation, "event without organisation");
                continue;
            };
            touched
                .entry(org)
                .or_insert_with(|| match views.get(&org) {
                    Some(view) => OrgView::clone(view),
                    None => OrgView::empty(org),
                })
                .apply(event);
        }
        for (org, view) in touched {
            views.insert(org, Arc::new(view.indexed()));
        }
        self.inner.views.store(Arc::new(views));
    }
}

#[async_trait]
impl Consumer for Directory {
    async fn apply(&self, groups: Vec<EventGroup>) -> Result<()> {
        let _writing = self.inner.writing.lock().await;
        let Some(last) = groups.last() else { return Ok(()) };
        let (position, commit_us) =
            (last.position.clone(), last.commit_time.as_ref().map_or(0, proto::time::to_us));
        let mut events = Vec::new();
        let tx = self.inner.db.begin().await?;
        let ids: Vec<&str> = groups.iter().map(|group| group.group_id.as_str()).collect();
        let mut new = Inbox::new_groups(&tx, SOURCE, &ids).await?;
        for group in &groups {
            let decoded = Events::decode(group.events.clone())
                .map_err(|error| ServiceError::internal(format!("auth feed: {error}")))?;
            // Another replica may have stored it; what this one holds in memory lacks it still.
            if new.remove(&group.group_id) {
                for event in &decoded.items {
                    store::save(&tx, event).await?;
                }
            }
            events.extend(decoded.items);
        }
        let stored = Inbox::cursor(tx.conn(), SOURCE).await?;
        if compare_positions(&position, &stored)?.is_gt() {
            Inbox::save_cursor(&tx, SOURCE, &position, commit_us).await?;
        }
        tx.commit().await?;
        self.swap(&events);
        self.inner.position.send_replace(position);
        Ok(())
    }

    async fn cursor(&self) -> Result<String> {
        // What is in memory counts: the database may hold what another replica put there.
        Ok(self.inner.position.borrow().clone())
    }
}

/// The error for an organisation that this service does not know (yet).
pub(crate) fn unknown_organisation() -> ServiceError {
    ServiceError::unauthenticated(Reason::TokenInvalid, "the token's organisation is not known")
}
