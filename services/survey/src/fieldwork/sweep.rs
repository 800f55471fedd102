//! What happens with time alone: rounds of plans begin, campaigns open and close, triggers
//! invite, invitations become due, are reminded of and expire. One process at a time holds the
//! lease; every change is conditional on what was read, so that two would do no harm.

use std::{sync::Arc, time::Duration};

use kit::{error::Result, lease::Lease};
use tokio_util::sync::CancellationToken;

use super::{planning, triggering, work};
use crate::{state::App, store::fieldwork as stored};

/// Pause between turns.
const TURN: Duration = Duration::from_secs(2);
/// Plans or campaigns of one turn.
const OBJECTS: u64 = 50;
/// Batches of invitations of one campaign in one turn.
const BATCHES: usize = 20;
/// Batches of reminders in one turn.
const REMINDERS: usize = 10;

/// Turns while the lease is held, until `stop`.
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
        Ok(count) => tracing::debug!(count, what, "swept"),
        Err(error) => tracing::warn!(%error, what, "sweep failed"),
    };
    logged("plans", plans(app).await);
    logged("campaigns", campaigns(app).await);
    logged("triggers", triggering::invite_due(app).await);
    logged("reminders", reminders(app).await);
}

async fn plans(app: &App) -> Result<usize> {
    let due = stored::plan::due(app.db.read(), app.clock.now_us(), OBJECTS).await?;
    let count = due.len();
    for plan in due {
        let id = plan.id;
        if let Err(error) = planning::turn_of(app, plan).await {
            tracing::warn!(%error, plan = %id, "the plan's calendar waits");
        }
    }
    Ok(count)
}

async fn campaigns(app: &App) -> Result<usize> {
    let due = stored::campaign::with_work(app.db.read(), app.clock.now_us(), OBJECTS).await?;
    for campaign in &due {
        if let Err(error) = work::turn_of(app, campaign, BATCHES).await {
            tracing::warn!(%error, campaign = %campaign.id, "the campaign's work waits");
        }
    }
    Ok(due.len())
}

async fn reminders(app: &App) -> Result<usize> {
    let mut count = 0;
    for _ in 0..REMINDERS {
        match work::remind_some(app).await? {
            0 => break,
            some => count += some,
        }
    }
    Ok(count)
}
