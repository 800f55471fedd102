//! The auth service as a process of its own.

use std::process::ExitCode;

use clap::Parser;
use kit::{config, error::Result, program::conclude, telemetry};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The auth service of Manyi: organisations, units, people, rights, tokens and the audit record.
#[derive(Parser)]
#[command(name = "manyi-auth", version)]
struct Flags {
    #[command(flatten)]
    service: config::ServiceConfig,
    #[command(flatten)]
    telemetry: telemetry::TelemetryConfig,
    #[command(flatten)]
    first: auth::BootstrapFlags,
}

#[tokio::main]
async fn main() -> ExitCode {
    conclude("manyi-auth", run(Flags::parse()).await)
}

async fn run(flags: Flags) -> Result<()> {
    let _telemetry = telemetry::init("manyi-auth", &flags.telemetry);
    let config = auth::Config::from_flags(&flags.service, flags.first.read()?);
    let service = auth::build(config).await?;
    let router = service.router();
    let limits = flags.service.limits()?;
    config::run_service(flags.service.listen, limits, router, |stop| service.background(stop)).await
}
