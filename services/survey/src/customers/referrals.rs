//! Referrals and their rewards.

use kit::{
    audit,
    auth::Caller,
    clock::new_id,
    error::{Result, ServiceError},
    idempotency,
    mask::Mask,
};
use proto::{names, survey::v1, time};
use serde_json::json;
use survey_domain::record::{Referral, ReferralState};
use tonic::Code;

use super::{access::any_customer, access::customer_of};
use crate::{convert, convert::etag, state::App, store};

/// A referral as the contract shows it.
pub fn referral_to(referral: &Referral) -> v1::Referral {
    v1::Referral {
        name: names::print("referrals", referral.id),
        referrer: names::print("customers", referral.referrer),
        referred: names::print_opt("customers", referral.referred),
        state: referral.state as i32,
        reward: referral.reward.clone(),
        reward_cents: referral.reward_cents,
        create_time: Some(time::from_us(referral.create_us)),
        reward_time: time::from_us_opt(referral.reward_us),
        etag: etag(referral.version),
    }
}

fn state_of(number: i32) -> Result<ReferralState> {
    match number {
        0 => Ok(ReferralState::Open),
        number => ReferralState::from_number(number)
            .ok_or_else(|| ServiceError::invalid("referral.state", "is no state")),
    }
}

async fn referred_of(app: &App, caller: &Caller, name: &str) -> Result<Option<uuid::Uuid>> {
    if name.is_empty() {
        return Ok(None);
    }
    let found = customer_of(app, caller, "referral.referred", name).await?;
    Ok(Some(found.id))
}

/// Records a referral.
pub async fn create(
    app: &App,
    caller: &Caller,
    request: &v1::CreateReferralRequest,
) -> Result<v1::Referral> {
    let given = request.referral.clone().unwrap_or_default();
    let referrer = customer_of(app, caller, "referral.referrer", &given.referrer).await?;
    let now_us = app.clock.now_us();
    let mut referral = Referral {
        id: new_id(app.clock.as_ref()),
        org: caller.org,
        referrer: referrer.id,
        referred: referred_of(app, caller, &given.referred).await?,
        state: ReferralState::Open,
        reward: given.reward,
        reward_cents: given.reward_cents,
        version: 1,
        create_us: now_us,
        reward_us: None,
    };
    referral
        .become_state(state_of(given.state)?, now_us)
        .and_then(|()| referral.check())
        .map_err(|wrong| convert::error(wrong, "referral."))?;
    let answer = referral_to(&referral);
    let tx = app.db.begin().await?;
    let key = &request.request_id;
    if let Some(answer) = idempotency::replay(&tx, caller, key, request).await? {
        return Ok(answer);
    }
    store::care::insert_referral(tx.conn(), &referral).await?;
    let delta = store::customer::Delta { referrals: 1, ..Default::default() };
    store::customer::add_activity(tx.conn(), caller.org, referrer.id, &delta).await?;
    let detail = json!({ "state": answer.state().as_str_name() });
    let unit = Some(referrer.unit);
    audit::record(&tx, caller, &answer.name, unit, detail, app.clock.as_ref()).await?;
    idempotency::remember(&tx, caller, key, request, &answer, app.clock.as_ref()).await?;
    tx.commit().await?;
    Ok(answer)
}

/// Changes a referral.
pub async fn update(
    app: &App,
    caller: &Caller,
    request: v1::UpdateReferralRequest,
) -> Result<v1::Referral> {
    let given = request.referral.unwrap_or_default();
    let mask =
        Mask::read(request.update_mask.as_ref(), &["referred", "state", "reward", "reward_cents"])?;
    let id = convert::id("referrals", "referral.name", &given.name)?;
    let absent = || ServiceError::not_found("referral");
    let found = store::care::referral(app.db.read(), caller.org, id).await?;
    let mut referral = found.ok_or_else(absent)?;
    let referrer = any_customer(app, caller, referral.referrer).await;
    let referrer = referrer.map_err(|error| match error.code() {
        Code::NotFound => absent(),
        _ => error,
    })?;
    convert::must_be_current(&given.etag, referral.version)?;
    let before = referral.clone();
    if mask.covers("referred", !given.referred.is_empty()) {
        referral.referred = referred_of(app, caller, &given.referred).await?;
    }
    mask.take("reward", given.reward, &mut referral.reward);
    mask.take("reward_cents", given.reward_cents, &mut referral.reward_cents);
    if mask.covers("state", given.state != 0) {
        referral
            .become_state(state_of(given.state)?, app.clock.now_us())
            .map_err(|wrong| convert::error(wrong, "referral."))?;
    }
    referral.check().map_err(|wrong| convert::error(wrong, "referral."))?;
    if referral != before {
        let tx = app.db.begin().await?;
        store::care::save_referral(tx.conn(), &mut referral).await?;
        let detail = json!({ "state": referral_to(&referral).state().as_str_name() });
        let unit = Some(referrer.unit);
        audit::record(&tx, caller, &given.name, unit, detail, app.clock.as_ref()).await?;
        tx.commit().await?;
    }
    Ok(referral_to(&referral))
}

/// Lists referrals.
pub async fn list(
    app: &App,
    caller: &Caller,
    request: &v1::ListReferralsRequest,
) -> Result<v1::ListReferralsResponse> {
    let unit = convert::id_opt("units", "unit", &request.unit)?;
    let units = caller.visible()?.narrowed(unit)?;
    let referrer = match request.referrer.is_empty() {
        true => None,
        false => Some(customer_of(app, caller, "referrer", &request.referrer).await?.id),
    };
    let key = format!("referrals|{}|{}|{}", caller.org, request.unit, request.referrer);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let (conn, units) = (app.db.read(), units.as_deref());
    let mut found =
        store::care::referrals(conn, caller.org, units, referrer, page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |last| (last.create_us, last.id));
    let referrals = found.iter().map(referral_to).collect();
    Ok(v1::ListReferralsResponse { referrals, next_page_token })
}
