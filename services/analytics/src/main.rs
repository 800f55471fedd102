//! The analytics service as a process of its own.

use std::process::ExitCode;

use clap::Parser;
use kit::{config, error::Result, program::conclude, telemetry};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The analytics service of Manyi: figures, comparisons and indices.
#[derive(Parser)]
#[command(name = "manyi-analytics", version)]
struct Flags {
    #[command(flatten)]
    service: config::ServiceConfig,
    #[command(flatten)]
    telemetry: telemetry::TelemetryConfig,
    #[command(flatten)]
    peers: analytics::PeerFlags,
}

#[tokio::main]
async fn main() -> ExitCode {
    conclude("manyi-analytics", run(Flags::parse()).await)
}

async fn run(flags: Flags) -> Result<()> {
    let _telemetry = telemetry::init("manyi-analytics", &flags.telemetry);
    let peers = flags.peers.connect()?;
    let service = analytics::build(analytics::Config::from_flags(&flags.service), peers).await?;
    let router = service.router();
    let limits = flags.service.limits()?;
    config::run_service(flags.service.listen, limits, router, |stop| service.background(stop)).await
}
