//! The rating path from call to database and feed, on every database.

mod durable;
mod history;
mod judging;
mod own;
mod quarantine;
mod reading;
mod streams;

use std::{collections::HashMap, sync::Arc, time::Duration};

use device_domain::{
    device::{Assignment, Device, Kind, State},
    rating_stored::Rating,
};
use kit::{
    clock::ScriptedClock,
    db::Db,
    directory::Directory,
    rpc::{Chan, bearer, in_process},
    testing::{SEED, TestKeys, TestOrg, auth_layer, databases},
};
use prost::Message as _;
use proto::{
    common::v1::Permission,
    device::v1::{
        BatchCreateRatingsRequest, BatchCreateRatingsResponse, Events, RatingFacts, RatingMessage,
        RatingResult, SendClock, event::Change, rating_service_client::RatingServiceClient,
    },
    names, time,
};
use tonic::Status;
use uuid::Uuid;

use super::facts;
use crate::{Config, Service, store};

/// 2026-11-20 10:00 in Shanghai, a Friday.
pub const NOW: i64 = 1_795_140_000_000_000;
pub const SECOND: i64 = 1_000_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

pub struct World {
    pub name: String,
    pub service: Service,
    pub org: TestOrg,
    pub clock: Arc<ScriptedClock>,
    pub chan: Chan,
    keys: TestKeys,
}

/// One world for each kind of database.
pub async fn worlds() -> Vec<World> {
    let mut worlds = Vec::new();
    for (name, db) in databases(store::migration::all).await {
        worlds.push(World::on(name, db).await);
    }
    worlds
}

/// A world in memory, for tests of what does not depend on the database.
pub async fn small_world() -> World {
    let db = kit::db::open("sqlite::memory:", store::migration::all).await.unwrap();
    World::on("sqlite memory".to_owned(), db).await
}

impl World {
    async fn on(name: String, db: Db) -> Self {
        let clock = Arc::new(ScriptedClock::new(NOW));
        let directory = Directory::open(db.clone()).await.unwrap();
        let keys = TestKeys::default();
        let org = TestOrg::new(&directory, &keys, clock.clone()).await;
        let access = auth_layer(&keys, &directory, clock.clone());
        let config =
            Config { database_url: String::new(), seed: SEED, clock: clock.clone(), writers: 4 };
        let auth = in_process(axum::Router::new());
        let service = crate::assemble(config, db, directory, auth, access);
        let chan = in_process(service.router());
        Self { name, service, org, clock, chan, keys }
    }

    pub async fn other_org(&self) -> TestOrg {
        TestOrg::new(&self.service.app.directory, &self.keys, self.clock.clone()).await
    }

    pub fn db(&self) -> &Db {
        &self.service.app.db
    }

    /// A device that was enrolled at `since_us` and stands at a window since then.
    pub async fn device_since(&self, org: &TestOrg, window: usize, since_us: i64) -> Uuid {
        self.device_of(org, org.windows[window], Some(window), Kind::NetworkTerminal, since_us)
            .await
    }

    pub async fn device_of(
        &self,
        org: &TestOrg,
        unit: Uuid,
        window: Option<usize>,
        kind: Kind,
        since_us: i64,
    ) -> Uuid {
        let id = Uuid::now_v7();
        let device = Device {
            id,
            org: org.org,
            unit,
            display_name: "test".to_owned(),
            kind,
            serial_number: String::new(),
            template: None,
            state: State::Active,
            last_seen_us: None,
            enroll_us: Some(since_us),
            revoke_us: None,
            credential_due: false,
            firmware_version: String::new(),
            language: String::new(),
            backlog: 0,
            change_us: since_us,
            version: 1,
            create_us: since_us,
            conflict_count: 0,
            dropped_count: 0,
        };
        let tx = self.db().begin().await.unwrap();
        store::device::insert(tx.conn(), &device).await.unwrap();
        if let Some(window) = window {
            let place = Assignment {
                id: Uuid::now_v7(),
                device: id,
                window: org.windows[window],
                from_us: since_us,
                to_us: None,
            };
            store::device::stand(tx.conn(), org.org, &place).await.unwrap();
        }
        tx.commit().await.unwrap();
        id
    }

    /// A device at the first window with its token.
    pub async fn sender(&self) -> (Uuid, String) {
        self.sender_at(0).await
    }

    pub async fn sender_at(&self, window: usize) -> (Uuid, String) {
        let device = self.device_since(&self.org, window, NOW - 400 * DAY).await;
        let unit = self.org.windows[window];
        let token = self.org.client(unit, &[Permission::RatingSubmit], Some(device)).await;
        (device, token)
    }

    pub async fn send(
        &self,
        token: &str,
        ratings: Vec<RatingMessage>,
    ) -> BatchCreateRatingsResponse {
        self.try_send(token, ratings, None).await.unwrap()
    }

    pub async fn try_send(
        &self,
        token: &str,
        ratings: Vec<RatingMessage>,
        clock: Option<SendClock>,
    ) -> Result<BatchCreateRatingsResponse, Status> {
        let request = BatchCreateRatingsRequest { ratings, clock };
        let mut client = RatingServiceClient::new(self.chan.clone());
        Ok(client.batch_create_ratings(bearer(request, token)).await?.into_inner())
    }

    /// All ratings of the organisation.
    pub async fn stored(&self) -> Vec<Rating> {
        let all = store::rating::Filter::default();
        store::rating::list(self.db().read(), self.org.org, &all, None, 100_000).await.unwrap()
    }

    pub async fn rating(&self, receipt: &str) -> Rating {
        let id = names::parse("ratings", receipt).unwrap();
        store::rating::get(self.db().read(), self.org.org, id).await.unwrap().unwrap()
    }

    /// Follows the feed from its beginning: each retraction takes back what was said last, and
    /// what stands in the end is what is stored. On PostgreSQL other databases' transactions
    /// hold the feed back for a while.
    pub async fn check_feed(&self) {
        let mut want: HashMap<String, RatingFacts> = HashMap::new();
        for rating in self.stored().await {
            let found =
                store::template::find(self.db().read(), rating.org, rating.template).await.unwrap();
            let name = names::print("ratings", rating.id);
            want.insert(name, facts::facts(&rating, &found.unwrap()));
        }
        let mut standing: HashMap<String, RatingFacts> = HashMap::new();
        let mut after = String::new();
        for _ in 0..1_000 {
            let page = self.service.app.outbox.list(&after, 500).await.unwrap();
            for group in &page.groups {
                for event in Events::decode(group.events.clone()).unwrap().items {
                    let Some(Change::Rating(change)) = event.change else { continue };
                    let before = standing.remove(&change.rating);
                    assert_eq!(before, change.retract, "{}: {}", self.name, change.rating);
                    standing.extend(change.assert.map(|facts| (change.rating, facts)));
                }
            }
            after = page.next;
            if page.at_end && standing == want {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(standing, want, "{}", self.name);
    }
}

/// A sound message, pressed a while before it arrives; neighbours are a minute apart.
pub fn message(sequence: i64) -> RatingMessage {
    RatingMessage {
        rating_id: Uuid::now_v7().to_string(),
        epoch: 1,
        sequence,
        grade: 5,
        device_time: Some(time::from_us(NOW - HOUR + sequence * MINUTE)),
        ..Default::default()
    }
}

pub fn messages(sequences: impl IntoIterator<Item = i64>) -> Vec<RatingMessage> {
    sequences.into_iter().map(message).collect()
}

/// Code, reason and whether it was stored before, of each result.
pub fn short(results: &[RatingResult]) -> Vec<(i32, &str, bool)> {
    results.iter().map(|r| (r.code, r.reason.as_str(), r.duplicate)).collect()
}

pub const NEW: (i32, &str, bool) = (0, "", false);
pub const AGAIN: (i32, &str, bool) = (0, "", true);

/// Waits until `done`, at most ten seconds.
pub async fn until<F: Future<Output = bool>>(what: &str, mut done: impl FnMut() -> F) {
    for _ in 0..1_000 {
        if done().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not happen within ten seconds");
}
