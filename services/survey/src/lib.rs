//! The survey service: questionnaires, customers, campaigns and responses. One door: [`build`]
//! makes a [`Service`] with its routes and its background work.

mod cleaning;
mod convert;
mod crash_point;
mod customers;
mod fieldwork;
mod personal;
mod questionnaire;
mod respond;
mod responses;
mod rpc;
mod state;
mod store;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;

use kit::{
    audit,
    auth::{AuthLayer, InternalTokens, RemoteKeys, Verifier},
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
use proto::survey::v1::{
    campaign_service_server::CampaignServiceServer, event_service_server::EventServiceServer,
    invitation_service_server::InvitationServiceServer,
    outcome_service_server::OutcomeServiceServer, plan_service_server::PlanServiceServer,
    questionnaire_service_server::QuestionnaireServiceServer,
    respondent_service_server::RespondentServiceServer,
    response_service_server::ResponseServiceServer,
};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::state::App;

pub use crash_point::{
    ANSWERS as CRASH_POINTS, CUSTOMERS as IMPORT_CRASH_POINTS, TRIGGERS as TRIGGER_CRASH_POINTS,
};
pub use store::migration::all as migrations;

/// What the service is told at its start.
pub struct Config {
    /// The service's own database: `sqlite::memory:`, `sqlite://path` or `postgres://…`.
    pub database_url: String,
    /// Secret of the installation.
    pub seed: [u8; 32],
    /// Time.
    pub clock: SharedClock,
}

/// Flags of this service alone.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Address of the auth service, such as `http://auth:50051`; several with commas.
    #[arg(long, env = "MANYI_AUTH_URI")]
    pub auth_uri: String,
}

impl Config {
    /// From flags, with the machine's clock.
    pub fn new(shared: &ServiceConfig) -> Self {
        Self {
            database_url: shared.database_url.clone(),
            seed: shared.internal_seed.0,
            clock: Arc::new(SystemClock),
        }
    }
}

/// Services that this one calls.
pub struct Peers {
    /// Identity: keys, the feed of units and staff, audit.
    pub auth: Chan,
}

/// The service, ready to be served.
pub struct Service {
    app: Arc<App>,
    access: AuthLayer,
    respond: respond::Respond,
}

/// Opens the database and brings its schema up to date.
pub async fn build(config: Config, peers: Peers) -> Result<Service> {
    let db = kit::db::open(&config.database_url, store::migration::all).await?;
    store::erasure::prepare(&db).await?;
    let directory = Directory::open(db.clone()).await?;
    let keys = Arc::new(RemoteKeys::new(peers.auth.clone()));
    let verifier = Verifier::new(keys, &config.seed, config.clock.clone());
    let access = AuthLayer::new(verifier, directory.clone(), config.clock.clone());
    Ok(assemble(&config, db, directory, peers.auth, access))
}

/// The service on an open database.
fn assemble(
    config: &Config,
    db: Db,
    directory: Directory,
    auth: Chan,
    access: AuthLayer,
) -> Service {
    let app = Arc::new(App {
        outbox: Outbox::new(db.clone(), config.clock.clone()).of_service("survey"),
        tokens: InternalTokens::new(&config.seed),
        pages: PageTokens::new(&config.seed),
        links: fieldwork::link::Links::new(&config.seed),
        vault: personal::Vault::new(&config.seed),
        cleaning: cleaning::Cleaning::of(&db),
        import_wake: tokio::sync::Notify::new(),
        clock: config.clock.clone(),
        db,
        directory,
        auth,
    });
    let respond = respond::Respond::start(app.clone(), &config.seed);
    Service { app, access, respond }
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
        let respond = || self.respond.clone();
        let routes = Routes::new(EventServiceServer::new(rpc::event::Feed(app())));
        rpc::customer_routes::add(routes, &self.app)
            .add_service(OutcomeServiceServer::new(rpc::outcome::OutcomeHandler(app())))
            .add_service(PlanServiceServer::new(rpc::plan::Plans(app())))
            .add_service(CampaignServiceServer::new(rpc::campaign::Campaigns(app())))
            .add_service(InvitationServiceServer::new(rpc::invitation::Invitations(app())))
            .add_service(RespondentServiceServer::new(rpc::respondent::Respondents(respond())))
            .add_service(ResponseServiceServer::new(rpc::response::Responses::new(respond())))
            .add_service(QuestionnaireServiceServer::new(rpc::questionnaire::Questionnaires(app())))
    }

    /// Follows auth and hands audit records over, until `stop`.
    pub async fn background(self, stop: CancellationToken) {
        let app = self.app;
        let feed = AuthFeed::new(app.auth.clone(), app.tokens.clone());
        let directory = Arc::new(app.directory.clone());
        let lease = Lease::new(app.db.clone(), "fieldwork");
        tokio::join!(
            follow("auth", feed, directory, stop.clone()),
            fieldwork::sweep::run(app.clone(), lease.clone(), stop.clone()),
            lease.keep(stop.clone()),
            respond::sweep::run(self.respond, stop.clone()),
            customers::import::work(app.clone(), stop.clone()),
            audit::forward(app.db.clone(), app.auth.clone(), app.tokens.clone(), stop.clone()),
        );
    }
}
