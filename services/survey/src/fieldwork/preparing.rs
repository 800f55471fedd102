//! Drawing a sample for good. What is drawn is written in batches, each a transaction of its own,
//! so that a sample of a million holds nobody up; that it is being drawn is noted first, with its
//! seed. A process that dies leaves the note, and another one draws the same sample again.

use std::{sync::Arc, time::Duration};

use kit::{
    auth::Caller,
    clock::new_id,
    db::WriteTx,
    error::{Result, ServiceError},
};
use serde_json::json;
use survey_domain::{
    campaign::{Campaign, design::Design},
    invitation::Invitation,
};
use uuid::Uuid;

use super::{
    counting::{self, Tally},
    drawing::{self, Drawn, prepared},
    frame::Member,
    opening,
};
use crate::{
    state::App,
    store::fieldwork::{self as stored, sample::Sample},
};

/// Rows of one transaction.
const BATCH: usize = 1_000;
/// How long the call that draws waits for the end before it answers how far it is.
const AT_ONCE: Duration = Duration::from_secs(8);
/// After this time without a batch somebody else goes on.
pub const PATIENCE_US: i64 = 300_000_000;

/// Draws the sample of a draft; a former one is replaced. One that takes long goes on in the
/// background after the answer.
///
/// # Errors
/// FAILED_PRECONDITION unless it is a draft with a design and a channel for invitations.
pub async fn draw(
    app: &Arc<App>,
    caller: &Caller,
    mut campaign: Campaign,
) -> Result<(Sample, i64)> {
    let design = drawing::design_of(&campaign)?;
    begin(app, Some(caller), &mut campaign, design.clone()).await?;
    let (org, id) = (campaign.org, campaign.id);
    let work = {
        let app = app.clone();
        tokio::spawn(async move { carry_out(&app, &campaign, design).await })
    };
    if let Ok(ended) = tokio::time::timeout(AT_ONCE, work).await {
        ended.map_err(ServiceError::internal)??;
    }
    let found = stored::sample::find(app.db.read(), org, id).await?;
    found.ok_or_else(|| ServiceError::not_found("sample"))
}

/// The same for what happens with time alone; comes back when all is done.
pub async fn draw_now(app: &App, campaign: &mut Campaign) -> Result<()> {
    let design = drawing::design_of(campaign)?;
    begin(app, None, campaign, design.clone()).await?;
    carry_out(app, campaign, design).await
}

/// Goes on with a sample that somebody left half drawn; whether there was one.
pub async fn resume(app: &App, campaign: &Campaign) -> Result<bool> {
    let found = stored::sample::find(app.db.read(), campaign.org, campaign.id).await?;
    let Some((sample, _)) = found.filter(|(sample, _)| sample.is_being_drawn()) else {
        return Ok(false);
    };
    let mut campaign = campaign.clone();
    begin(app, None, &mut campaign, sample.design.clone()).await?;
    carry_out(app, &campaign, sample.design).await?;
    Ok(true)
}

/// Notes that a sample is being drawn. The new version of the campaign stops whoever draws
/// another one.
pub async fn begin(
    app: &App,
    by: Option<&Caller>,
    campaign: &mut Campaign,
    design: Design,
) -> Result<()> {
    let now_us = app.clock.now_us();
    let seed = design.seed.to_string();
    let tx = app.db.begin().await?;
    stored::campaign::save(tx.conn(), campaign, Some(now_us + PATIENCE_US)).await?;
    let (org, id) = (campaign.org, campaign.id);
    stored::sample::save(tx.conn(), org, id, &Sample::begun(design), now_us).await?;
    opening::record(app, &tx, by, campaign, json!({ "draw": true, "seed": seed })).await?;
    tx.commit().await
}

/// Draws and prepares. What cannot be drawn leaves no sample.
async fn carry_out(app: &App, campaign: &Campaign, design: Design) -> Result<()> {
    let done = write(app, campaign, design).await;
    if let Err(error) = &done
        && !error.is_retryable()
    {
        tracing::warn!(%error, campaign = %campaign.id, "a sample could not be drawn");
        clear(app, campaign).await?;
        let tx = step(app, campaign).await?;
        let work_us = opening::work_us(campaign, app.clock.now_us());
        stored::campaign::work_at(tx.conn(), campaign, work_us).await?;
        stored::sample::remove(tx.conn(), campaign.org, campaign.id).await?;
        tx.commit().await?;
    }
    done
}

async fn write(app: &App, campaign: &Campaign, design: Design) -> Result<()> {
    let (org, id) = (campaign.org, campaign.id);
    let now_us = app.clock.now_us();
    let Drawn { mut sample, exclusions, chosen } =
        drawing::compute(app, campaign, design, now_us).await?;
    clear(app, campaign).await?;
    for some in exclusions.chunks(BATCH) {
        let tx = step(app, campaign).await?;
        stored::exclusion::insert(tx.conn(), org, id, some).await?;
        tx.commit().await?;
    }
    let mut count = 0;
    for some in chosen.chunks(BATCH) {
        let tx = step(app, campaign).await?;
        count += prepare(app, &tx, campaign, some, now_us).await?;
        sample.prepared = Some(count);
        stored::sample::save(tx.conn(), org, id, &sample, now_us).await?;
        tx.commit().await?;
    }
    sample.prepared = None;
    let tx = step(app, campaign).await?;
    stored::campaign::work_at(tx.conn(), campaign, opening::work_us(campaign, now_us)).await?;
    stored::sample::save(tx.conn(), org, id, &sample, now_us).await?;
    tx.commit().await
}

/// A transaction on the campaign as it was when the draw began, and time for the next one.
///
/// # Errors
/// ABORTED when somebody changed the campaign, or draws another sample.
async fn step(app: &App, campaign: &Campaign) -> Result<WriteTx> {
    let until_us = app.clock.now_us() + PATIENCE_US;
    let tx = app.db.begin().await?;
    stored::campaign::hold_version(tx.conn(), campaign, until_us).await?;
    Ok(tx)
}

/// Takes a former sample back.
async fn clear(app: &App, campaign: &Campaign) -> Result<()> {
    let (org, id) = (campaign.org, campaign.id);
    loop {
        let tx = step(app, campaign).await?;
        let some = stored::invited::sampled(tx.conn(), org, id, BATCH as u64).await?;
        let Some(first) = some.first().map(|one| one.id) else { break };
        let mut tally = Tally::default();
        for one in &some {
            counting::prepared(tally.of(campaign), one.unit, one.class, one.channel, -1);
        }
        let ids: Vec<Uuid> = some.iter().map(|one| one.id).collect();
        stored::invited::remove(tx.conn(), org, &ids).await?;
        tally.write(tx.conn(), first).await?;
        tx.commit().await?;
    }
    loop {
        let tx = step(app, campaign).await?;
        if stored::exclusion::remove_some(tx.conn(), org, id, BATCH as u64).await? == 0 {
            return Ok(());
        }
        tx.commit().await?;
    }
}

/// Prepares invitations of drawn members; how many that are.
async fn prepare(
    app: &App,
    tx: &WriteTx,
    campaign: &Campaign,
    some: &[(Member, Option<Uuid>, f64)],
    now_us: i64,
) -> Result<u64> {
    let mut made: Vec<Invitation> = Vec::with_capacity(some.len());
    let mut tally = Tally::default();
    for (member, stratum, weight) in some {
        let Some(channel) = member.channel else { continue };
        let mut new = prepared(new_id(app.clock.as_ref()), campaign, channel, now_us);
        new.customer = Some(member.id);
        new.unit = member.unit;
        new.class = member.class;
        new.segments = member.segments.clone();
        new.sampled = true;
        (new.stratum, new.design_weight) = (*stratum, *weight);
        counting::prepared(tally.of(campaign), new.unit, new.class, new.channel, 1);
        made.push(new);
    }
    stored::invitation::insert(tx.conn(), campaign.org, &made).await?;
    tally.write(tx.conn(), campaign.id).await?;
    Ok(made.len() as u64)
}
