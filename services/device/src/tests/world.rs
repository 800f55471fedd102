//! A device service with an organisation, on one database, with a clock that is set by hand.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kit::{
    auth::InternalTokens,
    clock::{ScriptedClock, SystemClock},
    db::Db,
    directory::Directory,
    rpc::{Chan, in_process},
    testing::{SEED, TestKeys, TestOrg, auth_layer, committed_groups, count_rows, databases},
};
use prost::Message as _;
use proto::{
    auth::v1::{
        Client, ClientCredential, CreateClientRequest, IssueDeviceCredentialRequest,
        ListClientsRequest, ListClientsResponse, RevokeClientRequest,
        RevokeDeviceCredentialRequest, RevokeDeviceCredentialResponse, RotateClientSecretRequest,
        client_service_server::{ClientService, ClientServiceServer},
    },
    common::v1::Permission,
    device::v1::{self, Events, event::Change},
    names,
};
use tonic::{Request, Response, Status, service::Routes};
use uuid::Uuid;

pub use kit::{rpc::bearer, testing::refusal};

use crate::{Config, Service, assemble, migrations, state::App};

/// A Monday morning in China: 2026-11-02 09:00.
pub const NOW_US: i64 = 1_793_581_200_000_000;
/// A second.
pub const S: i64 = 1_000_000;

/// Everything that administrators of devices hold.
pub const ADMIN: &[Permission] = &[
    Permission::OrgRead,
    Permission::DeviceRead,
    Permission::DeviceManage,
    Permission::TemplateRead,
    Permission::TemplateManage,
    Permission::ShiftRead,
    Permission::ShiftWrite,
    Permission::EncounterRead,
    Permission::RatingRead,
    Permission::QuarantineManage,
    Permission::RatingPolicy,
];

/// What the credential of a device holds.
pub const DEVICE: &[Permission] = &[
    Permission::DeviceRead,
    Permission::DeviceOperate,
    Permission::TemplateRead,
    Permission::ShiftWrite,
    Permission::EncounterWrite,
    Permission::EncounterRead,
    Permission::RatingSubmit,
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
    /// Keys of tokens.
    pub keys: TestKeys,
    /// Administrator of everything.
    pub admin: String,
    /// What auth was asked.
    pub auth: FakeAuth,
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
        let directory = Directory::open(db.clone()).await.unwrap();
        // Tokens live in real time, the service in the time of the test.
        let org = TestOrg::new(&directory, &keys, Arc::new(SystemClock)).await;
        let auth = FakeAuth::default();
        let routes = Routes::new(ClientServiceServer::new(auth.clone()));
        let access = auth_layer(&keys, &directory, Arc::new(SystemClock));
        let config =
            Config { database_url: String::new(), seed: SEED, clock: clock.clone(), writers: 2 };
        let auth_chan = in_process(routes.into_axum_router());
        let service = assemble(config, db, directory, auth_chan, access);
        let chan = in_process(service.router());
        let admin = org.user(org.root, ADMIN).await;
        Self { name, app: service.app.clone(), chan, clock, org, keys, admin, auth, service }
    }

    /// The same process a moment later, with nothing in memory.
    pub fn restarted(&self) -> Chan {
        let access = auth_layer(&self.keys, &self.app.directory, Arc::new(SystemClock));
        let config = Config {
            database_url: String::new(),
            seed: SEED,
            clock: self.clock.clone(),
            writers: 2,
        };
        let (db, directory) = (self.app.db.clone(), self.app.directory.clone());
        in_process(assemble(config, db, directory, self.app.auth.clone(), access).router())
    }

    /// Moves time on.
    pub fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// A device at a window of the organisation, in working order, with its token.
    pub async fn device_at(&self, window: Uuid) -> (Uuid, String) {
        let mut client = self.devices();
        let device = v1::Device {
            display_name: "Terminal".into(),
            kind: v1::DeviceKind::NetworkTerminal as i32,
            unit: names::print("units", window),
            ..Default::default()
        };
        let create = v1::CreateDeviceRequest { device: Some(device), request_id: String::new() };
        let created = client.create_device(self.as_admin(create)).await.unwrap().into_inner();
        let code = created.pairing_code.unwrap().code;
        let enroll = v1::EnrollDeviceRequest { pairing_code: code, ..Default::default() };
        client.enroll_device(enroll).await.unwrap();
        let id = names::parse("devices", &created.device.unwrap().name).unwrap();
        let token = self.org.client(window, DEVICE, Some(id)).await;
        (id, token)
    }

    /// All events of the feed so far, in order.
    pub async fn events(&self) -> Vec<Change> {
        let groups = committed_groups(&self.app.db, &self.app.outbox).await;
        let items = groups.into_iter().flat_map(|g| Events::decode(g.events).unwrap().items);
        items.filter_map(|event| event.change).collect()
    }

    /// Number of audit records that wait for auth.
    pub async fn audited(&self) -> i64 {
        count_rows(&self.app.db, "audit_queue").await
    }

    /// A request of the administrator.
    pub fn as_admin<T>(&self, message: T) -> Request<T> {
        kit::rpc::bearer(message, &self.admin)
    }

    /// A request of another service.
    pub fn as_service<T>(&self, message: T) -> Request<T> {
        kit::rpc::bearer(message, &InternalTokens::new(&SEED).internal())
    }

    /// Client.
    pub fn devices(&self) -> v1::device_service_client::DeviceServiceClient<Chan> {
        v1::device_service_client::DeviceServiceClient::new(self.chan.clone())
    }

    /// Client.
    pub fn templates(&self) -> v1::template_service_client::TemplateServiceClient<Chan> {
        v1::template_service_client::TemplateServiceClient::new(self.chan.clone())
    }

    /// Client.
    pub fn shifts(&self) -> v1::shift_service_client::ShiftServiceClient<Chan> {
        v1::shift_service_client::ShiftServiceClient::new(self.chan.clone())
    }

    /// Client.
    pub fn encounters(&self) -> v1::encounter_service_client::EncounterServiceClient<Chan> {
        v1::encounter_service_client::EncounterServiceClient::new(self.chan.clone())
    }

    /// Client.
    pub fn policies(&self) -> v1::rating_policy_service_client::RatingPolicyServiceClient<Chan> {
        v1::rating_policy_service_client::RatingPolicyServiceClient::new(self.chan.clone())
    }

    /// Client.
    pub fn feed(&self) -> v1::event_service_client::EventServiceClient<Chan> {
        v1::event_service_client::EventServiceClient::new(self.chan.clone())
    }

    /// Client.
    pub fn prompting(&self) -> v1::prompting_service_client::PromptingServiceClient<Chan> {
        v1::prompting_service_client::PromptingServiceClient::new(self.chan.clone())
    }

    /// The service, for its background work.
    pub fn service(self) -> Service {
        self.service
    }
}

/// Auth as the device service sees it: issues and ends credentials, or is away.
#[derive(Clone, Default)]
pub struct FakeAuth {
    /// Whether it answers UNAVAILABLE.
    pub away: Arc<AtomicBool>,
    /// Devices that got a credential.
    pub issued: Arc<Mutex<Vec<String>>>,
    /// Devices whose credential was ended.
    pub ended: Arc<Mutex<Vec<String>>>,
}

impl FakeAuth {
    fn check(&self) -> Result<(), Status> {
        match self.away.load(Ordering::SeqCst) {
            true => Err(Status::unavailable("away")),
            false => Ok(()),
        }
    }
}

#[tonic::async_trait]
impl ClientService for FakeAuth {
    async fn issue_device_credential(
        &self,
        request: Request<IssueDeviceCredentialRequest>,
    ) -> Result<Response<ClientCredential>, Status> {
        self.check()?;
        assert!(request.metadata().contains_key("authorization"));
        let mut issued = self.issued.lock().unwrap();
        issued.push(request.into_inner().device);
        Ok(Response::new(ClientCredential {
            client: None,
            client_id: "clients/c_1".into(),
            client_secret: format!("secret {}", issued.len()),
        }))
    }

    async fn revoke_device_credential(
        &self,
        request: Request<RevokeDeviceCredentialRequest>,
    ) -> Result<Response<RevokeDeviceCredentialResponse>, Status> {
        self.check()?;
        self.ended.lock().unwrap().push(request.into_inner().device);
        Ok(Response::new(RevokeDeviceCredentialResponse {}))
    }

    async fn create_client(
        &self,
        _: Request<CreateClientRequest>,
    ) -> Result<Response<ClientCredential>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_clients(
        &self,
        _: Request<ListClientsRequest>,
    ) -> Result<Response<ListClientsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn rotate_client_secret(
        &self,
        _: Request<RotateClientSecretRequest>,
    ) -> Result<Response<ClientCredential>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn revoke_client(
        &self,
        _: Request<RevokeClientRequest>,
    ) -> Result<Response<Client>, Status> {
        Err(Status::unimplemented(""))
    }
}
