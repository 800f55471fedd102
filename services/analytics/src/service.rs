//! Puts the parts together.

use std::sync::Arc;

use kit::{
    audit,
    auth::{AuthLayer, InternalTokens, RemoteKeys, Verifier},
    clock::{SharedClock, SystemClock},
    config::ServiceConfig,
    consistency,
    db::{self, Db},
    directory::Directory,
    error::Result,
    feed::Outbox,
    lease::Lease,
    page::PageTokens,
    rpc::{Chan, connect, service_stack_with},
};
use proto::analytics::v1::{
    alert_service_server::AlertServiceServer, calendar_service_server::CalendarServiceServer,
    comparison_service_server::ComparisonServiceServer, event_service_server::EventServiceServer,
    figure_service_server::FigureServiceServer, freshness_service_server::FreshnessServiceServer,
    index_service_server::IndexServiceServer, integrity_service_server::IntegrityServiceServer,
    maintenance_service_server::MaintenanceServiceServer,
    measure_service_server::MeasureServiceServer,
    publication_service_server::PublicationServiceServer,
    score_card_service_server::ScoreCardServiceServer, target_service_server::TargetServiceServer,
};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::{
    alerts,
    answers::AnswerFigures,
    apply::{Applier, Source},
    changes::Changes,
    figures::{Figures, Slots},
    following::{Followed, Following},
    freshness::{DEVICE, Freshness, SURVEY},
    indices::Indices,
    live::Live,
    outcomes::Outcomes,
    reconcile::Reconciler,
    rpc::{
        alert::AlertHandler, calendar::CalendarHandler, comparison::ComparisonHandler, event::Feed,
        figures::FigureHandler, freshness::FreshnessHandler, index::IndexHandler,
        integrity::IntegrityHandler, maintenance::MaintenanceHandler, measures::Measures,
        publication::PublicationHandler, score_card::ScoreCardHandler, target::TargetHandler,
    },
    state::App,
    store::{placements, questionnaires, templates},
    verifier,
};

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
    /// Addresses of the survey service, separated by commas.
    #[arg(long, env = "MANYI_SURVEY_URI")]
    pub survey_uri: String,
}

impl PeerFlags {
    /// Channels to them; connected at the first call.
    pub fn connect(&self) -> Result<Peers> {
        Ok(Peers {
            auth: connect(&self.auth_uri)?,
            device: connect(&self.device_uri)?,
            survey: connect(&self.survey_uri)?,
        })
    }
}

/// Services that it calls.
#[derive(Clone)]
pub struct Peers {
    /// The auth service.
    pub auth: Chan,
    /// The device service.
    pub device: Chan,
    /// The survey service.
    pub survey: Chan,
}

/// The running service.
pub struct Service {
    pub(crate) db: Db,
    pub(crate) directory: Directory,
    pub(crate) ratings: Followed,
    pub(crate) answers: Followed,
    lease: Lease,
    changes: Changes,
    live: Live,
    clock: SharedClock,
    tokens: InternalTokens,
    peers: Peers,
    router: axum::Router,
    pub(crate) app: Arc<App>,
    pub(crate) reconciler: Reconciler,
}

/// Opens the database and puts the service together. Nothing is followed before
/// [`Service::background`] runs.
pub async fn build(config: Config, peers: Peers) -> Result<Service> {
    let db = db::open(&config.database_url, crate::store::migrations).await?;
    let directory = Directory::open(db.clone()).await?;
    let keys = Arc::new(RemoteKeys::new(peers.auth.clone()));
    let verifier = Verifier::new(keys, &config.seed, config.clock.clone());
    let followed =
        [DEVICE, SURVEY].map(|service| consistency::Followed { service, db: db.clone() });
    let auth = AuthLayer::new(verifier, directory.clone(), config.clock.clone())
        .following(followed.into());
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
    let versions = Arc::new(questionnaires::Cache::default());
    let changes = Changes::default();
    let followed = |source: Source| {
        let freshness = Freshness::of(source.name);
        let applier = Arc::new(Applier::new(
            source,
            db.clone(),
            directory.clone(),
            clock.clone(),
            changes.clone(),
            cache.clone(),
            freshness.clone(),
        ));
        Followed { applier, freshness }
    };
    let (ratings, answers) = (followed(Source::RATINGS), followed(Source::ANSWERS));
    let slots = Slots::default();
    let placed = Arc::new(placements::Cache::default());
    let freshness = ratings.freshness.clone();
    let figures = Figures::new(db.clone(), cache, placed.clone(), freshness, slots.clone());
    let freshness = answers.freshness.clone();
    let of_answers =
        AnswerFigures::new(db.clone(), versions, placed.clone(), freshness, slots.clone());
    let stop = CancellationToken::new();
    let live = Live::new(figures.clone(), directory.clone(), changes.clone(), clock.clone(), stop);
    let lease = Lease::new(db.clone(), "following");
    let reconciler = Reconciler::new(
        db.clone(),
        lease.clone(),
        ratings.applier.clone(),
        answers.applier.clone(),
        &peers,
        tokens.clone(),
    );
    let page_tokens = PageTokens::new(&config.seed);
    let (of_ratings, of_surveys) = (ratings.freshness.clone(), answers.freshness.clone());
    let indices = Indices::new(db.clone(), placed, of_ratings, of_surveys, slots);
    let app = Arc::new(App {
        db: db.clone(),
        clock: clock.clone(),
        outbox: Outbox::new(db.clone(), clock.clone()),
        pages: page_tokens,
        figures,
        answers: of_answers,
        indices,
        ratings: ratings.freshness.clone(),
        outcomes: Outcomes::new(&peers, tokens.clone()),
    });
    let figure_handler = FigureHandler::new(app.clone(), live.clone());
    let routes = Routes::new(FigureServiceServer::new(figure_handler))
        .add_service(IndexServiceServer::new(IndexHandler(app.clone())))
        .add_service(PublicationServiceServer::new(PublicationHandler(app.clone())))
        .add_service(ComparisonServiceServer::new(ComparisonHandler(app.clone())))
        .add_service(TargetServiceServer::new(TargetHandler(app.clone())))
        .add_service(ScoreCardServiceServer::new(ScoreCardHandler(app.clone())))
        .add_service(AlertServiceServer::new(AlertHandler(app.clone())))
        .add_service(EventServiceServer::new(Feed(app.clone())))
        .add_service(CalendarServiceServer::new(CalendarHandler(app.clone())))
        .add_service(IntegrityServiceServer::new(IntegrityHandler(app.clone())))
        .add_service(MeasureServiceServer::new(Measures::default()))
        .add_service(MaintenanceServiceServer::new(MaintenanceHandler::new(
            reconciler.clone(),
            vec![ratings.applier.clone(), answers.applier.clone()],
        )))
        .add_service(FreshnessServiceServer::new(FreshnessHandler::new(
            db.clone(),
            vec![ratings.freshness.clone(), answers.freshness.clone()],
        )));
    let probed = db.clone();
    let ready = Arc::new(move || {
        let db = probed.clone();
        let answer: std::pin::Pin<Box<dyn Future<Output = bool> + Send>> =
            Box::pin(async move { db.ping().await.is_ok() });
        answer
    });
    let router = service_stack_with(routes, auth, ready);
    Service {
        db,
        directory,
        ratings,
        answers,
        lease,
        changes,
        live,
        clock,
        tokens,
        peers,
        router,
        app,
        reconciler,
    }
}

impl Service {
    /// All its services behind the access layer.
    pub fn router(&self) -> axum::Router {
        self.router.clone()
    }

    /// Follows the feeds until `stop`.
    pub async fn background(self, stop: CancellationToken) {
        let following = Following {
            db: self.db.clone(),
            directory: self.directory,
            changes: self.changes,
            clock: self.clock,
            tokens: self.tokens.clone(),
            peers: self.peers.clone(),
            ratings: self.ratings,
            answers: self.answers,
            lease: self.lease,
        };
        let forwarding = audit::forward(self.db, self.peers.auth, self.tokens, stop.clone());
        let (directory, clock) = (following.directory.clone(), following.clock.clone());
        // Dear work, and once is enough: by the replica that follows the feeds.
        let (db, lease) = (self.app.db.clone(), following.lease.clone());
        let orgs = directory.clone();
        let turns = verifier::Turns::new(lease.clone(), stop.clone());
        let verifying = verifier::watch(db, self.reconciler, orgs, clock, turns);
        let watching = alerts::watch(self.app, directory, lease, stop.clone());
        tokio::join!(following.run(stop), forwarding, verifying, watching);
        self.live.stopped().cancel();
    }
}
