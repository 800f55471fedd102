//! Operators take invitations before they call or visit, so that nobody is called twice.

use kit::{
    auth::Caller,
    error::{Result, ServiceError},
    idempotency,
};
use proto::{survey::v1, time};
use survey_domain::{
    campaign::{Acceptance, Campaign},
    channel::Channel,
    invitation::{ClaimError, Invitation},
};

use super::{access, convert as shown};
use crate::{
    convert,
    state::App,
    store::fieldwork::{self as stored, next_call::Wanted},
};

/// Takes an invitation for the caller, for the time that its campaign says.
///
/// # Errors
/// ALREADY_EXISTS while somebody else has it; FAILED_PRECONDITION when nobody is to call or visit.
pub async fn claim(app: &App, caller: &Caller, name: &str) -> Result<v1::Invitation> {
    let minutes = |campaign: &Campaign| campaign.settings.claim_minutes();
    change(app, caller, name, |campaign, i, now_us| {
        check_open(campaign, now_us)?;
        i.take(&caller.name(), minutes(campaign), now_us).map_err(refused)?;
        Ok(true)
    })
    .await
}

/// Gives back what the caller took.
pub async fn release(app: &App, caller: &Caller, name: &str) -> Result<v1::Invitation> {
    change(app, caller, name, |_, i, _| Ok(i.give_back(&caller.name()))).await
}

/// Takes the invitation of a campaign that has been due longest and that nobody has. Repeated with
/// the same request id it answers with the same one.
///
/// # Errors
/// INVALID_ARGUMENT for a channel that no operator works on; FAILED_PRECONDITION while the
/// campaign takes no answers.
pub async fn claim_next(
    app: &App,
    caller: &Caller,
    request: &v1::ClaimNextInvitationRequest,
) -> Result<v1::ClaimNextInvitationResponse> {
    let campaign = access::campaign(app, caller, "campaign", &request.campaign).await?;
    let wanted = wanted(caller, &campaign, request)?;
    let tx = app.db.begin().await?;
    let key = &request.request_id;
    if let Some(answer) = idempotency::replay(&tx, caller, key, request).await? {
        return Ok(answer);
    }
    let now_us = app.clock.now_us();
    check_open(&campaign, now_us)?;
    let Some(mut i) = stored::next_call::lock(&tx, &wanted, now_us).await? else {
        // Not remembered: the same request may find one later.
        let next_us = stored::next_call::next_us(&tx, &wanted).await?;
        let next_time = time::from_us_opt(next_us.map(|us| us.max(now_us)));
        return Ok(v1::ClaimNextInvitationResponse { invitation: None, next_time });
    };
    i.take(&caller.name(), campaign.settings.claim_minutes(), now_us).map_err(refused)?;
    if !stored::invitation::save(tx.conn(), campaign.org, &mut i).await? {
        return Err(ServiceError::stale());
    }
    let shown = shown::invitation::invitation(&campaign, &i, &[], now_us);
    let answer = v1::ClaimNextInvitationResponse { invitation: Some(shown), next_time: None };
    idempotency::remember(&tx, caller, key, request, &answer, app.clock.as_ref()).await?;
    tx.commit().await?;
    Ok(answer)
}

fn wanted(
    caller: &Caller,
    campaign: &Campaign,
    request: &v1::ClaimNextInvitationRequest,
) -> Result<Wanted> {
    let unit = convert::id_opt("units", "unit", &request.unit)?;
    let units = match unit {
        Some(unit) => caller.visible()?.narrowed(Some(unit))?,
        None => None,
    };
    let channels = match Channel::from_number(request.channel) {
        None => vec![Channel::Phone, Channel::Visit, Channel::Meeting],
        Some(channel) if channel.is_by_operator() => vec![channel],
        Some(_) => return Err(ServiceError::invalid("channel", "is no channel of operators")),
    };
    let attempts_max = campaign.settings.attempts_max();
    Ok(Wanted { org: campaign.org, campaign: campaign.id, units, channels, attempts_max })
}

fn check_open(campaign: &Campaign, now_us: i64) -> Result<()> {
    match campaign.accepts(now_us) {
        Acceptance::Open => Ok(()),
        _ => Err(ServiceError::wrong_state("the campaign takes no answers now")),
    }
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
