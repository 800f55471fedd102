//! Proof and repair of figures, and signing keys.

use std::time::{Duration, Instant};

use proto::{
    analytics::v1::{
        RebuildRequest, ReconcileRequest, ReconcileResponse,
        maintenance_service_client::MaintenanceServiceClient,
    },
    auth::v1::{RotateSigningKeyRequest, token_service_client::TokenServiceClient},
};
use tonic::Code;

use super::Operator;
use crate::{
    client::Client,
    error::{Error, Result},
    output::{note, say},
    target::Person,
};

/// Compare the figures of an organisation with its stored ratings
///
/// Every count must agree; exits with 1 when one does not.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = crate::error::EXIT_CODES)]
pub struct ReconcileArgs {
    #[command(flatten)]
    operator: Operator,
    #[command(flatten)]
    person: Person,
    /// Name of the organisation: `organisations/o_…`; not needed with --credentials or --user,
    /// whose organisation it is then
    #[arg(value_name = "ORGANISATION", required_unless_present_any = ["credentials", "user"])]
    name: Option<String>,
    /// How many seconds to wait for figures that are behind
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    wait: u64,
}

/// Options of commands that need no others.
#[derive(Debug, Clone, clap::Args)]
pub struct PlainArgs {
    #[command(flatten)]
    operator: Operator,
}

/// Compares and prints.
pub(super) async fn reconcile(args: ReconcileArgs) -> Result<()> {
    let client = args.operator.client().await?;
    let organisation = match args.name {
        Some(name) => name,
        None => {
            let person = args.person.client(&args.operator.gateway).await?;
            person.whoami().await?.organisation.unwrap_or_default().name
        }
    };
    let answer = compare(&client, &organisation, Duration::from_secs(args.wait)).await?;
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

/// Asks until figures have come as far as the ratings, or `wait` is over.
async fn compare(client: &Client, organisation: &str, wait: Duration) -> Result<ReconcileResponse> {
    let until = Instant::now() + wait;
    loop {
        let message = ReconcileRequest { organisation: organisation.to_owned() };
        let what = "comparing figures with ratings";
        let answer = client.call(what, message, |chan, request| async move {
            MaintenanceServiceClient::new(chan).reconcile(request).await
        });
        match answer.await {
            Err(error) if is_behind(&error) && Instant::now() < until => {
                note("the figures are behind the ratings; waiting");
            }
            done => return done,
        }
    }
}

fn is_behind(error: &Error) -> bool {
    error.is_code(Code::Unavailable) || error.is_code(Code::DeadlineExceeded)
}

/// Starts the rebuild.
pub(super) async fn rebuild(args: PlainArgs) -> Result<()> {
    let client = args.operator.client().await?;
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
    let client = args.operator.client().await?;
    let answer = client
        .call("making a signing key", RotateSigningKeyRequest {}, |chan, request| async move {
            TokenServiceClient::new(chan).rotate_signing_key(request).await
        })
        .await?;
    say(format!("new signing key {}", answer.kid));
    Ok(())
}
