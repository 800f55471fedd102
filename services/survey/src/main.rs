//! The survey service as a process of its own.

use clap::Parser;
use kit::{config, error::Result, telemetry};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "manyi-survey", version)]
struct Args {
    #[command(flatten)]
    shared: config::ServiceConfig,
    #[command(flatten)]
    survey: survey::Options,
    #[command(flatten)]
    telemetry: telemetry::TelemetryConfig,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let _telemetry = telemetry::init("manyi-survey", &args.telemetry);
    let peers = survey::Peers { auth: kit::rpc::connect(&args.survey.auth_uri)? };
    let service = survey::build(survey::Config::new(&args.shared), peers).await?;
    config::run_service(args.shared.listen, service.router(), |s| service.background(s)).await
}
