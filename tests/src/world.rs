//! A suite of its own for a test, in one of the shapes that it is deployed in.

use std::time::Duration;

use all_in_one::suite::{Databases, Suite, SuiteConfig};
use kit::{
    auth::InternalTokens,
    config::Seed,
    server::{ServerLimits, serve},
    testing::{postgres_url, sqlite_file_url},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tools::client::{Client, Credentials};

use crate::{Rest, processes::Processes};

/// How the suite is deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One process, SQLite files.
    OneOnSqlite,
    /// One process, PostgreSQL databases.
    OneOnPostgres,
    /// A process for each service and the gateway, PostgreSQL databases.
    ManyOnPostgres,
    /// A process for each service and the gateway, SQLite files.
    ManyOnSqlite,
    /// Two processes for each service, PostgreSQL databases that the two share.
    TwiceOnPostgres,
}

/// A suite and a way to call it.
pub struct World {
    /// Address of the gateway, such as `http://127.0.0.1:41234`.
    pub address: String,
    /// Secret of the installation.
    pub seed: Seed,
    /// Databases, for tests that look beneath.
    pub databases: Databases,
    /// A caller without token.
    pub rest: Rest,
    running: Running,
}

enum Running {
    Here(Box<Here>),
    Apart(Box<Processes>),
}

/// A suite in this process.
struct Here {
    suite: Suite,
    server: JoinHandle<()>,
    stop: CancellationToken,
}

impl World {
    /// Starts a suite on fresh databases and waits until it answers.
    pub async fn start(shape: Shape) -> Self {
        Self::start_with(shape, &[]).await
    }

    /// The same with further settings of the processes, if it is several.
    pub async fn start_with(shape: Shape, more: &[(&'static str, String)]) -> Self {
        let databases = match shape {
            Shape::OneOnSqlite | Shape::ManyOnSqlite => Databases {
                auth: sqlite_file_url(),
                device: sqlite_file_url(),
                survey: sqlite_file_url(),
                analytics: sqlite_file_url(),
            },
            Shape::OneOnPostgres | Shape::ManyOnPostgres | Shape::TwiceOnPostgres => Databases {
                auth: postgres_url().await,
                device: postgres_url().await,
                survey: postgres_url().await,
                analytics: postgres_url().await,
            },
        };
        let seed = Seed::random();
        match shape {
            Shape::OneOnSqlite | Shape::OneOnPostgres => {
                Self::one_process(SuiteConfig::new(databases, seed.0)).await
            }
            Shape::ManyOnPostgres | Shape::ManyOnSqlite => {
                Self::several_processes(databases, seed, more, 1).await
            }
            Shape::TwiceOnPostgres => Self::several_processes(databases, seed, more, 2).await,
        }
    }

    /// Starts a suite in this process with settings of the test.
    pub async fn one_process(config: SuiteConfig) -> Self {
        let (seed, databases) = (Seed(config.seed), config.databases.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("a bound port").port();
        let suite = Suite::start(config).await.expect("the suite starts");
        let stop = CancellationToken::new();
        let limits = ServerLimits { drain: Duration::from_secs(5), ..ServerLimits::default() };
        let server = tokio::spawn(serve(listener, suite.router(), limits, stop.clone()));
        let running = Running::Here(Box::new(Here { suite, server, stop }));
        Self::ready(format!("http://127.0.0.1:{port}"), seed, databases, running).await
    }

    /// Starts separate processes on databases of the test.
    pub async fn apart_on(databases: Databases) -> Self {
        Self::several_processes(databases, Seed::random(), &[], 1).await
    }

    async fn several_processes(
        databases: Databases,
        seed: Seed,
        more: &[(&'static str, String)],
        replicas: usize,
    ) -> Self {
        let processes = Processes::start_replicas(&databases, seed, more, replicas).await;
        let address = processes.address();
        Self::ready(address, seed, databases, Running::Apart(Box::new(processes))).await
    }

    async fn ready(address: String, seed: Seed, databases: Databases, running: Running) -> Self {
        let rest = Rest::new(&address);
        let world = Self { address, seed, databases, rest, running };
        world.wait_until_ready().await;
        world
    }

    /// Waits until the gateway says that everything behind it is ready.
    pub async fn wait_until_ready(&self) {
        crate::patiently("the suite to be ready", || async {
            let answer = self.rest.request(reqwest::Method::GET, "/readyz").send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// A token of whoever runs the installation, valid for a minute.
    pub fn operator_token(&self) -> String {
        InternalTokens::new(&self.seed.0).operator()
    }

    /// A gRPC caller of the gateway.
    pub fn client(&self, credentials: Credentials) -> Client {
        Client::connect(&self.address, credentials).expect("the address is one")
    }

    /// The processes of a suite that consists of several.
    ///
    /// # Panics
    /// When it is one process.
    pub fn processes(&mut self) -> &mut Processes {
        match &mut self.running {
            Running::Apart(processes) => processes,
            Running::Here(_) => panic!("this suite runs in the test's own process"),
        }
    }

    /// Stops the suite as an operator would.
    pub async fn stop(self) {
        match self.running {
            Running::Here(here) => {
                here.stop.cancel();
                here.server.await.expect("the server ends well");
                here.suite.stop().await;
            }
            Running::Apart(processes) => processes.stop().await,
        }
    }
}
