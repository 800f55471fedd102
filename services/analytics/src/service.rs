//! Puts the parts together.

use std::{sync::Arc, time::Duration};

use kit::{
    audit,
    auth::{AuthLayer, InternalTokens, RemoteKeys, Verifier},
    clock::{SharedClock, SystemClock},
    config::ServiceConfig,
    db::{self, Db},
    directory::Directory,
    error::Result,
    feed::{AuthFeed, DeviceFeed, Inbox, catch_up, compare_positions, follow},
    page::PageTokens,
    rpc::{Chan, bearer, connect, service_stack_with},
};
use proto::{
    analytics::v1::{
        figure_service_server::FigureServiceServer,
        freshness_service_server::FreshnessServiceServer,
        maintenance_service_server::MaintenanceServiceServer,
        measure_service_server::MeasureServiceServer,
    },
    common::v1::ListEventsRequest,
    device::v1::event_service_client::EventServiceClient,
};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::{
    apply::Applier,
    changes::Changes,
    figures::Figures,
    freshness::{AUTH, DEVICE, Freshness},
    live::Live,
    reconcile::Reconciler,
    rpc::{
        figures::FigureHandler, freshness::FreshnessHandler, maintenance::MaintenanceHandler,
        measures::Measures,
    },
    store::templates,
};

/// How often the cursor is looked at for what other replicas applied.
const POLL: Duration = Duration::from_secs(1);
/// Pause before auth's feed is tried again at start.
const RETRY: Duration = Duration::from_millis(500);

/// What the service needs to know.
#[derive(Clone)]
pub struct Config {
    /// Its own database.
    pub database_url: String,
    /// Secret of the installation.
    pub seed: [u8; 32],
    /// Time.
    pub clock: SharedClock,
}

impl Config {
    /// As a process of its own is told by flags.
    pub fn from_flags(flags: &ServiceConfig) -> Self {
        Self {
            database_url: flags.database_url.clone(),
            seed: flags.internal_seed.0,
            clock: Arc::new(SystemClock),
        }
    }
}

/// Where the other services are, for a process of its own.
#[derive(Debug, Clone, clap::Args)]
pub struct PeerFlags {
    /// Addresses of the auth service, separated by commas.
    #[arg(long, env = "MANYI_AUTH_URI")]
    pub auth_uri: String,
    /// Addresses of the device service, separated by commas.
    #[arg(long, env = "MANYI_DEVICE_URI")]
    pub device_uri: String,
}

impl PeerFlags {
    /// Channels to them; connected at the first call.
    pub fn connect(&self) -> Result<Peers> {
        Ok(Peers { auth: connect(&self.auth_uri)?, device: connect(&self.device_uri)? })
    }
}

/// Services that it calls.
#[derive(Clone)]
pub struct Peers {
    /// The auth service.
    pub auth: Chan,
    /// The device service.
    pub device: Chan,
}

/// The running service.
pub struct Service {
    pub(crate) db: Db,
    pub(crate) directory: Directory,
    pub(crate) applier: Arc<Applier>,
    changes: Changes,
    freshness: Freshness,
    live: Live,
    clock: SharedClock,
    tokens: InternalTokens,
    peers: Peers,
    router: axum::Router,
}

/// Opens the database and puts the service together. Nothing is followed before
/// [`Service::background`] runs.
pub async fn build(config: Config, peers: Peers) -> Result<Service> {
    let db = db::open(&config.database_url, crate::store::migrations).await?;
    let directory = Directory::open(db.clone()).await?;
    let keys = Arc::new(RemoteKeys::new(peers.auth.clone()));
    let verifier = Verifier::new(keys, &config.seed, config.clock.clone());
    let auth = AuthLayer::new(verifier, directory.clone(), config.clock.clone());
    Ok(assemble(config, peers, db, directory, auth))
}

/// As [`build`], with database and identities given.
pub(crate) fn assemble(
    config: Config,
    peers: Peers,
    db: Db,
    directory: Directory,
    auth: AuthLayer,
) -> Service {
    let clock = config.clock;
    let tokens = InternalTokens::new(&config.seed);
    let cache = Arc::new(templates::Cache::default());
    let (changes, freshness) = (Changes::default(), Freshness::default());
    let applier = Arc::new(Applier::new(
        db.clone(),
        directory.clone(),
        clock.clone(),
        changes.clone(),
        cache.clone(),
        freshness.clone(),
    ));
    let figures = Figures::new(db.clone(), cache, freshness.clone());
    let stop = CancellationToken::new();
    let live = Live::new(figures.clone(), directory.clone(), changes.clone(), clock.clone(), stop);
    let device = peers.device.clone();
    let reconciler = Reconciler::new(db.clone(), applier.clone(), device, tokens.clone());
    let page_tokens = PageTokens::new(&config.seed);
    let routes = Routes::new(FigureServiceServer::new(FigureHandler::new(
        figures,
        live.clone(),
        page_tokens,
    )))
    .add_service(MeasureServiceServer::new(Measures::default()))
    .add_service(MaintenanceServiceServer::new(MaintenanceHandler::new(
        reconciler,
        applier.clone(),
    )))
    .add_service(FreshnessServiceServer::new(FreshnessHandler::new(db.clone(), freshness.clone())));
    let probed = db.clone();
    let ready = Arc::new(move || {
        let db = probed.clone();
        let answer: std::pin::Pin<Box<dyn Future<Output = bool> + Send>> =
            Box::pin(async move { db.ping().await.is_ok() });
        answer
    });
    let router = service_stack_with(routes, auth, ready);
    Service { db, directory, applier, changes, freshness, live, clock, tokens, peers, router }
}

impl Service {
    /// All its services behind the access layer.
    pub fn router(&self) -> axum::Router {
        self.router.clone()
    }

    /// Follows the feeds until `stop`.
    pub async fn background(self, stop: CancellationToken) {
        let service = Arc::new(self);
        let forwarding = audit::forward(
            service.db.clone(),
            service.peers.auth.clone(),
            service.tokens.clone(),
            stop.clone(),
        );
        tokio::join!(
            service.follow(stop.clone()),
            service.applier.retry_parked(stop.clone()),
            service.look_around(stop.clone()),
            forwarding,
        );
        service.live.stopped().cancel();
    }

    /// First the units, then the facts that name them.
    async fn follow(&self, stop: CancellationToken) {
        let auth = AuthFeed::new(self.peers.auth.clone(), self.tokens.clone());
        while let Err(error) = catch_up(&auth, &self.directory).await {
            tracing::info!(%error, "waiting for the auth service");
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(RETRY) => {}
            }
        }
        let directory = Arc::new(self.directory.clone());
        tokio::join!(follow(AUTH, auth, directory, stop.clone()), self.follow_device(stop));
    }

    /// Follows the device feed, again from the cursor whenever the cells begin anew.
    async fn follow_device(&self, stop: CancellationToken) {
        let device = DeviceFeed::new(self.peers.device.clone(), self.tokens.clone());
        while !stop.is_cancelled() {
            let following =
                follow(DEVICE, device.clone(), self.applier.clone(), stop.child_token());
            tokio::select! {
                () = following => {}
                () = self.applier.restarted() => {}
            }
        }
    }

    /// Looks for what other replicas applied, and whether the feed goes on after it.
    async fn look_around(&self, stop: CancellationToken) {
        let mut seen = String::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(POLL) => {}
            }
            let Ok(cursor) = Inbox::cursor(self.db.read(), DEVICE).await else { continue };
            let here = self.freshness.applied_here();
            if cursor != seen && cursor != here {
                self.changes.publish_all();
                if compare_positions(&cursor, &here).is_ok_and(std::cmp::Ordering::is_lt) {
                    self.applier.restart();
                }
            }
            seen.clone_from(&cursor);
            let now_us = self.clock.now_us();
            if self.is_end(&cursor).await {
                self.freshness.saw_end(&cursor, now_us);
            }
        }
    }

    /// Whether the device feed has nothing after `position`.
    async fn is_end(&self, position: &str) -> bool {
        let request = ListEventsRequest { after: position.to_owned(), page_size: 1 };
        let request = bearer(request, &self.tokens.internal());
        let mut client = EventServiceClient::new(self.peers.device.clone());
        let page = client.list_events(request).await;
        page.is_ok_and(|page| page.get_ref().groups.is_empty())
    }
}
