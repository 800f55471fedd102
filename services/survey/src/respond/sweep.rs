//! Upkeep: old drafts and windows go, keys of addresses are destroyed in time, and what the
//! order of rows could tell of anonymous answers is stirred.

use std::time::Duration;

use kit::{db::Dialect, error::Result};
use rand::seq::SliceRandom as _;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Engine, Respond,
    trace::{PERIODS_KEPT, period_of},
};
use crate::store::{respondent, response::stir, response_draft};

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(60);
/// Windows in which nothing happened for this long are forgotten.
const WINDOW_US: i64 = 5 * 60 * 1_000_000;
/// How far back a process looks at its start for what another one left.
const LOOK_BACK_US: i64 = 3 * 86_400_000_000;

/// Looks after it until `stop`. In every process and without a lease: each has keys of addresses
/// in memory to forget, and campaigns of its own to stir; what else is done twice is a few
/// deletes by time.
pub async fn run(respond: Respond, stop: CancellationToken) {
    if let Err(error) = remember(respond.engine()).await {
        tracing::warn!(%error, "upkeep of responses could not look back");
    }
    loop {
        if let Err(error) = once(respond.engine()).await {
            tracing::warn!(%error, "upkeep of responses waits");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Everything once.
pub async fn once(engine: &Engine) -> Result<()> {
    let app = &engine.app;
    let now_us = app.clock.now_us();
    let tx = app.db.begin().await?;
    respondent::forget_windows(&tx, now_us - WINDOW_US).await?;
    response_draft::expire(&tx, now_us).await?;
    let destroyed = respondent::destroy_before(&tx, period_of(now_us) - PERIODS_KEPT + 1).await?;
    tx.commit().await?;
    if destroyed > 0 {
        engine.keys.forget();
        // A destroyed key shall not live on in the log of pages.
        app.cleaning.wanted();
    }
    stir(engine).await?;
    app.cleaning.once(&app.db).await
}

/// SQLite keeps the pages of each transaction together in its log, until the log is truncated:
/// that ends with [`Cleaning`](crate::cleaning::Cleaning). PostgreSQL notes with each row which
/// transaction wrote it last, and keeps rows in the order of writing. For anonymous answers that
/// would tie the invitation to the response that was stored with it; so the invitations that
/// were answered since the last time are written once more, together and in an order of chance.
async fn stir(engine: &Engine) -> Result<()> {
    let campaigns = engine.take_to_stir();
    if engine.app.db.dialect() == Dialect::Sqlite {
        if !campaigns.is_empty() {
            engine.app.cleaning.wanted();
        }
        return Ok(());
    }
    for campaign in campaigns {
        if let Err(error) = stir_campaign(engine, campaign).await {
            engine.to_stir([campaign]);
            return Err(error);
        }
    }
    Ok(())
}

async fn stir_campaign(engine: &Engine, campaign: Uuid) -> Result<()> {
    let tx = engine.app.db.begin().await?;
    let mut invitations = stir::matchable(&tx, campaign).await?;
    invitations.shuffle(&mut rand::rng());
    for invitation in invitations {
        stir::rewrite(&tx, invitation).await?;
    }
    tx.commit().await
}

/// Campaigns that a process which ended before may have left unstirred.
async fn remember(engine: &Engine) -> Result<()> {
    if engine.app.db.dialect() == Dialect::Postgres {
        let from_us = engine.app.clock.now_us() - LOOK_BACK_US;
        engine.to_stir(stir::anonymous_campaigns(engine.app.db.read(), from_us).await?);
    }
    Ok(())
}
