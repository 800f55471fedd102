//! The device service: devices, templates, shifts, encounters and ratings. One door:
//! [`build`] makes a [`Service`] with its routes and its background work.

mod convert;
mod counting;
mod credentials;
mod device_access;
mod device_fields;
mod devices;
mod encounters;
mod enroll;
mod events;
mod heartbeat;
mod ingest;
mod nudge;
mod pairing_codes;
mod policies;
mod presence;
mod rpc;
mod shifts;
mod state;
mod store;
mod sweep;
mod templates;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use kit::{
    audit,
    auth::{AuthLayer, InternalTokens, RemoteKeys, Verifier, derive},
    clock::{SharedClock, SystemClock},
    config::ServiceConfig,
    db::Db,
    directory::Directory,
    error::Result,
    feed::{AuthFeed, Outbox, follow},
    lease::Lease,
    page::PageTokens,
    rpc::{Chan, service_stack_with},
};
use proto::device::v1::{
    device_service_server::DeviceServiceServer, encounter_service_server::EncounterServiceServer,
    event_service_server::EventServiceServer, prompting_service_server::PromptingServiceServer,
    quarantine_service_server::QuarantineServiceServer,
    rating_policy_service_server::RatingPolicyServiceServer,
    rating_service_server::RatingServiceServer, shift_service_server::ShiftServiceServer,
    template_service_server::TemplateServiceServer,
};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::{ingest::Ingest, state::App};

pub use ingest::{WRITERS_DEFAULT, crash_point::ALL as CRASH_POINTS};
pub use store::migration::all as migrations;

/// What the service is told at its start.
pub struct Config {
    /// The service's own database: `sqlite::memory:`, `sqlite://path` or `postgres://…`.
    pub database_url: String,
    /// Secret of the installation.
    pub seed: [u8; 32],
    /// Time.
    pub clock: SharedClock,
    /// Writers of ratings on PostgreSQL; SQLite has one.
    pub writers: usize,
}

/// Flags of this service alone.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Address of the auth service, such as `http://auth:50051`; several with commas.
    #[arg(long, env = "MANYI_AUTH_URI")]
    pub auth_uri: String,
    /// Writers of ratings on PostgreSQL, 1 to 8; SQLite has one.
    #[arg(long, env = "MANYI_RATING_WRITERS", default_value_t = WRITERS_DEFAULT)]
    pub writers: usize,
}

impl Config {
    /// From flags, with the machine's clock.
    pub fn new(shared: &ServiceConfig, options: &Options) -> Self {
        Self {
            database_url: shared.database_url.clone(),
            seed: shared.internal_seed.0,
            clock: Arc::new(SystemClock),
            writers: options.writers,
        }
    }
}

/// Services that this one calls.
pub struct Peers {
    /// Identity: keys, the feed of units and staff, credentials of devices, audit.
    pub auth: Chan,
}

/// The service, ready to be served.
pub struct Service {
    app: Arc<App>,
    ingest: Ingest,
    access: AuthLayer,
}

/// Opens the database, brings its schema up to date and starts the writers.
pub async fn build(config: Config, peers: Peers) -> Result<Service> {
    let db = kit::db::open(&config.database_url, store::migration::all).await?;
    let directory = Directory::open(db.clone()).await?;
    let keys = Arc::new(RemoteKeys::new(peers.auth.clone()));
    let verifier = Verifier::new(keys, &config.seed, config.clock.clone());
    let access = AuthLayer::new(verifier, directory.clone(), config.clock.clone());
    Ok(assemble(config, db, directory, peers.auth, access))
}

/// The service on an open database.
fn assemble(
    config: Config,
    db: Db,
    directory: Directory,
    auth: Chan,
    access: AuthLayer,
) -> Service {
    let clock = config.clock;
    let outbox = Outbox::new(db.clone(), clock.clone()).of_service("device");
    let app = Arc::new(App {
        templates: templates::Templates::new(db.clone(), clock.clone(), outbox.clone()),
        policies: policies::Policies::new(db.clone()),
        tokens: InternalTokens::new(&config.seed),
        pages: PageTokens::new(&config.seed),
        pairing_key: derive(&config.seed, b"manyi pairing codes"),
        presence: presence::Presence::default(),
        nudges: nudge::Nudges::default(),
        streams: nudge::Streams::default(),
        db,
        clock,
        directory,
        outbox,
        auth,
    });
    let ingest = Ingest::start(app.clone(), config.writers);
    Service { app, ingest, access }
}

impl Service {
    /// All handlers behind access control, deadlines and the rest of the stack.
    pub fn router(&self) -> axum::Router {
        let db = self.app.db.clone();
        let ready = Arc::new(move || -> futures::future::BoxFuture<'static, bool> {
            let db = db.clone();
            Box::pin(async move { db.ping().await.is_ok() })
        });
        service_stack_with(self.routes(), self.access.clone(), ready)
    }

    fn routes(&self) -> Routes {
        let app = || self.app.clone();
        let ratings = rpc::rating::Ratings::new(app(), self.ingest.clone());
        let quarantine = rpc::quarantine::Quarantine::new(app(), self.ingest.clone());
        Routes::new(DeviceServiceServer::new(rpc::device::Devices(app())))
            .add_service(TemplateServiceServer::new(rpc::template::Templates(app())))
            .add_service(ShiftServiceServer::new(rpc::shift::Shifts(app())))
            .add_service(EncounterServiceServer::new(rpc::encounter::Encounters(app())))
            .add_service(RatingPolicyServiceServer::new(rpc::policy::Policies(app())))
            .add_service(EventServiceServer::new(rpc::event::Feed(app())))
            .add_service(PromptingServiceServer::new(rpc::prompting::Prompting(app())))
            .add_service(
                RatingServiceServer::new(ratings)
                    .max_decoding_message_size(rpc::rating::BATCH_BYTES_MAX),
            )
            .add_service(QuarantineServiceServer::new(quarantine))
    }

    /// Follows auth, hands audit records over and does what comes with time, until `stop`.
    pub async fn background(self, stop: CancellationToken) {
        let app = self.app;
        let feed = AuthFeed::new(app.auth.clone(), app.tokens.clone());
        let directory = Arc::new(app.directory.clone());
        let lease = Lease::new(app.db.clone(), "sweep");
        tokio::join!(
            follow("auth", feed, directory, stop.clone()),
            audit::forward(app.db.clone(), app.auth.clone(), app.tokens.clone(), stop.clone()),
            app.nudges.clone().poll(app.db.clone(), app.clock.clone(), stop.clone()),
            sweep::flush_presence(app.clone(), stop.clone()),
            sweep::run(app.clone(), lease.clone(), stop.clone()),
            lease.keep(stop.clone()),
        );
    }
}
