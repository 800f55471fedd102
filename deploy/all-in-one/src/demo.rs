//! `manyi demo`: the suite with a demonstration bank and simulated customers.

use all_in_one::serve;
use tools::{
    client::Client,
    demo::{guide, prepare},
    error::Result,
    output::say,
    simulate,
};

/// Serve the suite with a demonstration bank and simulated customers
///
/// Creates a bank with 3 regions, 12 branches, 60 windows and 80 staff when it is not there
/// yet, simulates its customers through the public API, and says where to look. The owner's
/// random password is kept in the data folder, readable by you alone.
#[derive(Clone, clap::Args)]
pub struct Args {
    #[command(flatten)]
    serve: serve::Args,
    #[command(flatten, next_help_heading = "Simulated customers")]
    simulation: simulate::Options,
    /// Make the bank but no customers
    #[arg(long)]
    no_simulation: bool,
}

/// Serves and plays until SIGINT or SIGTERM.
pub async fn main(args: Args) -> Result<()> {
    let Args { serve, simulation, no_simulation } = args;
    let credentials = serve.data.join("demo-credentials");
    serve::run(serve, |ready, stop| async move {
        let operator = Client::operator(&ready.address, &ready.seed.0)?;
        let demo = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            demo = Box::pin(prepare(&operator, &credentials)) => demo?,
        };
        say(guide(&demo, &ready.address));
        if !no_simulation {
            let played = simulate::play(&demo.client, &simulation, stop.clone()).await;
            // The suite is worth looking at without customers too.
            if let Err(error) = played {
                tracing::error!(%error, "the simulation ended");
            }
        }
        stop.cancelled().await;
        Ok(())
    })
    .await
}
