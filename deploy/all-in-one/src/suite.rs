//! Builds the services in the order of their dependencies and joins them.

use std::sync::Arc;

use kit::{
    auth::{RemoteKeys, Verifier},
    clock::{SharedClock, SystemClock},
    error::Result,
    rpc,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Where each service keeps its data: `sqlite://path` or `postgres://user@host/name`. Each
/// has a database of its own.
#[derive(Debug, Clone)]
pub struct Databases {
    /// Of the auth service.
    pub auth: String,
    /// Of the device service.
    pub device: String,
    /// Of the survey service.
    pub survey: String,
    /// Of the analytics service.
    pub analytics: String,
}

/// What a suite is made of.
#[derive(Clone)]
pub struct SuiteConfig {
    /// Databases.
    pub databases: Databases,
    /// Secret of the installation.
    pub seed: [u8; 32],
    /// Time.
    pub clock: SharedClock,
    /// The first organisation, made if there is none of its name.
    pub bootstrap: Option<auth::Bootstrap>,
    /// Settings of the gateway; its verifier is set here.
    pub gateway: gateway::Config,
}

impl SuiteConfig {
    /// With the machine's clock and the gateway's defaults.
    pub fn new(databases: Databases, seed: [u8; 32]) -> Self {
        let gateway = gateway::Config::default();
        Self { databases, seed, clock: Arc::new(SystemClock), bootstrap: None, gateway }
    }
}

/// A running suite.
pub struct Suite {
    router: axum::Router,
    stop: CancellationToken,
    background: JoinSet<()>,
}

impl Suite {
    /// Builds everything and starts what runs in the background.
    ///
    /// # Errors
    /// When a database cannot be opened or brought up to date.
    pub async fn start(config: SuiteConfig) -> Result<Self> {
        let SuiteConfig { databases, seed, clock, bootstrap, mut gateway } = config;
        let stop = CancellationToken::new();
        let mut background = JoinSet::new();

        let database_url = databases.auth;
        let auth = auth::Config { database_url, seed, clock: clock.clone(), bootstrap };
        let auth = auth::build(auth).await?;
        let to_auth = rpc::in_process(auth.router());

        let (database_url, writers) = (databases.device, device::WRITERS_DEFAULT);
        let device = device::Config { database_url, seed, clock: clock.clone(), writers };
        let device = device::build(device, device::Peers { auth: to_auth.clone() }).await?;
        let to_device = rpc::in_process(device.router());

        let survey = survey::Config { database_url: databases.survey, seed, clock: clock.clone() };
        let survey = survey::build(survey, survey::Peers { auth: to_auth.clone() }).await?;
        let to_survey = rpc::in_process(survey.router());

        let analytics =
            analytics::Config { database_url: databases.analytics, seed, clock: clock.clone() };
        let peers = analytics::Peers {
            auth: to_auth.clone(),
            device: to_device.clone(),
            survey: to_survey.clone(),
        };
        let analytics = analytics::build(analytics, peers).await?;
        let to_analytics = rpc::in_process(analytics.router());

        background.spawn(auth.background(stop.clone()));
        background.spawn(device.background(stop.clone()));
        background.spawn(survey.background(stop.clone()));
        background.spawn(analytics.background(stop.clone()));

        let keys = Arc::new(RemoteKeys::new(to_auth.clone()));
        gateway.verifier = Some(Verifier::new(keys, &seed, clock));
        let peers = gateway::Peers {
            auth: to_auth,
            device: to_device,
            survey: to_survey,
            analytics: to_analytics,
        };
        let router = gateway::build(gateway, peers).await?.router();
        Ok(Self { router, stop, background })
    }

    /// The gateway: all that the suite offers, for one port.
    pub fn router(&self) -> axum::Router {
        self.router.clone()
    }

    /// Ends what runs in the background; returns when all of it has ended. Stop serving the
    /// router first.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.background.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a background task broke");
            }
        }
    }
}
