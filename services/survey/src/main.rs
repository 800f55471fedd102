//! The survey service as a process of its own.

use std::process::ExitCode;

use clap::Parser;
use kit::{config, error::Result, program::conclude, telemetry};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The survey service of Manyi: questionnaires, campaigns, answers and customers.
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
async fn main() -> ExitCode {
    conclude("manyi-survey", run(Args::parse()).await)
}

async fn run(args: Args) -> Result<()> {
    let _telemetry = telemetry::init("manyi-survey", &args.telemetry);
    let peers = survey::Peers { auth: kit::rpc::connect(&args.survey.auth_uri)? };
    let service = survey::build(survey::Config::new(&args.shared), peers).await?;
    let (listen, limits) = (args.shared.listen, args.shared.limits()?);
    config::run_service(listen, limits, service.router(), |s| service.background(s)).await
}
