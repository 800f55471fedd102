//! An installation of Manyi on this machine: the programs with fresh databases, each on a port
//! of its own.

use std::path::Path;

use kit::config::Seed;

use crate::{
    engine::{Database, Engine},
    error::Result,
    programs::{Program, Programs, Start},
};

/// Settings that every process of one installation is started with.
pub struct Plan<'a> {
    /// Where the programs are.
    pub programs: &'a Programs,
    /// What to keep data in.
    pub engine: &'a Engine,
    /// Folder of databases and logs.
    pub folder: &'a Path,
    /// The installation's secret.
    pub seed: Seed,
}

/// Quotas far above what is measured: they protect tenants from each other, and there is one.
/// They are still counted for every call.
pub fn quotas() -> Vec<(&'static str, String)> {
    let plenty = "1000000000".to_owned();
    vec![
        ("MANYI_QUOTA_CREDENTIAL", plenty.clone()),
        ("MANYI_QUOTA_ORGANISATION", plenty.clone()),
        ("MANYI_QUOTA_ADDRESS", plenty),
        // Respondents come from many networks.
        ("MANYI_TRUST_FORWARDED_FOR", "true".to_owned()),
    ]
}

impl Plan<'_> {
    /// Starts a service with a database of its own.
    pub async fn service(
        &self,
        name: &'static str,
        label: &str,
        peers: &[(&'static str, String)],
    ) -> Result<Service> {
        let purpose = label.trim_start_matches("manyi-").replace('-', "_");
        let database = self.engine.fresh(&purpose, self.folder).await?;
        let program = self.process(name, label, &database.url, peers).await?;
        Ok(Service { program, database })
    }

    /// Starts a service on an existing database.
    pub async fn process(
        &self,
        name: &'static str,
        label: &str,
        database_url: &str,
        peers: &[(&'static str, String)],
    ) -> Result<Program> {
        let mut environment = vec![("MANYI_DATABASE_URL", database_url.to_owned())];
        environment.extend(self.common());
        environment.extend(peers.iter().cloned());
        self.start(name, label, &environment).await
    }

    /// Starts a gateway in front of these services.
    pub async fn gateway(&self, label: &str, peers: &[(&'static str, String)]) -> Result<Program> {
        let mut environment = self.common().to_vec();
        environment.extend(quotas());
        environment.extend(peers.iter().cloned());
        self.start("manyi-gateway", label, &environment).await
    }

    fn common(&self) -> [(&'static str, String); 2] {
        [("MANYI_LISTEN", "127.0.0.1:0".to_owned()), ("MANYI_INTERNAL_SEED", self.seed.to_base64())]
    }

    async fn start(
        &self,
        name: &'static str,
        label: &str,
        environment: &[(&'static str, String)],
    ) -> Result<Program> {
        let label = Some(label);
        let start = Start { name, label, arguments: &[], environment, folder: self.folder };
        self.programs.start(&start).await
    }
}

/// A service and its database.
pub struct Service {
    /// The process.
    pub program: Program,
    /// Its database.
    pub database: Database,
}

impl Service {
    /// Stops the process and removes the database.
    pub async fn end(self) -> Result<()> {
        self.program.stop().await?;
        self.database.remove().await
    }
}

/// Setting that tells a process where auth is.
pub const AUTH_URI: &str = "MANYI_AUTH_URI";
/// Setting that tells a process where device is.
pub const DEVICE_URI: &str = "MANYI_DEVICE_URI";
/// Setting that tells a process where survey is.
pub const SURVEY_URI: &str = "MANYI_SURVEY_URI";
/// Setting that tells a process where analytics is.
pub const ANALYTICS_URI: &str = "MANYI_ANALYTICS_URI";

/// Address at which nobody listens, for services that take no part.
pub const NOBODY: &str = "http://127.0.0.1:9";

/// The services and the gateway as separate processes.
pub struct Suite {
    /// Identity.
    pub auth: Service,
    /// Devices and ratings.
    pub device: Service,
    /// Questionnaires, when they are part of what is measured.
    pub survey: Option<Service>,
    /// Figures, when they are part of what is measured.
    pub analytics: Option<Service>,
    /// The gateway.
    pub gateway: Program,
}

impl Suite {
    /// Starts all but survey, with or without analytics.
    pub async fn start(plan: &Plan<'_>, with_analytics: bool) -> Result<Self> {
        Self::start_parts(plan, false, with_analytics).await
    }

    /// Starts all services.
    pub async fn start_whole(plan: &Plan<'_>) -> Result<Self> {
        Self::start_parts(plan, true, true).await
    }

    async fn start_parts(plan: &Plan<'_>, with_survey: bool, with_analytics: bool) -> Result<Self> {
        let auth = plan.service("manyi-auth", "manyi-auth", &[]).await?;
        let auth_uri = (AUTH_URI, auth.program.uri());
        let device =
            plan.service("manyi-device", "manyi-device", std::slice::from_ref(&auth_uri)).await?;
        let device_uri = (DEVICE_URI, device.program.uri());
        let survey = if with_survey {
            let peers = std::slice::from_ref(&auth_uri);
            Some(plan.service("manyi-survey", "manyi-survey", peers).await?)
        } else {
            None
        };
        let uri = |of: &Option<Service>| of.as_ref().map_or(NOBODY.to_owned(), |s| s.program.uri());
        let survey_uri = (SURVEY_URI, uri(&survey));
        let peers = [auth_uri.clone(), device_uri.clone(), survey_uri.clone()];
        let analytics = if with_analytics {
            Some(plan.service("manyi-analytics", "manyi-analytics", &peers).await?)
        } else {
            None
        };
        let peers = [auth_uri, device_uri, survey_uri, (ANALYTICS_URI, uri(&analytics))];
        let gateway = plan.gateway("manyi-gateway", &peers).await?;
        Ok(Self { auth, device, survey, analytics, gateway })
    }

    /// Fails when one of the programs ended by itself.
    pub fn check(&mut self) -> Result<()> {
        self.auth.program.check()?;
        self.device.program.check()?;
        for service in [&mut self.survey, &mut self.analytics].into_iter().flatten() {
            service.program.check()?;
        }
        self.gateway.check()
    }

    /// Stops all, callers before the called, and removes the databases.
    pub async fn stop(self) -> Result<()> {
        self.gateway.stop().await?;
        for service in [self.analytics, self.survey].into_iter().flatten() {
            service.end().await?;
        }
        self.device.end().await?;
        self.auth.end().await
    }
}
