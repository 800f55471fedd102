//! Compares the roll-ups with their sources in the background, one organisation at a time, so
//! that a difference is known before somebody doubts a figure.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kit::{clock::SharedClock, directory::Directory};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::reconcile::{Reconciler, Report};

/// Pause between two comparisons: one costs the source a count of all its rows, and this is
/// the budget that it gets.
const PAUSE: Duration = Duration::from_secs(300);

/// What was found for an organisation.
#[derive(Debug, Clone, Default)]
pub struct Verified {
    /// When it was last compared, microseconds.
    pub time_us: i64,
    /// Comparisons since the service started.
    pub runs: i64,
    /// Differences since then.
    pub mismatches: i64,
    /// The last comparison.
    pub report: Report,
}

/// What was found for all of them. Cheap to clone.
#[derive(Clone, Default)]
pub struct Findings(Arc<Mutex<HashMap<Uuid, Verified>>>);

impl Findings {
    /// Of an organisation.
    pub fn of(&self, org: Uuid) -> Verified {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.get(&org).cloned().unwrap_or_default()
    }

    /// Remembers a comparison.
    pub fn put(&self, org: Uuid, report: Report, time_us: i64) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = found.entry(org).or_default();
        let differences = i64::try_from(report.differences.len()).unwrap_or(i64::MAX);
        entry.time_us = time_us;
        entry.runs += 1;
        entry.mismatches += differences;
        entry.report = report;
        metrics::counter!("analytics_verifications_total").increment(1);
        metrics::counter!("analytics_mismatches_total").increment(differences.unsigned_abs());
    }
}

/// Compares one organisation after the other, until `stop`.
pub async fn watch(
    findings: Findings,
    reconciler: Reconciler,
    directory: Directory,
    clock: SharedClock,
    stop: CancellationToken,
) {
    let mut next = 0;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
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
                findings.put(org, report, clock.now_us());
            }
            Err(error) => tracing::info!(%org, %error, "the comparison waits"),
        }
    }
}
