//! What happens with time alone, in the replica that holds the lease: looking for what is due
//! reads much. Every change is conditional on the state that was read, so two would do no harm.

mod silence;

use std::{sync::Arc, time::Duration};

use kit::{error::Result, idempotency, lease::Lease};
use tokio_util::sync::CancellationToken;

use crate::{credentials, shifts, state::App, store};

/// How often heard devices are looked at for writing.
const FLUSH: Duration = Duration::from_secs(2);
/// How often shifts, silence and credentials are looked at.
const TURN: Duration = Duration::from_secs(15);
/// Objects of one kind in one turn.
const BATCH: u64 = 500;
const DAY_US: i64 = 86_400 * 1_000_000;
/// Prompts are kept so that a device may report one as done for this long.
const PROMPTS_KEEP_US: i64 = 7 * DAY_US;

/// Writes when devices were heard of, until `stop` and once more then. In every replica: each
/// has heard other devices.
pub async fn flush_presence(app: Arc<App>, stop: CancellationToken) {
    loop {
        let stopping = tokio::select! {
            () = stop.cancelled() => true,
            () = tokio::time::sleep(FLUSH) => false,
        };
        if let Err(error) = app.presence.flush(&app.db, app.clock.now_us()).await {
            tracing::warn!(%error, "last words of devices wait to be written");
        }
        if stopping {
            return;
        }
    }
}

/// Ends shifts, counts silence, ends credentials and removes what is out of date, while the lease
/// is held and until `stop`.
pub async fn run(app: Arc<App>, lease: Lease, stop: CancellationToken) {
    while lease.next_turn(TURN, &stop).await {
        tokio::select! {
            () = stop.cancelled() => return,
            () = turn(&app) => {}
        }
    }
}

/// One turn of everything; what fails is tried again in the next one.
pub async fn turn(app: &App) {
    let logged = |what: &'static str, result: Result<usize>| match result {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, what, "swept"),
        Err(error) => tracing::warn!(%error, what, "sweep failed"),
    };
    logged("shifts", shifts::end_overdue(app, BATCH).await);
    logged("silence", silence::count_all(app).await);
    logged("credentials", credentials::end_due(app, BATCH).await);
    logged("leftovers", remove_leftovers(app).await);
}

async fn remove_leftovers(app: &App) -> Result<usize> {
    let now_us = app.clock.now_us();
    let tx = app.db.begin().await?;
    store::pairing::sweep(tx.conn(), now_us - DAY_US).await?;
    store::prompt::sweep(tx.conn(), now_us - PROMPTS_KEEP_US).await?;
    idempotency::sweep(&tx, app.clock.as_ref()).await?;
    tx.commit().await?;
    Ok(0)
}
