//! Proof and repair of figures, and signing keys.

use proto::{
    analytics::v1::{
        RebuildRequest, ReconcileRequest, maintenance_service_client::MaintenanceServiceClient,
    },
    auth::v1::{RotateSigningKeyRequest, token_service_client::TokenServiceClient},
};

use super::Operator;
use crate::{
    error::{Error, Result},
    output::say,
};

/// Compare the figures of an organisation with its stored ratings
///
/// Every count must agree; exits with 1 when one does not.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = crate::error::EXIT_CODES)]
pub struct ReconcileArgs {
    #[command(flatten)]
    operator: Operator,
    /// Name of the organisation: `organisations/o_…`
    #[arg(value_name = "ORGANISATION")]
    organisation: String,
}

/// Options of commands that need no others.
#[derive(Debug, Clone, clap::Args)]
pub struct PlainArgs {
    #[command(flatten)]
    operator: Operator,
}

/// Compares and prints.
pub(super) async fn reconcile(args: ReconcileArgs) -> Result<()> {
    let client = args.operator.client()?;
    let message = ReconcileRequest { organisation: args.organisation };
    let answer = client
        .call("comparing figures with ratings", message, |chan, request| async move {
            MaintenanceServiceClient::new(chan).reconcile(request).await
        })
        .await?;
    say(format!(
        "ratings     {} stored, {} counted",
        answer.source_ratings, answer.counted_ratings
    ));
    say(format!(
        "encounters  {} stored, {} counted",
        answer.source_encounters, answer.counted_encounters
    ));
    for m in &answer.mismatches {
        say(format!("differs     {}: {} stored, {} counted", m.cell, m.source, m.counted));
    }
    if answer.equal {
        say("equal");
        return Ok(());
    }
    Err(Error::Unsatisfied("figures and ratings differ".to_owned()))
}

/// Starts the rebuild.
pub(super) async fn rebuild(args: PlainArgs) -> Result<()> {
    let client = args.operator.client()?;
    let answer = client
        .call("rebuilding the figures", RebuildRequest {}, |chan, request| async move {
            MaintenanceServiceClient::new(chan).rebuild(request).await
        })
        .await?;
    say(format!("started; figures are complete again at position {}", answer.target));
    Ok(())
}

/// Makes a new key.
pub(super) async fn rotate_keys(args: PlainArgs) -> Result<()> {
    let client = args.operator.client()?;
    let answer = client
        .call("making a signing key", RotateSigningKeyRequest {}, |chan, request| async move {
            TokenServiceClient::new(chan).rotate_signing_key(request).await
        })
        .await?;
    say(format!("new signing key {}", answer.kid));
    Ok(())
}
