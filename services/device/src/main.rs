//! The device service as a process of its own.

use clap::Parser;
use device::{Config, Peers};
use kit::{config::run_service, error::Result, rpc::connect, telemetry};

#[derive(Parser)]
#[command(name = "manyi-device", version, about = "Devices, shifts, services and ratings")]
struct Args {
    #[command(flatten)]
    service: kit::config::ServiceConfig,
    #[command(flatten)]
    telemetry: telemetry::TelemetryConfig,
    /// Address of the auth service, such as `http://auth:50051`.
    #[arg(long, env = "MANYI_AUTH_URI")]
    auth_uri: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let _telemetry = telemetry::init("device", &args.telemetry);
    let peers = Peers { auth: connect(&args.auth_uri)? };
    let service = device::build(Config::new(&args.service), peers).await?;
    let router = service.router();
    run_service(args.service.listen, router, |stop| service.background(stop)).await
}
