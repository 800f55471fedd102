//! The device service as a process of its own.

use clap::Parser;
use kit::{config, error::Result, telemetry};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
async fn main() -> Result<()> {
    let args = Args::parse();
    let _telemetry = telemetry::init("manyi-device", &args.telemetry);
    let peers = device::Peers { auth: kit::rpc::connect(&args.device.auth_uri)? };
    let service = device::build(device::Config::new(&args.shared, &args.device), peers).await?;
    config::run_service(args.shared.listen, service.router(), |s| service.background(s)).await
}
