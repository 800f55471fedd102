//! Compares the roll-ups with their sources in the background, one organisation at a time, so
//! that a difference is known before somebody doubts a figure.

use std::time::Duration;

use async_trait::async_trait;
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
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    reconcile::{Reconciler, Report},
    rpc::maintenance::mismatch,
    store::alerts,
};

/// Least pause between two comparisons.
pub const PAUSE_MIN: Duration = Duration::from_secs(300);
/// The budget: comparing may take one part in so many of the time. A comparison costs the source
/// a count of all its rows.
pub const PARTS: u32 = 100;

/// Compares an organisation's roll-ups with their sources.
#[async_trait]
pub trait Compare: Send + Sync {
    /// All counts of an organisation.
    ///
    /// # Errors
    /// UNAVAILABLE when it cannot be done now.
    async fn compare(&self, org: Uuid) -> Result<Report>;
}

#[async_trait]
impl Compare for Reconciler {
    async fn compare(&self, org: Uuid) -> Result<Report> {
        Reconciler::compare(self, org, &|_| ()).await
    }
}

/// The time in which comparisons take turns.
#[async_trait]
pub trait Pace: Send + Sync {
    /// How much has gone by.
    fn now(&self) -> Duration;

    /// Lets at least `pause` go by, and waits for the turn. False at the end.
    async fn rest(&self, pause: Duration) -> bool;
}

/// Turns of whoever holds the lease, until the service stops.
pub struct Turns {
    lease: Lease,
    stop: CancellationToken,
    began: Instant,
}

impl Turns {
    /// Turns while `lease` is held, until `stop`.
    pub fn new(lease: Lease, stop: CancellationToken) -> Self {
        Self { lease, stop, began: Instant::now() }
    }
}

#[async_trait]
impl Pace for Turns {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    async fn rest(&self, pause: Duration) -> bool {
        self.lease.next_turn(pause, &self.stop).await
    }
}

/// How long to rest after a comparison that took so long, to stay within the budget.
fn rest_after(took: Duration) -> Duration {
    took.saturating_mul(PARTS - 1).max(PAUSE_MIN)
}

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

/// Compares one organisation after the other, each at its turn, as long as there are turns and
/// within the budget.
pub async fn watch(
    db: Db,
    comparing: impl Compare,
    directory: Directory,
    clock: SharedClock,
    pace: impl Pace,
) {
    let (mut next, mut pause) = (0, PAUSE_MIN);
    while pace.rest(pause).await {
        let mut orgs = directory.organisations();
        orgs.sort_unstable();
        if orgs.is_empty() {
            pause = PAUSE_MIN;
            continue;
        }
        let org = orgs[next % orgs.len()];
        next += 1;
        let began = pace.now();
        verify(&db, &comparing, org, &clock).await;
        // What fails has been paid for, too.
        pause = rest_after(pace.now().saturating_sub(began));
    }
}

async fn verify(db: &Db, comparing: &impl Compare, org: Uuid, clock: &SharedClock) {
    match comparing.compare(org).await {
        Ok(report) => {
            if !report.equal {
                tracing::error!(%org, differences = report.differences.len(),
                    "roll-ups differ from their source");
            }
            if let Err(error) = keep(db, org, report, clock.now_us()).await {
                tracing::warn!(%org, %error, "the comparison is not kept");
            }
        }
        Err(error) => tracing::info!(%org, %error, "the comparison waits"),
    }
}
