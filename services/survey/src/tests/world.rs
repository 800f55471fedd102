//! A survey service with an organisation, on one database, with a clock that is set by hand.

use std::{sync::Arc, time::Duration};

use kit::{
    clock::{ScriptedClock, SystemClock},
    db::Db,
    directory::Directory,
    rpc::{Chan, in_process},
    testing::{SEED, TestKeys, TestOrg, auth_layer, committed_groups, count_rows, databases},
};
use prost::Message as _;
use proto::{
    common::v1::Permission,
    survey::v1::{Events, event::Change, questionnaire_service_client::QuestionnaireServiceClient},
};
use tonic::{Request, service::Routes};

pub use kit::{
    rpc::bearer,
    testing::{fields, refusal},
};

use crate::{Config, Service, assemble, migrations, state::App};

/// A Monday morning in China: 2026-11-02 09:00.
pub const NOW_US: i64 = 1_793_581_200_000_000;

/// Everything that administrators of surveys hold.
pub const ADMIN: &[Permission] = &[
    Permission::OrgRead,
    Permission::QuestionnaireRead,
    Permission::QuestionnaireManage,
    Permission::CustomerRead,
    Permission::CustomerReadPersonal,
    Permission::CustomerManage,
    Permission::CustomerRecord,
    Permission::SubjectExport,
    Permission::SubjectErase,
    Permission::CampaignRead,
    Permission::CampaignManage,
    Permission::ResponseRead,
    Permission::ResponseEnter,
    Permission::ResponseExport,
];

/// The service under test.
pub struct World {
    /// Name of the database.
    pub name: String,
    /// The service's parts.
    pub app: Arc<App>,
    /// Calls to it.
    pub chan: Chan,
    /// Its clock.
    pub clock: Arc<ScriptedClock>,
    /// The organisation.
    pub org: TestOrg,
    /// Administrator of everything.
    pub admin: String,
    service: Service,
}

/// A world on each database.
pub async fn worlds() -> Vec<World> {
    let mut worlds = Vec::new();
    for (name, db) in databases(migrations).await {
        worlds.push(World::new(name, db).await);
    }
    worlds
}

impl World {
    async fn new(name: String, db: Db) -> Self {
        let clock = Arc::new(ScriptedClock::new(NOW_US));
        let keys = TestKeys::default();
        crate::store::erasure::prepare(&db).await.unwrap();
        let directory = Directory::open(db.clone()).await.unwrap();
        // Tokens live in real time, the service in the time of the test.
        let org = TestOrg::new(&directory, &keys, Arc::new(SystemClock)).await;
        let access = auth_layer(&keys, &directory, Arc::new(SystemClock));
        let config = Config { database_url: String::new(), seed: SEED, clock: clock.clone() };
        // Nothing in these tests calls auth.
        let auth = in_process(Routes::default().into_axum_router());
        let service = assemble(&config, db, directory, auth, access);
        let chan = in_process(service.router());
        let admin = org.user(org.root, ADMIN).await;
        Self { name, app: service.app.clone(), chan, clock, org, admin, service }
    }

    /// Moves time on.
    pub fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// All events of the feed so far, in order.
    pub async fn events(&self) -> Vec<Change> {
        let groups = committed_groups(&self.app.db, &self.app.outbox).await;
        let items = groups.into_iter().flat_map(|g| Events::decode(g.events).unwrap().items);
        items.filter_map(|event| event.change).collect()
    }

    /// Rows of a table.
    pub async fn count(&self, table: &str) -> i64 {
        count_rows(&self.app.db, table).await
    }

    /// Number of audit records that wait for auth.
    pub async fn audited(&self) -> i64 {
        self.count("audit_queue").await
    }

    /// A request of the administrator.
    pub fn as_admin<T>(&self, message: T) -> Request<T> {
        kit::rpc::bearer(message, &self.admin)
    }

    /// Client.
    pub fn questionnaires(&self) -> QuestionnaireServiceClient<Chan> {
        QuestionnaireServiceClient::new(self.chan.clone())
    }

    /// The way of answers.
    pub fn respond(&self) -> &crate::respond::Respond {
        &self.service.respond
    }
}
