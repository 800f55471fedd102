//! `manyi-gateway`: the gateway as a process of its own.

use std::{net::SocketAddr, process::ExitCode, sync::Arc};

use clap::Parser;
use gateway::{Config, Peers};
use kit::{
    auth::{RemoteKeys, Verifier},
    clock::SystemClock,
    config::{Seed, TlsFlags, run_service},
    error::Result,
    program::{conclude, listen_address},
    rpc::connect,
    server::ServerLimits,
    telemetry::{self, TelemetryConfig},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// gRPC, gRPC-Web, REST and documentation of Manyi.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen on.
    #[arg(long, env = "MANYI_LISTEN", default_value = "127.0.0.1:8080",
          value_parser = listen_address)]
    listen: SocketAddr,
    /// Endpoints of the auth service, such as `http://10.0.0.1:7101`; several by commas.
    #[arg(long, env = "MANYI_AUTH_URI")]
    auth_uri: String,
    /// Endpoints of the device service.
    #[arg(long, env = "MANYI_DEVICE_URI")]
    device_uri: String,
    /// Endpoints of the survey service.
    #[arg(long, env = "MANYI_SURVEY_URI")]
    survey_uri: String,
    /// Endpoints of the analytics service.
    #[arg(long, env = "MANYI_ANALYTICS_URI")]
    analytics_uri: String,
    /// Secret shared by all processes of the installation: 32 bytes in base64.
    #[arg(long, env = "MANYI_INTERNAL_SEED", hide_env_values = true)]
    internal_seed: Seed,
    #[command(flatten)]
    tls: TlsFlags,
    #[command(flatten)]
    settings: gateway::Settings,
    #[command(flatten)]
    telemetry: TelemetryConfig,
}

#[tokio::main]
async fn main() -> ExitCode {
    conclude("manyi-gateway", run(Arguments::parse()).await)
}

async fn run(arguments: Arguments) -> Result<()> {
    let _telemetry = telemetry::init("manyi-gateway", &arguments.telemetry);
    let peers = Peers {
        auth: connect(&arguments.auth_uri)?,
        device: connect(&arguments.device_uri)?,
        survey: connect(&arguments.survey_uri)?,
        analytics: connect(&arguments.analytics_uri)?,
    };
    let keys = Arc::new(RemoteKeys::new(peers.auth.clone()));
    let verifier = Verifier::new(keys, &arguments.internal_seed.0, Arc::new(SystemClock));
    let config = Config { verifier: Some(verifier), ..arguments.settings.into() };
    let gateway = gateway::build(config, peers).await?;
    let limits = ServerLimits { tls: arguments.tls.open()?, ..ServerLimits::public() };
    run_service(arguments.listen, limits, gateway.router(), |stop| stop.cancelled_owned()).await
}
