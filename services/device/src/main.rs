//! The device service as a process of its own.

use std::process::ExitCode;

use clap::Parser;
use kit::{config, error::Result, program::conclude, telemetry};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The device service of Manyi: terminals, their ratings, shifts and services given.
#[derive(Parser)]
#[command(name = "manyi-device", version)]
struct Args {
    #[command(flatten)]
    shared: config::ServiceConfig,
    #[command(flatten)]
    device: device::Options,
    #[command(flatten)]
    telemetry: telemetry::TelemetryConfig,
}

#[tokio::main]
async fn main() -> ExitCode {
    conclude("manyi-device", run(Args::parse()).await)
}

async fn run(args: Args) -> Result<()> {
    let _telemetry = telemetry::init("manyi-device", &args.telemetry);
    let peers = device::Peers { auth: kit::rpc::connect(&args.device.auth_uri)? };
    let service = device::build(device::Config::new(&args.shared, &args.device), peers).await?;
    let (listen, limits) = (args.shared.listen, args.shared.limits()?);
    config::run_service(listen, limits, service.router(), |s| service.background(s)).await
}
