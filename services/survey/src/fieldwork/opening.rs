//! Opening and closing campaigns.

use jiff::tz::TimeZone;
use kit::{
    audit,
    auth::Caller,
    db::WriteTx,
    error::{Result, ServiceError},
};
use proto::names;
use serde_json::json;
use survey_domain::{
    campaign::{Campaign, State},
    plan::calendar,
};

use super::{access, work};
use crate::{
    convert,
    state::App,
    store::{self, fieldwork as stored},
};

/// Batches of invitations that become due in the call that opens; the others follow at once in
/// the background.
const BATCHES_AT_ONCE: usize = 2;

/// Writes down what a caller changed of a campaign; what happens with time has no caller.
pub async fn record(
    app: &App,
    tx: &WriteTx,
    by: Option<&Caller>,
    campaign: &Campaign,
    detail: serde_json::Value,
) -> Result<()> {
    let Some(caller) = by else { return Ok(()) };
    let object = names::print("campaigns", campaign.id);
    audit::record(tx, caller, &object, Some(campaign.unit), detail, app.clock.as_ref()).await
}

/// When there is something to do for a campaign next.
pub fn work_us(campaign: &Campaign, now_us: i64) -> Option<i64> {
    match campaign.state {
        State::Draft => campaign.auto_open_us,
        State::Open => Some(campaign.settings.open_us.unwrap_or(now_us).max(now_us)),
        State::Closed => Some(now_us),
    }
}

/// Opens a campaign with the version of its questionnaire that is to be asked.
///
/// # Errors
/// FAILED_PRECONDITION for one that cannot be opened, or whose questionnaire is not published.
pub async fn open(app: &App, by: Option<&Caller>, campaign: &mut Campaign) -> Result<()> {
    let now_us = app.clock.now_us();
    let conn = app.db.read();
    let sample = stored::sample::find(conn, campaign.org, campaign.id).await?;
    if sample.is_some_and(|(sample, _)| sample.is_being_drawn()) {
        return Err(ServiceError::wrong_state("the sample is still being drawn"));
    }
    let version = access::published(conn, campaign.org, &campaign.settings).await?;
    let unpublished = || ServiceError::wrong_state("the questionnaire's version is not published");
    let version = version.ok_or_else(unpublished)?;
    must_be_valid(app, campaign, version).await?;
    campaign.open(version, now_us).map_err(|refused| convert::error(refused, ""))?;
    let tx = app.db.begin().await?;
    stored::campaign::save(tx.conn(), campaign, work_us(campaign, now_us)).await?;
    let detail = json!({
        "state": "open",
        "version": version,
        "anonymous": campaign.settings.anonymous,
    });
    record(app, &tx, by, campaign, detail).await?;
    tx.commit().await?;
    // It is open; what is not due yet becomes so in the background.
    if let Err(error) = work::queue_batches(app, campaign, BATCHES_AT_ONCE).await {
        tracing::warn!(%error, campaign = %campaign.id, "invitations become due later");
    }
    Ok(())
}

/// Refuses a version whose dates do not include today, in the campaign's time zone.
async fn must_be_valid(app: &App, campaign: &Campaign, version: i32) -> Result<()> {
    let (conn, asked) = (app.db.read(), campaign.settings.questionnaire);
    let found = store::questionnaire::find_version(conn, campaign.org, asked, version).await?;
    let Some(found) = found else { return Ok(()) };
    let zone = TimeZone::get(&campaign.time_zone).unwrap_or(TimeZone::UTC);
    let today = calendar::day_of(app.clock.now_us(), &zone);
    if found.definition.is_valid_on(&today.to_string()) {
        return Ok(());
    }
    let day = |day: &str| if day.is_empty() { "…".to_owned() } else { day.to_owned() };
    let (from, to) = (day(&found.definition.valid_from), day(&found.definition.valid_to));
    Err(ServiceError::wrong_state(format!("the questionnaire is valid from {from} to {to}")))
}

/// Closes a campaign: nothing that comes later counts, and everything acknowledged does.
///
/// # Errors
/// FAILED_PRECONDITION for a draft.
pub async fn close(app: &App, by: Option<&Caller>, campaign: &mut Campaign) -> Result<()> {
    let now_us = app.clock.now_us();
    if !campaign.close(now_us).map_err(|refused| convert::error(refused, ""))? {
        return Ok(());
    }
    let tx = app.db.begin().await?;
    stored::campaign::wait_to_change(&tx, campaign.id).await?;
    stored::campaign::save(tx.conn(), campaign, work_us(campaign, now_us)).await?;
    record(app, &tx, by, campaign, json!({ "state": "closed" })).await?;
    tx.commit().await
}
