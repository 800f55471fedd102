//! The analytics service as a process of its own.

use clap::Parser;
use kit::{config, error::Result, telemetry};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    service: config::ServiceConfig,
    #[command(flatten)]
    telemetry: telemetry::TelemetryConfig,
    #[command(flatten)]
    peers: analytics::PeerFlags,
}

#[tokio::main]
async fn main() -> Result<()> {
    let flags = Flags::parse();
    let _telemetry = telemetry::init("manyi-analytics", &flags.telemetry);
    let peers = flags.peers.connect()?;
    let service = analytics::build(analytics::Config::from_flags(&flags.service), peers).await?;
    let router = service.router();
    config::run_service(flags.service.listen, router, |stop| service.background(stop)).await
}
