//! Checking the audit record.

use std::{fs, io, path::PathBuf};

use proto::auth::v1::{VerifyAuditChainRequest, audit_service_client::AuditServiceClient};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    output::say,
    target::{Gateway, Person},
};

/// What to do with the audit record.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    Verify(VerifyArgs),
}

/// Recompute the hash chain of an organisation's audit record
///
/// Signs in as a user who may read the record. With a checkpoint file, what was there at the
/// last check must still be there; the file is renewed when all is well. Keep it elsewhere:
/// only then does it show that the record was cut off or rewritten as a whole.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = crate::error::EXIT_CODES)]
pub struct VerifyArgs {
    #[command(flatten)]
    gateway: Gateway,
    #[command(flatten)]
    person: Person,
    /// File that remembers the last record seen
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
}

#[derive(Default, Serialize, Deserialize)]
struct Checkpoint {
    number: i64,
    hash: String,
}

/// Runs the program.
pub(super) async fn main(command: Command) -> Result<()> {
    let Command::Verify(args) = command;
    let checkpoint = match &args.checkpoint {
        Some(path) => read(path)?,
        None => Checkpoint::default(),
    };
    let client = args.person.client(&args.gateway).await?;
    let message = VerifyAuditChainRequest {
        checkpoint_number: checkpoint.number,
        checkpoint_hash: checkpoint.hash,
    };
    let answer = client
        .call("verifying the audit record", message, |chan, request| async move {
            AuditServiceClient::new(chan).verify_audit_chain(request).await
        })
        .await?;
    if !answer.intact {
        return Err(Error::Unsatisfied(format!(
            "the audit record is broken at number {} ({} records checked)",
            answer.first_broken, answer.checked
        )));
    }
    say(format!(
        "intact: {} records, the last is number {} with hash {}",
        answer.checked, answer.last_number, answer.last_hash
    ));
    if let Some(path) = &args.checkpoint {
        let seen = Checkpoint { number: answer.last_number, hash: answer.last_hash };
        let text =
            serde_json::to_vec_pretty(&seen).map_err(|e| Error::file(path, io::Error::other(e)))?;
        fs::write(path, text).map_err(|e| Error::file(path, e))?;
    }
    Ok(())
}

fn read(path: &PathBuf) -> Result<Checkpoint> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .map_err(|e| Error::Usage(format!("{} is no checkpoint: {e}", path.display()))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Checkpoint::default()),
        Err(e) => Err(Error::file(path, e)),
    }
}
