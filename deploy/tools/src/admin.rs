//! `manyi admin`: what whoever runs an installation does now and then.

mod audit;
mod maintenance;
pub mod organisation;
pub mod seed;

use std::path::PathBuf;

use proto::common::v1::Reason;

use crate::{
    client::Client,
    error::{Error, Result},
    target::Gateway,
};

/// What to do.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    CreateOrganisation(organisation::Args),
    /// Check the audit record of an organisation
    #[command(subcommand)]
    Audit(audit::Command),
    Reconcile(maintenance::ReconcileArgs),
    /// Drop all figures and build them again from the stored ratings
    ///
    /// Figures lag until it is done; nothing else is touched.
    #[command(after_help = crate::error::EXIT_CODES)]
    Rebuild(maintenance::PlainArgs),
    /// Make a new signing key for access tokens
    ///
    /// Tokens signed with older keys stay valid until their time is over.
    #[command(after_help = crate::error::EXIT_CODES)]
    RotateKeys(maintenance::PlainArgs),
}

/// Where the gateway is, and the proof that we run the installation.
#[derive(Debug, Clone, clap::Args)]
pub struct Operator {
    #[command(flatten)]
    gateway: Gateway,
    /// File with the installation's seed; or set MANYI_INTERNAL_SEED
    #[arg(long, default_value = "./data/internal.seed", value_name = "FILE")]
    seed_file: PathBuf,
}

impl Operator {
    async fn client(&self) -> Result<Client> {
        let seed = seed::find(&self.seed_file)?;
        let client = Client::operator(&self.gateway.gateway, &seed.0)?;
        client.reach().await.map_err(|error| error.at(&self.gateway.gateway))?;
        Ok(client)
    }
}

/// Runs the program.
pub async fn main(command: Command) -> Result<()> {
    let done = match command {
        Command::CreateOrganisation(args) => organisation::create(args).await,
        Command::Audit(command) => audit::main(command).await,
        Command::Reconcile(args) => maintenance::reconcile(args).await,
        Command::Rebuild(args) => maintenance::rebuild(args).await,
        Command::RotateKeys(args) => maintenance::rotate_keys(args).await,
    };
    done.map_err(explained)
}

/// A token that we made ourselves is refused for one reason only.
fn explained(error: Error) -> Error {
    match &error {
        Error::Call { error: answer, .. } if answer.reason() == Reason::TokenInvalid => {
            Error::Usage(format!("{error}: the seed is not that of this installation"))
        }
        _ => error,
    }
}
