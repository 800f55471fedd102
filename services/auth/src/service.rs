//! Putting the service together.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{StreamExt as _, stream::BoxStream};
use kit::{
    auth::{AuthLayer, Verifier},
    db,
    directory::Directory,
    error::{Result, ServiceError},
    feed::{FeedSource, GROUPS_MAX, Outbox, catch_up, follow},
    idempotency,
    page::PageTokens,
    rpc::service_stack_with,
    server::health::Probe,
};
use proto::{
    auth::v1::{
        audit_service_server::AuditServiceServer, client_service_server::ClientServiceServer,
        event_service_server::EventServiceServer, grant_service_server::GrantServiceServer,
        organisation_service_server::OrganisationServiceServer,
        session_service_server::SessionServiceServer, staff_service_server::StaffServiceServer,
        token_service_server::TokenServiceServer, unit_service_server::UnitServiceServer,
        user_service_server::UserServiceServer,
    },
    common::v1::{EventGroup, ListEventsResponse},
    names,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::{
    core::Core,
    flags::{Bootstrap, Config},
    hasher::Hasher,
    rpc::{self, Founding},
    secrets::Secrets,
    signing::SigningKeys,
    store::{failures, migration, organisations, sessions},
    work::{INSTALLATION, Note, Work},
};

/// Time between two sweeps.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// How often a start is tried that met another replica's.
const TRIES_MAX: u32 = 10;
/// Pause before the second try; it grows.
const PAUSE: Duration = Duration::from_millis(20);
/// How long ended sessions are kept before a sweep removes them: 7 days.
const SESSIONS_KEPT_US: i64 = 7 * 24 * 3_600 * 1_000_000;
/// How long failures are kept after they count no more: 1 day.
const FAILURES_KEPT_US: i64 = 24 * 3_600 * 1_000_000;

/// The running service. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    /// What all handlers share.
    pub(crate) core: Arc<Core>,
    access: AuthLayer,
}

/// Opens the database and makes everything ready for the first call.
///
/// # Errors
/// What is wrong with the configuration, or why the database cannot be opened.
pub async fn build(config: Config) -> Result<Service> {
    let Config { database_url, seed, clock, bootstrap } = config;
    let db = db::open(&database_url, migration::all).await?;
    let secrets = Arc::new(Secrets::new(&seed));
    let directory = Directory::open(db.clone()).await?;
    let signing = SigningKeys::new(db.clone(), clock.clone(), secrets.clone());
    let hasher = tokio::task::spawn_blocking(Hasher::new).await.map_err(ServiceError::internal)?;
    let core = Arc::new(Core {
        outbox: Outbox::new(db.clone(), clock.clone()),
        pages: PageTokens::new(&seed),
        hasher: hasher?,
        db,
        clock: clock.clone(),
        directory: directory.clone(),
        secrets,
        signing: signing.clone(),
    });
    // Replicas that start together want the same changes; who comes second looks again.
    let mut tries = 0;
    while let Err(error) = prepare(&core, bootstrap.as_ref()).await {
        tries += 1;
        if error.code() != tonic::Code::Aborted || tries == TRIES_MAX {
            return Err(error);
        }
        tokio::time::sleep(PAUSE * tries).await;
    }
    catch_up(&OwnFeed(core.outbox.clone()), &directory).await?;
    let verifier = Verifier::new(Arc::new(signing), &seed, clock.clone());
    let access = AuthLayer::new(verifier, directory, clock);
    Ok(Service { core, access })
}

/// What has to be there before the first call: a signing key, the first organisation, and
/// built-in roles as this program knows them. Again changes nothing.
async fn prepare(core: &Arc<Core>, bootstrap: Option<&Bootstrap>) -> Result<()> {
    let work = Work::begin(core, INSTALLATION).await?;
    core.signing.ensure(work.tx()).await?;
    work.commit().await?;
    if let Some(bootstrap) = bootstrap {
        found_first(core, bootstrap).await?;
    }
    rpc::align_roles(core).await
}

impl Service {
    /// All calls, behind everything that stands before a handler.
    pub fn router(&self) -> axum::Router {
        let core = &self.core;
        let mut routes = tonic::service::Routes::builder();
        routes
            .add_service(TokenServiceServer::new(rpc::tokens::Tokens(core.clone())))
            .add_service(OrganisationServiceServer::new(rpc::organisations::Organisations(
                core.clone(),
            )))
            .add_service(UnitServiceServer::new(rpc::units::Units(core.clone())))
            .add_service(StaffServiceServer::new(rpc::staff::StaffMembers(core.clone())))
            .add_service(UserServiceServer::new(rpc::users::Users(core.clone())))
            .add_service(GrantServiceServer::new(rpc::grants::Grants(core.clone())))
            .add_service(ClientServiceServer::new(rpc::clients::Clients(core.clone())))
            .add_service(SessionServiceServer::new(rpc::sessions::Sessions(core.clone())))
            .add_service(AuditServiceServer::new(rpc::audit::Audits(core.clone())))
            .add_service(EventServiceServer::new(rpc::events::Feed(core.clone())));
        let db = core.db.clone();
        let ready: Probe = Arc::new(move || {
            let db = db.clone();
            Box::pin(async move { db.ping().await.is_ok() })
        });
        service_stack_with(routes.routes(), self.access.clone(), ready)
    }

    /// Follows what other replicas commit, and sweeps what is over, until `stop`.
    pub async fn background(self, stop: CancellationToken) {
        let directory = Arc::new(self.core.directory.clone());
        let feed = OwnFeed(self.core.outbox.clone());
        let following = follow("auth", feed, directory, stop.clone());
        let sweeping = async {
            loop {
                if let Err(error) = sweep(&self.core).await {
                    tracing::warn!(%error, "sweep interrupted");
                }
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(SWEEP_EVERY) => {}
                }
            }
        };
        futures::join!(following, sweeping);
    }
}

/// Removes what is over: signing keys, sessions, failures, remembered answers. In every replica
/// and without a lease: deletes by time, of which the second finds nothing.
async fn sweep(core: &Arc<Core>) -> Result<()> {
    let mut work = Work::begin(core, INSTALLATION).await?;
    let now_us = work.now_us;
    for kid in core.signing.retire(work.tx()).await? {
        work.note(Note {
            actor: "internal".to_owned(),
            action: "retire signing key".to_owned(),
            object: format!("signingKeys/{kid}"),
            unit: None,
            outcome: "ok".to_owned(),
            detail: json!({}),
        });
    }
    sessions::sweep(work.conn(), now_us - SESSIONS_KEPT_US).await?;
    failures::sweep(work.conn(), now_us - FAILURES_KEPT_US).await?;
    idempotency::sweep(work.tx(), core.clock.as_ref()).await?;
    work.commit().await?;
    Ok(())
}

async fn found_first(core: &Arc<Core>, first: &Bootstrap) -> Result<()> {
    let exists = || organisations::find_by_slug(core.db.read(), &first.slug);
    if exists().await?.is_some() {
        return Ok(());
    }
    let founding = Founding::check(
        "bootstrap.",
        [&first.slug, &first.display_name, &first.time_zone],
        [
            ("bootstrap.ownerLogin", &first.owner_login),
            ("bootstrap.ownerPassword", &first.owner_password),
        ],
    )?;
    let password_hash = founding.hash(core).await?;
    let mut work = Work::begin(core, core.new_id()).await?;
    let founded = match rpc::found(core, &mut work, &founding, password_hash).await {
        // Another replica was faster.
        Err(error) if error.code() == Code::AlreadyExists => return Ok(()),
        founded => founded?,
    };
    work.note(Note {
        actor: "operator".to_owned(),
        action: "manyi.auth.v1.OrganisationService/CreateOrganisation".to_owned(),
        object: names::print("organisations", founded.organisation.id),
        unit: Some(founded.headquarters.id),
        outcome: "ok".to_owned(),
        detail: json!({ "slug": first.slug }),
    });
    work.commit().await?;
    Ok(())
}

/// The service's own feed, read without a call.
struct OwnFeed(Outbox);

#[async_trait]
impl FeedSource for OwnFeed {
    async fn list(&self, after: String) -> Result<ListEventsResponse> {
        self.0.list(&after, GROUPS_MAX).await
    }

    async fn watch(
        &self,
        after: String,
    ) -> Result<BoxStream<'static, std::result::Result<EventGroup, Status>>> {
        Ok(self.0.watch(after).boxed())
    }
}
