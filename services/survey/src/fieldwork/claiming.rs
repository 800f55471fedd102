//! Operators take invitations before they call or visit, so that nobody is called twice.

use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::survey::v1;
use survey_domain::{
    campaign::{Acceptance, Campaign},
    invitation::{ClaimError, Invitation},
};

use super::{access, convert as shown};
use crate::{state::App, store::fieldwork as stored};

/// Takes an invitation for the caller, for the time that its campaign says.
///
/// # Errors
/// ALREADY_EXISTS while somebody else has it; FAILED_PRECONDITION when nobody is to call or visit.
pub async fn claim(app: &App, caller: &Caller, name: &str) -> Result<v1::Invitation> {
    let minutes = |campaign: &Campaign| campaign.settings.claim_minutes();
    change(app, caller, name, |campaign, i, now_us| {
        if campaign.accepts(now_us) != Acceptance::Open {
            return Err(ServiceError::wrong_state("the campaign takes no answers now"));
        }
        i.take(&caller.name(), minutes(campaign), now_us).map_err(refused)?;
        Ok(true)
    })
    .await
}

/// Gives back what the caller took.
pub async fn release(app: &App, caller: &Caller, name: &str) -> Result<v1::Invitation> {
    change(app, caller, name, |_, i, _| Ok(i.give_back(&caller.name()))).await
}

fn refused(error: ClaimError) -> ServiceError {
    match error {
        ClaimError::NotWaiting => {
            ServiceError::wrong_state("the invitation waits for no call or visit")
        }
        ClaimError::Taken(until_us) => {
            let until = jiff::Timestamp::from_microsecond(until_us).unwrap_or_default();
            ServiceError::already_exists("somebody else has taken the invitation")
                .with_metadata("claimExpireTime", until.to_string())
        }
    }
}

/// Changes an invitation that nobody else changes meanwhile, if `how` says so.
async fn change(
    app: &App,
    caller: &Caller,
    name: &str,
    how: impl FnOnce(&Campaign, &mut Invitation, i64) -> Result<bool> + Send,
) -> Result<v1::Invitation> {
    let (campaign, known) = access::invitation(app, caller, "name", name).await?;
    let org = campaign.org;
    let tx = app.db.begin().await?;
    let locked = stored::invitation::find_locked(tx.conn(), org, known.id).await?;
    let mut i = locked.ok_or_else(|| ServiceError::not_found("invitation"))?;
    let now_us = app.clock.now_us();
    if how(&campaign, &mut i, now_us)? {
        if !stored::invitation::save(tx.conn(), org, &mut i).await? {
            return Err(ServiceError::stale());
        }
        tx.commit().await?;
    }
    Ok(shown::invitation::invitation(&campaign, &i, &[], now_us))
}
