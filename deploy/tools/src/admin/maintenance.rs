//! Proof and repair of figures, and signing keys.

use std::time::{Duration, Instant};

use proto::{
    analytics::v1::{
        RebuildRequest, ReconcileRequest, ReconcileResponse,
        maintenance_service_client::MaintenanceServiceClient,
    },
    auth::v1::{RotateSigningKeyRequest, token_service_client::TokenServiceClient},
};
use tonic::{Code, Status};

use super::Operator;
use crate::{
    client::Client,
    error::{Error, Result},
    output::{note, say},
    target::Person,
};

/// Pause before asking again when figures are behind.
const PAUSE: Duration = Duration::from_secs(1);
/// How often a long comparison tells how far it has come.
const TELL_EVERY: Duration = Duration::from_secs(2);

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
        match attempt(client, organisation).await {
            Err(error) if is_behind(&error) && Instant::now() < until => {
                note("the figures are behind the ratings; waiting");
                tokio::time::sleep(PAUSE).await;
            }
            done => return done,
        }
    }
}

/// One comparison, however long it takes; tells now and then how far it has come.
async fn attempt(client: &Client, organisation: &str) -> Result<ReconcileResponse> {
    let failed = |status| Error::call("comparing figures with ratings", status);
    let message = ReconcileRequest { organisation: organisation.to_owned() };
    let request = client.request(message).await?;
    let answer = MaintenanceServiceClient::new(client.chan()).reconcile(request).await;
    let mut answers = answer.map_err(failed)?.into_inner();
    let mut told = Instant::now();
    while let Some(answer) = answers.message().await.map_err(failed)? {
        if answer.done {
            return Ok(answer);
        }
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            note(format!(
                "counted so far: {} ratings, {} encounters, {} responses",
                answer.source_ratings, answer.source_encounters, answer.source_responses
            ));
        }
    }
    Err(failed(Status::unavailable("the comparison ended without a result")))
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
