//! The auth service as a process of its own.

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
    first: auth::BootstrapFlags,
}

#[tokio::main]
async fn main() -> Result<()> {
    let flags = Flags::parse();
    let _telemetry = telemetry::init("manyi-auth", &flags.telemetry);
    let config = auth::Config::from_flags(&flags.service, flags.first.read()?);
    let service = auth::build(config).await?;
    let router = service.router();
    config::run_service(flags.service.listen, router, |stop| service.background(stop)).await
}
