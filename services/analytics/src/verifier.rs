//! Compares the roll-ups with their sources in the background, one organisation at a time, so
//! that a difference is known before somebody doubts a figure.

use std::time::Duration;

use kit::{
    clock::SharedClock,
    db::Db,
    directory::Directory,
    error::{Result, ServiceError},
    lease::Lease,
};
use prost::Message as _;
use proto::{analytics::v1::Verification, time};
use sea_orm::ConnectionTrait;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    reconcile::{Reconciler, Report},
    rpc::maintenance::mismatch,
    store::alerts,
};

/// Pause between two comparisons: one costs the source a count of all its rows, and this is
/// the budget that it gets.
const PAUSE: Duration = Duration::from_secs(300);

/// What was found for an organisation.
///
/// # Errors
/// If the database does not answer.
pub async fn found(conn: &impl ConnectionTrait, org: Uuid) -> Result<Verification> {
    let body = alerts::verification(conn, org).await?.unwrap_or_default();
    Verification::decode(&body[..]).map_err(ServiceError::internal)
}

/// Keeps a comparison for whoever asks, in whatever replica.
///
/// # Errors
/// If the database does not answer.
pub async fn keep(db: &Db, org: Uuid, report: Report, now_us: i64) -> Result<()> {
    let tx = db.begin().await?;
    let before = found(tx.conn(), org).await?;
    let differences = i64::try_from(report.differences.len()).unwrap_or(i64::MAX);
    let verification = Verification {
        time: Some(time::from_us(now_us)),
        equal: report.equal,
        runs: before.runs + 1,
        mismatches: before.mismatches.saturating_add(differences),
        last: report.differences.into_iter().map(mismatch).collect(),
        watermark: report.position,
    };
    alerts::verified(tx.conn(), org, verification.encode_to_vec()).await?;
    tx.commit().await?;
    metrics::counter!("analytics_verifications_total").increment(1);
    metrics::counter!("analytics_mismatches_total").increment(differences.unsigned_abs());
    Ok(())
}

/// Compares one organisation after the other while the lease is held, until `stop`.
pub async fn watch(
    db: Db,
    lease: Lease,
    reconciler: Reconciler,
    directory: Directory,
    clock: SharedClock,
    stop: CancellationToken,
) {
    let mut next = 0;
    while lease.next_turn(PAUSE, &stop).await {
        let mut orgs = directory.organisations();
        orgs.sort_unstable();
        if orgs.is_empty() {
            continue;
        }
        let org = orgs[next % orgs.len()];
        next += 1;
        match reconciler.compare(org).await {
            Ok(report) => {
                if !report.equal {
                    tracing::error!(%org, differences = report.differences.len(),
                        "roll-ups differ from their source");
                }
                if let Err(error) = keep(&db, org, report, clock.now_us()).await {
                    tracing::warn!(%org, %error, "the comparison is not kept");
                }
            }
            Err(error) => tracing::info!(%org, %error, "the comparison waits"),
        }
    }
}
